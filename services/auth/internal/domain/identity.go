package domain

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxLogin = 254 // bytes
	maxName  = 256 // bytes, of a person

	usernameTail = 6 // random characters behind a user name that is taken
)

// errIdentityTaken says that an identity has an account already.
var errIdentityTaken = errors.New("the identity is taken")

// CheckIdentity takes an identity that somebody else vouches for.
func CheckIdentity(id authv1.Identity) error {
	switch id.Provider {
	case authv1.ProviderGoogle, authv1.ProviderOVH, authv1.ProviderOIDC:
	default:
		return fault.ErrInvalid.Msgf("invalid provider")
	}
	if id.Login == "" || len(id.Login) > maxLogin || !plain(id.Login) {
		return fault.ErrInvalid.Msgf("invalid login: it has 1 to %d bytes of UTF-8 text on one line", maxLogin)
	}
	return nil
}

// CheckUser holds what an administrator says of a new user to the rules and
// texts of plik-wire.md 14.1. A local login is a user name as well.
func CheckUser(id authv1.Identity, password string) error {
	local := id.Provider == authv1.ProviderLocal
	if err := CheckIdentity(authv1.Identity{Provider: id.Provider, Login: "any"}); err != nil && !local {
		return err
	}
	if utf8.RuneCountInString(id.Login) < authv1.MinPlikLogin {
		return fault.ErrInvalid.Msgf("login is too short (min %d chars)", authv1.MinPlikLogin)
	}
	if !local {
		return CheckIdentity(id)
	}
	if CheckUsername(id.Login) != nil {
		return fault.ErrInvalid.Msgf("invalid login: it has up to %d of the characters a-z 0-9 . _ - and is not a number", maxUsername)
	}
	return checkUserPassword(password)
}

// checkUserPassword is CheckPassword with Plik's text for a short one.
func checkUserPassword(s string) error {
	if len(s) < minPassword {
		return fault.ErrInvalid.Msgf("password is too short (min %d chars)", minPassword)
	}
	if err := CheckPassword(s); err != nil {
		return fault.ErrInvalid.Msgf("invalid password: %s", fault.From(err).Message)
	}
	return nil
}

// checkPerson takes what may be said of a person; both may be empty.
func checkPerson(name, email string) error {
	if len(name) > maxName || !plain(name) {
		return fault.ErrInvalid.Msgf("invalid name: it has up to %d bytes of UTF-8 text on one line", maxName)
	}
	if email != "" && CheckEmail(email) != nil {
		return fault.ErrInvalid.Msgf("invalid email: write it as name@example.com")
	}
	return nil
}

// plain reports whether s is text on one line.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// cleanName makes a name that a provider tells fit for checkPerson.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return strings.TrimSpace(s)
}

// Username makes a user name of a login: its part in front of an @, in lower case
// and in the characters that user names have. It is the same for the same login,
// and other logins may have it too.
func Username(login string) string {
	local, _, _ := strings.Cut(login, "@")
	var b strings.Builder
	for _, r := range strings.ToLower(local) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := cutUsername(strings.Trim(b.String(), ".-_"))
	if CheckUsername(name) != nil {
		name = cutUsername("user-" + name)
	}
	return name
}

// cutUsername leaves room for the tail of anotherUsername.
func cutUsername(s string) string {
	return strings.TrimRight(s[:min(len(s), maxUsername-1-usernameTail)], "-")
}

// anotherUsername is a user name for a login whose own is taken.
func anotherUsername(login string) string {
	return Username(login) + "-" + strings.ToLower(rand.Text()[:usernameTail])
}

// MaxAnswer bounds the entries of a list in one answer, bytes as JSON: a message
// has 1 MiB at most.
const MaxAnswer = 768 << 10

// AnswerSize is what an entry adds to an answer, bytes.
func AnswerSize(entry any) int {
	b, _ := json.Marshal(entry) // what does not encode fails as the answer, too
	return len(b) + 1
}
