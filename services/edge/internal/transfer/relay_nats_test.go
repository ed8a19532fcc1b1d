package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// relays are those of two edges over one nats-server.
func relays(t *testing.T, s *natsd.Server) (up, down *transfer.Relay) {
	t.Helper()
	at := func() *transfer.Relay {
		nc, err := nats.Connect(s.URL(), nats.Timeout(30*time.Second), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return &transfer.Relay{Link: transfer.NATS{Conn: nc}}
	}
	return at(), at()
}

// peak is the most that the heap had while do ran.
func peak(t *testing.T, do func()) uint64 {
	t.Helper()
	var most atomic.Uint64
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most.Store(max(most.Load(), m.HeapAlloc))
	}
	runtime.GC()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			look()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	do()
	close(stop)
	watching.Wait()
	return most.Load()
}

func TestRelayNATS_ConstantMemory(t *testing.T) { //nolint:paralleltest // it measures the heap
	size := int64(256 << 20)
	if os.Getenv("SLUICE_SOAK") != "" {
		size = 2 << 30
	}
	up, down := relays(t, natstest.Start(t))
	most := peak(t, func() {
		s := send(t, up, t.Context(), transfer.StreamBody{Reader: zeros(size)})
		got := &asked{Reader: zeros(0)}
		begun := time.Now()
		if err := fetch(t.Context(), down, s.subject, counter{got}); err != nil {
			t.Fatal(err)
		}
		if <-s.done; s.err != nil || s.sent.Size != size || got.bytes() != size {
			t.Fatalf("%+v %v, %d bytes came", s.sent, s.err, got.bytes())
		}
		t.Logf("%d MiB in %v", size>>20, time.Since(begun))
	})
	t.Logf("peak of the heap: %d MiB", most>>20)
	if most > 64<<20 {
		t.Errorf("the heap came to %d MiB", most>>20)
	}
}

// counter counts what is written into it.
type counter struct{ *asked }

func (c counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += int64(len(p))
	return len(p), nil
}

func TestRelayNATS_SameEdge(t *testing.T) {
	t.Parallel()
	r, _ := relays(t, natstest.Start(t))
	body := noise(3, 3<<20)
	s := send(t, r, t.Context(), transfer.StreamBody{Reader: bytes.NewReader(body)})
	var got bytes.Buffer
	if err := fetch(t.Context(), r, s.subject, &got); err != nil || !bytes.Equal(got.Bytes(), body) {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
	if <-s.done; s.err != nil {
		t.Error(s.err)
	}
}

func TestRelayNATS_ManyAtOnce(t *testing.T) {
	t.Parallel()
	up, down := relays(t, natstest.Start(t))
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			body := noise(uint64(i), 1<<20) //nolint:gosec // small
			s := send(t, up, t.Context(), transfer.StreamBody{Reader: bytes.NewReader(body)})
			var got bytes.Buffer
			if err := fetch(t.Context(), down, s.subject, &got); err != nil || !bytes.Equal(got.Bytes(), body) {
				t.Errorf("stream %d: %d bytes, %v", i, got.Len(), err)
			}
			if <-s.done; s.err != nil {
				t.Errorf("stream %d: %v", i, s.err)
			}
		})
	}
	all.Wait()
}

func TestRelayNATS_NoSuchStream(t *testing.T) {
	t.Parallel()
	_, down := relays(t, natstest.Start(t))
	begun := time.Now()
	if _, err := down.Fetch(t.Context(), "edge.v1.relay.none"); !errors.Is(err, transfer.ErrStreamBroken) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > noticed {
		t.Errorf("it took %v", took)
	}
}

// TestRelayNATS_ServerRestarts has the nats-server go away under a stream and come
// back: nothing is lost of what goes on then.
func TestRelayNATS_ServerRestarts(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	up, down := relays(t, s)
	w, body := pipe()
	sending := send(t, up, t.Context(), body)
	got, client := io.Pipe()
	took := make(chan error, 1)
	go func() {
		err := fetch(t.Context(), down, sending.subject, client)
		_ = client.CloseWithError(err)
		took <- err
	}()
	whole := noise(9, 4<<20)
	go func() {
		_, _ = w.Write(whole)
		_ = w.Close()
	}()
	first := make([]byte, 1<<20)
	if _, err := io.ReadFull(got, first); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	natstest.StartWith(t, natsd.Options{Addr: at.Host})
	rest, err := io.ReadAll(got)
	if err != nil || !bytes.Equal(append(first, rest...), whole) {
		t.Errorf("%d bytes of %d, %v", len(first)+len(rest), len(whole), err)
	}
	if err := <-took; err != nil {
		t.Error(err)
	}
	if <-sending.done; sending.err != nil {
		t.Error(sending.err)
	}
}

func TestRelayNATS_ServerStaysAway(t *testing.T) {
	t.Parallel()
	if os.Getenv("SLUICE_TEST_FULL") == "" {
		t.Skip("the ends wait for ten seconds; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	s := natstest.Start(t)
	up, down := relays(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), noticed+5*time.Second)
	defer cancel()
	w, body := pipe()
	sending := send(t, up, ctx, body)
	took := make(chan error, 1)
	go func() { took <- fetch(ctx, down, sending.subject, io.Discard) }()
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	s.Shutdown()
	err := <-took
	<-sending.done
	if !errors.Is(err, transfer.ErrStreamBroken) || !errors.Is(sending.err, transfer.ErrStreamBroken) {
		t.Errorf("reader: %v, uploader: %v", err, sending.err)
	}
	if after := time.Since(begun); after > noticed {
		t.Errorf("it took %v", after)
	}
}
