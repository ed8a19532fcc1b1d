package e2e_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// inNoFile looks for a text in all that a system has written.
func inNoFile(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(text)) {
			t.Errorf("%s holds it in the clear", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func errorRules() []rule {
	return []rule{
		{says: "every error is application/problem+json of code, message, status, requestId", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine)
			for _, c := range []struct {
				method, path string
				status       int
				code         string
				headers      []string
			}{
				{"GET", "/api/v1/buckets", 401, "unauthorized", []string{"Authorization", "Bearer x"}}, {"GET", harness.BucketPath("no-such-bucket", ""), 404, "not_found", nil},
				{"GET", harness.ObjectPath(b, "nothing"), 404, "not_found", nil}, {"GET", "/api/v1/nonsense", 404, "not_found", nil}, {"PATCH", harness.BucketPath(b, ""), 405, "method_not_allowed", nil},
				{"GET", harness.ObjectPath(b, k), 412, "precondition_failed", []string{"If-Match", `"x"`}}, {"GET", harness.ObjectPath(b, k), 416, "range_not_satisfiable", []string{"Range", "bytes=99-"}},
				{"GET", harness.BucketPath(b, "/objects?maxKeys=x"), 400, "invalid_request", nil}, {"GET", harness.BucketPath(b, "/objects/%00"), 400, "invalid_key", nil},
				{"DELETE", harness.BucketPath(b, ""), 409, "bucket_not_empty", nil},
			} {
				g.c.Call(t, c.method, c.path, nil, c.headers...).Is(t, c.status, c.code)
			}
		}},
		{says: "requestId is req_ and a ULID when we make it, and X-Request-Id is the same", check: func(t *testing.T, g *ground) {
			for _, r := range []harness.Response{g.c.Call(t, "GET", "/api/v1/buckets", nil), g.c.Call(t, "GET", "/api/v1/nonsense", nil), g.c.Call(t, "GET", "/api/v1/healthz", nil)} {
				if !regexp.MustCompile(`^req_[0-9A-HJKMNP-TV-Z]{26}$`).MatchString(r.ID()) {
					t.Errorf("%q", r.ID())
				}
			}
		}},
		{says: "a client's own request id is kept when it is sane, else replaced", check: func(t *testing.T, g *ground) {
			for id, kept := range map[string]bool{"my-own.id_1:2": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "a b": false, "a\"b": false, "é": false, "<script>": false} {
				r := g.c.Call(t, "GET", harness.BucketPath("no-such-bucket", ""), nil, "X-Request-Id", id).Is(t, 404, "not_found")
				if (r.ID() == id) != kept {
					t.Errorf("%q came back as %q", id, r.ID())
				}
			}
		}},
		{says: "an error shows no internals: no paths, no stacks, no internal codes", check: func(t *testing.T, g *ground) {
			b, _ := g.key(t, "x")
			for _, r := range []harness.Response{
				g.c.Call(t, "PUT", harness.BucketPath(b, "/versioning"), `{"status":7}`), g.c.Call(t, "GET", harness.BucketPath(b, "/objects?continuationToken=zzz"), nil), g.c.Call(t, "GET", "/api/v1/buckets", nil, "Authorization", "Bearer lwtk_x.y"),
				g.c.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), `{"objects":[{"key":{}}]}`), g.c.Call(t, "PUT", harness.BucketPath(b, "/notifications"), `{"configs":[{"url":"http://nowhere.invalid/","events":["object-created"]}]}`),
			} {
				for _, bad := range []string{"goroutine", ".go:", g.w.DataDir, "object.", "auth.", "edge.", "nats", "sqlite", "json: ", "127.0.0.1"} {
					if r.Status >= 400 && strings.Contains(strings.ToLower(string(r.Body)), bad) {
						t.Errorf("%q stands in %s", bad, r.Body)
					}
				}
			}
		}},
		{says: "405 says what is allowed", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for path, allow := range map[string]string{
				"/api/v1/buckets": "GET, HEAD, POST", harness.BucketPath(b, ""): "DELETE, GET, HEAD", harness.BucketPath(b, "/versioning"): "GET, HEAD, PUT", harness.BucketPath(b, "/objects/k"): "DELETE, GET, HEAD, PUT",
				harness.BucketPath(b, "/object-retention/k"): "GET, HEAD, PUT", "/api/v1/sign-url": "POST", mintPath: "POST",
			} {
				equal(t, path, g.c.Call(t, "PATCH", path, nil).Is(t, 405, "method_not_allowed").Header.Get("Allow"), allow)
			}
		}},
		{says: "an error keeps no header of the object that does not come", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, nine, "Content-Type", "text/html", "Content-Disposition", "attachment", "Cache-Control", "max-age=99", "X-Lockwell-Meta-A", "1")
			for _, h := range [][]string{{"Range", "bytes=99-"}, {"If-Match", `"x"`}} {
				r := g.get(t, b, k, h...)
				for _, name := range []string{"ETag", "Content-Disposition", "X-Lockwell-Meta-A", "Last-Modified", "Accept-Ranges"} {
					equal(t, name, r.Header.Get(name), "")
				}
				equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "no-store")
			}
		}},
		{says: "a JSON body too large is 413 too_large", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.c.Call(t, "PUT", harness.BucketPath(b, "/notifications"), `{"configs":["`+strings.Repeat("x", 3<<20)+`"]}`).Is(t, 413, "too_large")
		}},
		{says: "too many or too long headers are 431 or cut off, and the server lives", check: func(t *testing.T, g *ground) {
			r, err := g.c.Try(t.Context(), "GET", "/api/v1/buckets", nil, http.Header{"X-Long": {strings.Repeat("h", 2<<20)}})
			if err == nil && r.Status != 431 {
				t.Errorf("%d", r.Status)
			}
			g.c.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200)
		}},
		{says: "a dependency that is away is 503 unavailable with Retry-After, and comes back", alone: true, check: func(t *testing.T, g *ground) {
			if len(g.tight.Order()) == 1 {
				t.Skip("one process has no dependency that can be away; make test-all runs it (SLUICE_TEST_FULL=1)")
			}
			c, b := g.tenant(t)
			c.Put(t, b, "k", nine, nil)
			g.tight.Kill("object")
			for _, m := range []string{"GET", "PUT", "DELETE"} {
				r := c.Call(t, m, harness.ObjectPath(b, "k"), nil).Is(t, 503, "unavailable")
				if r.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %v", m, r.Header)
				}
			}
			c.Anonymous().Call(t, "GET", "/api/v1/healthz", nil).Want(t, 200)
			if err := g.tight.StartProc(t.Context(), "object"); err != nil {
				t.Fatal(err)
			}
			if err := g.tight.WaitReady(t.Context(), 3*time.Minute); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the object", func() bool { return string(c.Get(t, b, "k", nil).Body) == nine })
		}},
		{says: "a request that is no HTTP is refused, and the server lives", check: func(t *testing.T, g *ground) {
			for _, text := range []string{"GARBAGE\r\n\r\n", "GET /api/v1/buckets HTTP/9.9\r\n\r\n", "PUT " + harness.ObjectPath("b", "k") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"} {
				raw := g.c.Dial(t)
				_, _ = raw.Write([]byte(text))
				if status := raw.CutOff(); status/100 == 2 {
					t.Errorf("%.20q: %d", text, status)
				}
			}
			g.c.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200)
		}},
	}
}

func fixedRules() []rule {
	doc := func(t *testing.T, g *ground) harness.Response {
		t.Helper()
		return g.c.Anonymous().Call(t, "GET", "/api/v1/openapi.json", nil).Want(t, 200)
	}
	return []rule{
		{says: "/healthz is 200 {\"status\":\"ok\"}", check: func(t *testing.T, g *ground) {
			equal(t, "body", strings.TrimSpace(string(g.c.Anonymous().Call(t, "GET", "/api/v1/healthz", nil).Want(t, 200).Body)), `{"status":"ok"}`)
		}},
		{says: "/openapi.json is the committed document, byte for byte, with an ETag", check: func(t *testing.T, g *ground) {
			committed, err := os.ReadFile(filepath.Join("..", "..", "contracts", "openapi", "lockwell.json"))
			if err != nil {
				t.Fatal(err)
			}
			r := doc(t, g)
			equal(t, "same bytes", bytes.Equal(r.Body, committed), true)
			etag := r.Header.Get("ETag")
			if etag == "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%v", r.Header)
			}
			g.c.Anonymous().Call(t, "GET", "/api/v1/openapi.json", nil, "If-None-Match", etag).Want(t, 304)
		}},
		{says: "it is OpenAPI 3.1 with operationIds of their own, and names every route", check: func(t *testing.T, g *ground) {
			var d struct {
				OpenAPI string
				Paths   map[string]map[string]struct{ OperationID string }
			}
			doc(t, g).JSON(t, &d)
			seen, served := map[string]bool{}, map[string]bool{}
			for _, r := range g.w.Routes(t) {
				if path, ok := strings.CutPrefix(r.Path, "/api/v1"); ok && r.Dialect == "lockwell" {
					served[strings.ToLower(r.Method)+" "+strings.ReplaceAll(path, "...}", "}")] = true
				}
			}
			for path, ops := range d.Paths {
				for method, op := range ops {
					if method == "parameters" || method == "head" {
						continue
					}
					if op.OperationID == "" || seen[op.OperationID] || !served[method+" "+path] {
						t.Errorf("%s %s: operationId %q, served %v", method, path, op.OperationID, served[method+" "+path])
					}
					seen[op.OperationID] = true
					delete(served, method+" "+path)
				}
			}
			for _, id := range []string{"putObject", "listObjects", "signURL", "setBucketNotifications"} {
				equal(t, id, seen[id], true)
			}
			if !strings.HasPrefix(d.OpenAPI, "3.1") || len(served) > 0 {
				t.Errorf("version %s, without a line: %v", d.OpenAPI, served)
			}
		}},
		{says: "its table of codes has every code of lockwell.md", check: func(t *testing.T, g *ground) {
			body := string(doc(t, g).Body)
			for _, code := range strings.Fields(`invalid_request invalid_key invalid_bucket_name bad_digest unauthorized access_denied object_locked not_found method_not_allowed bucket_exists bucket_not_empty
				precondition_failed range_not_satisfiable too_large rate_limited not_implemented quota_exceeded unavailable internal idempotency_requires_checksum idempotency_conflict idempotency_in_progress
				object_lock_not_enabled object_lock_requires_versioning no_retention invalid_part invalid_part_order part_too_small`) {
				if !strings.Contains(body, "`"+code+"`") {
					t.Errorf("%s is missing", code)
				}
			}
		}},
		{says: "/api/v1/docs is a page that asks nobody outside", check: func(t *testing.T, g *ground) {
			r := g.c.Anonymous().Call(t, "GET", "/api/v1/docs", nil).Want(t, 200)
			if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || regexp.MustCompile(`(?i)(src|href)="(https?:)?//`).Match(r.Body) {
				t.Errorf("%s %.300s", r.Header.Get("Content-Type"), r.Body)
			}
			if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src") {
				t.Errorf("Content-Security-Policy %q", csp)
			}
		}},
		{says: "versioning in a Bucket is the string of GET /versioning", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, s := range []string{"Unversioned", "Enabled", "Suspended"} {
				if s != "Unversioned" {
					suspend(t, g, b, s)
				}
				var w wireBucket
				g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Want(t, 200).JSON(t, &w)
				equal(t, "bucket", w.Versioning, s)
				equal(t, "route", status(t, g.c, b), s)
			}
		}},
		{says: "a non-loopback listener without TLS does not start unless http.allow_plain is set", check: func(t *testing.T, g *ground) {
			out, err := g.w.Refuses(t, "SLUICE_HTTP_ADDR=0.0.0.0:0")
			if err == nil || !strings.Contains(out, "allow_plain") {
				t.Errorf("%v\n%s", err, out)
			}
		}},
		{says: "times are RFC 3339 in UTC", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine).Want(t, 201)
			for _, body := range [][]byte{r.Body, g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Body, g.c.Call(t, "GET", harness.BucketPath(b, "/objects"), nil).Body} {
				if !regexp.MustCompile(`"(createdAt|lastModified)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`).Match(body) {
					t.Errorf("%s", body)
				}
			}
		}},
		{says: "what a request changed the next one sees", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for i := range 10 {
				body := strings.Repeat("x", i)
				g.put(t, b, "k", body)
				equal(t, "GET", string(g.get(t, b, "k").Body), body)
				equal(t, "listing", g.c.ListAll(t, b)["k"], int64(i))
			}
		}},
	}
}
