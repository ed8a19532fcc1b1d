package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/pkg/paging/docpage"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// plik is a temporary upload as it is stored. The fields from ListedIn on are
// those of the lists: they are there only while the upload is to be in one.
type plik struct {
	Account    string    `bson:"account"`
	Token      string    `bson:"token,omitempty"`
	State      string    `bson:"state"`
	TTL        int64     `bson:"ttl"`
	ExtendTTL  bool      `bson:"extend_ttl,omitempty"`
	OneShot    bool      `bson:"one_shot,omitempty"`
	Stream     bool      `bson:"stream,omitempty"`
	Removable  bool      `bson:"removable,omitempty"`
	Comments   string    `bson:"comments,omitempty"`
	SourceIP   string    `bson:"source_ip,omitempty"`
	Secret     []byte    `bson:"secret"`
	Credential []byte    `bson:"credential,omitempty"`
	CreatedAt  time.Time `bson:"created_at"`
	ExpiresAt  time.Time `bson:"expires_at,omitempty"`
	DueAt      time.Time `bson:"due_at,omitempty"`

	Entries int              `bson:"entries"`
	Sizes   map[string]int64 `bson:"sizes,omitempty"`
	Size    int64            `bson:"size"`

	ListedAt time.Time `bson:"listed_at,omitempty"` // CreatedAt
	ListedIn string    `bson:"listed_in,omitempty"` // Account
	ListedBy string    `bson:"listed_by,omitempty"` // Token
	Sized    *int64    `bson:"sized,omitempty"`     // Size, and these with it
	SizedIn  string    `bson:"sized_in,omitempty"`
	SizedBy  string    `bson:"sized_by,omitempty"`
}

// plikIndexes are the lists: of all uploads, of an account's, of a token's, of a
// token's in an account (an administrator's token makes uploads for others), by
// time and by size.
func plikIndexes() []docstore.Index {
	return []docstore.Index{
		{Name: indexDue, Fields: []string{"due_at"}},
		{Name: "listed", Fields: []string{"listed_at"}},
		{Name: "listed_in", Fields: []string{"listed_in", "created_at"}},
		{Name: "listed_by", Fields: []string{"listed_by", "created_at"}},
		{Name: "listed_in_by", Fields: []string{"listed_by", "account", "created_at"}},
		{Name: "sized", Fields: []string{"sized"}},
		{Name: "sized_in", Fields: []string{"sized_in", "size"}},
		{Name: "sized_by", Fields: []string{"sized_by", "size"}},
		{Name: "sized_in_by", Fields: []string{"sized_by", "account", "size"}},
	}
}

// Pliks implements domain.PlikStore.
type Pliks struct {
	uploads *docstore.Collection[plik]
	files   *docstore.Collection[plikFile]
}

var _ domain.PlikStore = (*Pliks)(nil)

// OpenPliks opens the collections.
func OpenPliks(ctx context.Context, db docstore.DB) (*Pliks, error) {
	uploads, err := docstore.Open[plik](ctx, db, docstore.Spec{Name: "pliks", Indexes: plikIndexes()})
	if err != nil {
		return nil, fmt.Errorf("opening the temporary uploads: %w", err)
	}
	files, err := docstore.Open[plikFile](ctx, db, docstore.Spec{Name: "plik_files", Indexes: []docstore.Index{
		{Name: indexDue, Fields: []string{"due_at"}},
		{Name: indexOrder, Fields: []string{"upload", "index"}},
		{Name: indexOpen, Fields: []string{"leased"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the files of temporary uploads: %w", err)
	}
	return &Pliks{uploads, files}, nil
}

// InsertPlik implements domain.PlikStore.
func (s *Pliks) InsertPlik(ctx context.Context, u domain.Plik) error {
	_, err := s.uploads.Insert(ctx, u.ID, toPlik(u))
	return err
}

// Plik implements domain.PlikStore.
func (s *Pliks) Plik(ctx context.Context, id string) (domain.Plik, error) {
	d, err := s.uploads.Get(ctx, id)
	if err != nil {
		return domain.Plik{}, missing(err)
	}
	return fromPlik(id, d.Value), nil
}

// UpdatePlik implements domain.PlikStore.
func (s *Pliks) UpdatePlik(ctx context.Context, id string, change func(*domain.Plik) error) (domain.Plik, error) {
	var out domain.Plik
	_, err := s.uploads.Update(ctx, id, func(r *plik) ([]docstore.Message, error) {
		out = fromPlik(id, *r)
		err := change(&out)
		*r = toPlik(out)
		return nil, err
	})
	if err != nil {
		return domain.Plik{}, missing(err)
	}
	return out, nil
}

// DeletePlik implements domain.PlikStore.
func (s *Pliks) DeletePlik(ctx context.Context, id string) error {
	return gone(s.uploads.Delete(ctx, id, docstore.DeleteOptions{}))
}

// DuePliks implements domain.PlikStore.
func (s *Pliks) DuePliks(ctx context.Context, by time.Time, limit int) ([]domain.Plik, error) {
	p, err := s.uploads.Scan(ctx, docstore.Query{Index: indexDue, To: by, Limit: limit})
	if err != nil {
		return nil, err
	}
	return fromPliks(p.Docs), nil
}

// listOf is the list of a filter.
func listOf(f domain.PlikFilter) docstore.Query {
	prefix := "listed"
	if f.BySize {
		prefix = "sized"
	}
	switch {
	case f.Account != "" && f.TokenID != "":
		return docstore.Query{Index: prefix + "_in_by", Equal: []any{f.TokenID, f.Account}}
	case f.Account != "":
		return docstore.Query{Index: prefix + "_in", Equal: []any{f.Account}}
	case f.TokenID != "":
		return docstore.Query{Index: prefix + "_by", Equal: []any{f.TokenID}}
	}
	return docstore.Query{Index: prefix}
}

// PagePliks implements domain.PlikStore.
func (s *Pliks) PagePliks(
	ctx context.Context, f domain.PlikFilter, r paging.Request, most int, weigh func(domain.Plik) int,
) ([]domain.Plik, paging.Place, error) {
	if f.BySize {
		return pagePliks(ctx, docpage.List(s.uploads, listOf(f), func(r plik) int64 { return r.Size }), r, most, weigh)
	}
	return pagePliks(ctx, docpage.List(s.uploads, listOf(f), func(r plik) time.Time { return r.CreatedAt.UTC() }), r, most, weigh)
}

func pagePliks[V paging.Value](
	ctx context.Context, l paging.List[docstore.Doc[plik], V], r paging.Request, most int, weigh func(domain.Plik) int,
) ([]domain.Plik, paging.Place, error) {
	scan := l.Scan
	l.Scan = func(ctx context.Context, from *paging.Position[V], desc bool, limit int) ([]docstore.Doc[plik], bool, error) {
		docs, more, err := scan(ctx, from, desc, limit)
		sum := 0
		for i, d := range docs {
			if sum += weigh(fromPlik(d.ID, d.Value)); sum > most && i > 0 {
				return docs[:i], true, err
			}
		}
		return docs, more, err
	}
	docs, place, err := l.Page(ctx, r)
	return fromPliks(docs), place, err
}

// ScanPliks implements domain.PlikStore.
func (s *Pliks) ScanPliks(ctx context.Context, f domain.PlikFilter, after string, limit int) ([]domain.Plik, string, error) {
	q := listOf(f)
	q.After, q.Limit = after, limit
	p, err := s.uploads.Scan(ctx, q)
	if err != nil {
		return nil, "", err
	}
	return fromPliks(p.Docs), p.Next, nil
}

func toPlik(u domain.Plik) plik {
	r := plik{
		Account: u.Account, Token: u.TokenID, State: string(u.State), TTL: u.TTL, ExtendTTL: u.ExtendTTL, OneShot: u.OneShot, Stream: u.Stream,
		Removable: u.Removable, Comments: u.Comments, SourceIP: u.SourceIP, Secret: u.Secret, Credential: u.Credential,
		CreatedAt: u.CreatedAt, ExpiresAt: u.ExpiresAt, DueAt: u.DueAt, Entries: u.Entries, Sizes: u.Sizes, Size: u.Size(),
	}
	if u.State == domain.PlikOpen {
		r.ListedAt, r.ListedIn, r.ListedBy = r.CreatedAt, r.Account, r.Token
		if r.Size > 0 {
			r.Sized, r.SizedIn, r.SizedBy = &r.Size, r.Account, r.Token
		}
	}
	return r
}

func fromPlik(id string, r plik) domain.Plik {
	return domain.Plik{
		ID: id, Account: r.Account, TokenID: r.Token, State: domain.PlikState(r.State), TTL: r.TTL, ExtendTTL: r.ExtendTTL, OneShot: r.OneShot,
		Stream: r.Stream, Removable: r.Removable, Comments: r.Comments, SourceIP: r.SourceIP, Secret: r.Secret, Credential: r.Credential,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: utc(r.ExpiresAt), DueAt: utc(r.DueAt), Entries: r.Entries, Sizes: r.Sizes,
	}
}

func fromPliks(docs []docstore.Doc[plik]) []domain.Plik {
	out := make([]domain.Plik, len(docs))
	for i, d := range docs {
		out[i] = fromPlik(d.ID, d.Value)
	}
	return out
}

// utc is t as the domain has it; no time stays none.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// taken turns the error of an insert into the domain's.
func taken(err error) error {
	if errors.Is(err, docstore.ErrExists) {
		return domain.ErrTaken
	}
	return err
}
