package lockwell

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// Config says where a server is and who asks. Endpoint, AccessKeyID and
// SecretKey are needed; zero values of the others are good defaults.
type Config struct {
	Endpoint    string // e.g. "https://files.example.org"; /api/v1 is added
	AccessKeyID string // LWAK…
	SecretKey   string

	// HTTPClient carries the requests. Redirects are never followed: they would
	// lead to another key. Nil means one of the client's own.
	HTTPClient *http.Client
	// MaxAttempts bounds how often a request that may be repeated is sent, on
	// answers 429, 502, 503, 504 and broken connections. 0 means 5, 1 never repeats.
	MaxAttempts int
	// MaxWait bounds a wait between two attempts. A server that asks for more
	// (Retry-After) ends them. 0 means 30 s.
	MaxWait time.Duration
	// IdleTimeout ends a request that moves nothing for so long. 0 means 2 min,
	// less than 0 never.
	IdleTimeout time.Duration
	// UserAgent is sent with each request; "" means "sluice-lockwell-go".
	UserAgent string
}

// Client speaks to one server as one access key. It is safe for concurrent use
// and should be shared: its token and its connections are.
type Client struct {
	base   string // without a slash at the end
	cfg    Config
	http   *http.Client
	tokens tokens
}

// New checks the configuration and makes a client; it sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := wire.Endpoint(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("lockwell: %w", err)
	}
	if cfg.AccessKeyID == "" || cfg.SecretKey == "" {
		return nil, errors.New("lockwell: Config.AccessKeyID and Config.SecretKey are both needed")
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
		cfg.UserAgent = "sluice-lockwell-go"
	}
	return &Client{
		base: base + "/api/v1", cfg: cfg, http: wire.WithoutRedirects(cfg.HTTPClient),
		tokens: tokens{turn: make(chan struct{}, 1)},
	}, nil
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
