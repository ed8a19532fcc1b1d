// Package password hashes passwords, and slows down those who guess them.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/sluicehq/sluice/pkg/fault"
)

// Config says how passwords are hashed.
type Config struct {
	MemoryKiB uint32 // per hash
	Passes    uint32
	AtOnce    int // hashes at the same time
}

const (
	saltSize, hashSize = 16, 32
	waitersPerSlot     = 64 // hashes that may wait, a second or two; more are refused
	busyPause          = time.Second
)

// errBusy refuses work that would pile up.
var errBusy = fault.ErrUnavailable.Msgf("too many passwords are being checked; repeat it shortly").After(busyPause)

// Hasher hashes passwords by argon2id (RFC 9106), a bounded number at once, so
// that memory is bounded too. It is safe for concurrent use.
type Hasher struct {
	cfg   Config
	slots chan struct{}
	queue chan struct{}
	dummy string // what a password of nobody is compared with
}

// NewHasher makes a hasher; it computes one hash.
func NewHasher(cfg Config) *Hasher {
	h := &Hasher{cfg: cfg, slots: make(chan struct{}, cfg.AtOnce), queue: make(chan struct{}, cfg.AtOnce*(1+waitersPerSlot))}
	h.dummy = h.sum(rand.Text())
	return h
}

// Hash gives the PHC string of a password. Codes: unavailable.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.sum(password), nil
}

// Verify reports whether password is the one of phc, with the same work when phc
// is empty, which means that there is no such account. Codes: unavailable.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (bool, error) {
	exists := phc != ""
	if !exists {
		phc = h.dummy
	}
	p, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	got := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.threads, uint32(len(p.hash))) //nolint:gosec // parsePHC bounds it
	return subtle.ConstantTimeCompare(got, p.hash) == 1 && exists, nil
}

// Outdated reports whether phc was made under other settings than ours. Its
// check would cost other work than that of nobody's password.
func (h *Hasher) Outdated(phc string) bool {
	p, err := parsePHC(phc)
	return err != nil || p.memory != h.cfg.MemoryKiB || p.passes != h.cfg.Passes || p.threads != 1
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.queue <- struct{}{}:
	default:
		return errBusy
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.queue
		return ctx.Err() //nolint:wrapcheck // fault.From knows it
	}
}

func (h *Hasher) leave() { <-h.slots; <-h.queue }

func (h *Hasher) sum(password string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	b64 := base64.RawStdEncoding
	sum := argon2.IDKey([]byte(password), salt, h.cfg.Passes, h.cfg.MemoryKiB, 1, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cfg.MemoryKiB, h.cfg.Passes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

type phc struct {
	memory, passes uint32
	threads        uint8
	salt, hash     []byte
}

var errPHC = errors.New("a stored password hash is malformed")

// parsePHC reads what sum wrote, also under other settings.
func parsePHC(s string) (phc, error) {
	var p phc
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return p, errPHC
	}
	if fmt.Sprintf("m=%d,t=%d,p=%d", p.memory, p.passes, p.threads) != parts[3] {
		return p, errPHC // Sscanf ignores what follows
	}
	b64 := base64.RawStdEncoding.Strict()
	var err error
	if p.salt, err = b64.DecodeString(parts[4]); err != nil {
		return p, errPHC
	}
	if p.hash, err = b64.DecodeString(parts[5]); err != nil {
		return p, errPHC
	}
	if p.memory < 8 || p.memory > 1<<20 || p.passes < 1 || p.passes > 100 || p.threads < 1 || len(p.salt) < 8 || len(p.hash) < 16 || len(p.hash) > 64 {
		return p, errPHC
	}
	return p, nil
}
