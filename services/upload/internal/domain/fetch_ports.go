package domain

import (
	"context"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// FetchStore keeps fetches, and how many each account has under way. A write that
// raises a fetch's Turn publishes its work from the same statement.
type FetchStore interface {
	// NextFetch gives a number that it never gave before.
	NextFetch(ctx context.Context) (int64, error)
	// InsertFetch adds one; its id is fresh.
	InsertFetch(ctx context.Context, f Fetch) error
	// Fetch reads one: ErrNoRecord.
	Fetch(ctx context.Context, id int64) (Fetch, error)
	// UpdateFetch changes one by compare-and-set: ErrNoRecord, and change's own error
	// as it is, with which nothing is written.
	UpdateFetch(ctx context.Context, id int64, change func(*Fetch) error) (Fetch, error)
	// DeleteFetch removes one; removing what is gone is no error.
	DeleteFetch(ctx context.Context, id int64) error
	// DueFetches gives up to limit fetches whose DueAt is not after by, the earliest
	// first.
	DueFetches(ctx context.Context, by time.Time, limit int) ([]Fetch, error)
	// FetchesOf gives up to limit of an account's, newest first.
	FetchesOf(ctx context.Context, account string, limit int) ([]Fetch, error)
	// OpenFetches gives the ids of up to limit of an account's that have not ended.
	OpenFetches(ctx context.Context, account string, limit int) ([]int64, error)
	// CountFetches counts those of all accounts that have not ended.
	CountFetches(ctx context.Context) (int64, error)

	// UpdateFetchSlots changes an account's by compare-and-set, from none where there
	// is no document; an empty one is not kept. change's own error is given as it
	// is, with which nothing is written.
	UpdateFetchSlots(ctx context.Context, account string, change func(*FetchSlots) error) error
}

// FetchAccounts is what fetches ask of auth.
type FetchAccounts interface {
	GetAccount(ctx context.Context, r authv1.GetAccountRequest) (authv1.Account, error)
}

// FetchTimers wake the service for the next attempt; the sweep is the net under
// them.
type FetchTimers interface {
	Wake(ctx context.Context, id int64, at time.Time) error
}

// FetchMeter counts.
type FetchMeter interface {
	// FetchEnded counts an end: of an attempt, or of a fetch.
	FetchEnded(o FetchOutcome)
}

// FetchOutcome is what became of an attempt.
type FetchOutcome string

// The outcomes; the first three are of the fetch, too.
const (
	FetchDone      FetchOutcome = "done"
	FetchFailed    FetchOutcome = "failed"
	FetchCancelled FetchOutcome = "cancelled"
	FetchAgain     FetchOutcome = "again"     // there will be another attempt
	FetchReturned  FetchOutcome = "returned"  // its worker stopped
	FetchAbandoned FetchOutcome = "abandoned" // its worker was not heard of any more
)
