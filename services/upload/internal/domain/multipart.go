package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Phase of a multipart upload:
//
//	         CommitPart
//	         ┌──┐
//	Create ► Assembling ◄──refused, or found not to have happened──┐
//	           │   └──Complete──► Completing ──object committed──► Completed ─┐
//	           │                    │   ▲                            ▲        │ expired
//	           │                    │   └─ same list joins            │        ▼
//	           └──Abort, expired────┴──► Aborting ──it was committed──┘   (no documents)
//	                                        └──AbortPut answered, some time later──▲
//
// Object's version is the truth: whoever learns that it is committed, by the
// answer of a commit, by that of AbortPut or by looking, makes the upload
// Completed, from any phase. Documents follow what object has done, and each
// phase but Assembling is looked after by the sweep, so that a kill between any
// two writes leaves only what it ends.
type Phase string

// The phases.
const (
	Assembling Phase = "open"
	Completing Phase = "completing" // with one list of parts, by one attempt or several
	Completed  Phase = "completed"  // kept for its answer
	Aborting   Phase = "aborting"   // for good, unless object has committed before
)

// Times of a multipart upload.
const (
	// leaseSpare is how much longer than the upload object's ticket lives.
	leaseSpare = 24 * time.Hour
	// attemptWithin bounds an attempt to complete; after attemptLife object has
	// finished with it as well, and looking tells what became of it.
	attemptWithin = 50 * time.Second
	attemptLife   = 3 * time.Minute
	// partWithin bounds the commit of a part. Documents of an ended upload linger
	// longer than that, so that a late one is cleaned up with them.
	partWithin = 30 * time.Second
	linger     = 2 * time.Minute
)

// Multipart is the document of a multipart upload. Parts and plans have their own.
type Multipart struct {
	ID      string // the upload id
	Ticket  objectv1.Ticket
	Bucket  string
	Key     string
	Meta    objectv1.Metadata
	Retain  *objectv1.Retention
	Hold    bool // legal hold
	Phase   Phase
	Began   time.Time
	Expires time.Time
	DueAt   time.Time // when the sweep looks at it
	// Replaced grows with each part that takes the place of another one, so that
	// nobody plans with a part whose content is given back.
	Replaced int64
	List     []byte    // Completing, Completed: names the list of parts
	Plan     string    // Completing, Completed: what was made of the list
	Attempts []Attempt // Completing: those whose end nobody knows yet
	Clean    bool      // Completed, Aborting: parts and what they staged are gone
	Outcome  Outcome   // Aborting: why
}

// Attempt is one call of Complete on its way.
type Attempt struct {
	ID    string
	Since time.Time
}

// Part is the document of a part.
type Part struct {
	Upload     string
	Number     int
	ContentID  string
	ETag       string
	Size       int64
	Digests    map[blob.Algorithm][]byte
	Compressed bool
	At         time.Time
	Old        []string // contents that this one replaced and that may still be staged
	Past       []string // the last of those that are given back: a late repeat of one changes nothing
}

// Plan is a list of parts as it is committed. It does not change, but for the answer.
type Plan struct {
	ID         string
	Upload     string
	List       []byte
	Contents   []string
	ETag       string
	Digests    map[blob.Algorithm][]byte
	Composite  []blob.Algorithm
	Compressed bool
	Answer     *objectv1.Object // once it is committed
}

// Multiparts is upload's use cases of multipart uploads. It is safe for
// concurrent use, by any number of processes on one store.
type Multiparts struct {
	o MultipartOptions
	MultipartDeps
	wanted chan struct{}
}

// MultipartOptions tune Multiparts.
type MultipartOptions struct {
	MinPart int64         // bytes of every part but the last
	Expiry  time.Duration // how long an upload may take
	Retry   time.Duration // after how long the sweep tries again
	Grace   time.Duration // for clocks that differ
}

// NewMultiparts makes Multiparts.
func NewMultiparts(o MultipartOptions, d MultipartDeps) *Multiparts {
	return &Multiparts{o, d, make(chan struct{}, 1)}
}

// Wanted tells that there is something for the sweep before its time.
func (s *Multiparts) Wanted() <-chan struct{} { return s.wanted }

func (s *Multiparts) want() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// now is the time as documents keep it.
func (s *Multiparts) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// Create takes a ticket, records the upload, and then lets the ticket outlive it.
// So a crash between leaves a ticket that object ends within minutes.
func (s *Multiparts) Create(ctx context.Context, r uploadv1.CreateMultipartRequest) (Multipart, error) {
	ticket, err := s.Objects.BeginPut(ctx, objectv1.BeginPutRequest{
		Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, Size: -1, Hold: true, Staged: true,
		Retention: r.Retention, LegalHold: r.LegalHold,
	})
	if err != nil {
		return Multipart{}, fmt.Errorf("taking a ticket: %w", err)
	}
	now := s.now()
	m := Multipart{
		ID: uploadv1.UploadIDPrefix + objectv1.NewVersionID(), Ticket: ticket, Bucket: r.Bucket, Key: r.Key, Meta: r.Metadata,
		Retain: r.Retention, Hold: r.LegalHold, Phase: Assembling, Began: now, Expires: now.Add(s.o.Expiry),
	}
	m.DueAt = m.Expires.Add(s.o.Grace)
	if err := s.Store.InsertMultipart(ctx, m); err != nil {
		return Multipart{}, s.uncreate(ctx, m, fmt.Errorf("recording the upload: %w", err))
	}
	if m.Ticket, err = keep(ctx, s.Objects, ticket, s.o.Expiry); err != nil {
		return Multipart{}, s.uncreate(ctx, m, err)
	}
	s.Meter.MultipartBegan()
	return m, nil
}

// uncreate forgets an upload whose creation failed, and whose id nobody knows.
// Its document may be there, or come; the sweep ends it at its expiry, with the
// ticket when that cannot be done here.
func (s *Multiparts) uncreate(ctx context.Context, m Multipart, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	if _, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: m.Ticket.AccountID, VersionID: m.Ticket.VersionID}); err != nil {
		s.Log.WarnContext(ctx, "a ticket stays until its upload expires", "version_id", m.Ticket.VersionID, "err", err)
		return cause
	}
	if err := s.Store.DeleteMultipart(ctx, m.ID); err != nil {
		s.Log.WarnContext(ctx, "an upload without a ticket stays until it expires", "upload_id", m.ID, "err", err)
	}
	return cause
}

// MaxExpiry is the longest time that an upload may take, because object bounds
// the leases of its tickets.
const MaxExpiry = objectv1.MaxLease - leaseSpare

// find authorises an action and gives the upload that the request names. One of
// another account, bucket or key is unknown, and so is one that expired.
func (s *Multiparts) find(ctx context.Context, r uploadv1.MultipartRequest, a objectv1.Action) (Multipart, error) {
	where, err := s.Objects.Authorize(ctx, objectv1.AuthorizeRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, Action: a})
	if err != nil {
		return Multipart{}, fmt.Errorf("authorising: %w", err)
	}
	m, err := s.Store.Multipart(ctx, r.UploadID)
	if errors.Is(err, ErrNoRecord) {
		return Multipart{}, uploadv1.ErrNoSuchUpload
	}
	if err != nil {
		return Multipart{}, fmt.Errorf("reading the upload: %w", err)
	}
	if m.Ticket.AccountID != r.Principal.AccountID || m.Ticket.BucketID != where.BucketID || m.Key != r.Key || !s.now().Before(m.Expires) {
		return Multipart{}, uploadv1.ErrNoSuchUpload
	}
	return m, nil
}

// reload reads an upload again; one that is gone is Aborting.
func (s *Multiparts) reload(ctx context.Context, id string) (Multipart, error) {
	m, err := s.Store.Multipart(ctx, id)
	if errors.Is(err, ErrNoRecord) {
		return Multipart{ID: id, Phase: Aborting, Clean: true}, nil
	}
	if err != nil {
		return Multipart{}, fmt.Errorf("reading the upload again: %w", err)
	}
	return m, nil
}

// maxPageBytes bounds a page of uploads: an answer is one message, and keys may
// be long.
const maxPageBytes = 600 << 10

// List pages through the uploads of a bucket that are neither completed nor aborted.
func (s *Multiparts) List(ctx context.Context, r uploadv1.ListMultipartsRequest) ([]Multipart, bool, error) {
	where, err := s.Objects.Authorize(ctx, objectv1.AuthorizeRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Prefix, Action: objectv1.ActionListObjects})
	if err != nil {
		return nil, false, fmt.Errorf("authorising: %w", err)
	}
	var page []Multipart
	// The rest of the key where the last page ended, then the keys behind it.
	if r.AfterKey != "" && r.AfterUploadID != "" && strings.HasPrefix(r.AfterKey, r.Prefix) {
		if page, err = s.Store.OpenOfKey(ctx, where.BucketID, r.AfterKey, r.AfterUploadID, r.Limit+1); err != nil {
			return nil, false, fmt.Errorf("listing uploads: %w", err)
		}
	}
	if len(page) <= r.Limit {
		rest, err := s.Store.Open(ctx, where.BucketID, r.Prefix, r.AfterKey, r.Limit+1-len(page))
		if err != nil {
			return nil, false, fmt.Errorf("listing uploads: %w", err)
		}
		page = append(page, rest...)
	}
	more := len(page) > r.Limit
	page = page[:min(len(page), r.Limit)]
	bytes := 0
	for n, m := range page {
		// A byte of a key takes up to six in JSON.
		if bytes += 200 + len(m.Bucket) + 6*len(m.Key); bytes > maxPageBytes {
			return page[:n], true, nil
		}
	}
	return page, more, nil
}

// account is the owner itself, who may look at everything of the account.
func (m Multipart) account() authv1.Principal { return authv1.Principal{AccountID: m.Ticket.AccountID} }
