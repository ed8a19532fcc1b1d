package domain

import (
	"context"
	"errors"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// ErrNoRecord says that a store has no record of this id.
var ErrNoRecord = errors.New("there is no such ingest")

// Store keeps the records of ingests.
type Store interface {
	// Insert adds a record; its id is fresh.
	Insert(ctx context.Context, i Ingest) error
	// Get reads one: ErrNoRecord.
	Get(ctx context.Context, id string) (Ingest, error)
	// Update changes one by compare-and-set: ErrNoRecord, and change's own error
	// as it is.
	Update(ctx context.Context, id string, change func(*Ingest) error) (Ingest, error)
	// Delete removes one; removing what is gone is no error.
	Delete(ctx context.Context, id string) error
	// Due gives up to limit records whose DueAt is not after by, the earliest first.
	Due(ctx context.Context, by time.Time, limit int) ([]Ingest, error)
	// Page gives up to limit records with ids above after, in their order, and
	// whether more follow.
	Page(ctx context.Context, after string, limit int) ([]Ingest, bool, error)
	// Count counts them all.
	Count(ctx context.Context) (int64, error)
}

// Objects is what upload asks of the object service.
type Objects interface {
	BeginPut(ctx context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error)
	RenewPut(ctx context.Context, r objectv1.RenewPutRequest) (objectv1.Ticket, error)
	AbortPut(ctx context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error)
}

// Meter counts what became of ingests.
type Meter interface {
	Began()
	Ended(outcome Outcome)
}

// Outcome is how an ingest ended.
type Outcome string

// The outcomes.
const (
	Committed Outcome = "committed" // the caller said so, or the sweep found it
	Aborted   Outcome = "aborted"   // the caller gave it up
	Abandoned Outcome = "abandoned" // nobody renewed it
)
