package lockwell_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

func TestCopyObject(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	w.Want(t, 201, "POST", api+"/buckets", `{"name":"other"}`, nil)
	src := w.Want(t, 201, "PUT", api+"/buckets/box/objects/a//src", "bytes", http.Header{
		"Content-Type": {"text/plain"}, "X-Lockwell-Meta-A": {"1"}, "X-Lockwell-Tags": {"t=1"}, "Cache-Control": {"no-cache"},
	})
	etag := src.Header.Get("Etag")
	to := api + "/buckets/other/object-copy/b//dst"
	r := w.Want(t, 201, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src"}`, nil)
	var o struct{ Bucket, Key, ETag, ContentType string }
	if decode(t, r, &o); o.Bucket != "other" || o.Key != "b//dst" || o.ETag != etag || o.ContentType != "text/plain" || r.Header.Get("Etag") != etag || r.Header.Get("Cache-Control") != "" {
		t.Errorf("%+v %v", o, r.Header)
	}
	got := w.Want(t, 200, "GET", api+"/buckets/other/objects/b//dst", "", nil)
	if got.Body != "bytes" || got.Header.Get("X-Lockwell-Meta-A") != "1" || got.Header.Get("X-Lockwell-Tag-Count") != "1" || got.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%q %v", got.Body, got.Header)
	}
	w.Want(t, 201, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src","metadataDirective":"REPLACE","contentType":"image/png","metadata":{"Camera":"K-3"}}`, nil)
	got = w.Want(t, 200, "HEAD", api+"/buckets/other/objects/b//dst", "", nil)
	if got.Header.Get("Content-Type") != "image/png" || got.Header.Get("X-Lockwell-Meta-Camera") != "K-3" || got.Header.Get("X-Lockwell-Meta-A") != "" || got.Header.Get("Cache-Control") != "" {
		t.Error(got.Header)
	}
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, k := range []struct {
		status int
		more   string
	}{
		{201, fmt.Sprintf(`"ifMatch":%q`, etag)}, {412, `"ifMatch":"\"other\""`}, {412, fmt.Sprintf(`"ifNoneMatch":%q`, etag)}, {201, `"ifNoneMatch":"\"other\""`},
		{201, fmt.Sprintf(`"ifModifiedSince":%q`, past.Format(time.RFC3339))}, {412, fmt.Sprintf(`"ifModifiedSince":%q`, future.UTC().Format(http.TimeFormat))},
		{412, fmt.Sprintf(`"ifUnmodifiedSince":%q`, past.Format(time.RFC3339))}, {201, fmt.Sprintf(`"ifUnmodifiedSince":%q`, future.Format(time.RFC3339))},
		{412, `"requireAbsent":true`}, {201, `"requireAbsent":false`}, {201, fmt.Sprintf(`"requireMatchEtag":%q`, etag)}, {412, `"requireMatchEtag":"\"other\""`},
		{404, `"sourceVersionId":"absent"`}, {201, `"sourceVersionId":null`},
	} {
		if r := w.Do(t, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src",`+k.more+`}`, nil); r.Status != k.status || r.Status == 412 && r.Code() != "precondition_failed" {
			t.Errorf("%s: %d %s", k.more, r.Status, r.Body)
		}
	}
	w.Want(t, 412, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src"}`, http.Header{"If-None-Match": {"*"}})
	w.Want(t, 404, "POST", to, `{"sourceBucket":"none","sourceKey":"a//src"}`, nil)
	w.Want(t, 404, "POST", to, `{"sourceBucket":"box","sourceKey":"a/src"}`, nil)
	w.Want(t, 404, "POST", api+"/buckets/none/object-copy/x", `{"sourceBucket":"box","sourceKey":"a//src"}`, nil)
	w.Want(t, 201, "POST", api+"/buckets/box/object-copy/a//src", `{"sourceBucket":"box","sourceKey":"a//src"}`, nil)
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src"}`, bearer(reader))
	_, writer := w.NewKey(t, authv1.ScopeWrite)
	w.Want(t, 403, "POST", to, `{"sourceBucket":"box","sourceKey":"a//src"}`, bearer(writer))
}

func TestCopyObject_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	to := api + "/buckets/box/object-copy/dst"
	src := `"sourceBucket":"box","sourceKey":"k"`
	refusals(t, w, "POST", to, "invalid_request",
		``, `{}`, `{"sourceKey":"k"}`, `{"sourceBucket":7,"sourceKey":"k"}`, `{`+src+`,"metadataDirective":"copy"}`, `{`+src+`,"contentType":"a/b"}`, `{`+src+`,"metadata":{}}`,
		`{`+src+`,"metadataDirective":"COPY","metadata":{"a":"b"}}`, `{`+src+`,"metadataDirective":"REPLACE","metadata":{"a":1}}`, `{`+src+`,"metadataDirective":"REPLACE","metadata":{"a":null}}`,
		`{`+src+`,"metadataDirective":"REPLACE","metadata":{"":"b"}}`, `{`+src+`,"metadataDirective":"REPLACE","metadata":{"a b":"c"}}`, `{`+src+`,"metadataDirective":"REPLACE","metadata":{"a":"b\r\nc: d"}}`,
		`{`+src+`,"metadataDirective":"REPLACE","metadata":{"a":"1","A":"2"}}`, `{`+src+`,"metadataDirective":"REPLACE","metadata":{"a":"`+strings.Repeat("v", 2048)+`"}}`,
		`{`+src+`,"metadataDirective":"REPLACE","contentType":"a/b\r\nX: y"}`, `{`+src+`,"ifMatch":"bare"}`, `{`+src+`,"requireMatchEtag":"\"open"}`, `{`+src+`,"ifModifiedSince":"yesterday"}`,
		`{`+src+`,"ifUnmodifiedSince":5}`, `{`+src+`,"requireAbsent":"yes"}`, `{`+src+`,"sourceVersionId":"a b"}`, `{`+src+`,"ifNonMatch":"*"}`)
	refusals(t, w, "POST", to, "invalid_key", `{"sourceBucket":"box"}`, `{"sourceBucket":"box","sourceKey":""}`, `{"sourceBucket":"box","sourceKey":"a\u0000"}`, `{"sourceBucket":"box","sourceKey":"`+strings.Repeat("k", 1025)+`"}`)
	refusals(t, w, "POST", api+"/buckets/box/object-copy/", "invalid_key", `{`+src+`}`)
	w.Want(t, 404, "POST", api+"/buckets/box/object-copy", `{`+src+`}`, nil)
}
