package lockwell_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const api = "/api/v1"

func bucketed(t *testing.T) *edgetest.World {
	t.Helper()
	w := edgetest.New(t)
	w.Want(t, http.StatusCreated, "POST", api+"/buckets", `{"name":"box"}`, nil)
	return w
}

func TestRoutes_Tour(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	account := http.Header{"Authorization": {"Bearer " + w.Account}}

	r := w.Want(t, 201, "POST", api+"/account/access-keys", `{"scopes":["read","write","delete","admin"]}`, account)
	var key struct{ AccessKeyID, SecretKey string }
	decode(t, r, &key)
	if len(key.SecretKey) != 40 || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v %v", key, r.Header)
	}
	r = w.Want(t, 200, "GET", api+"/account/access-keys", "", account)
	if strings.Contains(r.Body, key.SecretKey) || !strings.Contains(r.Body, key.AccessKeyID) {
		t.Fatalf("listing: %s", r.Body)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key.AccessKeyID+":"+key.SecretKey))
	for _, mint := range []edgetest.Response{
		w.Want(t, 200, "POST", api+"/auth/token", "", http.Header{"Authorization": {basic}}),
		w.Want(t, 200, "POST", api+"/auth/token", fmt.Sprintf(`{"accessKeyId":%q,"secretKey":%q}`, key.AccessKeyID, key.SecretKey), nil),
	} {
		var tok struct {
			AccessToken, TokenType string
			ExpiresIn              int
			ExpiresAt              time.Time
		}
		decode(t, mint, &tok)
		if !strings.HasPrefix(tok.AccessToken, "lwtk_") || tok.TokenType != "Bearer" || tok.ExpiresIn < 3590 || time.Until(tok.ExpiresAt) < 59*time.Minute {
			t.Fatalf("%+v", tok)
		}
		w.Token = tok.AccessToken
	}

	r = w.Want(t, 201, "POST", api+"/buckets", `{"name":"tour","versioning":true}`, nil)
	if r.Header.Get("Location") != w.URL+api+"/buckets/tour" {
		t.Errorf("Location %q", r.Header.Get("Location"))
	}
	if r := w.Want(t, 409, "POST", api+"/buckets", `{"name":"tour"}`, nil); r.Code() != "bucket_exists" {
		t.Error(r.Body)
	}
	w.Want(t, 200, "GET", api+"/buckets", "", nil)
	w.Want(t, 200, "GET", api+"/buckets/tour", "", nil)

	put := w.Want(t, 201, "PUT", api+"/buckets/tour/objects/a/b.txt", "hello world", http.Header{
		"Content-Type": {"text/plain"}, "Cache-Control": {"max-age=5"}, "Content-Disposition": {"inline"}, "X-Lockwell-Meta-Camera": {"K-3"}, "X-Lockwell-Tags": {"a=1&b=%20"},
	})
	get := w.Want(t, 200, "GET", api+"/buckets/tour/objects/a/b.txt", "", nil)
	if get.Body != "hello world" {
		t.Fatalf("%q", get.Body)
	}
	head := w.Want(t, 200, "HEAD", api+"/buckets/tour/objects/a/b.txt", "", nil)
	for name, want := range map[string]string{
		"Content-Type": "text/plain", "Cache-Control": "max-age=5", "Content-Disposition": "inline", "X-Lockwell-Meta-Camera": "K-3", "X-Lockwell-Tag-Count": "2",
		"Etag": put.Header.Get("Etag"), "Content-Length": "11", "Accept-Ranges": "bytes", "X-Lockwell-Encryption": "AES256", "X-Lockwell-Compression": "none",
		"X-Lockwell-Storage-Class": "STANDARD", "X-Lockwell-Checksum-Sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", "X-Content-Type-Options": "nosniff",
	} {
		if get.Header.Get(name) != want || head.Header.Get(name) != want {
			t.Errorf("%s: GET %q, HEAD %q, want %q", name, get.Header.Get(name), head.Header.Get(name), want)
		}
	}
	if get.Header.Get("X-Lockwell-Checksum-Crc64nvme") == "" || get.Header.Get("Last-Modified") == "" || head.Body != "" {
		t.Error("GET lacks headers, or HEAD has a body")
	}
	var list struct {
		Objects  []struct{ Key string }
		KeyCount int
	}
	decode(t, w.Want(t, 200, "GET", api+"/buckets/tour/objects?prefix=a/", "", nil), &list)
	if list.KeyCount != 1 || list.Objects[0].Key != "a/b.txt" {
		t.Errorf("%+v", list)
	}
	if r := w.Want(t, 409, "DELETE", api+"/buckets/tour", "", nil); r.Code() != "bucket_not_empty" {
		t.Error(r.Body)
	}
	var marker struct {
		DeleteMarker bool
		VersionID    string
	}
	decode(t, w.Want(t, 200, "DELETE", api+"/buckets/tour/objects/a/b.txt", "", nil), &marker)
	if r := w.Want(t, 404, "GET", api+"/buckets/tour/objects/a/b.txt", "", nil); !marker.DeleteMarker || r.Header.Get("X-Lockwell-Delete-Marker") != "true" {
		t.Errorf("%+v %v", marker, r.Header)
	}
	for _, version := range []string{marker.VersionID, put.Header.Get("X-Lockwell-Version-Id"), "absent"} {
		w.Want(t, 204, "DELETE", api+"/buckets/tour/objects/a/b.txt?versionId="+version, "", nil)
	}
	w.Want(t, 204, "DELETE", api+"/buckets/tour", "", nil)
	w.Want(t, 204, "DELETE", api+"/account/access-keys/"+key.AccessKeyID, "", account)
	w.Want(t, 401, "GET", api+"/buckets", "", nil)
}

func TestRoutes_Notifications(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/notifications"
	if r := w.Want(t, 200, "GET", path, "", nil); strings.TrimSpace(r.Body) != `{"configs":[]}` {
		t.Error(r.Body)
	}
	r := w.Want(t, 200, "PUT", path, `{"configs":[{"url":"https://example.com/h","events":["object-created"],"prefix":"in/"}]}`, nil)
	if !strings.Contains(r.Body, `"hasSecret":true`) || strings.Contains(r.Body, "whsec") || !strings.Contains(r.Body, `"id":"cfg-0"`) || !strings.Contains(r.Body, `"target":"webhook"`) {
		t.Error(r.Body)
	}
	for body, want := range map[string]int{
		`{"configs":[{"target":"sns","url":"https://e.com","events":["object-created"]}]}`:                                                        501,
		`{"configs":[{"target":"lambda","url":"x"}]}`:                                                                                             501,
		`{"configs":[{"url":"arn:aws:sqs:us-east-1:1:q","events":["object-created"]}]}`:                                                           501,
		`{"configs":[{"url":"ftp://e.com","events":["object-created"]}]}`:                                                                         400,
		`{"configs":[{"url":"https://private.example","events":["object-created"]}]}`:                                                             400,
		`{"configs":[{"url":"https://e.com","events":[]}]}`:                                                                                       400,
		`{"configs":[{"url":"https://e.com","events":["object-eaten"]}]}`:                                                                         400,
		`{"configs":[{"id":"x","url":"https://e.com","events":["object-created"]},{"id":"x","url":"https://e.com","events":["object-created"]}]}`: 400,
		`{}`: 400,
		`{"configs":[` + strings.TrimSuffix(strings.Repeat(`{"url":"https://e.com","events":["object-created"]},`, 101), ",") + `]}`: 400,
	} {
		if r := w.Do(t, "PUT", path, body, nil); r.Status != want {
			t.Errorf("%.80s: %d %s", body, r.Status, r.Body)
		}
	}
	if got := w.Want(t, 200, "GET", path, "", nil); got.Body != r.Body {
		t.Errorf("refused configs changed something: %s", got.Body)
	}
	w.Want(t, 200, "PUT", path, `{"configs":[]}`, nil)
	w.Want(t, 204, "DELETE", path, "", nil)
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "PUT", path, `{"configs":[{"url":"https://e.com","events":["object-created"]}]}`, http.Header{"Authorization": {"Bearer " + reader}})
}

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

func TestAuth_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	payload, mac, _ := strings.Cut(strings.TrimPrefix(w.Token, "lwtk_"), ".")
	expired, err := w.Auth.Tokens.Mint(authv1.TokenClaims{KeyID: w.Key.ID, AccountID: "acc-ada", IssuedAt: 1, ExpiresAt: time.Now().Unix() - 1})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := w.Auth.Tokens.Mint(authv1.TokenClaims{KeyID: w.Key.ID, AccountID: "acc-eve", IssuedAt: time.Now().Unix(), ExpiresAt: time.Now().Unix() + 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, auth := range []string{
		"", "Bearer", "Bearer ", "bearer x", "Basic eDp5", "Bearer lwtk_", "Bearer lwtk_" + payload, "Bearer lwtk_" + payload + "." + mac[1:], "Bearer " + w.Token + "A",
		"Bearer " + w.Account, "Bearer " + strings.Repeat("a", 100000), "Bearer " + expired, "Bearer " + foreign, "Bearer " + strings.ToUpper(w.Token),
	} {
		r := w.Want(t, 401, "GET", api+"/buckets", "", http.Header{"Authorization": {auth}})
		if r.Code() != "unauthorized" || r.Header.Get("Www-Authenticate") == "" || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.30s: %v %s", auth, r.Header, r.Body)
		}
	}
	for name, change := range map[string]func(*authv1.KeyStateResponse){
		"revoked":          func(s *authv1.KeyStateResponse) { s.Key.Active = false },
		"expired":          func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = new(time.Time) },
		"account disabled": func(s *authv1.KeyStateResponse) { s.Account.Active = false },
		"not before":       func(s *authv1.KeyStateResponse) { s.Account.NotBefore = time.Now().Add(time.Hour) },
		"unknown":          func(s *authv1.KeyStateResponse) { s.Found = false },
	} {
		k, tok := w.NewKey(t, edgetest.AllScopes()...)
		h := http.Header{"Authorization": {"Bearer " + tok}}
		w.Want(t, 200, "GET", api+"/buckets", "", h)
		w.Auth.SetState(k.ID, change)
		if r := w.Do(t, "GET", api+"/buckets", "", h); r.Status != 401 {
			t.Errorf("%s: %d", name, r.Status)
		}
	}
	w.Auth.SetFail("KeyState", fault.ErrUnavailable)
	if r := w.Want(t, 503, "GET", api+"/buckets", "", nil); r.Header.Get("Retry-After") == "" || r.Code() != "unavailable" {
		t.Errorf("%v %s", r.Header, r.Body)
	}
}

func TestAccessKeys_NoEscalation(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	path := api + "/account/access-keys"
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "POST", path, `{"scopes":["read"]}`, http.Header{"Authorization": {"Bearer " + reader}})
	w.Want(t, 403, "GET", path, "", http.Header{"Authorization": {"Bearer " + reader}})
	w.Want(t, 403, "DELETE", path+"/"+w.Key.ID, "", http.Header{"Authorization": {"Bearer " + reader}})
	k, admin := w.NewKey(t, authv1.ScopeAdmin, authv1.ScopeRead)
	h := http.Header{"Authorization": {"Bearer " + admin}}
	w.Want(t, 201, "POST", path, `{"scopes":["read"]}`, h)
	w.Want(t, 403, "POST", path, `{"scopes":["read","write"]}`, h)
	soon := time.Now().Add(time.Hour).UTC()
	w.Auth.SetState(k.ID, func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = &soon })
	w.Want(t, 403, "POST", path, fmt.Sprintf(`{"scopes":["read"],"expiresAt":%q}`, soon.Add(time.Minute).Format(time.RFC3339)), h)
	if r := w.Want(t, 201, "POST", path, `{"scopes":["read"]}`, h); !strings.Contains(r.Body, soon.Format("2006-01-02T15:04")) {
		t.Errorf("the new key outlives its maker: %s", r.Body)
	}
	w.Auth.SetState(k.ID, func(s *authv1.KeyStateResponse) { s.Key.Grant.Buckets = []string{"box"} })
	w.Want(t, 403, "POST", path, `{"scopes":["read"]}`, h)
	w.Want(t, 404, "DELETE", path+"/LWAKZZZZZZZZZZZZZZZZ", "", http.Header{"Authorization": {"Bearer " + w.Account}})
	w.Want(t, 404, "DELETE", path+"/nonsense", "", http.Header{"Authorization": {"Bearer " + w.Account}})
}

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
	for _, p := range []string{"/files", "/files/x/y", "/upload/session", "/download/x", "/account/x"} {
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

func TestKeys_Exact(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	for _, key := range []string{
		"a//b", "/leading", "//", "///", "trailing/", "a/../b", "a/./b", "..", ".", "../..", "./", "a/..", "per%cent", "per%2Fcent", "%2e%2e", "plus+sign", "a b", "ünïcödé/文件",
		"q?uery", "h#ash", "semi;colon", "new\nline", "back\\slash", "quote\"'", "a:b", "objects", "a/b/", "~", "*", strings.Repeat("k", 1024), "%", "e\u0301", "{key}", "a/objects/b",
	} {
		keyRoundTrip(t, w, key)
	}
	// Dots and double slashes as a careless client sends them.
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/x//../y", "raw", nil)
	if r := w.Want(t, 200, "GET", api+"/buckets/box/objects/x%2F%2F..%2Fy", "", nil); r.Body != "raw" {
		t.Errorf("%q", r.Body)
	}
	// An unclean prefix is no other key either.
	if r := w.Do(t, "PUT", "/api/v1//buckets/box/objects/x//y", "no", nil); r.Status != 404 {
		t.Errorf("unclean prefix: %d", r.Status)
	}
}

// keyRoundTrip puts a key in three spellings and wants exactly it to exist.
func keyRoundTrip(t testing.TB, w *edgetest.World, key string) {
	t.Helper()
	var all strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&all, "%%%02x", key[i])
	}
	segments := strings.Split(key, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	for _, spelled := range []string{all.String(), strings.Join(segments, "/"), (&url.URL{Path: "/" + key}).EscapedPath()[1:]} {
		path := api + "/buckets/box/objects/" + spelled
		w.Want(t, 201, "PUT", path, "of "+key, nil)
		if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 1 || keys[0] != key {
			t.Errorf("key %q by %q arrived as %q", key, spelled, keys)
		}
		if r := w.Want(t, 200, "GET", path, "", nil); r.Body != "of "+key {
			t.Errorf("key %q: %q", key, r.Body)
		}
		w.Want(t, 204, "DELETE", path, "", nil)
		if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 0 {
			t.Fatalf("key %q stayed: %q", key, keys)
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, k := range []string{"a", "a//b", "../..", "%2F", "+ ", "/.", "é/文件", "a/./..//"} {
		f.Add(k)
	}
	w := edgetest.New(f)
	w.Want(f, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" || len(key) > 1024 || strings.ContainsRune(key, 0) || !utf8.ValidString(key) {
			return
		}
		keyRoundTrip(t, w, key)
	})
}

func decode(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader([]byte(r.Body))).Decode(into); err != nil {
		t.Fatalf("decoding %q: %v", r.Body, err)
	}
}
