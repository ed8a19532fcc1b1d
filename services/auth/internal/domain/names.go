package domain

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	minUsername, maxUsername = 3, 64
	minPassword, maxPassword = 8, 1024 // bytes
	maxEmail                 = 254     // bytes
	maxTokenName             = 64      // characters
)

// CheckUsername holds user names to 3–64 of [a-z0-9._-], not digits only.
func CheckUsername(s string) error {
	bad := fault.ErrInvalid.Msgf("a user name has 3 to 64 of the characters a-z 0-9 . _ - and is not a number")
	if len(s) < minUsername || len(s) > maxUsername {
		return bad
	}
	digits := true
	for i := range len(s) {
		c := s[i]
		digit, letter := c >= '0' && c <= '9', c >= 'a' && c <= 'z'
		if !digit && !letter && strings.IndexByte("._-", c) < 0 {
			return bad
		}
		digits = digits && digit
	}
	if digits || strings.Trim(s, ".") == "" { // "..." would be a path
		return bad
	}
	return nil
}

// CheckPassword holds passwords to 8–1024 bytes of UTF-8 that do not look like an
// account token, which may stand in a password's place.
func CheckPassword(s string) error {
	if len(s) < minPassword || len(s) > maxPassword || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return fault.ErrInvalid.Msgf("a password has 8 to 1024 bytes of UTF-8 text")
	}
	if tokenShaped(s) {
		return fault.ErrInvalid.Msgf("an account token cannot be a password")
	}
	return nil
}

// CheckEmail takes one plain address, without a name.
func CheckEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > maxEmail || strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.ErrInvalid.Msgf("the e-mail address is malformed; write it as name@example.com")
	}
	return nil
}

// CheckTokenName takes up to 64 characters of one line.
func CheckTokenName(s string) error {
	if utf8.RuneCountInString(s) > maxTokenName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.ErrInvalid.Msgf("a token's name has up to %d characters, without control characters", maxTokenName)
	}
	return nil
}

// CheckComment takes up to MaxComment bytes, also of several lines.
func CheckComment(s string) error {
	if len(s) > authv1.MaxComment || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return fault.ErrInvalid.Msgf("a comment has up to %d bytes of UTF-8 text", authv1.MaxComment)
	}
	return nil
}

// fold makes equal what differs in case only, in every script.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return unicode.ToLower(least)
	}, s)
}

const (
	maxList     = 100      // buckets, and prefixes, of one grant
	maxPrefix   = 1024     // bytes, as an object's key
	maxGrant    = 3 << 10  // bytes of all buckets and prefixes; bounds the answer of ListAccessKeys
	maxKeys     = 256      // keys of one account, revoked ones included
	maxBucket   = 63       // bytes
	maxIdent    = maxEmail // of a login
	keyIDPrefix = "LWAK"
)

// CheckGrant brings a grant into its canonical form: known scopes in the
// order of the contract, no doubles.
func CheckGrant(g Grant) (Grant, error) {
	var out Grant
	asked := map[authv1.Scope]bool{}
	for _, s := range g.Scopes {
		asked[s] = true
	}
	for _, s := range []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin} {
		if asked[s] {
			out.Scopes = append(out.Scopes, s)
			delete(asked, s)
		}
	}
	if len(out.Scopes) == 0 || len(asked) > 0 {
		return Grant{}, fault.ErrInvalid.Msgf("scopes is a list of read, write, delete and admin, at least one")
	}
	total := 0
	for _, l := range []struct {
		what    string
		in      []string
		longest int
		out     *[]string
	}{{"buckets", g.Buckets, maxBucket, &out.Buckets}, {"prefixes", g.Prefixes, maxPrefix, &out.Prefixes}} {
		seen := map[string]bool{}
		for _, s := range l.in {
			total += len(s)
			if s == "" || len(s) > l.longest || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 || len(l.in) > maxList || total > maxGrant {
				return Grant{}, fault.ErrInvalid.Msgf("%s is a list of at most %d texts of 1 to %d bytes, %d bytes in all", l.what, maxList, l.longest, maxGrant)
			}
			if !seen[s] {
				seen[s] = true
				*l.out = append(*l.out, s)
			}
		}
	}
	return out, nil
}

// ValidKeyID reports whether s has the form of an access key id.
func ValidKeyID(s string) bool {
	rest, ok := strings.CutPrefix(s, keyIDPrefix)
	if !ok || len(rest) != 16 {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
