package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Client speaks lockwell and the account routes to a World as one account. It is
// plain net/http on purpose: what the tests send is what they say. Safe for
// concurrent use.
type Client struct {
	HTTP     *http.Client
	URL      string
	Username string
	Account  string // the account token
	KeyID    string
	Secret   string
	Token    string // lwtk_…
}

// Response is an answer, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body into v, or fails the test.
func (r Response) JSON(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("decoding %q: %v", r.Body, err)
	}
}

// Want fails the test when the status is another one.
func (r Response) Want(t testing.TB, status int) Response {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	return r
}

// Code is the code of a problem+json or lockr error body; "" when there is none.
func (r Response) Code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Body, &p)
	return p.Code
}

// NewClient makes an account of that name with an access key of all scopes, and
// mints a token, all over HTTP.
func NewClient(t testing.TB, w *World, name string) *Client {
	t.Helper()
	c := &Client{URL: w.URL, Username: name, HTTP: newHTTP(t)}
	var session struct {
		Token string `json:"token"`
	}
	c.Do(t, http.MethodPost, "/api/v1/account", map[string]string{"username": name, "email": name + "@example.test", "password": "correct horse " + name}, nil).
		Want(t, http.StatusCreated).JSON(t, &session)
	c.Account = session.Token
	c.KeyID, c.Secret = c.NewKey(t, map[string]any{"scopes": []string{"read", "write", "delete", "admin"}})
	c.Mint(t)
	return c
}

// newHTTP is an HTTP client of its own for a test.
func newHTTP(t testing.TB) *http.Client {
	c := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true, ExpectContinueTimeout: time.Minute}, Timeout: 5 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// NewKey makes an access key with the account token.
func (c *Client) NewKey(t testing.TB, body map[string]any) (id, secret string) {
	t.Helper()
	var key struct {
		ID     string `json:"accessKeyId"`
		Secret string `json:"secretKey"`
	}
	c.Do(t, http.MethodPost, "/api/v1/account/access-keys", body, http.Header{"Authorization": {"Bearer " + c.Account}}).
		Want(t, http.StatusCreated).JSON(t, &key)
	return key.ID, key.Secret
}

// Mint exchanges the access key for a token and keeps it.
func (c *Client) Mint(t testing.TB) string {
	t.Helper()
	var tok struct {
		Token string `json:"accessToken"`
	}
	c.Do(t, http.MethodPost, "/api/v1/auth/token", map[string]string{"accessKeyId": c.KeyID, "secretKey": c.Secret}, http.Header{}).
		Want(t, http.StatusOK).JSON(t, &tok)
	c.Token = tok.Token
	return tok.Token
}

// Do sends a request and fails the test when no answer comes. A body that is
// not nil, a []byte, a string or an io.Reader is sent as JSON. A nil header
// carries the token.
func (c *Client) Do(t testing.TB, method, path string, body any, h http.Header) Response {
	t.Helper()
	r, err := c.Try(t.Context(), method, path, body, h)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// Try is Do for callers that expect failures.
func (c *Client) Try(ctx context.Context, method, path string, body any, h http.Header) (Response, error) {
	var rd io.Reader
	asJSON := false
	switch b := body.(type) {
	case nil:
	case []byte:
		rd = bytes.NewReader(b)
	case string:
		rd = strings.NewReader(b)
	case io.Reader:
		rd = b
	default:
		enc, err := json.Marshal(b)
		if err != nil {
			return Response{}, err
		}
		rd, asJSON = bytes.NewReader(enc), true
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, rd)
	if err != nil {
		return Response{}, err
	}
	for k, v := range h {
		req.Header[k] = v
	}
	if h.Get("Authorization") == "" && c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if asJSON && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if n := h.Get("Content-Length"); n != "" {
		if _, err := fmt.Sscan(n, &req.ContentLength); err != nil {
			return Response{}, err
		}
		req.Header.Del("Content-Length")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return Response{}, fmt.Errorf("reading the answer (%d): %w", resp.StatusCode, err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: out}, nil
}

// ObjectPath is the path of an object, its key escaped segment by segment.
func ObjectPath(bucket, key string) string { return KeyPath(bucket, "objects", key) }

// Bucket makes a bucket; options are more members of the request.
func (c *Client) Bucket(t testing.TB, name string, options ...any) {
	t.Helper()
	body := map[string]any{"name": name}
	for i := 0; i+1 < len(options); i += 2 {
		body[options[i].(string)] = options[i+1]
	}
	c.Do(t, http.MethodPost, "/api/v1/buckets", body, nil).Want(t, http.StatusCreated)
}

// Put stores an object and wants it to succeed.
func (c *Client) Put(t testing.TB, bucket, key string, body any, h http.Header) Response {
	t.Helper()
	return c.Do(t, http.MethodPut, ObjectPath(bucket, key), body, h).Want(t, http.StatusCreated)
}

// Get reads an object, whatever the answer.
func (c *Client) Get(t testing.TB, bucket, key string, h http.Header) Response {
	t.Helper()
	return c.Do(t, http.MethodGet, ObjectPath(bucket, key), nil, h)
}

// Listing is a page of a listing.
type Listing struct {
	Objects []struct {
		Key, ETag, VersionID, ContentType string
		Size                              int64
		LastModified                      time.Time
	} `json:"objects"`
	CommonPrefixes        []string `json:"commonPrefixes"`
	KeyCount              int      `json:"keyCount"`
	IsTruncated           bool     `json:"isTruncated"`
	NextContinuationToken string   `json:"nextContinuationToken"`
}

// List reads one page; query is as in the URL.
func (c *Client) List(t testing.TB, bucket, query string) Listing {
	t.Helper()
	var l Listing
	c.Do(t, http.MethodGet, "/api/v1/buckets/"+bucket+"/objects?"+query, nil, nil).Want(t, http.StatusOK).JSON(t, &l)
	return l
}

// ListAll reads every page and gives size by key.
func (c *Client) ListAll(t testing.TB, bucket string) map[string]int64 {
	t.Helper()
	all, query := map[string]int64{}, "maxKeys=1000"
	for {
		l := c.List(t, bucket, query)
		for _, o := range l.Objects {
			all[o.Key] = o.Size
		}
		if !l.IsTruncated {
			return all
		}
		query = "maxKeys=1000&continuationToken=" + url.QueryEscape(l.NextContinuationToken)
	}
}

// Login renews the account token.
func (c *Client) Login(t testing.TB) {
	t.Helper()
	var session struct {
		Token string `json:"token"`
	}
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": c.Username, "password": "correct horse " + c.Username}, http.Header{}).
		Want(t, http.StatusOK).JSON(t, &session)
	c.Account = session.Token
}
