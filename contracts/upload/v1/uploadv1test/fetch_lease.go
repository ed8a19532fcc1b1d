package uploadv1test

import (
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func fetchLease(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.Clock.Advance(time.Second)
	l := w.lease(t, f)
	want := f
	want.State, want.Attempts, want.UpdatedAt = uploadv1.FetchDownloading, 1, w.Clock.Now()
	if l.Fetch != want || l.Fence < 1 {
		t.Errorf("leased %+v, want %+v", l, want)
	}
	// As the account is now, and no more than the account.
	by := authv1.Principal{AccountID: "acc_alice", Username: "alice", Region: "eu-west1", Limits: authv1.Limits{StorageBytes: 1 << 30, ObjectBytes: 1 << 20}}
	if !reflect.DeepEqual(l.Principal, by) {
		t.Errorf("on behalf of %+v, want %+v", l.Principal, by)
	}
	_, err := w.tryLease(t, f.ID)
	wantCode(t, "once more", err, uploadv1.ErrFetchTaken)
	if got := w.get(t, f); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// fetchLeaseOnce: of many workers at once one has it.
func fetchLeaseOnce(t *testing.T, w FetchWorld) {
	f := w.add(t)
	var won atomic.Int32
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			if _, err := w.tryLease(t, f.ID); err == nil {
				won.Add(1)
			} else {
				wantCode(t, "another one", err, uploadv1.ErrFetchTaken)
			}
		})
	}
	g.Wait()
	if got := w.get(t, f); won.Load() != 1 || got.Attempts != 1 {
		t.Errorf("%d have it: %+v", won.Load(), got)
	}
}

// fetchLeaseOfAKey: what a key may not do, its fetch may not do later.
func fetchLeaseOfAKey(t *testing.T, w FetchWorld) {
	by := fetcher("alice")
	by.KeyID, by.Grant = "LWAK1", authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeWrite}, Buckets: []string{"drive"}, Prefixes: []string{"in/"}}
	by.Admin, by.System, by.Limits = true, true, authv1.Limits{ObjectBytes: 1 << 60}
	f, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: by, URL: file, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := w.lease(t, f).Principal
	if got.KeyID != by.KeyID || !reflect.DeepEqual(got.Grant, by.Grant) || got.Admin || got.System || got.Limits.ObjectBytes != 1<<20 {
		t.Errorf("on behalf of %+v", got)
	}
}

func fetchAccountGone(t *testing.T, w FetchWorld) {
	off, err := w.try(t, "off", 1)
	if err != nil {
		t.Fatal(err)
	}
	gone := w.add(t)
	w.Accounts.Forget("acc_alice")
	for _, f := range []uploadv1.Fetch{off, gone} {
		for range 2 {
			_, err = w.tryLease(t, f.ID)
			wantCode(t, f.AccountID, err, uploadv1.ErrFetchOver)
		}
		if got := w.get(t, f); got.State != uploadv1.FetchFailed || got.Reason != "the account is closed" || got.Attempts != 0 {
			t.Errorf("%+v", got)
		}
	}
}

func fetchKeep(t *testing.T, w FetchWorld) {
	f := w.add(t)
	l := w.lease(t, f)
	for range 4 {
		w.Clock.Advance(uploadv1.FetchLease - time.Second)
		w.Sweep()
		if err := w.keep(t, l); err != nil {
			t.Fatal(err)
		}
		_, err := w.tryLease(t, f.ID)
		wantCode(t, "another worker", err, uploadv1.ErrFetchTaken)
	}
	if got := w.get(t, f); got.Received != 7 || got.Size != 9 || !got.UpdatedAt.Equal(w.Clock.Now()) || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := w.Service.KeepFetch(t.Context(), uploadv1.KeepFetchRequest{ID: f.ID, Fence: l.Fence, Received: -5, Size: -5}); err != nil {
		t.Error(err)
	}
	if got := w.get(t, f); got.Received != 0 || got.Size != -1 {
		t.Errorf("%+v", got)
	}
	for _, fence := range []int64{l.Fence - 1, l.Fence + 1, 0, -1} {
		other := l
		other.Fence = fence
		wantCode(t, "another fence", w.keep(t, other), uploadv1.ErrFetchTaken)
		_, err := w.tryEnd(t, other, fetched)
		wantCode(t, "ending by another fence", err, uploadv1.ErrFetchTaken)
	}
}

func fetchDone(t *testing.T, w FetchWorld) {
	f := w.add(t)
	l := w.lease(t, f)
	if err := w.keep(t, l); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Second)
	got := w.end(t, l, fetched)
	want := f
	want.State, want.Attempts, want.NodeID, want.Received, want.Size, want.UpdatedAt = uploadv1.FetchDone, 1, fetched.NodeID, 9, 9, w.Clock.Now()
	if got != want || w.get(t, f) != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	w.Clock.Advance(time.Second)
	for _, r := range []uploadv1.EndFetchRequest{fetched, broken, refused, {Returned: true}} {
		if again := w.end(t, l, r); again != want {
			t.Errorf("once more: %+v", again)
		}
	}
	wantCode(t, "going on", w.keep(t, l), uploadv1.ErrFetchOver)
	_, err := w.tryLease(t, f.ID)
	wantCode(t, "leasing", err, uploadv1.ErrFetchOver)
}

func fetchFailed(t *testing.T, w FetchWorld) {
	f := w.add(t)
	l := w.lease(t, f)
	got := w.end(t, l, refused)
	if got.State != uploadv1.FetchFailed || got.Reason != refused.Reason || got.NodeID != "" || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
	if again := w.end(t, l, refused); again != got {
		t.Errorf("once more: %+v", again)
	}
	wantCode(t, "going on", w.keep(t, l), uploadv1.ErrFetchOver)
}

// fetchAgain goes through all attempts; each waits four times as long as the one
// before, and the last one is for good.
func fetchAgain(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.queued(t, f)
	wait := FetchRetry
	for n := 1; ; n++ {
		l := w.lease(t, f)
		if l.Fetch.Attempts != n || l.Fetch.Received != 0 || l.Fetch.Size != -1 || l.Fetch.Reason != "" {
			t.Fatalf("attempt %d: %+v", n, l.Fetch)
		}
		if err := w.keep(t, l); err != nil {
			t.Fatal(err)
		}
		got := w.end(t, l, broken)
		if n == uploadv1.MaxFetchAttempts {
			if got.State != uploadv1.FetchFailed || got.Reason != broken.Reason {
				t.Errorf("the last one: %+v", got)
			}
			return
		}
		if got.State != uploadv1.FetchQueued || got.Reason != broken.Reason || got.Attempts != n {
			t.Fatalf("attempt %d: %+v", n, got)
		}
		if again := w.end(t, l, broken); again != got {
			t.Errorf("once more: %+v", again)
		}
		wantCode(t, "going on", w.keep(t, l), uploadv1.ErrFetchTaken)
		w.Clock.Advance(wait - time.Second)
		w.Sweep()
		_, err := w.tryLease(t, f.ID)
		wantCode(t, "too early", err, uploadv1.ErrFetchTaken)
		if early := w.Take(t); len(early) != 0 {
			t.Errorf("in the queue too early: %v", early)
		}
		w.Clock.Advance(time.Second)
		w.queued(t, f)
		wait *= 4
	}
}

// fetchAgainLater: who asks for patience gets it, up to an hour.
func fetchAgainLater(t *testing.T, w FetchWorld) {
	for seconds, wait := range map[int64]time.Duration{-1: FetchRetry, 1: FetchRetry, 120: 2 * time.Minute, 1 << 62: time.Hour, -1 << 63: FetchRetry} {
		f := w.add(t)
		w.queued(t, f)
		later := broken
		later.WaitSeconds = seconds
		w.end(t, w.lease(t, f), later)
		w.Clock.Advance(wait - time.Second)
		_, err := w.tryLease(t, f.ID)
		wantCode(t, "too early", err, uploadv1.ErrFetchTaken)
		w.Clock.Advance(time.Second)
		w.queued(t, f)
		w.end(t, w.lease(t, f), fetched)
	}
}

// fetchReturned: a worker that stops costs no attempt and no time.
func fetchReturned(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.queued(t, f)
	for range uploadv1.MaxFetchAttempts + 2 {
		l := w.lease(t, f)
		back := uploadv1.EndFetchRequest{Returned: true, Reason: "ignored"}
		if got := w.end(t, l, back); got.State != uploadv1.FetchQueued || got.Attempts != 0 || got.Reason != "" {
			t.Fatalf("%+v", got)
		}
		w.end(t, l, back)
		wantCode(t, "going on", w.keep(t, l), uploadv1.ErrFetchTaken)
		w.queued(t, f)
	}
	w.end(t, w.lease(t, f), fetched)
}

// fetchLapses: a worker that is not heard of loses the fetch, and cannot harm the
// next one.
func fetchLapses(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.queued(t, f)
	old := w.lease(t, f)
	w.Clock.Advance(uploadv1.FetchLease + 10*time.Second)
	w.queued(t, f)
	if got := w.get(t, f); got.State != uploadv1.FetchQueued || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
	wantCode(t, "going on", w.keep(t, old), uploadv1.ErrFetchTaken)
	if got := w.end(t, old, broken); got.State != uploadv1.FetchQueued {
		t.Errorf("it asks for another attempt: %+v", got)
	}
	l := w.lease(t, f)
	if l.Fence <= old.Fence || l.Fetch.Attempts != 2 {
		t.Errorf("%+v", l)
	}
	for _, r := range []uploadv1.EndFetchRequest{fetched, broken, refused, {Returned: true}} {
		_, err := w.tryEnd(t, old, r)
		wantCode(t, "the old one ends", err, uploadv1.ErrFetchTaken)
	}
	if err := w.keep(t, l); err != nil {
		t.Error(err)
	}
}

// fetchLapsesUnseen: a lease that ran out before anybody noticed goes on when its
// worker is heard of, or goes to whoever asks.
func fetchLapsesUnseen(t *testing.T, w FetchWorld) {
	f := w.add(t)
	l := w.lease(t, f)
	w.Clock.Advance(uploadv1.FetchLease + time.Second)
	if err := w.keep(t, l); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(uploadv1.FetchLease + time.Second)
	if next := w.lease(t, f); next.Fence <= l.Fence || next.Fetch.Attempts != 2 {
		t.Errorf("%+v", next)
	}
	wantCode(t, "going on", w.keep(t, l), uploadv1.ErrFetchTaken)
}

func fetchLapsesForGood(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.queued(t, f)
	for n := range uploadv1.MaxFetchAttempts {
		w.lease(t, f)
		w.Clock.Advance(uploadv1.FetchLease + 10*time.Second)
		if n < uploadv1.MaxFetchAttempts-1 {
			w.queued(t, f)
		}
	}
	if got := w.is(t, f, uploadv1.FetchFailed); got.Reason != "the fetch was cut off too often" || got.Attempts != uploadv1.MaxFetchAttempts {
		t.Errorf("%+v", got)
	}
	if _, err := w.try(t, "alice", 1); err != nil {
		t.Errorf("its place: %v", err)
	}
}

// fetchLateEnd: the file of a worker whose lease lapsed counts while nobody has
// begun anew; so does what is for good.
func fetchLateEnd(t *testing.T, w FetchWorld) {
	for want, r := range map[uploadv1.FetchState]uploadv1.EndFetchRequest{uploadv1.FetchDone: fetched, uploadv1.FetchFailed: refused} {
		f := w.add(t)
		w.queued(t, f)
		l := w.lease(t, f)
		w.Clock.Advance(uploadv1.FetchLease + 10*time.Second)
		w.queued(t, f)
		if got := w.end(t, l, r); got.State != want {
			t.Errorf("%+v", got)
		}
		_, err := w.tryLease(t, f.ID)
		wantCode(t, "leasing", err, uploadv1.ErrFetchOver)
	}
}

func fetchEndRefused(t *testing.T, w FetchWorld) {
	f := w.add(t)
	l := w.lease(t, f)
	for what, r := range map[string]uploadv1.EndFetchRequest{
		"nothing": {}, "both": {NodeID: "x", Reason: "y"}, "a file, and again": {NodeID: "x", Again: true}, "again without a reason": {Again: true},
		"a long reason": {Reason: strings.Repeat("x", uploadv1.MaxFetchReason+1)},
		"no id":         {NodeID: "../x"}, "a long id": {NodeID: strings.Repeat("x", 300)}, "a negative size": {NodeID: "x", Size: -1},
	} {
		_, err := w.tryEnd(t, l, r)
		wantCode(t, what, err, fault.ErrInvalid)
	}
	if err := w.keep(t, l); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
}
