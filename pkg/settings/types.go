package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// Secret is a string that does not show itself: every way of printing or
// encoding it gives "***", "" when it is empty. Reveal gives it.
type Secret string

// mask stands for any secret; loading it back is an error, see Load.
const mask = "***"

// Reveal returns the secret in the clear.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format implements fmt.Formatter, so that no verb reaches the bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Bytes is a number of bytes. It is written as a number with an optional unit:
// KiB, MiB, GiB, TiB for powers of 1024, kB (KB), MB, GB, TB for powers of 1000,
// and B.
type Bytes int64

// units in order of printing: the largest that divides the number is used,
// binary before decimal.
var units = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
}

// ErrBytes says that a text is not a number of bytes.
var ErrBytes = errors.New(`it is a number of bytes like 4096, 64MiB or 100GB`)

// ParseBytes reads a number of bytes; it is never negative.
func ParseBytes(text string) (Bytes, error) {
	digits := strings.TrimSpace(text)
	size := int64(1)
	for _, u := range units {
		if n, ok := cutSuffixFold(digits, u.name); ok {
			digits, size = n, u.size
			break
		}
	}
	if size == 1 {
		digits, _ = cutSuffixFold(digits, "B")
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
	if err != nil || int64(n) > math.MaxInt64/size { //nolint:gosec // 63 bits
		return 0, fmt.Errorf("%q: %w", text, ErrBytes)
	}
	return Bytes(int64(n) * size), nil //nolint:gosec // 63 bits
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	v, err := ParseBytes(string(text))
	if err != nil {
		return err
	}
	*b = v
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String gives the number with the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if n := int64(b); n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
