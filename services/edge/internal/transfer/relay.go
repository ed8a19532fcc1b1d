package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
)

// RelayChunk is the most bytes of a stream in one message, RelayWindow how many
// messages a reader lets its uploader be ahead: together they bound what a stream
// takes of either edge's memory.
const (
	RelayChunk  = 256 << 10
	RelayWindow = 8
)

// The patience of a stream with its other end. Each end hears the other at least
// every relayBeat.
const (
	relayBeat    = time.Second
	relaySilence = 10 * time.Second // then the other end is dead
	relayAbsent  = 3 * time.Second  // nobody listens there; longer than a nats-server's restart takes
	relayFarWell = 2 * time.Second  // for the answer to a reader that has everything
)

// relayRoot is where uploads listen.
const relayRoot = "edge.v1.relay."

// The errors of streams.
var (
	// ErrStreamBroken is what an end gets when the other one has left or died.
	ErrStreamBroken = fault.New(fault.Unavailable, "edge.stream_broken", "the other end of the stream broke off")
	// ErrStreamGone is what an end gets when its own client has left.
	ErrStreamGone = fault.New(fault.Canceled, "edge.stream_gone", "the client of the stream is gone")

	errStopping = fault.ErrUnavailable.Msgf("this server is stopping")
)

// Relay hands streams from the edge of their uploader on to that of their reader,
// which may be the same; nothing is stored, and nobody reads ahead of what the
// reader takes. It is safe for concurrent use.
//
// The uploader's edge listens on a subject. The reader's edge asks there for
// chunks by number and tells up to which it has them, and gets them on a subject
// of its own; what is lost is asked for again and what comes twice is dropped.
// The README of the edge says why ("Streams").
type Relay struct {
	Link   Link
	Meter  *Meter       // counts streams; may be nil
	Tracer trace.Tracer // of spans of streams; nil makes none

	mu       sync.Mutex
	stopping bool
	waiting  map[*Stream]struct{} // without a reader
}

// Link carries the messages of streams between edges. It may lose, repeat and
// swap them, but does not change them. It is safe for concurrent use.
type Link interface {
	// Listen hands over what comes to a subject, one message after the other, until
	// stop; one may still be under way then. Whoever sends behind Listen is heard.
	Listen(ctx context.Context, subject string, handle func(Message)) (stop func(), err error)
	// Send does not wait for anything and keeps nothing of data. reply, which may be
	// empty, is where answers go; when nobody listens on subject, something Unheard
	// may come there.
	Send(subject, reply string, data []byte) error
	// Inbox makes a subject for answers.
	Inbox() string
}

// Message is one of a Link's.
type Message struct {
	Reply   string
	Data    []byte // the receiver may keep it
	Unheard bool   // nobody listened to what was sent with this subject as its reply
}

// NATS is the Link over a connection to NATS. Streams have connections of their
// own: an overrun cuts all that share one.
type NATS struct{ Conn *nats.Conn }

// Listen implements Link.
func (l NATS) Listen(ctx context.Context, subject string, handle func(Message)) (func(), error) {
	sub, err := l.Conn.Subscribe(subject, func(m *nats.Msg) {
		handle(Message{Reply: m.Reply, Data: m.Data, Unheard: len(m.Data) == 0 && m.Header.Get("Status") == "503"})
	})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", subject, err)
	}
	stop := func() { _ = sub.Unsubscribe() } // it fails when the connection is closed, which ends it as well
	ctx, cancel := context.WithTimeout(ctx, relayAbsent)
	defer cancel()
	if err := l.Conn.FlushWithContext(ctx); err != nil {
		stop()
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("listening on %s: %w", subject, err))
	}
	return stop, nil
}

// Send implements Link.
func (l NATS) Send(subject, reply string, data []byte) error {
	if err := l.Conn.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}); err != nil {
		return fmt.Errorf("sending to %s: %w", subject, err)
	}
	return nil
}

// Inbox implements Link.
func (l NATS) Inbox() string { return l.Conn.NewInbox() }

// Open makes a stream and listens for its reader. The caller closes it.
func (r *Relay) Open(ctx context.Context) (*Stream, error) {
	s := &Stream{relay: r, reading: true, subject: relayRoot + rand.Text(), wake: make(chan struct{}, 1), demand: make(chan struct{}, 1)}
	r.mu.Lock()
	if r.stopping {
		r.mu.Unlock()
		return nil, errStopping
	}
	if r.waiting == nil {
		r.waiting = map[*Stream]struct{}{}
	}
	r.waiting[s] = struct{}{}
	r.mu.Unlock()
	stop, err := r.Link.Listen(ctx, s.subject, s.receive)
	if err != nil {
		r.settled(s)
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	s.stop = stop
	return s, nil
}

// Drain fails the streams that have no reader yet, and those that are opened
// later; the others go on to their ends. It is for the time before the listeners
// wait for their requests.
func (r *Relay) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	for s := range r.waiting {
		s.fail(errStopping)
	}
}

// settled takes a stream off those that wait.
func (r *Relay) settled(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, s)
}

// cause is the error that a context was cancelled with.
func cause(ctx context.Context) error {
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		return ErrStreamGone.Because(err)
	}
	return err
}
