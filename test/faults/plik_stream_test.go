package faults_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// settled is how long an entry may stay "uploading" behind a kill.
const settled = time.Minute

// flow is a stream from one edge to another, in the middle: 1 MiB has arrived, and
// the uploader sends until it is told to end or fails.
type flow struct {
	w, near, far *harness.World // of nats and upload; of the uploader; of the reader
	u            harness.PlikUpload
	f            harness.PlikFile
	read         *http.Response // nil: nobody reads
	end          context.CancelFunc
	sent         chan harness.Response // Status 0: none came
}

// TestPlikStream_Kill9 kills what a stream goes through. Whatever it is, both ends
// hear of it, and the entry is "deleted" within a minute (plik-wire.md 17).
func TestPlikStream_Kill9(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes for about a minute per topology; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			w := harness.Start(t, harness.Options{Topology: topology})
			other, asking := w.Edge(t), w.Edge(t) // one is killed; the other is asked what became of it
			s := streams{w: w, other: other, asking: harness.NewPlik(t, asking.URL)}
			t.Run("Edge", s.edge)
			t.Run("EdgeStops", s.edgeStops)
			if topology == harness.Processes {
				t.Run("Upload", s.upload)
				t.Run("NATS", s.nats)
			} else {
				t.Run("Up", s.up)
			}
		})
	}
}

type streams struct {
	w, other *harness.World
	asking   *harness.Plik
}

// rate sends a content without an end, at a pace that no buffer swallows for long,
// and ends well when ctx does.
type rate struct {
	ctx context.Context
	n   int64
}

func (r *rate) Read(p []byte) (int, error) {
	if r.n > 4<<20 { // the first bytes go at once
		select {
		case <-r.ctx.Done():
			return 0, io.EOF
		case <-time.After(5 * time.Millisecond):
		}
	}
	n := min(len(p), 32<<10)
	for i := range n {
		p[i] = byte(r.n + int64(i))
	}
	r.n += int64(n)
	return n, nil
}

func (s *streams) begin(t *testing.T, near, far *harness.World, reads bool) *flow {
	t.Helper()
	p := harness.NewPlik(t, near.URL)
	p.HTTP.Timeout = 3 * time.Minute
	fl := &flow{w: s.w, near: near, far: far, sent: make(chan harness.Response, 1)}
	fl.u = p.Create(t, map[string]any{"stream": true, "files": []map[string]any{{"fileName": "a", "reference": "0"}}})
	fl.f = fl.u.Files[0]
	sending, end := context.WithCancel(t.Context())
	fl.end = end
	t.Cleanup(end)
	go func() {
		r, err := p.TryPost(t.Context(), fl.u.Path(fl.f), "a", &rate{ctx: sending}, "X-UploadToken", fl.u.UploadToken)
		if err != nil {
			r = harness.Response{}
		}
		fl.sent <- r
	}()
	s.becomes(t, fl, "uploading", settled)
	if !reads {
		return fl
	}
	down := harness.NewPlik(t, far.URL)
	down.HTTP.Timeout = 3 * time.Minute
	resp, err := down.Open(t.Context(), http.MethodGet, fl.u.Path(fl.f), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", resp, err)
	}
	fl.read = resp
	t.Cleanup(func() { resp.Body.Close() })
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	return fl
}

// becomes waits for a state of the entry.
func (s *streams) becomes(t *testing.T, fl *flow, status string, within time.Duration) {
	t.Helper()
	begun, last := time.Now(), ""
	for time.Since(begun) < within {
		r, err := s.asking.Try(t.Context(), http.MethodGet, "/upload/"+fl.u.ID, nil)
		if err == nil && r.Status == http.StatusOK {
			if last = r.PlikUpload(t).Files[0].Status; last == status {
				t.Logf("%s after %v", status, time.Since(begun).Round(time.Millisecond))
				return
			}
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Errorf("it is %q, not %q, after %v", last, status, within)
}

// cut wants the reader's connection to break, not to end.
func (fl *flow) cut(t *testing.T) {
	t.Helper()
	begun := time.Now()
	n, err := io.Copy(io.Discard, fl.read.Body)
	if err == nil {
		t.Errorf("the reader saw a clean end after %d bytes", n)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("the reader heard of it after %v", took)
	}
}

// fails wants an error for the uploader; a connection that breaks is one.
func (fl *flow) fails(t *testing.T) {
	t.Helper()
	begun := time.Now()
	select {
	case r := <-fl.sent:
		if r.Status != 0 && r.Status != http.StatusInternalServerError {
			t.Errorf("the uploader got %d %s", r.Status, r.Body)
		}
		t.Logf("the uploader got %d after %v", r.Status, time.Since(begun).Round(time.Millisecond))
	case <-time.After(settled / 2):
		t.Error("the uploader does not hear of it")
	}
}

// edgeOf is the process that has a World's edge.
func edgeOf(w *harness.World) string {
	order := w.Order()
	return order[len(order)-1]
}

// restart starts what was killed.
func restart(t *testing.T, w *harness.World, name string) {
	t.Helper()
	if err := w.StartProc(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
}

// edge kills one that has an uploader whose stream runs, one whose stream nobody
// reads, a reader, and a reader that has taken nothing for a while.
func (s *streams) edge(t *testing.T) {
	runs, waits := s.begin(t, s.other, s.w, true), s.begin(t, s.other, s.w, false)
	reads, slow := s.begin(t, s.w, s.other, true), s.begin(t, s.w, s.other, true)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, reads.read.Body)
	}()
	select {
	case r := <-slow.sent:
		t.Fatalf("the stream ended: %d %s", r.Status, r.Body)
	case <-time.After(3 * time.Second): // until all buffers are full
	}
	s.other.Kill(edgeOf(s.other))
	<-drained
	runs.cut(t)
	for name, fl := range map[string]*flow{"an uploader": runs, "one that waits": waits, "a reader": reads, "a slow reader": slow} {
		t.Log(name)
		fl.fails(t)
		s.becomes(t, fl, "deleted", settled)
	}
	restart(t, s.other, edgeOf(s.other))
}

// edgeStops has an edge told to stop: who waits for a reader is sent away at once,
// and a stream that runs comes to its end.
func (s *streams) edgeStops(t *testing.T) {
	runs, waits := s.begin(t, s.other, s.w, true), s.begin(t, s.other, s.w, false)
	stopped := make(chan error, 1)
	go func() { stopped <- s.other.Stop(edgeOf(s.other), settled) }()
	if r := <-waits.sent; r.Status != http.StatusServiceUnavailable {
		t.Errorf("who waits got %d %s", r.Status, r.Body)
	}
	s.becomes(t, waits, "deleted", settled)
	runs.end()
	if _, err := io.Copy(io.Discard, runs.read.Body); err != nil {
		t.Errorf("a stream that ran was cut: %v", err)
	}
	(<-runs.sent).Want(t, http.StatusOK)
	if err := <-stopped; err != nil {
		t.Errorf("the edge stopped with %v", err)
	}
	restart(t, s.other, edgeOf(s.other))
}

// upload dies and comes back: the bytes go on meanwhile.
func (s *streams) upload(t *testing.T) {
	fl := s.begin(t, s.w, s.other, true)
	s.w.Kill("upload")
	if _, err := io.CopyN(io.Discard, fl.read.Body, 1<<20); err != nil {
		t.Fatalf("the stream broke with the upload service: %v", err)
	}
	restart(t, s.w, "upload")
	fl.end()
	if _, err := io.Copy(io.Discard, fl.read.Body); err != nil {
		t.Error(err)
	}
	r := <-fl.sent
	if got := r.Want(t, http.StatusOK).PlikFile(t); got.Status != "deleted" || got.Size == 0 || got.MD5 == "" {
		t.Errorf("%+v", got)
	}
	s.becomes(t, fl, "deleted", settled)
}

// nats dies and comes back: the stream goes on or breaks, the same at both ends.
func (s *streams) nats(t *testing.T) {
	fl := s.begin(t, s.w, s.other, true)
	s.w.Kill("nats")
	restart(t, s.w, "nats")
	fl.end()
	_, err := io.Copy(io.Discard, fl.read.Body)
	r := <-fl.sent
	t.Logf("reader: %v, uploader: %d %s", err, r.Status, r.Body)
	if whole := r.Status == http.StatusOK; whole != (err == nil) {
		t.Errorf("the reader ended with %v, the uploader got %d %s", err, r.Status, r.Body)
	}
	s.becomes(t, fl, "deleted", settled)
}

// up kills everything but the uploader's edge.
func (s *streams) up(t *testing.T) {
	fl := s.begin(t, s.other, s.w, true)
	s.w.Kill("up")
	fl.cut(t)
	restart(t, s.w, "up")
	fl.fails(t)
	s.becomes(t, fl, "deleted", settled)
}
