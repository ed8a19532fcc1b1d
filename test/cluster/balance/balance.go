// Package balance is a small load balancer for edges: it asks each for /readyz,
// passes requests on to the ready one with the fewest under way, and sends one
// again only when no byte of it can have reached an edge.
package balance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	DefaultEvery   = 100 * time.Millisecond
	DefaultTimeout = 3 * time.Second
)

// Config of a Balancer.
type Config struct {
	Edges   []string      // base URLs
	Every   time.Duration // between two questions to an edge; 0 means DefaultEvery
	Timeout time.Duration // of a question; 0 means DefaultTimeout, which is longer than an edge asks its services
	Log     *slog.Logger  // nil discards
}

// Balancer is an http.Handler in front of the edges. Run keeps its view of them
// up to date. It is safe for concurrent use.
type Balancer struct {
	cfg   Config
	edges []*edge
	proxy *httputil.ReverseProxy
	next  atomic.Uint64 // where the search begins, so that equals take turns
}

// edge is one of those behind.
type edge struct {
	url      *url.URL
	ready    atomic.Bool
	active   atomic.Int64
	requests atomic.Int64
	repeats  atomic.Int64 // requests that it did not take and another got
	failures atomic.Int64 // answered by us, since the edge broke off
}

// State is what a Balancer knows of an edge.
type State struct {
	URL      string `json:"url"`
	Ready    bool   `json:"ready"`
	Active   int64  `json:"active"`   // requests under way
	Requests int64  `json:"requests"` // ever passed on
	Repeats  int64  `json:"repeats"`  // that could not be passed on and went to another edge
	Failures int64  `json:"failures"` // that broke off and were answered 502
}

// New makes a balancer; no edge is ready before Run has asked it.
func New(cfg Config) (*Balancer, error) {
	if cfg.Every <= 0 {
		cfg.Every = DefaultEvery
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Edges) == 0 {
		return nil, errors.New("a load balancer needs edges")
	}
	b := &Balancer{cfg: cfg}
	for _, e := range cfg.Edges {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" {
			return nil, errors.New("an edge is given as http://HOST:PORT, not as " + e)
		}
		b.edges = append(b.edges, &edge{url: u})
	}
	b.proxy = &httputil.ReverseProxy{
		Rewrite: b.rewrite, Transport: &transport{b: b, base: baseTransport()}, FlushInterval: -1, ErrorHandler: b.broken,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return b, nil
}

// baseTransport leaves bodies and encodings alone, and lets an edge refuse a
// body before it is sent.
func baseTransport() *http.Transport {
	return &http.Transport{
		DialContext:       (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2: false, DisableCompression: true, MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second,
		ExpectContinueTimeout: 10 * time.Second, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
	}
}

// rewrite passes a request on as it came, with where it came from. What a client
// says about that itself does not count.
func (b *Balancer) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme = "http"
	p.Out.URL.Host = b.edges[0].url.Host // the transport chooses
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = p.In.Host
	p.SetXForwarded()
}

// ServeHTTP implements http.Handler.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.proxy.ServeHTTP(w, r) }

// errNone says that no edge took a request.
var errNone = errors.New("no edge takes requests")

// broken answers for an edge that did not.
func (b *Balancer) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone
	}
	if errors.Is(err, errNone) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "no server is ready", http.StatusServiceUnavailable)
		return
	}
	b.cfg.Log.WarnContext(r.Context(), "an edge broke off", "method", r.Method, "path", r.URL.Path, "err", err)
	http.Error(w, "the server broke off", http.StatusBadGateway)
}

// Run asks the edges until ctx ends.
func (b *Balancer) Run(ctx context.Context) {
	client := &http.Client{Transport: baseTransport(), Timeout: b.cfg.Timeout}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for _, e := range b.edges {
		wg.Go(func() {
			tick := time.NewTicker(b.cfg.Every)
			defer tick.Stop()
			for {
				b.see(e, ask(ctx, client, e.url))
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	wg.Wait()
}

func ask(ctx context.Context, client *http.Client, u *url.URL) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("readyz").String(), nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return resp.StatusCode == http.StatusOK
}

func (b *Balancer) see(e *edge, ready bool) {
	if e.ready.Swap(ready) != ready {
		b.cfg.Log.Info("an edge changed", "edge", e.url.Host, "ready", ready)
	}
}

// States tells what is known of the edges, in the order of Config.
func (b *Balancer) States() []State {
	out := make([]State, len(b.edges))
	for i, e := range b.edges {
		out[i] = State{
			URL: e.url.String(), Ready: e.ready.Load(), Active: e.active.Load(), Requests: e.requests.Load(),
			Repeats: e.repeats.Load(), Failures: e.failures.Load(),
		}
	}
	return out
}

// Status serves States as JSON.
func (b *Balancer) Status() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.States()) // an error means that the reader has gone
	})
}

// order lists the edges to try: the ready ones, those with the fewest requests
// first, then the others, since an edge that misses a service still answers much.
func (b *Balancer) order() []*edge {
	n := len(b.edges)
	start := int(b.next.Add(1) % uint64(n))
	out := make([]*edge, 0, n)
	for _, ready := range []bool{true, false} {
		from := len(out)
		for i := range n {
			e := b.edges[(start+i)%n]
			if e.ready.Load() != ready {
				continue
			}
			at := len(out)
			for at > from && out[at-1].active.Load() > e.active.Load() {
				at--
			}
			out = append(out[:at], append([]*edge{e}, out[at:]...)...)
		}
	}
	return out
}
