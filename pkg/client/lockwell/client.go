package lockwell

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
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

const (
	defaultAttempts = 5
	defaultMaxWait  = 30 * time.Second
	defaultIdle     = 2 * time.Minute
	// The first wait between two attempts; it doubles each time.
	firstWait = 100 * time.Millisecond
)

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
	u, err := url.Parse(cfg.Endpoint)
	switch {
	case cfg.Endpoint == "":
		return nil, errors.New("lockwell: Config.Endpoint is empty")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("lockwell: the endpoint %q is no address such as https://files.example.org", redact(cfg.Endpoint))
	case cfg.AccessKeyID == "" || cfg.SecretKey == "":
		return nil, errors.New("lockwell: Config.AccessKeyID and Config.SecretKey are both needed")
	}
	if cfg.MaxAttempts <= 0 {
		cfg.MaxAttempts = defaultAttempts
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = defaultMaxWait
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = defaultIdle
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "sluice-lockwell-go"
	}
	return &Client{
		base: strings.TrimRight(cfg.Endpoint, "/") + "/api/v1", cfg: cfg, http: withoutRedirects(cfg.HTTPClient),
		tokens: tokens{turn: make(chan struct{}, 1)},
	}, nil
}

// redact leaves out what may be a password.
func redact(endpoint string) string {
	if i := strings.LastIndex(endpoint, "@"); i >= 0 {
		return "…" + endpoint[i:]
	}
	return endpoint
}

// withoutRedirects gives a copy of c, or of a client with more idle connections
// than http.DefaultClient keeps to one server.
func withoutRedirects(c *http.Client) *http.Client {
	out := &http.Client{}
	if c != nil {
		*out = *c
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = 32
		out.Transport = t
	}
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return out
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
