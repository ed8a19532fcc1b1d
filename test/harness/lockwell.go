package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Call is Do with headers as names and values in turn.
func (c *Client) Call(t testing.TB, method, path string, body any, headers ...string) Response {
	t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	return c.Do(t, method, path, body, h)
}

// Is fails the test unless the answer is a problem of that status and code in
// the one form that lockwell's errors have (lockwell.md, Errors). An empty code
// is any.
func (r Response) Is(t testing.TB, status int, code string) Response {
	t.Helper()
	r.Want(t, status)
	var p map[string]any
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("status %d with a body that is no problem: %q", r.Status, r.Body)
	}
	switch {
	case r.Header.Get("Content-Type") != "application/problem+json":
		t.Fatalf("Content-Type %q: %s", r.Header.Get("Content-Type"), r.Body)
	case len(p) != 4 || p["status"] != float64(status) || p["message"] == nil || p["message"] == "":
		t.Fatalf("no problem of code, message, status, requestId: %s", r.Body)
	case p["requestId"] == "" || p["requestId"] != r.Header.Get("X-Request-Id"):
		t.Fatalf("requestId %v, X-Request-Id %q", p["requestId"], r.Header.Get("X-Request-Id"))
	case code != "" && p["code"] != code:
		t.Fatalf("code %v, want %s: %s", p["code"], code, r.Body)
	}
	return r
}

// ID of the request, as the answer names it.
func (r Response) ID() string { return r.Header.Get("X-Request-Id") }

// WithKey is the same account by another access key.
func (c *Client) WithKey(t testing.TB, body map[string]any) *Client {
	t.Helper()
	k := *c
	k.KeyID, k.Secret = c.NewKey(t, body)
	k.Mint(t)
	return &k
}

// WithScopes is the same account by a key of those scopes.
func (c *Client) WithScopes(t testing.TB, scopes ...string) *Client {
	t.Helper()
	return c.WithKey(t, map[string]any{"scopes": scopes})
}

// AsAccount is the same account by its own token instead of an access key.
func (c *Client) AsAccount() *Client {
	k := *c
	k.KeyID, k.Secret, k.Token = "", "", c.Account
	return &k
}

// Anonymous is a client that shows no credential.
func (c *Client) Anonymous() *Client {
	k := *c
	k.KeyID, k.Secret, k.Token, k.Account = "", "", "", ""
	return &k
}

// Revoke ends the client's access key, with the account's token.
func (c *Client) Revoke(t testing.TB) {
	t.Helper()
	c.AsAccount().Call(t, http.MethodDelete, "/api/v1/account/access-keys/"+c.KeyID, nil).Want(t, http.StatusNoContent)
}

// EscapeKey escapes a key for a path, its slashes left alone.
func EscapeKey(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// BucketPath is the path of a bucket, with more behind it.
func BucketPath(bucket, more string) string { return "/api/v1/buckets/" + bucket + more }

// KeyPath is a path about one key: BucketPath(bucket, "/"+kind+"/") and the key.
func KeyPath(bucket, kind, key string) string {
	return BucketPath(bucket, "/"+kind+"/") + EscapeKey(key)
}

// Object is what PUT, copy and complete answer.
type Object struct {
	Bucket, Key, VersionID, ETag, ContentType, Encryption, Compression, StorageClass string
	Size                                                                             int64
	Checksums, ChecksumType                                                          map[string]string
	CreatedAt                                                                        time.Time
}

// Object decodes the answer of a PUT, copy or complete.
func (r Response) Object(t testing.TB) Object {
	t.Helper()
	var o Object
	r.JSON(t, &o)
	return o
}

// Version is an entry of a version listing.
type Version struct {
	Key, VersionID, ETag   string
	IsLatest, DeleteMarker bool
	Size                   int64
	LastModified           time.Time
}

// Versions is a page of a version listing.
type Versions struct {
	Versions                           []Version
	IsTruncated                        bool
	NextKeyMarker, NextVersionIDMarker string
}

// Versions reads one page; query is as in the URL.
func (c *Client) Versions(t testing.TB, bucket, query string) Versions {
	t.Helper()
	var v Versions
	c.Call(t, http.MethodGet, BucketPath(bucket, "/versions?"+query), nil).Want(t, http.StatusOK).JSON(t, &v)
	return v
}

// Usage gives a bucket's count of objects and of bytes.
func (c *Client) Usage(t testing.TB, bucket string) (objects, bytes int64) {
	t.Helper()
	var b struct{ ObjectCount, Bytes int64 }
	c.Call(t, http.MethodGet, BucketPath(bucket, ""), nil).Want(t, http.StatusOK).JSON(t, &b)
	return b.ObjectCount, b.Bytes
}

// Sign asks for a signed URL and gives its path with the token; more are more
// members of the request.
func (c *Client) Sign(t testing.TB, method, bucket, key string, more ...any) string {
	t.Helper()
	body := map[string]any{"method": method, "bucket": bucket, "key": key}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	var s struct{ URL, Method string }
	c.Call(t, http.MethodPost, "/api/v1/sign-url", body).Want(t, http.StatusOK).JSON(t, &s)
	path, ok := strings.CutPrefix(s.URL, c.URL)
	if !ok || s.Method != method {
		t.Fatalf("%s %s is no %s URL of %s", s.Method, s.URL, method, c.URL)
	}
	return path
}

// Upload is an open multipart upload.
type Upload struct {
	c               *Client
	Bucket, Key, ID string
}

// Part is a part as its client knows it.
type Part struct {
	PartNumber int    `json:"partNumber"`
	ETag       string `json:"etag"`
	Size       int64  `json:"size,omitempty"`
}

// Multipart begins a multipart upload.
func (c *Client) Multipart(t testing.TB, bucket, key string, headers ...string) *Upload {
	t.Helper()
	var u struct{ UploadID, Bucket, Key string }
	c.Call(t, http.MethodPost, KeyPath(bucket, "multipart", key), nil, headers...).Want(t, http.StatusCreated).JSON(t, &u)
	if u.Bucket != bucket || u.Key != key || u.UploadID == "" {
		t.Fatalf("creating an upload of %s/%s answered %+v", bucket, key, u)
	}
	return &Upload{c: c, Bucket: bucket, Key: key, ID: u.UploadID}
}

// By is the upload as another client sees it.
func (u Upload) By(c *Client) *Upload {
	u.c = c
	return &u
}

// Path is a path about the upload: kind is "", "parts", "parts/7" or "complete".
func (u *Upload) Path(kind string) string {
	if kind != "" {
		kind = "/" + kind
	}
	return KeyPath(u.Bucket, "multipart/"+u.ID+kind, u.Key)
}

// Send sends a part, whatever the answer.
func (u *Upload) Send(t testing.TB, n int, body any, headers ...string) Response {
	t.Helper()
	return u.c.Call(t, http.MethodPut, u.Path(fmt.Sprintf("parts/%d", n)), body, headers...)
}

// Part sends a part and wants it to succeed.
func (u *Upload) Part(t testing.TB, n int, body any, headers ...string) Part {
	t.Helper()
	var p Part
	u.Send(t, n, body, headers...).Want(t, http.StatusOK).JSON(t, &p)
	if p.PartNumber != n || p.ETag == "" {
		t.Fatalf("part %d answered %+v", n, p)
	}
	return p
}

// Parts sends bodies as parts 1, 2, ….
func (u *Upload) Parts(t testing.TB, bodies ...any) []Part {
	t.Helper()
	parts := make([]Part, len(bodies))
	for i, b := range bodies {
		parts[i] = u.Part(t, i+1, b)
	}
	return parts
}

// Complete puts the object together from parts, whatever the answer.
func (u *Upload) Complete(t testing.TB, parts []Part, headers ...string) Response {
	t.Helper()
	list := make([]map[string]any, len(parts))
	for i, p := range parts {
		list[i] = map[string]any{"partNumber": p.PartNumber, "etag": p.ETag}
	}
	return u.c.Call(t, http.MethodPost, u.Path("complete"), map[string]any{"parts": list}, headers...)
}

// Abort drops the upload, whatever the answer.
func (u *Upload) Abort(t testing.TB) Response {
	t.Helper()
	return u.c.Call(t, http.MethodDelete, u.Path(""), nil)
}

// List reads the parts that are there; query is as in the URL.
func (u *Upload) List(t testing.TB, query string) (parts []Part, truncated bool, next int) {
	t.Helper()
	var l struct {
		Parts                []Part
		IsTruncated          bool
		NextPartNumberMarker int
	}
	u.c.Call(t, http.MethodGet, u.Path("parts")+"?"+query, nil).Want(t, http.StatusOK).JSON(t, &l)
	return l.Parts, l.IsTruncated, l.NextPartNumberMarker
}
