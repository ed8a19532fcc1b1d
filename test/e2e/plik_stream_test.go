package e2e_test

import (
	"crypto/md5" //nolint:gosec // Plik's digest
	"encoding/hex"
	"io"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// streamMemory is by how much a stream may let a process grow, whatever its size
// is: an embedded World has the nats-server in the same process.
const streamMemory = 64 << 20

// TestPlikStream_TwoEdges sends a stream from one edge to another: byte-identical
// and at constant memory, in both directions.
func TestPlikStream_TwoEdges(t *testing.T) {
	t.Parallel()
	size := int64(32 << 20)
	switch {
	case harness.Soak():
		size = 2 << 30
	case harness.Full():
		size = 256 << 20
	}
	for _, topology := range topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			w := harness.Start(t, harness.Options{Topology: topology})
			other := w.Edge(t)
			across(t, w, other, size)
			across(t, other, w, 1<<20)
		})
	}
}

// across streams from the edge of one World to that of another.
func across(t *testing.T, from, to *harness.World, size int64) {
	t.Helper()
	up, down := harness.NewPlik(t, from.URL), harness.NewPlik(t, to.URL)
	up.HTTP.Timeout, down.HTTP.Timeout = 10*time.Minute, 10*time.Minute
	u := up.Create(t, object{"stream": true, "files": one("big")})
	f := u.Files[0]
	before := []int64{memory(t, from), memory(t, to)}
	done := meanwhile(t, up, u, f, io.LimitReader(&pattern{}, size))
	eventually(t, "it waits", func() bool { return plikStatus(t, down, u, f) == "uploading" })
	begun := time.Now()
	resp, err := down.Open(t.Context(), "GET", u.Path(f), nil)
	noError(t, "read", err)
	defer resp.Body.Close()
	sum := md5.New() //nolint:gosec // as above
	n, err := io.Copy(sum, resp.Body)
	if err != nil || n != size {
		t.Fatalf("%d bytes of %d, %v", n, size, err)
	}
	got := (<-done).Want(t, 200).PlikFile(t)
	want := md5.New() //nolint:gosec // as above
	_, _ = io.Copy(want, io.LimitReader(&pattern{}, size))
	equal(t, "digest of what came", hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(want.Sum(nil)))
	equal(t, "digest of what went", got.MD5, hex.EncodeToString(want.Sum(nil)))
	equal(t, "size", got.Size, size)
	equal(t, "status", got.Status, "deleted")
	for i, w := range []*harness.World{from, to} {
		grown := memory(t, w) - before[i]
		t.Logf("%d MiB in %v; the process grew by %d MiB", size>>20, time.Since(begun), grown>>20)
		if grown > streamMemory {
			t.Errorf("a stream of %d MiB let a process grow by %d MiB", size>>20, grown>>20)
		}
	}
}

// memory is the peak of the process that has the World's edge.
func memory(t *testing.T, w *harness.World) int64 {
	t.Helper()
	order := w.Order()
	return w.PeakMemory(t, order[len(order)-1])
}

// pattern is a content without an end that repeats only after 2 MiB and a bit.
type pattern struct{ at uint32 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p.at ^ p.at>>8 ^ p.at>>16)
		p.at++
		if p.at == 2<<20+7 {
			p.at = 0
		}
	}
	return len(b), nil
}
