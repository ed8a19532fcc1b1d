package domain

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Proof is how the caller shows that it may do what cannot be undone.
type Proof struct {
	Password string
	Source   string // the client's address, for throttling
	Operator bool   // no password is needed
}

// prove checks the password of an account that is named by its id; wrong ones
// count for its user name.
func (s *Service) prove(ctx context.Context, id string, p Proof, accept func(Account) bool) (Account, error) {
	a, err := s.d.Accounts.Get(ctx, id)
	if err != nil && !missing(err) {
		return Account{}, fmt.Errorf("reading an account: %w", err)
	}
	unknown := missing(err)
	if p.Operator {
		if unknown || !accept(a) {
			return Account{}, authv1.ErrAccountNotFound
		}
		return a, nil
	}
	name := a.Username
	if unknown {
		name = "\x00" + id // nobody's
	}
	got, err := s.verify(ctx, newClaim(name, p.Password, p.Source), accept)
	if err != nil {
		return Account{}, err
	}
	if got.ID != id {
		return Account{}, authv1.ErrBadCredentials // deleted meanwhile, and the name given to another
	}
	return got, nil
}

// ChangePassword sets a new password; all account tokens end with the old one,
// but for keep. One write decides: a crash leaves the old password with all
// tokens, or the new one with keep.
func (s *Service) ChangePassword(ctx context.Context, id string, p Proof, password, keep string) (Account, error) {
	if err := CheckPassword(password); err != nil {
		return Account{}, err
	}
	proved, err := s.prove(ctx, id, p, Account.Live)
	if err != nil {
		return Account{}, err
	}
	next, err := s.newPassword(ctx, password, keep)
	if err != nil {
		return Account{}, err
	}
	lost := false
	a, err := s.d.Accounts.Update(ctx, id, func(a *Account) bool {
		// Of two that change the same password at once, one does.
		if lost = a.Password != proved.Password && !p.Operator; lost || !a.Live() {
			return false
		}
		next.set(a, s.now())
		return true
	})
	if a, err = found(a, err); err != nil {
		return Account{}, err
	}
	if lost || a.Password != next.hash {
		return Account{}, authv1.ErrBadCredentials
	}
	s.cleanTokens(ctx, a)
	return a, nil
}

// nextPassword is what a change of the password writes.
type nextPassword struct {
	hash string
	kept Token // an account token that holds on
}

// newPassword prepares a change; of an empty password there is nothing to do.
func (s *Service) newPassword(ctx context.Context, password, keep string) (n nextPassword, err error) {
	if password == "" {
		return n, nil
	}
	if n.hash, err = s.hasher.Hash(ctx, password); err != nil {
		return n, err
	}
	if tokenShaped(keep) {
		if n.kept, err = s.tokenOf(ctx, keep); err != nil && !missing(err) {
			return n, fmt.Errorf("reading an account token: %w", err)
		}
	}
	return n, nil
}

// set changes the account: every token of it that was made before ends, but the kept one.
func (n nextPassword) set(a *Account, now time.Time) {
	holds := n.kept.Holds(*a, now)
	a.Password = n.hash
	a.Generation++
	if a.Kept = ""; holds {
		a.Kept = n.kept.ID
	}
}

// DeleteAccount ends an account. The mark in its document decides; what follows
// is finished by the sweep when it breaks off. It answers when every edge can
// know and the names are free. With dryRun it only checks the proof.
func (s *Service) DeleteAccount(ctx context.Context, id string, p Proof, dryRun bool) error {
	enabled := func(a Account) bool { return p.Operator || !a.Disabled } // also when a call before broke off
	if _, err := s.prove(ctx, id, p, enabled); err != nil || dryRun {
		return err
	}
	return s.end(ctx, id)
}

// end is DeleteAccount behind its proof.
func (s *Service) end(ctx context.Context, id string) error {
	a, err := s.d.Accounts.Update(ctx, id, func(a *Account) bool {
		if a.DeletedAt != nil {
			return false
		}
		now := s.now()
		a.DeletedAt = &now
		s.endTokens(a)
		return true
	})
	if missing(err) {
		return nil // another call has ended it
	}
	if err != nil {
		return fmt.Errorf("ending an account: %w", err)
	}
	return s.remove(ctx, a)
}

// remove takes away what an ended account leaves. Whatever it does may have been
// done before, and is done again after a crash.
func (s *Service) remove(ctx context.Context, a Account) error {
	if err := s.flushed(ctx, s.d.Accounts.Flush, a.ID); err != nil {
		return err
	}
	keys, err := s.d.Keys.List(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("listing access keys: %w", err)
	}
	for _, k := range keys {
		if err := s.removeKey(ctx, k.ID); err != nil {
			return err
		}
	}
	tokens, err := s.d.Tokens.List(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("listing account tokens: %w", err)
	}
	for _, t := range tokens {
		if err := s.d.Tokens.Delete(ctx, t.ID); err != nil && !missing(err) {
			return fmt.Errorf("removing an account token: %w", err)
		}
	}
	if err := s.d.Accounts.Delete(ctx, a.ID); err != nil && !missing(err) {
		return fmt.Errorf("removing an account: %w", err)
	}
	return nil
}

// removeKey lets the edges know that a key has ended, and removes it.
func (s *Service) removeKey(ctx context.Context, id string) error {
	_, err := s.d.Keys.Update(ctx, id, func(k *Key) bool {
		if k.RevokedAt != nil {
			return false
		}
		now := s.now()
		k.RevokedAt = &now
		return true
	})
	if err == nil {
		if err := s.flushed(ctx, s.d.Keys.Flush, id); err != nil {
			return err
		}
		err = s.d.Keys.Delete(ctx, id)
	}
	if err != nil && !missing(err) {
		return fmt.Errorf("removing an access key: %w", err)
	}
	return nil
}

// sweepBatch is how much of a kind one Sweep takes.
const sweepBatch = 1000

// Sweep finishes deletions that broke off, removes tokens that have ended, and
// once numbers the accounts of before there were numbers.
// Any number of copies may do it at once.
func (s *Service) Sweep(ctx context.Context) error {
	ended, err := s.d.Accounts.Ended(ctx, sweepBatch)
	if err != nil {
		return fmt.Errorf("looking for ended accounts: %w", err)
	}
	for _, a := range ended {
		if err := s.remove(ctx, a); err != nil {
			return err
		}
		s.d.Log.InfoContext(ctx, "finished the deletion of an account", slog.String(telemetry.KeyAccountID, a.ID))
	}
	for more := true; more; {
		stale, err := s.d.Tokens.Stale(ctx, s.now(), sweepBatch)
		if err != nil {
			return fmt.Errorf("looking for ended account tokens: %w", err)
		}
		for _, t := range stale {
			if err := s.d.Tokens.Delete(ctx, t.ID); err != nil && !missing(err) {
				return fmt.Errorf("removing an account token: %w", err)
			}
		}
		more = len(stale) == sweepBatch
	}
	return s.numberAll(ctx)
}
