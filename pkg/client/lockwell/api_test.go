package lockwell_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// TestAPI_Requests: what each call sends, and what it makes of the answer.
func TestAPI_Requests(t *testing.T) {
	t.Parallel()
	m := lockwell.Multipart{Bucket: "b", Key: "a//k", UploadID: "mpu_1"}
	day := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, k := range []struct {
		want   string // method, path and query
		body   string
		answer string
		status int
		call   func(c *lockwell.Client) (any, error)
		got    string
	}{
		{"GET /buckets", "", `{"buckets":[{"name":"b","versioning":"Enabled"}]}`, 200, func(c *lockwell.Client) (any, error) { return c.ListBuckets(t.Context()) }, `"name":"b"`},
		{"POST /buckets", `{"name":"b","objectLock":true,"defaultRetention":{"mode":"GOVERNANCE","days":3}}`, `{"name":"b","objectLock":true}`, 201, func(c *lockwell.Client) (any, error) {
			return c.CreateBucket(t.Context(), lockwell.NewBucket{Name: "b", ObjectLock: true, DefaultRetention: &lockwell.DefaultRetention{Mode: lockwell.Governance, Days: 3}})
		}, `"objectLock":true`},
		{"GET /buckets/b", "", `{"name":"b","bytes":7}`, 200, func(c *lockwell.Client) (any, error) { return c.Bucket(t.Context(), "b") }, `"bytes":7`},
		{"DELETE /buckets/b", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.DeleteBucket(t.Context(), "b") }, ""},
		{"DELETE /buckets/..%00x", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.DeleteBucket(t.Context(), "../x") }, ""},
		{"GET /buckets/b/versioning", "", `{"status":"Suspended"}`, 200, func(c *lockwell.Client) (any, error) { return c.Versioning(t.Context(), "b") }, "Suspended"},
		{"PUT /buckets/b/versioning", `{"status":"Enabled"}`, `{"status":"Enabled"}`, 200, func(c *lockwell.Client) (any, error) {
			return nil, c.SetVersioning(t.Context(), "b", lockwell.Enabled)
		}, ""},
		{"GET /buckets/b/policy", "", `{"statements":[{"effect":"Deny","actions":["*"]}]}`, 200, func(c *lockwell.Client) (any, error) { return c.Policy(t.Context(), "b") }, `"Deny"`},
		{"PUT /buckets/b/policy", `{"statements":[]}`, `{"statements":[]}`, 200, func(c *lockwell.Client) (any, error) { return nil, c.SetPolicy(t.Context(), "b") }, ""},
		{"DELETE /buckets/b/policy", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.DeletePolicy(t.Context(), "b") }, ""},
		{"GET /buckets/b/notifications", "", `{"configs":[{"id":"1"}]}`, 200, func(c *lockwell.Client) (any, error) { return c.Notifications(t.Context(), "b") }, `"1"`},
		{"PUT /buckets/b/notifications", `{"configs":[{"url":"https://x","events":["object-created"]}]}`, `{"configs":[{"id":"1","hasSecret":true}]}`, 200, func(c *lockwell.Client) (any, error) {
			return c.SetNotifications(t.Context(), "b", lockwell.Notification{URL: "https://x", Events: []string{lockwell.ObjectCreated}, HasSecret: true})
		}, `"hasSecret":true`},
		{"DELETE /buckets/b/notifications", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.ClearNotifications(t.Context(), "b") }, ""},
		{"DELETE /buckets/b/objects/a%2B%20b?versionId=v", "", "", 204, func(c *lockwell.Client) (any, error) { return c.Delete(t.Context(), "b", "a+ b", "v") }, `"DeleteMarker":false`},
		{"DELETE /buckets/b/objects/k", "", `{"deleteMarker":true,"versionId":"m"}`, 200, func(c *lockwell.Client) (any, error) { return c.Delete(t.Context(), "b", "k", "") }, `"DeleteMarker":true,"VersionID":"m"`},
		{"POST /buckets/to/object-copy/k", `{"sourceBucket":"b","sourceKey":"s","sourceVersionId":"v","metadataDirective":"REPLACE","contentType":"a/b","metadata":{"x":"y"},"ifMatch":"\"e\"","ifModifiedSince":"2030-01-01T00:00:00Z","requireAbsent":true}`, `{"etag":"\"e\""}`, 201, func(c *lockwell.Client) (any, error) {
			return c.Copy(t.Context(), "b", "s", "to", "k", &lockwell.CopyOptions{SourceVersionID: "v", Replace: true, ContentType: "a/b", Metadata: map[string]string{"x": "y"}, IfMatch: `"e"`, IfModifiedSince: day, RequireAbsent: true})
		}, `\"e\"`},
		{"GET /buckets/b/object-tags/k?versionId=v", "", `{"tags":{"a":"b"}}`, 200, func(c *lockwell.Client) (any, error) { return c.Tags(t.Context(), "b", "k", "v") }, `"a":"b"`},
		{"PUT /buckets/b/object-tags/k", `{"tags":{}}`, `{"tags":{}}`, 200, func(c *lockwell.Client) (any, error) { return nil, c.SetTags(t.Context(), "b", "k", "", nil) }, ""},
		{"DELETE /buckets/b/object-tags/k", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.ClearTags(t.Context(), "b", "k", "") }, ""},
		{"GET /buckets/b/object-retention/k", "", `{"mode":"COMPLIANCE","retainUntil":"2030-01-01T00:00:00Z"}`, 200, func(c *lockwell.Client) (any, error) { return c.Retention(t.Context(), "b", "k", "") }, "COMPLIANCE"},
		{"PUT /buckets/b/object-retention/k", `{"mode":"GOVERNANCE","retainUntil":"2030-01-01T00:00:00Z"}`, `{}`, 200, func(c *lockwell.Client) (any, error) {
			return nil, c.SetRetention(t.Context(), "b", "k", "", lockwell.Retention{Mode: lockwell.Governance, Until: day})
		}, ""},
		{"GET /buckets/b/object-legal-hold/k", "", `{"status":"ON"}`, 200, func(c *lockwell.Client) (any, error) { return c.LegalHold(t.Context(), "b", "k", "") }, "true"},
		{"PUT /buckets/b/object-legal-hold/k", `{"status":"ON"}`, `{"status":"ON"}`, 200, func(c *lockwell.Client) (any, error) {
			return nil, c.SetLegalHold(t.Context(), "b", "k", "", true)
		}, ""},
		{"POST /sign-url", `{"method":"GET","bucket":"b","key":"k","ttlSeconds":60}`, `{"url":"/api/v1/signed/b/k?token=lwurl_x","method":"GET"}`, 200, func(c *lockwell.Client) (any, error) {
			return c.SignURL(t.Context(), "GET", "b", "k", time.Minute)
		}, "http://bubble/api/v1/signed/b/k"},
		{"POST /buckets/b/multipart/a/%2Fk", "", `{"uploadId":"mpu_1"}`, 201, func(c *lockwell.Client) (any, error) {
			return c.CreateMultipart(t.Context(), "b", "a//k", lockwell.Attributes{})
		}, "mpu_1"},
		{"PUT /buckets/b/multipart/mpu_1/parts/7/a/%2Fk", "data", `{"partNumber":7,"etag":"\"e\"","size":4}`, 200, func(c *lockwell.Client) (any, error) {
			return c.PutPart(t.Context(), m, 7, strings.NewReader("data"), nil)
		}, `"partNumber":7`},
		{"POST /buckets/b/multipart/mpu_1/complete/a/%2Fk", `{"parts":[{"partNumber":7,"etag":"\"e\""}]}`, `{"etag":"\"x-1\""}`, 200, func(c *lockwell.Client) (any, error) {
			return c.CompleteMultipart(t.Context(), m, []lockwell.Part{{Number: 7, ETag: `"e"`, Size: 4}}, lockwell.Conditions{IfAbsent: true})
		}, "x-1"},
		{"DELETE /buckets/b/multipart/mpu_1/a/%2Fk", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.AbortMultipart(t.Context(), m) }, ""},
		{"GET /account/access-keys", "", `{"accessKeys":[{"accessKeyId":"LWAK1"}]}`, 200, func(c *lockwell.Client) (any, error) { return c.AccessKeys(t.Context()) }, "LWAK1"},
		{"POST /account/access-keys", `{"scopes":["read","delete"],"prefixes":["in/"]}`, `{"accessKeyId":"LWAK1","secretKey":"s"}`, 201, func(c *lockwell.Client) (any, error) {
			return c.CreateAccessKey(t.Context(), lockwell.NewAccessKey{Scopes: []lockwell.Scope{lockwell.Read, lockwell.Remove}, Prefixes: []string{"in/"}})
		}, `"secretKey":"s"`},
		{"DELETE /account/access-keys/LWAK1", "", "", 204, func(c *lockwell.Client) (any, error) { return nil, c.RevokeAccessKey(t.Context(), "LWAK1") }, ""},
	} {
		var sent, body string
		c := inBubble(t, lockwell.Config{}, func(r *http.Request) (*http.Response, error) {
			sent = r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
			if r.Body != nil {
				b, _ := io.ReadAll(r.Body)
				body = string(b)
			}
			return answer(k.status, k.answer), nil
		})
		out, err := k.call(c)
		got, _ := json.Marshal(out)
		if err != nil || sent != k.want || body != k.body || !strings.Contains(string(got), k.got) {
			t.Errorf("%s: sent %s %s, got %s, %v", k.want, sent, body, got, err)
		}
	}
}

func TestBatchDelete_Cuts(t *testing.T) {
	t.Parallel()
	var sizes []int
	c := inBubble(t, lockwell.Config{}, func(r *http.Request) (*http.Response, error) {
		var in struct{ Objects []lockwell.ObjectID }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, len(in.Objects))
		results := make([]map[string]any, len(in.Objects))
		for i, o := range in.Objects {
			results[i] = map[string]any{"key": o.Key, "deleted": true}
			if o.Key == "k1500" {
				results[i] = map[string]any{"key": o.Key, "error": map[string]string{"code": "object_locked", "message": "held"}}
			}
		}
		b, _ := json.Marshal(map[string]any{"results": results})
		return answer(200, string(b)), nil
	})
	objects := make([]lockwell.ObjectID, 2500)
	for i := range objects {
		objects[i].Key = fmt.Sprintf("k%d", i)
	}
	results, err := c.BatchDelete(t.Context(), "b", objects)
	if err != nil || fmt.Sprint(sizes) != "[1000 1000 500]" || len(results) != 2500 {
		t.Fatalf("%v %v %d", err, sizes, len(results))
	}
	for i, r := range results {
		if r.Key != objects[i].Key || (r.Err != nil) != (i == 1500) {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if !errors.Is(results[1500].Err, lockwell.ErrObjectLocked) {
		t.Error(results[1500].Err)
	}
	short := inBubble(t, lockwell.Config{}, func(*http.Request) (*http.Response, error) { return answer(200, `{"results":[]}`), nil })
	if _, err := short.BatchDelete(t.Context(), "b", objects[:1]); !errors.Is(err, lockwell.ErrUnexpectedAnswer) {
		t.Error(err)
	}
}

func TestList_Pages(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"":   `{"objects":[{"key":"a"},{"key":"c","size":3}],"commonPrefixes":["b/","d/"],"isTruncated":true,"nextContinuationToken":"t1"}`,
		"t1": `{"objects":[],"commonPrefixes":[],"isTruncated":true,"nextContinuationToken":"t2"}`,
		"t2": `{"objects":[{"key":"e","legalHold":true,"checksums":{"crc32":"AQIDBA=="}}]}`,
	}
	var asked []url.Values
	c := inBubble(t, lockwell.Config{}, func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Query())
		return answer(200, pages[r.URL.Query().Get("continuationToken")]), nil
	})
	var got []string
	for e, err := range c.List(t.Context(), "b", lockwell.ListOptions{Prefix: "p&", Delimiter: "/", PageSize: 5000, Full: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Key, e.IsPrefix, e.LegalHold))
	}
	if s := strings.Join(got, " "); s != "afalse false b/true false cfalse false d/true false efalse true" {
		t.Error(s)
	}
	if q := asked[2]; len(asked) != 3 || q.Get("prefix") != "p&" || q.Get("maxKeys") != "1000" || q.Get("fields") != "full" {
		t.Errorf("%v", asked)
	}
	asked = nil
	for range c.List(t.Context(), "b", lockwell.ListOptions{}) {
		break
	}
	if len(asked) != 1 {
		t.Errorf("a list that nobody reads on was asked for %d times", len(asked))
	}
	pages["t1"] = `{"isTruncated":true}`
	var last error
	for _, last = range c.List(t.Context(), "b", lockwell.ListOptions{}) {
	}
	if !errors.Is(last, lockwell.ErrUnexpectedAnswer) {
		t.Errorf("a list without an end: %v", last)
	}
}

func TestListVersionsAndUploads_Pages(t *testing.T) {
	t.Parallel()
	c := inBubble(t, lockwell.Config{}, func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		switch {
		case strings.HasSuffix(r.URL.Path, "/versions") && q.Get("keyMarker") == "":
			return answer(200, `{"versions":[{"key":"a","versionId":"2","isLatest":true,"deleteMarker":true}],"isTruncated":true,"nextKeyMarker":"a","nextVersionIdMarker":"2"}`), nil
		case strings.HasSuffix(r.URL.Path, "/versions"):
			return answer(200, `{"versions":[{"key":"a","versionId":"1","size":5}]}`), nil
		case q.Get("keyMarker") == "":
			return answer(200, `{"uploads":[{"key":"k","uploadId":"mpu_1"}],"isTruncated":true,"nextKeyMarker":"k","nextUploadIdMarker":"mpu_1"}`), nil
		}
		return answer(200, `{"uploads":[{"key":"l","uploadId":"mpu_2"}]}`), nil
	})
	var got string
	for v, err := range c.ListVersions(t.Context(), "b", "") {
		got += fmt.Sprint(v.VersionID, v.DeleteMarker, err, " ")
	}
	for u, err := range c.ListMultipart(t.Context(), "b", "") {
		got += fmt.Sprint(u.Bucket, u.UploadID, err, " ")
	}
	if got != "2true <nil> 1false <nil> bmpu_1<nil> bmpu_2<nil> " {
		t.Error(got)
	}
}

// awkward are keys that somebody on the way might change.
func awkward() []string {
	return []string{
		"k", "a b", "a+b", "100%", "%2F", "a%00b", ".", "..", "../x", "a/../b", "a/./b", "a//b", "//", "/", "/a", "a/", "///a//", "?a=b", "#frag", "a;b", "a:b",
		"ключ/鍵/🗝", "~tilde*'()!$&,=@", `back\slash`, "a\tb\nc", "mpu_01/parts", strings.Repeat("a", 1024),
	}
}

func TestEscapeKey_Exact(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a b/c": "a%20b/c", "a+b": "a%2Bb", "100%": "100%25", "a//b": "a/%2Fb", "/a": "%2Fa", "a/": "a/", ".": "%2E", "../x": "%2E%2E/x", "//": "%2F%2F", "é": "%C3%A9",
	} {
		if got := lockwell.EscapeKey(key); got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
	f, c := newFake(t)
	for _, key := range awkward() {
		if _, err := c.Put(t.Context(), "b", key, strings.NewReader(key), nil); err != nil || string(f.objects[key]) != key {
			t.Errorf("%q: %v", key, err)
		}
		r, err := c.Get(t.Context(), "b", key, nil)
		if got, err := read(t, r, err); err != nil || string(got) != key {
			t.Errorf("%q: %q %v", key, got, err)
		}
	}
}

func TestCombineCRC64_LikeTheWhole(t *testing.T) {
	t.Parallel()
	data := random(100_000)
	for _, cut := range []int{0, 1, 7, 4096, 99_999, 100_000} {
		if got := lockwell.CombineCRC64(crcOf(data[:cut]), crcOf(data[cut:]), int64(len(data)-cut)); got != crcOf(data) {
			t.Errorf("cut at %d", cut)
		}
	}
	// The check value of CRC-64/NVME.
	if got := crcOf([]byte("123456789")); got != 0xae8b14860a799888 {
		t.Errorf("%x", got)
	}
}

func FuzzEscapeKey(f *testing.F) {
	for _, k := range awkward() {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got := lockwell.EscapeKey(key)
		back, err := url.PathUnescape(got)
		if err != nil || back != key {
			t.Fatalf("%q became %q", key, got)
		}
		for s := range strings.SplitSeq(got, "/") {
			if s == "." || s == ".." {
				t.Fatalf("%q has the segment %s", got, s)
			}
		}
		if strings.Contains(got, "//") || strings.HasPrefix(got, "/") || strings.ContainsAny(got, "?# ") {
			t.Fatalf("%q is no clean path", got)
		}
	})
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-5/6", "bytes */10", "bytes 9-0/10", "", "bytes -1-2/3", "bytes 0-9223372036854775807/9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		offset, length, size, err := lockwell.ParseContentRange(s)
		if err == nil && (offset < 0 || length < 1 || length > size-offset) {
			t.Fatalf("%q: %d %d %d", s, offset, length, size)
		}
	})
}
