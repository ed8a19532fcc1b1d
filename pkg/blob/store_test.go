package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// world is a store over a server of its own.
type world struct {
	*blob.Store
	srv *natsd.Server
	nc  *nats.Conn
	cfg blob.Config
}

func newWorld(t testing.TB, change ...func(*blob.Config)) *world {
	t.Helper()
	srv := natstest.Start(t)
	w := &world{srv: srv, nc: natstest.Conn(t, srv)}
	w.cfg = blob.Config{Conns: []*nats.Conn{w.nc, natstest.Conn(t, srv)}, Ring: blob.Keys(keystest.Ring(t)), Shards: 2}
	for _, c := range change {
		c(&w.cfg)
	}
	w.Store = w.open(t)
	return w
}

// open gives another Store over the same server and settings.
// open declares what is missing and opens the store. A cluster that has just come up
// leaves a question unanswered now and then; pkg/platform repeats for that long, too.
func (w *world) open(t testing.TB) *blob.Store {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-again.C {
		err := blob.Declare(t.Context(), w.cfg)
		if err == nil {
			break
		}
		if !errors.Is(err, blob.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	s, err := blob.Open(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (w *world) js(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(w.nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func write(ctx context.Context, s *blob.Store, o blob.WriteOptions, data []byte) (blob.Content, error) {
	w, err := s.NewWriter(ctx, o)
	if err != nil {
		return blob.Content{}, err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return blob.Content{}, err
	}
	return w.Finish(ctx)
}

func put(t testing.TB, s *blob.Store, o blob.WriteOptions, data []byte) blob.Content {
	t.Helper()
	if o.Domain == "" {
		o.Domain = "tenant-a"
	}
	c, err := write(t.Context(), s, o, data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(ctx context.Context, s *blob.Store, m blob.Manifest, off, n int64) ([]byte, error) {
	r, err := s.Reader(ctx, m, off, n)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func wantRead(t testing.TB, s *blob.Store, m blob.Manifest, off, n int64, want []byte) {
	t.Helper()
	got, err := read(t.Context(), s, m, off, n)
	if err != nil {
		t.Fatalf("reading %d bytes from %d: %v", n, off, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("reading %d bytes from %d: %d other bytes", n, off, len(got))
	}
}

// random gives n bytes that do not compress and are the same for every run.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

func TestStore_WritesAndReadsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.ChunkSize, c.SegmentSize = 1000, 4000 })
	for i, n := range []int{0, 1, 999, 1000, 1001, 3999, 4000, 4001, 8000, 12345, 40001} {
		data := random(uint64(i), n)
		c := put(t, w.Store, blob.WriteOptions{}, data)
		if c.Manifest.Size != int64(n) {
			t.Fatalf("size %d, want %d", c.Manifest.Size, n)
		}
		sum := sha256.Sum256(data)
		if !bytes.Equal(c.Digests[blob.SHA256], sum[:]) {
			t.Errorf("%d bytes: wrong SHA-256", n)
		}
		h := crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5))
		h.Write(data)
		if !bytes.Equal(c.Digests[blob.CRC64NVME], h.Sum(nil)) {
			t.Errorf("%d bytes: wrong CRC64NVME", n)
		}
		wantRead(t, w.Store, c.Manifest, 0, -1, data)
		for _, r := range [][2]int{{0, 1}, {n / 2, n - n/2}, {n / 3, n / 2}, {n, 0}, {max(0, n-1), min(1, n)}} {
			if r[0]+r[1] <= n {
				wantRead(t, w.Store, c.Manifest, int64(r[0]), int64(r[1]), data[r[0]:r[0]+r[1]])
			}
		}
		again := put(t, w.Store, blob.WriteOptions{}, data)
		if again.Deduped != int64(n) {
			t.Errorf("%d bytes: %d of them were known", n, again.Deduped)
		}
		wantRead(t, w.Store, again.Manifest, 0, -1, data)
	}
}

// TestOpen_MakesNothing: what is missing is told, and whoever declares it again
// grows it; a store that asks for more than there is uses what there is.
func TestOpen_MakesNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	cfg := blob.Config{Conns: []*nats.Conn{nc}, Ring: blob.Keys(keystest.Ring(t)), Shards: 2, Regions: []blob.Region{{Name: "a"}}}
	if _, err := blob.Open(t.Context(), cfg); !errors.Is(err, blob.ErrNotDeclared) || !strings.Contains(err.Error(), "sluice-blob") {
		t.Errorf("nothing is declared: %v", err)
	}
	bare := cfg
	bare.Ring = nil
	if err := blob.Declare(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open(t.Context(), bare); err == nil {
		t.Error("opened without keys")
	}
	more := cfg
	more.Shards, more.Regions = 4, []blob.Region{{Name: "a"}, {Name: "b"}}
	if _, err := blob.Open(t.Context(), more); !errors.Is(err, blob.ErrNotDeclared) || !strings.Contains(err.Error(), "region b") {
		t.Errorf("a region is not declared: %v", err)
	}
	more.Regions = cfg.Regions
	s, err := blob.Open(t.Context(), more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if use, err := s.Usage(t.Context()); err != nil || len(use) != 2 || use[1].Store != blob.StoreName("sluice", "a", 1) {
		t.Errorf("stores %+v, %v", use, err)
	}
}
