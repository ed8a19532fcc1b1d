package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// session is a session as it is stored. What never changes, and what is only ever
// given back, is kept in the contracts' own JSON.
type session struct {
	ID      string    `bson:"id"`
	Account string    `bson:"account"`
	OpenIn  string    `bson:"open_in,omitempty"` // the account's id while it takes bytes
	Phase   string    `bson:"phase"`
	Made    []byte    `bson:"made"`
	Began   time.Time `bson:"began"`
	Expires time.Time `bson:"expires"`
	DueAt   time.Time `bson:"due_at"`

	Size      int64     `bson:"size"`
	Offset    int64     `bson:"offset"`
	Midstate  []byte    `bson:"midstate,omitempty"`
	Fence     int64     `bson:"fence"`
	LeaseTill time.Time `bson:"lease_till"`

	Pages      int      `bson:"pages"`
	Open       []string `bson:"open,omitempty"`
	Tail       []byte   `bson:"tail,omitempty"`
	Pending    []string `bson:"pending,omitempty"`
	Old        []string `bson:"old,omitempty"`
	Past       []string `bson:"past,omitempty"`
	Compressed bool     `bson:"compressed,omitempty"`

	Digests map[blob.Algorithm][]byte `bson:"digests,omitempty"`
	Answer  []byte                    `bson:"answer,omitempty"`
	Clean   bool                      `bson:"clean,omitempty"`
	Outcome string                    `bson:"outcome,omitempty"`
}

// made is what a session is from its beginning.
type made struct {
	Principal authv1.Principal      `json:"principal"`
	Ticket    objectv1.Ticket       `json:"ticket"`
	Bucket    string                `json:"bucket"`
	Key       string                `json:"key"`
	Meta      objectv1.Metadata     `json:"meta"`
	File      *objectv1.FileOptions `json:"file,omitempty"`
	Extra     map[string]string     `json:"extra,omitempty"`
	Origin    objectv1.Origin       `json:"origin"`
}

// page is a page of contents as it is stored; its id is the session's and the
// number.
type page struct {
	Contents []string `bson:"contents"`
}

// Sessions implements domain.SessionStore.
type Sessions struct {
	sessions *docstore.Collection[session]
	pages    *docstore.Collection[page]
}

var _ domain.SessionStore = (*Sessions)(nil)

// OpenSessions opens the collections.
func OpenSessions(ctx context.Context, db docstore.DB) (*Sessions, error) {
	sessions, err := docstore.Open[session](ctx, db, docstore.Spec{Name: "sessions", Indexes: []docstore.Index{
		{Name: indexDue, Fields: []string{"due_at"}},
		{Name: indexOpen, Fields: []string{"open_in"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the sessions: %w", err)
	}
	pages, err := docstore.Open[page](ctx, db, docstore.Spec{Name: "session_pages"})
	if err != nil {
		return nil, fmt.Errorf("opening the pages of sessions: %w", err)
	}
	return &Sessions{sessions, pages}, nil
}

// InsertSession implements domain.SessionStore.
func (s *Sessions) InsertSession(ctx context.Context, x domain.Session) error {
	r, err := toSession(x)
	if err == nil {
		_, err = s.sessions.Insert(ctx, x.Hash, r)
	}
	return err
}

// Session implements domain.SessionStore.
func (s *Sessions) Session(ctx context.Context, hash string) (domain.Session, error) {
	d, err := s.sessions.Get(ctx, hash)
	if err != nil {
		return domain.Session{}, missing(err)
	}
	return fromSession(hash, d.Value)
}

// UpdateSession implements domain.SessionStore.
func (s *Sessions) UpdateSession(ctx context.Context, hash string, change func(*domain.Session) error) (domain.Session, error) {
	var out domain.Session
	_, err := s.sessions.Update(ctx, hash, func(r *session) ([]docstore.Message, error) {
		x, err := fromSession(hash, *r)
		if err != nil {
			return nil, err
		}
		if err := change(&x); err != nil {
			return nil, err
		}
		out = x
		*r, err = toSession(x)
		return nil, err
	})
	if err != nil {
		return domain.Session{}, missing(err)
	}
	return out, nil
}

// DeleteSession implements domain.SessionStore.
func (s *Sessions) DeleteSession(ctx context.Context, hash string) error {
	return gone(s.sessions.Delete(ctx, hash, docstore.DeleteOptions{}))
}

// DueSessions implements domain.SessionStore.
func (s *Sessions) DueSessions(ctx context.Context, by time.Time, limit int) ([]domain.Session, error) {
	var out []domain.Session
	for q := (docstore.Query{Index: indexDue, To: by, Limit: limit}); len(out) < limit; {
		p, err := s.sessions.Scan(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, d := range p.Docs[:min(len(p.Docs), limit-len(out))] {
			x, err := fromSession(d.ID, d.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	return out, nil
}

// CountOpenSessions implements domain.SessionStore.
func (s *Sessions) CountOpenSessions(ctx context.Context) (int64, error) {
	return s.sessions.Count(ctx, docstore.Query{Index: indexOpen})
}

func pageID(session string, n int) string { return fmt.Sprintf("%s/%05d", session, n) }

// PutPage implements domain.SessionStore.
func (s *Sessions) PutPage(ctx context.Context, session string, n int, contents []string) error {
	_, err := s.pages.Insert(ctx, pageID(session, n), page{contents})
	if errors.Is(err, docstore.ErrExists) {
		return nil
	}
	return err
}

// Page implements domain.SessionStore.
func (s *Sessions) Page(ctx context.Context, session string, n int) ([]string, error) {
	d, err := s.pages.Get(ctx, pageID(session, n))
	if err != nil {
		return nil, missing(err)
	}
	return d.Value.Contents, nil
}

// DeletePages implements domain.SessionStore.
func (s *Sessions) DeletePages(ctx context.Context, session string) error {
	for {
		p, err := s.pages.Scan(ctx, docstore.Query{From: session + "/", To: session + "0", ToExclusive: true})
		if err != nil {
			return err
		}
		var errs []error
		for _, d := range p.Docs {
			errs = append(errs, gone(s.pages.Delete(ctx, d.ID, docstore.DeleteOptions{})))
		}
		if err := errors.Join(errs...); err != nil || p.Next == "" {
			return err
		}
	}
}

func toSession(x domain.Session) (session, error) {
	r := session{
		ID: x.ID, Account: x.Ticket.AccountID, Phase: string(x.Phase), Began: x.Began, Expires: x.Expires, DueAt: x.DueAt,
		Size: x.Size, Offset: x.Offset, Midstate: x.Midstate, Fence: x.Fence, LeaseTill: x.LeaseTill,
		Pages: x.Pages, Open: x.Open, Pending: x.Pending, Old: x.Old, Past: x.Past, Compressed: x.Compressed,
		Digests: x.Digests, Clean: x.Clean, Outcome: string(x.Outcome),
	}
	if x.Phase == domain.Writing || x.Phase == domain.Finishing {
		r.OpenIn = r.Account
	}
	var err1, err2, err3 error
	r.Made, err1 = json.Marshal(made{x.Principal, x.Ticket, x.Bucket, x.Key, x.Meta, x.File, x.Extra, x.Origin})
	if x.Tail != nil {
		r.Tail, err2 = json.Marshal(x.Tail)
	}
	if x.Answer != nil {
		r.Answer, err3 = json.Marshal(x.Answer)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return r, fmt.Errorf("encoding a session: %w", err)
	}
	return r, nil
}

func fromSession(hash string, r session) (domain.Session, error) {
	var m made
	err := json.Unmarshal(r.Made, &m)
	x := domain.Session{
		Hash: hash, ID: r.ID, Phase: domain.SessionPhase(r.Phase), Principal: m.Principal, Ticket: m.Ticket, Bucket: m.Bucket, Key: m.Key,
		Meta: m.Meta, File: m.File, Extra: m.Extra, Origin: m.Origin, Began: r.Began.UTC(), Expires: r.Expires.UTC(), DueAt: r.DueAt.UTC(),
		Size: r.Size, Offset: r.Offset, Midstate: r.Midstate, Fence: r.Fence, LeaseTill: r.LeaseTill.UTC(),
		Pages: r.Pages, Open: r.Open, Pending: r.Pending, Old: r.Old, Past: r.Past, Compressed: r.Compressed,
		Digests: r.Digests, Clean: r.Clean, Outcome: domain.Outcome(r.Outcome),
	}
	if err == nil && r.Tail != nil {
		x.Tail = &uploadv1.SessionContent{}
		err = json.Unmarshal(r.Tail, x.Tail)
	}
	if err == nil && r.Answer != nil {
		x.Answer = &objectv1.Object{}
		err = json.Unmarshal(r.Answer, x.Answer)
	}
	if err != nil {
		return x, fmt.Errorf("decoding a session: %w", err)
	}
	return x, nil
}
