package webdav_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

var errAway = fault.ErrUnavailable

func request(t *testing.T, w world, method, path, depth string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Account)
	r.Header.Set("Depth", depth)
	return r
}

func lockinfo(scope, owner string) string {
	return `<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D='DAV:'><D:lockscope><D:` + scope + `/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>` + owner + `</D:owner></D:lockinfo>`
}

// lock takes one and gives its token.
func (w world) lock(t *testing.T, status int, path, scope, depth string) string {
	t.Helper()
	r := w.want(t, status, "LOCK", path, lockinfo(scope, `<D:href>http://example.org/~ada &amp; co</D:href>`), "Depth", depth, "Timeout", "Infinite, Second-4100000000")
	token := strings.Trim(r.Header.Get("Lock-Token"), "<>")
	if status < 300 && (!regexp.MustCompile(`^opaquelocktoken:[0-9a-f-]{36}$`).MatchString(token) || !strings.Contains(r.Body, "<d:href>"+token+"</d:href>") ||
		!strings.Contains(r.Body, "~ada &amp; co") || !strings.Contains(r.Body, "Second-3600")) {
		t.Errorf("%v %s", r.Header, r.Body)
	}
	return token
}

func TestLock_File(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	token := w.lock(t, 200, "a", "exclusive", "0")
	with := []string{"If", "(<" + token + ">)"}
	for _, c := range []struct {
		method, body string
		headers      []string
	}{
		{"PUT", "y", nil}, {"DELETE", "", nil}, {"MOVE", "", []string{"Destination", "/dav/ada/b"}}, {"PROPPATCH", patch(`<D:lastmodified>1</D:lastmodified>`), nil},
	} {
		r := w.want(t, 423, c.method, "a", c.body, c.headers...)
		if _, _, condition := tell(t, r); condition != "lock-token-submitted" || !strings.Contains(r.Body, "/dav/ada/a<") {
			t.Errorf("%s: %s", c.method, r.Body)
		}
	}
	w.want(t, 423, "LOCK", "a", lockinfo("exclusive", "me"), "Depth", "0")
	w.want(t, 423, "LOCK", "a", lockinfo("shared", "me"), "Depth", "0")
	w.want(t, 201, "COPY", "a", "", "Destination", "/dav/ada/copy") // reading is free
	w.want(t, 423, "COPY", "copy", "", "Destination", "/dav/ada/a")
	if got := w.props(t, "a", "0", "")["/dav/ada/a"]["lockdiscovery"]; !strings.Contains(got, token) {
		t.Error(got)
	}
	w.want(t, 204, "PUT", "a", "y", with...)
	w.want(t, 204, "PUT", "a", "z", "If", "<"+w.URL+"/dav/ada/a> (<"+token+">)")
	w.want(t, 412, "PUT", "a", "z", "If", "<"+w.URL+"/dav/ada/copy> (<"+token+">)")
	w.want(t, 412, "PUT", "a", "z", "If", `(<`+token+`> ["other"])`)
	w.want(t, 200, "LOCK", "a", "", append(with, "Timeout", "Second-60")...)
	w.want(t, 412, "LOCK", "a", "", "If", "(<opaquelocktoken:other>)")
	w.want(t, 400, "LOCK", "a", "")
	w.want(t, 409, "UNLOCK", "a", "", "Lock-Token", "<opaquelocktoken:other>")
	w.want(t, 400, "UNLOCK", "a", "", "Lock-Token", token)
	w.want(t, 204, "UNLOCK", "a", "", "Lock-Token", "<"+token+">")
	w.want(t, 204, "PUT", "a", "free")
	// A lock goes with what it was on.
	token = w.lock(t, 200, "a", "exclusive", "0")
	w.want(t, 204, "DELETE", "a", "", "If", "(<"+token+">)")
	w.want(t, 201, "PUT", "a", "new")
}

func TestLock_Folder(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.tree(t)
	token := w.lock(t, 200, "d", "exclusive", "infinity")
	with := []string{"If", "</dav/ada/d> (<" + token + ">)"}
	for path, method := range map[string]string{"d/sub/b": "PUT", "d/new": "PUT", "d/newdir": "MKCOL", "d/a": "DELETE", "d": "DELETE"} {
		w.want(t, 423, method, path, "")
	}
	w.want(t, 423, "MOVE", "file", "", "Destination", "/dav/ada/d/x")
	w.want(t, 423, "MOVE", "d/a", "", "Destination", "/dav/ada/x")
	w.want(t, 423, "LOCK", "d/sub/b", lockinfo("exclusive", ""), "Depth", "0")
	w.want(t, 201, "PUT", "d/new", "x", with...)
	w.want(t, 204, "UNLOCK", "d/sub", "", "Lock-Token", "<"+token+">")

	// With Depth 0 the folder's members come and go under the lock; what is in them does not.
	token = w.lock(t, 200, "d", "exclusive", "0")
	w.want(t, 204, "PUT", "d/sub/b", "x")
	w.want(t, 423, "DELETE", "d/a", "")
	w.want(t, 423, "PUT", "d/another", "x")
	w.want(t, 423, "LOCK", "d/another", lockinfo("exclusive", "x"), "Depth", "0")
	w.want(t, 404, "GET", "d/another", "")
	w.want(t, 204, "UNLOCK", "d", "", "Lock-Token", "<"+token+">")

	// A lock below is in the way of what is done to the whole.
	token = w.lock(t, 200, "d/sub/b", "exclusive", "0")
	w.want(t, 423, "DELETE", "d", "")
	w.want(t, 423, "MOVE", "d", "", "Destination", "/dav/ada/e")
	w.want(t, 423, "LOCK", "d", lockinfo("exclusive", "x"), "Depth", "infinity")
	w.want(t, 201, "MOVE", "d", "", "Destination", "/dav/ada/e", "If", "</dav/ada/d/sub/b> (<"+token+">)")
	w.want(t, 204, "PUT", "e/sub/b", "free") // locks stay behind
}

func TestLock_Shared(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	one, two := w.lock(t, 200, "a", "shared", "0"), w.lock(t, 200, "a", "shared", "0")
	w.lock(t, 423, "a", "exclusive", "0")
	w.want(t, 423, "PUT", "a", "y")
	for _, token := range []string{one, two} {
		w.want(t, 204, "PUT", "a", "y", "If", "(<"+token+">)")
	}
}

func TestLock_Nothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := w.lock(t, 201, "new", "exclusive", "0")
	if r := w.want(t, 200, "GET", "new", ""); r.Body != "" {
		t.Error(r.Body)
	}
	w.want(t, 423, "PUT", "new", "x")
	w.want(t, 204, "PUT", "new", "x", "If", "(<"+token+">)")
	w.want(t, 409, "LOCK", "nowhere/new", lockinfo("exclusive", ""), "Depth", "0")
	w.Object.SetFail("BeginPut", errAway)
	w.want(t, 503, "LOCK", "another", lockinfo("exclusive", ""), "Depth", "0")
	w.Object.SetFail("BeginPut", nil)
	w.want(t, 201, "PUT", "another", "no lock is left behind")
}

func TestLock_Refusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	for body, status := range map[string]int{
		"<x/>": 400, lockinfo("exclusive/><D:shared", ""): 400, lockinfo("neither", ""): 400, strings.Replace(lockinfo("exclusive", ""), "write", "read", 2): 400,
		lockinfo("exclusive", strings.Repeat("o", 2000)): 400, "<": 400,
	} {
		w.want(t, status, "LOCK", "a", body, "Depth", "0")
	}
	w.want(t, 400, "LOCK", "a", lockinfo("exclusive", ""), "Depth", "1")
	for timeout, status := range map[string]int{"Second-x": 400, "": 200, "Second--1": 400, "Minute-1": 400} {
		r := w.want(t, status, "LOCK", "a", lockinfo("exclusive", ""), "Depth", "0", "Timeout", timeout)
		if status == 200 {
			w.want(t, 204, "UNLOCK", "a", "", "Lock-Token", r.Header.Get("Lock-Token"))
		}
	}
	if r := w.raw(t, "LOCK", "/dav/", lockinfo("exclusive", ""), "Depth", "0"); r.Status != 403 {
		t.Errorf("the top was locked: %d", r.Status)
	}
	for i := range 256 {
		w.want(t, 201, "LOCK", fmt.Sprintf("f%d", i), lockinfo("exclusive", ""), "Depth", "0")
	}
	w.want(t, 507, "LOCK", "one more", lockinfo("exclusive", ""), "Depth", "0")
}

func TestLock_Ends(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	at := time.Now()
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	w := world{edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Now = now })}
	w.want(t, 201, "PUT", "a", "x")
	w.want(t, 200, "LOCK", "a", lockinfo("exclusive", ""), "Depth", "0", "Timeout", "Second-10")
	w.want(t, 423, "PUT", "a", "y")
	mu.Lock()
	at = at.Add(10 * time.Second)
	mu.Unlock()
	w.want(t, 204, "PUT", "a", "y")
}

// TestLock_OneWinner lets many ask for the same lock at once.
func TestLock_OneWinner(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.want(t, 201, "PUT", "a", "x")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 20 {
		wg.Go(func() {
			r := w.do(t, "LOCK", "a", lockinfo("exclusive", ""), "Depth", "0")
			mu.Lock()
			defer mu.Unlock()
			got[r.Status]++
		})
	}
	wg.Wait()
	if got[200] != 1 || got[423] != 19 {
		t.Errorf("%v", got)
	}
}
