package uploadv1test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// RunFetch runs the suite of remote URLs; open makes a fresh world for each case.
func RunFetch(t *testing.T, open func(t *testing.T) FetchWorld) {
	for name, f := range map[string]func(*testing.T, FetchWorld){
		"Add": fetchAdd, "AddRefused": fetchAddRefused, "Limit": fetchLimit, "LimitParallel": fetchLimitParallel, "Strangers": fetchStrangers,
		"ListLong": fetchListLong, "Cancel": fetchCancel, "Kept": fetchKept, "KeptBounded": fetchKeptBounded, "Lost": fetchLost, "Remove": fetchRemove,

		"Lease": fetchLease, "LeaseOnce": fetchLeaseOnce, "LeaseOfAKey": fetchLeaseOfAKey, "AccountGone": fetchAccountGone, "Keep": fetchKeep,
		"Done": fetchDone, "Failed": fetchFailed, "Again": fetchAgain, "AgainLater": fetchAgainLater, "Returned": fetchReturned,
		"Lapses": fetchLapses, "LapsesUnseen": fetchLapsesUnseen, "LapsesForGood": fetchLapsesForGood, "LateEnd": fetchLateEnd, "EndRefused": fetchEndRefused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

func fetchAdd(t *testing.T, w FetchWorld) {
	f, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: fetcher("alice"), URL: file, FolderID: "k3v9x2m8q1", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := w.Clock.Now()
	want := uploadv1.Fetch{ID: f.ID, AccountID: "acc_alice", URL: file, FolderID: "k3v9x2m8q1", State: uploadv1.FetchQueued, Size: -1, CreatedAt: at, UpdatedAt: at}
	if f != want || f.ID < 1 {
		t.Errorf("added %+v, want %+v", f, want)
	}
	w.queued(t, f)
	if got := w.get(t, f); got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
	w.Clock.Advance(time.Second)
	other, err := w.try(t, "bob", 1)
	if err != nil || other.ID <= f.ID {
		t.Errorf("the next one is %+v, %v", other, err)
	}
	w.queued(t, other)
}

func fetchAddRefused(t *testing.T, w FetchWorld) {
	add := func(change func(*uploadv1.AddFetchRequest)) error {
		r := uploadv1.AddFetchRequest{Principal: fetcher("alice"), URL: file, Limit: 1}
		change(&r)
		_, err := w.Service.AddFetch(t.Context(), r)
		return err
	}
	long := "http://files.example/" + strings.Repeat("x", uploadv1.MaxFetchURL)
	for _, u := range []string{
		"", "x", "/etc/passwd", "file:///etc/passwd", "ftp://files.example/", "http://", "http:///x", "http://user:pw@files.example/", "http://127.0.0.1/",
		"http://[::1]/", "http://10.0.0.1/x", "http://169.254.169.254/latest/", "http://2130706433/", "http://0x7f.1/", "http://1.1.1.1:22/", "http://files.example:0/",
		"http://files.example/\x00", "http://files.example/ x", "http://files.example/\n", "http://files.example/%zz", "javascript:alert(1)",
		long, "HTTP//files.example", "http://files.example:99999/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1%25eth0]/",
	} {
		wantCode(t, u, add(func(r *uploadv1.AddFetchRequest) { r.URL = u }), uploadv1.ErrBadFetchURL)
	}
	for what, change := range map[string]func(*uploadv1.AddFetchRequest){
		"nobody": func(r *uploadv1.AddFetchRequest) { r.Principal.AccountID = "" }, "no limit": func(r *uploadv1.AddFetchRequest) { r.Limit = 0 },
		"negative limit": func(r *uploadv1.AddFetchRequest) { r.Limit = -1 }, "huge limit": func(r *uploadv1.AddFetchRequest) { r.Limit = uploadv1.MaxFetchLimit + 1 },
		"folder": func(r *uploadv1.AddFetchRequest) { r.FolderID = "../x" }, "long folder": func(r *uploadv1.AddFetchRequest) { r.FolderID = strings.Repeat("x", 300) },
	} {
		wantCode(t, what, add(change), fault.ErrInvalid)
	}
	for _, u := range []string{long[:uploadv1.MaxFetchURL], "https://bücher.example/ä", "HTTPS://1.1.1.1/", "http://files.example:8080/x#y"} {
		if err := add(func(r *uploadv1.AddFetchRequest) { r.URL, r.Limit = u, 9 }); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func fetchLimit(t *testing.T, w FetchWorld) {
	var all []uploadv1.Fetch
	for range 4 {
		f, err := w.try(t, "alice", 4)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	full := func(what string) {
		t.Helper()
		_, err := w.try(t, "alice", 4)
		wantCode(t, what, err, uploadv1.ErrTooManyFetches)
	}
	full("a fifth one")
	if _, err := w.try(t, "bob", 4); err != nil {
		t.Errorf("another account: %v", err)
	}
	for what, end := range map[string]func(f uploadv1.Fetch){
		"cancelled": func(f uploadv1.Fetch) { w.cancel(t, f) }, "done": func(f uploadv1.Fetch) { w.end(t, w.lease(t, f), fetched) },
		"failed": func(f uploadv1.Fetch) { w.end(t, w.lease(t, f), refused) },
	} {
		end(all[0])
		if all = all[1:]; len(all) > 0 {
			if _, err := w.try(t, "alice", 4); err != nil {
				t.Errorf("behind one that was %s: %v", what, err)
			}
		}
		full("behind one that was " + what)
	}
	w.end(t, w.lease(t, all[0]), broken) // counts on
	full("behind one that waits")
}

func fetchLimitParallel(t *testing.T, w FetchWorld) {
	const most = 5
	var taken, many atomic.Int32
	var g sync.WaitGroup
	for range 24 {
		g.Go(func() {
			_, err := w.try(t, "alice", most)
			if err == nil {
				taken.Add(1)
				return
			}
			wantCode(t, "one too many", err, uploadv1.ErrTooManyFetches)
			many.Add(1)
		})
	}
	g.Wait()
	if taken.Load() != most || many.Load() != 24-most {
		t.Errorf("%d were taken, %d refused", taken.Load(), many.Load())
	}
}

func fetchStrangers(t *testing.T, w FetchWorld) {
	f := w.add(t)
	for what, r := range map[string]uploadv1.FetchRequest{
		"another's": {Principal: fetcher("bob"), ID: f.ID}, "nobody's": {ID: f.ID}, "none": {Principal: fetcher("alice"), ID: f.ID + 1},
		"0": {Principal: fetcher("alice")}, "negative": {Principal: fetcher("alice"), ID: -f.ID},
		"an administrator's": {Principal: authv1.Principal{AccountID: "acc_bob", Admin: true}, ID: f.ID},
	} {
		_, err := w.Service.GetFetch(t.Context(), r)
		wantCode(t, what, err, uploadv1.ErrFetchNotFound)
		_, err = w.Service.CancelFetch(t.Context(), r)
		wantCode(t, what, err, uploadv1.ErrFetchNotFound)
	}
	if l, err := w.Service.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: fetcher("bob")}); err != nil || l.Fetches == nil || len(l.Fetches) != 0 {
		t.Errorf("another's list: %+v, %v", l, err)
	}
	_, err := w.tryLease(t, f.ID+1)
	wantCode(t, "leasing none", err, uploadv1.ErrFetchNotFound)
	none := uploadv1.FetchLeased{Fetch: uploadv1.Fetch{ID: f.ID + 1}}
	wantCode(t, "keeping none", w.keep(t, none), uploadv1.ErrFetchNotFound)
	_, err = w.tryEnd(t, none, fetched)
	wantCode(t, "ending none", err, uploadv1.ErrFetchNotFound)
	if got := w.get(t, f); got.State != uploadv1.FetchQueued {
		t.Errorf("it is %+v", got)
	}
}

// fetchListLong: the newest come first, 200 at most, and fewer when the answer would
// not fit into a message.
func fetchListLong(t *testing.T, w FetchWorld) {
	list := func() []uploadv1.Fetch {
		t.Helper()
		l, err := w.Service.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: fetcher("alice")})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(l)
		if !slices.IsSortedFunc(l.Fetches, func(a, b uploadv1.Fetch) int { return int(b.ID - a.ID) }) || len(b) > 1<<20 {
			t.Errorf("%d fetches, %d bytes, the first is %d", len(l.Fetches), len(b), l.Fetches[0].ID)
		}
		return l.Fetches
	}
	var last uploadv1.Fetch
	for range uploadv1.MaxFetchesListed + 5 {
		last = w.addURL(t, file)
	}
	if l := list(); len(l) != uploadv1.MaxFetchesListed || l[0].ID != last.ID {
		t.Errorf("%d of them, the first is %d", len(l), l[0].ID)
	}
	long := "http://files.example/?" // of what JSON writes with six bytes each
	long += strings.Repeat("&", uploadv1.MaxFetchURL-len(long))
	for range 100 {
		last = w.addURL(t, long)
	}
	if l := list(); len(l) < 50 || len(l) >= 100 || l[0].ID != last.ID {
		t.Errorf("%d of the long ones, the first is %d", len(l), l[0].ID)
	}
}

func (w FetchWorld) addURL(t *testing.T, url string) uploadv1.Fetch {
	t.Helper()
	f, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: fetcher("alice"), URL: url, Limit: uploadv1.MaxFetchLimit})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func fetchCancel(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.Clock.Advance(time.Second)
	got := w.cancel(t, f)
	if got.State != uploadv1.FetchCancelled || !got.UpdatedAt.Equal(w.Clock.Now()) || w.get(t, f) != got {
		t.Errorf("%+v", got)
	}
	_, err := w.tryLease(t, f.ID)
	wantCode(t, "leasing it", err, uploadv1.ErrFetchOver)
	if again := w.cancel(t, f); again != got {
		t.Errorf("once more: %+v", again)
	}

	running := w.add(t)
	l := w.lease(t, running)
	if got := w.cancel(t, running); got.State != uploadv1.FetchCancelled || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
	wantCode(t, "its worker goes on", w.keep(t, l), uploadv1.ErrFetchOver)
	for _, r := range []uploadv1.EndFetchRequest{fetched, broken, refused, {Returned: true}} {
		if got := w.end(t, l, r); got.State != uploadv1.FetchCancelled || got.NodeID != "" {
			t.Errorf("its worker ends with %+v: %+v", r, got)
		}
	}
	waits := w.add(t)
	w.end(t, w.lease(t, waits), broken)
	if got := w.cancel(t, waits); got.State != uploadv1.FetchCancelled {
		t.Errorf("%+v", got)
	}
	w.Clock.Advance(time.Hour)
	w.Sweep()
	w.is(t, waits, uploadv1.FetchCancelled)

	done := w.add(t)
	w.end(t, w.lease(t, done), fetched)
	if got := w.cancel(t, done); got.State != uploadv1.FetchDone || got.NodeID != fetched.NodeID {
		t.Errorf("one that is done: %+v", got)
	}
}

// fetchKept: what ended is told of for a while.
func fetchKept(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.end(t, w.lease(t, f), fetched)
	w.Clock.Advance(uploadv1.FetchKept - time.Minute)
	w.Sweep()
	w.is(t, f, uploadv1.FetchDone)
	open := w.add(t)
	w.Clock.Advance(2 * time.Minute)
	w.until(t, "it is forgotten", func() bool {
		_, err := w.Service.GetFetch(t.Context(), uploadv1.FetchRequest{Principal: fetcher("alice"), ID: f.ID})
		return fault.CodeOf(err) == uploadv1.ErrFetchNotFound.Code
	})
	if l, err := w.Service.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: fetcher("alice")}); err != nil || len(l.Fetches) != 1 || l.Fetches[0].ID != open.ID {
		t.Errorf("%+v, %v", l, err)
	}
}

// fetchKeptBounded: who adds and cancels all day keeps no more than others.
func fetchKeptBounded(t *testing.T, w FetchWorld) {
	var all []uploadv1.Fetch
	for range uploadv1.MaxFetchesListed + 3 {
		f := w.add(t)
		w.cancel(t, f)
		all = append(all, f)
	}
	open := w.add(t)
	for i, f := range all {
		_, err := w.Service.GetFetch(t.Context(), uploadv1.FetchRequest{Principal: fetcher("alice"), ID: f.ID})
		if gone := fault.CodeOf(err) == uploadv1.ErrFetchNotFound.Code; gone != (i < 3) || !gone && err != nil {
			t.Fatalf("of %d, number %d: %v", len(all), i, err)
		}
	}
	w.is(t, open, uploadv1.FetchQueued)
	if !w.remove(t, "acc_alice") || w.remove(t, "acc_alice") {
		t.Error("it does not say whether there are others to remove")
	}
	if r, err := w.Service.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: fetcher("alice")}); err != nil || len(r.Fetches) != 0 {
		t.Errorf("%d stayed, %v", len(r.Fetches), err)
	}
}

// remove removes a page of an account's, and says whether there are others.
func (w FetchWorld) remove(t *testing.T, account string) bool {
	t.Helper()
	r, err := w.Service.RemoveFetches(t.Context(), uploadv1.RemoveFetchesRequest{AccountID: account})
	if err != nil {
		t.Fatalf("removing: %v", err)
	}
	return r.More
}

// fetchLost: a message that nobody answered for comes into the queue again.
func fetchLost(t *testing.T, w FetchWorld) {
	f := w.add(t)
	w.queued(t, f)
	w.Clock.Advance(14 * time.Minute)
	w.Sweep()
	if got := w.Take(t); len(got) != 0 {
		t.Errorf("in the queue: %v", got)
	}
	w.Clock.Advance(2 * time.Minute)
	w.queued(t, f)
	// One that only waits long comes more and more rarely.
	w.Clock.Advance(28 * time.Minute)
	w.Sweep()
	if got := w.Take(t); len(got) != 0 {
		t.Errorf("in the queue so soon: %v", got)
	}
	w.Clock.Advance(4 * time.Minute)
	w.queued(t, f)
	if l := w.lease(t, f); l.Fetch.Attempts != 1 {
		t.Errorf("%+v", l)
	}
}

// fetchRemove: of an account that closes nothing stays, whatever its fetches do.
func fetchRemove(t *testing.T, w FetchWorld) {
	done, running, again := w.add(t), w.add(t), w.add(t)
	w.end(t, w.lease(t, done), fetched)
	l := w.lease(t, running)
	w.end(t, w.lease(t, again), broken)
	last := w.add(t)
	other, err := w.try(t, "bob", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"acc_alice", "acc_alice", "acc_nobody"} {
		if w.remove(t, account) {
			t.Errorf("of %s there are others", account)
		}
	}
	if r, err := w.Service.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: fetcher("alice")}); err != nil || len(r.Fetches) != 0 {
		t.Errorf("%d stayed, %v", len(r.Fetches), err)
	}
	wantCode(t, "its worker goes on", w.keep(t, l), uploadv1.ErrFetchNotFound)
	for _, r := range []uploadv1.EndFetchRequest{fetched, broken, {Returned: true}} {
		_, err := w.tryEnd(t, l, r)
		wantCode(t, "its worker ends", err, uploadv1.ErrFetchNotFound)
	}
	_, err = w.tryLease(t, last.ID)
	wantCode(t, "another worker", err, uploadv1.ErrFetchNotFound)
	w.is(t, other, uploadv1.FetchQueued)
	if f, err := w.try(t, "alice", 1); err != nil || f.ID <= last.ID {
		t.Errorf("its place is not free: %+v, %v", f, err)
	}
	for _, account := range []string{"", strings.Repeat("a", 1000)} {
		_, err := w.Service.RemoveFetches(t.Context(), uploadv1.RemoveFetchesRequest{AccountID: account})
		wantCode(t, "no account", err, fault.ErrInvalid)
	}
}
