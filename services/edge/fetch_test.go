package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/edge"
)

// remote is upload with one fetch, which goes back into the queue when it is
// returned.
type remote struct {
	uploadv1.FetchService // what edges do not call is nil

	push func()

	mu    sync.Mutex
	fetch uploadv1.Fetch
	fence int64
	ends  []uploadv1.EndFetchRequest
}

// LeaseFetch implements uploadv1.FetchService.
func (r *remote) LeaseFetch(context.Context, uploadv1.FetchWorkRequest) (uploadv1.FetchLeased, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.fetch.State {
	case uploadv1.FetchQueued:
	case uploadv1.FetchDownloading:
		return uploadv1.FetchLeased{}, uploadv1.ErrFetchTaken
	default:
		return uploadv1.FetchLeased{}, uploadv1.ErrFetchOver
	}
	r.fetch.State = uploadv1.FetchDownloading
	r.fence++
	return uploadv1.FetchLeased{Fetch: r.fetch, Fence: r.fence, Principal: authv1.Principal{AccountID: r.fetch.AccountID}}, nil
}

// EndFetch implements uploadv1.FetchService.
func (r *remote) EndFetch(_ context.Context, q uploadv1.EndFetchRequest) (uploadv1.Fetch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.Fence != r.fence || r.fetch.State != uploadv1.FetchDownloading {
		return uploadv1.Fetch{}, uploadv1.ErrFetchTaken
	}
	r.ends = append(r.ends, q)
	switch {
	case q.Returned:
		r.fetch.State = uploadv1.FetchQueued
		r.push()
	case q.NodeID != "":
		r.fetch.State, r.fetch.NodeID = uploadv1.FetchDone, q.NodeID
	default:
		r.fetch.State, r.fetch.Reason = uploadv1.FetchFailed, q.Reason
	}
	return r.fetch, nil
}

func (r *remote) state() uploadv1.FetchState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetch.State
}

// ended is how often somebody ended the fetch, or gave it back.
func (r *remote) ended() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ends)
}

// fetching starts an edge, and upload with one fetch of url.
func fetching(t *testing.T, url string, change ...func(*edge.Config)) (*system, *remote) {
	t.Helper()
	s := start(t, change...)
	r := &remote{fetch: uploadv1.Fetch{ID: 1, AccountID: "acc-ada", URL: url, State: uploadv1.FetchQueued, Size: -1}}
	work, err := json.Marshal(uploadv1.FetchWork{ID: 1, AccountID: "acc-ada"})
	if err != nil {
		t.Fatal(err)
	}
	r.push = func() {
		if _, err := s.p.JS.Publish(context.WithoutCancel(t.Context()), uploadv1.FetchSubject, work); err != nil {
			t.Error(err)
		}
	}
	srv, err := s.p.NewServer("fetches")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Stop(context.Background()) })
	if err := uploadv1.RegisterFetch(srv, r); err != nil {
		t.Fatal(err)
	}
	return s, r
}

// TestEdge_Fetches takes work from the stream, however often it is delivered.
func TestEdge_Fetches(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "hello")
	}))
	defer files.Close()
	s, r := fetching(t, files.URL+"/a.txt")
	for range 3 {
		r.push()
	}
	eventually(t, "it ends", func() bool { return r.state() == uploadv1.FetchDone })
	eventually(t, "the queue is empty", func() bool {
		st, err := s.p.JS.Stream(t.Context(), "FETCHES")
		if err != nil {
			t.Fatal(err)
		}
		info, err := st.Info(t.Context())
		return err == nil && info.State.Msgs == 0
	})
	if keys := s.obj.Keys("acc-ada", objectv1.DriveBucket); asked.Load() != 1 || !slices.Equal(keys, []string{"a.txt"}) {
		t.Errorf("asked %d times, files %q", asked.Load(), keys)
	}
	if got := s.want(t, 200, "GET", "/api/v1/buckets/drive/objects/a.txt", nil, nil); string(got) != "hello" {
		t.Errorf("it reads as %q", got)
	}
}

// TestEdge_FetchGoesOn: an edge that stops gives back what it is at, and another
// one finishes it.
func TestEdge_FetchGoesOn(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	opened := make(chan struct{})
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first ")
		w.(http.Flusher).Flush()
		if asked.Add(1) > 1 {
			fmt.Fprint(w, "second")
			return
		}
		select {
		case <-opened:
		case <-r.Context().Done():
		}
	}))
	defer files.Close()
	defer close(opened)
	s, r := fetching(t, files.URL+"/a.txt")
	r.push()
	eventually(t, "it is under way", func() bool { return asked.Load() == 1 })
	cfg := edge.Default()
	cfg.HTTPAddr = "127.0.0.1:0"
	other, err := edge.New(cfg, s.p)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- other.Run(context.WithoutCancel(t.Context())) }()
	s.stop(t, time.Minute)
	eventually(t, "another one finishes", func() bool { return r.state() == uploadv1.FetchDone })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := other.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if len(r.ends) != 2 || !r.ends[0].Returned || r.ends[1].Size != 12 || asked.Load() != 2 {
		t.Errorf("asked %d times, it ended with %+v", asked.Load(), r.ends)
	}
}

// TestEdge_FetchesNothingOfItself: a public address of the machine's own is refused
// before anybody speaks to it.
func TestEdge_FetchesNothingOfItself(t *testing.T) {
	t.Parallel()
	ours := netip.MustParseAddr("2d00::1") // public by form, and nobody's
	s, r := fetching(t, "http://["+ours.String()+"]/a.txt", func(c *edge.Config) { c.Fetch.Concurrency = 0 })
	cfg := edge.Default()
	cfg.HTTPAddr = "127.0.0.1:0"
	worker, err := edge.New(cfg, s.p)
	if err != nil {
		t.Fatal(err)
	}
	before := worker.(*edge.Service).Own(func() []netip.Addr { return []netip.Addr{ours} })
	if !slices.Contains(before(), netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("it takes %v for its own", before())
	}
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- worker.Run(context.WithoutCancel(t.Context())) }()
	r.push()
	eventually(t, "it ends", func() bool { return r.ended() > 0 })
	if r.mu.Lock(); r.fetch.State != uploadv1.FetchFailed || !strings.Contains(r.fetch.Reason, outbound.ErrRefused.Message) {
		t.Errorf("it is %q: %q", r.fetch.State, r.fetch.Reason)
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := worker.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
