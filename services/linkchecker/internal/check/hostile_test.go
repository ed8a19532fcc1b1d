package check_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// The suite of what hostile links and hosts do to a checker. 127.0.0.2 stands for
// the public network in it, all else of loopback for what checks must not reach.

// serveOn serves h on an address of loopback, and gives its URL.
func serveOn(t testing.TB, ip string, h http.Handler) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	_ = srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

// inner is a service that checks must not reach, which notes who did.
func inner(t *testing.T) (port string, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	u := serveOn(t, "127.0.0.1", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	return u[strings.LastIndex(u, ":")+1:], reached
}

func outer() outbound.Config {
	return outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, Timeout: patience}
}

// plenty makes politeness no matter.
func plenty() hosts.Limit { return hosts.Limit{Concurrency: 100, Rate: 10000} }

// forbidden are ways to name what must not be reached; each has a port in it.
func forbidden() []string {
	return []string{
		"http://127.0.0.1:%s/", "http://localhost:%s/", "http://127.0.0.3:%s/", "http://[::1]:%s/", "http://[::ffff:127.0.0.1]:%s/", "http://[::ffff:7f00:1]:%s/",
		"http://[::127.0.0.1]:%s/", "http://[0:0:0:0:0:ffff:127.0.0.1]:%s/", "http://[::1%%25lo]:%s/", "http://[fe80::1]:%s/", "http://[fd00::1]:%s/",
		"http://[64:ff9b::7f00:1]:%s/", "http://[2002:7f00:1::]:%s/", "http://[::]:%s/", "http://0.0.0.0:%s/", "http://0:%s/", "http://127.1:%s/",
		"http://2130706433:%s/", "http://0x7f000001:%s/", "http://0x7f.1:%s/", "http://0177.0.0.1:%s/", "http://017700000001:%s/", "http://127.0.0.1.:%s/",
		"http://１２７.０.０.１:%s/", "http://127。0。0。1:%s/", "http://user@127.0.0.1:%s/", "http://127.0.0.2@127.0.0.1:%s/", "http://10.0.0.1:%s/", "http://172.16.0.1:%s/",
		"http://192.168.1.1:%s/", "http://169.254.169.254:%s/latest/meta-data/", "http://100.64.0.1:%s/", "http://224.0.0.1:%s/", "http://255.255.255.255:%s/",
		"http://198.18.0.1:%s/", "http://168.63.129.16:%s/", "http://8.8.8.8:%s/", // public, but on no port of the web
	}
}

// TestHostile_Addresses: what must not be reached is not, under whatever name, as
// a link and as a redirect's target.
func TestHostile_Addresses(t *testing.T) {
	t.Parallel()
	port, reached := inner(t)
	hop := serveOn(t, "127.0.0.2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		w.Header()["Location"] = []string{to}
		w.WriteHeader(http.StatusFound)
	}))
	w := newWorld(t, settings{out: outer(), limit: plenty()})
	refused := func(address, what string) {
		t.Helper()
		none(t, w.all(t.Context(), address))
		if r, ok := w.ledger.result(address); !ok || r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonRefused || !r.NotBefore.IsZero() {
			t.Errorf("%s: %+v", what, r)
		}
	}
	for _, f := range forbidden() {
		u := fmt.Sprintf(f, port)
		refused(u, u)
		refused(hop+"/?to="+strings.NewReplacer("%", "%25", "#", "%23", "&", "%26").Replace(u), "redirect to "+u)
	}
	for _, u := range []string{"file:///etc/passwd", "gopher://127.0.0.1:" + port + "/", "ftp://127.0.0.2/", "javascript:alert(1)", "//127.0.0.1:" + port + "/", "dict://127.0.0.1:" + port} {
		refused(hop+"/?to="+u, "redirect to "+u)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("what must not be reached was, %d times", n)
	}
}

// names is a DNS whose answers change.
type names func(host string) []netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a := n(host); a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// TestHostile_Names: answers of DNS that change between two looks, that mix good
// with bad, or that are none.
func TestHostile_Names(t *testing.T) {
	t.Parallel()
	port, reached := inner(t)
	good, bad := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	var looks, requests atomic.Int32
	outerURL := serveOn(t, "127.0.0.2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Connection", "close") // the next request looks again
		switch r.URL.Path {
		case "/head":
			w.WriteHeader(http.StatusMethodNotAllowed)
		case "/again":
			http.Redirect(w, r, "/head", http.StatusFound)
		}
	}))
	outerPort := outerURL[strings.LastIndex(outerURL, ":")+1:]
	cfg := outer()
	cfg.Resolver = names(func(host string) []netip.Addr {
		switch host {
		case "rebinds.example": // good once, bad from then on
			if looks.Add(1) == 1 {
				return []netip.Addr{good}
			}
			return []netip.Addr{bad}
		case "bad.example":
			return []netip.Addr{bad, netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("10.0.0.1")}
		case "mixed.example":
			return []netip.Addr{bad, good}
		case "empty.example":
			return []netip.Addr{}
		}
		return nil
	})
	w := newWorld(t, settings{out: cfg, limit: plenty()})
	for _, c := range []struct {
		address string
		status  linksv1.Status
		reason  linksv1.Reason
	}{
		// HEAD reaches the good address and is refused by the server; GET looks again.
		{"http://rebinds.example:" + outerPort + "/head", linksv1.Unknown, linksv1.ReasonRefused},
		{"http://bad.example:" + port + "/", linksv1.Unknown, linksv1.ReasonRefused},
		{"http://mixed.example:" + outerPort + "/", linksv1.Online, linksv1.ReasonFound},
		{"http://mixed.example:" + port + "/", linksv1.Unknown, linksv1.ReasonUnreachable}, // nobody listens at the good one
		{"http://empty.example:" + port + "/", linksv1.Unknown, linksv1.ReasonRefused},
		{"http://none.example:" + port + "/", linksv1.Unknown, linksv1.ReasonNameUnknown},
	} {
		none(t, w.all(t.Context(), c.address))
		if r, _ := w.ledger.result(c.address); r.Status != c.status || r.Reason != c.reason {
			t.Errorf("%s: %+v", c.address, r)
		}
	}
	looks.Store(0)
	again := "http://rebinds.example:" + outerPort + "/again"
	none(t, w.all(t.Context(), again))
	if r, _ := w.ledger.result(again); r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonRefused {
		t.Errorf("redirect to itself: %+v", r)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("what must not be reached was, %d times", n)
	}
}

// endless writes until nobody reads any more.
func endless(w http.ResponseWriter, r *http.Request, pause time.Duration, part []byte) {
	for r.Context().Err() == nil {
		if _, err := w.Write(part); err != nil {
			return
		}
		if pause > 0 {
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(pause):
			}
		}
	}
}

// bomb is a page of 16 MiB in 16 KiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.CopyN(z, zeros{}, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// hostileAnswers answers each path in a way of its own.
func hostileAnswers(t *testing.T) http.Handler {
	gz := bomb(t)
	mux := http.NewServeMux()
	page := func(path string, h http.HandlerFunc) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			h(w, r)
		})
	}
	page("/endless", func(w http.ResponseWriter, r *http.Request) { endless(w, r, 0, bytes.Repeat([]byte("x"), 32<<10)) })
	page("/announced", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "9000000000000000000")
		endless(w, r, 0, bytes.Repeat([]byte("x"), 32<<10))
	})
	page("/drip", func(w http.ResponseWriter, r *http.Request) { endless(w, r, 20*time.Millisecond, []byte("x")) })
	page("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gz)
	})
	page("/headers", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2000 {
			w.Header().Set(fmt.Sprintf("X-Flood-%d", i), strings.Repeat("x", 1000))
		}
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/grow", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/grow?"+r.URL.RawQuery+strings.Repeat("x", 1000), http.StatusFound)
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	raw := func(path, answer string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, answer)
		})
	}
	raw("/nothing", "")
	raw("/garbage", "\x00\x01\x02\xff no HTTP at all\r\n\r\n")
	raw("/half", "HTTP/1.1 200 OK\r\nContent-Le")
	raw("/lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
	raw("/negative", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")
	raw("/status", "HTTP/1.1 999999 OK\r\n\r\n")
	raw("/continue", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 10000))
	return mux
}

// TestHostile_Answers: whatever a server sends, a check ends in time, needs little
// memory, and never takes it for an answer about the link. It is not parallel, since
// it measures memory.
func TestHostile_Answers(t *testing.T) { //nolint:paralleltest // see above
	h := hostileAnswers(t)
	srv := serveOn(t, "127.0.0.2", h)
	// The same as pages of a host that has a rule, of which only the text counts.
	bases := map[string]string{"rapidgator.net": srv}
	w := newWorld(t, settings{out: outer(), limit: plenty(), bases: bases})
	// Only what never ends is cut off by its time, on machines of any speed.
	cut := outer()
	cut.Timeout = timeout
	short := newWorld(t, settings{out: cut, limit: plenty(), bases: bases})
	of := func(path string) *world {
		if path == "/drip" || path == "/silent" {
			return short
		}
		return w
	}
	wants := map[string]linksv1.Reason{
		"/drip": linksv1.ReasonTimeout, "/silent": linksv1.ReasonTimeout, "/headers": linksv1.ReasonUnreachable, "/loop": linksv1.ReasonElsewhere,
		"/grow": linksv1.ReasonElsewhere, "/nothing": linksv1.ReasonUnreachable, "/garbage": linksv1.ReasonUnreachable, "/half": linksv1.ReasonUnreachable,
		"/lengths": linksv1.ReasonUnreachable, "/negative": linksv1.ReasonUnreachable, "/status": linksv1.ReasonUnreachable, "/continue": linksv1.ReasonUnreachable,
	}
	all, n := map[*world][]string{}, 0
	for path := range wants {
		for i := range 3 {
			all[of(path)] = append(all[of(path)], fmt.Sprintf("%s%s?%d", srv, path, i))
			n++
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for w, addresses := range all {
		none(t, w.all(t.Context(), addresses...))
	}
	if took := time.Since(began); took > 2*patience {
		t.Errorf("%d checks took %s", n, took)
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / uint64(n); bytes > 4<<20 {
		t.Errorf("%d bytes were needed for a check", bytes)
	}
	for path, want := range wants {
		r, ok := of(path).ledger.result(srv + path + "?0")
		if !ok || r.Status != linksv1.Unknown || r.Reason != want {
			t.Errorf("%s: %+v, want %s", path, r, want)
		}
	}
	t.Run("pages", func(t *testing.T) { hugePages(t, h) })
}

// hugePages: what is there, however long it is, is a link that works where nothing
// is known of the host, and says nothing where the page would have to.
func hugePages(t *testing.T, h http.Handler) {
	t.Helper()
	for _, path := range []string{"/endless", "/announced", "/bomb"} {
		srv := serveOn(t, "127.0.0.2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = path
			h.ServeHTTP(w, r)
		}))
		w := newWorld(t, settings{out: outer(), limit: plenty(), bases: map[string]string{"rapidgator.net": srv}})
		page, plain := "https://rapidgator.net/file/0123456789abcdef0123456789abcdef", srv+"/file"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		none(t, w.all(t.Context(), page, plain))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: %d bytes were needed", path, n)
		}
		if r, ok := w.ledger.result(page); !ok || r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonUnclear {
			t.Errorf("%s as a page: %+v", path, r)
		}
		if r, ok := w.ledger.result(plain); !ok || r.Status != linksv1.Online || r.Reason != linksv1.ReasonFound {
			t.Errorf("%s: %+v", path, r)
		}
	}
}

// TestHostile_RedirectsArePolite: a chain of redirects takes a time for each step,
// five of them at most.
func TestHostile_RedirectsArePolite(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	srv := serveOn(t, "127.0.0.2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d?", n-1), http.StatusFound)
		}
	}))
	w := newWorld(t, settings{out: outer(), limit: hosts.Limit{Concurrency: 4, Rate: 20}})
	began := time.Now()
	none(t, w.all(t.Context(), srv+"/5", srv+"/6"))
	if r, _ := w.ledger.result(srv + "/5"); r.Status != linksv1.Online {
		t.Errorf("five: %+v", r)
	}
	if r, _ := w.ledger.result(srv + "/6"); r.Status != linksv1.Unknown || r.Reason != linksv1.ReasonElsewhere {
		t.Errorf("six: %+v", r)
	}
	if n, took := requests.Load(), time.Since(began); n != 12 || took < 11*time.Second/20 {
		t.Errorf("%d requests in %s", n, took)
	}
}

// TestHostile_RetryAfter: no host makes the checker forget it, or wait for ever.
func TestHostile_RetryAfter(t *testing.T) {
	t.Parallel()
	srv := serveOn(t, "127.0.0.2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", r.URL.Query().Get("v"))
		if r.URL.Path != "/fine" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	fine := newWorld(t, settings{out: outer(), limit: plenty()})
	none(t, fine.all(t.Context(), srv+"/fine?v=86400"))
	if r, _ := fine.ledger.result(srv + "/fine?v=86400"); r.Status != linksv1.Online || !r.NotBefore.IsZero() {
		t.Errorf("with an answer: %+v", r)
	}
	for v, want := range map[string]time.Duration{"99999999999": 0, "1000000000": 24 * time.Hour, "-5": 0, "soon": 0, "1e9": 0, "3": 3 * time.Second} {
		w := newWorld(t, settings{out: outer(), limit: plenty()})
		u := srv + "/?v=" + v
		none(t, w.all(t.Context(), u))
		var r domain.Result
		if r, _ = w.ledger.result(u); r.Reason != linksv1.ReasonLimited {
			t.Errorf("%s: %+v", v, r)
			continue
		}
		if d := r.NotBefore.Sub(r.At); want == 0 && !r.NotBefore.IsZero() && d > 24*time.Hour || want > 0 && d != want {
			t.Errorf("%s: not before %s", v, d)
		}
		w.all(t.Context(), srv+"/?other")
		for _, at := range w.ledger.postponed {
			if d := time.Until(at); d > time.Hour+time.Minute {
				t.Errorf("%s: everybody waits for %s", v, d)
			}
		}
	}
}
