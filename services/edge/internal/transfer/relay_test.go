package transfer_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // of the wire
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// sum is what Streamed.MD5 says of p.
func sum(p []byte) string {
	s := md5.Sum(p) //nolint:gosec // of the wire
	return hex.EncodeToString(s[:])
}

// noise is n bytes that do not repeat.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(p)
	return p
}

// running is a stream whose upload is under way.
type running struct {
	subject string
	done    chan struct{}
	sent    transfer.Streamed
	err     error
}

// send opens a stream and starts its upload.
func send(t *testing.T, r *transfer.Relay, ctx context.Context, body transfer.StreamBody) *running { //nolint:revive // t is first
	t.Helper()
	s, err := r.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out := &running{subject: s.Subject(), done: make(chan struct{})}
	go func() {
		defer close(out.done)
		out.sent, out.err = s.Send(ctx, body)
		if c, ok := body.Reader.(io.Closer); ok {
			_ = c.Close() // as the end of a request does
		}
	}()
	return out
}

// fetch takes a whole stream.
func fetch(ctx context.Context, r *transfer.Relay, subject string, w io.Writer) error {
	f, err := r.Fetch(ctx, subject)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteTo(w)
	return err
}

// pipe is a body that waits for its writer; to interrupt it is to close it.
func pipe() (*io.PipeWriter, transfer.StreamBody) {
	r, w := io.Pipe()
	return w, transfer.StreamBody{Reader: r, Interrupt: func() { _ = r.CloseWithError(errors.New("interrupted")) }}
}

func TestRelay_Whole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 511, 512, 513, transfer.RelayChunk - 1, transfer.RelayChunk, transfer.RelayChunk + 1, 5<<20 + 7} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				link := edgetest.NewLink()
				up, down := &transfer.Relay{Link: link}, &transfer.Relay{Link: link}
				body := noise(1, size)
				s := send(t, up, t.Context(), transfer.StreamBody{Reader: bytes.NewReader(body)})
				var got bytes.Buffer
				if err := fetch(t.Context(), down, s.subject, &got); err != nil {
					t.Fatal(err)
				}
				<-s.done
				if s.err != nil || s.sent.Size != int64(size) || s.sent.MD5 != sum(body) || s.sent.Type == "" {
					t.Errorf("sent %+v, %v", s.sent, s.err)
				}
				if !bytes.Equal(got.Bytes(), body) {
					t.Errorf("%d bytes came, not the %d that went", got.Len(), size)
				}
				if n := link.Listening(); n != 0 {
					t.Errorf("%d still listen", n)
				}
			})
		})
	}
}

func TestRelay_TypeIsSniffed(t *testing.T) {
	t.Parallel()
	r := &transfer.Relay{Link: edgetest.NewLink()}
	page := "<!DOCTYPE html><html>" + strings.Repeat("x", 1000)
	// Byte by byte: what tells the type need not come at once.
	s := send(t, r, t.Context(), transfer.StreamBody{Reader: iotest.OneByteReader(strings.NewReader(page))})
	if err := fetch(t.Context(), r, s.subject, io.Discard); err != nil {
		t.Fatal(err)
	}
	<-s.done
	if s.sent.Type != "text/html; charset=utf-8" {
		t.Errorf("type %q", s.sent.Type)
	}
}

func TestRelay_EmptyNeedsNoReader(t *testing.T) {
	t.Parallel()
	r := &transfer.Relay{Link: edgetest.NewLink()}
	s := send(t, r, t.Context(), transfer.StreamBody{Reader: strings.NewReader("")})
	<-s.done
	if s.err != nil || s.sent != (transfer.Streamed{MD5: sum(nil)}) {
		t.Errorf("%+v %v", s.sent, s.err)
	}
}

// asked is a body that counts what was read of it.
type asked struct {
	io.Reader
	mu sync.Mutex
	n  int64
}

func (a *asked) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += int64(n)
	return n, err
}

func (a *asked) bytes() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

// lazy is a client that takes what it is let.
type lazy struct {
	let  chan int
	left int // of what it was let
}

func (s *lazy) Write(p []byte) (int, error) {
	for s.left < len(p) {
		n, ok := <-s.let
		if !ok {
			return 0, errOwn
		}
		s.left += n
	}
	s.left -= len(p)
	return len(p), nil
}

func TestRelay_BackPressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		ctx, cancel := context.WithCancel(t.Context())
		body := &asked{Reader: zeros(1 << 30)}
		s := send(t, r, ctx, transfer.StreamBody{Reader: body})
		time.Sleep(time.Hour) // nobody comes: that is no failure
		if n := body.bytes(); n > 512 {
			t.Errorf("%d bytes were read without a reader", n)
		}
		client := &lazy{let: make(chan int)}
		took := make(chan error)
		go func() { took <- fetch(ctx, r, s.subject, client) }()
		time.Sleep(time.Hour) // the client takes nothing, which is no failure either
		const most = (transfer.RelayWindow + 1) * transfer.RelayChunk
		if n := body.bytes(); n > most {
			t.Errorf("%d bytes were read for a client that takes none", n)
		}
		for range 10 {
			client.let <- transfer.RelayChunk
		}
		synctest.Wait()
		if n := body.bytes(); n < 10*transfer.RelayChunk || n > 10*transfer.RelayChunk+most {
			t.Errorf("%d bytes were read for a client that took 10 chunks", n)
		}
		cancel()
		close(client.let)
		<-s.done
		if err := <-took; err == nil || s.err == nil {
			t.Errorf("reader: %v, uploader: %v", err, s.err)
		}
	})
}

func TestRelay_QuietUploader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		w, body := pipe()
		s := send(t, r, t.Context(), body)
		got, client := io.Pipe()
		took := make(chan error)
		go func() { took <- fetch(t.Context(), r, s.subject, client) }()
		for _, line := range []string{"one\n", "two\n", "three\n"} {
			time.Sleep(10 * time.Minute)
			begun := time.Now()
			if _, err := io.WriteString(w, line); err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 100)
			if n, err := got.Read(p); string(p[:n]) != line || err != nil {
				t.Fatalf("%q %v", p[:n], err)
			}
			if late := time.Since(begun); late > 0 {
				t.Errorf("a line was held back for %v", late)
			}
		}
		_ = w.Close()
		if err := <-took; err != nil {
			t.Error(err)
		}
		if <-s.done; s.err != nil {
			t.Error(s.err)
		}
	})
}

// TestRelay_Faults loses, repeats and swaps messages of both directions.
func TestRelay_Faults(t *testing.T) {
	t.Parallel()
	for seed := range 24 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				link := edgetest.NewLink()
				dice := rand.New(rand.NewPCG(uint64(seed), 7)) //nolint:gosec // repeatable
				worst := dice.Float64() / 2
				link.Fate = func(string, []byte) (int, bool) {
					switch x := dice.Float64(); {
					case x < worst/2:
						return 0, false
					case x < worst*3/4:
						return 1 + dice.IntN(3), false
					case x < worst:
						return 1, true
					}
					return 1, false
				}
				up, down := &transfer.Relay{Link: link}, &transfer.Relay{Link: link}
				body := noise(uint64(seed), dice.IntN(3<<20))
				s := send(t, up, t.Context(), transfer.StreamBody{Reader: bytes.NewReader(body)})
				if len(body) == 0 {
					<-s.done
					return
				}
				var got bytes.Buffer
				err := fetch(t.Context(), down, s.subject, &got)
				if err != nil || !bytes.Equal(got.Bytes(), body) {
					t.Fatalf("%d of %d bytes, %v", got.Len(), len(body), err)
				}
				<-s.done
				// The uploader may only fail to hear of the end.
				if s.err != nil && !errors.Is(s.err, transfer.ErrStreamBroken) {
					t.Errorf("uploader: %v", s.err)
				}
				if s.err == nil && (s.sent.Size != int64(len(body)) || s.sent.MD5 != sum(body)) {
					t.Errorf("uploader: %+v", s.sent)
				}
			})
		})
	}
}

func TestRelay_SecondReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		w, body := pipe()
		s := send(t, r, t.Context(), body)
		first, err := r.Fetch(t.Context(), s.subject)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if _, err := r.Fetch(t.Context(), s.subject); !errors.Is(err, transfer.ErrStreamBroken) {
			t.Errorf("a second reader got %v", err)
		}
		go func() {
			_, _ = io.WriteString(w, "hello")
			_ = w.Close()
		}()
		var got strings.Builder
		if _, err := first.WriteTo(&got); err != nil || got.String() != "hello" {
			t.Errorf("%q %v", got.String(), err)
		}
		if <-s.done; s.err != nil {
			t.Error(s.err)
		}
	})
}

func TestRelay_NoSuchStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		begun := time.Now()
		if _, err := r.Fetch(t.Context(), "edge.v1.relay.none"); !errors.Is(err, transfer.ErrStreamBroken) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRelay_Drain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := edgetest.NewLink()
		up, down := &transfer.Relay{Link: link}, &transfer.Relay{Link: link}
		_, waits := pipe()
		waiting := send(t, up, t.Context(), waits)
		w, body := pipe()
		busy := send(t, up, t.Context(), body)
		f, err := down.Fetch(t.Context(), busy.subject)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		up.Drain()
		if <-waiting.done; fault.KindOf(waiting.err) != fault.Unavailable {
			t.Errorf("who waits got %v", waiting.err)
		}
		if _, err := up.Open(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("who comes later got %v", err)
		}
		go func() {
			_, _ = io.WriteString(w, "the rest")
			_ = w.Close()
		}()
		var got strings.Builder
		if _, err := f.WriteTo(&got); err != nil || got.String() != "the rest" {
			t.Errorf("%q %v", got.String(), err)
		}
		if <-busy.done; busy.err != nil {
			t.Error(busy.err)
		}
	})
}
