package lockwell_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// locked gives a World with a bucket "vault" that has object lock and an object
// "k" in it, and the object's version.
func locked(t *testing.T) (w *edgetest.World, version string) {
	t.Helper()
	w = bucketed(t)
	w.Want(t, 201, "POST", api+"/buckets", `{"name":"vault","objectLock":true}`, nil)
	return w, w.Want(t, 201, "PUT", api+"/buckets/vault/objects/k", "x", nil).Header.Get("X-Lockwell-Version-Id")
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// refusals sends each body and wants 400 with the code.
func refusals(t *testing.T, w *edgetest.World, method, path, code string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if r := w.Do(t, method, path, body, nil); r.Status != 400 || r.Code() != code || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.80s: %d %s", method, path, body, r.Status, r.Body)
		}
	}
}

func inDays(n int) string {
	return time.Now().UTC().AddDate(0, 0, n).Format("2006-01-02T15:04:05.000Z")
}

func TestVersioning(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	path := api + "/buckets/box/versioning"
	if r := w.Want(t, 200, "GET", path, "", nil); strings.TrimSpace(r.Body) != `{"status":"Unversioned"}` {
		t.Error(r.Body)
	}
	for _, status := range []string{"Enabled", "Suspended", "Enabled"} {
		want := fmt.Sprintf(`{"status":%q}`, status)
		if r := w.Want(t, 200, "PUT", path, want, nil); strings.TrimSpace(r.Body) != want {
			t.Error(r.Body)
		}
		if r := w.Want(t, 200, "GET", api+"/buckets/box", "", nil); !strings.Contains(r.Body, fmt.Sprintf(`"versioning":%q`, status)) {
			t.Error(r.Body)
		}
	}
	refusals(t, w, "PUT", path, "invalid_request",
		``, `{}`, `null`, `[]`, `{"status":null}`, `{"status":1}`, `{"status":"enabled"}`, `{"status":"Unversioned"}`, `{"status":""}`,
		`{"status":"Enabled","mfaDelete":true}`, `{"status":"Enabled","status":"Suspended"}`)
	if r := w.Want(t, 409, "PUT", api+"/buckets/vault/versioning", `{"status":"Suspended"}`, nil); r.Code() != "object_lock_requires_versioning" {
		t.Error(r.Body)
	}
	_, writer := w.NewKey(t, authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete)
	w.Want(t, 200, "GET", path, "", bearer(writer))
	w.Want(t, 403, "PUT", path, `{"status":"Suspended"}`, bearer(writer))
	w.Want(t, 404, "GET", api+"/buckets/none/versioning", "", nil)
}

func TestListObjectVersions(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/versions"
	if r := w.Want(t, 200, "GET", path, "", nil); strings.TrimSpace(r.Body) != `{"versions":[],"isTruncated":false}` {
		t.Error(r.Body)
	}
	w.Want(t, 200, "PUT", api+"/buckets/box/versioning", `{"status":"Enabled"}`, nil)
	for _, key := range []string{"a", "b", "b", "c/d"} {
		w.Want(t, 201, "PUT", api+"/buckets/box/objects/"+key, key, nil)
	}
	w.Want(t, 200, "DELETE", api+"/buckets/box/objects/b", "", nil)
	type page struct {
		Versions []struct {
			Key, VersionID, ETag   string
			IsLatest, DeleteMarker bool
			Size                   int64
			LastModified           time.Time
		}
		IsTruncated                        bool
		NextKeyMarker, NextVersionIDMarker string
	}
	var got []string
	marker := ""
	for {
		var p page
		decode(t, w.Want(t, 200, "GET", path+"?maxKeys=2"+marker, "", nil), &p)
		for _, v := range p.Versions {
			got = append(got, fmt.Sprintf("%s %v %v %v", v.Key, v.IsLatest, v.DeleteMarker, v.ETag != "" && v.Size > 0))
			if v.VersionID == "" || v.LastModified.IsZero() {
				t.Errorf("%+v", v)
			}
		}
		if !p.IsTruncated {
			break
		}
		marker = "&keyMarker=" + p.NextKeyMarker + "&versionIdMarker=" + p.NextVersionIDMarker
	}
	if want := "a true false true|b true true false|b false false true|b false false true|c/d true false true"; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	var p page
	if decode(t, w.Want(t, 200, "GET", path+"?prefix=c/", "", nil), &p); len(p.Versions) != 1 {
		t.Errorf("%+v", p)
	}
	for _, q := range []string{
		"maxKeys=0", "maxKeys=1001", "maxKeys=1.5", "maxKeys=", "maxKeys=+5", "maxKeys=1&maxKeys=2", "prefix=%ff", "prefix=a&prefix=b", "keyMarker=%00", "prefix=" + strings.Repeat("p", 1025),
		"versionIdMarker=v1", "keyMarker=a&versionIdMarker=%20", "keyMarker=%zz",
	} {
		if r := w.Do(t, "GET", path+"?"+q, "", nil); r.Status != 400 || r.Code() != "invalid_request" {
			t.Errorf("%.40s: %d %s", q, r.Status, r.Body)
		}
	}
}

func TestObjectTags(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	w.Want(t, 200, "PUT", api+"/buckets/box/versioning", `{"status":"Enabled"}`, nil)
	old := w.Want(t, 201, "PUT", api+"/buckets/box/objects/a//b", "1", http.Header{"X-Lockwell-Tags": {"from=header"}}).Header.Get("X-Lockwell-Version-Id")
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/a//b", "2", nil)
	path := api + "/buckets/box/object-tags/a//b"
	same := func(r edgetest.Response, want string) {
		t.Helper()
		if strings.TrimSpace(r.Body) != want {
			t.Errorf("%s, want %s", r.Body, want)
		}
	}
	same(w.Want(t, 200, "GET", path, "", nil), `{"tags":{}}`)
	same(w.Want(t, 200, "GET", path+"?versionId="+old, "", nil), `{"tags":{"from":"header"}}`)
	same(w.Want(t, 200, "PUT", path, `{"tags":{"k":"ü 文","A":"","a":"1"}}`, nil), `{"tags":{"A":"","a":"1","k":"ü 文"}}`)
	same(w.Want(t, 200, "GET", path, "", nil), `{"tags":{"A":"","a":"1","k":"ü 文"}}`)
	if r := w.Want(t, 200, "HEAD", api+"/buckets/box/objects/a//b", "", nil); r.Header.Get("X-Lockwell-Tag-Count") != "3" {
		t.Error(r.Header)
	}
	many := func(n int) string {
		var tags []string
		for i := range n {
			tags = append(tags, fmt.Sprintf(`"k%d":"v"`, i))
		}
		return `{"tags":{` + strings.Join(tags, ",") + `}}`
	}
	w.Want(t, 200, "PUT", path, many(10), nil)
	w.Want(t, 200, "PUT", path, fmt.Sprintf(`{"tags":{%q:%q}}`, strings.Repeat("é", 128), strings.Repeat("é", 256)), nil)
	refusals(t, w, "PUT", path, "invalid_request",
		``, `{}`, `null`, `{"tags":null}`, `{"tags":[]}`, `{"tags":{"k":null}}`, `{"tags":{"k":1}}`, `{"tags":{"":"v"}}`, many(11), `{"tags":{"a":"1","a":"2"}}`,
		fmt.Sprintf(`{"tags":{%q:"v"}}`, strings.Repeat("k", 129)), fmt.Sprintf(`{"tags":{"k":%q}}`, strings.Repeat("v", 257)), `{"tags":{"k":"a\nb"}}`,
		"{\"tags\":{\"k\":\"\xff\"}}", `{"tags":{"k":"\ud800"}}`, `{"tags":{},"tag":{}}`)
	same(w.Want(t, 200, "PUT", path, `{"tags":{}}`, nil), `{"tags":{}}`)
	w.Want(t, 204, "DELETE", path+"?versionId="+old, "", nil)
	same(w.Want(t, 200, "GET", path+"?versionId="+old, "", nil), `{"tags":{}}`)
	for _, bad := range []string{"?versionId=", "?versionId=a&versionId=b", "?versionId=%00"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			w.Want(t, 400, method, path+bad, `{"tags":{}}`, nil)
		}
	}
	w.Want(t, 404, "GET", api+"/buckets/box/object-tags/none", "", nil)
	w.Want(t, 404, "GET", path+"?versionId=absent", "", nil)
	if r := w.Want(t, 400, "GET", api+"/buckets/box/object-tags/", "", nil); r.Code() != "invalid_key" {
		t.Error(r.Body)
	}
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "PUT", path, `{"tags":{}}`, bearer(reader))
	w.Want(t, 403, "DELETE", path, "", bearer(reader))
	w.Want(t, 200, "DELETE", api+"/buckets/box/objects/a//b", "", nil)
	for _, method := range []string{"GET", "DELETE"} {
		if r := w.Want(t, 404, method, path, "", nil); r.Header.Get("X-Lockwell-Delete-Marker") != "true" || r.Code() != "not_found" {
			t.Errorf("%v %s", r.Header, r.Body)
		}
	}
}

func TestObjectRetention(t *testing.T) {
	t.Parallel()
	w, version := locked(t)
	path := api + "/buckets/vault/object-retention/k"
	if r := w.Want(t, 404, "GET", path, "", nil); r.Code() != "no_retention" {
		t.Error(r.Body)
	}
	body := fmt.Sprintf(`{"mode":"GOVERNANCE","retainUntil":%q}`, inDays(2))
	for _, r := range []edgetest.Response{w.Want(t, 200, "PUT", path, body, nil), w.Want(t, 200, "GET", path+"?versionId="+version, "", nil)} {
		if strings.TrimSpace(r.Body) != body {
			t.Errorf("%s, want %s", r.Body, body)
		}
	}
	head := w.Want(t, 200, "HEAD", api+"/buckets/vault/objects/k", "", nil).Header
	if head.Get("X-Lockwell-Retention-Mode") != "GOVERNANCE" || !strings.Contains(body, head.Get("X-Lockwell-Retain-Until")) || head.Get("X-Lockwell-Legal-Hold") != "OFF" {
		t.Error(head)
	}
	if r := w.Want(t, 403, "PUT", path, fmt.Sprintf(`{"mode":"GOVERNANCE","retainUntil":%q}`, inDays(1)), nil); r.Code() != "object_locked" {
		t.Error(r.Body)
	}
	if r := w.Want(t, 403, "DELETE", api+"/buckets/vault/objects/k?versionId="+version, "", nil); r.Code() != "object_locked" {
		t.Error(r.Body)
	}
	refusals(t, w, "PUT", path, "invalid_request",
		``, `{}`, `{"mode":"GOVERNANCE"}`, fmt.Sprintf(`{"retainUntil":%q}`, inDays(3)), fmt.Sprintf(`{"mode":"governance","retainUntil":%q}`, inDays(3)),
		`{"mode":"GOVERNANCE","retainUntil":"2001-01-01T00:00:00Z"}`, fmt.Sprintf(`{"mode":"GOVERNANCE","retainUntil":%q}`, inDays(40000)),
		`{"mode":"GOVERNANCE","retainUntil":"tomorrow"}`, `{"mode":"GOVERNANCE","retainUntil":1893456000}`, `{"mode":"GOVERNANCE","retainUntil":null}`,
		fmt.Sprintf(`{"mode":"GOVERNANCE","retainUntil":%q,"bypassGovernance":true}`, inDays(3)))
	w.Want(t, 200, "PUT", path, fmt.Sprintf(`{"mode":"COMPLIANCE","retainUntil":%q}`, time.Now().Add(72*time.Hour).Format("2006-01-02T15:04:05-07:00")), nil)
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", "x", nil)
	for _, r := range []edgetest.Response{
		w.Do(t, "GET", api+"/buckets/box/object-retention/k", "", nil), w.Do(t, "PUT", api+"/buckets/box/object-retention/k", body, nil),
		w.Do(t, "GET", api+"/buckets/box/object-legal-hold/k", "", nil), w.Do(t, "PUT", api+"/buckets/box/object-legal-hold/k", `{"status":"ON"}`, nil),
	} {
		if r.Status != 400 || r.Code() != "object_lock_not_enabled" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	_, writer := w.NewKey(t, authv1.ScopeRead, authv1.ScopeWrite)
	w.Want(t, 200, "GET", path, "", bearer(writer))
	w.Want(t, 403, "PUT", path, body, bearer(writer))
}

func TestObjectLegalHold(t *testing.T) {
	t.Parallel()
	w, version := locked(t)
	path := api + "/buckets/vault/object-legal-hold/k"
	for _, status := range []string{"ON", "OFF"} {
		want := fmt.Sprintf(`{"status":%q}`, status)
		for _, r := range []edgetest.Response{w.Want(t, 200, "PUT", path+"?versionId="+version, want, nil), w.Want(t, 200, "GET", path, "", nil)} {
			if strings.TrimSpace(r.Body) != want {
				t.Error(r.Body)
			}
		}
		if got := w.Want(t, 200, "GET", api+"/buckets/vault/objects/k", "", nil).Header.Get("X-Lockwell-Legal-Hold"); got != status {
			t.Errorf("header %q", got)
		}
	}
	refusals(t, w, "PUT", path, "invalid_request", ``, `{}`, `{"status":"on"}`, `{"status":true}`, `{"status":null}`, `{"status":"ON","x":1}`)
	w.Want(t, 405, "DELETE", path, "", nil)
	w.Want(t, 405, "DELETE", api+"/buckets/vault/object-retention/k", "", nil)
	_, writer := w.NewKey(t, authv1.ScopeRead, authv1.ScopeWrite)
	w.Want(t, 403, "PUT", path, `{"status":"ON"}`, bearer(writer))
}

func TestPutObject_Locks(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	path := api + "/buckets/vault/objects/new"
	until := inDays(2)
	locks := http.Header{"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {until}, "X-Lockwell-Legal-Hold": {"ON"}}
	r := w.Want(t, 201, "PUT", path, "x", locks)
	if h := w.Want(t, 200, "HEAD", path, "", nil).Header; h.Get("X-Lockwell-Retention-Mode") != "COMPLIANCE" || h.Get("X-Lockwell-Retain-Until") != until || h.Get("X-Lockwell-Legal-Hold") != "ON" {
		t.Error(h)
	}
	w.Want(t, 403, "DELETE", path+"?versionId="+r.Header.Get("X-Lockwell-Version-Id"), "", nil)
	for _, h := range []http.Header{
		{"X-Lockwell-Retention-Mode": {"COMPLIANCE"}}, {"X-Lockwell-Retain-Until": {until}}, {"X-Lockwell-Retention-Mode": {"HARD"}, "X-Lockwell-Retain-Until": {until}},
		{"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {"soon"}}, {"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {inDays(-1)}},
		{"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {inDays(40000)}}, {"X-Lockwell-Retention-Mode": {"COMPLIANCE", "GOVERNANCE"}, "X-Lockwell-Retain-Until": {until}},
		{"X-Lockwell-Legal-Hold": {"on"}}, {"X-Lockwell-Legal-Hold": {"ON", "OFF"}}, {"X-Lockwell-Legal-Hold": {""}},
	} {
		for _, target := range []struct{ method, path string }{{"PUT", path}, {"POST", api + "/buckets/vault/multipart/new"}} {
			if r := w.Do(t, target.method, target.path, "", h); r.Status != 400 || r.Code() != "invalid_request" {
				t.Errorf("%s %v: %d %s", target.method, h, r.Status, r.Body)
			}
		}
	}
	for _, h := range []http.Header{{"X-Lockwell-Legal-Hold": {"ON"}}, {"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {until}}} {
		for _, target := range []struct{ method, path string }{{"PUT", api + "/buckets/box/objects/k"}, {"POST", api + "/buckets/box/multipart/k"}} {
			if r := w.Want(t, 400, target.method, target.path, "", h); r.Code() != "object_lock_not_enabled" {
				t.Errorf("%v: %s", h, r.Body)
			}
		}
	}
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", "x", http.Header{"X-Lockwell-Legal-Hold": {"OFF"}})
	_, writer := w.NewKey(t, authv1.ScopeWrite)
	locks.Set("Authorization", "Bearer "+writer)
	w.Want(t, 403, "PUT", path, "x", locks)
}
