package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // Plik's clients compare it (plik-wire.md 7.3)
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

const (
	relaySniff = 512      // bytes that tell a content's type
	relayRead  = 32 << 10 // bytes of one Read
)

// Streamed is what has gone through a stream.
type Streamed struct {
	Size int64
	MD5  string // lower-case hex
	Type string // sniffed as net/http does; empty without content
}

// StreamBody is what a stream takes its bytes from.
type StreamBody struct {
	io.Reader
	// Interrupt makes a Read fail that is under way or about to be; it is called at
	// most once. Nil: every Read returns soon.
	Interrupt func()
	// Gone reports that the client has left, which nobody notices who does not read.
	// Nil: unknown.
	Gone func() bool
}

// Stream is the end of a stream at its uploader's edge.
type Stream struct {
	relay   *Relay
	subject string
	stop    func()
	wake    chan struct{} // something has changed for serve
	demand  chan struct{} // or for pump

	mu      sync.Mutex
	reader  string // where the chunks go; empty: nobody has come yet
	have    uint64 // the reader has all chunks below
	want    uint64 // and asks for those below
	asked   bool   // it waits for an answer
	again   bool   // it has got nothing for a while: what is under way may be lost
	heard   time.Time
	sent    uint64
	chunks  [][]byte // frames of chunks from first on
	first   uint64
	filled  []byte   // the frame of the chunk that is being filled
	free    [][]byte // frames to use again
	size    int64
	reading bool // pump is in the body
	ended   bool // the body has
	told    bool // of the end
	done    bool // the reader has everything
	err     error
	span    trace.Span // of Send; nil before
	peer    *frame     // the reader's span
	telling bool       // of our span, with the next messages
}

// Subject is where the reader's edge asks for the stream; whoever knows it may.
func (s *Stream) Subject() string { return s.subject }

// Close gives up what is not sent. It may be called several times.
func (s *Stream) Close() {
	s.relay.settled(s)
	s.stop()
}

// Send gives the body to a reader and returns when that one has all of it. Until
// a reader comes it reads one small buffer, so that an empty body needs none. It
// returns what Read of the body did, ErrStreamBroken when the reader broke off, and
// the cause of ctx; the reader then learns that the stream is broken.
func (s *Stream) Send(ctx context.Context, body StreamBody) (Streamed, error) {
	defer s.Close()
	defer s.relay.Meter.receives(ctx)()
	ctx, span := s.relay.span(ctx, "relay send")
	defer span.End()
	s.traced(span)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := s.serve(ctx, body.Gone); err != nil && body.Interrupt != nil && s.inRead() {
			body.Interrupt()
		}
	}()
	sum := md5.New() //nolint:gosec // as above
	head, err := s.pump(body, sum)
	s.mu.Lock()
	if s.reading = false; err != nil {
		s.failed(err)
	}
	s.mu.Unlock()
	<-served
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Streamed{}, fmt.Errorf("handing a stream on: %w", s.err)
	}
	out := Streamed{Size: s.size, MD5: hex.EncodeToString(sum.Sum(nil))}
	if len(head) > 0 {
		out.Type = http.DetectContentType(head)
	}
	return out, nil
}

// inRead reports whether the pump reads, or is about to.
func (s *Stream) inRead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading
}

// pump reads the body as fast as the reader asks for it, and gives its beginning.
func (s *Stream) pump(body io.Reader, sum hash.Hash) (head []byte, err error) {
	buf := make([]byte, relayRead)
	n, err := body.Read(buf[:relaySniff])
	for {
		_, _ = sum.Write(buf[:n]) // it never fails
		head = append(head, buf[:min(n, relaySniff-len(head))]...)
		eof := errors.Is(err, io.EOF)
		if err != nil && !eof {
			return nil, err //nolint:wrapcheck // Send says what was being done
		}
		if s.take(buf[:n], eof) {
			return head, nil
		}
		room := s.room()
		if room == 0 {
			return nil, nil // serve has failed
		}
		n, err = body.Read(buf[:min(room, len(buf))])
	}
}

// take fills what has been read into a chunk; true at the end.
func (s *Stream) take(p []byte, eof bool) (end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if len(p) > 0 {
		if s.filled == nil {
			s.filled = s.fresh()
		}
		s.filled = append(s.filled, p...)
		s.size += int64(len(p))
	}
	if s.ended = eof; eof && s.size == 0 && s.reader == "" {
		s.done = true // there is nothing to wait for
	}
	notify(s.wake)
	return eof
}

// room waits until the reader asks for more, and says how many bytes the chunk
// may still take; 0: the stream has failed.
func (s *Stream) room() int {
	for {
		s.mu.Lock()
		sealed := s.first + uint64(len(s.chunks))
		room, failed := 0, s.err != nil
		if sealed < s.want {
			room = RelayChunk - max(len(s.filled)-chunkHead, 0)
		}
		s.reading = room > 0 && !failed
		s.mu.Unlock()
		if failed {
			return 0
		}
		if room > 0 {
			return room
		}
		<-s.demand
	}
}

// chunkHead is what stands before the data of a chunk.
const chunkHead = 9

// fresh gives an empty frame of a chunk, with mu held.
func (s *Stream) fresh() []byte {
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b[:chunkHead]
	}
	return make([]byte, chunkHead, chunkHead+RelayChunk)
}

// receive takes a message of the reader's edge.
func (s *Stream) receive(m Message) {
	f, ok := parseFrame(m.Data)
	if !ok || m.Reply == "" {
		return
	}
	if !s.greet(m.Reply) {
		_ = s.relay.Link.Send(m.Reply, "", frame{kind: frameBroken}.encode(nil)) // who is not let in hears nothing otherwise
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = time.Now()
	switch f.kind {
	case framePull:
		s.pulled(f.numbers[0], f.numbers[1], f.numbers[2] != 0)
	case frameDone:
		if s.ended && f.numbers[0] == uint64(s.size) { //nolint:gosec // a size is not negative
			s.done = true
		}
	case frameQuit:
		s.failed(ErrStreamBroken)
	case frameTrace:
		if s.peer == nil {
			s.peer, s.telling = &f, true
			s.point()
		}
	}
	notify(s.wake)
}

// traced notes the span of Send.
func (s *Stream) traced(span trace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.span = span
	s.point()
}

// point has our span point to the reader's once both are known; with mu held.
func (s *Stream) point() {
	if s.span != nil && s.peer != nil {
		s.peer.link(s.span)
	}
}

// greet lets the first reader in, and nobody after it.
func (s *Stream) greet(reader string) bool {
	s.mu.Lock()
	first := s.reader == "" && !s.done && s.err == nil
	if first { // together: listenFor looks at both
		s.reader, s.heard = reader, time.Now()
	}
	known := s.reader == reader
	s.mu.Unlock()
	if first {
		s.relay.settled(s)
	}
	return known
}

// pulled notes what the reader has and wants; with mu held. What an old message
// says is not taken back.
func (s *Stream) pulled(have, want uint64, again bool) {
	sealed := s.first + uint64(len(s.chunks))
	s.have = max(s.have, min(have, sealed))
	s.want = max(s.want, min(want, s.have+RelayWindow))
	s.asked, s.again = true, s.again || again
	notify(s.demand)
}

// fail ends the stream with an error; the first one stays.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed(err)
}

func (s *Stream) failed(err error) {
	if s.err == nil && !s.done {
		s.err = err
	}
	notify(s.wake)
	notify(s.demand)
}

// serve sends what the reader may have, until it has everything or the stream has
// failed.
func (s *Stream) serve(ctx context.Context, gone func() bool) error {
	beat := time.NewTicker(relayBeat)
	defer beat.Stop()
	for {
		reader, out, over, err := s.next()
		for _, m := range out {
			// What is lost on the way is asked for again.
			_ = s.relay.Link.Send(reader, "", m)
		}
		if over {
			return err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			s.fail(cause(ctx))
		case <-beat.C:
			if gone != nil && gone() {
				s.fail(ErrStreamGone)
			}
			s.listenFor(time.Now())
		}
	}
}

// listenFor fails a stream whose reader is silent.
func (s *Stream) listenFor(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader != "" && now.Sub(s.heard) > relaySilence {
		s.failed(ErrStreamBroken.Because(errSilent))
	}
}

var errSilent = errors.New("it is silent")

// next gives the messages that are to go out now. Only serve calls it, and uses
// the messages before it calls again: the frames of what the reader has by then
// are filled anew.
func (s *Stream) next() (reader string, out [][]byte, over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.chunks) > 0 && s.first < s.have {
		s.free = append(s.free, s.chunks[0])
		s.chunks, s.first = s.chunks[1:], s.first+1
	}
	switch {
	case s.err != nil:
		out = append(out, frame{kind: frameBroken}.encode(nil))
	case s.done:
		out = append(out, frame{kind: frameWell}.encode(nil))
	default:
		out = s.news()
	}
	if s.telling && s.span != nil {
		s.telling = false
		if f, ok := traceFrame(s.span.SpanContext()); ok {
			out = append(out, f.encode(nil))
		}
	}
	over = s.done || s.err != nil
	if s.reader == "" {
		out = nil
	}
	return s.reader, out, over, s.err
}

// news is what next sends while the stream runs; with mu held.
func (s *Stream) news() [][]byte {
	s.seal()
	if s.sent = max(s.sent, s.have); s.again {
		s.sent, s.told = s.have, false
	}
	var out [][]byte
	sealed := s.first + uint64(len(s.chunks))
	for ; s.sent < min(s.want, sealed); s.sent++ {
		out = append(out, s.chunks[s.sent-s.first])
	}
	if s.ended && s.filled == nil && s.sent == sealed && !s.told && s.want > 0 {
		s.told = true
		out = append(out, frame{kind: frameEnd, numbers: [3]uint64{sealed, uint64(s.size)}}.encode(nil)) //nolint:gosec // as above
	}
	if s.asked && len(out) == 0 {
		out = append(out, frame{kind: frameAlive}.encode(nil))
	}
	s.asked, s.again = false, false
	return out
}

// seal closes the chunk that is being filled: when it is full, when the body has
// ended, and when nothing is on its way to the reader, who then need not wait.
func (s *Stream) seal() {
	sealed := s.first + uint64(len(s.chunks))
	full := len(s.filled) == chunkHead+RelayChunk
	if s.filled == nil || sealed >= s.want || !full && !s.ended && s.have < sealed {
		return
	}
	frame{kind: frameChunk, numbers: [3]uint64{sealed}}.encode(s.filled[:0])
	s.chunks, s.filled = append(s.chunks, s.filled), nil
	notify(s.demand)
}

// notify wakes who waits, or will.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is woken already
	}
}
