package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Fetched is the end of a stream at its reader's edge. One goroutine uses it.
type Fetched struct {
	relay   *Relay
	subject string
	inbox   string
	stop    func()
	cancel  context.CancelFunc
	kept    chan struct{} // closed when keep has ended
	news    chan struct{} // for WriteTo: something came
	owed    chan struct{} // for keep: the uploader is to hear of it
	span    trace.Span

	mu     sync.Mutex
	slots  map[uint64][]byte // chunks from taken on
	have   uint64            // all below came
	taken  uint64            // all below went to the client
	count  uint64            // chunks of the whole, when known
	size   uint64            // bytes of the whole, as the uploader's edge says
	known  bool              // count and size are
	met    bool              // the uploader has answered
	heard  time.Time
	absent time.Time // since then nobody listens; zero: somebody does
	mark   uint64    // have at the last beat
	well   bool      // the uploader knows that everything arrived
	err    error
}

// Fetch goes to the stream of a subject and returns when its uploader's edge has
// answered; nothing is taken out of the stream before WriteTo but what fits into
// its window. ErrStreamBroken: there is none, or it has a reader already. The
// caller closes it.
func (r *Relay) Fetch(ctx context.Context, subject string) (*Fetched, error) {
	ctx, span := r.span(ctx, "relay fetch")
	ctx, cancel := context.WithCancel(ctx)
	f := &Fetched{
		span: span, relay: r, subject: subject, inbox: r.Link.Inbox(), cancel: cancel, kept: make(chan struct{}), news: make(chan struct{}, 1), owed: make(chan struct{}, 1),
		slots: map[uint64][]byte{}, heard: time.Now(),
	}
	stop, err := r.Link.Listen(ctx, f.inbox, f.receive)
	if err != nil {
		cancel()
		span.End()
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	f.stop = stop
	go f.keep(ctx)
	for {
		f.mu.Lock()
		met, err := f.met, f.err
		f.mu.Unlock()
		switch {
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("going to a stream: %w", err)
		case met:
			return f, nil
		}
		<-f.news
	}
}

// Close tells the uploader's edge that the reader has left, unless it has
// everything. It may be called several times.
func (f *Fetched) Close() {
	f.cancel()
	<-f.kept
	f.mu.Lock()
	left := !f.well
	f.well = true
	f.mu.Unlock()
	if left {
		f.send(frame{kind: frameQuit})
	}
	f.stop()
	f.span.End()
}

// WriteTo writes the stream into w and returns nil when all of it is written;
// then its uploader is told. A w that is an http.ResponseWriter is flushed
// whenever nothing more is there yet. It returns what w did, ErrStreamBroken when
// the uploader broke off, and the cause of Fetch's ctx.
//
//nolint:contextcheck // Fetch's ctx ends it
func (f *Fetched) WriteTo(w io.Writer) (int64, error) {
	defer f.relay.Meter.sends(context.Background())()
	var n int64
	for {
		chunk, end, err := f.next(w)
		if err != nil {
			return n, fmt.Errorf("reading a stream: %w", err)
		}
		if end {
			break
		}
		m, err := w.Write(chunk)
		n += int64(m)
		if err != nil {
			return n, fmt.Errorf("writing a stream out: %w", err)
		}
		f.pass()
	}
	if uint64(n) != f.size { //nolint:gosec // a count is not negative
		return n, fmt.Errorf("reading a stream: %d bytes of %d: %w", n, f.size, ErrStreamBroken)
	}
	if err := flush(w); err != nil {
		return n, fmt.Errorf("writing a stream out: %w", err)
	}
	f.tell()
	return n, nil
}

// next waits for the chunk that is to be written; until it comes the client gets
// what it has.
func (f *Fetched) next(w io.Writer) (chunk []byte, end bool, err error) {
	for flushed := false; ; {
		f.mu.Lock()
		chunk, err = f.slots[f.taken], f.err
		end = f.known && f.taken == f.count
		f.mu.Unlock()
		switch {
		case chunk != nil, end:
			return chunk, end, nil
		case err != nil:
			return nil, false, err
		}
		if !flushed { // also what stands before the first byte
			flushed = true
			if err := flush(w); err != nil {
				return nil, false, err
			}
			continue
		}
		<-f.news
	}
}

func flush(w io.Writer) error {
	rw, ok := w.(http.ResponseWriter)
	if !ok {
		return nil
	}
	err := http.NewResponseController(rw).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err //nolint:wrapcheck // WriteTo says what was being done
}

// pass makes room for another chunk.
func (f *Fetched) pass() {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.slots, f.taken)
	f.taken++
	notify(f.owed)
}

// tell lets the uploader know that the reader has everything. If it does not hear
// of it, that is its loss: here all is well.
func (f *Fetched) tell() {
	defer f.Close()
	till := time.NewTimer(relayFarWell)
	defer till.Stop()
	again := time.NewTicker(relayFarWell / 8)
	defer again.Stop()
	for {
		f.send(frame{kind: frameDone, numbers: [3]uint64{f.size}})
		for waiting := true; waiting; {
			f.mu.Lock()
			over := f.well || f.err != nil || !f.absent.IsZero()
			f.mu.Unlock()
			if over {
				f.settle()
				return
			}
			select {
			case <-f.news:
			case <-again.C:
				waiting = false
			case <-till.C:
				f.settle()
				return
			}
		}
	}
}

func (f *Fetched) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.well = true
}

func (f *Fetched) send(m frame) {
	// What does not go out is what gets lost on the way.
	_ = f.relay.Link.Send(f.subject, f.inbox, m.encode(nil))
}

// keep asks for chunks and shows the uploader's edge that this one lives, until
// the stream has failed or is closed.
func (f *Fetched) keep(ctx context.Context) {
	defer close(f.kept)
	beat := time.NewTicker(relayBeat)
	defer beat.Stop()
	f.pull(false)
	if m, ok := traceFrame(f.span.SpanContext()); ok {
		f.send(m)
	}
	for {
		select {
		case <-ctx.Done():
			f.fail(cause(ctx))
			return
		case <-f.owed:
			f.pull(false)
		case <-beat.C:
			again, over := f.beat(time.Now())
			if over {
				return
			}
			f.pull(again)
		}
	}
}

// beat looks at what has come since the last one: whether chunks are to be asked
// for again, and whether the stream is over.
func (f *Fetched) beat(now time.Time) (again, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.err != nil:
	case !f.absent.IsZero() && now.Sub(f.absent) >= relayAbsent:
		f.failed(ErrStreamBroken.Because(errAbsent))
	case now.Sub(f.heard) > relaySilence:
		f.failed(ErrStreamBroken.Because(errSilent))
	}
	again = f.mark == f.have
	f.mark = f.have
	return again, f.err != nil
}

var errAbsent = errors.New("nobody listens there")

// pull asks for the chunks that there is room for.
func (f *Fetched) pull(again bool) {
	f.mu.Lock()
	m := frame{kind: framePull, numbers: [3]uint64{f.have, f.taken + RelayWindow}}
	if again {
		m.numbers[2] = 1
	}
	f.mu.Unlock()
	f.send(m)
}

func (f *Fetched) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed(err)
}

// failed keeps the first error; with mu held.
func (f *Fetched) failed(err error) {
	if f.err == nil {
		f.err = err
	}
	notify(f.news)
}

// receive takes a message of the uploader's edge.
func (f *Fetched) receive(m Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer notify(f.news)
	now := time.Now()
	if m.Unheard {
		if f.absent.IsZero() {
			f.absent = now
		}
		return
	}
	msg, ok := parseFrame(m.Data)
	if !ok {
		return
	}
	f.heard, f.absent, f.met = now, time.Time{}, true
	switch msg.kind {
	case frameChunk:
		f.keepChunk(msg.numbers[0], msg.data)
	case frameEnd:
		if !f.known && msg.numbers[0] >= f.have {
			f.count, f.size, f.known = msg.numbers[0], msg.numbers[1], true
		}
	case frameBroken:
		f.failed(ErrStreamBroken)
	case frameWell:
		f.well = true
	case frameTrace:
		msg.link(f.span)
	}
}

// keepChunk keeps a chunk that is new; with mu held. The uploader hears of it at
// once: it may wait for that.
func (f *Fetched) keepChunk(n uint64, data []byte) {
	if n >= f.have && n < f.taken+RelayWindow && f.slots[n] == nil {
		f.slots[n] = data
		for f.slots[f.have] != nil {
			f.have++
		}
	}
	notify(f.owed)
}
