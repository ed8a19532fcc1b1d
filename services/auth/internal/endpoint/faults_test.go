package endpoint_test

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

var errBroken = errors.New("the test broke it off here")

// faults breaks off the work on the store: it lets some writes pass, and none
// after them. It also counts the reads by name, of which each check of a
// password does one.
type faults struct {
	mu      sync.Mutex
	armed   bool
	left    int
	byName  int
	tokens  int    // written anew
	onToken func() // before a token is inserted
}

// after lets n writes pass; negative: all.
func (f *faults) after(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.left = n >= 0, n
}

func (f *faults) write() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed {
		return nil
	}
	if f.left == 0 {
		return errBroken
	}
	f.left--
	return nil
}

// rewritten is how often a token was written anew.
func (f *faults) rewritten() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens
}

func (f *faults) named() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byName
}

type accounts struct {
	domain.Accounts
	f *faults
}

func (a *accounts) Insert(ctx context.Context, v domain.Account) (domain.Account, error) {
	if err := a.f.write(); err != nil {
		return domain.Account{}, err
	}
	return a.Accounts.Insert(ctx, v)
}

func (a *accounts) ByUsername(ctx context.Context, name string) (domain.Account, error) {
	a.f.mu.Lock()
	a.f.byName++
	a.f.mu.Unlock()
	return a.Accounts.ByUsername(ctx, name)
}

func (a *accounts) ByEmail(ctx context.Context, key string) (domain.Account, error) {
	a.f.mu.Lock()
	a.f.byName++
	a.f.mu.Unlock()
	return a.Accounts.ByEmail(ctx, key)
}

func (a *accounts) Update(ctx context.Context, id string, change func(*domain.Account) bool) (domain.Account, error) {
	if err := a.f.write(); err != nil {
		return domain.Account{}, err
	}
	return a.Accounts.Update(ctx, id, change)
}

func (a *accounts) Note(ctx context.Context, id string, change func(*domain.Account) bool) (domain.Account, error) {
	if err := a.f.write(); err != nil {
		return domain.Account{}, err
	}
	return a.Accounts.Note(ctx, id, change)
}

func (a *accounts) Numbers(ctx context.Context, n int) (int64, error) {
	if err := a.f.write(); err != nil {
		return 0, err
	}
	return a.Accounts.Numbers(ctx, n)
}

func (a *accounts) Flush(ctx context.Context, id string) error {
	return errors.Join(a.f.write(), a.Accounts.Flush(ctx, id))
}

func (a *accounts) Delete(ctx context.Context, id string) error {
	if err := a.f.write(); err != nil {
		return err
	}
	return a.Accounts.Delete(ctx, id)
}

type tokens struct {
	domain.Tokens
	f *faults
}

func (s *tokens) Insert(ctx context.Context, t domain.Token) error {
	if s.f.onToken != nil {
		s.f.onToken()
	}
	if err := s.f.write(); err != nil {
		return err
	}
	return s.Tokens.Insert(ctx, t)
}

func (s *tokens) Update(ctx context.Context, id string, change func(*domain.Token) bool) (domain.Token, error) {
	if err := s.f.write(); err != nil {
		return domain.Token{}, err
	}
	wrote := false
	t, err := s.Tokens.Update(ctx, id, func(t *domain.Token) bool {
		wrote = change(t)
		return wrote
	})
	if wrote {
		s.f.mu.Lock()
		s.f.tokens++
		s.f.mu.Unlock()
	}
	return t, err
}

func (s *tokens) Delete(ctx context.Context, id string) error {
	if err := s.f.write(); err != nil {
		return err
	}
	return s.Tokens.Delete(ctx, id)
}

type accessKeys struct {
	domain.Keys
	f *faults
}

func (k *accessKeys) Update(ctx context.Context, id string, change func(*domain.Key) bool) (domain.Key, error) {
	if err := k.f.write(); err != nil {
		return domain.Key{}, err
	}
	return k.Keys.Update(ctx, id, change)
}

func (k *accessKeys) Flush(ctx context.Context, id string) error {
	return errors.Join(k.f.write(), k.Keys.Flush(ctx, id))
}

func (k *accessKeys) Delete(ctx context.Context, id string) error {
	if err := k.f.write(); err != nil {
		return err
	}
	return k.Keys.Delete(ctx, id)
}
