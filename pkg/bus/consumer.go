package bus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What a Consumer that says nothing gets.
const (
	DefaultConcurrency = 16
	DefaultMaxDeliver  = 30
	DefaultAckWait     = 30 * time.Second
	DefaultMaxPending  = 1024
	DefaultTimeout     = 5 * time.Minute
)

// Consumer declares one durable: a named position in a stream that all copies of
// a service share, each message going to one of them.
type Consumer struct {
	// Stream and Durable name it; Durable is letters, digits, '-' and '_'.
	Stream, Durable string
	// Subjects filter the stream; they may hold wildcards.
	Subjects []string
	// Concurrency is how many messages one copy handles at a time; 1 with
	// MaxPending 1 is strict order across all copies.
	Concurrency int
	// MaxPending is how many messages may be out or waiting for a retry in all
	// copies together; the rest of the stream waits behind them.
	MaxPending int
	// MaxDeliver is after how many deliveries a message becomes a dead letter.
	// It counts deliveries that a crash or a time-out ended too.
	MaxDeliver int
	// AckWait is how long the server waits for an answer before it gives a
	// message to another copy; a running handler extends it.
	AckWait time.Duration
	// Timeout bounds one run of the handler: then its context ends, and another
	// copy may get the message after AckWait.
	Timeout time.Duration
	// Backoff is the wait before delivery n+1, for n = 1, 2, …; nil is
	// 100 ms doubling up to a minute, with jitter. A fault's RetryAfter lengthens it.
	Backoff func(n int) time.Duration
}

// withDefaults fills what c leaves open.
func (c Consumer) withDefaults() Consumer {
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.MaxPending <= 0 {
		c.MaxPending = max(DefaultMaxPending, c.Concurrency)
	}
	if c.MaxDeliver <= 0 {
		c.MaxDeliver = DefaultMaxDeliver
	}
	if c.AckWait <= 0 {
		c.AckWait = DefaultAckWait
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Backoff == nil {
		c.Backoff = defaultBackoff
	}
	return c
}

func defaultBackoff(n int) time.Duration {
	const first, most = 100 * time.Millisecond, time.Minute
	d := most
	if n < 10 {
		d = min(first<<max(n-1, 0), most)
	}
	return d - time.Duration(rand.Int64N(int64(d/5)+1))
}

// Validate says what is wrong with the declaration.
func (c Consumer) Validate() error {
	if c.Stream == "" || c.Durable == "" || strings.ContainsFunc(c.Durable, illegalInName) {
		return fmt.Errorf("consumer %q of stream %q: both need a name of letters, digits, '-' and '_'", c.Durable, c.Stream)
	}
	if len(c.Subjects) == 0 {
		return fmt.Errorf("consumer %s: it filters no subject", c.Durable)
	}
	return nil
}

func illegalInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// ReplaySubjects is what a stream has to take beside its own subjects so that
// dead letters of its consumers can be replayed.
func ReplaySubjects(stream string) string { return "replay." + stream + ".>" }

// ReplaySubject is what only the named durable of the stream listens to.
func ReplaySubject(stream, durable string) string { return "replay." + stream + "." + durable }

// config is c as JetStream knows it. MaxDeliver is not the server's: past its
// own limit a server leaves a message in the stream without a word, so we count
// ourselves and move the message to DEAD.
func (c Consumer) config(stream jetstream.StreamConfig) jetstream.ConsumerConfig {
	cc := jetstream.ConsumerConfig{
		Durable: c.Durable, Name: c.Durable, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: c.AckWait, MaxDeliver: -1, MaxAckPending: c.MaxPending,
	}
	filters := append([]string(nil), c.Subjects...)
	for _, s := range stream.Subjects {
		if s == ReplaySubjects(c.Stream) {
			filters = append(filters, ReplaySubject(c.Stream, c.Durable))
		}
	}
	if len(filters) == 1 {
		cc.FilterSubject = filters[0]
	} else {
		cc.FilterSubjects = filters
	}
	return cc
}

// Message is a delivery as SubscribeRaw gives it.
type Message struct {
	ID         string            // Nats-Msg-Id or ce-id; without either, stream and sequence
	Subject    string            // what it was published on; a replay keeps the original
	Header     map[string]string // without the server's own Nats-*
	Data       []byte
	Deliveries int       // 1 for the first
	Sequence   uint64    // in its stream
	Stored     time.Time // when the stream took it
}

// Handler handles one delivery. Nil acknowledges it. An error whose kind says
// that repeating cannot help makes it a dead letter at once; every other one
// is retried after a back-off, until the consumer's MaxDeliver.
type Handler func(ctx context.Context, m *Message) error

// Later is what a handler returns to have a message given to somebody again after
// wait: it has too many in its hands, or stops. That is no failure, so it is not
// logged and not counted as a retry; but deliveries count.
func Later(wait time.Duration) error { return later{wait} }

type later struct{ wait time.Duration }

func (l later) Error() string { return "given back for " + l.wait.String() }
