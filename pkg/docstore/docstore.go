package docstore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Limits that both engines hold.
const (
	MaxID        = 2048    // bytes of an id
	MaxValue     = 9 << 20 // bytes of an encoded value; MongoDB refuses documents over 16 MiB
	MaxPending   = 1024    // events that may wait in one document; more is ErrOutboxFull
	DefaultLimit = 100     // documents per page when the query says nothing
	MaxLimit     = 10_000  // documents per page at most
	MaxPageBytes = 32 << 20
)

// DB is a database of one service: an engine with its collections. All methods
// are safe for concurrent use.
type DB interface {
	// Table opens a collection at the level of the engine and brings its indexes
	// in line with spec, filling new ones from the documents that exist. Callers
	// use Open, which adds the type. ErrDuplicate when existing documents break
	// a new unique index.
	Table(ctx context.Context, spec Spec) (Table, error)
	// PendingOutbox returns up to limit documents (tombstones included) that have
	// events to publish, of any collection, the longest waiting first.
	PendingOutbox(ctx context.Context, limit int) ([]Pending, error)
	// ClearOutbox removes the published events from a document's pending list
	// without raising its revision, and removes a tombstone that has none left.
	// Ids that are not pending, and documents that are gone, are ignored.
	ClearOutbox(ctx context.Context, collection, id string, ids []string) error
	// OnCommit adds a hook that is called after each commit that added events,
	// with the whole pending list of the document, oldest first. It runs in the
	// writer's calling goroutine, outside of locks, before the write returns.
	OnCommit(hook func(collection, id string, pending []Message))
	// Ping reports whether the store answers, for readiness.
	Ping(ctx context.Context) error
	// Close finishes the writes under way and releases everything.
	Close() error
}

// Pending is a document with events to publish.
type Pending struct {
	Collection string
	ID         string
	Rev        int64
	Deleted    bool      // it is a tombstone
	Messages   []Message // oldest first, never empty
}

// Raw is a document as an engine gives it.
type Raw struct {
	ID      string
	Rev     int64
	Value   bson.Raw
	Pending []Message
}

// RawPage is one page of a scan as an engine gives it.
type RawPage struct {
	Docs []Raw
	More bool // there is at least one more document after the last one
}

// Table is a collection at the level of an engine: values are BSON documents and
// requests are already checked and encoded. Collection is its only caller.
type Table interface {
	Get(ctx context.Context, id string) (Raw, error)
	Insert(ctx context.Context, id string, value bson.Raw, events []Message) (Raw, error)
	Replace(ctx context.Context, id string, rev int64, value bson.Raw, events []Message) (Raw, error)
	Modify(ctx context.Context, id string, change rawdoc.Change, events []Message) (Raw, error)
	Delete(ctx context.Context, id string, opts DeleteOptions) error
	Scan(ctx context.Context, q rawdoc.Query) (RawPage, error)
	Count(ctx context.Context, q rawdoc.Query) (int64, error)
}
