package faults_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestPlik_Kill9 kills edge, upload and object while temporary uploads are sent,
// read, read once and packed. What was acknowledged and not taken out is there and
// identical; a one-shot file never goes out twice, by itself or in an archive; and
// no entry stays "uploading" or "removed" for longer than a minute.
func TestPlik_Kill9(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes for about half a minute; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			killPliks(t, topology)
		})
	}
}

// pliks is a load of temporary uploads and what became of each.
type pliks struct {
	w    *harness.World
	p    *harness.Plik
	seed uint64
	next atomic.Int64

	mu    sync.Mutex
	files []*plikFate
}

// plikFate is what the clients know of a file.
type plikFate struct {
	u       harness.PlikUpload
	f       harness.PlikFile
	n       int64 // its content
	once    bool
	acked   bool
	asked   bool // by a GET, whatever came of it
	goneOut int  // answers that brought some of it
}

func killPliks(t *testing.T, topology harness.Topology) {
	seed := harness.Seed(t)
	l := &pliks{w: harness.Start(t, harness.Options{Topology: topology, Env: []string{"SLUICE_UPLOAD_SWEEP_INTERVAL=2s"}}), seed: seed}
	l.p = harness.NewPlik(t, l.w.URL)
	l.p.HTTP.Timeout = 15 * time.Second
	lasts := 8 * time.Second
	if harness.Soak() {
		lasts = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), lasts+time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		pause(ctx, lasts)
		l.enough(ctx)
	})
	kills := 0
	wg.Go(func() { kills = l.kill(t, ctx, rand.New(rand.NewPCG(seed, 2))) })
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				l.play(ctx)
			}
		})
	}
	wg.Wait()
	l.p.HTTP.CloseIdleConnections()
	t.Logf("%d kills, %d files", kills, len(l.files))
	l.check(t, time.Now())
}

// enoughFiles is how many files have to get through, so that the load shows something.
const enoughFiles = 5

// enough waits until that many got through: on a busy machine a kill comes before
// most of them do.
func (l *pliks) enough(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		through := 0
		for _, x := range l.files {
			if x.acked && !x.once {
				through++
			}
		}
		l.mu.Unlock()
		if through >= enoughFiles {
			return
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// kill kills one process after the other and starts it again, until ctx ends.
func (l *pliks) kill(t *testing.T, ctx context.Context, rnd *rand.Rand) (kills int) {
	victims := []string{"up"}
	if l.w.Running("edge") {
		victims = []string{"edge", "upload", "object"}
	}
	for {
		pause(ctx, time.Duration(300+rnd.IntN(900))*time.Millisecond)
		if ctx.Err() != nil {
			return kills
		}
		name := victims[kills%len(victims)]
		kills++
		l.w.Kill(name)
		if err := l.w.StartProc(t.Context(), name); err != nil {
			t.Error(err)
			return kills
		}
		if err := l.w.WaitReady(t.Context(), 3*time.Minute); err != nil {
			t.Error(err)
			return kills
		}
	}
}

func (l *pliks) content(n int64) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d", l.seed, n))
	rng := rand.New(rand.NewChaCha8(sum))
	b := make([]byte, 1000+rng.IntN(3<<20))
	_, _ = rand.NewChaCha8(sum).Read(b)
	return b
}

// play makes an upload, sends two files at once and reads what was acknowledged.
func (l *pliks) play(ctx context.Context) {
	n := l.next.Add(2)
	once := n%4 == 0
	ask := map[string]any{"oneShot": once, "files": []map[string]any{{"fileName": "a"}, {"fileName": "b"}}}
	r, err := l.p.Try(ctx, http.MethodPost, "/upload", ask)
	if err != nil || r.Status != http.StatusOK {
		pause(ctx, 50*time.Millisecond)
		return
	}
	var u harness.PlikUpload
	if json.Unmarshal(r.Body, &u) != nil || len(u.Files) != 2 {
		return
	}
	var sent sync.WaitGroup
	fates := make([]*plikFate, len(u.Files))
	for i, f := range u.Files {
		fates[i] = &plikFate{u: u, f: f, n: n + int64(i), once: once}
		sent.Go(func() {
			r, err := l.p.TryPost(ctx, u.Path(f), f.Name, l.content(fates[i].n), "X-UploadToken", u.UploadToken)
			fates[i].acked = err == nil && r.Status == http.StatusOK
		})
	}
	sent.Wait()
	l.mu.Lock()
	l.files = append(l.files, fates...)
	l.mu.Unlock()
	switch {
	case !once:
	case n%8 == 0:
		l.packs(ctx, fates)
	case n%12 != 0: // those are left for the end
		l.takes(ctx, fates[0], 3)
	}
}

// takes asks for a file by several at once.
func (l *pliks) takes(ctx context.Context, x *plikFate, readers int) {
	x.asked = true
	var wg sync.WaitGroup
	var out atomic.Int64
	for range readers {
		wg.Go(func() {
			resp, err := l.p.Open(ctx, http.MethodGet, x.u.Path(x.f), nil)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			if n, _ := io.Copy(io.Discard, resp.Body); resp.StatusCode == http.StatusOK && n > 0 {
				out.Add(1)
			}
		})
	}
	wg.Wait()
	x.goneOut += int(out.Load())
}

// packs asks for an archive by two at once, and for the first file besides.
func (l *pliks) packs(ctx context.Context, fates []*plikFate) {
	bodies := make([][]byte, 2)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() {
			if r, err := l.p.Try(ctx, http.MethodGet, "/archive/"+fates[0].u.ID+"/a.zip", nil); r.Status == http.StatusOK && err == nil {
				bodies[i] = r.Body
			}
		})
	}
	wg.Go(func() { l.takes(ctx, fates[0], 1) })
	wg.Wait()
	for _, x := range fates {
		x.asked = true
	}
	for _, body := range bodies {
		z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			continue // a broken one: what of it came is not known
		}
		for _, entry := range z.File {
			for _, x := range fates {
				if x.f.Name == entry.Name {
					x.goneOut++
				}
			}
		}
	}
}

// check waits until nothing is under way any more, and holds every file to what
// its client knows.
func (l *pliks) check(t *testing.T, killed time.Time) {
	t.Helper()
	byStatus := map[string]int{}
	for _, x := range l.files {
		status := ""
		for {
			r, err := l.p.Try(t.Context(), http.MethodGet, "/upload/"+x.u.ID, nil)
			if err == nil && r.Status == http.StatusOK {
				for _, f := range r.PlikUpload(t).Files {
					if f.ID == x.f.ID {
						status = f.Status
					}
				}
				if status != "uploading" && status != "removed" {
					break
				}
			}
			if time.Since(killed) > settled {
				t.Fatalf("%+v is %q (%v, %d) a minute after the last kill", x, status, err, r.Status)
			}
			pause(t.Context(), 200*time.Millisecond)
		}
		byStatus[status]++
		l.holds(t, x, status)
	}
	t.Logf("%v, %v after the last kill", byStatus, time.Since(killed).Round(time.Second))
	if byStatus["uploaded"] < enoughFiles {
		t.Errorf("the load shows nothing: %v", byStatus)
	}
}

// holds compares one file with what its client knows, and reads it.
func (l *pliks) holds(t *testing.T, x *plikFate, status string) {
	t.Helper()
	switch {
	case x.goneOut > 1:
		t.Errorf("%+v went out %d times", x, x.goneOut)
	case x.once && x.goneOut == 1 && status != "deleted":
		t.Errorf("%+v went out and is %q", x, status)
	case x.acked && status != "uploaded" && (!x.once || !x.asked):
		t.Errorf("%+v was acknowledged and is %q", x, status)
	case status == "uploaded":
		r := l.p.Call(t, http.MethodGet, x.u.Path(x.f), nil)
		if r.Status != http.StatusOK || !bytes.Equal(r.Body, l.content(x.n)) {
			t.Errorf("%+v reads as %d, %d bytes", x, r.Status, len(r.Body))
		}
		if x.once {
			l.p.Call(t, http.MethodGet, x.u.Path(x.f), nil).Want(t, http.StatusNotFound)
		}
	default:
		l.p.Call(t, http.MethodGet, x.u.Path(x.f), nil).Want(t, http.StatusNotFound)
	}
}
