package plik

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// errForm is of a body that has no file in it (plik-wire.md 7.2).
var errForm = fault.New(fault.Invalid, "plik.bad_form", "invalid multipart form")

// part is the file of a form, as it arrives. Its end is io.EOF only when all of the
// request is there, what stands behind the file included: a client waits until
// that is read (plik-wire.md 16.2).
type part struct {
	*multipart.Part
	form *multipart.Reader
	body io.Reader
	err  error // sticks
}

// fileOf finds the file of a form: its first part of that name. What stands before
// it is skipped.
func fileOf(r *http.Request) (name string, file *part, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return "", nil, errForm.Msgf("invalid multipart form : %s", err).Because(err)
	}
	for {
		p, err := form.NextRawPart()
		switch {
		case err == io.EOF: // one that is wrapped is the body's, not the form's
			return "", nil, errForm.Msgf("missing file from multipart form")
		case err != nil:
			return "", nil, formFault(err)
		case p.FormName() != "file":
			continue
		}
		// A base name with a slash is the slash alone: there is none.
		if name = strings.ToValidUTF8(p.FileName(), "\uFFFD"); name == "" || strings.Contains(name, "/") {
			return "", nil, errForm.Msgf("missing file name from multipart form")
		}
		return name, &part{Part: p, form: form, body: r.Body}, nil
	}
}

// formFault words what is wrong with a form, where it is not its connection.
func formFault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Code != dialect.ErrIncompleteBody.Code {
		return err
	}
	why := "it ends too early"
	if !errors.As(err, &f) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		why = err.Error()
	}
	return errForm.Msgf("invalid multipart form : %s", why).Because(err)
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.Part.Read(b)
	switch {
	case err == io.EOF: //nolint:errorlint // one that is wrapped is the body's, not the file's
		if err = p.rest(); err == nil {
			err = io.EOF
		}
	case err != nil:
		err = broken(err)
	}
	p.err = err
	return n, err
}

// rest reads what stands behind the file. Without the form's end the file may not
// be whole.
func (p *part) rest() error {
	if _, err := p.form.NextRawPart(); err != nil && err != io.EOF {
		return broken(err)
	}
	if _, err := io.Copy(io.Discard, p.body); err != nil {
		return broken(err)
	}
	return nil
}

// broken is a body that ends before its form does. Nobody may take its io.EOF for
// that of a file, so only its text is kept.
func broken(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return dialect.ErrIncompleteBody.Because(errors.New(err.Error()))
}
