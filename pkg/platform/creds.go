package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/wholefile"
)

// Credentials let a process into the nats-server of a data directory.
type Credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
	URL      string `json:"url,omitempty"` // where the server listens, a comma list; empty: not at all
}

// Bounds of a credentials file and of what stands in it.
const (
	maxCreds = 64 << 10
	maxWord  = 1024
)

// ErrNoCredentials says that nothing was started on this data directory yet, or
// that a service's own file is missing.
var ErrNoCredentials = errors.New("no credentials for the nats-server; is 'sluice up' or 'sluice run nats' running on this data directory?")

// errDamaged is of a file that cannot be what Sluice wrote.
var errDamaged = errors.New("the nats-server's credentials file is damaged; remove it and start again to have it made anew")

// ReadCredentials reads the credentials file at path. ErrNoCredentials when it is absent.
func ReadCredentials(path string) (Credentials, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, fmt.Errorf("%s: %w", path, ErrNoCredentials)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("reading the nats-server's credentials: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxCreds))
	if err != nil {
		return Credentials{}, fmt.Errorf("reading the nats-server's credentials: %w", err)
	}
	c, err := parseCredentials(b)
	if err != nil {
		return Credentials{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// parseCredentials believes nothing: what it gives can go into the protocol and
// into a log line as it is.
func parseCredentials(b []byte) (Credentials, error) {
	var c Credentials
	if err := json.Unmarshal(b, &c); err != nil || !word(c.User) || !word(c.Password) {
		return Credentials{}, errDamaged
	}
	if c.URL == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(part)
		if err != nil || u.Host == "" || !word(part) || u.User != nil {
			return Credentials{}, errDamaged
		}
	}
	return c, nil
}

// word reports whether s is some printable ASCII without spaces.
func word(s string) bool {
	return s != "" && len(s) <= maxWord && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// SaveCredentials replaces the credentials file at path, mode 0600.
func SaveCredentials(path string, c Credentials) error {
	return writeCredentials(path, c, wholefile.Replace)
}

// writeCredentials writes what ReadCredentials takes, by a function of wholefile.
func writeCredentials(path string, c Credentials, write func(path string, b []byte) error) error {
	b, err := json.MarshalIndent(c, "", "  ") //nolint:gosec // the file of credentials, 0600, is what this writes
	if err != nil {
		return fmt.Errorf("encoding credentials: %w", err)
	}
	if _, err := parseCredentials(b); err != nil {
		return fmt.Errorf("writing the nats-server's credentials: user %q with the address %q cannot be written so that they can be read again", c.User, redact(c.URL))
	}
	if err := write(path, append(b, '\n')); err != nil {
		return fmt.Errorf("writing the nats-server's credentials: %w", err)
	}
	return nil
}

// CredentialsPath is where the credentials of a user are, beside the operator's at
// path: nats.json, nats-edge.json.
func CredentialsPath(path, user string) string {
	if user == rpc.Operator {
		return path
	}
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-" + user + ext
}

// credentials reads those of a user: the file of its own, or the one at path when
// that is no operator's (a single user of somebody's server, a copied file).
func credentials(path, user string) (Credentials, error) {
	c, err := ReadCredentials(CredentialsPath(path, user))
	if user == rpc.Operator || !errors.Is(err, ErrNoCredentials) {
		return c, err
	}
	all, aerr := ReadCredentials(path)
	switch {
	case aerr != nil:
		return Credentials{}, aerr
	case all.User == rpc.Operator: // a service does not borrow it
		return Credentials{}, err
	}
	return all, nil
}
