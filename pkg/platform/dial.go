package platform

import (
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Dial opens a connection to a nats-server.
type Dial func(opts ...nats.Option) (*nats.Conn, error)

// Dialer returns how a user (a service, or rpc.Operator) reaches the nats-server
// that the settings name: nats.url, else the one whose address stands in the
// credentials file, else the one behind the data directory's socket.
// Credentials are used when their file exists, and are read again whenever a
// connection comes back, so that a password can change under a running process.
func (s Settings) Dialer(user string) (Dial, error) {
	c, err := credentials(s.CredsPath(), user)
	url := s.NATS.URL
	switch {
	case err == nil && url == "":
		url = c.URL
	case errors.Is(err, ErrNoCredentials) && url != "" && s.NATS.CredsFile == "" && !s.hasOperator():
		c = Credentials{} // a foreign server may ask for none, or have them in its URL
	case err != nil:
		return nil, err
	}
	if url == "" {
		// A server that listens nowhere has a socket; one that is just starting
		// has not told yet where it will listen.
		if _, err := os.Stat(s.SocketPath()); err == nil || s.NATS.Addr == Off {
			return socketDial(s.SocketPath(), s.identity(user, c)), nil
		}
		url = "nats://" + s.NATS.Addr
	}
	base := []nats.Option{nats.MaxReconnects(-1), nats.CustomInboxPrefix(rpc.InboxPrefix(user))}
	if !strings.Contains(url, "@") {
		base = s.identity(user, c)
	}
	return func(opts ...nats.Option) (*nats.Conn, error) {
		nc, err := nats.Connect(url, append(base[:len(base):len(base)], opts...)...)
		var malformed *neturl.Error
		if errors.As(err, &malformed) {
			err = malformed.Err // without the URL, which may hold a password
		}
		if err != nil {
			return nil, fmt.Errorf("connecting to the nats-server at %s: %w", redact(url), err)
		}
		return nc, nil
	}, nil
}

// hasOperator reports whether this data directory's server has users, of whom one
// without credentials is none.
func (s Settings) hasOperator() bool {
	c, err := ReadCredentials(s.CredsPath())
	return err == nil && c.User == rpc.Operator
}

// identity is what every connection of a user has.
func (s Settings) identity(user string, c Credentials) []nats.Option {
	opts := []nats.Option{nats.MaxReconnects(-1), nats.CustomInboxPrefix(rpc.InboxPrefix(user))}
	if c.User == "" {
		return opts
	}
	path := s.CredsPath()
	return append(opts, nats.IgnoreAuthErrorAbort(), nats.UserInfoHandler(func() (string, string) {
		if now, err := credentials(path, user); err == nil {
			return now.User, now.Password
		}
		return c.User, c.Password
	}))
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
