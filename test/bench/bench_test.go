// Package bench_test measures a whole system over real HTTP, each figure beside
// a baseline of the same run. `make bench` runs it; nothing here passes or fails
// by a time.
package bench_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

var durabilities = []string{"power", "process"}

// world starts a system of that durability for one benchmark.
func world(b *testing.B, durability string) (*harness.World, *harness.Client) {
	b.Helper()
	w := harness.Start(b, harness.Options{Env: []string{"SLUICE_DURABILITY=" + durability, "SLUICE_LOG_LEVEL=warn"}})
	c := harness.NewClient(b, w, "bench")
	c.HTTP.Timeout = 0
	return w, c
}

// size of the large object: 1 GiB, or SLUICE_BENCH_MIB.
func size() int64 {
	if n, err := strconv.ParseInt(os.Getenv("SLUICE_BENCH_MIB"), 10, 64); err == nil {
		return n << 20
	}
	return 1 << 30
}

// noise yields bytes that neither compress nor repeat, as fast as memory: random
// blocks of 8 MiB, each with its number at the head of every KiB.
type noise struct {
	block     []byte
	pos, left int64
	seed      uint64
}

func newNoise(seed uint64, n int64) *noise {
	var key [32]byte
	key[0] = 1
	block := make([]byte, 8<<20)
	_, _ = rand.NewChaCha8(key).Read(block)
	return &noise{block: block, left: n, seed: seed}
}

func (r *noise) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	off := r.pos % int64(len(r.block))
	if off == 0 {
		for i := 0; i < len(r.block); i += 1 << 10 {
			stamp := r.seed<<32 + uint64(r.pos)/uint64(len(r.block))
			for j := range 8 {
				r.block[i+j] = byte(stamp >> (8 * j))
			}
		}
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.block[off:])
	r.pos += int64(n)
	r.left -= int64(n)
	return n, nil
}

func mbs(n int64, d time.Duration) float64 { return float64(n) / 1e6 / d.Seconds() }

// plainFile is the baseline: the same bytes to a file with SHA-256, synced when
// the durability asks for it, and back with SHA-256.
func plainFile(b *testing.B, n int64, streams int, synced bool) (write, read time.Duration) {
	b.Helper()
	dir := b.TempDir()
	each := n / int64(streams)
	run := func(f func(i int) error) time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for i := range streams {
			wg.Go(func() {
				if err := f(i); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	name := func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	write = run(func(i int) error {
		f, err := os.Create(name(i))
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.CopyBuffer(io.MultiWriter(f, sha256.New()), onlyReader{newNoise(uint64(i), each)}, make([]byte, 1<<20)); err != nil {
			return err
		}
		if synced {
			return f.Sync()
		}
		return nil
	})
	read = run(func(i int) error {
		f, err := os.Open(name(i))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyBuffer(onlyWriter{sha256.New()}, onlyReader{f}, make([]byte, 1<<20))
		return err
	})
	return write, read
}

type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// BenchmarkLarge moves 1 GiB in and out over 1 and 4 streams.
func BenchmarkLarge(b *testing.B) {
	for _, durability := range durabilities {
		b.Run(durability, func(b *testing.B) {
			w, c := world(b, durability)
			c.Bucket(b, "large")
			for i, streams := range []int{1, 4} {
				b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
					n := size()
					each := n / int64(streams)
					fileWrite, fileRead := plainFile(b, n, streams, durability == "power")
					transfer := func(f func(s int) error) time.Duration {
						start := time.Now()
						var wg sync.WaitGroup
						for s := range streams {
							wg.Go(func() {
								if err := f(s); err != nil {
									b.Error(err)
								}
							})
						}
						wg.Wait()
						return time.Since(start)
					}
					put := transfer(func(s int) error {
						r, err := c.Try(b.Context(), http.MethodPut, harness.ObjectPath("large", fmt.Sprintf("%d/%d", streams, s)), newNoise(uint64(100*(i+1)+s), each), http.Header{"Content-Length": {strconv.FormatInt(each, 10)}})
						if err == nil && r.Status != http.StatusCreated {
							err = fmt.Errorf("PUT: %d %s", r.Status, r.Body)
						}
						return err
					})
					get := transfer(func(s int) error {
						return drain(b, c, harness.ObjectPath("large", fmt.Sprintf("%d/%d", streams, s)), each)
					})
					b.ReportMetric(mbs(n, put), "PUT-MB/s")
					b.ReportMetric(fileWrite.Seconds()/put.Seconds(), "PUT/file")
					b.ReportMetric(mbs(n, get), "GET-MB/s")
					b.ReportMetric(fileRead.Seconds()/get.Seconds(), "GET/file")
					b.ReportMetric(mbs(n, fileWrite), "file-write-MB/s")
					b.ReportMetric(mbs(n, fileRead), "file-read-MB/s")
					b.ReportMetric(float64(rss(b, w.PID("up")))/(1<<20), "RSS-MiB")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

func drain(b *testing.B, c *harness.Client, path string, want int64) error {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, c.URL+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.CopyBuffer(onlyWriter{io.Discard}, resp.Body, make([]byte, 1<<20))
	if err == nil && n != want {
		err = fmt.Errorf("GET: %d of %d bytes", n, want)
	}
	return err
}

// rss of a process in bytes; 0 where /proc has none.
func rss(b *testing.B, pid int) int64 {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if kb, ok := strings.CutPrefix(sc.Text(), "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// BenchmarkSmall puts and gets objects of 4 KiB from 1, 16 and 64 clients for
// some seconds each; the baseline is a file per object, synced likewise.
func BenchmarkSmall(b *testing.B) {
	for _, durability := range durabilities {
		b.Run(durability, func(b *testing.B) {
			w, c := world(b, durability)
			c.Bucket(b, "small")
			body := make([]byte, 4<<10)
			_, _ = rand.NewChaCha8([32]byte{2}).Read(body)
			for _, clients := range []int{1, 16, 64} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
					var puts atomic.Int64
					key := func(i int64) string { return fmt.Sprintf("%d/%d", clients, i) }
					put := rate(b, clients, func() error {
						i := puts.Add(1)
						own := slices.Clone(body)
						copy(own, key(i))
						r, err := c.Try(b.Context(), http.MethodPut, harness.ObjectPath("small", key(i)), own, nil)
						if err == nil && r.Status != http.StatusCreated {
							err = fmt.Errorf("PUT: %d %s", r.Status, r.Body)
						}
						return err
					})
					n := puts.Load()
					get := rate(b, clients, func() error {
						r, err := c.Try(b.Context(), http.MethodGet, harness.ObjectPath("small", key(1+rand.Int64N(n-int64(clients)))), nil, nil)
						if err == nil && r.Status != http.StatusOK {
							err = fmt.Errorf("GET: %d %s", r.Status, r.Body)
						}
						return err
					})
					dir := b.TempDir()
					var files atomic.Int64
					file := rate(b, clients, func() error {
						return writeFile(filepath.Join(dir, strconv.FormatInt(files.Add(1), 10)), body, durability == "power")
					})
					b.ReportMetric(put, "PUT/s")
					b.ReportMetric(put/file, "PUT/file")
					b.ReportMetric(get, "GET/s")
					b.ReportMetric(file, "file/s")
					b.ReportMetric(float64(rss(b, w.PID("up")))/(1<<20), "RSS-MiB")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

func writeFile(path string, body []byte, synced bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return err
	}
	if synced {
		return f.Sync()
	}
	return nil
}

// rate runs f from that many clients for four seconds and gives calls per second.
func rate(b *testing.B, clients int, f func() error) float64 {
	b.Helper()
	const span = 4 * time.Second
	var n atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for time.Since(start) < span {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// BenchmarkEventLatency puts 200 objects a second for ten seconds and takes the
// time from the answer of each PUT to its webhook.
func BenchmarkEventLatency(b *testing.B) {
	for _, durability := range durabilities {
		b.Run(durability, func(b *testing.B) {
			_, c := world(b, durability)
			c.Bucket(b, "events")
			r := harness.NewReceiver(b, nil)
			c.Do(b, http.MethodPut, "/api/v1/buckets/events/notifications",
				map[string]any{"configs": []map[string]any{{"url": r.URL, "events": []string{"object-created"}}}}, nil).Want(b, http.StatusOK)
			const perSecond, seconds = 200, 10
			var mu sync.Mutex
			answered := map[string]time.Time{}
			tick := time.NewTicker(time.Second / perSecond)
			defer tick.Stop()
			var wg sync.WaitGroup
			for i := range perSecond * seconds {
				<-tick.C
				wg.Go(func() {
					key := fmt.Sprintf("o%d", i)
					sent := time.Now()
					r, err := c.Try(b.Context(), http.MethodPut, harness.ObjectPath("events", key), key, nil)
					if err != nil || r.Status != http.StatusCreated {
						b.Errorf("PUT %s: %d %v", key, r.Status, err)
					}
					mu.Lock()
					answered[key] = sent
					mu.Unlock()
				})
			}
			wg.Wait()
			hooks := r.Wait(b, time.Minute, "all events", func(h []harness.Hook) bool { return len(h) >= perSecond*seconds })
			var latency []time.Duration
			for _, h := range hooks {
				for key, at := range answered {
					if strings.Contains(string(h.Body), `"`+key+`"`) {
						latency = append(latency, h.At.Sub(at))
						break
					}
				}
			}
			slices.Sort(latency)
			b.ReportMetric(float64(latency[len(latency)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(latency[len(latency)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(latency[len(latency)-1].Microseconds())/1000, "max-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkList reads a page of 1,000 in the middle of a bucket of 2,000 and of
// one of 200,000 objects (SLUICE_BENCH_OBJECTS); the ratio should be about one.
func BenchmarkList(b *testing.B) {
	many := 200_000
	if n, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_OBJECTS")); err == nil {
		many = n
	}
	_, c := world(b, "process")
	page := func(bucket string, objects int) time.Duration {
		c.Bucket(b, bucket)
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for {
					i := next.Add(1)
					if i > int64(objects) {
						return
					}
					r, err := c.Try(b.Context(), http.MethodPut, harness.ObjectPath(bucket, fmt.Sprintf("key-%07d", i)), "x", nil)
					if err != nil || r.Status != http.StatusCreated {
						b.Errorf("PUT: %d %v", r.Status, err)
						return
					}
				}
			})
		}
		wg.Wait()
		var took []time.Duration
		for range 31 {
			start := time.Now()
			if l := c.List(b, bucket, "maxKeys=1000&startAfter="+url.QueryEscape(fmt.Sprintf("key-%07d", objects/2-1))); len(l.Objects) != 1000 {
				b.Fatalf("%d objects on the page", len(l.Objects))
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	small := page("few", 2000)
	large := page("many", many)
	b.ReportMetric(float64(small.Microseconds())/1000, "page-of-2000-ms")
	b.ReportMetric(float64(large.Microseconds())/1000, fmt.Sprintf("page-of-%d-ms", many))
	b.ReportMetric(large.Seconds()/small.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}
