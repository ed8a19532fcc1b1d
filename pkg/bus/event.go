package bus

import "time"

// EventType names one kind of event and the type of its data. Contracts declare
// them; publishers and consumers share the value.
type EventType[T any] struct {
	// Type is the CloudEvents type and the subject: "evt.<service>.v<n>.<noun>.<past_verb>".
	Type string
	// Source is the CloudEvents source: "/sluice/<service>".
	Source string
}

// Envelope is an event on its way: the CloudEvents attributes and the encoded data.
type Envelope struct {
	ID       string            // unique for ever; repeated deliveries carry the same
	Type     string            // equals the subject it is published on
	Source   string            // the service that owns the fact
	Subject  string            // what it is about, e.g. "bucket/key"
	Time     time.Time         // when the fact was committed, UTC
	Revision int64             // revision of the document it came from; consumers ignore older ones
	Data     []byte            // JSON of the event type's data
	Trace    map[string]string // W3C trace context of the request that caused it
}
