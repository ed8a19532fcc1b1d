package fetch_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/fetch"
)

// gate serves a first part and then waits to be opened.
func gate(t *testing.T) (url string, asked *atomic.Int32, open func()) {
	t.Helper()
	opened, n := make(chan struct{}), &atomic.Int32{}
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		n.Add(1)
		fmt.Fprint(rw, "first ")
		rw.(http.Flusher).Flush()
		select {
		case <-opened:
			fmt.Fprint(rw, "second")
		case <-r.Context().Done():
		}
	})
	once := sync.OnceFunc(func() { close(opened) })
	t.Cleanup(once)
	return s.URL + "/g", n, once
}

// handle carries one out beside the test.
func handle(ctx context.Context, w *fetch.Worker, id int64) chan error {
	done := make(chan error, 1)
	go func() { done <- w.Handle(ctx, message(id)) }()
	return done
}

func TestWorker_SaysThatItGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, _, open := gate(t)
	id := w.q.add(url, "")
	done := handle(t.Context(), w.Worker, id)
	eventually(t, "upload hears of the bytes", func() bool { return w.q.get(id).Received == 6 })
	w.q.setFail("KeepFetch", fault.ErrUnavailable) // takes nothing from us
	w.q.mu.Lock()
	from := w.q.keeps
	w.q.mu.Unlock()
	eventually(t, "it asks on", func() bool { w.q.mu.Lock(); defer w.q.mu.Unlock(); return w.q.keeps > from+2 })
	open()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, body := w.stored(t, w.q.get(id)); body != "first second" {
		t.Errorf("%q", body)
	}
}

func TestWorker_Cancelled(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*leased){
		"cancelled": func(f *leased) { f.State = uploadv1.FetchCancelled }, "another's": func(f *leased) { f.fence++ },
	} {
		w := newWorld(t)
		url, asked, _ := gate(t)
		id := w.q.add(url, "")
		done := handle(t.Context(), w.Worker, id)
		eventually(t, "it runs", func() bool { return asked.Load() == 1 })
		w.q.set(id, change)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if f := w.q.get(id); len(f.ends) != 0 {
			t.Errorf("%s: it ended with %+v", what, f.ends)
		}
		w.clean(t)
	}
}

// committing lets something happen before a commit is answered.
type committing struct {
	*queue
	before func()
}

func (c committing) EndFetch(ctx context.Context, r uploadv1.EndFetchRequest) (uploadv1.Fetch, error) {
	c.before()
	return c.queue.EndFetch(ctx, r)
}

// TestWorker_CancelledBehindTheCommit: the file goes again.
func TestWorker_CancelledBehindTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fetch.Options) { o.Keep = time.Hour })
	s := serve(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "hello") })
	id := w.q.add(s.URL+"/a", "")
	w.deps.Fetches = committing{w.q, func() {
		if len(w.files()) != 1 {
			t.Error("the file is not there yet")
		}
		w.q.set(id, func(f *leased) { f.State = uploadv1.FetchCancelled })
	}}
	if err := w.another(t).Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	w.clean(t)
}

// TestWorker_StopsInTheMiddle: another one finishes what the first gave back.
func TestWorker_StopsInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, asked, open := gate(t)
	id := w.q.add(url, "")
	ctx, stop := context.WithCancel(t.Context())
	done := handle(ctx, w.Worker, id)
	eventually(t, "it runs", func() bool { return asked.Load() == 1 })
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if f := w.q.get(id); f.State != uploadv1.FetchQueued || len(f.ends) != 1 || !f.ends[0].Returned {
		t.Fatalf("%+v", f)
	}
	w.clean(t)
	open()
	if err := w.another(t).Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	if _, body := w.stored(t, w.q.get(id)); body != "first second" {
		t.Errorf("%q", body)
	}
	w.clean(t, "g")
}

// TestWorker_DiesBehindTheCommit: nobody was told of the file, and the next attempt
// finds it.
func TestWorker_DiesBehindTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := serve(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "hello") })
	id := w.q.add(s.URL+"/a", "")
	w.q.setFail("EndFetch", uploadv1.ErrFetchTaken)
	if err := w.Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	w.q.setFail("EndFetch", nil)
	w.q.set(id, func(f *leased) { f.State = uploadv1.FetchQueued }) // the lease lapsed
	if err := w.another(t).Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	w.stored(t, w.q.get(id))
	w.clean(t, "a")
}

// TestWorker_Twice: of deliveries at once one is carried out, and of one behind the
// end none.
func TestWorker_Twice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, asked, open := gate(t)
	id := w.q.add(url, "")
	one, two := handle(t.Context(), w.Worker, id), handle(t.Context(), w.another(t), id)
	eventually(t, "one runs", func() bool { return asked.Load() == 1 })
	select { // the other one has nothing to do
	case err := <-one:
		one = two
		if err != nil {
			t.Error(err)
		}
	case err := <-two:
		if err != nil {
			t.Error(err)
		}
	}
	open()
	if err := <-one; err != nil {
		t.Error(err)
	}
	if err := w.Handle(t.Context(), message(id)); err != nil || asked.Load() != 1 {
		t.Errorf("%v, it was asked for %d times", err, asked.Load())
	}
	w.clean(t, "g")
}

// TestWorker_Shares: one account does not have all of a worker.
func TestWorker_Shares(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, asked, open := gate(t)
	var runs []chan error
	for range 2 {
		runs = append(runs, handle(t.Context(), w.Worker, w.q.add(url, "")))
	}
	eventually(t, "two run", func() bool { return asked.Load() == 2 })
	third := w.q.add(url, "")
	if err := w.Handle(t.Context(), message(third)); err == nil || fault.KindOf(err) == fault.Invalid || w.q.get(third).State != uploadv1.FetchQueued {
		t.Errorf("a third one: %v", err)
	}
	open()
	for _, r := range runs {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
	if err := w.Handle(t.Context(), message(third)); err != nil {
		t.Error(err)
	}
	w.stored(t, w.q.get(third))
}

// TestWorker_LastPlace: two accounts with long queues leave a place to a third, and
// whoever had that one does not have it again at once.
func TestWorker_LastPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, asked, open := gate(t)
	quick := serve(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "x") })
	var runs []chan error
	run := func(account string) {
		done := make(chan error, 1)
		m := messageOf(account, w.q.add(url, ""))
		go func() { done <- w.Handle(t.Context(), m) }()
		runs = append(runs, done)
		eventually(t, account+" runs", func() bool { return int(asked.Load()) == len(runs) })
	}
	waits := func(account string) {
		t.Helper()
		id := w.q.add(quick.URL, "")
		if err := w.Handle(t.Context(), messageOf(account, id)); err == nil || w.q.get(id).State != uploadv1.FetchQueued {
			t.Errorf("%s had another place: %v, %s", account, err, w.q.get(id).State)
		}
	}
	run("ann")
	run("ann")
	run("bob")
	waits("ann")
	waits("bob")
	id := w.q.add(quick.URL, "")
	if err := w.Handle(t.Context(), messageOf("cid", id)); err != nil {
		t.Fatalf("no place for a third one: %v", err)
	}
	waits("cid")
	w.stored(t, w.q.get(id))
	run("dan")
	open()
	for _, r := range runs {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
}
