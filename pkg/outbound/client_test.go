package outbound_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/outbound"
)

// local allows this machine's IPv4 loopback, where the servers of the tests are.
func local(cfg outbound.Config) outbound.Config {
	cfg.Allow = append(cfg.Allow, netip.MustParsePrefix("127.0.0.1/32"))
	return cfg
}

func do(t *testing.T, c *outbound.Client, url string) (*http.Response, error) {
	t.Helper()
	t.Cleanup(c.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(t.Context(), req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestDo_Answer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Method, " ", r.Host, " ", r.UserAgent(), " ", r.Header.Get("Cookie"), " ", r.Header.Get("Accept-Encoding"))
	})
	c := outbound.New(local(outbound.Config{UserAgent: "Sluice-Test/1"}))
	defer c.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("x"))
	req.Host = "internal.example"
	req.Header.Set("User-Agent", "curl")
	req.Header.Set("Cookie", "a=b")
	resp, err := c.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	want := "POST " + strings.TrimPrefix(s.URL, "http://") + " Sluice-Test/1  "
	if err != nil || resp.StatusCode != http.StatusTeapot || string(b) != want {
		t.Fatalf("%d %q, want %q, %v", resp.StatusCode, b, want, err)
	}
}

func TestDo_RefusesInside(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	p, _ := strconv.ParseUint(port, 10, 16)
	c := outbound.New(outbound.Config{Ports: []uint16{uint16(p)}, Resolver: loopback{}}) // the port is no help
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost", "innocent.example", "0.0.0.0", "[::]"} {
		if _, err := do(t, c, "http://"+host+":"+port+"/"); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, u := range []string{"ftp://example.com/", "http://user:pw@127.0.0.1/"} {
		if _, err := do(t, c, u); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", u, err)
		}
	}
	if hits.Load() != 0 {
		t.Fatalf("%d requests arrived", hits.Load())
	}
}

// rebinding answers with a public address first and with this machine afterwards.
type rebinding struct{ calls atomic.Int32 }

func (r *rebinding) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.calls.Add(1) == 1 {
		return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestDo_Rebinding(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	p, _ := strconv.ParseUint(port, 10, 16)
	c := outbound.New(outbound.Config{Ports: []uint16{uint16(p)}, Resolver: &rebinding{}})
	url := "http://rebind.example:" + port + "/"
	if err := c.CheckURL(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, c, url); !errors.Is(err, outbound.ErrRefused) || hits.Load() != 0 {
		t.Fatalf("%d requests arrived, %v", hits.Load(), err)
	}
}

func TestDo_RedirectInside(t *testing.T) {
	t.Parallel()
	var inside atomic.Int32
	victim, err := net.Listen("tcp", "127.0.0.2:0") // not in the allow list
	if err != nil {
		t.Skipf("this machine has no 127.0.0.2: %v", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(victim) }()
	t.Cleanup(func() { srv.Close(); <-done })
	for _, target := range []string{
		"http://" + victim.Addr().String() + "/", "http://0x7f.0.0.2:80/", "http://[::1]/", "http://user:pw@127.0.0.1/", "file:///etc/passwd",
		"gopher://127.0.0.1/", "//" + victim.Addr().String() + "/", "http://169.254.169.254/latest/",
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
		resp, err := do(t, outbound.New(local(outbound.Config{MaxRedirects: 3})), s.URL)
		if !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v, %v", target, resp, err)
		}
	}
	if inside.Load() != 0 {
		t.Fatal("a redirect led inside")
	}
}

func TestDo_Redirects(t *testing.T) {
	t.Parallel()
	var referer atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		referer.Store(r.Referer() + r.Header.Get("Cookie"))
		if n > 0 {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, fmt.Sprintf("/%d?secret=x", n-1), http.StatusFound)
		}
	})
	resp, err := do(t, outbound.New(local(outbound.Config{})), s.URL+"/1")
	if err != nil || resp.StatusCode != http.StatusFound || resp.Header.Get("Location") == "" {
		t.Fatalf("none allowed: %v, %v", resp, err)
	}
	c := outbound.New(local(outbound.Config{MaxRedirects: 3}))
	if resp, err = do(t, c, s.URL+"/3"); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("three allowed, three: %v, %v", resp, err)
	}
	if got := referer.Load(); got != "" {
		t.Errorf("the next address was told %q", got)
	}
	if _, err = do(t, c, s.URL+"/4"); !errors.Is(err, outbound.ErrRedirects) {
		t.Fatalf("three allowed, four: %v", err)
	}
}

// TestDo_Cookies: a caller's cookie goes where it sends it, and to no other host.
func TestDo_Cookies(t *testing.T) {
	t.Parallel()
	var got atomic.Value
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.Store("other:" + r.Header.Get("Cookie")) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "me"})
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/other": // 127.0.0.1 is one host, whatever the port
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
		}
	})
	c := outbound.New(local(outbound.Config{Cookies: true, MaxRedirects: 3}))
	for path, want := range map[string]string{"/": "lang=en", "/same": "lang=en", "/other": "other:"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "lang=en")
		resp, err := c.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got.Load() != want {
			t.Errorf("%s: %q, want %q", path, got.Load(), want)
		}
	}
}

// TestDo_AsksAboutRedirects: each one is asked about, before it is followed.
func TestDo_AsksAboutRedirects(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	})
	errEnough := errors.New("enough")
	var asked []string
	c := outbound.New(local(outbound.Config{MaxRedirects: 5, Redirect: func(_ context.Context, to *url.URL) error {
		if asked = append(asked, to.Path); len(asked) == 3 {
			return errEnough
		}
		return nil
	}}))
	if _, err := do(t, c, s.URL+"/"); !errors.Is(err, errEnough) {
		t.Errorf("it ended with %v", err)
	}
	if want := []string{"/x", "/xx", "/xxx"}; !slices.Equal(asked, want) || hits.Load() != 3 {
		t.Errorf("asked about %q, %d requests", asked, hits.Load())
	}
}

func TestDo_BodyTooLarge(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		for i := 0; i < n || n < 0; i++ {
			if _, err := w.Write([]byte{'x'}); err != nil || r.Context().Err() != nil {
				return
			}
		}
	})
	c := outbound.New(local(outbound.Config{MaxBytes: 1000, Timeout: time.Minute}))
	for path, want := range map[string]int{"/?n=1000": 1000, "/chunked?n=1000": 1000, "/?n=0": 0} {
		resp, err := do(t, c, s.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || len(b) != want {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	if _, err := do(t, c, s.URL+"/?n=1001"); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("announced: %v", err)
	}
	cut := outbound.New(local(outbound.Config{MaxBytes: 1000, Cut: true}))
	if resp, err := do(t, cut, s.URL+"/?n=1001"); err != nil {
		t.Errorf("announced, and cut: %v", err)
	} else if b, err := io.ReadAll(resp.Body); !errors.Is(err, outbound.ErrTooLarge) || len(b) != 1000 {
		t.Errorf("announced, and cut: %d bytes, %v", len(b), err)
	}
	for _, path := range []string{"/chunked?n=1001", "/chunked?n=-1"} {
		resp, err := do(t, c, s.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); !errors.Is(err, outbound.ErrTooLarge) || len(b) > 1000 {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
		if n, err := resp.Body.Read(make([]byte, 5)); n != 0 || !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%s, read on: %d bytes, %v", path, n, err)
		}
	}
}

func TestDo_SlowDrip(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				if _, err := w.Write([]byte{'x'}); err != nil {
					return
				}
				w.(http.Flusher).Flush()
			}
		}
	})
	within := func(d time.Duration) *outbound.Client { return outbound.New(local(outbound.Config{Timeout: d})) }
	begin := time.Now()
	if _, err := do(t, within(150*time.Millisecond), s.URL+"/silent"); !errors.Is(err, outbound.ErrTimeout) {
		t.Errorf("silent: %v", err)
	}
	if d := time.Since(begin); d > 10*time.Second { // without a time-out of its own it is 15
		t.Errorf("took %s", d)
	}
	var b []byte
	err := error(outbound.ErrTimeout)
	// A busy machine may need all of the time until the first byte is there.
	for limit := 150 * time.Millisecond; len(b) == 0 && errors.Is(err, outbound.ErrTimeout) && limit < time.Minute; limit *= 2 {
		var resp *http.Response
		if resp, err = do(t, within(limit), s.URL+"/drip"); err == nil {
			b, err = io.ReadAll(resp.Body)
		}
	}
	if !errors.Is(err, outbound.ErrTimeout) || len(b) == 0 {
		t.Errorf("drip: %d bytes, %v", len(b), err)
	}
}

func TestDo_Cancelled(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := outbound.New(local(outbound.Config{}))
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.Do(ctx, req); !errors.Is(err, context.Canceled) { //nolint:bodyclose // there is none
		t.Fatal(err)
	}
}

// raw answers every connection with the same bytes.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			answer(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String() + "/"
}

func TestDo_HostileAnswers(t *testing.T) {
	t.Parallel()
	line := "X-Long: " + strings.Repeat("a", 1000) + "\r\n"
	for name, answer := range map[string]func(net.Conn){
		"endless headers": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, line); err != nil {
					return
				}
			}
		},
		"not http":        func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n") },
		"closed at once":  func(net.Conn) {},
		"negative length": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n") },
		"endless 1xx": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n"+line+"\r\n"); err != nil {
					return
				}
			}
		},
		"switching to h2c": func(c net.Conn) { _, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, outbound.New(local(outbound.Config{Timeout: time.Minute})), raw(t, answer))
			if !errors.Is(err, outbound.ErrUnreachable) {
				t.Fatal(err)
			}
		})
	}
	url := raw(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") })
	resp, err := do(t, outbound.New(local(outbound.Config{})), url)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); !errors.Is(err, outbound.ErrUnreachable) || string(b) != "abc" {
		t.Errorf("cut body: %q, %v", b, err)
	}
}

func TestDo_NoConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/?token=secret"
	l.Close()
	_, err = do(t, outbound.New(local(outbound.Config{})), url)
	if !errors.Is(err, outbound.ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Fatal(err)
	}
}

func TestDo_TriesOtherAddresses(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	c := outbound.New(local(outbound.Config{Resolver: names{"several.example": {"::1", "10.0.0.1", "::ffff:127.0.0.1"}}}))
	if resp, err := do(t, c, "http://several.example:"+port+"/"); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
}

func TestDo_TLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports the refused handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	if _, err := do(t, outbound.New(local(outbound.Config{})), s.URL); !errors.Is(err, outbound.ErrUnreachable) {
		t.Fatalf("a certificate that nobody vouches for: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	resp, err := do(t, outbound.New(local(outbound.Config{RootCAs: pool})), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(resp.Body); string(b) != "HTTP/1.1" {
		t.Fatalf("spoke %s", b)
	}
}

func TestDo_IgnoresProxySettings(t *testing.T) {
	var hits atomic.Int32
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	c := outbound.New(outbound.Config{Resolver: loopback{}, Allow: nil})
	if _, err := do(t, c, "http://somewhere.example/"); !errors.Is(err, outbound.ErrRefused) || hits.Load() != 0 {
		t.Fatalf("%d requests at the proxy, %v", hits.Load(), err)
	}
}
