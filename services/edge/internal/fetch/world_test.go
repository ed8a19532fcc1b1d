package fetch_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/fetch"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queue is as much of upload's fetches as a worker needs, in memory.
type queue struct {
	uploadv1.FetchService // what workers do not call is nil

	mu      sync.Mutex
	fetches map[int64]*leased
	limits  authv1.Limits
	fail    map[string]error
	keeps   int
}

type leased struct {
	uploadv1.Fetch
	fence int64
	ends  []uploadv1.EndFetchRequest
}

func (q *queue) add(url, folder string) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := int64(len(q.fetches) + 1)
	q.fetches[id] = &leased{Fetch: uploadv1.Fetch{ID: id, AccountID: "acc", URL: url, FolderID: folder, State: uploadv1.FetchQueued, Size: -1}}
	return id
}

// set changes a fetch past its worker.
func (q *queue) set(id int64, change func(*leased)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(q.fetches[id])
}

func (q *queue) get(id int64) leased {
	q.mu.Lock()
	defer q.mu.Unlock()
	return *q.fetches[id]
}

func (q *queue) setFail(method string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fail[method] = err
}

// LeaseFetch implements uploadv1.FetchService.
func (q *queue) LeaseFetch(_ context.Context, r uploadv1.FetchWorkRequest) (uploadv1.FetchLeased, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.fetches[r.ID]
	switch {
	case q.fail["LeaseFetch"] != nil:
		return uploadv1.FetchLeased{}, q.fail["LeaseFetch"]
	case f == nil:
		return uploadv1.FetchLeased{}, uploadv1.ErrFetchNotFound
	case f.State == uploadv1.FetchDownloading:
		return uploadv1.FetchLeased{}, uploadv1.ErrFetchTaken
	case f.State != uploadv1.FetchQueued:
		return uploadv1.FetchLeased{}, uploadv1.ErrFetchOver
	}
	f.State, f.fence, f.Attempts = uploadv1.FetchDownloading, f.fence+1, f.Attempts+1
	return uploadv1.FetchLeased{Fetch: f.Fetch, Fence: f.fence, Principal: authv1.Principal{AccountID: "acc", Limits: q.limits}}, nil
}

// KeepFetch implements uploadv1.FetchService.
func (q *queue) KeepFetch(_ context.Context, r uploadv1.KeepFetchRequest) (uploadv1.Fetch, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.keeps++
	f := q.fetches[r.ID]
	switch {
	case q.fail["KeepFetch"] != nil:
		return uploadv1.Fetch{}, q.fail["KeepFetch"]
	case f.fence != r.Fence:
		return uploadv1.Fetch{}, uploadv1.ErrFetchTaken
	case f.State != uploadv1.FetchDownloading:
		return uploadv1.Fetch{}, uploadv1.ErrFetchOver
	}
	f.Received, f.Size = r.Received, r.Size
	return f.Fetch, nil
}

// EndFetch implements uploadv1.FetchService.
func (q *queue) EndFetch(_ context.Context, r uploadv1.EndFetchRequest) (uploadv1.Fetch, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.fetches[r.ID]
	switch {
	case q.fail["EndFetch"] != nil:
		return uploadv1.Fetch{}, q.fail["EndFetch"]
	case f.fence != r.Fence:
		return uploadv1.Fetch{}, uploadv1.ErrFetchTaken
	case f.State != uploadv1.FetchDownloading:
		return f.Fetch, nil
	}
	f.ends = append(f.ends, r)
	f.Reason = r.Reason
	switch {
	case r.Returned, r.Again:
		f.State = uploadv1.FetchQueued
	case r.NodeID != "":
		f.State, f.NodeID, f.Size = uploadv1.FetchDone, r.NodeID, r.Size
	default:
		f.State = uploadv1.FetchFailed
	}
	return f.Fetch, nil
}

// world is a worker over fakes, which may go to 127.0.0.1.
type world struct {
	*fetch.Worker
	q     *queue
	obj   *edgetest.Object
	blobs *edgetest.Blobs
	opts  fetch.Options
	deps  fetch.Deps
}

func newWorld(t *testing.T, change ...func(*fetch.Options)) *world {
	t.Helper()
	w := &world{q: &queue{fetches: map[int64]*leased{}, fail: map[string]error{}}, obj: edgetest.NewObject(), blobs: edgetest.NewBlobs()}
	// No pace and no bound of time is met by a machine that is slow itself.
	w.opts = fetch.Options{AtOnce: 4, Timeout: time.Hour, Stall: time.Hour, PaceBytes: 8 << 10, Rate: 16 << 10, Grace: time.Hour, Keep: 10 * time.Millisecond}
	for _, c := range change {
		c(&w.opts)
	}
	w.deps = fetch.Deps{
		Fetches: w.q, Tel: telemetry.Nop(), Out: outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
		Engine: &transfer.Engine{Blobs: w.blobs, Objects: w.obj, Uploads: edgetest.Upload{O: w.obj}, Log: slog.New(slog.DiscardHandler), Now: time.Now},
	}
	w.Worker = w.another(t)
	return w
}

// another is a second edge.
func (w *world) another(t *testing.T) *fetch.Worker {
	t.Helper()
	x, err := fetch.New(w.opts, w.deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func message(id int64) *bus.Message { return messageOf("acc", id) }

// messageOf is one that names another account than the fetch's own.
func messageOf(account string, id int64) *bus.Message {
	b, _ := json.Marshal(uploadv1.FetchWork{ID: id, AccountID: account})
	return &bus.Message{Data: b}
}

// fetch carries one fetch out.
func (w *world) fetch(t *testing.T, url string) leased {
	t.Helper()
	id := w.q.add(url, "")
	if err := w.Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	return w.q.get(id)
}

// stored is what a fetched file holds.
func (w *world) stored(t *testing.T, f leased) (objectv1.Object, string) {
	t.Helper()
	if f.State != uploadv1.FetchDone {
		t.Fatalf("%s: %s", f.State, f.Reason)
	}
	o, err := w.obj.StatFile(t.Context(), objectv1.StatFileRequest{NodeID: f.NodeID})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.blobs.Reader(t.Context(), o.Manifest, 0, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	var b sink
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return o, string(b)
}

type sink []byte

func (s *sink) Write(p []byte) (int, error) { *s = append(*s, p...); return len(p), nil }

// files are the paths of the account's files.
func (w *world) files() []string {
	keys := w.obj.Keys("acc", objectv1.DriveBucket)
	slices.Sort(keys)
	return keys
}

// clean wants that nothing of an attempt stayed.
func (w *world) clean(t *testing.T, files ...string) {
	t.Helper()
	if got := w.files(); !slices.Equal(got, files) {
		t.Errorf("files: %q, want %q", got, files)
	}
	if n := w.obj.Held(); n != 0 {
		t.Errorf("%d reservations stayed", n)
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("it did not come to this: %s", what)
		}
	}
}

func soak() bool { return os.Getenv("SLUICE_SOAK") != "" }
