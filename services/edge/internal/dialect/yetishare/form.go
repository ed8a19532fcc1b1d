package yetishare

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// partCost is what a part counts beside its name and value, bytes: many small ones
// are bounded, too.
const partCost = 64

// form is a multipart body as it arrives.
type form struct {
	*multipart.Reader
	left int64 // bytes of fields that may still come
}

func openForm(r *http.Request) (*form, error) {
	m, err := r.MultipartReader()
	if err != nil {
		return nil, errForm.Msgf("The multipart form has no boundary.").Because(err)
	}
	return &form{Reader: m, left: maxForm}, nil
}

// next gives the part that follows, nil behind the last one.
func (f *form) next() (*multipart.Part, error) {
	p, err := f.NextRawPart()
	switch {
	case err == io.EOF: //nolint:errorlint // one that is wrapped is the body's, not the form's
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, formFault(err)
	}
	return p, nil
}

// take reads the field that a part is. What has the name of a file is none.
func (f *form) take(p *multipart.Part, into params) error {
	name := p.FormName()
	f.left -= int64(len(name)) + partCost
	if p.FileName() != "" || name == "" {
		_, err := io.Copy(io.Discard, p)
		return formFault(err)
	}
	value, err := io.ReadAll(io.LimitReader(p, max(f.left, 0)+1))
	if err != nil {
		return formFault(err)
	}
	if f.left -= int64(len(value)); f.left < 0 {
		return errForm.Msgf("The parameters are longer than %d KiB.", maxForm>>10)
	}
	return into.set(name, string(value))
}

// formFault words what is wrong with a form, where that is not its connection.
func formFault(err error) error {
	var f *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return dialect.ErrIncompleteBody.Because(errors.New(err.Error())) // nobody may take its io.EOF for a file's
	}
	return errForm.Msgf("The multipart form is malformed.").Because(errors.New(err.Error()))
}
