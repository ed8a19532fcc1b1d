package uploadv1test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// FetchWorld is remote URLs and what stands around them. The wait for the second
// attempt is FetchRetry.
type FetchWorld struct {
	Service  uploadv1.FetchService
	Accounts *Accounts // what Service calls; made with FetchAccounts
	Clock    *Clock    // what Service reads
	// Sweep sweeps now, or does nothing where sweeps come by themselves.
	Sweep func()
	// Take takes what is in the queue out of it, as workers do.
	Take func(t *testing.T) []uploadv1.FetchWork
}

// FetchRetry is from the first attempt to the second in a FetchWorld.
const FetchRetry = 30 * time.Second

// FetchAccounts are the accounts of the suite's FetchWorld.
func FetchAccounts() []authv1.Account {
	return []authv1.Account{
		{ID: "acc_alice", Username: "alice", Region: "eu-west1", Admin: true, Limits: authv1.Limits{StorageBytes: 1 << 30, ObjectBytes: 1 << 20}},
		{ID: "acc_bob", Username: "bob"},
		{ID: "acc_off", Username: "off", Disabled: true},
	}
}

func fetcher(name string) authv1.Principal {
	return authv1.Principal{AccountID: "acc_" + name, Username: name}
}

// file is where the suite's URLs point.
const file = "http://files.example/a%20b.bin?x=1&y=2"

func (w FetchWorld) try(t *testing.T, name string, limit int) (uploadv1.Fetch, error) {
	t.Helper()
	return w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: fetcher(name), URL: file, Limit: limit})
}

func (w FetchWorld) add(t *testing.T) uploadv1.Fetch {
	t.Helper()
	f, err := w.try(t, "alice", 50)
	if err != nil {
		t.Fatalf("adding: %v", err)
	}
	return f
}

func (w FetchWorld) get(t *testing.T, f uploadv1.Fetch) uploadv1.Fetch {
	t.Helper()
	got, err := w.Service.GetFetch(t.Context(), uploadv1.FetchRequest{Principal: authv1.Principal{AccountID: f.AccountID}, ID: f.ID})
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return got
}

func (w FetchWorld) cancel(t *testing.T, f uploadv1.Fetch) uploadv1.Fetch {
	t.Helper()
	got, err := w.Service.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: authv1.Principal{AccountID: f.AccountID}, ID: f.ID})
	if err != nil {
		t.Fatalf("cancelling: %v", err)
	}
	return got
}

func (w FetchWorld) lease(t *testing.T, f uploadv1.Fetch) uploadv1.FetchLeased {
	t.Helper()
	l, err := w.tryLease(t, f.ID)
	if err != nil {
		t.Fatalf("leasing: %v", err)
	}
	return l
}

func (w FetchWorld) tryLease(t *testing.T, id int64) (uploadv1.FetchLeased, error) {
	t.Helper()
	return w.Service.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: id})
}

func (w FetchWorld) keep(t *testing.T, l uploadv1.FetchLeased) error {
	t.Helper()
	_, err := w.Service.KeepFetch(t.Context(), uploadv1.KeepFetchRequest{ID: l.Fetch.ID, Fence: l.Fence, Received: 7, Size: 9})
	return err
}

// end ends an attempt as r says; its fetch and fence are l's.
func (w FetchWorld) end(t *testing.T, l uploadv1.FetchLeased, r uploadv1.EndFetchRequest) uploadv1.Fetch {
	t.Helper()
	f, err := w.tryEnd(t, l, r)
	if err != nil {
		t.Fatalf("ending: %v", err)
	}
	return f
}

func (w FetchWorld) tryEnd(t *testing.T, l uploadv1.FetchLeased, r uploadv1.EndFetchRequest) (uploadv1.Fetch, error) {
	t.Helper()
	r.ID, r.Fence = l.Fetch.ID, l.Fence
	return w.Service.EndFetch(t.Context(), r)
}

// How attempts end.
var (
	fetched = uploadv1.EndFetchRequest{NodeID: "k3v9x2m8q1", Size: 9}
	broken  = uploadv1.EndFetchRequest{Reason: "it broke off", Again: true}
	refused = uploadv1.EndFetchRequest{Reason: "status 404"}
)

// queued wants that the fetch comes into the queue, once.
func (w FetchWorld) queued(t *testing.T, f uploadv1.Fetch) {
	t.Helper()
	var seen []uploadv1.FetchWork
	w.until(t, fmt.Sprintf("fetch %d is in the queue", f.ID), func() bool {
		seen = append(seen, w.Take(t)...)
		return slices.Contains(seen, uploadv1.FetchWork{ID: f.ID, AccountID: f.AccountID})
	})
	if len(seen) != 1 {
		t.Errorf("in the queue: %v", seen)
	}
}

// until waits for a condition, and sweeps meanwhile.
func (w FetchWorld) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(time.Minute) // only a failure takes it
	for w.Sweep(); !ok(); w.Sweep() {
		if time.Now().After(end) {
			t.Fatalf("it did not come to this: %s", what)
		}
		<-tick.C
	}
}

// is waits until a fetch is in a state.
func (w FetchWorld) is(t *testing.T, f uploadv1.Fetch, state uploadv1.FetchState) (got uploadv1.Fetch) {
	t.Helper()
	w.until(t, fmt.Sprintf("fetch %d is %s", f.ID, state), func() bool { got = w.get(t, f); return got.State == state })
	return got
}
