package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
)

// NewAccount is what an account is made of.
type NewAccount struct {
	Username, Email, Password string
	Admin                     bool
	Source                    string          // the client's address; empty: the operator, who is not throttled
	Identity                  authv1.Identity // of an account that somebody else vouches for; it has no password
	Name                      string
	Plik                      authv1.PlikLimits
}

// CreateAccount makes an account. Its document is written at once with its state
// for the edges; a crash leaves it whole or not at all.
func (s *Service) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	if err := errors.Join(CheckUsername(n.Username), CheckEmail(n.Email), CheckPassword(n.Password)); err != nil {
		return Account{}, err
	}
	if err := s.signUp(n.Source); err != nil {
		return Account{}, err
	}
	return s.create(ctx, n)
}

// signUp counts a new account for a client's address.
func (s *Service) signUp(source string) error {
	if addr := password.SourceKey(source); addr != "" {
		if wait := s.signUps.Take(addr, s.now()); wait > 0 {
			return throttledFor(wait)
		}
	}
	return nil
}

// create is CreateAccount without a look at the fields. errIdentityTaken when
// somebody else's identity has an account.
func (s *Service) create(ctx context.Context, n NewAccount) (Account, error) {
	key := fold(n.Email)
	if err := s.taken(ctx, n, key); err != nil {
		return Account{}, err // before the costly hash
	}
	hash := ""
	if n.Identity.Provider == "" {
		var err error
		if hash, err = s.hasher.Hash(ctx, n.Password); err != nil {
			return Account{}, err
		}
	}
	number, err := s.d.Accounts.Numbers(ctx, 1)
	if err != nil {
		return Account{}, fmt.Errorf("numbering an account: %w", err)
	}
	a, err := s.d.Accounts.Insert(ctx, Account{
		ID: newAccountID(), Username: n.Username, Email: n.Email, EmailKey: key, Password: hash,
		Provider: n.Identity.Provider, Login: n.Identity.Login, Name: n.Name, Plik: n.Plik,
		Admin: n.Admin, Plan: s.cfg.DefaultPlan, Limits: s.cfg.Plans[s.cfg.DefaultPlan], CreatedAt: s.now(), Number: number,
	})
	if errors.Is(err, ErrTaken) {
		if err := s.taken(ctx, n, key); err != nil {
			return Account{}, err
		}
		return Account{}, fault.ErrUnavailable.Because(err)
	}
	if err != nil {
		return Account{}, fmt.Errorf("creating an account: %w", err)
	}
	return a, nil
}

// taken tells which of the unique fields another account has.
func (s *Service) taken(ctx context.Context, n NewAccount, emailKey string) error {
	if n.Identity.Provider != "" {
		if _, err := s.d.Accounts.ByIdentity(ctx, n.Identity); !missing(err) {
			return orTaken(err, errIdentityTaken)
		}
	}
	if _, err := s.d.Accounts.ByUsername(ctx, n.Username); !missing(err) {
		return orTaken(err, authv1.ErrUsernameTaken)
	}
	if emailKey == "" {
		return nil
	}
	if _, err := s.d.Accounts.ByEmail(ctx, emailKey); !missing(err) {
		return orTaken(err, authv1.ErrEmailTaken)
	}
	return nil
}

func orTaken(err, taken error) error {
	if err != nil {
		return fmt.Errorf("looking for an account: %w", err)
	}
	return taken
}

// EnsureAdmin makes the first account when there is none of that name, and
// reports whether it did. Of several copies that start at once, one does.
func (s *Service) EnsureAdmin(ctx context.Context, username, password string) (bool, error) {
	_, err := s.create(ctx, NewAccount{Username: username, Password: password, Admin: true})
	if errors.Is(err, authv1.ErrUsernameTaken) {
		return false, nil
	}
	return err == nil, err
}

// GetAccount looks an account up by its id.
func (s *Service) GetAccount(ctx context.Context, id string) (Account, error) {
	a, err := s.d.Accounts.Get(ctx, id)
	return s.read(ctx, a, err)
}

// AccountNumbered looks an account up by its number.
func (s *Service) AccountNumbered(ctx context.Context, number int64) (Account, error) {
	a, err := s.d.Accounts.ByNumber(ctx, number)
	return found(a, err)
}

// AccountNamed looks an account up by its user name.
func (s *Service) AccountNamed(ctx context.Context, username string) (Account, error) {
	a, err := s.d.Accounts.ByUsername(ctx, username)
	return s.read(ctx, a, err)
}

// AccountOf looks an account up by its identity.
func (s *Service) AccountOf(ctx context.Context, id authv1.Identity) (Account, error) {
	if id.Provider != authv1.ProviderLocal {
		a, err := s.d.Accounts.ByIdentity(ctx, id)
		return s.read(ctx, a, err)
	}
	a, err := s.AccountNamed(ctx, id.Login)
	if err == nil && a.Provider != "" {
		return Account{}, authv1.ErrAccountNotFound // it has this user name and another identity
	}
	return a, err
}

func found(a Account, err error) (Account, error) {
	switch {
	case missing(err):
		return Account{}, authv1.ErrAccountNotFound
	case err != nil:
		return Account{}, fmt.Errorf("reading an account: %w", err)
	case a.DeletedAt != nil:
		return Account{}, authv1.ErrAccountNotFound
	}
	return a, nil
}

// ListAccounts gives accounts by user name, behind after.
func (s *Service) ListAccounts(ctx context.Context, after string, limit int) ([]Account, bool, error) {
	page, more, err := s.d.Accounts.List(ctx, after, limit)
	if err != nil {
		return nil, false, fmt.Errorf("listing accounts: %w", err)
	}
	return page, more, nil
}

// SetDisabled switches an account off or on. The document decides at once; the
// answer waits until every edge can know.
func (s *Service) SetDisabled(ctx context.Context, id string, disabled bool) (Account, error) {
	a, err := s.d.Accounts.Update(ctx, id, func(a *Account) bool {
		if a.Disabled == disabled || a.DeletedAt != nil {
			return false
		}
		a.Disabled = disabled
		if disabled {
			s.endTokens(a)
		}
		return true
	})
	if a, err = found(a, err); err != nil {
		return Account{}, err
	}
	if err := s.flushed(ctx, s.d.Accounts.Flush, id); err != nil {
		return Account{}, err
	}
	if disabled {
		s.cleanTokens(ctx, a)
	}
	return a, nil
}

// endTokens dates all that was issued for the account as dead. Tokens carry
// whole seconds: it ends also what this second may still give.
func (s *Service) endTokens(a *Account) {
	if end := s.now().Truncate(time.Second).Add(time.Second); end.After(a.NotBefore) {
		a.NotBefore = end
	}
	a.Generation++
	a.Kept = ""
}

// Change is what SetAccount changes; empty fields stay.
type Change struct {
	Plan, Region string
	Admin        *bool
}

// SetAccount changes an account's plan, with the limits that the plan has now, its
// region, whose existence the caller has looked at, and its rights. It answers when every
// edge can know.
func (s *Service) SetAccount(ctx context.Context, id string, c Change) (Account, error) {
	limits, known := s.cfg.Plans[c.Plan]
	switch {
	case c == Change{}:
		return Account{}, fault.ErrInvalid.Msgf("there is nothing to change: name a plan, a region or rights")
	case c.Plan != "" && !known:
		return Account{}, authv1.ErrUnknownPlan.Msgf("there is no such plan; there are %s", s.cfg.planNames())
	case c.Region != "" && !regionName.MatchString(c.Region):
		return Account{}, fault.ErrInvalid.Msgf("a region's name has 1 to 32 of the characters a-z 0-9 -")
	}
	a, err := s.d.Accounts.Update(ctx, id, func(a *Account) bool {
		before := *a
		if c.Plan != "" {
			a.Plan, a.Limits = c.Plan, limits
		}
		if c.Region != "" {
			a.Region = c.Region
		}
		if c.Admin != nil {
			a.Admin = *c.Admin
		}
		return *a != before && a.DeletedAt == nil
	})
	if a, err = found(a, err); err != nil {
		return Account{}, err
	}
	return a, s.flushed(ctx, s.d.Accounts.Flush, id)
}
