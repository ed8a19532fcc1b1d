package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Lockr speaks lockr to a World as one account, or as a guest when Token is
// empty. Safe for concurrent use.
type Lockr struct {
	HTTP     *http.Client
	URL      string
	Username string
	Token    string
}

// File is what lockr says of a file.
type File struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Size        int64      `json:"size"`
	Type        string     `json:"type"`
	Region      string     `json:"region"`
	HasKey      bool       `json:"hasKey"`
	SHA256      string     `json:"sha256"`
	CreatedAt   time.Time  `json:"createdAt"`
	ExpiresAt   *time.Time `json:"expiresAt"`
	Downloads   int64      `json:"downloads"`
	DownloadURL string     `json:"downloadUrl"`
	URL         string     `json:"url"`
	SignedURL   string     `json:"signedUrl"`
}

// LockrSession is an upload session as its creation answers.
type LockrSession struct {
	ID          string    `json:"id"`
	UploadURL   string    `json:"uploadUrl"`
	DownloadURL string    `json:"downloadUrl"`
	Size        *int64    `json:"size"`
	Region      string    `json:"region"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// Lockr is the client's account in lockr.
func (c *Client) Lockr() *Lockr {
	return &Lockr{HTTP: c.HTTP, URL: c.URL, Username: c.Username, Token: c.Account}
}

// Guest speaks lockr to w without an account.
func Guest(t testing.TB, w *World) *Lockr { return &Lockr{HTTP: newHTTP(t), URL: w.URL} }

// Call sends a request; headers are names and values in turn, and an
// Authorization among them stands for the token. A path may be a whole URL of
// the World. A body that is no string, []byte or io.Reader is sent as JSON.
func (l *Lockr) Call(t testing.TB, method, path string, body any, headers ...string) Response {
	t.Helper()
	r, err := l.Try(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// Try is Call for callers that expect failures.
func (l *Lockr) Try(ctx context.Context, method, path string, body any, headers ...string) (Response, error) {
	h := http.Header{}
	if l.Token != "" {
		h.Set("Authorization", "Bearer "+l.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	c := &Client{HTTP: l.HTTP, URL: l.URL}
	return c.Try(ctx, method, strings.TrimPrefix(path, l.URL), body, h)
}

// Refuses fails the test unless the answer is an error of that status and code
// in the one form that lockr's errors have. An empty code is any.
func (r Response) Refuses(t testing.TB, status int, code string) Response {
	t.Helper()
	r.Want(t, status)
	var e struct {
		Error, Code string
		Extra       any
	}
	r.JSON(t, &e)
	switch {
	case r.Header.Get("Content-Type") != "application/json", e.Error == "", e.Code == "":
		t.Fatalf("no error of lockr: %q %s", r.Header.Get("Content-Type"), r.Body)
	case code != "" && e.Code != code:
		t.Fatalf("code %s, want %s: %s", e.Code, code, r.Body)
	}
	return r
}

// File decodes a file.
func (r Response) File(t testing.TB) File {
	t.Helper()
	var f File
	r.JSON(t, &f)
	return f
}

// Upload sends a file in one request.
func (l *Lockr) Upload(t testing.TB, name string, body any, headers ...string) File {
	t.Helper()
	return l.Call(t, http.MethodPost, "/api/v1/upload", body, append([]string{"x-file-name", name}, headers...)...).Want(t, http.StatusCreated).File(t)
}

// Session opens an upload session; more is other members of the request.
func (l *Lockr) Session(t testing.TB, name string, size any, more ...any) LockrSession {
	t.Helper()
	body := map[string]any{"name": name, "size": size}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	var s LockrSession
	l.Call(t, http.MethodPost, "/api/v1/upload/session", body).Want(t, http.StatusCreated).JSON(t, &s)
	return s
}

// Chunk sends the bytes from off on to a session. Total -1 is "*".
func (l *Lockr) Chunk(t testing.TB, s LockrSession, off int64, b []byte, total int64) Response {
	t.Helper()
	return l.anonymous().Call(t, http.MethodPut, s.UploadURL, b, "Content-Range", ContentRange(off, len(b), total))
}

// Query asks a session how far it is.
func (l *Lockr) Query(t testing.TB, s LockrSession, total int64) Response {
	t.Helper()
	return l.anonymous().Call(t, http.MethodPut, s.UploadURL, nil, "Content-Range", ContentRange(0, 0, total))
}

// anonymous shows that the session's URL is all that is needed.
func (l *Lockr) anonymous() *Lockr { return &Lockr{HTTP: l.HTTP, URL: l.URL} }

// ContentRange writes the header; n 0 asks for the state, total -1 is unknown.
func ContentRange(off int64, n int, total int64) string {
	size := "*"
	if total >= 0 {
		size = fmt.Sprint(total)
	}
	if n == 0 {
		return "bytes */" + size
	}
	return fmt.Sprintf("bytes %d-%d/%s", off, off+int64(n)-1, size)
}

// Stored is how many bytes a 308 says are durable.
func (r Response) Stored(t testing.TB) int64 {
	t.Helper()
	r.Want(t, http.StatusPermanentRedirect)
	h := r.Header.Get("Range")
	if h == "" {
		return 0
	}
	var last int64
	if _, err := fmt.Sscanf(h, "bytes=0-%d", &last); err != nil {
		t.Fatalf("Range %q of a 308", h)
	}
	return last + 1
}

// Download reads a file by its API link; query is as in the URL, with the "?".
func (l *Lockr) Download(t testing.TB, id, query string, headers ...string) Response {
	t.Helper()
	return l.Call(t, http.MethodGet, "/api/v1/download/"+id+query, nil, headers...)
}

// KeyHash is what a client sends for a phrase.
func KeyHash(phrase string) string {
	sum := sha256.Sum256([]byte(phrase))
	return hex.EncodeToString(sum[:])
}

// Cut gives a reader that yields the first n bytes of r and then fails, as a
// connection that breaks does.
func Cut(r io.Reader, n int64) io.Reader { return io.MultiReader(io.LimitReader(r, n), broken{}) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
