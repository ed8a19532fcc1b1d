package blob_test

import (
	"crypto/sha256"
	"hash"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
)

// transferBytes is how much the memory test moves; SLUICE_TEST_FULL and
// SLUICE_SOAK make it more.
func transferBytes() int64 {
	switch {
	case os.Getenv("SLUICE_SOAK") != "":
		return 4 << 30
	case os.Getenv("SLUICE_TEST_FULL") != "":
		return 512 << 20
	}
	return 64 << 20
}

// heapPeak samples the live heap, garbage included, until stop is called.
func heapPeak() (stop func() uint64) {
	var peak atomic.Uint64
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() uint64 { close(done); <-gone; return peak.Load() }
}

type hashWriter struct{ hash.Hash }

// TestTransfer_MemoryIsBounded moves much more than it may hold, in and out, with
// the server in the same process. The bound is for everything in the heap: two
// segments being stored and one being filled, what is in flight, and the
// server's own block cache, which is what the 64 MiB are mostly for.
func TestTransfer_MemoryIsBounded(t *testing.T) { // alone: others would count
	const bound = 160 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // garbage is not what is measured
	w := newWorld(t, func(c *blob.Config) { c.Shards = 8; c.CacheBytes = 8 << 20 })
	size := transferBytes()
	runtime.GC()
	stop := heapPeak()
	bw, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d"})
	if err != nil {
		t.Fatal(err)
	}
	in := hashWriter{sha256.New()}
	if _, err := bw.ReadFrom(io.TeeReader(newSource(size, 7), in)); err != nil {
		t.Fatal(err)
	}
	c, err := bw.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrote := stop()
	if string(c.Digests[blob.SHA256]) != string(in.Sum(nil)) || c.Manifest.Size != size {
		t.Error("other bytes were written")
	}
	stop = heapPeak()
	r, err := w.Reader(t.Context(), c.Manifest, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	out := hashWriter{sha256.New()}
	if n, err := io.Copy(out, r); err != nil || n != size {
		t.Fatalf("%d bytes: %v", n, err)
	}
	_ = r.Close()
	took := stop()
	if string(out.Sum(nil)) != string(in.Sum(nil)) {
		t.Error("other bytes were read")
	}
	t.Logf("%d MiB: heap peak %d MiB writing, %d MiB reading", size>>20, wrote>>20, took>>20)
	if wrote > bound || took > bound {
		t.Errorf("the heap grew to %d MiB writing and %d MiB reading; %d is the bound", wrote>>20, took>>20, bound>>20)
	}
}
