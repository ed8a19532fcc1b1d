// Package bus carries events between services: Watermill's router, middleware
// and message type over a JetStream publisher and subscriber of our own.
//
// An event is a CloudEvent in binary mode: its attributes are ce-* headers, its
// data is the payload, its subject is its type, and its id is the Nats-Msg-Id.
// Delivery is at least once and in no promised order; an envelope carries the
// revision of the document it tells of, and a consumer ignores older ones.
//
// A consumer is a durable declared as a value (Consumer). All durables of a
// system are reconciled before anything is published: EVENTS keeps a message
// only for the durables that exist when it arrives.
//
// The package knows no domain; it imports fault, telemetry and docstore's
// outbox types.
package bus
