package lockwell_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// begin opens a multipart upload of an escaped key in bucket "box".
func begin(t *testing.T, w *edgetest.World, key string, h http.Header) (id string) {
	t.Helper()
	var m struct{ UploadID, Bucket, Key string }
	decode(t, w.Want(t, 201, "POST", api+"/buckets/box/multipart/"+key, "", h), &m)
	if want, err := url.PathUnescape(key); err != nil || m.Key != want || m.Bucket != "box" || len(m.UploadID) != 30 {
		t.Fatalf("%+v", m)
	}
	return m.UploadID
}

func TestMultipart_Tour(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	const key = "a//b/../c"
	id := begin(t, w, key, http.Header{"Content-Type": {"video/mp4"}, "X-Lockwell-Meta-A": {"1"}, "X-Lockwell-Tags": {"t=1"}})
	upload := api + "/buckets/box/multipart/" + id
	etags := map[int]string{}
	for _, n := range []int{10000, 1, 2, 1} {
		r := w.Want(t, 200, "PUT", fmt.Sprintf("%s/parts/%d/%s", upload, n, key), fmt.Sprintf("part %d;", n), nil)
		var p struct {
			PartNumber int
			ETag       string
			Size       int64
		}
		if decode(t, r, &p); p.PartNumber != n || p.Size != int64(len(fmt.Sprintf("part %d;", n))) || r.Header.Get("Etag") != p.ETag || r.Header.Get("X-Lockwell-Checksum-Sha256") == "" {
			t.Errorf("%+v %v", p, r.Header)
		}
		etags[n] = p.ETag
	}
	var l struct {
		Parts []struct {
			PartNumber int
			ETag       string
			Size       int64
			Checksums  map[string]string
		}
		IsTruncated          bool
		NextPartNumberMarker int
	}
	decode(t, w.Want(t, 200, "GET", upload+"/parts/"+key+"?maxParts=2", "", nil), &l)
	if len(l.Parts) != 2 || !l.IsTruncated || l.NextPartNumberMarker != 2 || l.Parts[0].ETag != etags[1] || l.Parts[0].Checksums["sha256"] == "" {
		t.Errorf("%+v", l)
	}
	decode(t, w.Want(t, 200, "GET", upload+"/parts/"+key+"?partNumberMarker=2", "", nil), &l)
	if len(l.Parts) != 1 || l.IsTruncated || l.Parts[0].PartNumber != 10000 {
		t.Errorf("%+v", l)
	}
	w.Want(t, 404, "GET", api+"/buckets/box/objects/"+key, "", nil)
	body := fmt.Sprintf(`{"parts":[{"partNumber":1,"etag":%q},{"partNumber":10000,"etag":%q}]}`, etags[1], etags[10000])
	w.Want(t, 412, "POST", upload+"/complete/"+key, body, http.Header{"If-Match": {`"x"`}})
	first := w.Want(t, 200, "POST", upload+"/complete/"+key, body, http.Header{"If-None-Match": {"*"}})
	var o struct {
		Key, ETag, ContentType string
		Size                   int64
		ChecksumType           map[string]string
	}
	decode(t, first, &o)
	if o.Key != key || o.Size != 18 || o.ContentType != "video/mp4" || !strings.HasSuffix(o.ETag, `-2"`) || o.ChecksumType["sha256"] != "COMPOSITE" || o.ChecksumType["crc64nvme"] != "FULL_OBJECT" {
		t.Errorf("%+v", o)
	}
	get := w.Want(t, 200, "GET", api+"/buckets/box/objects/"+key, "", nil)
	if get.Body != "part 1;part 10000;" || get.Header.Get("X-Lockwell-Checksum-Type") != "crc64nvme=FULL_OBJECT, sha256=COMPOSITE" || get.Header.Get("X-Lockwell-Meta-A") != "1" {
		t.Errorf("%q %v", get.Body, get.Header)
	}
	if r := w.Want(t, 206, "GET", api+"/buckets/box/objects/"+key, "", http.Header{"Range": {"bytes=5-8"}}); r.Body != "1;pa" {
		t.Errorf("%q", r.Body)
	}
	if again := w.Want(t, 200, "POST", upload+"/complete/"+key, body, nil); again.Body != first.Body {
		t.Errorf("%s, then %s", first.Body, again.Body)
	}
	w.Want(t, 404, "POST", upload+"/complete/"+key, fmt.Sprintf(`{"parts":[{"partNumber":1,"etag":%q}]}`, etags[1]), nil)
	w.Want(t, 404, "DELETE", upload+"/"+key, "", nil)
}

func TestMultipart_Complete(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	id := begin(t, w, "k", nil)
	upload := api + "/buckets/box/multipart/" + id
	etag := map[int]string{}
	for n, body := range map[int]string{1: strings.Repeat("x", edgetest.MinPart), 2: "s", 3: "end"} {
		etag[n] = w.Want(t, 200, "PUT", fmt.Sprintf("%s/parts/%d/k", upload, n), body, nil).Header.Get("Etag")
	}
	part := func(n int, e string) string { return fmt.Sprintf(`{"partNumber":%d,"etag":%q}`, n, e) }
	list := func(parts ...string) string { return `{"parts":[` + strings.Join(parts, ",") + `]}` }
	path := upload + "/complete/k"
	refusals(t, w, "POST", path, "invalid_part", `{}`, `{"parts":null}`, `{"parts":[]}`, list(`{}`), list(part(0, `"x"`)), list(part(10001, `"x"`)), list(part(1, "bare")), list(part(1, "")), list(part(-1, "x")),
		list(part(1, `"wrong"`)), list(part(1, etag[2])), list(part(9, etag[1])), list(part(1, `"`+strings.Repeat("e", 41)+`"`)), list(`{"partNumber":1}`), list(slices.Repeat([]string{part(1, "x")}, 10001)...))
	refusals(t, w, "POST", path, "invalid_part_order", list(part(3, etag[3]), part(1, etag[1])), list(part(1, etag[1]), part(1, etag[1])))
	refusals(t, w, "POST", path, "part_too_small", list(part(2, etag[2]), part(3, etag[3])))
	refusals(t, w, "POST", path, "invalid_request", ``, `null`, `[]`, `{"parts":{}}`, list(`null`), list(`{"partNumber":"1","etag":"x"}`), list(`{"partNumber":1.5,"etag":"x"}`), list(`{"partNumber":1,"etag":5}`),
		list(part(1, etag[1]))+"x", list(`{"partNumber":1,"etag":"x","ETag2":"y"}`), `{"parts":[`)
	if r := w.Do(t, "POST", path, list(part(1, strings.Repeat("e", 5<<20))), nil); r.Status != 413 {
		t.Errorf("%d", r.Status)
	}
	w.Want(t, 400, "POST", path, list(part(1, etag[1])), http.Header{"If-None-Match": {`"x"`}})
	w.Want(t, 200, "POST", path, list(part(1, etag[1]), part(2, etag[2])), nil)
}

func TestMultipart_Parts(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	id := begin(t, w, "k", nil)
	upload := api + "/buckets/box/multipart/" + id
	for _, n := range []string{"0", "10001", "-1", "+1", "01", "1.0", "x", "99999999999999999999", "%31%00"} {
		if r := w.Do(t, "PUT", upload+"/parts/"+n+"/k", "x", nil); r.Status != 400 || r.Code() != "invalid_request" {
			t.Errorf("part %s: %d %s", n, r.Status, r.Body)
		}
	}
	if r := w.Want(t, 400, "PUT", upload+"/parts/1/k", "12345678X", http.Header{"X-Lockwell-Checksum-Crc32": {"y/Q5Jg=="}}); r.Code() != "bad_digest" {
		t.Error(r.Body)
	}
	sum := base64.StdEncoding.EncodeToString(make([]byte, 16))
	w.Want(t, 400, "PUT", upload+"/parts/1/k", "x", http.Header{"Content-Md5": {sum}})
	w.Want(t, 400, "PUT", upload+"/parts/1/k", "x", http.Header{"X-Lockwell-Checksum-Crc65": {"AAAA"}})
	if r := w.Want(t, 200, "PUT", upload+"/parts/1/k", "123456789", http.Header{"X-Lockwell-Checksum-Crc32": {"y/Q5Jg=="}}); r.Header.Get("X-Lockwell-Checksum-Crc32") != "y/Q5Jg==" {
		t.Error(r.Header)
	}
	for _, q := range []string{"partNumberMarker=-1", "partNumberMarker=10001", "partNumberMarker=", "maxParts=0", "maxParts=1001", "maxParts=x", "maxParts=1&maxParts=2"} {
		w.Want(t, 400, "GET", upload+"/parts/k?"+q, "", nil)
	}
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "PUT", upload+"/parts/1/k", "x", bearer(reader))
	w.Object.SetFail("BeginPart", fault.New(fault.NotFound, "object.upload_gone", "the upload expired or was aborted"))
	gone := w.Want(t, 404, "PUT", upload+"/parts/1/k", "x", nil)
	w.Object.SetFail("BeginPart", nil)
	w.Object.SetFail("CompleteMultipart", uploadv1.ErrCompleting)
	if r := w.Want(t, 409, "POST", upload+"/complete/k", `{"parts":[{"partNumber":1,"etag":"\"x\""}]}`, nil); r.Code() != "conflict" {
		t.Error(r.Body)
	}
	w.Want(t, 204, "DELETE", upload+"/k", "", nil)
	if r := w.Want(t, 404, "PUT", upload+"/parts/1/k", "x", nil); withoutID(t, r) != withoutID(t, gone) {
		t.Errorf("%s, but %s", gone.Body, r.Body)
	}
}

// withoutID is an error body but for its request id.
func withoutID(t *testing.T, r edgetest.Response) string {
	t.Helper()
	return strings.Replace(r.Body, r.Header.Get("X-Request-Id"), "", 1)
}

// TestMultipart_Unknown wants the same words for an id that never was, for one
// of another key, and for what is no id.
func TestMultipart_Unknown(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	real := begin(t, w, "other", nil)
	complete := `{"parts":[{"partNumber":1,"etag":"\"x\""}]}`
	answers := map[string]bool{}
	for _, id := range []string{"mpu_" + strings.Repeat("Z", 26), real} {
		for _, r := range []edgetest.Response{
			w.Want(t, 404, "PUT", api+"/buckets/box/multipart/"+id+"/parts/1/k", "x", nil), w.Want(t, 404, "GET", api+"/buckets/box/multipart/"+id+"/parts/k", "", nil),
			w.Want(t, 404, "POST", api+"/buckets/box/multipart/"+id+"/complete/k", complete, nil), w.Want(t, 404, "DELETE", api+"/buckets/box/multipart/"+id+"/k", "", nil),
		} {
			answers[withoutID(t, r)] = true
		}
	}
	for _, id := range []string{"x", "mpu_short", "mpu_" + strings.Repeat("a", 26), "%00"} {
		answers[withoutID(t, w.Want(t, 404, "PUT", api+"/buckets/box/multipart/"+id+"/parts/1/k", "x", nil))] = true
		answers[withoutID(t, w.Want(t, 404, "DELETE", api+"/buckets/box/multipart/"+id+"/k", "", nil))] = true
	}
	if len(answers) != 1 {
		t.Errorf("%v", answers)
	}
	if r := w.Want(t, 400, "DELETE", api+"/buckets/box/multipart/"+real+"/", "", nil); r.Code() != "invalid_key" {
		t.Error(r.Body)
	}
}

// TestMultipart_Keys creates uploads of keys that look like the other routes.
func TestMultipart_Keys(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	id := "mpu_" + strings.Repeat("0", 26)
	for _, key := range []string{
		"plain", "a/complete/b", "x/complete", "x/parts/1/y", "x/parts", "mpu_short/complete/x", "MPU_" + strings.Repeat("0", 26) + "/complete/x", "complete/x", "/complete/x", "//",
		"..", "a/../b", "é/文件", id, id + "/complete", id + "/parts/1/x", id + "/x", id + "//complete/x", id + "%2Fcomplete%2Fx", "%2F" + id + "/complete/x",
	} {
		begin(t, w, key, nil)
	}
	for _, k := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/", 400, ""}, {"PUT", "/x", 405, "POST"}, {"GET", "/x/y", 405, "DELETE, POST"}, {"PATCH", "/" + id + "/parts/1/x", 405, "DELETE, GET, HEAD, POST, PUT"},
		{"PUT", "/" + id + "/complete/x", 405, "DELETE, POST"}, {"PUT", "", 405, "GET, HEAD"}, {"POST", "", 405, "GET, HEAD"}, {"BREW", "/" + id, 405, "POST"},
		{"POST", "/" + id + "/complete/", 400, ""}, {"GET", "/" + id + "/parts/1/x", 404, ""}, {"HEAD", "/" + id + "/parts/x", 404, ""},
	} {
		if r := w.Do(t, k.method, api+"/buckets/box/multipart"+k.path, "", nil); r.Status != k.status || r.Header.Get("Allow") != k.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", k.method, k.path, r.Status, r.Header.Get("Allow"), r.Body)
		}
	}
}

func TestMultipart_Create(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/multipart/k"
	w.Want(t, 201, "POST", path, `{"contentType":"image/png","cacheControl":"no-cache","metadata":{"A":"1"},"tags":{"t":"1"}}`, http.Header{"Content-Type": {"application/json"}})
	w.Want(t, 201, "POST", path, `{}`, http.Header{"Content-Type": {"application/json"}})
	refusals(t, w, "POST", path, "invalid_request", `null`, `[]`, `x=y`, `{"contentType":1}`, `{"contentType":"a\nb"}`, `{"metadata":{"":"x"}}`, `{"metadata":[]}`, `{"tags":{"":"v"}}`, `{"tags":{"k":null}}`, `{"acl":"public"}`)
	for _, h := range []http.Header{{"X-Lockwell-Meta-A": {strings.Repeat("m", 2048)}}, {"X-Lockwell-Tags": {"a=1&a=2"}}} {
		w.Want(t, 400, "POST", path, "", h)
	}
	w.Want(t, 404, "POST", api+"/buckets/none/multipart/k", "", nil)
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "POST", path, "", bearer(reader))
}

func TestMultipart_ListUploads(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/multipart"
	if r := w.Want(t, 200, "GET", path, "", nil); strings.TrimSpace(r.Body) != `{"uploads":[],"isTruncated":false}` {
		t.Error(r.Body)
	}
	for _, key := range []string{"b", "a", "b", "c/d"} {
		begin(t, w, key, nil)
	}
	var got []string
	marker := ""
	for {
		var p struct {
			Uploads                           []struct{ Key, UploadID, InitiatedAt string }
			IsTruncated                       bool
			NextKeyMarker, NextUploadIDMarker string
		}
		decode(t, w.Want(t, 200, "GET", path+"?maxUploads=2"+marker, "", nil), &p)
		for _, u := range p.Uploads {
			got = append(got, u.Key)
			if len(u.UploadID) != 30 || !strings.HasSuffix(u.InitiatedAt, "Z") {
				t.Errorf("%+v", u)
			}
		}
		if !p.IsTruncated {
			break
		}
		marker = "&keyMarker=" + p.NextKeyMarker + "&uploadIdMarker=" + p.NextUploadIDMarker
	}
	if strings.Join(got, " ") != "a b b c/d" {
		t.Error(got)
	}
	for _, q := range []string{"maxUploads=0", "maxUploads=1001", "prefix=%ff", "keyMarker=a&uploadIdMarker=x", "uploadIdMarker=mpu_" + strings.Repeat("0", 26), "prefix=a&prefix=b"} {
		if r := w.Do(t, "GET", path+"?"+q, "", nil); r.Status != 400 {
			t.Errorf("%s: %d", q, r.Status)
		}
	}
}
