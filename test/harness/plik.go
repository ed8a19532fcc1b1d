package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Plik speaks Plik to a World: as nobody, with a user token, or with the cookies
// of a session. Safe for concurrent use while its fields stay.
type Plik struct {
	HTTP  *http.Client
	URL   string // with plik.path, without a slash at the end
	Token string // X-PlikToken
	// Session and XSRF are the cookies of a log-in.
	Session, XSRF string
	// Headers go with every request, names and values in turn.
	Headers []string
}

// PlikUpload is an upload as plik-wire.md 4.2 has it.
type PlikUpload struct {
	ID                  string     `json:"id"`
	TTL                 int        `json:"ttl"`
	ExtendTTL           bool       `json:"extend_ttl"`
	DownloadDomain      string     `json:"downloadDomain"`
	UploadIP            string     `json:"uploadIp"`
	Comments            string     `json:"comments"`
	Files               []PlikFile `json:"files"`
	UploadToken         string     `json:"uploadToken"`
	User                string     `json:"user"`
	Token               string     `json:"token"`
	Admin               bool       `json:"admin"`
	Stream              bool       `json:"stream"`
	OneShot             bool       `json:"oneShot"`
	Removable           bool       `json:"removable"`
	ProtectedByPassword bool       `json:"protectedByPassword"`
	Login               string     `json:"login"`
	Password            string     `json:"password"`
	CreatedAt           time.Time  `json:"createdAt"`
	ExpireAt            *time.Time `json:"expireAt"`
}

// PlikFile is a file as plik-wire.md 4.3 has it.
type PlikFile struct {
	ID        string    `json:"id"`
	Name      string    `json:"fileName"`
	Status    string    `json:"status"`
	MD5       string    `json:"fileMd5"`
	Type      string    `json:"fileType"`
	Size      int64     `json:"fileSize"`
	Reference string    `json:"reference"`
	CreatedAt time.Time `json:"createdAt"`
}

// Path of the file under one of file and stream, its name escaped.
func (u PlikUpload) Path(f PlikFile) string {
	return "/file/" + u.ID + "/" + f.ID + "/" + url.PathEscape(f.Name)
}

// NewPlik speaks to base as nobody.
func NewPlik(t testing.TB, base string) *Plik {
	t.Helper()
	p := &Plik{HTTP: newHTTP(t), URL: base}
	p.HTTP.Timeout = time.Minute // a stream that nobody ends waits for ever
	return p
}

// With is the same with more headers on every request.
func (p *Plik) With(headers ...string) *Plik {
	k := *p
	k.Headers = append(append([]string{}, p.Headers...), headers...)
	return &k
}

// Admin is the same with the upload's secret.
func (p *Plik) Admin(u PlikUpload) *Plik { return p.With("X-UploadToken", u.UploadToken) }

// As is the same with a user token.
func (p *Plik) As(token string) *Plik {
	k := *p
	k.Token = token
	return &k
}

// Login is the same with the session of a local user.
func (p *Plik) Login(t testing.TB, login, password string) *Plik {
	t.Helper()
	return p.Entered(t, p.Call(t, http.MethodPost, "/auth/local/login", map[string]string{"login": login, "password": password}).Want(t, http.StatusOK))
}

// Entered is the same with the cookies that an answer sets.
func (p *Plik) Entered(t testing.TB, r Response) *Plik {
	t.Helper()
	k := *p
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		switch c.Name {
		case "plik-session":
			k.Session = c.Value
		case "plik-xsrf":
			k.XSRF = c.Value
		}
	}
	if k.Session == "" || k.XSRF == "" {
		t.Fatalf("no cookies: %v", r.Header)
	}
	return &k
}

// Call sends a request, headers as names and values in turn, and fails the test
// when no answer comes. A body that is no string, []byte or io.Reader is sent as
// JSON.
func (p *Plik) Call(t testing.TB, method, path string, body any, headers ...string) Response {
	t.Helper()
	r, err := p.Try(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// Try is Call for callers that expect failures. A Host among the headers is the
// request's host.
func (p *Plik) Try(ctx context.Context, method, path string, body any, headers ...string) (Response, error) {
	resp, err := p.Open(ctx, method, path, body, headers...)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: out}, err
}

// Open is Try with the answer's body still to be read and closed.
func (p *Plik) Open(ctx context.Context, method, path string, body any, headers ...string) (*http.Response, error) {
	var rd io.Reader
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
			return nil, err
		}
		rd = bytes.NewReader(enc)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, rd)
	if err != nil {
		return nil, err
	}
	if p.Token != "" {
		req.Header.Set("X-PlikToken", p.Token)
	}
	if p.Session != "" {
		req.Header.Set("Cookie", "plik-session="+p.Session+"; plik-xsrf="+p.XSRF)
		req.Header.Set("X-XSRFToken", p.XSRF)
	}
	for _, h := range [][]string{p.Headers, headers} {
		for i := 0; i+1 < len(h); i += 2 {
			if h[i] == "Host" {
				req.Host = h[i+1]
				continue
			}
			req.Header.Set(h[i], h[i+1])
		}
	}
	return p.HTTP.Do(req)
}

// Create makes an upload of these options.
func (p *Plik) Create(t testing.TB, options map[string]any) PlikUpload {
	t.Helper()
	return p.Call(t, http.MethodPost, "/upload", options).Want(t, http.StatusOK).PlikUpload(t)
}

// Get reads an upload.
func (p *Plik) Get(t testing.TB, id string) PlikUpload {
	t.Helper()
	return p.Call(t, http.MethodGet, "/upload/"+id, nil).Want(t, http.StatusOK).PlikUpload(t)
}

// Add sends a file that was not announced.
func (p *Plik) Add(t testing.TB, u PlikUpload, name string, content any, headers ...string) Response {
	t.Helper()
	return p.Post(t, "/file/"+u.ID, name, content, append([]string{"X-UploadToken", u.UploadToken}, headers...)...)
}

// Fill sends the content of a file that was announced.
func (p *Plik) Fill(t testing.TB, u PlikUpload, f PlikFile, content any, headers ...string) Response {
	t.Helper()
	return p.Post(t, u.Path(f), f.Name, content, append([]string{"X-UploadToken", u.UploadToken}, headers...)...)
}

// Post sends a form with one part "file", chunked, as Plik's own client does.
func (p *Plik) Post(t testing.TB, path, name string, content any, headers ...string) Response {
	t.Helper()
	r, err := p.TryPost(t.Context(), path, name, content, headers...)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return r
}

// TryPost is Post for callers that expect failures.
func (p *Plik) TryPost(ctx context.Context, path, name string, content any, headers ...string) (Response, error) {
	body, contentType := PlikForm(name, content)
	defer body.Close()
	return p.Try(ctx, http.MethodPost, path, io.Reader(body), append([]string{"Content-Type", contentType}, headers...)...)
}

// PlikForm is a form with one part "file", written while it is read. Content is a
// string, []byte or io.Reader; where that fails the form breaks off.
func PlikForm(name string, content any) (body io.ReadCloser, contentType string) {
	var rd io.Reader
	switch b := content.(type) {
	case string:
		rd = strings.NewReader(b)
	case []byte:
		rd = bytes.NewReader(b)
	case io.Reader:
		rd = b
	}
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("file", name)
		if err == nil {
			_, err = io.Copy(part, rd)
		}
		if err == nil {
			err = form.Close()
		}
		w.CloseWithError(err)
	}()
	return r, form.FormDataContentType()
}

// Stored makes an upload of these options with one file.
func (p *Plik) Stored(t testing.TB, options map[string]any, name string, content any) (PlikUpload, PlikFile) {
	t.Helper()
	u := p.Create(t, options)
	return u, p.Add(t, u, name, content).Want(t, http.StatusOK).PlikFile(t)
}

// PlikUpload decodes an upload, strictly: no unknown keys.
func (r Response) PlikUpload(t testing.TB) PlikUpload {
	t.Helper()
	var u PlikUpload
	r.strictly(t, &u)
	return u
}

// PlikFile decodes a file; see PlikUpload.
func (r Response) PlikFile(t testing.TB) PlikFile {
	t.Helper()
	var f PlikFile
	r.strictly(t, &f)
	return f
}

func (r Response) strictly(t testing.TB, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("decoding %s: %v", r.Body, err)
	}
}

// Says fails the test unless the answer is an error of Plik: a status and a line
// of plain text (plik-wire.md 1).
func (r Response) Says(t testing.TB, status int, text string) Response {
	t.Helper()
	if r.Status != status || string(r.Body) != text+"\n" {
		t.Fatalf("%d %q, want %d %q", r.Status, r.Body, status, text+"\n")
	}
	if r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("headers of %q: %v", r.Body, r.Header)
	}
	return r
}

// SaysLike is Says for texts of which the beginning is fixed.
func (r Response) SaysLike(t testing.TB, status int, prefix string) Response {
	t.Helper()
	if r.Status != status || !strings.HasPrefix(string(r.Body), prefix) {
		t.Fatalf("%d %q, want %d %q…", r.Status, r.Body, status, prefix)
	}
	return r.Says(t, status, strings.TrimSuffix(string(r.Body), "\n"))
}

// OK fails the test unless the answer is the two bytes of a short success.
func (r Response) OK(t testing.TB) Response {
	t.Helper()
	if r.Status != http.StatusOK || string(r.Body) != "ok" {
		t.Fatalf("%d %q, want 200 \"ok\"", r.Status, r.Body)
	}
	return r
}
