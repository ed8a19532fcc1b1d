package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

// tries bounds how often a new account is made anew when another took its name or
// its identity at the same moment.
const tries = 8

// NewEntry is somebody whom a provider has just vouched for.
type NewEntry struct {
	Identity    authv1.Identity
	Email, Name string
	Create      bool   // the account when there is none
	Source      string // the client's address, whose new accounts are counted
}

// Enter gives the account of an identity. Several at once make one.
func (s *Service) Enter(ctx context.Context, n NewEntry) (Account, error) {
	if err := CheckIdentity(n.Identity); err != nil {
		return Account{}, err
	}
	counted := false
	for range tries {
		a, err := s.d.Accounts.ByIdentity(ctx, n.Identity)
		switch {
		case err == nil && a.DeletedAt != nil && n.Create:
			return Account{}, fault.ErrUnavailable.Msgf("the account before is still being deleted; repeat it shortly").After(time.Second)
		case err == nil && a.DeletedAt == nil && a.Disabled:
			return Account{}, authv1.ErrBadCredentials
		case err == nil || !missing(err) || !n.Create:
			return found(a, err)
		}
		if !counted {
			if err := s.signUp(n.Source); err != nil {
				return Account{}, err
			}
			counted = true
		}
		email, err := s.freeEmail(ctx, n.Email)
		if err != nil {
			return Account{}, err
		}
		a, err = s.createExternal(ctx, NewAccount{Identity: n.Identity, Email: email, Name: cleanName(n.Name)})
		if !errors.Is(err, errIdentityTaken) && !errors.Is(err, authv1.ErrEmailTaken) {
			return a, err
		}
	}
	return Account{}, fault.ErrUnavailable
}

// freeEmail is email when it is an address that nobody has, and else empty.
func (s *Service) freeEmail(ctx context.Context, email string) (string, error) {
	if CheckEmail(email) != nil {
		return "", nil
	}
	_, err := s.d.Accounts.ByEmail(ctx, fold(email))
	switch {
	case missing(err):
		return email, nil
	case err != nil:
		return "", fmt.Errorf("looking for an account: %w", err)
	}
	return "", nil
}

// createExternal makes an account under a user name that is free.
func (s *Service) createExternal(ctx context.Context, n NewAccount) (Account, error) {
	n.Username = Username(n.Identity.Login)
	for range tries {
		a, err := s.create(ctx, n)
		if !errors.Is(err, authv1.ErrUsernameTaken) {
			return a, err
		}
		n.Username = anotherUsername(n.Identity.Login)
	}
	return Account{}, fault.ErrUnavailable
}

// actor reads who wants to do something; its document says what it may.
func (s *Service) actor(ctx context.Context, id string) (Account, error) {
	if id == "" {
		return Account{}, authv1.ErrNotAdmin
	}
	a, err := s.d.Accounts.Get(ctx, id)
	if err != nil && !missing(err) {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	if err != nil || !a.Live() {
		return Account{}, authv1.ErrNotAdmin
	}
	return a, nil
}

func (s *Service) admin(ctx context.Context, id string) error {
	if a, err := s.actor(ctx, id); err != nil || a.Admin {
		return err
	}
	return authv1.ErrNotAdmin
}

// CreateUser makes an account for somebody else; n.Identity may be local here.
func (s *Service) CreateUser(ctx context.Context, actor string, n NewAccount) (Account, error) {
	if err := s.admin(ctx, actor); err != nil {
		return Account{}, err
	}
	if err := errors.Join(CheckUser(n.Identity, n.Password), checkPerson(n.Name, n.Email)); err != nil {
		return Account{}, err
	}
	if n.Identity.Provider == authv1.ProviderLocal {
		n.Username, n.Identity = n.Identity.Login, authv1.Identity{}
		return s.create(ctx, n)
	}
	a, err := s.createExternal(ctx, n)
	if errors.Is(err, errIdentityTaken) {
		return Account{}, authv1.ErrUsernameTaken
	}
	return a, err
}

// UserChange is all that UpdateUser sets; an empty password stays.
type UserChange struct {
	Name, Email    string
	Admin          bool
	Plik           authv1.PlikLimits
	Password, Keep string
}

// UpdateUser replaces what an account says of its person and, for administrators,
// what it may do. One write decides. It answers when every edge can know.
func (s *Service) UpdateUser(ctx context.Context, actor, id string, c UserChange) (Account, error) {
	by, err := s.actor(ctx, actor)
	if err != nil {
		return Account{}, err
	}
	if by.ID != id && !by.Admin {
		return Account{}, authv1.ErrNotAdmin
	}
	target, err := s.GetAccount(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if target.Provider != "" {
		c.Password = ""
	}
	if err := s.mayChange(ctx, by, target, c); err != nil {
		return Account{}, err
	}
	return s.updateUser(ctx, by, target, c)
}

// mayChange looks at the rights first: who may not learns no more.
func (s *Service) mayChange(ctx context.Context, by, target Account, c UserChange) error {
	switch {
	case !by.Admin && c.Admin:
		return authv1.ErrOwnRights
	case !by.Admin && c.Plik != target.Plik:
		return authv1.ErrOwnLimits
	}
	err := checkPerson(c.Name, c.Email)
	if c.Password != "" {
		err = errors.Join(checkUserPassword(c.Password), err)
	}
	if err != nil || by.ID != target.ID || !by.Admin || c.Admin {
		return err
	}
	return s.otherAdmin(ctx, target.ID)
}

// otherAdmin refuses to take the rights of the last administrator that can use
// them. Two that give theirs up at the same moment both may.
func (s *Service) otherAdmin(ctx context.Context, id string) error {
	admins, err := s.d.Accounts.Admins(ctx, sweepBatch)
	if err != nil {
		return fmt.Errorf("looking for administrators: %w", err)
	}
	for _, a := range admins {
		if a.ID != id && a.Live() {
			return nil
		}
	}
	return authv1.ErrLastAdmin
}

func (s *Service) updateUser(ctx context.Context, by, target Account, c UserChange) (Account, error) {
	next, err := s.newPassword(ctx, c.Password, c.Keep)
	if err != nil {
		return Account{}, err
	}
	lost := false
	a, err := s.d.Accounts.Update(ctx, target.ID, func(a *Account) bool {
		// Rights that were taken from the actor meanwhile do not come back by its own hand.
		lost = by.ID == a.ID && by.Admin && !a.Admin
		if lost || a.DeletedAt != nil {
			return false
		}
		before := *a
		a.Name, a.Email, a.EmailKey = c.Name, c.Email, fold(c.Email)
		if by.Admin {
			a.Admin, a.Plik = c.Admin, c.Plik
		}
		if c.Password != "" {
			next.set(a, s.now())
		}
		return *a != before
	})
	if errors.Is(err, ErrTaken) {
		return Account{}, authv1.ErrEmailTaken
	}
	if a, err = found(a, err); err != nil {
		return Account{}, err
	}
	if lost {
		return Account{}, authv1.ErrNotAdmin
	}
	if c.Password != "" {
		s.cleanTokens(ctx, a)
	}
	return a, s.flushed(ctx, s.d.Accounts.Flush, a.ID)
}

// DeleteUser ends an account by itself or by an administrator, also one whose
// deletion broke off. With dryRun it only decides whether it may be.
func (s *Service) DeleteUser(ctx context.Context, actor, id string, dryRun bool) error {
	a, err := s.d.Accounts.Get(ctx, id)
	if err != nil && !missing(err) {
		return fmt.Errorf("reading an account: %w", err)
	}
	if actor != id || err == nil && a.Disabled {
		if err := s.admin(ctx, actor); err != nil {
			return err
		}
	}
	if missing(err) {
		return authv1.ErrAccountNotFound
	}
	if dryRun {
		return nil
	}
	return s.end(ctx, id)
}

// ListUsers pages through the accounts by their time of creation. Those that are
// being deleted are left out of a page and counted.
func (s *Service) ListUsers(ctx context.Context, actor string, r paging.Request) ([]Account, paging.Place, error) {
	if err := s.admin(ctx, actor); err != nil {
		return nil, paging.Place{}, err
	}
	page, place, err := s.d.Accounts.Page(ctx, r)
	if err != nil {
		return nil, paging.Place{}, fmt.Errorf("listing accounts: %w", err)
	}
	out := page[:0]
	for _, a := range page {
		if a.DeletedAt == nil {
			out = append(out, a)
		}
	}
	return out, place, nil
}
