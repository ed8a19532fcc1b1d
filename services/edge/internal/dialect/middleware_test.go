package dialect_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const object = "/api/v1/buckets/box/objects/k"

// stall makes a World with a short stall time-out and a bucket.
func stall(t *testing.T, window time.Duration) *edgetest.World {
	t.Helper()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.HTTP.StallTimeout = window })
	w.Want(t, 201, "POST", "/api/v1/buckets", `{"name":"box"}`, nil)
	return w
}

// dial sends a request head by hand.
func dial(t *testing.T, w *edgetest.World, method, path, headers string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: edge.test\r\nAuthorization: Bearer %s\r\n%s\r\n", method, path, w.Token, headers)
	return c, bufio.NewReader(c)
}

func visible(t *testing.T, w *edgetest.World, want ...string) {
	t.Helper()
	if got := w.Object.Keys("acc-ada", "box"); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("visible: %q, want %q", got, want)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

func TestBody_Stalled(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int{"small": 1 << 20, "held": 32 << 20} {
		w := stall(t, 300*time.Millisecond)
		c, r := dial(t, w, "PUT", object, fmt.Sprintf("X-Request-Id: stalled\r\nContent-Length: %d\r\n", length))
		_, _ = c.Write(make([]byte, 10000))
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if resp.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		resp.Body.Close()
		visible(t, w)
		if recs := w.Audit.Of("stalled"); len(recs) != 1 || recs[0].Result != "failed" || recs[0].Code != "edge.slow_body" {
			t.Errorf("%s: %+v", name, recs)
		}
		if n := w.Object.Held(); n != 0 {
			t.Errorf("%s: %d reservations stayed", name, n)
		}
	}
}

// TestBody_Drip sends less than the pace asks for, a byte at a time.
func TestBody_Drip(t *testing.T) {
	t.Parallel()
	w := stall(t, 400*time.Millisecond)
	c, r := dial(t, w, "POST", "/api/v1/buckets", "Content-Length: 1000\r\n")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if _, err := c.Write([]byte(" ")); err != nil {
					return
				}
			}
		}
	}()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%d", resp.StatusCode)
	}
}

// TestBody_SlowButSteady takes much longer than the stall time-out and is fine.
func TestBody_SlowButSteady(t *testing.T) {
	t.Parallel()
	w := stall(t, 3*time.Second) // all of it takes longer
	const parts, size = 10, 9000
	c, r := dial(t, w, "PUT", object, fmt.Sprintf("Content-Length: %d\r\n", parts*size))
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range parts {
		<-tick.C
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("%d", resp.StatusCode)
	}
	visible(t, w, "k")
}

// slowCommit takes longer for a commit than the stall time-out.
type slowCommit struct {
	*edgetest.Object
	d time.Duration
}

func (s slowCommit) CommitPut(c context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	select {
	case <-c.Done():
		return objectv1.Object{}, c.Err()
	case <-time.After(s.d):
	}
	return s.Object.CommitPut(c, r)
}

// TestBody_DeadlineEndsWithBody: the time-out of the body does not cut what
// comes after it, nor the next request of the connection.
func TestBody_DeadlineEndsWithBody(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, d *edge.Deps) {
		c.HTTP.StallTimeout = 500 * time.Millisecond
		d.Object = slowCommit{d.Object.(*edgetest.Object), time.Second}
	})
	w.Want(t, 201, "POST", "/api/v1/buckets", `{"name":"box"}`, nil)
	w.Want(t, 201, "PUT", object, "x", nil)
	w.Want(t, 201, "PUT", object, "y", nil)
	if r := w.Want(t, 200, "GET", object, "", nil); r.Body != "y" {
		t.Errorf("%q", r.Body)
	}
}

func TestBody_Half(t *testing.T) {
	t.Parallel()
	w := stall(t, 5*time.Second)
	for i, head := range []string{"Content-Length: 1048576\r\n", "Content-Length: 33554432\r\n", "Transfer-Encoding: chunked\r\n"} {
		id := fmt.Sprintf("half-%d", i)
		c, r := dial(t, w, "PUT", object, "X-Request-Id: "+id+"\r\n"+head)
		if strings.HasPrefix(head, "Transfer") {
			_, _ = io.WriteString(c, "5\r\nhello\r\n5\r\nwor")
		} else {
			_, _ = c.Write(make([]byte, 5000))
		}
		_ = c.(*net.TCPConn).CloseWrite()
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", head, resp.StatusCode)
		}
		if recs := w.Audit.Of(id); len(recs) != 1 {
			t.Errorf("%s: %+v", head, recs)
		}
	}
	// One that vanishes leaves nothing either.
	c, _ := dial(t, w, "PUT", object, "X-Request-Id: gone\r\nContent-Length: 1048576\r\n")
	_, _ = c.Write(make([]byte, 5000))
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
	eventually(t, "the vanished client is audited", func() bool { return len(w.Audit.Of("gone")) == 1 })
	visible(t, w)
	if n := w.Object.Held(); n != 0 {
		t.Errorf("%d reservations stayed", n)
	}
}

func TestBody_RefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := stall(t, 5*time.Second)
	w.Object.Quota, w.Object.MaxSize = 1000, 1<<30
	for length, want := range map[int]int{2000: 507, 64 << 20: 507, 2 << 30: 413} {
		_, r := dial(t, w, "PUT", object, fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", length))
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", length, resp.StatusCode, want)
		}
	}
	c, r := dial(t, w, "PUT", object, "Expect: 100-continue\r\nContent-Length: 5\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusContinue {
		t.Fatalf("%v %v", resp, err)
	}
	_, _ = io.WriteString(c, "hello")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

func TestReader_Stalled(t *testing.T) {
	t.Parallel()
	w := stall(t, 300*time.Millisecond)
	// Past the edge: on a busy machine so much would not keep that pace.
	store := &transfer.Engine{Blobs: w.Blobs, Objects: w.Object, Uploads: edgetest.Upload{O: w.Object}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if _, err := store.Put(t.Context(), transfer.Put{
		Principal: authv1.Principal{AccountID: "acc-ada"}, Bucket: "box", Key: "k", Size: 64 << 20, Body: strings.NewReader(strings.Repeat("x", 64<<20)),
	}); err != nil {
		t.Fatal(err)
	}
	_, r := dial(t, w, "GET", object, "X-Request-Id: not-reading\r\n")
	if _, err := r.Peek(10); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a reader that reads nothing is cut", func() bool {
		recs := w.Audit.Of("not-reading")
		return len(recs) == 1 && recs[0].Result == "failed"
	})
}

func TestHeaders_TooLarge(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	r := w.Do(t, "GET", "/api/v1/buckets", "", http.Header{"X-Long": {strings.Repeat("h", 600<<10)}})
	if r.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", r.Status)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for id, sane := range map[string]bool{
		"my-own.id:1_A": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "with space": false, "a\"b": false, "é": false, "<x>": false, "": false,
	} {
		got := w.Want(t, 200, "GET", "/api/v1/buckets", "", http.Header{"X-Request-Id": {id}}).Header.Get("X-Request-Id")
		if sane != (got == id) || !sane && !strings.HasPrefix(got, "req_") {
			t.Errorf("%q came back as %q", id, got)
		}
	}
	// Probes and fallbacks have one too.
	for _, p := range []string{"/healthz", "/nothing", "/api/v1/x", "/readyz"} {
		if w.Do(t, "GET", p, "", nil).Header.Get("X-Request-Id") == "" {
			t.Errorf("%s has no request id", p)
		}
	}
}

func TestSource_TrustedProxies(t *testing.T) {
	t.Parallel()
	loop := netip.MustParsePrefix("127.0.0.0/8")
	for _, k := range []struct {
		trusted []netip.Prefix
		forward string
		want    string
	}{
		{nil, "192.0.2.7", "127.0.0.1"}, {[]netip.Prefix{loop}, "192.0.2.7", "192.0.2.7"}, {[]netip.Prefix{loop}, "203.0.113.1, 192.0.2.7", "192.0.2.7"},
		{[]netip.Prefix{loop}, "192.0.2.7, 127.0.0.9", "192.0.2.7"}, {[]netip.Prefix{loop}, "nonsense", "127.0.0.1"}, {[]netip.Prefix{loop}, "", "127.0.0.1"},
	} {
		w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.HTTP.TrustedProxies = k.trusted })
		r := w.Want(t, 201, "POST", "/api/v1/buckets", `{"name":"box"}`, http.Header{"X-Forwarded-For": {k.forward}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"files.example"}})
		if got := w.Audit.Of(r.Header.Get("X-Request-Id"))[0].Source; got != k.want {
			t.Errorf("%q by %v: %q, want %q", k.forward, k.trusted, got, k.want)
		}
		want := w.URL
		if k.trusted != nil {
			want = "https://files.example"
		}
		if got := r.Header.Get("Location"); got != want+"/api/v1/buckets/box" {
			t.Errorf("Location %q", got)
		}
	}
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.PublicURL = "https://pub.example/" })
	if got := w.Want(t, 201, "POST", "/api/v1/buckets", `{"name":"box"}`, nil).Header.Get("Location"); got != "https://pub.example/api/v1/buckets/box" {
		t.Errorf("Location %q", got)
	}
}

func TestAudit_ExactlyOneWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := stall(t, 5*time.Second)
	for i, k := range []struct {
		method, path, body string
		header             http.Header
		action, result     string
	}{
		{"PUT", object, "x", nil, "PutObject", "ok"}, {"GET", object, "", nil, "GetObject", "ok"}, {"HEAD", object, "", nil, "GetObject", "ok"},
		{"GET", object, "", http.Header{"Range": {"bytes=9-"}}, "GetObject", "failed"}, {"GET", "/api/v1/none", "", nil, "NoRoute", "failed"},
		{"POST", object, "", nil, "NoRoute", "failed"}, {"GET", "/api/v1/buckets", "", http.Header{"Authorization": {"Bearer s3cr3t"}}, "ListBuckets", "denied"},
		{"POST", "/api/v1/auth/token", `{"accessKeyId":"` + w.Key.ID + `","secretKey":"` + w.Key.Secret + `"}`, nil, "MintToken", "ok"},
		{"POST", "/api/v1/auth/token", `{"accessKeyId":"s3cr3t","secretKey":"s3cr3t"}`, nil, "MintToken", "denied"},
		{"POST", "/api/v1/login", `{"identifier":"ada","password":"s3cr3t"}`, nil, "Login", "ok"}, {"POST", "/api/v1/login", `{"identifier":"s3cr3t","password":"wrong"}`, nil, "Login", "denied"},
		{"POST", "/api/v1/account/access-keys", `{"scopes":["read"]}`, http.Header{"Authorization": {"Bearer " + w.Account}}, "CreateAccessKey", "ok"},
		{"GET", "/nothing", "", nil, "NoRoute", "failed"}, {"DELETE", object, "", nil, "DeleteObject", "ok"}, {"GET", "/api/v1/healthz", "", nil, "Healthz", "ok"},
	} {
		id := fmt.Sprintf("one-%d", i)
		h := http.Header{"X-Request-Id": {id}}
		for n, v := range k.header {
			h[n] = v
		}
		r := w.Do(t, k.method, k.path, k.body, h)
		eventually(t, k.action, func() bool { return len(w.Audit.Of(id)) > 0 })
		recs := w.Audit.Of(id)
		if len(recs) != 1 || recs[0].Action != k.action || recs[0].Result != k.result || recs[0].Status != r.Status || recs[0].Source != "127.0.0.1" {
			t.Errorf("%s %s: %+v", k.method, k.path, recs)
		}
	}
	for _, secret := range []string{"s3cr3t", w.Token, w.Key.Secret, w.Account} {
		if strings.Contains(w.Audit.Text(), secret) {
			t.Errorf("the audit trail shows %.10s", secret)
		}
	}
	n := strings.Count(w.Audit.Text(), "requestId")
	w.Want(t, 200, "GET", "/healthz", "", nil)
	w.Want(t, 200, "GET", "/metrics", "", nil)
	if strings.Count(w.Audit.Text(), "requestId") != n {
		t.Error("probes are audited")
	}
}

func TestAudit_Away(t *testing.T) {
	t.Parallel()
	w := stall(t, 5*time.Second)
	w.Want(t, 201, "PUT", object, "x", nil)
	w.Audit.Set(false, errors.New("stream full"))
	if r := w.Want(t, 503, "PUT", object, "y", nil); r.Code() != "unavailable" || r.Header.Get("Retry-After") == "" || r.Header.Get("Etag") != "" {
		t.Errorf("%v %s", r.Header, r.Body)
	}
	w.Want(t, 200, "GET", object, "", nil)
	w.Want(t, 401, "GET", object, "", http.Header{"Authorization": {"Bearer x"}})
	w.Want(t, 404, "PUT", "/api/v1/buckets/none/objects/k", "y", nil)
	w.Audit.Set(true, errors.New("stream full"))
	before := w.Object.Called("BeginPut")
	w.Want(t, 503, "PUT", object, "z", nil)
	if w.Object.Called("BeginPut") != before {
		t.Error("a change was begun although it cannot be audited")
	}
}

// panicky panics where it is asked to.
type panicky struct{ *edgetest.Object }

func (panicky) ListBuckets(context.Context, objectv1.ListBucketsRequest) (objectv1.ListBucketsResponse, error) {
	panic("secret state")
}

func TestPanic_IsInternal(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Object = panicky{d.Object.(*edgetest.Object)} })
	r := w.Want(t, 500, "GET", "/api/v1/buckets", "", http.Header{"X-Request-Id": {"panicked"}})
	if r.Code() != "internal" || strings.Contains(r.Body, "secret") {
		t.Error(r.Body)
	}
	if recs := w.Audit.Of("panicked"); len(recs) != 1 || recs[0].Result != "failed" {
		t.Errorf("%+v", recs)
	}
	w.Want(t, 200, "GET", "/healthz", "", nil)
}

func TestOddRequests(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, line := range []string{"OPTIONS *", "CONNECT edge.test:80", "GET /api/v1/buckets/%zz", "GET /api/v1/buckets/../../../etc/passwd", "GET //evil.example/%2e%2e", "GET http://other.example/api/v1/buckets"} {
		method, target, _ := strings.Cut(line, " ")
		_, r := dial(t, w, method, target, "Connection: close\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode >= 500 || resp.StatusCode/100 == 3 && strings.Contains(resp.Header.Get("Location"), "//") {
			t.Errorf("%s: %d %s", line, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}
