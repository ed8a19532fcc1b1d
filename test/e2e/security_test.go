package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// eventually waits until ok holds, for as long as a busy machine may need.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// hostile sends what no client should: each gets a clear error of the dialect,
// and nothing of it is visible afterwards.
func hostile(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "hostile")
	big := strings.Repeat("x", 10<<20)
	bearer := http.Header{"Authorization": {"Bearer " + c.Account}}
	for _, k := range []struct {
		name, method, path string
		body               any
		header             http.Header
		status             []int
	}{
		{"bucket name of the wrong type", "POST", "/api/v1/buckets", `{"name":7}`, nil, []int{400}},
		{"bucket name missing", "POST", "/api/v1/buckets", `{}`, nil, []int{400}},
		{"bucket name with capitals", "POST", "/api/v1/buckets", `{"name":"Nope"}`, nil, []int{400}},
		{"bucket name like an address", "POST", "/api/v1/buckets", `{"name":"10.0.0.1"}`, nil, []int{400}},
		{"bucket name too long", "POST", "/api/v1/buckets", `{"name":"` + strings.Repeat("a", 64) + `"}`, nil, []int{400}},
		{"bucket JSON cut off", "POST", "/api/v1/buckets", `{"name":"cut`, nil, []int{400}},
		{"bucket JSON is an array", "POST", "/api/v1/buckets", `[]`, nil, []int{400}},
		{"bucket JSON is empty", "POST", "/api/v1/buckets", ``, nil, []int{400}},
		{"bucket JSON with more behind it", "POST", "/api/v1/buckets", `{"name":"aaa"}{"name":"bbb"}`, nil, []int{400}},
		{"bucket JSON not UTF-8", "POST", "/api/v1/buckets", "{\"name\":\"a\xff\xfeb\"}", nil, []int{400}},
		{"bucket JSON of 10 MiB", "POST", "/api/v1/buckets", `{"name":"` + big + `"}`, nil, []int{400, 413}},
		{"bucket JSON deep", "POST", "/api/v1/buckets", strings.Repeat("[", 100000), nil, []int{400}},
		{"versioning of the wrong type", "POST", "/api/v1/buckets", `{"name":"abc","versioning":"yes"}`, nil, []int{400}},
		{"region unknown", "POST", "/api/v1/buckets", `{"name":"abc","region":"atlantis"}`, nil, []int{400}},
		{"key of 1025 bytes", "PUT", harness.ObjectPath("hostile", strings.Repeat("k", 1025)), "x", nil, []int{400}},
		{"key with NUL", "PUT", "/api/v1/buckets/hostile/objects/a%00b", "x", nil, []int{400}},
		{"key not UTF-8", "PUT", "/api/v1/buckets/hostile/objects/%ff%fe", "x", nil, []int{400}},
		{"key empty", "PUT", "/api/v1/buckets/hostile/objects/", "x", nil, []int{400}},
		{"no key", "PUT", "/api/v1/buckets/hostile/objects", "x", nil, []int{405}},
		{"DELETE without key", "DELETE", "/api/v1/buckets/hostile/objects", nil, nil, []int{405}},
		{"unknown bucket", "PUT", harness.ObjectPath("nowhere", "k"), "x", nil, []int{404}},
		{"unknown route", "GET", "/api/v1/nonsense", nil, nil, []int{404}},
		{"wrong method", "PATCH", "/api/v1/buckets/hostile", nil, nil, []int{405}},
		{"versionId nonsense", "GET", harness.ObjectPath("hostile", "k") + "?versionId=%00%ff", nil, nil, []int{400, 404}},
		{"metadata too large", "PUT", harness.ObjectPath("hostile", "k"), "x", http.Header{"X-Lockwell-Meta-A": {strings.Repeat("m", 3000)}}, []int{400}},
		{"headers too large", "GET", "/api/v1/buckets", nil, http.Header{"X-Long": {strings.Repeat("h", 2<<20)}}, []int{431}},
		{"notification url missing", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"events":["object-created"]}]}`, nil, []int{400}},
		{"notification event unknown", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"url":"https://example.com/","events":["object-eaten"]}]}`, nil, []int{400}},
		{"notification scheme", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"url":"file:///etc/passwd","events":["object-created"]}]}`, nil, []int{400}},
		{"notification to metadata address", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"url":"http://169.254.169.254/latest","events":["object-created"]}]}`, nil, []int{400}},
		{"notification to a private address", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"url":"http://10.1.2.3/","events":["object-created"]}]}`, nil, []int{400}},
		{"notification to sqs", "PUT", "/api/v1/buckets/hostile/notifications", `{"configs":[{"target":"sqs","url":"arn:aws:sqs:us-east-1:1:q","events":["object-created"]}]}`, nil, []int{501}},
		{"token: no credentials", "POST", "/api/v1/auth/token", `{}`, http.Header{"Authorization": {""}}, []int{400, 401}},
		{"token: unknown key", "POST", "/api/v1/auth/token", `{"accessKeyId":"LWAKAAAAAAAAAAAAAAAA","secretKey":"x"}`, http.Header{}, []int{401}},
		{"token: wrong types", "POST", "/api/v1/auth/token", `{"accessKeyId":[],"secretKey":{}}`, http.Header{}, []int{400}},
		{"token: bad basic", "POST", "/api/v1/auth/token", nil, http.Header{"Authorization": {"Basic !!!"}}, []int{400, 401}},
		{"account: weak password", "POST", "/api/v1/account", `{"username":"weak","email":"w@example.test","password":"x"}`, nil, []int{400}},
		{"account: digits", "POST", "/api/v1/account", `{"username":"12345","email":"d@example.test","password":"long enough pass"}`, nil, []int{400}},
		{"account: admin for the asking", "POST", "/api/v1/account", `{"username":"Root!","email":"r@example.test","password":"long enough pass","admin":true}`, nil, []int{400}},
		{"key: scopes missing", "POST", "/api/v1/account/access-keys", `{}`, bearer, []int{400}},
		{"key: scope unknown", "POST", "/api/v1/account/access-keys", `{"scopes":["fly"]}`, bearer, []int{400}},
		{"key: expired before it is made", "POST", "/api/v1/account/access-keys", `{"scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"}`, bearer, []int{400}},
		{"key: expiry of the wrong type", "POST", "/api/v1/account/access-keys", `{"scopes":["read"],"expiresAt":5}`, bearer, []int{400}},
	} {
		r, err := c.Try(t.Context(), k.method, k.path, k.body, k.header)
		if err != nil {
			// A server may close the connection on a body that it will not read.
			if k.body != nil && len(fmt.Sprint(k.body)) > 1<<20 {
				continue
			}
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		ok := false
		for _, s := range k.status {
			ok = ok || r.Status == s
		}
		if !ok {
			t.Errorf("%s: %d, want %v: %.200s", k.name, r.Status, k.status, r.Body)
		}
		if r.Status != http.StatusRequestHeaderFieldsTooLarge && k.method != "HEAD" {
			if r.Code() == "" {
				t.Errorf("%s: no code in %.200s", k.name, r.Body)
			}
			if strings.Contains(string(r.Body), "goroutine") || strings.Contains(string(r.Body), ".go:") || strings.Contains(string(r.Body), w.DataDir) {
				t.Errorf("%s: the answer shows internals: %s", k.name, r.Body)
			}
		}
	}
	tokens(t, c)
	truncated(t, c)
	if all := c.ListAll(t, "hostile"); len(all) != 0 {
		t.Errorf("hostile input left objects: %v", all)
	}
}

// tokens alters, truncates and swaps tokens; none of them holds.
func tokens(t *testing.T, c *harness.Client) {
	t.Helper()
	payload, mac, _ := strings.Cut(strings.TrimPrefix(c.Token, "lwtk_"), ".")
	flipped := []byte(payload)
	flipped[len(flipped)/2] ^= 1
	for _, tok := range []string{
		"", "lwtk_", "lwtk_.", "lwtk_" + payload, "lwtk_" + payload + ".", "lwtk_" + string(flipped) + "." + mac, "lwtk_" + payload + "." + mac[:len(mac)-2],
		"lwtk_" + payload + "=." + mac, c.Token + "A", strings.ToUpper(c.Token), "lwurl_" + payload + "." + mac, c.Secret, c.KeyID, strings.Repeat("a", 100000),
	} {
		r, err := c.Try(t.Context(), http.MethodGet, "/api/v1/buckets", nil, http.Header{"Authorization": {"Bearer " + tok}})
		if err != nil || r.Status != http.StatusUnauthorized {
			t.Errorf("token %.30q: %d %v", tok, r.Status, err)
		}
	}
}

// truncated sends bodies that end early; nothing of them becomes visible.
func truncated(t *testing.T, c *harness.Client) {
	t.Helper()
	for _, send := range []int{0, 10, 1 << 20, 9 << 20} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", harness.ObjectPath("hostile", "cut"), c.Token, 16<<20)
		_, _ = conn.Write(make([]byte, send))
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if strings.Contains(line, " 2") {
			t.Errorf("a body cut at %d was answered %q", send, line)
		}
		conn.Close()
	}
}

// tenants: what belongs to another account is not there.
func tenants(t *testing.T, w *harness.World) {
	a, b := account(t, w), account(t, w)
	a.Bucket(t, "same-name")
	b.Bucket(t, "same-name")
	a.Bucket(t, "only-a")
	a.Put(t, "same-name", "k", "of a", nil)
	b.Get(t, "same-name", "k", nil).Want(t, http.StatusNotFound)
	for _, r := range []harness.Response{
		b.Do(t, http.MethodGet, "/api/v1/buckets/only-a", nil, nil), b.Do(t, http.MethodDelete, "/api/v1/buckets/only-a", nil, nil),
		b.Do(t, http.MethodGet, "/api/v1/buckets/only-a/objects", nil, nil), b.Do(t, http.MethodPut, harness.ObjectPath("only-a", "k"), "x", nil),
		b.Do(t, http.MethodGet, "/api/v1/buckets/only-a/notifications", nil, nil), b.Do(t, http.MethodDelete, harness.ObjectPath("only-a", "k"), nil, nil),
	} {
		if r.Want(t, http.StatusNotFound).Code() != "not_found" {
			t.Errorf("code %s", r.Code())
		}
	}
	r := b.Do(t, http.MethodDelete, "/api/v1/account/access-keys/"+a.KeyID, nil, http.Header{"Authorization": {"Bearer " + b.Account}})
	r.Want(t, http.StatusNotFound)
	a.Get(t, "same-name", "k", nil).Want(t, http.StatusOK)
}

// revocation is known within a second, on a token that was good before.
func revocation(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Do(t, http.MethodGet, "/api/v1/buckets", nil, nil).Want(t, http.StatusOK)
	c.Do(t, http.MethodDelete, "/api/v1/account/access-keys/"+c.KeyID, nil, http.Header{"Authorization": {"Bearer " + c.Account}}).Want(t, http.StatusNoContent)
	revoked := time.Now()
	eventually(t, "the token is refused", func() bool {
		return c.Do(t, http.MethodGet, "/api/v1/buckets", nil, nil).Status == http.StatusUnauthorized
	})
	if d := time.Since(revoked); d > time.Second {
		t.Errorf("the token held for %v after its key was revoked", d)
	}
	c.Do(t, http.MethodPost, "/api/v1/auth/token", map[string]string{"accessKeyId": c.KeyID, "secretKey": c.Secret}, http.Header{}).Want(t, http.StatusUnauthorized)
}

func scopes(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "scoped")
	c.Bucket(t, "other")
	c.Put(t, "scoped", "in/k", "x", nil)
	c.Put(t, "scoped", "out/k", "x", nil)
	limited := func(body map[string]any) *harness.Client {
		l := *c
		l.KeyID, l.Secret = c.NewKey(t, body)
		l.Mint(t)
		return &l
	}
	reader := limited(map[string]any{"scopes": []string{"read"}, "buckets": []string{"scoped"}, "prefixes": []string{"in/"}})
	reader.Get(t, "scoped", "in/k", nil).Want(t, http.StatusOK)
	for _, r := range []harness.Response{
		reader.Get(t, "scoped", "out/k", nil), reader.Get(t, "other", "in/k", nil), reader.Do(t, http.MethodPut, harness.ObjectPath("scoped", "in/new"), "x", nil),
		reader.Do(t, http.MethodDelete, harness.ObjectPath("scoped", "in/k"), nil, nil), reader.Do(t, http.MethodPost, "/api/v1/buckets", map[string]string{"name": "made"}, nil),
		reader.Do(t, http.MethodGet, "/api/v1/buckets/scoped/objects", nil, nil),
	} {
		if r.Want(t, http.StatusForbidden).Code() != "access_denied" {
			t.Errorf("code %s", r.Code())
		}
	}
	if l := reader.List(t, "scoped", "prefix=in/"); len(l.Objects) != 1 {
		t.Errorf("%+v", l)
	}
	writer := limited(map[string]any{"scopes": []string{"write"}})
	writer.Put(t, "scoped", "in/new", "x", nil)
	writer.Get(t, "scoped", "in/new", nil).Want(t, http.StatusForbidden)
}

// auditTrail: a denial and a change each leave one record with their request's id.
func auditTrail(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "audited")
	put := c.Put(t, "audited", "k", "x", nil).Header.Get("X-Request-Id")
	denied := c.Do(t, http.MethodGet, "/api/v1/buckets", nil, http.Header{"Authorization": {"Bearer nonsense"}, "X-Request-Id": {"my-own-id-1"}}).Want(t, http.StatusUnauthorized).Header.Get("X-Request-Id")
	if denied != "my-own-id-1" {
		t.Errorf("the request's own id came back as %q", denied)
	}
	eventually(t, "both records", func() bool {
		out, err := w.CLI(t.Context(), "", "audit", "query", "--json", "--limit", "1000")
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		sc := bufio.NewScanner(bytes.NewReader([]byte(out)))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var r struct {
				RequestID, Action, Result string
			}
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				t.Fatalf("%s: %v", sc.Bytes(), err)
			}
			count[r.RequestID+" "+r.Action+" "+r.Result]++
		}
		if strings.Contains(out, c.Secret) || strings.Contains(out, c.Token) {
			t.Fatal("a secret stands in the audit trail")
		}
		return count[put+" PutObject ok"] == 1 && count[denied+" ListBuckets denied"] == 1
	})
}
