package balance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/cluster/balance"
)

// behind is an edge that says what it got.
type behind struct {
	*httptest.Server
	ready atomic.Bool
	got   atomic.Int64
	next  http.HandlerFunc // nil says what came
}

func newBehind(t *testing.T) *behind {
	t.Helper()
	b := &behind{}
	b.ready.Store(true)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			if !b.ready.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		b.got.Add(1)
		if b.next != nil {
			b.next(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.RequestURI, r.Host, r.Header.Get("X-Forwarded-For"), body)
	}))
	t.Cleanup(b.Close)
	return b
}

// front starts a balancer and waits until it has seen its edges.
func front(t *testing.T, ready int, edges ...*behind) (*balance.Balancer, *httptest.Server) {
	t.Helper()
	var urls []string
	for _, e := range edges {
		urls = append(urls, e.URL)
	}
	b, err := balance.New(balance.Config{Edges: urls, Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	srv := httptest.NewServer(b)
	t.Cleanup(func() { srv.Close(); cancel(); <-done })
	until(t, "the edges are seen", func() bool { return readyOf(b) == ready })
	return b, srv
}

func readyOf(b *balance.Balancer) (n int) {
	for _, s := range b.States() {
		if s.Ready {
			n++
		}
	}
	return n
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func send(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestBalancer_PassesOn: method, escapes, query, host and body stay; where a
// request came from is the balancer's to say.
func TestBalancer_PassesOn(t *testing.T) {
	t.Parallel()
	_, srv := front(t, 1, newBehind(t))
	host := strings.TrimPrefix(srv.URL, "http://")
	status, body := send(t, "PROPFIND", srv.URL+"/a%2Fb//c/..;x?y=1;2&z=%zz", "hello", "X-Forwarded-For", "8.8.8.8")
	if want := "PROPFIND /a%2Fb//c/..;x?y=1;2&z=%zz " + host + " 127.0.0.1 hello"; status != http.StatusOK || body != want {
		t.Errorf("%d %q, want %q", status, body, want)
	}
}

// TestBalancer_SendsAgainWhatNobodyTook: an edge that is gone costs no request,
// not even one with a body, and is asked nothing until it is back.
func TestBalancer_SendsAgainWhatNobodyTook(t *testing.T) {
	t.Parallel()
	gone, there := newBehind(t), newBehind(t)
	b, srv := front(t, 2, gone, there)
	gone.Close()
	for n := range 10 {
		if status, body := send(t, http.MethodPost, srv.URL+"/x", strings.Repeat("b", n<<10)); status != http.StatusOK || !strings.HasSuffix(body, strings.Repeat("b", n<<10)) {
			t.Errorf("%d %.50q", status, body)
		}
	}
	if there.got.Load() != 10 {
		t.Errorf("the other edge got %d of 10", there.got.Load())
	}
	until(t, "it is seen that the edge is gone", func() bool { return !b.States()[0].Ready })
	if s := b.States(); s[0].Failures+s[1].Failures > 0 || s[1].Requests != 10 {
		t.Errorf("%+v", s)
	}
}

// TestBalancer_RepeatsNothingUnsure: what broke off may have been carried out.
func TestBalancer_RepeatsNothingUnsure(t *testing.T) {
	t.Parallel()
	breaks, other := newBehind(t), newBehind(t)
	cut := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	breaks.next, other.next = cut, cut
	b, srv := front(t, 2, breaks, other)
	if status, body := send(t, http.MethodPost, srv.URL+"/x", "body"); status != http.StatusBadGateway {
		t.Errorf("%d %s", status, body)
	}
	if n := breaks.got.Load() + other.got.Load(); n != 1 {
		t.Errorf("the request was sent %d times", n)
	}
	if s := b.States(); s[0].Failures+s[1].Failures != 1 || s[0].Repeats+s[1].Repeats > 0 {
		t.Errorf("%+v", s)
	}
}

// TestBalancer_LeavesWhoDrains: an edge whose /readyz is red gets nothing while
// another is ready; when none is, they are asked all the same.
func TestBalancer_LeavesWhoDrains(t *testing.T) {
	t.Parallel()
	one, two := newBehind(t), newBehind(t)
	b, srv := front(t, 2, one, two)
	one.ready.Store(false)
	until(t, "the first edge is left", func() bool { return readyOf(b) == 1 })
	before := one.got.Load()
	for range 20 {
		send(t, http.MethodGet, srv.URL+"/", "")
	}
	if one.got.Load() != before || two.got.Load() < 20 {
		t.Errorf("the red edge got %d requests, the other %d", one.got.Load()-before, two.got.Load())
	}
	two.ready.Store(false)
	until(t, "none is ready", func() bool { return readyOf(b) == 0 })
	if status, _ := send(t, http.MethodGet, srv.URL+"/", ""); status != http.StatusOK {
		t.Errorf("%d while no edge is ready", status)
	}
}

// TestBalancer_NobodyThere answers 503 and says when to come again.
func TestBalancer_NobodyThere(t *testing.T) {
	t.Parallel()
	e := newBehind(t)
	_, srv := front(t, 1, e)
	e.Close()
	if status, _ := send(t, http.MethodPut, srv.URL+"/x", "body"); status != http.StatusServiceUnavailable {
		t.Errorf("%d", status)
	}
}

// TestBalancer_SharesTheWork: requests under way count.
func TestBalancer_SharesTheWork(t *testing.T) {
	t.Parallel()
	one, two := newBehind(t), newBehind(t)
	held := make(chan struct{})
	hold := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	one.next, two.next = hold, hold
	b, srv := front(t, 2, one, two)
	answers := make(chan int, 8)
	for range 8 {
		go func() {
			resp, err := http.Get(srv.URL + "/")
			if err != nil {
				answers <- 0
				return
			}
			resp.Body.Close()
			answers <- resp.StatusCode
		}()
	}
	until(t, "all are under way", func() bool { s := b.States(); return s[0].Active+s[1].Active == 8 })
	if s := b.States(); s[0].Active < 3 || s[1].Active < 3 {
		t.Errorf("%+v", s)
	}
	close(held)
	for range 8 {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
	until(t, "none is under way", func() bool { s := b.States(); return s[0].Active+s[1].Active == 0 })
}

// TestBalancer_StreamsBodies: an edge reads what a client has sent while the client
// has more to send.
func TestBalancer_StreamsBodies(t *testing.T) {
	t.Parallel()
	e := newBehind(t)
	first := make(chan string, 1)
	e.next = func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, part)
		first <- string(part)
		_, _ = io.Copy(w, r.Body)
	}
	_, srv := front(t, 1, e)
	body, rest := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL+"/x", body)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	if _, err := io.WriteString(rest, "first"); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-first:
		if got != "first" {
			t.Errorf("the edge read %q", got)
		}
	case <-time.After(time.Minute):
		t.Error("the edge reads nothing before the body is whole")
	}
	if _, err := io.WriteString(rest, "other"); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if got := <-answer; got != "other" {
		t.Errorf("%q", got)
	}
}

// TestBalancer_RefusedBeforeTheBody: a client that asks first sends nothing of a
// body that the edge refuses.
func TestBalancer_RefusedBeforeTheBody(t *testing.T) {
	t.Parallel()
	e := newBehind(t)
	e.next = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	_, srv := front(t, 1, e)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("HTTP/1.1 401"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 401" {
		t.Errorf("%q, %v", line, err)
	}
}
