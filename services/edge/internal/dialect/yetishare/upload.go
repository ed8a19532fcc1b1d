package yetishare

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	// earlyFile is how much of a file is kept that comes before the token, bytes.
	earlyFile = 256 << 10
	// formRoom is what of a body is not its file at most: fields, and what stands
	// around them, bytes. So much is read of somebody whose token was not looked at.
	formRoom = 1 << 20
)

// wireUploaded is an element of the data of /file/upload.
type wireUploaded struct {
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

func (h *Handler) uploadedToWire(base string, o objectv1.Object) wireUploaded {
	f, kind := o.File, bareType(o.Metadata.ContentType)
	url := base + "/" + f.Short
	deleteHash := h.core.DeleteHash(f.NodeID)
	return wireUploaded{
		Name: f.Name, Size: decimal(o.Size), Type: kind, URL: url, DeleteURL: url + "~d?" + deleteHash, InfoURL: url + "~i?" + h.core.InfoHash(f.NodeID),
		DeleteType: http.MethodDelete, DeleteHash: deleteHash, Hash: hex.EncodeToString(o.Digests[blob.MD5]), StatsURL: url + "~s", ShortURL: f.Short, FileID: decimal(f.Number),
		UniqueHash: h.core.UniqueHash(f.NodeID), URLHTML: urlHTML(url, f.Name, kind), URLBBCode: urlBBCode(url),
	}
}

// UploadFile answers /file/upload. The file goes into the store as it comes; what
// can be said before its first byte is said then.
func (h *Handler) UploadFile(w http.ResponseWriter, r *http.Request) error {
	u, err := h.open(r)
	if err != nil {
		return err
	}
	by, err := h.identify(r, u.params())
	if err != nil {
		return err
	}
	u.body.left = math.MaxInt64
	if u.part == nil {
		return errNotReceived
	}
	if limit := by.by.Principal.Limits.ObjectBytes; limit > 0 && r.ContentLength-formRoom > limit {
		return objectv1.ErrTooLarge
	}
	if err := u.into(by, u.params()[paramFolder]); err != nil {
		return err
	}
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.DriveBucket, u.name
	o, err := h.core.TakeIn(r.Context(), by.by, core.Intake{Name: u.name, Type: u.kind, FolderID: &u.folder, Body: u, Origin: origin(r)})
	if err != nil {
		return ofUpload(err)
	}
	c.Key = o.File.Path
	return h.answer(w, envelope{Response: "File uploaded", Data: []wireUploaded{h.uploadedToWire(baseOf(r), o)}})
}

// upload is the body of /file/upload as it arrives.
type upload struct {
	h     *Handler
	r     *http.Request
	form  *form
	body  *limited // all of the request's; without a bound once its sender is known
	said  params   // in the form so far
	query params

	part   *multipart.Part // the file; nil: there is none
	name   string
	kind   string       // media type, "" if the client does not know it
	early  bytes.Reader // of the file, what came before the token
	whole  bool         // early is all of it, and the form has ended
	by     *asked
	folder string // node id
	err    error  // sticks
}

// open reads a request up to its file. Where that stands before the token, the rest
// of the form must follow soon.
func (h *Handler) open(r *http.Request) (*upload, error) {
	if r.Method == http.MethodHead {
		return nil, dialect.ErrMethodNotAllowed
	}
	u := &upload{h: h, r: r, body: &limited{r: r.Body, left: formRoom, most: formRoom}, said: params{}, query: params{}}
	if err := parsePairs(r.URL.RawQuery, u.query); err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost {
		return u, nil
	}
	kind, err := kindOf(r)
	if err != nil {
		return nil, err
	}
	if kind != typeMultipart {
		return u, readBody(r, u.said)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{u.body, r.Body}
	if u.form, err = openForm(r); err != nil {
		return nil, err
	}
	if err := u.seek(); err != nil || u.part == nil {
		return u, err
	}
	if p := u.params(); p[paramToken] != "" && p[paramAccount] != "" {
		return u, nil
	}
	return u, u.keepEarly()
}

// params is what was said so far: the form's before the query string's.
func (u *upload) params() params {
	p := params{}
	for _, from := range []params{u.said, u.query} {
		for name, value := range from {
			if !p.has(name) {
				p[name] = value
			}
		}
	}
	return p
}

// seek reads fields up to the file.
func (u *upload) seek() error {
	for {
		p, err := u.form.next()
		if err != nil || p == nil {
			return err
		}
		if p.FormName() == paramUpload && p.FileName() != "" {
			u.part = p
			u.name, _ = core.CleanFileName(strings.ToValidUTF8(p.FileName(), "\uFFFD"))
			u.kind = kindOfPart(p)
			return nil
		}
		if err := u.form.take(p, u.said); err != nil {
			return err
		}
	}
}

// kindOfPart is the media type that a client gives a file. What it does not know it
// calls application/octet-stream.
func kindOfPart(p *multipart.Part) string {
	text := p.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(text)
	if err != nil || kind == typeUnknown || len(text) > maxType || !strings.Contains(kind, "/") {
		return ""
	}
	return text
}

// keepEarly reads a small file whole, and with it what stands behind.
func (u *upload) keepEarly() error {
	b, err := io.ReadAll(io.LimitReader(u.part, earlyFile+1))
	switch {
	case err != nil:
		return formFault(err)
	case len(b) > earlyFile:
		return errOrder
	}
	u.early.Reset(b)
	u.whole = true
	return u.rest()
}

// into sets the folder that the file comes into.
func (u *upload) into(by *asked, text string) error {
	u.by = by
	id, err := u.h.folderNamed(by, text, errNoFolder)
	if err == nil {
		u.folder = *id
	}
	return err
}

// Read implements io.Reader: it gives the file, whose end is io.EOF only when all of
// the request is there and what stands behind the file was heeded.
func (u *upload) Read(b []byte) (int, error) {
	if u.whole {
		return u.early.Read(b) //nolint:wrapcheck // the io contract wants it as it is
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.part.Read(b)
	switch {
	case err == io.EOF: //nolint:errorlint // one that is wrapped is the body's, not the file's
		before, had := u.said[paramFolder]
		if err = u.rest(); err == nil {
			err = io.EOF
			if after, has := u.said[paramFolder]; has && (!had || after != before) {
				if why := u.into(u.by, after); why != nil {
					err = why
				}
			}
		}
	case err != nil:
		err = formFault(err)
	}
	u.err = err
	return n, err
}

// rest reads what stands behind the file: fields, the form's end, the body's.
func (u *upload) rest() error {
	for {
		p, err := u.form.next()
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		if p.FormName() == paramUpload && p.FileName() != "" {
			return errTwo
		}
		if err := u.form.take(p, u.said); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, u.body); err != nil && !errors.Is(err, io.EOF) {
		return formFault(err)
	}
	return nil
}
