package domain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// Fetch is the document of a URL that is to become a file:
//
//	Add ──► queued ──Lease──► downloading ──End(file)──► done
//	          ▲                 │ │ │
//	          ├──End(again)─────┘ │ └──End(for good), attempts used up──► failed
//	          └──returned, lapse──┘
//
//	queued, downloading ──Cancel──► cancelled
//
// Every arrow is one compare-and-set of this document, which carries the message
// that it needs. done, failed and cancelled are for good; a while later the
// document goes.
type Fetch struct {
	ID       int64
	Account  string
	KeyID    string       // of the access key that it was added with; empty: of the account
	Grant    authv1.Grant // of that key
	URL      string
	FolderID string

	State    uploadv1.FetchState
	Attempts int
	Received int64
	Size     int64 // -1: not known
	NodeID   string
	Reason   string

	CreatedAt time.Time
	UpdatedAt time.Time

	// Turn counts how often it was put into the queue. A write that raises it
	// publishes its work.
	Turn      int64
	NotBefore time.Time // queued, and not in the queue before; zero: it is there
	Fence     int64     // of the latest lease
	LeaseTill time.Time // downloading
	DueAt     time.Time // when the sweep looks at it
}

// Over reports whether it has ended.
func (f Fetch) Over() bool {
	switch f.State {
	case uploadv1.FetchDone, uploadv1.FetchFailed, uploadv1.FetchCancelled:
		return true
	}
	return false
}

// FetchSlots is the document of the fetches that an account has under way: what
// its limit counts. A slot is taken before its fetch is written and given back
// behind its end, so that it may be there a while too long, never too short.
type FetchSlots struct {
	Taken []FetchSlot
	// Ended are the latest that ended, the oldest first: nobody fills the store with
	// what he adds and cancels.
	Ended []int64
}

// FetchSlot is one of them.
type FetchSlot struct {
	ID int64
	At time.Time
}

// take adds a slot.
func (x *FetchSlots) take(id int64, now time.Time, limit int) error {
	if len(x.Taken) >= limit {
		return uploadv1.ErrTooManyFetches
	}
	x.Taken = append(x.Taken, FetchSlot{id, now})
	return nil
}

// keep drops the slots of fetches that are not open, but those taken since young:
// their fetch may be about to be written.
func (x *FetchSlots) keep(open []int64, young time.Time) {
	is := make(map[int64]bool, len(open))
	for _, id := range open {
		is[id] = true
	}
	left := x.Taken[:0]
	for _, s := range x.Taken {
		if is[s.ID] || s.At.After(young) {
			left = append(left, s)
		}
	}
	x.Taken = left
}

// end gives the slot of a fetch back and notes that it ended. What is too many then
// is given, to be forgotten; changed is false when there was nothing to do.
func (x *FetchSlots) end(id int64) (old []int64, changed bool) {
	n := len(x.Taken)
	x.Taken = slices.DeleteFunc(x.Taken, func(s FetchSlot) bool { return s.ID == id })
	changed = len(x.Taken) < n
	if !slices.Contains(x.Ended, id) {
		x.Ended, changed = append(x.Ended, id), true
	}
	if more := len(x.Ended) - uploadv1.MaxFetchesListed; more > 0 {
		old, x.Ended = slices.Clone(x.Ended[:more]), x.Ended[more:]
	}
	return old, changed
}

// forget drops all that is known of a fetch; false: there was nothing.
func (x *FetchSlots) forget(id int64) bool {
	n := len(x.Taken) + len(x.Ended)
	x.Taken = slices.DeleteFunc(x.Taken, func(s FetchSlot) bool { return s.ID == id })
	x.Ended = slices.DeleteFunc(x.Ended, func(e int64) bool { return e == id })
	return len(x.Taken)+len(x.Ended) < n
}

const (
	// fetchLost is after how long in the queue a fetch is put there once more: its
	// message may have become a dead letter. One that is only waiting is then in the
	// queue twice, which does no harm; each time twice as long, fetchLostMost at most,
	// so that long queues do not fill with what waits in them.
	fetchLost     = 15 * time.Minute
	fetchLostMost = 16 * time.Hour
	// slotYoung is how long a slot may wait for its fetch.
	slotYoung = time.Minute
	// fetchPatience caps the wait for the next attempt, whoever asks for it.
	fetchPatience = time.Hour
	// fetchFactor is how much longer each wait is than the one before.
	fetchFactor = 4
)

// The reasons that are not a worker's.
const (
	reasonCut     = "the fetch was cut off too often"
	reasonAccount = "the account is closed"
)

// FetchOptions tune Fetches.
type FetchOptions struct {
	Retry time.Duration // from the first attempt to the second; each further wait is four times as long
	Grace time.Duration // how long after its lease a worker is still waited for
}

// FetchDeps is what Fetches work with.
type FetchDeps struct {
	Store    FetchStore
	Accounts FetchAccounts
	Timers   FetchTimers
	Meter    FetchMeter
	Clock    func() time.Time
	Log      *slog.Logger
}

// Fetches is upload's use cases of remote URLs. It is safe for concurrent use, by
// any number of processes on one store.
type Fetches struct {
	o FetchOptions
	FetchDeps
}

// NewFetches makes Fetches.
func NewFetches(o FetchOptions, d FetchDeps) *Fetches { return &Fetches{o, d} }

// now is the time as documents keep it.
func (s *Fetches) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// queue puts a fetch into the queue, at once.
func (f *Fetch) queue(now time.Time) {
	lost := min(fetchLost<<min(f.Turn, 6), fetchLostMost)
	f.State, f.Turn, f.NotBefore, f.LeaseTill, f.DueAt = uploadv1.FetchQueued, f.Turn+1, time.Time{}, time.Time{}, now.Add(lost)
}

// wait lets it be queued later.
func (f *Fetch) wait(until time.Time) {
	f.State, f.NotBefore, f.LeaseTill, f.DueAt = uploadv1.FetchQueued, until, time.Time{}, until
}

// end is for good.
func (f *Fetch) end(state uploadv1.FetchState, now time.Time) {
	f.State, f.UpdatedAt, f.NotBefore, f.LeaseTill, f.DueAt = state, now, time.Time{}, time.Time{}, now.Add(uploadv1.FetchKept)
}

// Add puts a fetch into the queue.
func (s *Fetches) Add(ctx context.Context, r uploadv1.AddFetchRequest) (Fetch, error) {
	id, err := s.Store.NextFetch(ctx)
	if err != nil {
		return Fetch{}, fmt.Errorf("numbering a fetch: %w", err)
	}
	if err := s.take(ctx, r.Principal.AccountID, id, r.Limit); err != nil {
		return Fetch{}, err
	}
	now := s.now()
	f := Fetch{
		ID: id, Account: r.Principal.AccountID, KeyID: r.Principal.KeyID, Grant: r.Principal.Grant, URL: r.URL, FolderID: r.FolderID, Size: -1,
		CreatedAt: now, UpdatedAt: now,
	}
	f.queue(now)
	if err := s.Store.InsertFetch(ctx, f); err != nil {
		return Fetch{}, fmt.Errorf("recording a fetch: %w", err)
	}
	return f, nil
}

// take takes one of the account's slots for a fetch that is about to be written.
// Where none seems to be left, those whose fetch has ended are looked for first.
func (s *Fetches) take(ctx context.Context, account string, id int64, limit int) error {
	take := func(x *FetchSlots) error { return x.take(id, s.now(), limit) }
	err := s.Store.UpdateFetchSlots(ctx, account, take)
	if err == nil {
		return nil
	}
	if !errors.Is(err, uploadv1.ErrTooManyFetches) {
		return fmt.Errorf("counting the fetches of an account: %w", err)
	}
	open, err := s.Store.OpenFetches(ctx, account, uploadv1.MaxFetchLimit)
	if err != nil {
		return fmt.Errorf("listing the fetches under way: %w", err)
	}
	return s.Store.UpdateFetchSlots(ctx, account, func(x *FetchSlots) error {
		x.keep(open, s.now().Add(-slotYoung))
		return take(x)
	})
}

// release gives the slot of an ended fetch back, and forgets those that ended long
// before it. Where that fails, the account's next fetch that finds no slot does it,
// and the sweep.
func (s *Fetches) release(ctx context.Context, f Fetch) {
	var old []int64
	err := s.Store.UpdateFetchSlots(ctx, f.Account, func(x *FetchSlots) error {
		var changed bool
		if old, changed = x.end(f.ID); !changed {
			return errNotMine
		}
		return nil
	})
	if errors.Is(err, errNotMine) {
		return
	}
	for _, id := range old {
		if err == nil {
			err = s.Store.DeleteFetch(ctx, id)
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "an ended fetch still counts for its account", "fetch_id", f.ID, "err", err)
	}
}

// ended does what follows the end of a fetch.
func (s *Fetches) ended(ctx context.Context, f Fetch, o FetchOutcome) {
	s.Meter.FetchEnded(o)
	s.release(ctx, f)
}

// Get reads one of an account's.
func (s *Fetches) Get(ctx context.Context, r uploadv1.FetchRequest) (Fetch, error) {
	f, err := s.find(ctx, r.ID)
	if err == nil && f.Account != r.Principal.AccountID {
		return Fetch{}, uploadv1.ErrFetchNotFound
	}
	return f, err
}

// find reads one of anybody's.
func (s *Fetches) find(ctx context.Context, id int64) (Fetch, error) {
	f, err := s.Store.Fetch(ctx, id)
	if errors.Is(err, ErrNoRecord) {
		return Fetch{}, uploadv1.ErrFetchNotFound
	}
	if err != nil {
		return Fetch{}, fmt.Errorf("reading a fetch: %w", err)
	}
	return f, nil
}

// update changes one by compare-and-set. changed is false when change answered
// errNotMine: then f is as it stands.
func (s *Fetches) update(ctx context.Context, id int64, change func(*Fetch) error) (f Fetch, changed bool, err error) {
	f, err = s.Store.UpdateFetch(ctx, id, change)
	switch {
	case errors.Is(err, ErrNoRecord):
		return Fetch{}, false, uploadv1.ErrFetchNotFound
	case errors.Is(err, errNotMine):
		f, err = s.find(ctx, id)
		return f, false, err
	}
	return f, err == nil, err
}

// List gives those of an account, newest first.
func (s *Fetches) List(ctx context.Context, account string) ([]Fetch, error) {
	page, err := s.Store.FetchesOf(ctx, account, uploadv1.MaxFetchesListed)
	if err != nil {
		return nil, fmt.Errorf("listing fetches: %w", err)
	}
	return page, nil
}

// Cancel ends one of an account's that has not ended; its worker hears of it when
// it says next that it goes on.
func (s *Fetches) Cancel(ctx context.Context, r uploadv1.FetchRequest) (Fetch, error) {
	f, changed, err := s.update(ctx, r.ID, func(f *Fetch) error {
		switch {
		case f.Account != r.Principal.AccountID:
			return uploadv1.ErrFetchNotFound
		case f.Over():
			return errNotMine
		}
		f.end(uploadv1.FetchCancelled, s.now())
		return nil
	})
	if changed {
		s.ended(ctx, f, FetchCancelled)
	}
	return f, err
}
