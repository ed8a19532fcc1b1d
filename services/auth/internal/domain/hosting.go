package domain

import (
	"context"
	"log/slog"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	hostingLength = 128
	keyLength     = hostingLength / 2 // of each key of a pair

	// useNoted is how much of HostingIdle a use may miss, so that a client that asks
	// again and again costs a write a minute.
	useNoted = time.Minute
)

// noteUse lets a hosting token that holds now hold for another HostingIdle. A use
// that cannot be noted counts all the same, but not for the next hour. Within a
// process one use of a token is being noted at a time, the others need not wait.
func (s *Service) noteUse(ctx context.Context, t Token, now time.Time) {
	ends := now.Add(authv1.HostingIdle)
	if t.ExpiresAt == nil || ends.Sub(*t.ExpiresAt) < useNoted {
		return
	}
	if _, busy := s.uses.LoadOrStore(t.ID, nil); busy {
		return
	}
	defer s.uses.Delete(t.ID)
	_, err := s.d.Tokens.Update(ctx, t.ID, func(t *Token) bool {
		// It may have been revoked meanwhile, and what has ended stays so.
		if t.RevokedAt != nil || t.ExpiresAt == nil || !now.Before(*t.ExpiresAt) || ends.Sub(*t.ExpiresAt) < useNoted {
			return false
		}
		t.ExpiresAt, t.PurgeAt = &ends, &ends
		return true
	})
	if err != nil && !missing(err) {
		s.d.Log.WarnContext(ctx, "the use of a hosting token is not noted", slog.String(telemetry.KeyAccountID, t.AccountID), slog.Any(telemetry.KeyErr, err))
	}
}

// hostingShaped reports whether s could be a TokenHosting; a key pair could, too.
func hostingShaped(s string) bool { return len(s) == hostingLength && isAlphanumeric(s) }

// isAlphanumeric reports whether s has no characters but [A-Za-z0-9].
func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// alphanumeric makes n random characters of [A-Za-z0-9], each as likely as the
// others.
func alphanumeric(n int) string {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const even = 256 - 256%len(characters) // bytes from here on would favour some
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, b := range random(n - len(out)) {
			if int(b) < even {
				out = append(out, characters[int(b)%len(characters)])
			}
		}
	}
	return string(out)
}
