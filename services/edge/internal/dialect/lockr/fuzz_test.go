package lockr_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockr"
)

// FuzzUploadHeaders: whatever an upload says of itself becomes a name of the
// drive and a type that a header can carry, or is refused.
func FuzzUploadHeaders(f *testing.F) {
	f.Add("whitepaper.pdf", "application/pdf")
	f.Add("100%25%20r%C3%A9sum%C3%A9", "text/plain; charset=utf-8")
	f.Add("%2e%2e%2fetc", "")
	f.Add("%zz", "no type")
	f.Add("a\x00b", "text/plain\r\nX: y")
	f.Fuzz(func(t *testing.T, name, typ string) {
		h := http.Header{"X-File-Name": {name}, "Content-Type": {typ}}
		if got, err := lockr.FileName(h); err == nil && (got == "" || got == "." || got == ".." || len(got) > 255 || strings.ContainsAny(got, "/\x00")) {
			t.Errorf("%q is called %q", name, got)
		}
		if got, err := lockr.ContentType(h); err == nil && (len(got) > 255 || strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c > '~' })) {
			t.Errorf("%q is of type %q", typ, got)
		}
	})
}

// FuzzLink: only what is written as we write it is a link at all.
func FuzzLink(f *testing.F) {
	f.Add("expires=1778169017&signature=00ff")
	f.Add("signature=x")
	f.Add("expires=99999999999999999999&signature=")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		l, err := lockr.LinkOf(q)
		switch {
		case err != nil && l != nil, err == nil && (l == nil) == (q.Has("expires") || q.Has("signature")):
			t.Errorf("%q: %+v, %v", query, l, err)
		}
	})
}

// FuzzKeyWish: a body gives a key that can be stored, none, or an error.
func FuzzKeyWish(f *testing.F) {
	for _, s := range []string{`{"key":"a"}`, `{"key":null}`, `{"keyHash":"x"}`, `{"key":"","keyHash":""}`, `{"key":5}`, `{"key":"\ud800"}`, `{}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		hash, err := lockr.KeyHash(body)
		if err == nil && hash != "" && (len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "") {
			t.Errorf("%q gave %q", body, hash)
		}
	})
}
