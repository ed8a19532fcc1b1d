package yetishare_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/dialect/yetishare"
)

// FuzzParams gives requests with any query string and any body in either form to
// the parser: what it takes is UTF-8, and what a form of one pair says.
func FuzzParams(f *testing.F) {
	f.Add("a=b&c=d", "e=f", "application/x-www-form-urlencoded")
	f.Add("file_id=1&file_id=2;3", "access_token=%61&x", "application/x-www-form-urlencoded; charset=utf-8")
	f.Add("%zz", "", "")
	f.Add("", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nv\r\n--b--\r\n", "multipart/form-data; boundary=b")
	f.Add("", "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"y\"\r\n\r\nv\r\n--b\r\n", "multipart/form-data; boundary=b")
	f.Add("", "--b", "multipart/form-data; boundary=\"b")
	f.Add("a=%ff", "{}", "application/json")
	f.Fuzz(func(t *testing.T, query, body, kind string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		p, err := yetishare.ReadParams(r)
		if err != nil {
			return
		}
		for name, value := range p {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("%q=%q is not UTF-8", name, value)
			}
		}
	})
}

// FuzzParams_Same holds the three ways against each other: whatever the pair, each
// says the same, and says what was sent.
func FuzzParams_Same(f *testing.F) {
	f.Add("folder_name", "My Folder")
	f.Add("a=b&c", "d;e+f%20\r\n\x00é")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		if len(name)+len(value) > 8<<10 || strings.ContainsAny(name, "\"\\\r\n\x00") || name == "" {
			return
		}
		pair := url.Values{name: {value}}.Encode()
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		if err := m.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		query := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		query.URL.RawQuery = pair
		posted := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(pair))
		posted.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		formed := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &form)
		formed.Header.Set("Content-Type", m.FormDataContentType())
		fine := utf8.ValidString(name) && utf8.ValidString(value)
		for i, r := range []*http.Request{query, posted, formed} {
			p, err := yetishare.ReadParams(r)
			if i == 2 && err != nil && !printable(name) {
				continue // no header of a part has such a name
			}
			if (err == nil) != fine || fine && p[name] != value {
				t.Errorf("%d: %q=%q gave %q, %v", i, name, value, p, err)
			}
		}
	})
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f }) < 0
}

// FuzzNumber holds ids to their one spelling.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "0", "9223372036854775807", "9223372036854775808", "-1", "١", "01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := yetishare.Number(text)
		if ok != (n > 0) || ok && yetishare.Decimal(n) != text {
			t.Errorf("%q gave %d, %t", text, n, ok)
		}
	})
}
