package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of forms, in bytes.
const (
	maxForm  = 16 << 10
	maxField = 1024
)

// readForm reads the body of a form. Each field is there once at most, is text,
// and no longer than people type; the query is not looked at.
func readForm(r *http.Request) (url.Values, error) { return readFormOf(r, maxForm, nil) }

// readFormOf is readForm with bounds of its own: most bytes in all, and in some
// fields.
func readFormOf(r *http.Request, most int64, long map[string]int) (url.Values, error) {
	typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || typ != "application/x-www-form-urlencoded" {
		return nil, fault.ErrInvalid.Msgf("the form must be sent as application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(nil, r.Body, most)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, dialect.ErrBodyTooLarge.Msgf("the form is larger than %d KiB", most>>10)
		}
		var fe *fault.Error
		if errors.As(err, &fe) {
			return nil, fmt.Errorf("reading a form: %w", err)
		}
		return nil, fault.ErrInvalid.Msgf("the form is malformed").Because(err)
	}
	for name, values := range r.PostForm {
		switch {
		case len(values) != 1:
			return nil, fault.ErrInvalid.Msgf("the form says %.64q twice", name)
		case !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
			return nil, fault.ErrInvalid.Msgf("%.64q is not text", name)
		case len(values[0]) > max(maxField, long[name]):
			return nil, fault.ErrInvalid.Msgf("%.64q has %d bytes at most", name, max(maxField, long[name]))
		}
	}
	return r.PostForm, nil
}

// needed refuses a form that lacks one of the fields.
func needed(form url.Values, names ...string) error {
	for _, n := range names {
		if form.Get(n) == "" {
			return fault.ErrInvalid.Msgf("%s is needed", n)
		}
	}
	return nil
}
