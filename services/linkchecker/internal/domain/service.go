package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
)

// Wrong passwords of one container and client address: so many are answered at
// once, then one per interval.
const (
	wrongAtOnce   = 10
	wrongInterval = 6 * time.Second
)

// Service is the containers and what is known of their links. It is safe for
// concurrent use, by several processes on one store too.
type Service struct {
	o      Options
	d      Deps
	wrong  *password.Throttle
	wanted chan struct{}
	crowds crowds
}

// New makes the service.
func New(o Options, d Deps) *Service {
	return &Service{o: o, d: d, wrong: password.NewThrottle(wrongInterval, wrongAtOnce), wanted: make(chan struct{}, 1)}
}

// Wanted tells when a sweep has something to do at once.
func (s *Service) Wanted() <-chan struct{} { return s.wanted }

func (s *Service) want() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// now is the time as stores keep it.
func (s *Service) now() time.Time { return s.d.Clock().UTC().Truncate(time.Millisecond) }

// find reads a visible container by either id.
func (s *Service) find(ctx context.Context, id string) (Container, error) {
	var c Container
	var err error
	switch {
	case !linksv1.ValidID(id):
		return Container{}, linksv1.ErrNotFound
	case linksv1.ValidNumericID(id):
		c, err = s.d.Containers.ByNumeric(ctx, id)
	default:
		c, err = s.d.Containers.Get(ctx, id)
	}
	if errors.Is(err, ErrNoDocument) || err == nil && c.Phase != Live {
		return Container{}, linksv1.ErrNotFound
	}
	return c, err
}

// own is find for an owner.
func (s *Service) own(ctx context.Context, p authv1.Principal, id string) (Container, error) {
	c, err := s.find(ctx, id)
	if err == nil && (p.AccountID == "" || c.Account != p.AccountID) {
		return Container{}, linksv1.ErrNotFound
	}
	return c, err
}

// Get reads a container; with a principal, one of its own.
func (s *Service) Get(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Container, error) {
	c, err := s.find(ctx, r.ID)
	if err == nil && r.Principal.AccountID != "" && c.Account != r.Principal.AccountID {
		err = linksv1.ErrNotFound
	}
	if err != nil {
		return linksv1.Container{}, err
	}
	return c.View(), nil
}

// List pages through an account's containers.
func (s *Service) List(ctx context.Context, r linksv1.ListRequest) (linksv1.ListResponse, error) {
	page, place, err := s.d.Containers.List(ctx, r)
	if page == nil {
		page = []linksv1.Container{}
	}
	return linksv1.ListResponse{Containers: page, Place: place}, err
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// newID gives a random container id.
func newID() string {
	var random [2 * linksv1.IDLength]byte
	for {
		_, _ = rand.Read(random[:]) // never fails
		if id, ok := idOf(random[:]); ok {
			return id
		}
	}
}

// checkTitle gives a title as it is kept.
func checkTitle(t string) (string, error) {
	t = strings.TrimSpace(t)
	if n := utf8.RuneCountInString(t); n < 1 || n > linksv1.MaxTitle || !utf8.ValidString(t) || strings.ContainsFunc(t, unicode.IsControl) {
		return "", linksv1.ErrBadTitle
	}
	return t, nil
}

func checkOptions(o linksv1.Options) error {
	if n := utf8.RuneCountInString(o.Group); n > linksv1.MaxGroup || !utf8.ValidString(o.Group) || strings.ContainsFunc(o.Group, unicode.IsControl) {
		return fault.ErrInvalid.Msgf("a group has %d characters at most, without control characters", linksv1.MaxGroup)
	}
	return nil
}

// hash gives the PHC of a password; "" for none.
func (s *Service) hash(ctx context.Context, pw string) (string, error) {
	if pw == "" {
		return "", nil
	}
	if len(pw) > linksv1.MaxPassword {
		return "", fault.ErrInvalid.Msgf("a password has %d bytes at most", linksv1.MaxPassword)
	}
	return s.d.Passwords.Hash(ctx, pw)
}
