package platform

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// Credentials let a process into the nats-server of a data directory.
type Credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
	URL      string `json:"url,omitempty"` // where the server listens; empty: not at all
}

// maxCreds bounds the credentials file.
const maxCreds = 64 << 10

// ErrNoCredentials says that nothing was started on this data directory yet.
var ErrNoCredentials = errors.New("no credentials for the nats-server; is 'sluice up' or 'sluice run nats' running on this data directory?")

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
	return parseCredentials(b)
}

func parseCredentials(b []byte) (Credentials, error) {
	var c Credentials
	if err := json.Unmarshal(b, &c); err != nil || c.User == "" || c.Password == "" {
		return Credentials{}, errors.New("the nats-server's credentials file is damaged; remove it and start again to have it made anew")
	}
	return c, nil
}

// EnsureCredentials reads the credentials file at path, or makes it with a
// random password, mode 0600. Processes that do this at once end with the same.
func EnsureCredentials(path string) (Credentials, error) {
	c, err := ReadCredentials(path)
	if !errors.Is(err, ErrNoCredentials) {
		return c, err
	}
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	c = Credentials{User: "sluice", Password: base64.RawURLEncoding.EncodeToString(b[:])}
	if err := writeCredentials(path, c, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return Credentials{}, err
	}
	return ReadCredentials(path)
}

// SaveCredentials replaces the credentials file at path, mode 0600.
func SaveCredentials(path string, c Credentials) error { return writeCredentials(path, c, os.Rename) }

// writeCredentials writes a file beside path and puts it into place: with
// os.Link only when nothing is there, with os.Rename whatever is.
func writeCredentials(path string, c Credentials, place func(from, to string) error) error {
	b, err := json.MarshalIndent(c, "", "  ") //nolint:gosec // the file of credentials, 0600, is what this writes
	if err != nil {
		return fmt.Errorf("encoding credentials: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".nats-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("writing the nats-server's credentials: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the nats-server's credentials: %w", err)
	}
	if err := place(f.Name(), path); err != nil {
		return fmt.Errorf("writing the nats-server's credentials: %w", err)
	}
	return nil
}

// Dial opens a connection to a nats-server.
type Dial func(opts ...nats.Option) (*nats.Conn, error)

// Dialer returns how a process reaches the nats-server that the settings name:
// nats.url, else the one whose address stands in the credentials file, else the
// one behind the data directory's socket.
// Credentials are used when their file exists.
func (s Settings) Dialer() (Dial, error) {
	c, err := ReadCredentials(s.CredsPath())
	url := s.NATS.URL
	switch {
	case err == nil && url == "":
		url = c.URL
	case errors.Is(err, ErrNoCredentials) && url != "" && s.NATS.CredsFile == "":
		c = Credentials{} // a foreign server may ask for none, or have them in its URL
	case err != nil:
		return nil, err
	}
	if url == "" {
		// A server that listens nowhere has a socket; one that is just starting
		// has not told yet where it will listen.
		if _, err := os.Stat(s.SocketPath()); err == nil || s.NATS.Addr == Off {
			return socketDial(s.SocketPath(), c), nil
		}
		url = "nats://" + s.NATS.Addr
	}
	return func(opts ...nats.Option) (*nats.Conn, error) {
		base := []nats.Option{nats.MaxReconnects(-1)}
		if c.User != "" && !strings.Contains(url, "@") {
			base = append(base, nats.UserInfo(c.User, c.Password))
		}
		nc, err := nats.Connect(url, append(base, opts...)...)
		if err != nil {
			return nil, fmt.Errorf("connecting to the nats-server at %s: %w", redact(url), err)
		}
		return nc, nil
	}, nil
}

// redact hides user and password in a list of server URLs.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		scheme, rest, ok := strings.Cut(p, "://")
		if !ok {
			scheme, rest = "nats", p
		}
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = rest[at+1:]
		}
		parts[i] = scheme + "://" + rest
	}
	return strings.Join(parts, ",")
}
