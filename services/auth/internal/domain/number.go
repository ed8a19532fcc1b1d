package domain

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// read is found for an account that may be of before there were numbers.
func (s *Service) read(ctx context.Context, a Account, err error) (Account, error) {
	if a, err = found(a, err); err != nil {
		return Account{}, err
	}
	return s.withNumber(ctx, a), nil
}

// withNumber gives an account of before there were numbers one. An account that
// cannot be written now is read all the same.
func (s *Service) withNumber(ctx context.Context, a Account) Account {
	if a.Number != 0 || a.DeletedAt != nil {
		return a
	}
	number, err := s.d.Accounts.Numbers(ctx, 1)
	if err == nil {
		var numbered Account
		if numbered, err = s.setNumber(ctx, a.ID, number); err == nil {
			return numbered
		}
	}
	if !missing(err) {
		s.d.Log.WarnContext(ctx, "an account has no number yet", slog.String(telemetry.KeyAccountID, a.ID), slog.Any(telemetry.KeyErr, err))
	}
	return a
}

// setNumber numbers an account that has no number; of several at once the first
// one holds, and what the others took is left out of the sequence.
func (s *Service) setNumber(ctx context.Context, id string, number int64) (Account, error) {
	return s.d.Accounts.Note(ctx, id, func(a *Account) bool { //nolint:wrapcheck // its callers do
		if a.Number != 0 || a.DeletedAt != nil {
			return false
		}
		a.Number = number
		return true
	})
}

// numberAll numbers every account of before there were numbers, the oldest first,
// once in the life of a process. Those that an older copy still makes beside it
// get theirs when they are read.
func (s *Service) numberAll(ctx context.Context) error {
	if s.numbered.Load() {
		return nil
	}
	for after, first := "", true; first || after != ""; first = false {
		page, next, err := s.d.Accounts.All(ctx, after, sweepBatch)
		if err != nil {
			return fmt.Errorf("looking for accounts without a number: %w", err)
		}
		if err := s.numberPage(ctx, page); err != nil {
			return err
		}
		after = next
	}
	s.numbered.Store(true)
	return nil
}

// numberPage takes the numbers of a page in one step: a crash loses them, and
// nothing else.
func (s *Service) numberPage(ctx context.Context, page []Account) error {
	var without []Account
	for _, a := range page {
		if a.Number == 0 && a.DeletedAt == nil {
			without = append(without, a)
		}
	}
	if len(without) == 0 {
		return nil
	}
	number, err := s.d.Accounts.Numbers(ctx, len(without))
	if err != nil {
		return fmt.Errorf("taking numbers of accounts: %w", err)
	}
	for i, a := range without {
		if _, err := s.setNumber(ctx, a.ID, number+int64(i)); err != nil && !missing(err) {
			return fmt.Errorf("numbering an account: %w", err)
		}
	}
	return nil
}
