package domain

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// PlikView is an upload as a caller may see it. Token is empty unless the caller
// is its admin, or has listed it.
type PlikView struct {
	Plik
	Admin bool
	Token string
}

// enter resolves an upload for whoever names it: it is there, it has not expired,
// and its password was given or is not needed (plik-wire.md 8.1). That counts as an
// access.
func (s *Pliks) enter(ctx context.Context, id string, c uploadv1.PlikCaller) (PlikView, error) {
	u, err := s.find(ctx, id)
	if err != nil {
		return PlikView{}, err
	}
	now := s.now()
	if err := u.standing(now); err != nil {
		return PlikView{}, err
	}
	v, err := s.view(u, c)
	if err != nil {
		return PlikView{}, err
	}
	if !v.Admin {
		if err := s.checkCredential(u, c, now); err != nil {
			return PlikView{}, err
		}
	}
	v.Plik, err = s.extend(ctx, u, now)
	return v, err
}

// view decides who may do everything with an upload (plik-wire.md 7.1).
func (s *Pliks) view(u Plik, c uploadv1.PlikCaller) (PlikView, error) {
	v := PlikView{Plik: u}
	nobody := c.Principal.AccountID == "" || c.Principal.AccountID == objectv1.GuestAccount
	switch {
	case nobody:
	case c.TokenID != "":
		v.Admin = c.TokenID == u.TokenID
	default:
		v.Admin = c.Principal.Admin || c.Principal.AccountID == u.Account
	}
	if !v.Admin && len(c.UploadToken) != plikToken {
		return v, nil
	}
	token, err := s.Vault.Open(u.ID, u.Secret)
	if err != nil {
		return v, fmt.Errorf("opening the secret of an upload: %w", err)
	}
	v.Admin = v.Admin || subtle.ConstantTimeCompare([]byte(token), []byte(c.UploadToken)) == 1
	if v.Admin {
		v.Token = token
	}
	return v, nil
}

// checkCredential wants the password of an upload that has one (plik-wire.md 6.5).
func (s *Pliks) checkCredential(u Plik, c uploadv1.PlikCaller, now time.Time) error {
	refused := func(why string) error {
		return uploadv1.ErrPlikCredentials.Msgf("please provide valid credentials to access this upload : %s", why)
	}
	if len(u.Credential) == 0 {
		return nil
	}
	if c.Authorization == "" {
		return refused("missing Authorization header")
	}
	words := strings.Split(c.Authorization, " ")
	switch {
	case len(words) != 2:
		return refused("invalid Authorization header")
	case words[0] != "Basic":
		return refused("invalid http authorization scheme")
	}
	key := u.ID + "|" + plikSource(c.Source)
	// Who has guessed too often is not told that it is right now.
	if !s.guesses.may(key, now) || !s.Vault.Matches(u.ID, words[1], u.Credential) {
		s.guesses.wrong(key, now)
		return refused("invalid credentials")
	}
	return nil
}

// extend lets an upload with ExtendTTL live on from now. What is stored may lag
// behind by a second, so that a crowd of readers does not write all the time.
func (s *Pliks) extend(ctx context.Context, u Plik, now time.Time) (Plik, error) {
	if !u.ExtendTTL || u.TTL <= 0 {
		return u, nil
	}
	end := plikEnd(now, u.TTL)
	if lag := end.Sub(u.ExpiresAt); lag >= min(time.Second, time.Duration(u.TTL)*100*time.Millisecond) {
		id, err := u.ID, error(nil)
		u, err = s.Store.UpdatePlik(ctx, id, func(u *Plik) error {
			if err := u.standing(now); err != nil {
				return err
			}
			if end.After(u.ExpiresAt) {
				u.ExpiresAt, u.DueAt = end, end
			}
			return nil
		})
		if errors.Is(err, ErrNoRecord) {
			return u, plikNotFound(id)
		}
		if err != nil {
			return u, err
		}
	}
	if end.After(u.ExpiresAt) {
		u.ExpiresAt = end
	}
	return u, nil
}

// Bounds of guessing: so many wrong passwords a minute, of so many pairs of
// source and upload.
const (
	guessesAMinute = 60
	guessers       = 100_000
)

// guesses counts wrong passwords, a minute at a time. Each copy of the service
// has its own. It is safe for concurrent use.
type guesses struct {
	mu    sync.Mutex
	since time.Time
	n     map[string]int
}

func newGuesses() *guesses { return &guesses{n: map[string]int{}} }

// turn begins a new minute when the last one is over. g.mu is held.
func (g *guesses) turn(now time.Time) {
	if d := now.Sub(g.since); d < 0 || d >= time.Minute || len(g.n) >= guessers {
		g.since = now
		clear(g.n)
	}
}

// may reports whether another guess is looked at.
func (g *guesses) may(key string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(now)
	return g.n[key] < guessesAMinute
}

func (g *guesses) wrong(key string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(now)
	g.n[key]++
}

// plikSource is what the guesses of one client address count under: the address,
// or its /64, which one client has as a whole.
func plikSource(source string) string {
	if ap, err := netip.ParseAddrPort(source); err == nil {
		source = ap.Addr().String()
	}
	a, err := netip.ParseAddr(source)
	if err != nil {
		return source[:min(len(source), 64)]
	}
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.String()
	}
	return a.String()
}
