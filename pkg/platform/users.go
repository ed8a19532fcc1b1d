package platform

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/wholefile"
)

// onlyUser is the user that versions without a user per service made.
const onlyUser = "sluice"

// Users are the credentials of an installation: the operator's first, then one for
// each service.
type Users []Credentials

// Of gives the credentials of a user.
func (u Users) Of(user string) (Credentials, bool) {
	i := slices.IndexFunc(u, func(c Credentials) bool { return c.User == user })
	if i < 0 {
		return Credentials{}, false
	}
	return u[i], true
}

// EnsureUsers reads the credentials of the operator, at path, and of the services,
// in files of their own beside it, and makes with random passwords, mode 0600,
// what is missing. Processes that do this at once end with the same.
//
// Before there was a user per service, the file at path held the only one, which
// every process used. Such a file becomes the operator's, with a new password,
// since the old one may be on other hosts; migrated reports that. Anybody else's
// file is refused, not replaced.
func EnsureUsers(path string, services []string) (users Users, migrated bool, err error) {
	old, err := ReadCredentials(path)
	migrated = err == nil && old.User == onlyUser
	for _, service := range services {
		c, err := ensureUser(CredentialsPath(path, service), service)
		if err != nil {
			return nil, false, err
		}
		users = append(users, c)
	}
	if migrated { // last: who is killed before finds the old file once more, and reports it
		if err := SaveCredentials(path, Credentials{User: rpc.Operator, Password: newPassword(), URL: old.URL}); err != nil {
			return nil, false, fmt.Errorf("making the credentials at %s the operator's: %w", path, err)
		}
	}
	operator, err := ensureUser(path, rpc.Operator)
	if err != nil {
		return nil, false, err
	}
	return slices.Insert(users, 0, operator), migrated, nil
}

// ReadUsers is EnsureUsers for files that are all there.
func ReadUsers(path string, services []string) (Users, error) {
	var users Users
	for _, user := range append([]string{rpc.Operator}, services...) {
		c, err := readUser(CredentialsPath(path, user), user)
		if err != nil {
			return nil, err
		}
		users = append(users, c)
	}
	return users, nil
}

// SetURL tells in all files where the server listens now, a comma list; whoever
// stands in its addresses stays out of the files. Passwords in them that changed
// meanwhile stay changed, and u keeps those that it has.
func (u Users) SetURL(path, url string) error {
	if url != "" {
		url = redact(strings.ReplaceAll(url, " ", ""))
	}
	for i := range u {
		file := CredentialsPath(path, u[i].User)
		c, err := readUser(file, u[i].User)
		if err != nil {
			return err
		}
		if c.URL != url {
			c.URL = url
			if err := SaveCredentials(file, c); err != nil {
				return err
			}
		}
		u[i].URL = url
	}
	return nil
}

// NewPassword gives a user another password in its file; the nats-server and the
// processes of the user take it up by themselves.
func NewPassword(path, user string) error {
	file := CredentialsPath(path, user)
	c, err := readUser(file, user)
	if err != nil {
		return err
	}
	c.Password = newPassword()
	return SaveCredentials(file, c)
}

func ensureUser(path, user string) (Credentials, error) {
	c, err := readUser(path, user)
	if !errors.Is(err, ErrNoCredentials) {
		return c, err
	}
	err = writeCredentials(path, Credentials{User: user, Password: newPassword()}, wholefile.Create)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return Credentials{}, err
	}
	return readUser(path, user)
}

// readUser reads a file that must be that user's.
func readUser(path, user string) (Credentials, error) {
	c, err := ReadCredentials(path)
	if err == nil && c.User != user {
		return Credentials{}, fmt.Errorf("%s holds the credentials of %q, not of %q; remove it to have them made anew", path, c.User, user)
	}
	return c, err
}

func newPassword() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
