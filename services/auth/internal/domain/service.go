package domain

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Config is the part of auth's settings that the rules need.
type Config struct {
	TokenTTL                time.Duration // of lwtk_ tokens
	TokenRate               float64       // per second and key
	TokenBurst              int
	LoginFailures           int // per user name
	LoginFailuresPerAddress int
	Hash                    password.Config
	SignUps                 int // per hour and address
	Plans                   map[string]Limits
	DefaultPlan             string // of new accounts, one of Plans
}

// planNames lists the plans for a message.
func (c Config) planNames() string {
	return strings.Join(slices.Sorted(maps.Keys(c.Plans)), ", ")
}

const (
	failureInterval = 6 * time.Second // one more wrong password per user name
	addressInterval = time.Second     // and per address
	flushWithin     = 5 * time.Second // a revocation that is not known by then is unavailable
)

// Deps is what the service stands on.
type Deps struct {
	Accounts Accounts
	Tokens   Tokens
	Keys     Keys
	Vault    Vault
	Clock    func() time.Time
	Log      *slog.Logger
}

// Service is auth's rules. It is safe for concurrent use.
type Service struct {
	cfg    Config
	d      Deps
	hasher *password.Hasher

	byName, byAddr *password.Throttle // wrong passwords
	wrong, mints   *password.Throttle // wrong secrets and tokens, by key id
	signUps        *password.Throttle // by address
	memo           *memo

	uses     sync.Map    // ids of hosting tokens whose use is being noted
	numbered atomic.Bool // every account has a number

	nobody Key // stands in for keys that do not exist
}

// New makes the service; it hashes one password.
func New(cfg Config, d Deps) (*Service, error) {
	perToken := time.Duration(float64(time.Second) / cfg.TokenRate)
	s := &Service{
		cfg: cfg, d: d, hasher: password.NewHasher(cfg.Hash),
		byName: password.NewThrottle(failureInterval, cfg.LoginFailures), byAddr: password.NewThrottle(addressInterval, cfg.LoginFailuresPerAddress),
		wrong: password.NewThrottle(perToken, cfg.TokenBurst), mints: password.NewThrottle(perToken, cfg.TokenBurst),
		signUps: password.NewThrottle(time.Hour/time.Duration(cfg.SignUps), cfg.SignUps), memo: newMemo(),
	}
	sealed, err := d.Vault.Seal(noKeyID, newSecret())
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	s.nobody = Key{ID: noKeyID, Secret: sealed}
	return s, nil
}

// now is what the store keeps of the time: milliseconds.
func (s *Service) now() time.Time { return s.d.Clock().UTC().Truncate(time.Millisecond) }

// flushed waits until the edges can know of a change that is already written.
// When they cannot be told in time, the relay goes on trying.
func (s *Service) flushed(ctx context.Context, flush func(context.Context, string) error, id string) error {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	if err := flush(ctx, id); err != nil {
		s.d.Log.WarnContext(ctx, "a change is written but not announced yet", slog.String("id", id), slog.Any(telemetry.KeyErr, err))
		return fault.ErrUnavailable.Because(err).After(time.Second)
	}
	return nil
}

const (
	tokenPrefix = "slt_"
	tokenBytes  = 32
	tokenLength = len(tokenPrefix) + (tokenBytes*8+5)/6
	secretBytes = 30 // 40 characters of base64url
	keyIDBytes  = 10 // 16 characters of base32
	noKeyID     = keyIDPrefix + "0000000000000000"

	publicTokenPrefix = "tok_"
	publicTokenBytes  = 10 // 16 characters of base32
)

// regionName is the form of a region's name; "_" would break the ids of files.
var regionName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func newToken() string  { return tokenPrefix + base64.RawURLEncoding.EncodeToString(random(tokenBytes)) }
func newSecret() string { return base64.RawURLEncoding.EncodeToString(random(secretBytes)) }
func newKeyID() string  { return keyIDPrefix + base32.StdEncoding.EncodeToString(random(keyIDBytes)) }

func newAccountID() string { return "acc_" + rand.Text() }

// missing reports whether err says that there is no such document.
func missing(err error) bool { return errors.Is(err, ErrNoDocument) }
