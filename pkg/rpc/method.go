package rpc

import "time"

// Method names one call of a service. A contract declares it once; its client
// and its server share the value, so that they cannot disagree.
type Method[Req, Resp any] struct {
	// Subject is what the call is sent to, "<service>.v<n>.<verb_noun>".
	Subject string
	// Timeout bounds a call whose context has no deadline of its own; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// Idempotent lets the client repeat a call that found no responder or that
	// the service refused as unavailable. A call whose outcome is unknown is
	// never repeated by the client.
	Idempotent bool
}

// DefaultTimeout bounds calls that say nothing else.
const DefaultTimeout = 10 * time.Second
