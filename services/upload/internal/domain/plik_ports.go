package domain

import (
	"context"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// PlikFilter selects Open uploads; its zero value all of them.
type PlikFilter struct {
	Account string
	TokenID string
	BySize  bool // in this order, and only those with bytes; else by time of creation
}

// PlikStore keeps temporary uploads and their files.
type PlikStore interface {
	// InsertPlik adds an upload; its id is fresh.
	InsertPlik(ctx context.Context, u Plik) error
	// Plik reads one: ErrNoRecord.
	Plik(ctx context.Context, id string) (Plik, error)
	// UpdatePlik changes one by compare-and-set: ErrNoRecord, and change's own error
	// as it is. errNotMine, when change returns it, writes nothing.
	UpdatePlik(ctx context.Context, id string, change func(*Plik) error) (Plik, error)
	// DeletePlik removes one; removing what is gone is no error.
	DeletePlik(ctx context.Context, id string) error
	// DuePliks gives up to limit uploads whose DueAt is not after by, the earliest
	// first.
	DuePliks(ctx context.Context, by time.Time, limit int) ([]Plik, error)
	// PagePliks gives a page. It is cut short where the sum of weigh would exceed
	// most, but for the first upload.
	PagePliks(ctx context.Context, f PlikFilter, r paging.Request, most int, weigh func(Plik) int) ([]Plik, paging.Place, error)
	// ScanPliks gives up to limit of them, and where to go on; "" when nothing follows.
	ScanPliks(ctx context.Context, f PlikFilter, after string, limit int) (page []Plik, next string, err error)

	// InsertPlikFile adds a file: ErrTaken when it is there.
	InsertPlikFile(ctx context.Context, f PlikFile) error
	// PlikFile reads one: ErrNoRecord.
	PlikFile(ctx context.Context, upload, id string) (PlikFile, error)
	// UpdatePlikFile changes one as UpdatePlik does.
	UpdatePlikFile(ctx context.Context, upload, id string, change func(*PlikFile) error) (PlikFile, error)
	// DeletePlikFile removes one; removing what is gone is no error.
	DeletePlikFile(ctx context.Context, upload, id string) error
	// PlikFiles gives up to limit files of an upload from an index on, in order.
	PlikFiles(ctx context.Context, upload string, from, limit int) ([]PlikFile, error)
	// DuePlikFiles is as DuePliks.
	DuePlikFiles(ctx context.Context, by time.Time, limit int) ([]PlikFile, error)
	// CountLeases counts the files that come in or are taken out.
	CountLeases(ctx context.Context) (int64, error)
}

// PlikObjects is what temporary uploads ask of the object service.
type PlikObjects interface {
	DeleteObject(ctx context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error)
}

// PlikAccounts is what they ask of auth.
type PlikAccounts interface {
	GetAccount(ctx context.Context, r authv1.GetAccountRequest) (authv1.Account, error)
}

// PlikVault keeps the secrets of uploads; what it gives is good for one upload only.
type PlikVault interface {
	Seal(upload, token string) ([]byte, error)
	Open(upload string, sealed []byte) (string, error)
	// Code is what is kept of a login and password, and Matches says whether a text
	// is the one.
	Code(upload, credential string) []byte
	Matches(upload, credential string, code []byte) bool
}

// PlikMeter counts.
type PlikMeter interface {
	PlikMade()
	PlikFileEnded(o PlikOutcome)
}

// PlikOutcome is what became of the bytes of a file.
type PlikOutcome string

// The outcomes.
const (
	PlikStored    PlikOutcome = "uploaded"
	PlikStreamed  PlikOutcome = "streamed"
	PlikBroken    PlikOutcome = "broken"    // its edge gave it up
	PlikRefused   PlikOutcome = "refused"   // there was no room for it
	PlikAbandoned PlikOutcome = "abandoned" // its edge was not heard of any more
)
