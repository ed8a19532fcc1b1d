package blob_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/zeebo/blake3"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// bufferedDialer gives TCP connections with a large write buffer.
type bufferedDialer struct{ size int }

func (d bufferedDialer) Dial(network, addr string) (net.Conn, error) {
	c, err := net.Dial(network, addr)
	if tc, ok := c.(*net.TCPConn); ok {
		_ = tc.SetWriteBuffer(d.size)
		_ = tc.SetReadBuffer(d.size)
	}
	return c, err
}

func benchStore(b *testing.B, tcp, sync bool, conns int, change func(*blob.Config)) *blob.Store {
	b.Helper()
	srv := natstest.StartWith(b, natsd.Options{SyncAlways: sync})
	var ncs []*nats.Conn
	for range conns {
		if tcp {
			nc, err := nats.Connect(srv.URL(), nats.SetCustomDialer(bufferedDialer{1 << 20}))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(nc.Close)
			ncs = append(ncs, nc)
		} else {
			ncs = append(ncs, natstest.Conn(b, srv))
		}
	}
	cfg := blob.Config{Conns: ncs, Ring: blob.Keys(keystest.Ring(b))}
	if change != nil {
		change(&cfg)
	}
	if err := blob.Declare(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	s, err := blob.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// source gives n bytes that never repeat, cheaply.
type source struct {
	block []byte
	left  int64
	n     uint64
}

func newSource(n int64, seed uint64) *source { return &source{block: random(seed, 1<<20), left: n} }

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), s.left)], s.block[s.n%4096:])
	s.n += 8*977 + uint64(n)
	if n >= 8 {
		for i := range 8 {
			p[i] = byte(s.n >> (8 * i))
		}
	}
	s.left -= int64(n)
	return n, nil
}

func plainFile(b *testing.B, size int64) (put, get time.Duration) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "plain")
	start := time.Now()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	h := sha256.New()
	buf := make([]byte, 1<<20)
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, h)}, struct{ io.Reader }{newSource(size, 1)}, buf); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	_ = f.Close()
	put = time.Since(start)
	start = time.Now()
	if f, err = os.Open(path); err != nil {
		b.Fatal(err)
	}
	h.Reset()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{bufio.NewReaderSize(f, 1<<20)}, buf); err != nil {
		b.Fatal(err)
	}
	_ = f.Close()
	return put, time.Since(start)
}

func BenchmarkStream(b *testing.B) {
	const size = 256 << 20
	for _, c := range []struct {
		tcp, sync, stock bool
		conns            int
	}{
		{false, false, true, 4}, {true, false, true, 4}, {false, true, true, 4}, {true, true, true, 4},
		{true, true, false, 4}, {true, false, true, 1},
	} {
		b.Run(fmt.Sprintf("tcp=%v/sync=%v/stock=%v/conns=%d", c.tcp, c.sync, c.stock, c.conns), func(b *testing.B) {
			s := benchStore(b, c.tcp, c.sync, c.conns, func(cfg *blob.Config) { cfg.NoStockDigest = !c.stock })
			var put, get, fput, fget time.Duration
			for i := 0; b.Loop(); i++ {
				p, g := plainFile(b, size)
				fput, fget = fput+p, fget+g
				start := time.Now()
				w, err := s.NewWriter(b.Context(), blob.WriteOptions{Domain: "bench"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.ReadFrom(newSource(size, uint64(i+2))); err != nil {
					b.Fatal(err)
				}
				content, err := w.Finish(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if content.Deduped > 0 {
					b.Fatal("the source repeats")
				}
				put += time.Since(start)
				start = time.Now()
				r, err := s.Reader(b.Context(), content.Manifest, 0, -1)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); err != nil || n != size {
					b.Fatal(n, err)
				}
				_ = r.Close()
				get += time.Since(start)
			}
			mb := float64(size) * float64(b.N) / 1e6
			b.ReportMetric(mb/put.Seconds(), "put-MB/s")
			b.ReportMetric(mb/get.Seconds(), "get-MB/s")
			b.ReportMetric(fput.Seconds()/put.Seconds(), "put-ratio")
			b.ReportMetric(fget.Seconds()/get.Seconds(), "get-ratio")
			b.ReportMetric(mb/fput.Seconds(), "file-put-MB/s")
			b.ReportMetric(mb/fget.Seconds(), "file-get-MB/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkSmall(b *testing.B) {
	const size = 4 << 10
	for _, c := range []struct {
		tcp, sync    bool
		conns, shard int
	}{{false, false, 4, 8}, {true, false, 4, 8}, {true, true, 4, 4}, {true, true, 4, 8}, {true, true, 4, 16}, {false, true, 4, 8}} {
		for _, clients := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("tcp=%v/sync=%v/shards=%d/clients=%d", c.tcp, c.sync, c.shard, clients), func(b *testing.B) {
				s := benchStore(b, c.tcp, c.sync, c.conns, func(cfg *blob.Config) { cfg.Shards, cfg.CacheBytes = c.shard, -1 })
				manifests := make([]blob.Manifest, b.N)
				put := each(b, clients, func(i int) error {
					data := random(uint64(i), size)
					copy(data, fmt.Sprint("content ", i))
					content, err := write(b.Context(), s, blob.WriteOptions{Domain: "bench", SizeHint: size}, data)
					manifests[i] = content.Manifest
					return err
				})
				get := each(b, clients, func(i int) error {
					_, err := read(b.Context(), s, manifests[i], 0, -1)
					return err
				})
				b.ReportMetric(float64(b.N)/put.Seconds(), "put/s")
				b.ReportMetric(float64(b.N)/get.Seconds(), "get/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func each(b *testing.B, clients int, f func(int) error) time.Duration {
	b.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// BenchmarkDigest is what a segment id may be keyed from; SHA-256 was the plan.
func BenchmarkDigest(b *testing.B) {
	for _, size := range []int{4 << 10, 8 << 20} {
		data := random(1, size)
		for name, h := range map[string]hash.Hash{"sha256": sha256.New(), "blake3": blake3.New()} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					h.Reset()
					_, _ = h.Write(data)
					h.Sum(nil)
				}
			})
		}
	}
}
