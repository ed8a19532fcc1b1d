package lockwell_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPutObject_Conditions(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	w.Want(t, 412, "PUT", path, "x", http.Header{"If-Match": {`"0123"`}})
	etag := w.Want(t, 201, "PUT", path, "one", http.Header{"If-None-Match": {"*"}}).Header.Get("Etag")
	if r := w.Want(t, 412, "PUT", path, "two", http.Header{"If-None-Match": {"*"}}); r.Code() != "precondition_failed" {
		t.Error(r.Body)
	}
	w.Want(t, 201, "PUT", path, "two", http.Header{"If-Match": {`"x", ` + etag}})
	w.Want(t, 400, "PUT", path, "three", http.Header{"If-Match": {`unquoted`}})
	w.Want(t, 400, "PUT", path, "three", http.Header{"If-None-Match": {`"x"`}})
	if r := w.Want(t, 200, "GET", path, "", nil); r.Body != "two" {
		t.Errorf("%q", r.Body)
	}
}

func TestPutObject_Digests(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	sum := md5.Sum([]byte("123456789"))
	for name, good := range map[string]string{
		"X-Lockwell-Checksum-Crc32": "y/Q5Jg==", "X-Lockwell-Checksum-Crc32c": "4waSgw==", "X-Lockwell-Checksum-Crc64nvme": "rosUhgp5mIg=",
		"X-Lockwell-Checksum-Sha1": "98O8HYCOBHMq32eZZczDTKeuNEE=", "X-Lockwell-Checksum-Sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
		"Content-Md5": base64.StdEncoding.EncodeToString(sum[:]),
	} {
		w.Want(t, 201, "PUT", api+"/buckets/box/objects/good-"+name, "123456789", http.Header{name: {good}})
		if r := w.Want(t, 400, "PUT", api+"/buckets/box/objects/bad", "12345678X", http.Header{name: {good}}); r.Code() != "bad_digest" {
			t.Errorf("%s: %s", name, r.Body)
		}
		for _, bad := range []string{"", "!", "AAAA", good + "A", strings.TrimRight(good, "=")} {
			if r := w.Do(t, "PUT", api+"/buckets/box/objects/bad", "123456789", http.Header{name: {bad}}); r.Status != 400 && bad != good {
				t.Errorf("%s %q: %d", name, bad, r.Status)
			}
		}
	}
	w.Want(t, 400, "PUT", api+"/buckets/box/objects/bad", "x", http.Header{"X-Lockwell-Checksum-Crc65": {"AAAA"}})
	if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 6 {
		t.Errorf("visible: %v", keys)
	}
	if r := w.Want(t, 200, "HEAD", api+"/buckets/box/objects/good-Content-Md5", "", nil); r.Header.Get("X-Lockwell-Checksum-Md5") != "" {
		t.Error("MD5 was kept")
	}
}

func TestPutObject_HeaderLimits(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	for _, h := range []http.Header{
		{"X-Lockwell-Meta-A": {strings.Repeat("m", 2048)}}, {"X-Lockwell-Meta-A": {"\xff"}}, {"Content-Type": {strings.Repeat("x", 1100)}},
		{"X-Lockwell-Tags": {"a=1&a=2"}}, {"X-Lockwell-Tags": {"%zz"}}, {"X-Lockwell-Tags": {"=v"}}, {"X-Lockwell-Tags": {strings.Repeat("k", 129) + "=v"}},
		{"X-Lockwell-Tags": {"k=" + strings.Repeat("v", 257)}}, {"X-Lockwell-Tags": {"a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1"}},
	} {
		if r := w.Do(t, "PUT", path, "x", h); r.Status != 400 || r.Code() != "invalid_request" {
			t.Errorf("%.80v: %d %s", h, r.Status, r.Body)
		}
	}
	if r := w.Want(t, 400, "PUT", path, "x", http.Header{"Idempotency-Key": {"k"}}); r.Code() != "idempotency_requires_checksum" {
		t.Error(r.Body)
	}
	w.Want(t, 201, "PUT", path, "x", http.Header{"X-Lockwell-Meta-A": {strings.Repeat("m", 2047)}})
	if n := len(w.Object.Keys("acc-ada", "box")); n != 1 {
		t.Errorf("%d objects", n)
	}
}

func TestGetObject_Ranges(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	data := strings.Repeat("0123456789", 100)
	etag := w.Want(t, 201, "PUT", path, data, nil).Header.Get("Etag")
	for _, k := range []struct {
		header   string
		from, to int
	}{
		{"bytes=0-0", 0, 1}, {"bytes=0-99", 0, 100}, {"bytes=-7", 993, 1000}, {"bytes=990-", 990, 1000}, {"bytes=5-99999999999999999999999", 5, 1000},
		{"bytes=-5000", 0, 1000}, {"bytes= 3-4 ,", 3, 5}, {"bytes=2000-3000,7-8", 7, 9},
	} {
		r := w.Want(t, 206, "GET", path, "", http.Header{"Range": {k.header}})
		if want := fmt.Sprintf("bytes %d-%d/1000", k.from, k.to-1); r.Body != data[k.from:k.to] || r.Header.Get("Content-Range") != want || r.Header.Get("Content-Length") != strconv.Itoa(k.to-k.from) {
			t.Errorf("%s: %q %v", k.header, r.Body, r.Header)
		}
	}
	for _, bad := range []string{"bytes=1000-", "bytes=-0", "bytes=5-2", "bytes=a-b", "bytes=--5", "bytes=", "bytes=99999999999-", "bytes=-1-2", "bytes=0x1-2"} {
		r := w.Want(t, 416, "GET", path, "", http.Header{"Range": {bad}})
		if r.Header.Get("Content-Range") != "bytes */1000" || r.Code() != "range_not_satisfiable" || r.Header.Get("Etag") != "" {
			t.Errorf("%s: %v %s", bad, r.Header, r.Body)
		}
	}
	for _, whole := range []string{"items=0-5", "0-5", "bytes=0-999,0-999", "bytes=" + strings.Repeat("0-0,", 120)} {
		if r := w.Want(t, 200, "GET", path, "", http.Header{"Range": {whole}}); r.Body != data {
			t.Errorf("%.30s: %d bytes", whole, len(r.Body))
		}
	}
	r := w.Want(t, 206, "GET", path, "", http.Header{"Range": {"bytes=0-9,100-109,-5"}})
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" || r.Header.Get("Content-Length") != strconv.Itoa(len(r.Body)) {
		t.Fatalf("%v %v", r.Header, err)
	}
	mr := multipart.NewReader(strings.NewReader(r.Body), params["boundary"])
	for _, want := range []string{data[:10], data[100:110], data[995:]} {
		p, err := mr.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(p); err != nil || string(b) != want || p.Header.Get("Content-Range") == "" {
			t.Errorf("part %q %v", b, err)
		}
	}
	w.Want(t, 206, "HEAD", path, "", http.Header{"Range": {"bytes=0-9,20-29"}})
	w.Want(t, 206, "GET", path, "", http.Header{"Range": {"bytes=0-9"}, "If-Range": {etag}})
	w.Want(t, 200, "GET", path, "", http.Header{"Range": {"bytes=0-9"}, "If-Range": {`"other"`}})
	w.Want(t, 200, "GET", path, "", http.Header{"Range": {"bytes=0-9"}, "If-Range": {`W/` + etag}})
	w.Want(t, 206, "GET", path, "", http.Header{"Range": {"bytes=0-9"}, "If-Range": {r.Header.Get("Last-Modified")}})

	w.Want(t, 201, "PUT", api+"/buckets/box/objects/empty", "", nil)
	w.Want(t, 200, "GET", api+"/buckets/box/objects/empty", "", nil)
	w.Want(t, 416, "GET", api+"/buckets/box/objects/empty", "", http.Header{"Range": {"bytes=0-"}})
}

func TestGetObject_Conditions(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	etag := w.Want(t, 201, "PUT", path, "x", nil).Header.Get("Etag")
	modified := w.Want(t, 200, "GET", path, "", nil).Header.Get("Last-Modified")
	old := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, k := range []struct {
		status int
		h      http.Header
	}{
		{304, http.Header{"If-None-Match": {etag}}}, {304, http.Header{"If-None-Match": {"W/" + etag}}}, {304, http.Header{"If-None-Match": {`"a", ` + etag}}},
		{304, http.Header{"If-None-Match": {"*"}}}, {200, http.Header{"If-None-Match": {`"other"`}}}, {412, http.Header{"If-Match": {`"other"`}}},
		{200, http.Header{"If-Match": {"*"}}}, {412, http.Header{"If-Match": {"W/" + etag}}}, {304, http.Header{"If-Modified-Since": {modified}}},
		{200, http.Header{"If-Modified-Since": {old}}}, {412, http.Header{"If-Unmodified-Since": {old}}}, {200, http.Header{"If-Unmodified-Since": {modified}}},
		{200, http.Header{"If-Modified-Since": {"yesterday"}}}, {200, http.Header{"If-None-Match": {`"other"`}, "If-Modified-Since": {modified}}},
		{200, http.Header{"If-Match": {etag}, "If-Unmodified-Since": {old}}},
	} {
		if r := w.Do(t, "GET", path, "", k.h); r.Status != k.status {
			t.Errorf("%v: %d, want %d", k.h, r.Status, k.status)
		} else if r.Status == 304 && r.Header.Get("Etag") != etag {
			t.Errorf("304 without ETag: %v", r.Header)
		}
	}
}

func TestGetObject_Damaged(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", strings.Repeat("x", 100000), nil)
	w.Blobs.Damaged = true
	req, _ := http.NewRequestWithContext(t.Context(), "GET", w.URL+api+"/buckets/box/objects/k", nil)
	req.Header.Set("Authorization", "Bearer "+w.Token)
	req.Header.Set("X-Request-Id", "damaged-1")
	resp, err := w.Server.Client().Do(req)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Fatal("half an object looked whole")
	}
	if recs := w.Audit.Of("damaged-1"); len(recs) != 1 || recs[0].Result != "failed" || recs[0].Code != "blob.damaged" {
		t.Errorf("%+v", recs)
	}
}
