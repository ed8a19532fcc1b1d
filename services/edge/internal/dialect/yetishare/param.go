package yetishare

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxForm bounds the parameters of a request, bytes. The longest that means
// anything, a URL, has 2 KiB.
const maxForm = 64 << 10

// The parameters.
const (
	paramToken     = "access_token"
	paramAccount   = "account_id"
	paramFile      = "file_id"
	paramShort     = "short_url"
	paramFolder    = "folder_id"
	paramParent    = "parent_folder_id"
	paramNewParent = "new_parent_folder_id"
	paramCopyTo    = "copy_to_folder_id"
	paramUpload    = "upload_file"
)

// params are what a request says. The first value of a name counts, and the body's
// before the query string's.
type params map[string]string

// has tells what is empty from what is not there.
func (p params) has(name string) bool {
	_, ok := p[name]
	return ok
}

// set takes a value unless there is one.
func (p params) set(name, value string) error {
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return errForm.Msgf("The %.64q param is not UTF-8.", name)
	}
	if !p.has(name) {
		p[name] = value
	}
	return nil
}

// parsePairs takes the pairs of a query string or of an urlencoded body. A
// semicolon is an ordinary character.
func parsePairs(text string, into params) error {
	if len(text) > maxForm {
		return errForm.Msgf("The parameters are longer than %d KiB.", maxForm>>10)
	}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return errForm.Msgf("The name of a param has a bad percent escape.").Because(err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return errForm.Msgf("The %.64q param has a bad percent escape.", name).Because(err)
		}
		if err := into.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// readParams reads all that a request says. A GET's body is not looked at.
func readParams(r *http.Request) (params, error) {
	p := params{}
	if r.Method == http.MethodPost {
		if err := readBody(r, p); err != nil {
			return nil, err
		}
	}
	if err := parsePairs(r.URL.RawQuery, p); err != nil {
		return nil, err
	}
	return p, nil
}

// kindOf gives the media type of a body, "" where there is none.
func kindOf(r *http.Request) (string, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return "", nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != typeURLEncoded && kind != typeMultipart {
		return "", errForm
	}
	return kind, nil
}

// The media types of bodies.
const (
	typeURLEncoded = "application/x-www-form-urlencoded"
	typeMultipart  = "multipart/form-data"
)

func readBody(r *http.Request, p params) error {
	kind, err := kindOf(r)
	if err != nil || kind == "" {
		return err
	}
	if kind == typeURLEncoded {
		body, err := io.ReadAll(&limited{r: r.Body, left: maxForm, most: maxForm})
		if err != nil {
			return fmt.Errorf("reading the body: %w", err)
		}
		return parsePairs(string(body), p)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{&limited{r: r.Body, left: maxForm, most: maxForm}, r.Body}
	f, err := openForm(r)
	if err != nil {
		return err
	}
	for {
		part, err := f.next()
		if err != nil || part == nil {
			return err
		}
		if err := f.take(part, p); err != nil {
			return err
		}
	}
}

// limited fails where a body is longer than it may be.
type limited struct {
	r          io.Reader
	left, most int64 // bytes
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if int64(len(b))-1 > l.left {
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, errForm.Msgf("The form is longer than %d KiB.", l.most>>10)
	}
	return n, err //nolint:wrapcheck // the io contract wants it as it is
}

// number reads an id: decimal, of no other digits than ASCII's, as they are
// written in answers.
func number(text string) (int64, bool) {
	if text == "" || len(text) > 19 || text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	var n int64
	for i := range len(text) {
		d := int64(text[i] - '0')
		if n > (1<<63-1-d)/10 {
			return 0, false
		}
		n = 10*n + d
	}
	return n, true
}

// need gives a parameter that must be there and say something.
func (p params) need(name string) (string, error) {
	if v := p[name]; v != "" {
		return v, nil
	}
	return "", missing(name)
}
