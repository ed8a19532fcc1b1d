package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// SessionPhase of a resumable session:
//
//	         Append
//	         ┌──┐
//	Create ► Writing ──Finish──► Finishing ──object committed──► Finished ─┐
//	           │                   │   ▲ └── refused, no answer:     ▲     │ expired
//	           │                   │   └──── Finish once more        │     ▼
//	           └─Cancel, expired───┴──────► Ceasing ─it was committed┘  (no documents)
//	                                          └──AbortPut answered, some time later─▲
//
// From Finishing on every byte is there and the contents do not change any more,
// so any number of commits are one. Object's version is the truth, as for
// multipart uploads: whoever learns that it is committed makes the session
// Finished, from any phase.
type SessionPhase string

// The phases.
const (
	Writing   SessionPhase = "writing"
	Finishing SessionPhase = "finishing" // its commit may have happened
	Finished  SessionPhase = "finished"  // kept for its answer
	Ceasing   SessionPhase = "ceasing"   // for good, unless object has committed before
)

// Session is the document of a resumable session. Its size does not depend on
// that of the object: ids of contents go into pages, SessionOptions.Page at a time.
type Session struct {
	Hash      string // of the secret, by which the document is found
	ID        string // names it in logs, and its pages
	Phase     SessionPhase
	Principal authv1.Principal // who made it: whoever has the secret acts for it
	Ticket    objectv1.Ticket
	Bucket    string
	Key       string
	Meta      objectv1.Metadata
	File      *objectv1.FileOptions
	Extra     map[string]string
	Origin    objectv1.Origin
	Began     time.Time
	Expires   time.Time
	DueAt     time.Time // when the sweep looks at it

	Size      int64 // -1 while it is not known
	Offset    int64
	Midstate  []byte
	Fence     int64
	LeaseTill time.Time // of the writer; zero: there is none

	Pages      int                      // full ones
	Open       []string                 // contents behind those in pages
	Tail       *uploadv1.SessionContent // the last of Open while it is short
	Pending    []string                 // contents of an Append under way, which may be staged
	Old        []string                 // contents that are no longer wanted, and may still be staged
	Past       []string                 // the last of those that are not: a late repeat of one changes nothing
	Compressed bool                     // any content is

	Digests map[blob.Algorithm][]byte // Finishing: of the whole
	Answer  *objectv1.Object          // Finished; nil when nobody can give it any more
	Clean   bool                      // Finished, Ceasing: what was staged is gone
	Outcome Outcome                   // Ceasing: why
}

const (
	// PageContents is how many ids of contents a page has, unless the options say
	// otherwise. It is for good: sessions count by pages.
	PageContents = 256
	// maxOld bounds Session.Old: while that many cannot be given back, nothing is
	// written.
	maxOld = 512
	// maxGivenUp bounds Session.Past.
	maxGivenUp = 128
	// maxSessionSize is what all contents together may have, bytes.
	maxSessionSize = int64(uploadv1.MaxSessionContents) * uploadv1.SessionUnit
)

// SessionOptions tune Sessions.
type SessionOptions struct {
	Expiry time.Duration // how long a session lives
	Retry  time.Duration // after how long the sweep tries again
	Grace  time.Duration // for clocks that differ
	Page   int           // contents of a page; 0: PageContents
}

// SessionDeps is what Sessions work with.
type SessionDeps struct {
	Store   SessionStore
	Objects Objects
	Meter   SessionMeter
	Clock   func() time.Time
	Log     *slog.Logger
}

// SessionMeter counts what became of sessions.
type SessionMeter interface {
	SessionBegan()
	SessionEnded(outcome Outcome)
}

// Sessions is upload's use cases of resumable sessions. It is safe for concurrent
// use, by any number of processes on one store.
type Sessions struct {
	o SessionOptions
	SessionDeps
	wanted chan struct{}
}

// NewSessions makes Sessions.
func NewSessions(o SessionOptions, d SessionDeps) *Sessions {
	if o.Page == 0 {
		o.Page = PageContents
	}
	return &Sessions{o, d, make(chan struct{}, 1)}
}

// Wanted tells that there is something for the sweep before its time.
func (s *Sessions) Wanted() <-chan struct{} { return s.wanted }

func (s *Sessions) want() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// now is the time as documents keep it.
func (s *Sessions) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// Create takes a ticket, records the session, and then lets the ticket outlive
// it. So a crash between leaves a ticket that object ends within minutes. The
// secret is returned and not kept.
func (s *Sessions) Create(ctx context.Context, r uploadv1.CreateSessionRequest) (Session, string, error) {
	most := maxSessionSize
	if l := r.Principal.Limits.ObjectBytes; l > 0 {
		most = min(most, l)
	}
	if err := s.fits(ctx, r.Principal, most, r.Size); err != nil {
		return Session{}, "", err
	}
	ticket, err := s.Objects.BeginPut(ctx, objectv1.BeginPutRequest{
		Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, Size: -1, Hold: true, Staged: true,
		File: r.File, Region: r.Region,
	})
	if err != nil {
		return Session{}, "", fmt.Errorf("taking a ticket: %w", err)
	}
	ticket.MaxSize = min(ticket.MaxSize, most)
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(key[:])
	now := s.now()
	x := Session{
		Hash: hashOf(secret), ID: "ses_" + objectv1.NewVersionID(), Phase: Writing, Principal: r.Principal, Ticket: ticket,
		Bucket: r.Bucket, Key: r.Key, Meta: r.Metadata, File: r.File, Extra: r.Extra, Origin: r.Origin,
		Began: now, Expires: now.Add(s.o.Expiry), Size: r.Size,
	}
	x.DueAt = x.Expires.Add(s.o.Grace)
	if err := s.Store.InsertSession(ctx, x); err != nil {
		return Session{}, "", s.uncreate(ctx, x, fmt.Errorf("recording the session: %w", err))
	}
	if x.Ticket, err = keep(ctx, s.Objects, ticket, s.o.Expiry); err != nil {
		return Session{}, "", s.uncreate(ctx, x, err)
	}
	s.Meter.SessionBegan()
	return x, secret, nil
}

// keep lets a ticket live as long as whatever was recorded with it.
func keep(ctx context.Context, o Objects, t objectv1.Ticket, expiry time.Duration) (objectv1.Ticket, error) {
	kept, err := o.RenewPut(ctx, objectv1.RenewPutRequest{
		AccountID: t.AccountID, VersionID: t.VersionID, LeaseSeconds: int64((expiry + leaseSpare) / time.Second),
	})
	if err != nil {
		return t, fmt.Errorf("keeping the ticket: %w", err)
	}
	t.LeaseTill = kept.LeaseTill
	return t, nil
}

// uncreate forgets a session whose creation failed. Its document may be there,
// or come; without a secret nobody finds it, and the sweep ends it at its expiry, with the
// ticket when that cannot be done here.
func (s *Sessions) uncreate(ctx context.Context, x Session, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	if _, err := s.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID}); err != nil {
		s.Log.WarnContext(ctx, "a ticket stays until its session expires", "version_id", x.Ticket.VersionID, "err", err)
		return cause
	}
	if err := s.Store.DeleteSession(ctx, x.Hash); err != nil {
		s.Log.WarnContext(ctx, "a session without a ticket stays until it expires", "session_id", x.ID, "err", err)
	}
	return cause
}

// hashOf names the document of a secret. The secret has 256 random bits, so that
// a plain hash gives nothing away.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// fits refuses a size that the plan does not allow, or for which there is no room
// beside what is stored. It is early and decides nothing: the first who writes
// reserves.
func (s *Sessions) fits(ctx context.Context, p authv1.Principal, most, size int64) error {
	if size > most {
		return objectv1.ErrTooLarge
	}
	limit := p.Limits.StorageBytes
	if limit <= 0 || size <= 0 {
		return nil
	}
	u, err := s.Objects.GetUsage(ctx, objectv1.GetUsageRequest{AccountID: p.AccountID})
	if err != nil {
		return fmt.Errorf("reading the account's usage: %w", err)
	}
	if size > limit-u.Used-u.Reserved {
		return objectv1.ErrQuotaExceeded
	}
	return nil
}

// Get gives the session of a secret.
func (s *Sessions) Get(ctx context.Context, secret string) (Session, error) {
	x, err := s.Store.Session(ctx, hashOf(secret))
	if errors.Is(err, ErrNoRecord) {
		return Session{}, uploadv1.ErrSessionGone
	}
	if err != nil {
		return Session{}, fmt.Errorf("reading the session: %w", err)
	}
	return x, x.there(s.now())
}

// there says whether a session can still be found.
func (x *Session) there(now time.Time) error {
	if x.Phase == Ceasing || x.Phase == Finished && x.Answer == nil || !now.Before(x.Expires) {
		return uploadv1.ErrSessionGone
	}
	return nil
}

// update changes a session that is there.
func (s *Sessions) update(ctx context.Context, hash, what string, change func(x *Session, now time.Time) error) (Session, error) {
	x, err := s.Store.UpdateSession(ctx, hash, func(x *Session) error {
		now := s.now()
		if err := x.there(now); err != nil {
			return err
		}
		return change(x, now)
	})
	if errors.Is(err, ErrNoRecord) {
		return Session{}, uploadv1.ErrSessionGone
	}
	if err != nil {
		return Session{}, fmt.Errorf("%s: %w", what, err)
	}
	return x, nil
}

// learn notes the size when a request names it.
func (x *Session) learn(size int64) error {
	switch {
	case size < 0:
		return nil
	case x.Size >= 0 && size != x.Size:
		return uploadv1.ErrSizeMismatch.Msgf("the total size is %d bytes, not %d", x.Size, size)
	case size < x.Offset:
		return uploadv1.ErrSizeMismatch.Msgf("%d bytes are there already", x.Offset)
	case size > x.Ticket.MaxSize:
		return objectv1.ErrTooLarge
	}
	x.Size = size
	return nil
}

// contents is how many contents a session has.
func (s *Sessions) contents(x *Session) int { return x.Pages*s.o.Page + len(x.Open) }

// giveUpPending gives up what an Append may have staged. It never becomes a part
// of the object from here on.
func (x *Session) giveUpPending() {
	if len(x.Pending) > 0 {
		x.Old, x.Pending = slices.Concat(x.Old, x.Pending), nil
	}
}

// unstage gives staged contents of x back.
func (s *Sessions) unstage(ctx context.Context, x Session, contents []string) error {
	for ids := range slices.Chunk(contents, maxUnstage) {
		_, err := s.Objects.UnstageContents(ctx, objectv1.UnstageContentsRequest{
			AccountID: x.Ticket.AccountID, VersionID: x.Ticket.VersionID, ContentIDs: ids,
		})
		if err != nil {
			return fmt.Errorf("giving staged contents back: %w", err)
		}
	}
	return nil
}

// tidy gives back what is no longer wanted. What fails now is done by the next
// one, or when the ticket ends.
func (s *Sessions) tidy(ctx context.Context, x Session) {
	if len(x.Old) == 0 {
		return
	}
	err := s.unstage(ctx, x, x.Old)
	if err == nil {
		_, err = s.update(ctx, x.Hash, "forgetting contents", func(now *Session, _ time.Time) error {
			now.Old = slices.DeleteFunc(slices.Clone(now.Old), func(id string) bool { return slices.Contains(x.Old, id) })
			past := slices.DeleteFunc(slices.Clone(now.Past), func(id string) bool { return slices.Contains(x.Old, id) })
			past = slices.Concat(past, x.Old)
			now.Past = past[max(len(past)-maxGivenUp, 0):]
			return nil
		})
	}
	if err != nil {
		s.Log.WarnContext(ctx, "contents that are no longer wanted stay staged for now", "session_id", x.ID, "err", err)
	}
}
