package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// ErrNoRecord says that a store has no record of this id.
var ErrNoRecord = errors.New("there is no such ingest")

// Store keeps the records of ingests.
type Store interface {
	// Put adds a record, or puts it in the place of one of the same id: another
	// attempt at a write with an idempotency key has the id of the first.
	Put(ctx context.Context, i Ingest) error
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

// MaxPast bounds Part.Past: more replacements of one part than this do not happen
// while a commit of it is repeated.
const MaxPast = 8

// MultipartStore keeps multipart uploads, their parts and their plans.
type MultipartStore interface {
	// InsertMultipart adds an upload; its id is fresh.
	InsertMultipart(ctx context.Context, m Multipart) error
	// Multipart reads one: ErrNoRecord.
	Multipart(ctx context.Context, id string) (Multipart, error)
	// UpdateMultipart changes one by compare-and-set: ErrNoRecord, and change's
	// own error as it is.
	UpdateMultipart(ctx context.Context, id string, change func(*Multipart) error) (Multipart, error)
	// DeleteMultipart removes one; removing what is gone is no error.
	DeleteMultipart(ctx context.Context, id string) error
	// DueMultiparts gives up to limit uploads whose DueAt is not after by, the
	// earliest first.
	DueMultiparts(ctx context.Context, by time.Time, limit int) ([]Multipart, error)
	// Open gives up to limit uploads of a bucket in the phases Assembling and
	// Completing, of keys with prefix that come after afterKey, by key and id.
	Open(ctx context.Context, bucketID, prefix, afterKey string, limit int) ([]Multipart, error)
	// OpenOfKey gives those of one key with ids above after.
	OpenOfKey(ctx context.Context, bucketID, key, after string, limit int) ([]Multipart, error)
	// CountOpen counts those in the phases Assembling and Completing.
	CountOpen(ctx context.Context) (int64, error)

	// PutPart changes the document of a part, or makes it, by compare-and-set; a
	// change that leaves it as it was writes nothing.
	PutPart(ctx context.Context, upload string, number int, change func(p *Part, exists bool)) (Part, error)
	// TrimPart moves contents from a part's Old to its Past, of which it keeps the
	// last MaxPast; a part that is gone is no error.
	TrimPart(ctx context.Context, upload string, number int, contents []string) error
	// Part reads one: ErrNoRecord.
	Part(ctx context.Context, upload string, number int) (Part, error)
	// Parts gives up to limit parts with numbers above after, in their order, and
	// whether more follow. The cost is that of the page.
	Parts(ctx context.Context, upload string, after, limit int) ([]Part, bool, error)
	// DeletePart removes one; removing what is gone is no error.
	DeletePart(ctx context.Context, upload string, number int) error

	// InsertPlan adds a plan; its id is fresh.
	InsertPlan(ctx context.Context, p Plan) error
	// Plan reads one: ErrNoRecord.
	Plan(ctx context.Context, id string) (Plan, error)
	// AnswerPlan writes the answer into a plan, which keeps its first one: ErrNoRecord.
	AnswerPlan(ctx context.Context, id string, answer objectv1.Object) (Plan, error)
	// DeletePlan removes one; removing what is gone is no error.
	DeletePlan(ctx context.Context, id string) error
	// DeletePlans removes all of an upload.
	DeletePlans(ctx context.Context, upload string) error
}

// SessionStore keeps resumable sessions and the pages of their contents.
type SessionStore interface {
	// InsertSession adds a session; its hash is fresh.
	InsertSession(ctx context.Context, x Session) error
	// Session reads one: ErrNoRecord.
	Session(ctx context.Context, hash string) (Session, error)
	// UpdateSession changes one by compare-and-set: ErrNoRecord, and change's own
	// error as it is.
	UpdateSession(ctx context.Context, hash string, change func(*Session) error) (Session, error)
	// DeleteSession removes one; removing what is gone is no error.
	DeleteSession(ctx context.Context, hash string) error
	// DueSessions gives up to limit sessions whose DueAt is not after by, the
	// earliest first.
	DueSessions(ctx context.Context, by time.Time, limit int) ([]Session, error)
	// CountOpenSessions counts those in the phases Writing and Finishing.
	CountOpenSessions(ctx context.Context) (int64, error)

	// PutPage writes the n-th page of a session's contents. Once it is written it
	// does not change: the same page again is no error.
	PutPage(ctx context.Context, session string, n int, contents []string) error
	// Page reads one: ErrNoRecord.
	Page(ctx context.Context, session string, n int) ([]string, error)
	// DeletePages removes all of a session.
	DeletePages(ctx context.Context, session string) error
}

// MultipartDeps is what Multiparts work with.
type MultipartDeps struct {
	Store   MultipartStore
	Objects Objects
	Meter   MultipartMeter
	Clock   func() time.Time
	Log     *slog.Logger
}

// MultipartMeter counts what became of multipart uploads.
type MultipartMeter interface {
	MultipartBegan()
	MultipartEnded(outcome Outcome)
}

// Objects is what upload asks of the object service.
type Objects interface {
	BeginPut(ctx context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error)
	RenewPut(ctx context.Context, r objectv1.RenewPutRequest) (objectv1.Ticket, error)
	AbortPut(ctx context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error)

	Authorize(ctx context.Context, r objectv1.AuthorizeRequest) (objectv1.AuthorizeResponse, error)
	GetUsage(ctx context.Context, r objectv1.GetUsageRequest) (objectv1.Usage, error)
	ReserveAhead(ctx context.Context, r objectv1.ReserveAheadRequest) (objectv1.Empty, error)
	StageContent(ctx context.Context, r objectv1.StageContentRequest) (objectv1.StageContentResponse, error)
	UnstageContents(ctx context.Context, r objectv1.UnstageContentsRequest) (objectv1.Empty, error)
	CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error)
	StatObject(ctx context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error)
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
