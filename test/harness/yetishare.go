package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Yetishare speaks the file hosting API to a World as one account: every request
// has access_token and account_id. It is plain net/http on purpose. Safe for
// concurrent use while its fields stay.
type Yetishare struct {
	HTTP       *http.Client
	URL        string
	Username   string
	Account    string // the account's own token, for what is not this API
	Key1, Key2 string
	Token      string // access_token
	ID         string // account_id
}

// YetiFile is a file as the document shows one. Null is nil.
type YetiFile struct {
	ID          string  `json:"id"`
	Filename    string  `json:"filename"`
	ShortURL    string  `json:"shortUrl"`
	FileType    string  `json:"fileType"`
	Extension   string  `json:"extension"`
	FileSize    string  `json:"fileSize"`
	Status      string  `json:"status"`
	Downloads   string  `json:"downloads"`
	FolderID    *string `json:"folderId"`
	Keywords    *string `json:"keywords"`
	URLFile     string  `json:"url_file"`
	FileStatus  string  `json:"file_status"`
	Description *string `json:"description"`
	DateAdded   string  `json:"date_added"`
}

// YetiFolder is a folder as the document shows one.
type YetiFolder struct {
	ID             string  `json:"id"`
	ParentID       *string `json:"parentId"`
	Name           string  `json:"folderName"`
	TotalSize      string  `json:"totalSize"`
	IsPublic       string  `json:"isPublic"`
	AccessPassword *string `json:"accessPassword"`
	DateAdded      string  `json:"date_added"`
	DateUpdated    *string `json:"date_updated"`
	URLFolder      string  `json:"url_folder"`
	Downloads      int64   `json:"total_downloads"`
	Folders        int64   `json:"child_folder_count"`
	Files          int64   `json:"file_count"`
}

// YetiUploaded is what an upload is answered with.
type YetiUploaded struct {
	Name       string  `json:"name"`
	Size       string  `json:"size"`
	Type       string  `json:"type"`
	Error      *string `json:"error"`
	URL        string  `json:"url"`
	DeleteURL  string  `json:"delete_url"`
	InfoURL    string  `json:"info_url"`
	DeleteType string  `json:"delete_type"`
	DeleteHash string  `json:"delete_hash"`
	Hash       string  `json:"hash"`
	StatsURL   string  `json:"stats_url"`
	ShortURL   string  `json:"short_url"`
	FileID     string  `json:"file_id"`
	UniqueHash string  `json:"unique_hash"`
	URLHTML    string  `json:"url_html"`
	URLBBCode  string  `json:"url_bbcode"`
}

// YetiListing is what a folder holds.
type YetiListing struct {
	Folders []YetiFolder `json:"folders"`
	Files   []YetiFile   `json:"files"`
}

// YetiPart is a part of a form; one with a Filename is a file.
type YetiPart struct {
	Name, Filename, Type string
	Content              any // string, []byte or io.Reader
}

// Yetishare is the client's account with a new pair of keys, by which it has got a
// token; an old pair ends.
func (c *Client) Yetishare(t testing.TB) *Yetishare {
	t.Helper()
	y := &Yetishare{HTTP: c.HTTP, URL: c.URL, Username: c.Username, Account: c.Account}
	y.NewKeys(t)
	y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
	return y
}

// NewKeys makes the account's pair of keys anew.
func (y *Yetishare) NewKeys(t testing.TB) {
	t.Helper()
	var k struct{ Key1, Key2 string }
	l := &Lockr{HTTP: y.HTTP, URL: y.URL, Token: y.Account}
	l.Call(t, http.MethodPost, "/api/v1/account/yetishare-keys", nil).Want(t, http.StatusCreated).JSON(t, &k)
	y.Key1, y.Key2 = k.Key1, k.Key2
}

// Authorize gets a token by those parameters and keeps it.
func (y *Yetishare) Authorize(t testing.TB, pairs ...string) {
	t.Helper()
	var a struct {
		Token string `json:"access_token"`
		ID    string `json:"account_id"`
	}
	y.Nobody().Ask(t, "/authorize", pairs...).Data(t, &a)
	y.Token, y.ID = a.Token, a.ID
}

// Nobody is the same without credentials.
func (y *Yetishare) Nobody() *Yetishare {
	k := *y
	k.Token, k.ID, k.Account = "", "", ""
	return &k
}

// At is the same at another edge.
func (y *Yetishare) At(base string) *Yetishare {
	k := *y
	k.URL = base
	return &k
}

// FromAddress is the same from another address of this machine, one of 127.0.0.0/8.
func (y *Yetishare) FromAddress(t testing.TB, address string) *Yetishare {
	t.Helper()
	k := *y
	k.HTTP = newHTTP(t)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	k.HTTP.Transport.(*http.Transport).DialContext = dialer.DialContext
	return &k
}

// Values are the credentials, and pairs of names and values behind them, of which
// the first of a name stays unless it is a credential's.
func (y *Yetishare) Values(pairs ...string) url.Values {
	v := url.Values{}
	if y.Token != "" {
		v.Set("access_token", y.Token)
	}
	if y.ID != "" {
		v.Set("account_id", y.ID)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// Ask sends parameters in an urlencoded body, as most clients do.
func (y *Yetishare) Ask(t testing.TB, endpoint string, pairs ...string) Response {
	t.Helper()
	r, err := y.Try(t.Context(), endpoint, pairs...)
	if err != nil {
		t.Fatalf("%s: %v", endpoint, err)
	}
	return r
}

// Try is Ask for callers that expect failures.
func (y *Yetishare) Try(ctx context.Context, endpoint string, pairs ...string) (Response, error) {
	c := &Client{HTTP: y.HTTP, URL: y.URL}
	return c.Try(ctx, http.MethodPost, "/api/v2"+endpoint, y.Values(pairs...).Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// Query sends parameters in the query string of a GET.
func (y *Yetishare) Query(t testing.TB, endpoint string, pairs ...string) Response {
	t.Helper()
	return y.Call(t, http.MethodGet, "/api/v2"+endpoint+"?"+y.Values(pairs...).Encode(), nil)
}

// Form sends parameters as multipart/form-data.
func (y *Yetishare) Form(t testing.TB, endpoint string, pairs ...string) Response {
	t.Helper()
	var parts []YetiPart
	for name, values := range y.Values(pairs...) {
		parts = append(parts, YetiPart{Name: name, Content: values[0]})
	}
	return y.Send(t, endpoint, parts...)
}

// Call sends any request of nobody's: headers are names and values in turn, and a
// path may be a whole URL of the World.
func (y *Yetishare) Call(t testing.TB, method, path string, body any, headers ...string) Response {
	t.Helper()
	l := &Lockr{HTTP: y.HTTP, URL: y.URL}
	return l.Call(t, method, path, body, headers...)
}

// Fields are the credentials as parts of a form.
func (y *Yetishare) Fields(pairs ...string) []YetiPart {
	parts := []YetiPart{{Name: "access_token", Content: y.Token}, {Name: "account_id", Content: y.ID}}
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, YetiPart{Name: pairs[i], Content: pairs[i+1]})
	}
	return parts
}

// Send sends a form of exactly those parts, chunked.
func (y *Yetishare) Send(t testing.TB, endpoint string, parts ...YetiPart) Response {
	t.Helper()
	r, err := y.TrySend(t.Context(), endpoint, parts...)
	if err != nil {
		t.Fatalf("%s: %v", endpoint, err)
	}
	return r
}

// TrySend is Send for callers that expect failures.
func (y *Yetishare) TrySend(ctx context.Context, endpoint string, parts ...YetiPart) (Response, error) {
	body, contentType := YetiForm(parts...)
	defer body.Close()
	c := &Client{HTTP: y.HTTP, URL: y.URL}
	return c.Try(ctx, http.MethodPost, "/api/v2"+endpoint, io.Reader(body), http.Header{"Content-Type": {contentType}})
}

// YetiForm is a form that is written while it is read. Where a content fails the
// form breaks off.
func YetiForm(parts ...YetiPart) (body io.ReadCloser, contentType string) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeForm(form, parts)) }()
	return r, form.FormDataContentType()
}

func writeForm(form *multipart.Writer, parts []YetiPart) error {
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+p.Name+`"`)
		if p.Filename != "" {
			h.Set("Content-Disposition", `form-data; name="`+p.Name+`"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Filename)+`"`)
		}
		if p.Type != "" {
			h.Set("Content-Type", p.Type)
		}
		w, err := form.CreatePart(h)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, contentOf(p.Content)); err != nil {
			return err
		}
	}
	return form.Close()
}

func contentOf(content any) io.Reader {
	switch b := content.(type) {
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	case io.Reader:
		return b
	}
	return strings.NewReader("")
}

// Upload sends a file; pairs are fields that stand before it.
func (y *Yetishare) Upload(t testing.TB, name string, content any, pairs ...string) YetiUploaded {
	t.Helper()
	parts := append(y.Fields(pairs...), YetiPart{Name: "upload_file", Filename: name, Type: "application/octet-stream", Content: content})
	return y.Send(t, "/file/upload", parts...).Uploaded(t)
}

// Uploaded decodes the answer to an upload.
func (r Response) Uploaded(t testing.TB) YetiUploaded {
	t.Helper()
	var all []YetiUploaded
	r.Data(t, &all)
	if len(all) != 1 || all[0].Error != nil {
		t.Fatalf("uploaded as %s", r.Body)
	}
	return all[0]
}

// Folder makes a folder in the one of that id, "" is the root.
func (y *Yetishare) Folder(t testing.TB, name, parent string, pairs ...string) YetiFolder {
	t.Helper()
	var f YetiFolder
	y.Ask(t, "/folder/create", append([]string{"folder_name", name, "parent_id", parent}, pairs...)...).Data(t, &f)
	return f
}

// File reads a file.
func (y *Yetishare) File(t testing.TB, id string) YetiFile {
	t.Helper()
	var f YetiFile
	y.Ask(t, "/file/info", "file_id", id).Data(t, &f)
	return f
}

// FolderInfo reads a folder.
func (y *Yetishare) FolderInfo(t testing.TB, id string) YetiFolder {
	t.Helper()
	var f YetiFolder
	y.Ask(t, "/folder/info", "folder_id", id).Data(t, &f)
	return f
}

// List reads what is right in a folder.
func (y *Yetishare) List(t testing.TB, id string) YetiListing {
	t.Helper()
	var l YetiListing
	y.Ask(t, "/folder/listing", "parent_folder_id", id).Data(t, &l)
	return l
}

// Data decodes the data of a success, strictly, or fails the test.
func (r Response) Data(t testing.TB, v any) {
	t.Helper()
	var a struct {
		Data   json.RawMessage
		Status string `json:"_status"`
	}
	if r.JSON(t, &a); r.Status != http.StatusOK || a.Status != "success" || len(a.Data) == 0 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	Response{Body: a.Data}.strictly(t, v)
}

// Tells fails the test unless the answer is a success with that sentence.
func (r Response) Tells(t testing.TB, sentence string) Response {
	t.Helper()
	var a struct {
		Response string `json:"response"`
		Status   string `json:"_status"`
	}
	if r.JSON(t, &a); r.Status != http.StatusOK || a.Status != "success" || a.Response != sentence {
		t.Fatalf("%d %s, want %q", r.Status, r.Body, sentence)
	}
	return r
}

// Regrets fails the test unless the answer is an error of that status and sentence
// in the one form that this API's errors have.
func (r Response) Regrets(t testing.TB, status int, sentence string) Response {
	t.Helper()
	var e struct {
		OldStatus string `json:"status"`
		Response  string `json:"response"`
		Status    string `json:"_status"`
		Datetime  string `json:"_datetime"`
	}
	r.Want(t, status).strictly(t, &e)
	switch {
	case e.Status != "error" || e.OldStatus != "error" || e.Response != sentence:
		t.Fatalf("%s, want %q", r.Body, sentence)
	case r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store":
		t.Fatalf("headers of %s: %v", r.Body, r.Header)
	case (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && r.Header.Get("Retry-After") == "":
		t.Fatalf("no Retry-After: %s", r.Body)
	}
	if _, err := time.Parse(time.DateTime, e.Datetime); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	return r
}
