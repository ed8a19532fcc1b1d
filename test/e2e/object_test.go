package e2e_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// firstSteps is the README's tour: key, token, bucket, object in, out, listed, gone.
func firstSteps(t *testing.T, w *harness.World) {
	c := account(t, w)
	if !strings.HasPrefix(c.KeyID, "LWAK") || len(c.KeyID) != 20 || len(c.Secret) != 40 || !strings.HasPrefix(c.Token, "lwtk_") {
		t.Errorf("key %q, secret of %d characters, token %.8q", c.KeyID, len(c.Secret), c.Token)
	}
	c.Bucket(t, "tour")
	if r := c.Do(t, http.MethodPost, "/api/v1/buckets", map[string]any{"name": "tour"}, nil).Want(t, http.StatusConflict); r.Code() != "bucket_exists" {
		t.Errorf("code %s", r.Code())
	}

	size := 20 << 20 // several segments
	if harness.Full() {
		size = 128 << 20
	}
	data := randomBytes(t, size)
	sum := sha256.Sum256(data)
	var put struct {
		VersionID, ETag, Encryption, StorageClass string
		Size                                      int64
		Checksums                                 map[string]string
	}
	r := c.Put(t, "tour", "films/a film.mkv", data, http.Header{"Content-Type": {"video/x-matroska"}, "X-Lockwell-Meta-Camera": {"K-3"}})
	r.JSON(t, &put)
	if put.Size != int64(size) || put.Encryption != "AES256" || put.StorageClass != "STANDARD" || put.Checksums["sha256"] != base64.StdEncoding.EncodeToString(sum[:]) || put.Checksums["crc64nvme"] == "" {
		t.Errorf("PUT answered %s", r.Body)
	}
	if want := `"` + hex.EncodeToString(sum[:16]) + `-1"`; put.ETag != want || r.Header.Get("Etag") != want {
		t.Errorf("ETag %s / %s, want %s", put.ETag, r.Header.Get("Etag"), want)
	}

	got := c.Get(t, "tour", "films/a film.mkv", nil).Want(t, http.StatusOK)
	if !bytes.Equal(got.Body, data) {
		t.Fatal("what came back is not what went in")
	}
	for k, v := range map[string]string{
		"Content-Type": "video/x-matroska", "X-Lockwell-Meta-Camera": "K-3", "Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(size),
		"Etag": put.ETag, "X-Lockwell-Version-Id": put.VersionID, "X-Lockwell-Encryption": "AES256", "X-Lockwell-Checksum-Sha256": put.Checksums["sha256"],
	} {
		if got.Header.Get(k) != v {
			t.Errorf("GET: %s: %q, want %q", k, got.Header.Get(k), v)
		}
	}
	if got.Header.Get("X-Request-Id") == "" || got.Header.Get("Last-Modified") == "" {
		t.Error("GET lacks X-Request-Id or Last-Modified")
	}
	head := c.Do(t, http.MethodHead, harness.ObjectPath("tour", "films/a film.mkv"), nil, nil).Want(t, http.StatusOK)
	if len(head.Body) != 0 || head.Header.Get("Content-Length") != strconv.Itoa(size) {
		t.Errorf("HEAD: %d bytes, Content-Length %s", len(head.Body), head.Header.Get("Content-Length"))
	}

	c.Put(t, "tour", "empty", nil, nil)
	if r := c.Get(t, "tour", "empty", nil).Want(t, http.StatusOK); len(r.Body) != 0 {
		t.Errorf("an empty object has %d bytes", len(r.Body))
	}
	// A body of unknown length is sent in chunks.
	c.Put(t, "tour", "stream", io.MultiReader(bytes.NewReader(data[:1<<20]), bytes.NewReader(data[1<<20:9<<20])), nil)
	if r := c.Get(t, "tour", "stream", nil); !bytes.Equal(r.Body, data[:9<<20]) {
		t.Error("a body of unknown length came back changed")
	}
	c.Put(t, "tour", "empty", "no more", nil)
	if r := c.Get(t, "tour", "empty", nil); string(r.Body) != "no more" {
		t.Errorf("after an overwrite: %q", r.Body)
	}

	if all := c.ListAll(t, "tour"); len(all) != 3 || all["films/a film.mkv"] != int64(size) {
		t.Errorf("listing: %v", all)
	}
	if r := c.Do(t, http.MethodDelete, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusConflict); r.Code() != "bucket_not_empty" {
		t.Errorf("code %s", r.Code())
	}
	for _, key := range []string{"films/a film.mkv", "empty", "stream", "never was"} {
		c.Do(t, http.MethodDelete, harness.ObjectPath("tour", key), nil, nil).Want(t, http.StatusNoContent)
	}
	if r := c.Get(t, "tour", "empty", nil).Want(t, http.StatusNotFound); r.Code() != "not_found" {
		t.Errorf("code %s", r.Code())
	}
	c.Do(t, http.MethodDelete, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusNoContent)
	c.Do(t, http.MethodGet, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusNotFound)
}

func ranges(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "ranges")
	data := randomBytes(t, 10<<20+137)
	etag := c.Put(t, "ranges", "o", data, nil).Header.Get("Etag")
	n := len(data)
	for _, k := range []struct {
		header   string
		from, to int // to < 0: not satisfiable
	}{
		{"bytes=0-0", 0, 1},
		{"bytes=0-99", 0, 100},
		{"bytes=8388600-8388615", 8388600, 8388616}, // across two segments
		{"bytes=1048570-1048583", 1048570, 1048584}, // across two chunks
		{"bytes=-137", n - 137, n},
		{"bytes=10485760-", 10485760, n},
		{"bytes=5-99999999999", 5, n},
		{"bytes=-99999999999", 0, n},
		{fmt.Sprintf("bytes=%d-", n), 0, -1},
		{"bytes=99999999999-", 0, -1},
		{"bytes=-0", 0, -1},
	} {
		r := c.Get(t, "ranges", "o", http.Header{"Range": {k.header}})
		if k.to < 0 {
			if r.Status != http.StatusRequestedRangeNotSatisfiable || r.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", n) {
				t.Errorf("%s: %d, Content-Range %q", k.header, r.Status, r.Header.Get("Content-Range"))
			}
			continue
		}
		want := fmt.Sprintf("bytes %d-%d/%d", k.from, k.to-1, n)
		if r.Status != http.StatusPartialContent || r.Header.Get("Content-Range") != want || !bytes.Equal(r.Body, data[k.from:k.to]) {
			t.Errorf("%s: %d, Content-Range %q, %d bytes", k.header, r.Status, r.Header.Get("Content-Range"), len(r.Body))
		}
	}
	// What is not a byte range is ignored (RFC 9110, 14.2).
	for _, h := range []string{"bytes=5-2", "lines=1-2", "bytes=a-b", "bytes="} {
		if r := c.Get(t, "ranges", "o", http.Header{"Range": {h}}); r.Status != http.StatusOK && r.Status != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("%s: %d", h, r.Status)
		}
	}
	if r := c.Get(t, "ranges", "o", http.Header{"Range": {"bytes=0-9"}, "If-Range": {etag}}); r.Status != http.StatusPartialContent {
		t.Errorf("If-Range that holds: %d", r.Status)
	}
	if r := c.Get(t, "ranges", "o", http.Header{"Range": {"bytes=0-9"}, "If-Range": {`"other"`}}); r.Status != http.StatusOK || len(r.Body) != n {
		t.Errorf("If-Range that does not hold: %d, %d bytes", r.Status, len(r.Body))
	}
	r := c.Get(t, "ranges", "o", http.Header{"Range": {"bytes=0-9,100-109,-5"}}).Want(t, http.StatusPartialContent)
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("Content-Type %q", r.Header.Get("Content-Type"))
	}
	mr := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"])
	for _, want := range [][]byte{data[:10], data[100:110], data[n-5:]} {
		p, err := mr.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, want) {
			t.Errorf("part %s: %d bytes, %v", p.Header.Get("Content-Range"), len(got), err)
		}
	}
	c.Get(t, "ranges", "o", http.Header{"If-None-Match": {etag}}).Want(t, http.StatusNotModified)
	c.Get(t, "ranges", "o", http.Header{"If-Match": {`"other"`}}).Want(t, http.StatusPreconditionFailed)
	c.Get(t, "ranges", "o", http.Header{"If-Modified-Since": {r.Header.Get("Last-Modified")}}).Want(t, http.StatusNotModified)
}

func conditions(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "cond")
	path := harness.ObjectPath("cond", "k")
	put := func(body string, h http.Header) harness.Response {
		return c.Do(t, http.MethodPut, path, body, h)
	}
	put("x", http.Header{"If-Match": {`"0123"`}}).Want(t, http.StatusPreconditionFailed)
	etag := put("one", http.Header{"If-None-Match": {"*"}}).Want(t, http.StatusCreated).Header.Get("Etag")
	if r := put("two", http.Header{"If-None-Match": {"*"}}).Want(t, http.StatusPreconditionFailed); r.Code() != "precondition_failed" {
		t.Errorf("code %s", r.Code())
	}
	put("two", http.Header{"If-Match": {etag}}).Want(t, http.StatusCreated)
	put("three", http.Header{"If-Match": {etag}}).Want(t, http.StatusPreconditionFailed)
	if r := c.Get(t, "cond", "k", nil); string(r.Body) != "two" {
		t.Errorf("%q", r.Body)
	}
}

// race100 is the issue's: of 100 racing PUTs that want to be the first, one is.
func race100(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "race")
	const racers = 100
	status := make([]int, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			r, err := c.Try(t.Context(), http.MethodPut, harness.ObjectPath("race", "the key"), fmt.Sprintf("racer %d", i), http.Header{"If-None-Match": {"*"}})
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
			status[i] = r.Status
		})
	}
	close(start)
	wg.Wait()
	won := slices.Index(status, http.StatusCreated)
	lost := 0
	for _, s := range status {
		if s == http.StatusPreconditionFailed {
			lost++
		}
	}
	if won < 0 || lost != racers-1 {
		t.Fatalf("want one 201 and %d times 412, got %v", racers-1, status)
	}
	if r := c.Get(t, "race", "the key", nil); string(r.Body) != fmt.Sprintf("racer %d", won) {
		t.Errorf("racer %d won, but the object says %q", won, r.Body)
	}
}

// awkwardKeys come out as they went in, whatever a path cleaner would do to them.
func awkwardKeys(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "keys")
	keys := []string{
		"a//b", "/leading", "trailing/", "a/../b", "a/./b", "..", ".", "per%cent", "per%2Fcent", "plus+sign", "a b", "ünïcödé/文件", "emoji-🪣",
		"q?uery", "h#ash", "semi;colon", "new\nline", "tab\t", "back\\slash", "quote\"'", "<b>", "a:b", "objects", "a/", "a/b/", "~", "*", strings.Repeat("k", 1024), "///", "a/..", "%", "%%", "é", "e\u0301",
	}
	for i, k := range keys {
		c.Do(t, http.MethodPut, "/api/v1/buckets/keys/objects/"+escapeAll(k), fmt.Sprint(i), nil).Want(t, http.StatusCreated)
	}
	for i, k := range keys {
		if r := c.Do(t, http.MethodGet, "/api/v1/buckets/keys/objects/"+escapeAll(k), nil, nil); string(r.Body) != fmt.Sprint(i) {
			t.Errorf("key %q: %d %s", k, r.Status, r.Body)
		}
	}
	all := c.ListAll(t, "keys")
	for _, k := range keys {
		if _, ok := all[k]; !ok {
			t.Errorf("key %q is not listed", k)
		}
	}
	if len(all) != len(keys) {
		t.Errorf("%d keys listed, %d put", len(all), len(keys))
	}
	// Unescaped slashes and dots as a careless client sends them: the same keys.
	raw := &http.Request{Method: http.MethodGet, URL: mustURL(t, c.URL+"/api/v1/buckets/keys/objects/a//b"), Header: http.Header{"Authorization": {"Bearer " + c.Token}}}
	resp, err := c.HTTP.Do(raw.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "0" {
		t.Errorf("GET a//b unescaped: %d %s", resp.StatusCode, b)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// escapeAll percent-encodes every byte but letters and digits, slashes too.
func escapeAll(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func listing(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "list")
	var keys []string
	for d := range 5 {
		for f := range 7 {
			keys = append(keys, fmt.Sprintf("d%d/f%d", d, f))
		}
	}
	keys = append(keys, "a", "z", "d1.txt", "d1/sub/x", "d1/sub/y")
	var wg sync.WaitGroup
	for _, k := range keys {
		wg.Go(func() { c.Put(t, "list", k, k, nil) })
	}
	wg.Wait()
	slices.Sort(keys)

	var got []string
	query := "maxKeys=7"
	for {
		l := c.List(t, "list", query)
		for _, o := range l.Objects {
			got = append(got, o.Key)
		}
		if l.KeyCount != len(l.Objects) || l.KeyCount > 7 {
			t.Fatalf("keyCount %d of %d objects", l.KeyCount, len(l.Objects))
		}
		if !l.IsTruncated {
			break
		}
		query = "maxKeys=7&continuationToken=" + url.QueryEscape(l.NextContinuationToken)
	}
	if !slices.Equal(got, keys) {
		t.Errorf("pages of 7 gave\n%v, want\n%v", got, keys)
	}
	l := c.List(t, "list", "delimiter=/")
	if want := []string{"d0/", "d1/", "d2/", "d3/", "d4/"}; !slices.Equal(l.CommonPrefixes, want) || len(l.Objects) != 3 || l.KeyCount != 8 {
		t.Errorf("delimiter: %v and %d objects, keyCount %d", l.CommonPrefixes, len(l.Objects), l.KeyCount)
	}
	l = c.List(t, "list", "delimiter=/&prefix=d1/&maxKeys=7")
	if !l.IsTruncated || len(l.Objects) != 7 {
		t.Errorf("prefix and delimiter: %d objects, truncated %v", len(l.Objects), l.IsTruncated)
	}
	l = c.List(t, "list", "delimiter=/&prefix=d1/&maxKeys=7&continuationToken="+url.QueryEscape(l.NextContinuationToken))
	if want := []string{"d1/sub/"}; !slices.Equal(l.CommonPrefixes, want) || l.IsTruncated {
		t.Errorf("second page: %v, truncated %v", l.CommonPrefixes, l.IsTruncated)
	}
	if l = c.List(t, "list", "startAfter=d4/f5"); len(l.Objects) != 2 || l.Objects[0].Key != "d4/f6" {
		t.Errorf("startAfter: %+v", l.Objects)
	}
	if l = c.List(t, "list", "prefix=nothing"); l.Objects == nil || len(l.Objects) != 0 {
		t.Errorf("an empty listing must be an empty list: %+v", l)
	}
	for _, q := range []string{"maxKeys=0", "maxKeys=1001", "maxKeys=-1", "maxKeys=x", "continuationToken=zzz", "continuationToken=%00"} {
		if r := c.Do(t, http.MethodGet, "/api/v1/buckets/list/objects?"+q, nil, nil); r.Status != http.StatusBadRequest || r.Code() == "" {
			t.Errorf("%s: %d %s", q, r.Status, r.Body)
		}
	}
}

func versions(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "versions", "versioning", true)
	v1 := c.Put(t, "versions", "k", "one", nil).Header.Get("X-Lockwell-Version-Id")
	v2 := c.Put(t, "versions", "k", "two", nil).Header.Get("X-Lockwell-Version-Id")
	path := harness.ObjectPath("versions", "k")
	get := func(id string) harness.Response {
		return c.Do(t, http.MethodGet, path+"?versionId="+id, nil, nil)
	}
	if v1 == "" || v1 == v2 || string(get(v1).Body) != "one" || string(get(v2).Body) != "two" {
		t.Fatalf("versions %q and %q", v1, v2)
	}
	var del struct {
		DeleteMarker bool
		VersionID    string
	}
	c.Do(t, http.MethodDelete, path, nil, nil).Want(t, http.StatusOK).JSON(t, &del)
	if !del.DeleteMarker || del.VersionID == "" {
		t.Errorf("%+v", del)
	}
	if r := c.Get(t, "versions", "k", nil).Want(t, http.StatusNotFound); r.Header.Get("X-Lockwell-Delete-Marker") != "true" {
		t.Error("a delete marker does not say so")
	}
	if len(c.ListAll(t, "versions")) != 0 {
		t.Error("a deleted object is listed")
	}
	c.Do(t, http.MethodDelete, path+"?versionId="+del.VersionID, nil, nil).Want(t, http.StatusNoContent)
	if r := c.Get(t, "versions", "k", nil); string(r.Body) != "two" {
		t.Errorf("after the marker went: %d %q", r.Status, r.Body)
	}
	c.Do(t, http.MethodDelete, path+"?versionId="+v2, nil, nil).Want(t, http.StatusNoContent)
	if r := c.Get(t, "versions", "k", nil); string(r.Body) != "one" {
		t.Errorf("after the current version went: %d %q", r.Status, r.Body)
	}
	get(v2).Want(t, http.StatusNotFound)
	c.Do(t, http.MethodDelete, "/api/v1/buckets/versions", nil, nil).Want(t, http.StatusConflict)
	c.Do(t, http.MethodDelete, path+"?versionId="+v1, nil, nil).Want(t, http.StatusNoContent)
	c.Get(t, "versions", "k", nil).Want(t, http.StatusNotFound)
	c.Do(t, http.MethodDelete, "/api/v1/buckets/versions", nil, nil).Want(t, http.StatusNoContent)
}

func checksums(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "sums")
	// Check values of "123456789" from the catalogues of the algorithms.
	body := "123456789"
	md := md5.Sum([]byte(body))
	for h, good := range map[string]string{
		"X-Lockwell-Checksum-Crc32":     b64(t, "cbf43926"),
		"X-Lockwell-Checksum-Crc32c":    b64(t, "e3069283"),
		"X-Lockwell-Checksum-Crc64nvme": b64(t, "ae8b14860a799888"),
		"X-Lockwell-Checksum-Sha1":      b64(t, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
		"X-Lockwell-Checksum-Sha256":    b64(t, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
		"Content-Md5":                   base64.StdEncoding.EncodeToString(md[:]),
	} {
		c.Put(t, "sums", "good-"+h, body, http.Header{h: {good}})
		for _, bad := range []string{good[:len(good)-4] + "AAA=", "!", "", "AAAA"} {
			r := c.Do(t, http.MethodPut, harness.ObjectPath("sums", "bad-"+h), body, http.Header{h: {bad}})
			if r.Status != http.StatusBadRequest || (r.Code() != "bad_digest" && r.Code() != "invalid_request") {
				t.Errorf("%s: %q: %d %s", h, bad, r.Status, r.Body)
			}
		}
	}
	for k := range c.ListAll(t, "sums") {
		if strings.HasPrefix(k, "bad-") {
			t.Errorf("%s is visible", k)
		}
	}
}

func b64(t *testing.T, h string) string {
	t.Helper()
	b, err := hex.DecodeString(h)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// usage shows that what is deleted is given back.
func usage(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "usage")
	var b struct {
		ObjectCount, Bytes int64
	}
	read := func() (int64, int64) {
		c.Do(t, http.MethodGet, "/api/v1/buckets/usage", nil, nil).Want(t, http.StatusOK).JSON(t, &b)
		return b.ObjectCount, b.Bytes
	}
	c.Put(t, "usage", "a", strings.Repeat("x", 1000), nil)
	c.Put(t, "usage", "b", strings.Repeat("x", 500), nil)
	c.Put(t, "usage", "a", strings.Repeat("y", 200), nil)
	eventually(t, "2 objects of 700 bytes", func() bool { n, size := read(); return n == 2 && size == 700 })
	c.Do(t, http.MethodDelete, harness.ObjectPath("usage", "b"), nil, nil).Want(t, http.StatusNoContent)
	eventually(t, "1 object of 200 bytes", func() bool { n, size := read(); return n == 1 && size == 200 })
	// More than the account's limit is refused before the body is read.
	r, err := c.Try(t.Context(), http.MethodPut, harness.ObjectPath("usage", "huge"), io.LimitReader(zeros{}, 1<<40), http.Header{"Content-Length": {strconv.Itoa(1 << 40)}, "Expect": {"100-continue"}})
	if err == nil && r.Status != http.StatusRequestEntityTooLarge && r.Status != http.StatusInsufficientStorage {
		t.Errorf("a terabyte: %d %s", r.Status, r.Body)
	}
	if _, ok := c.ListAll(t, "usage")["huge"]; ok {
		t.Error("a refused object is listed")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
