package docstore

import "time"

// Message is one event that waits in a document until it is published: written
// in the same statement as the change that it tells of, so that neither exists
// without the other. The relay (pkg/bus) publishes it with ID as Nats-Msg-Id.
type Message struct {
	ID      string            `bson:"id"`          // unique; also the id of the event
	Subject string            `bson:"s"`           // the JetStream subject it is published on
	Header  map[string]string `bson:"h,omitempty"` // CloudEvents attributes and trace context
	Data    []byte            `bson:"d"`           // the payload
	Time    time.Time         `bson:"t"`           // when it was committed, UTC
}
