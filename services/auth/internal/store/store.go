// Package store keeps auth's documents: the domain's ports over pkg/docstore.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/pkg/paging/docpage"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

// Names of the collections.
const (
	colAccounts = "accounts"
	colTokens   = "tokens"
	colKeys     = "access_keys"
	colNumbers  = "sequences"
)

// Flusher publishes what waits in a document; *bus.Relay is one.
type Flusher interface {
	Flush(ctx context.Context, collection, id string) error
}

// Store holds the collections.
type Store struct {
	Accounts *Accounts
	Tokens   *Tokens
	Keys     *Keys
}

// Open opens the collections and their indexes.
func Open(ctx context.Context, db docstore.DB, f Flusher) (*Store, error) {
	a, err := docstore.Open[domain.Account](ctx, db, docstore.Spec{Name: colAccounts, Indexes: []docstore.Index{
		{Name: "username", Fields: []string{"username"}, Unique: true},
		{Name: "email", Fields: []string{"emailKey"}, Unique: true},
		{Name: "ended", Fields: []string{"deletedAt"}},
		{Name: "identity", Fields: []string{"provider", "login"}, Unique: true},
		{Name: "created", Fields: []string{"createdAt"}},
		{Name: "api_key", Fields: []string{"apiKey"}, Unique: true},
		{Name: "admin", Fields: []string{"admin"}},
		{Name: "key_pair", Fields: []string{"keyPair"}, Unique: true},
		{Name: "number", Fields: []string{"number"}, Unique: true},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening accounts: %w", err)
	}
	t, err := docstore.Open[domain.Token](ctx, db, docstore.Spec{Name: colTokens, Indexes: []docstore.Index{
		{Name: "account", Fields: []string{"accountId", "createdAt"}},
		{Name: "purge", Fields: []string{"purgeAt"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening account tokens: %w", err)
	}
	k, err := docstore.Open[domain.Key](ctx, db, docstore.Spec{Name: colKeys, Indexes: []docstore.Index{
		{Name: "account", Fields: []string{"accountId", "createdAt"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening access keys: %w", err)
	}
	n, err := docstore.Open[sequence](ctx, db, docstore.Spec{Name: colNumbers})
	if err != nil {
		return nil, fmt.Errorf("opening the sequence of account numbers: %w", err)
	}
	return &Store{Accounts: &Accounts{a, n, f}, Tokens: &Tokens{t}, Keys: &Keys{k, f}}, nil
}

// stateMessage is the outbox form of a state: the relay's publish is the KV
// bucket's put.
func stateMessage(kind, id string, state any) (docstore.Message, error) {
	b, err := json.Marshal(state)
	if err != nil {
		return docstore.Message{}, fmt.Errorf("encoding the state of %s: %w", kind, err)
	}
	return docstore.Message{ID: bus.NewID(), Subject: "$KV." + authv1.KeyStateBucket + "." + kind + "." + id, Data: b}, nil
}

// answer turns the store's errors into the ports' ones.
func answer(err error) error {
	switch {
	case errors.Is(err, docstore.ErrNotFound):
		return domain.ErrNoDocument
	case errors.Is(err, docstore.ErrDuplicate), errors.Is(err, docstore.ErrExists):
		return domain.ErrTaken
	}
	return err
}

// Accounts implements domain.Accounts.
type Accounts struct {
	c *docstore.Collection[domain.Account]
	n *docstore.Collection[sequence]
	f Flusher
}

// sequence counts the numbers of accounts; there is one document.
type sequence struct {
	Last int64 `bson:"last"` // that was given
}

func account(d docstore.Doc[domain.Account], err error) (domain.Account, error) {
	if err != nil {
		return domain.Account{}, answer(err)
	}
	a := d.Value
	a.ID, a.Rev = d.ID, d.Rev
	return a, nil
}

func accountState(a domain.Account) (docstore.Message, error) {
	return stateMessage("account", a.ID, a.State())
}

// Insert implements domain.Accounts.
func (s *Accounts) Insert(ctx context.Context, a domain.Account) (domain.Account, error) {
	a.Rev = 1
	m, err := accountState(a)
	if err != nil {
		return domain.Account{}, err
	}
	return account(s.c.Insert(ctx, a.ID, a, m))
}

// Get implements domain.Accounts.
func (s *Accounts) Get(ctx context.Context, id string) (domain.Account, error) {
	return account(s.c.Get(ctx, id))
}

// ByUsername implements domain.Accounts.
func (s *Accounts) ByUsername(ctx context.Context, username string) (domain.Account, error) {
	return s.one(ctx, "username", username)
}

// ByEmail implements domain.Accounts.
func (s *Accounts) ByEmail(ctx context.Context, emailKey string) (domain.Account, error) {
	return s.one(ctx, "email", emailKey)
}

// ByIdentity implements domain.Accounts.
func (s *Accounts) ByIdentity(ctx context.Context, id authv1.Identity) (domain.Account, error) {
	return s.one(ctx, "identity", string(id.Provider), id.Login)
}

// ByAPIKey implements domain.Accounts.
func (s *Accounts) ByAPIKey(ctx context.Context, hash string) (domain.Account, error) {
	return s.one(ctx, "api_key", hash)
}

// ByKeyPair implements domain.Accounts.
func (s *Accounts) ByKeyPair(ctx context.Context, hash string) (domain.Account, error) {
	return s.one(ctx, "key_pair", hash)
}

// ByNumber implements domain.Accounts.
func (s *Accounts) ByNumber(ctx context.Context, number int64) (domain.Account, error) {
	return s.one(ctx, "number", number)
}

// Numbers implements domain.Accounts.
func (s *Accounts) Numbers(ctx context.Context, n int) (int64, error) {
	d, err := s.n.Modify(ctx, "account", docstore.Mod{
		Upsert: sequence{Last: authv1.FirstAccountNumber - 1}, Inc: map[string]int64{"last": int64(n)},
	})
	if err != nil {
		return 0, answer(err)
	}
	return d.Value.Last - int64(n) + 1, nil
}

func (s *Accounts) one(ctx context.Context, index string, values ...any) (domain.Account, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: index, Equal: values, Limit: 1})
	if err != nil {
		return domain.Account{}, answer(err)
	}
	if len(p.Docs) == 0 {
		return domain.Account{}, domain.ErrNoDocument
	}
	return account(p.Docs[0], nil)
}

// List implements domain.Accounts.
func (s *Accounts) List(ctx context.Context, after string, limit int) ([]domain.Account, bool, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "username", From: after, FromExclusive: true, Limit: limit})
	if err != nil {
		return nil, false, answer(err)
	}
	return accounts(p.Docs), p.Next != "", nil
}

func accounts(docs []docstore.Doc[domain.Account]) []domain.Account {
	out := make([]domain.Account, len(docs))
	for i, d := range docs {
		out[i], _ = account(d, nil)
	}
	return out
}

// All implements domain.Accounts.
func (s *Accounts) All(ctx context.Context, after string, limit int) ([]domain.Account, string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "created", After: after, Limit: limit})
	return accounts(p.Docs), p.Next, answer(err)
}

// Page implements domain.Accounts.
func (s *Accounts) Page(ctx context.Context, r paging.Request) ([]domain.Account, paging.Place, error) {
	all := docpage.List(s.c, docstore.Query{Index: "created"}, func(a domain.Account) time.Time { return a.CreatedAt })
	docs, place, err := all.Within(domain.MaxAnswer, func(d docstore.Doc[domain.Account]) int {
		return domain.AnswerSize(d.Value.Public())
	}).Page(ctx, r)
	return accounts(docs), place, answer(err)
}

// Admins implements domain.Accounts.
func (s *Accounts) Admins(ctx context.Context, limit int) ([]domain.Account, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "admin", Equal: []any{true}, Limit: limit})
	return accounts(p.Docs), answer(err)
}

// Update implements domain.Accounts.
func (s *Accounts) Update(ctx context.Context, id string, change func(a *domain.Account) bool) (domain.Account, error) {
	return account(s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Account]) ([]docstore.Message, error) {
		d.Value.ID, d.Value.Rev = d.ID, d.Rev
		if !change(&d.Value) {
			return nil, docstore.Unchanged
		}
		d.Value.Rev = d.Rev + 1
		m, err := accountState(d.Value)
		return []docstore.Message{m}, err
	}))
}

// Note implements domain.Accounts. The state in the bucket stays right: its
// readers keep the highest revision that there is.
func (s *Accounts) Note(ctx context.Context, id string, change func(a *domain.Account) bool) (domain.Account, error) {
	return account(s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Account]) ([]docstore.Message, error) {
		d.Value.ID, d.Value.Rev = d.ID, d.Rev
		if !change(&d.Value) {
			return nil, docstore.Unchanged
		}
		return nil, nil
	}))
}

// Flush implements domain.Accounts.
func (s *Accounts) Flush(ctx context.Context, id string) error {
	return s.f.Flush(ctx, colAccounts, id)
}

// Ended implements domain.Accounts.
func (s *Accounts) Ended(ctx context.Context, limit int) ([]domain.Account, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "ended", Limit: limit})
	if err != nil {
		return nil, answer(err)
	}
	return accounts(p.Docs), nil
}

// Delete implements domain.Accounts.
func (s *Accounts) Delete(ctx context.Context, id string) error {
	return answer(s.c.Delete(ctx, id, docstore.DeleteOptions{}))
}

// Tokens implements domain.Tokens.
type Tokens struct {
	c *docstore.Collection[domain.Token]
}

// Insert implements domain.Tokens.
func (s *Tokens) Insert(ctx context.Context, t domain.Token) error {
	_, err := s.c.Insert(ctx, t.ID, t)
	return answer(err)
}

func token(d docstore.Doc[domain.Token], err error) (domain.Token, error) {
	if err != nil {
		return domain.Token{}, answer(err)
	}
	t := d.Value
	t.ID = d.ID
	return t, nil
}

// Get implements domain.Tokens.
func (s *Tokens) Get(ctx context.Context, id string) (domain.Token, error) {
	return token(s.c.Get(ctx, id))
}

// Delete implements domain.Tokens.
func (s *Tokens) Delete(ctx context.Context, id string) error {
	return answer(s.c.Delete(ctx, id, docstore.DeleteOptions{}))
}

// List implements domain.Tokens.
func (s *Tokens) List(ctx context.Context, accountID string) ([]domain.Token, error) {
	var out []domain.Token
	q := docstore.Query{Index: "account", Equal: []any{accountID}, Desc: true, Limit: 1000}
	for {
		p, err := s.c.Scan(ctx, q)
		if err != nil {
			return nil, answer(err)
		}
		for _, d := range p.Docs {
			t, _ := token(d, nil)
			out = append(out, t)
		}
		if q.After = p.Next; q.After == "" {
			return out, nil
		}
	}
}

// Count implements domain.Tokens.
func (s *Tokens) Count(ctx context.Context, accountID string) (int, error) {
	n, err := s.c.Count(ctx, docstore.Query{Index: "account", Equal: []any{accountID}})
	return int(n), answer(err)
}

// Update implements domain.Tokens.
func (s *Tokens) Update(ctx context.Context, id string, change func(t *domain.Token) bool) (domain.Token, error) {
	return token(s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Token]) ([]docstore.Message, error) {
		d.Value.ID = d.ID
		if !change(&d.Value) {
			return nil, docstore.Unchanged
		}
		return nil, nil
	}))
}

// Stale implements domain.Tokens.
func (s *Tokens) Stale(ctx context.Context, now time.Time, limit int) ([]domain.Token, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "purge", To: now, ToExclusive: true, Limit: limit})
	if err != nil {
		return nil, answer(err)
	}
	out := make([]domain.Token, len(p.Docs))
	for i, d := range p.Docs {
		out[i], _ = token(d, nil)
	}
	return out, nil
}

// Keys implements domain.Keys.
type Keys struct {
	c *docstore.Collection[domain.Key]
	f Flusher
}

func key(d docstore.Doc[domain.Key], err error) (domain.Key, error) {
	if err != nil {
		return domain.Key{}, answer(err)
	}
	k := d.Value
	k.ID, k.Rev = d.ID, d.Rev
	return k, nil
}

func keyState(k domain.Key) (docstore.Message, error) { return stateMessage("key", k.ID, k.State()) }

// Insert implements domain.Keys.
func (s *Keys) Insert(ctx context.Context, k domain.Key) (domain.Key, error) {
	k.Rev = 1
	m, err := keyState(k)
	if err != nil {
		return domain.Key{}, err
	}
	return key(s.c.Insert(ctx, k.ID, k, m))
}

// Get implements domain.Keys.
func (s *Keys) Get(ctx context.Context, id string) (domain.Key, error) {
	return key(s.c.Get(ctx, id))
}

// List implements domain.Keys.
func (s *Keys) List(ctx context.Context, accountID string) ([]domain.Key, error) {
	var out []domain.Key
	q := docstore.Query{Index: "account", Equal: []any{accountID}, Desc: true, Limit: 1000}
	for {
		p, err := s.c.Scan(ctx, q)
		if err != nil {
			return nil, answer(err)
		}
		for _, d := range p.Docs {
			k, _ := key(d, nil)
			out = append(out, k)
		}
		if q.After = p.Next; q.After == "" {
			return out, nil
		}
	}
}

// Count implements domain.Keys.
func (s *Keys) Count(ctx context.Context, accountID string) (int, error) {
	n, err := s.c.Count(ctx, docstore.Query{Index: "account", Equal: []any{accountID}})
	return int(n), answer(err)
}

// Update implements domain.Keys.
func (s *Keys) Update(ctx context.Context, id string, change func(k *domain.Key) bool) (domain.Key, error) {
	return key(s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Key]) ([]docstore.Message, error) {
		d.Value.ID, d.Value.Rev = d.ID, d.Rev
		if !change(&d.Value) {
			return nil, docstore.Unchanged
		}
		d.Value.Rev = d.Rev + 1
		m, err := keyState(d.Value)
		return []docstore.Message{m}, err
	}))
}

// Delete implements domain.Keys.
func (s *Keys) Delete(ctx context.Context, id string) error {
	return answer(s.c.Delete(ctx, id, docstore.DeleteOptions{}))
}

// Flush implements domain.Keys.
func (s *Keys) Flush(ctx context.Context, id string) error { return s.f.Flush(ctx, colKeys, id) }
