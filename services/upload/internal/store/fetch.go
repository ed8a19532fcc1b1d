package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// fetch is a fetch as it is stored, under its number in decimal.
type fetch struct {
	Number    int64         `bson:"number"`
	Account   string        `bson:"account"`
	OpenIn    string        `bson:"open_in,omitempty"` // the account's id until it ends
	KeyID     string        `bson:"key_id,omitempty"`
	Grant     *authv1.Grant `bson:"grant,omitempty"` // of a key
	URL       string        `bson:"url"`
	FolderID  string        `bson:"folder_id,omitempty"`
	State     string        `bson:"state"`
	Attempts  int           `bson:"attempts"`
	Received  int64         `bson:"received"`
	Size      int64         `bson:"size"`
	NodeID    string        `bson:"node_id,omitempty"`
	Reason    string        `bson:"reason,omitempty"`
	CreatedAt time.Time     `bson:"created_at"`
	UpdatedAt time.Time     `bson:"updated_at"`
	Turn      int64         `bson:"turn"`
	NotBefore time.Time     `bson:"not_before,omitempty"`
	Fence     int64         `bson:"fence"`
	LeaseTill time.Time     `bson:"lease_till,omitempty"`
	DueAt     time.Time     `bson:"due_at"`
}

// fetchSlots is what an account has under way, under its id.
type fetchSlots struct {
	Taken []fetchSlot `bson:"taken,omitempty"`
	Ended []int64     `bson:"ended,omitempty"`
}

type fetchSlot struct {
	ID int64     `bson:"id"`
	At time.Time `bson:"at"`
}

// fetchCounter gives the numbers.
type fetchCounter struct {
	Next int64 `bson:"next"`
}

const (
	counterFetches = "fetches"
	indexAccount   = "account"
)

// Fetches implements domain.FetchStore.
type Fetches struct {
	fetches  *docstore.Collection[fetch]
	slots    *docstore.Collection[fetchSlots]
	counters *docstore.Collection[fetchCounter]
}

var _ domain.FetchStore = (*Fetches)(nil)

// OpenFetches opens the collections.
func OpenFetches(ctx context.Context, db docstore.DB) (*Fetches, error) {
	fetches, err := docstore.Open[fetch](ctx, db, docstore.Spec{Name: "fetches", Indexes: []docstore.Index{
		{Name: indexDue, Fields: []string{"due_at"}},
		{Name: indexAccount, Fields: []string{"account", "number"}},
		{Name: indexOpen, Fields: []string{"open_in", "number"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the fetches: %w", err)
	}
	slots, err := docstore.Open[fetchSlots](ctx, db, docstore.Spec{Name: "fetch_slots"})
	if err != nil {
		return nil, fmt.Errorf("opening the slots of fetches: %w", err)
	}
	counters, err := docstore.Open[fetchCounter](ctx, db, docstore.Spec{Name: "fetch_counters"})
	if err != nil {
		return nil, fmt.Errorf("opening the numbers of fetches: %w", err)
	}
	return &Fetches{fetches, slots, counters}, nil
}

func fetchID(n int64) string { return strconv.FormatInt(n, 10) }

// NextFetch implements domain.FetchStore.
func (s *Fetches) NextFetch(ctx context.Context) (int64, error) {
	d, err := s.counters.Modify(ctx, counterFetches, docstore.Mod{Inc: map[string]int64{"next": 1}, Upsert: fetchCounter{}})
	return d.Value.Next, err
}

// work is the message that puts a fetch into the queue for its turn, as part of ctx's
// trace.
func work(ctx context.Context, f domain.Fetch) ([]docstore.Message, error) {
	b, err := json.Marshal(uploadv1.FetchWork{ID: f.ID, AccountID: f.Account})
	if err != nil {
		return nil, fmt.Errorf("encoding a fetch: %w", err)
	}
	id := fmt.Sprintf("fetch-%d-%d", f.ID, f.Turn)
	return []docstore.Message{{ID: id, Subject: uploadv1.FetchSubject, Header: telemetry.Carry(ctx), Data: b, Time: f.UpdatedAt}}, nil
}

// InsertFetch implements domain.FetchStore.
func (s *Fetches) InsertFetch(ctx context.Context, f domain.Fetch) error {
	messages, err := work(ctx, f)
	if err != nil {
		return err
	}
	_, err = s.fetches.Insert(ctx, fetchID(f.ID), toFetch(f), messages...)
	return err
}

// Fetch implements domain.FetchStore.
func (s *Fetches) Fetch(ctx context.Context, id int64) (domain.Fetch, error) {
	d, err := s.fetches.Get(ctx, fetchID(id))
	if err != nil {
		return domain.Fetch{}, missing(err)
	}
	return fromFetch(d.Value), nil
}

// UpdateFetch implements domain.FetchStore.
func (s *Fetches) UpdateFetch(ctx context.Context, id int64, change func(*domain.Fetch) error) (domain.Fetch, error) {
	var out domain.Fetch
	_, err := s.fetches.Update(ctx, fetchID(id), func(r *fetch) ([]docstore.Message, error) {
		out = fromFetch(*r)
		turn := out.Turn
		if err := change(&out); err != nil {
			return nil, err
		}
		*r = toFetch(out)
		if out.Turn == turn {
			return nil, nil
		}
		return work(ctx, out)
	})
	if err != nil {
		return domain.Fetch{}, missing(err)
	}
	return out, nil
}

// DeleteFetch implements domain.FetchStore.
func (s *Fetches) DeleteFetch(ctx context.Context, id int64) error {
	return gone(s.fetches.Delete(ctx, fetchID(id), docstore.DeleteOptions{}))
}

// DueFetches implements domain.FetchStore.
func (s *Fetches) DueFetches(ctx context.Context, by time.Time, limit int) ([]domain.Fetch, error) {
	return s.scan(ctx, docstore.Query{Index: indexDue, To: by, Limit: limit})
}

// FetchesOf implements domain.FetchStore.
func (s *Fetches) FetchesOf(ctx context.Context, account string, limit int) ([]domain.Fetch, error) {
	return s.scan(ctx, docstore.Query{Index: indexAccount, Equal: []any{account}, Desc: true, Limit: limit})
}

func (s *Fetches) scan(ctx context.Context, q docstore.Query) ([]domain.Fetch, error) {
	p, err := s.fetches.Scan(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make([]domain.Fetch, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = fromFetch(d.Value)
	}
	return out, nil
}

// OpenFetches implements domain.FetchStore.
func (s *Fetches) OpenFetches(ctx context.Context, account string, limit int) ([]int64, error) {
	page, err := s.scan(ctx, docstore.Query{Index: indexOpen, Equal: []any{account}, Limit: limit})
	out := make([]int64, len(page))
	for i, f := range page {
		out[i] = f.ID
	}
	return out, err
}

// CountFetches implements domain.FetchStore.
func (s *Fetches) CountFetches(ctx context.Context) (int64, error) {
	return s.fetches.Count(ctx, docstore.Query{Index: indexOpen})
}

// UpdateFetchSlots implements domain.FetchStore.
func (s *Fetches) UpdateFetchSlots(ctx context.Context, account string, change func(*domain.FetchSlots) error) error {
	d, err := s.slots.Upsert(ctx, account, func(r *fetchSlots, _ bool) ([]docstore.Message, error) {
		x := domain.FetchSlots{Taken: make([]domain.FetchSlot, len(r.Taken)), Ended: r.Ended}
		for i, t := range r.Taken {
			x.Taken[i] = domain.FetchSlot{ID: t.ID, At: t.At.UTC()}
		}
		if err := change(&x); err != nil {
			return nil, err
		}
		r.Taken, r.Ended = make([]fetchSlot, len(x.Taken)), x.Ended
		for i, t := range x.Taken {
			r.Taken[i] = fetchSlot{t.ID, t.At}
		}
		return nil, nil
	})
	if err != nil || len(d.Value.Taken)+len(d.Value.Ended) > 0 {
		return err
	}
	err = s.slots.Delete(ctx, account, docstore.DeleteOptions{IfRev: d.Rev})
	if errors.Is(err, docstore.ErrStale) {
		return nil // somebody took a slot
	}
	return gone(err)
}

func toFetch(f domain.Fetch) fetch {
	r := fetch{
		Number: f.ID, Account: f.Account, KeyID: f.KeyID, URL: f.URL, FolderID: f.FolderID, State: string(f.State), Attempts: f.Attempts,
		Received: f.Received, Size: f.Size, NodeID: f.NodeID, Reason: f.Reason, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, Turn: f.Turn,
		NotBefore: f.NotBefore, Fence: f.Fence, LeaseTill: f.LeaseTill, DueAt: f.DueAt,
	}
	if f.KeyID != "" {
		r.Grant = &f.Grant
	}
	if !f.Over() {
		r.OpenIn = f.Account
	}
	return r
}

func fromFetch(r fetch) domain.Fetch {
	f := domain.Fetch{
		ID: r.Number, Account: r.Account, KeyID: r.KeyID, URL: r.URL, FolderID: r.FolderID, State: uploadv1.FetchState(r.State),
		Attempts: r.Attempts, Received: r.Received, Size: r.Size, NodeID: r.NodeID, Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(),
		UpdatedAt: r.UpdatedAt.UTC(), Turn: r.Turn, NotBefore: utc(r.NotBefore), Fence: r.Fence, LeaseTill: utc(r.LeaseTill), DueAt: r.DueAt.UTC(),
	}
	if r.Grant != nil {
		f.Grant = *r.Grant
	}
	return f
}
