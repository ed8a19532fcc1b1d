package domain

import (
	"context"
	"log/slog"
	"net/netip"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// OpenSession gives somebody who has just proved to be an account a token of it,
// and notes the log-in. The account that it gives tells of the log-in before.
func (s *Service) OpenSession(ctx context.Context, a Account, n NewToken, source string) (string, Account, error) {
	if numbered := s.withNumber(ctx, a); numbered.Number == 0 && n.Kind == authv1.TokenHosting {
		return "", Account{}, fault.ErrUnavailable // such a token holds only beside the number
	}
	token, _, err := s.IssueToken(ctx, a, n) // for a as it was when it was proved
	if err != nil {
		return "", Account{}, err
	}
	return token, s.noteLogin(ctx, a, source), nil
}

// noteLogin writes down when and from where somebody logged in. Without it the
// log-in holds all the same.
func (s *Service) noteLogin(ctx context.Context, a Account, source string) Account {
	at, from := s.now(), address(source)
	noted, err := s.d.Accounts.Note(ctx, a.ID, func(a *Account) bool {
		if a.DeletedAt != nil {
			return false
		}
		a.LastLogin, a.LastLoginFrom = a.LoginAt, a.LoginFrom
		a.LoginAt, a.LoginFrom = &at, from
		return true
	})
	if err == nil {
		return noted
	}
	if !missing(err) {
		s.d.Log.WarnContext(ctx, "a log-in is not noted", slog.String(telemetry.KeyAccountID, a.ID), slog.Any(telemetry.KeyErr, err))
	}
	return a
}

// address is the one of a client that may be told with its port; empty for none.
func address(source string) string {
	if ap, err := netip.ParseAddrPort(source); err == nil {
		return ap.Addr().Unmap().WithZone("").String()
	}
	a, err := netip.ParseAddr(source)
	if err != nil {
		return ""
	}
	return a.Unmap().WithZone("").String()
}
