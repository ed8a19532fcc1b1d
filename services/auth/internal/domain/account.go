package domain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// NewAccount is what an account is made of.
type NewAccount struct {
	Username, Email, Password string
	Admin                     bool
}

// CreateAccount makes an account. Its document is written at once with its state
// for the edges; a crash leaves it whole or not at all.
func (s *Service) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	if err := errors.Join(CheckUsername(n.Username), CheckEmail(n.Email), CheckPassword(n.Password)); err != nil {
		return Account{}, err
	}
	return s.create(ctx, n)
}

// create is CreateAccount without a look at the fields.
func (s *Service) create(ctx context.Context, n NewAccount) (Account, error) {
	key := fold(n.Email)
	if err := s.taken(ctx, n.Username, key); err != nil {
		return Account{}, err // before the costly hash
	}
	hash, err := s.hasher.Hash(ctx, n.Password)
	if err != nil {
		return Account{}, err
	}
	a, err := s.d.Accounts.Insert(ctx, Account{
		ID: newAccountID(), Username: n.Username, Email: n.Email, EmailKey: key, Password: hash,
		Admin: n.Admin, Plan: PlanStandard, Limits: s.cfg.Limits, CreatedAt: s.now(),
	})
	if errors.Is(err, ErrTaken) {
		if err := s.taken(ctx, n.Username, key); err != nil {
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
func (s *Service) taken(ctx context.Context, username, emailKey string) error {
	if _, err := s.d.Accounts.ByUsername(ctx, username); !missing(err) {
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

func orTaken(err error, taken *fault.Error) error {
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
	return found(a, err)
}

// AccountNamed looks an account up by its user name.
func (s *Service) AccountNamed(ctx context.Context, username string) (Account, error) {
	a, err := s.d.Accounts.ByUsername(ctx, username)
	return found(a, err)
}

func found(a Account, err error) (Account, error) {
	switch {
	case missing(err):
		return Account{}, authv1.ErrAccountNotFound
	case err != nil:
		return Account{}, fmt.Errorf("reading an account: %w", err)
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
		if a.Disabled == disabled {
			return false
		}
		a.Disabled = disabled
		if disabled {
			// Tokens carry whole seconds: end all that this second may still give.
			if end := s.now().Truncate(time.Second).Add(time.Second); end.After(a.NotBefore) {
				a.NotBefore = end
			}
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
		// They do not hold any more, so that this is cleaning only.
		if err := s.d.Tokens.DeleteBefore(ctx, id, a.NotBefore); err != nil {
			s.d.Log.WarnContext(ctx, "dead account tokens stay in the store", slog.String(telemetry.KeyAccountID, id), slog.Any(telemetry.KeyErr, err))
		}
	}
	return a, nil
}
