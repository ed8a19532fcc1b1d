package lockwell_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestErrors_EveryKind(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409, fault.Precondition: 412, fault.TooLarge: 413,
		fault.QuotaExceeded: 507, fault.RateLimited: 429, fault.Unimplemented: 501, fault.Unavailable: 503, fault.Timeout: 503, fault.Canceled: 499, fault.Internal: 500,
	}
	for _, kind := range fault.Kinds() {
		w.Object.SetFail("ListBuckets", fault.New(kind, "x.secret_code", "the message").Because(fmt.Errorf("/var/lib/secret.go:12")).After(1500*time.Millisecond))
		r := w.Do(t, "GET", api+"/buckets", "", nil)
		var p struct {
			Code, Message, RequestID string
			Status                   int
		}
		decode(t, r, &p)
		if r.Status != want[kind] || p.Status != r.Status || p.Code == "" || p.RequestID != r.Header.Get("X-Request-Id") || !strings.HasPrefix(p.RequestID, "req_") {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
		if strings.Contains(r.Body, "secret") || (kind == fault.Internal) == (p.Message == "the message") {
			t.Errorf("%s: %s", kind, r.Body)
		}
		if (r.Status == 429 || r.Status == 503) && r.Header.Get("Retry-After") != "2" {
			t.Errorf("%s: Retry-After %q", kind, r.Header.Get("Retry-After"))
		}
	}
	w.Object.SetFail("ListBuckets", fmt.Errorf("sql: /var/lib/x"))
	if r := w.Want(t, 500, "GET", api+"/buckets", "", nil); strings.Contains(r.Body, "sql") || r.Code() != "internal" {
		t.Error(r.Body)
	}
	w.Want(t, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	for code, k := range map[string]struct {
		err    error
		status int
	}{
		"invalid_key": {objectv1.ErrInvalidKey, 400}, "object_locked": {objectv1.ErrObjectLocked, 403}, "not_found": {objectv1.ErrDeleteMarker, 404}, "invalid_bucket_name": {objectv1.ErrInvalidBucketName, 400},
	} {
		w.Object.SetFail("StatObject", k.err)
		r := w.Want(t, k.status, "GET", api+"/buckets/box/objects/k", "", nil)
		if r.Code() != code || errors.Is(k.err, objectv1.ErrDeleteMarker) != (r.Header.Get("X-Lockwell-Delete-Marker") == "true") {
			t.Errorf("%s: %v %s", code, r.Header, r.Body)
		}
	}
}

func TestFallback_OwnShape(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, k := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", api, 404, ""}, {"GET", api + "/", 404, ""}, {"GET", api + "/nonsense", 404, ""}, {"POST", api + "/buckets/b/objects/k", 405, "DELETE, GET, HEAD, PUT"},
		{"PATCH", api + "/buckets/b", 405, "DELETE, GET, HEAD"}, {"PUT", api + "/buckets/b/objects", 405, "GET, HEAD"}, {"DELETE", api + "/buckets/b/objects", 405, "GET, HEAD"},
		{"GET", api + "/auth/token", 405, "POST"}, {"OPTIONS", api + "/buckets", 405, "GET, HEAD, POST"}, {"PUT", api + "/account/access-keys", 405, "GET, HEAD, POST"},
		{"GET", api + "/buckets/", 404, ""}, {"PUT", api + "/healthz", 405, "GET, HEAD"}, {"BREW", api + "/healthz", 405, "GET, HEAD"},
	} {
		r := w.Want(t, k.status, k.method, k.path, "", nil)
		if r.Header.Get("Content-Type") != "application/problem+json" || r.Header.Get("Allow") != k.allow || r.Header.Get("X-Request-Id") == "" || r.Code() == "" {
			t.Errorf("%s %s: %v %s", k.method, k.path, r.Header, r.Body)
		}
		if recs := w.Audit.Of(r.Header.Get("X-Request-Id")); len(recs) != 1 {
			t.Errorf("%s %s: %d records", k.method, k.path, len(recs))
		}
	}
	// lockr's prefixes answer as lockr.
	for _, p := range []string{"/files/x/y", "/upload/nothing", "/download/x/y", "/account/x"} {
		if r := w.Want(t, 404, "GET", api+p, "", nil); !strings.Contains(r.Body, `"error"`) {
			t.Errorf("%s: %s", p, r.Body)
		}
	}
	w.Want(t, 405, "GET", api+"/login", "", nil)
	w.Want(t, 404, "GET", "/nothing", "", nil)
}

func TestHostileInput(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	account := http.Header{"Authorization": {"Bearer " + w.Account}}
	for _, k := range []struct {
		method, path, body string
		header             http.Header
		status             []int
	}{
		{"POST", "/buckets", `{"name":7}`, nil, []int{400}}, {"POST", "/buckets", `{}`, nil, []int{400}}, {"POST", "/buckets", `[]`, nil, []int{400}},
		{"POST", "/buckets", `null`, nil, []int{400}}, {"POST", "/buckets", ``, nil, []int{400}}, {"POST", "/buckets", `{"name":"cut`, nil, []int{400}},
		{"POST", "/buckets", `{"name":"aaa"}{"name":"bbb"}`, nil, []int{400}}, {"POST", "/buckets", `{"name":"aaa"} x`, nil, []int{400}},
		{"POST", "/buckets", `{"name":"aaa","name":"bbb"}`, nil, []int{400}}, {"POST", "/buckets", "{\"name\":\"a\xff\"}", nil, []int{400}},
		{"POST", "/buckets", strings.Repeat("[", 100000), nil, []int{400}}, {"POST", "/buckets", `{"name":` + strings.Repeat(`{"a":`, 1000) + `1`, nil, []int{400}},
		{"POST", "/buckets", `{"name":"abc","versioning":"yes"}`, nil, []int{400}}, {"POST", "/buckets", `{"name":"abc","defaultRetention":{"mode":1}}`, nil, []int{400}},
		{"POST", "/buckets", `{"name":"abc","defaultRetention":{"mode":"GOVERNANCE","days":1}}`, nil, []int{400}},
		{"POST", "/buckets", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, nil, []int{413}},
		{"PUT", "/buckets/box/objects/a%00b", "x", nil, []int{400}}, {"PUT", "/buckets/box/objects/%ff%fe", "x", nil, []int{400}}, {"PUT", "/buckets/box/objects/", "x", nil, []int{400}},
		{"PUT", "/buckets/box/objects/" + strings.Repeat("k", 1025), "x", nil, []int{400}}, {"PUT", "/buckets/nowhere/objects/k", "x", nil, []int{404}},
		{"GET", "/buckets/box/objects/k?versionId=%00%ff", "", nil, []int{400}}, {"GET", "/buckets/box/objects/k?versionId=", "", nil, []int{400}},
		{"GET", "/buckets/box/objects/k?versionId=a&versionId=b", "", nil, []int{400}}, {"GET", "/buckets/box/objects?prefix=%zz", "", nil, []int{400}},
		{"GET", "/buckets/box/objects?prefix=%ff", "", nil, []int{400}}, {"GET", "/buckets/box/objects?maxKeys=0", "", nil, []int{400}}, {"GET", "/buckets/box/objects?maxKeys=-1", "", nil, []int{400}},
		{"GET", "/buckets/box/objects?maxKeys=1001", "", nil, []int{400}}, {"GET", "/buckets/box/objects?maxKeys=x", "", nil, []int{400}}, {"GET", "/buckets/box/objects?maxKeys=", "", nil, []int{400}},
		{"GET", "/buckets/box/objects?continuationToken=%00", "", nil, []int{400}}, {"GET", "/buckets/box/objects?prefix=" + strings.Repeat("a", 5000), "", nil, []int{400}},
		{"POST", "/auth/token", `{"accessKeyId":[],"secretKey":{}}`, nil, []int{400}}, {"POST", "/auth/token", `{}`, nil, []int{401}},
		{"POST", "/auth/token", ``, http.Header{"Authorization": {"Basic !!!"}}, []int{401}}, {"POST", "/auth/token", `{"accessKeyId":"LWAKAAAAAAAAAAAAAAZZ","secretKey":"x"}`, nil, []int{401}},
		{"POST", "/account/access-keys", `{}`, account, []int{400}}, {"POST", "/account/access-keys", `{"scopes":["fly"]}`, account, []int{400}}, {"POST", "/account/access-keys", `{"scopes":"read"}`, account, []int{400}},
		{"POST", "/account/access-keys", `{"scopes":["read"],"expiresAt":5}`, account, []int{400}}, {"POST", "/account/access-keys", `{"scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"}`, account, []int{400}},
		{"POST", "/login", `{"identifier":5,"password":"x"}`, nil, []int{400}}, {"POST", "/login", `{"identifier":"ada"}`, nil, []int{400}}, {"POST", "/login", `{"identifier":"eve","password":"wrong"}`, nil, []int{401}},
		{"POST", "/account", `{"username":"` + strings.Repeat("u", 2000) + `","email":"e","password":"p"}`, nil, []int{400}},
	} {
		r := w.Do(t, k.method, api+k.path, k.body, k.header)
		if !slices.Contains(k.status, r.Status) || r.Code() == "" {
			t.Errorf("%s %.60s %.60s: %d %s", k.method, k.path, k.body, r.Status, r.Body)
		}
		if strings.Contains(r.Body, ".go:") || strings.Contains(r.Body, "goroutine") || len(r.Body) > 1000 {
			t.Errorf("%s: the answer shows too much: %.300s", k.path, r.Body)
		}
	}
	if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 0 {
		t.Errorf("left behind: %q", keys)
	}
}
