package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Config is the policy of a Client. The zero value goes to public addresses on
// ports 80 and 443, with the bounds that the fields name.
type Config struct {
	Allow        []netip.Prefix // reached although not public, on any port
	Ports        []uint16       // of public addresses; empty means 80 and 443
	Timeout      time.Duration  // the whole exchange, body and redirects included; 0 means 15 s
	MaxBytes     int64          // of an answer's body; 0 means 1 MiB
	MaxHeader    int64          // of an answer's headers, in bytes; 0 means 64 KiB
	MaxRedirects int            // 0 gives the redirect itself as the answer
	UserAgent    string         // empty means "Sluice"
	Resolver     Resolver       // nil means the system's
	// Own gives addresses that are ours, which are not reached although public, unless
	// Allow has them. It is asked at each connection; nil means none.
	Own     func() []netip.Addr
	RootCAs *x509.CertPool // nil means the system's
	// Cookies lets a Cookie header through that the caller set; it never follows a
	// redirect to another host. Cookies of answers are not kept in any case.
	Cookies bool
	// Cut gives an answer that says beforehand that it is longer than MaxBytes all
	// the same; reading its body ends with ErrTooLarge.
	Cut bool
	// Redirect, when not nil, is called before a redirect is followed, with the
	// exchange's context, within its time; an error ends the exchange.
	Redirect func(ctx context.Context, to *url.URL) error
	// Tel gets a span and a measurement of each exchange; nil gets none. They count
	// as of this Purpose, of which there are few.
	Tel     *telemetry.Telemetry
	Purpose string
}

// Resolver looks host names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

const (
	defaultTimeout   = 15 * time.Second
	defaultMaxBytes  = 1 << 20
	defaultMaxHeader = 64 << 10

	dialTimeout  = 5 * time.Second // one address of several
	maxAddresses = 8               // of one host that are tried
	idleTimeout  = 30 * time.Second
	idlePerHost  = 2
	idleTotal    = 64
)

// Client sends requests to addresses that users supplied. It is safe for
// concurrent use. It has no cookies, takes no proxy from the environment and
// speaks HTTP/1.1 only.
type Client struct {
	cfg       Config
	http      *http.Client
	transport *http.Transport
	obs       *observer
}

// New makes a client. Close it when it is no longer needed.
func New(cfg Config) *Client {
	if len(cfg.Ports) == 0 {
		cfg.Ports = []uint16{80, 443}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.MaxHeader <= 0 {
		cfg.MaxHeader = defaultMaxHeader
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "Sluice"
	}
	if cfg.Resolver == nil {
		cfg.Resolver = new(net.Resolver)
	}
	c := &Client{cfg: cfg, obs: newObserver(cfg.Tel, cfg.Purpose)}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c.transport = &http.Transport{
		Proxy:                  nil, // a proxy would connect for us, where no policy holds
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: cfg.MaxHeader,
		DisableCompression:     true, // what is capped is what arrives
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		Protocols:              &protocols,
	}
	c.http = &http.Client{Transport: c.transport, CheckRedirect: c.checkRedirect}
	return c
}

// Close drops idle connections. Requests under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends req and gives the answer, whatever its status; the caller closes its
// body, which never yields more than MaxBytes and ends when the time is over.
// The User-Agent is ours, and the Host is the URL's. Codes, also of the
// body's Read: outbound.refused, outbound.timeout, outbound.too_large,
// outbound.unreachable, outbound.too_many_redirects; the end of ctx by
// cancellation is given as it is.
func (c *Client) Do(ctx context.Context, req *http.Request) (resp *http.Response, err error) {
	ctx, end := c.obs.begin(ctx, req)
	defer func() { end(resp, err) }()
	return c.do(ctx, req)
}

func (c *Client) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	ctx = context.WithValue(ctx, exchange{}, ctx)
	if req = req.Clone(ctx); req.Header == nil {
		req.Header = http.Header{}
	}
	if err := c.prepare(req); err != nil {
		cancel()
		if req.Body != nil {
			_ = req.Body.Close() // as http.Client does in every case
		}
		return nil, err
	}
	resp, err := c.http.Do(req) //nolint:gosec // where to, is what this package decides
	if err != nil {
		err = c.classify(ctx, err)
		cancel()
		return nil, err
	}
	b := &body{c: c, ctx: ctx, cancel: cancel, rc: resp.Body, left: c.cfg.MaxBytes}
	if !c.cfg.Cut && resp.ContentLength > c.cfg.MaxBytes && req.Method != http.MethodHead {
		_ = b.Close()
		return nil, ErrTooLarge
	}
	resp.Body = b
	return resp, nil
}

// prepare brings a request, also one made by a redirect, into our form.
func (c *Client) prepare(req *http.Request) error {
	if req.URL == nil {
		return ErrRefused.Msgf("the request has no URL")
	}
	t, err := targetOf(req.URL)
	if err != nil {
		return err
	}
	u := *req.URL
	if u.Host = bracket(t.host); req.URL.Port() != "" {
		u.Host = net.JoinHostPort(t.host, strconv.Itoa(int(t.port)))
	}
	req.URL, req.Host = &u, ""
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if !c.cfg.Cookies {
		req.Header.Del("Cookie")
	}
	return nil
}

func bracket(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if c.cfg.MaxRedirects == 0 {
		return http.ErrUseLastResponse
	}
	if len(via) > c.cfg.MaxRedirects {
		return ErrRedirects
	}
	req.Header.Del("Referer") // the address before may hold a secret
	if err := c.prepare(req); err != nil || c.cfg.Redirect == nil {
		return err
	}
	return c.cfg.Redirect(req.Context(), req.URL)
}

// exchange is the key of an exchange's context among its own values: the transport
// takes the end off what it dials with, but not the values.
type exchange struct{}

// dial connects to one of the permitted addresses of a host, while the exchange
// lasts that it is for.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) { //nolint:contextcheck // the exchange's is what ctx came from
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, ErrRefused.Because(err)
	}
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return nil, ErrRefused.Because(err)
	}
	if of, ok := ctx.Value(exchange{}).(context.Context); ok {
		ctx = of
	}
	addrs, err := c.resolve(ctx, host, uint16(port))
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout, Control: c.control}
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = d.DialContext(ctx, network, a.String()); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// control judges the address that the socket is about to connect to: the last
// point, behind everything that could have been fooled.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !c.permits(ap) {
		return ErrRefused
	}
	return nil
}

// resolve gives the permitted addresses of a host; that there are none is ErrRefused.
func (c *Client) resolve(ctx context.Context, host string, port uint16) ([]netip.AddrPort, error) {
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = c.cfg.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	for _, a := range addrs {
		ap := netip.AddrPortFrom(a.Unmap(), port)
		if c.permits(ap) && len(out) < maxAddresses {
			out = append(out, ap)
		}
	}
	if len(out) == 0 {
		return nil, ErrRefused
	}
	return out, nil
}

// classify gives an error of the exchange its code.
func (c *Client) classify(ctx context.Context, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the rest repeats the URL, which may hold a secret
	}
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrRefused), errors.Is(err, ErrRedirects), errors.Is(err, ErrTooLarge), errors.Is(err, ErrTimeout):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return ErrTimeout.Because(err)
	}
	return ErrUnreachable.Because(err)
}
