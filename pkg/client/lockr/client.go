package lockr

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// Config says where a server is and who asks. Endpoint is needed; zero values of
// the others are good defaults.
type Config struct {
	Endpoint string // e.g. "https://files.example.org"; /api/v1 is added
	Token    string // of an account; "": a guest

	// HTTPClient carries the requests. Only a download follows redirects, and at
	// most three. Nil means one of the client's own.
	HTTPClient *http.Client
	// MaxAttempts bounds how often in a row something is tried that makes no
	// progress: on answers 429, 502, 503, 504, a busy session, and broken
	// connections. 0 means 5, 1 never repeats.
	MaxAttempts int
	// MaxWait bounds a wait between two attempts. A server that asks for more
	// (Retry-After) ends them. 0 means 30 s.
	MaxWait time.Duration
	// IdleTimeout ends a request that moves nothing for so long. 0 means 2 min,
	// less than 0 never.
	IdleTimeout time.Duration
	// UserAgent is sent with each request; "" means "sluice-lockr-go".
	UserAgent string
}

// Client speaks to one server as one account or as a guest. It is safe for
// concurrent use and should be shared: its connections are.
type Client struct {
	base  string // with /api/v1
	cfg   Config
	http  *http.Client // follows nothing
	fetch *http.Client // follows what a download is handed on to
}

// maxRedirects bounds how often a download is handed on.
const maxRedirects = 3

// New checks the configuration and makes a client; it sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := wire.Endpoint(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("lockr: %w", err)
	}
	if cfg.MaxAttempts <= 0 {
		cfg.MaxAttempts = wire.Attempts
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = wire.MaxWait
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = wire.Idle
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "sluice-lockr-go"
	}
	c := &Client{base: base + "/api/v1", cfg: cfg, http: wire.WithoutRedirects(cfg.HTTPClient)}
	fetch := *c.http
	fetch.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	c.fetch = &fetch
	return c, nil
}

// WithToken gives a client of the same server, over the same connections, that
// speaks for the token's account; "" is a guest.
func (c *Client) WithToken(token string) *Client {
	out := *c
	out.cfg.Token = token
	return &out
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
