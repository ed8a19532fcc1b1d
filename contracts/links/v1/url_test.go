package linksv1_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, host, normal, key string }{
		{"https://rapidgator.net/file/1", "rapidgator.net", "https://rapidgator.net/file/1", "https://rapidgator.net/file/1"},
		{"  HTTP://WWW.Example.ORG:80  ", "example.org", "http://www.example.org/", "http://www.example.org/"},
		{"https://example.org:443?a=b", "example.org", "https://example.org/?a=b", "https://example.org/?a=b"},
		{"https://example.org:80/", "example.org", "https://example.org:80/", "https://example.org:80/"},
		{"http://example.org:8080/x", "example.org", "http://example.org:8080/x", "http://example.org:8080/x"},
		{"https://mega.nz/file/a#Key", "mega.nz", "https://mega.nz/file/a", "https://mega.nz/file/a#Key"},
		{"https://bücher.example/ä?ö=ü", "xn--bcher-kva.example", "https://xn--bcher-kva.example/%C3%A4?ö=ü", ""},
		{"https://www.bücher.example/", "xn--bcher-kva.example", "https://www.xn--bcher-kva.example/", ""},
		{"https://EXAMPLE.org/A%2fB%20c/../d", "example.org", "https://example.org/A%2fB%20c/../d", ""},
		{"http://127.0.0.1:9/x", "127.0.0.1", "http://127.0.0.1:9/x", ""},
		{"http://[2001:DB8::1]:8080/x", "2001:db8::1", "http://[2001:db8::1]:8080/x", ""},
		{"http://[2001:db8::1]/", "2001:db8::1", "http://[2001:db8::1]/", ""},
		{"http://a_b.example/", "a_b.example", "http://a_b.example/", ""},
		{"http://r3---sn.example/", "r3---sn.example", "http://r3---sn.example/", ""},
		{"http://localhost/", "localhost", "http://localhost/", ""},
		{"http://www.example/", "www.example", "http://www.example/", ""},
	} {
		a, err := linksv1.ParseURL(c.in)
		if err != nil || a.URL != strings.TrimSpace(c.in) || a.Host != c.host || a.Normal != c.normal || c.key != "" && a.Key != c.key {
			t.Errorf("%s: %+v, %v", c.in, a, err)
		}
	}
	for _, in := range []string{"https://a.example/\xff", "https://a.example./", "https://a.example:/", "http://[::ffff:127.0.0.1]/", "http://1.2.3/", "http:a.example", "https://a.example/\u2028x"} {
		if a, err := linksv1.ParseURL(in); fault.CodeOf(err) != linksv1.ErrBadLink.Code {
			t.Errorf("%q: %+v, %v", in, a, err)
		}
	}
}

// FuzzParseURL holds what is taken to what the others rely on: it can be shown
// and parsed, its normal form is one of its own, and its host is a host.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"https://rapidgator.net/file/1", "HTTP://u:p@a.example:80/#x", "https://bücher.example/ä", "http://[::1]:9/", "//x", "http://0x7f.1/", "https://a.example/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := linksv1.ParseURL(s)
		if err != nil {
			if fault.CodeOf(err) != linksv1.ErrBadLink.Code {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if len(a.URL) > linksv1.MaxURL || !utf8.ValidString(a.URL) || strings.ContainsAny(a.URL, "\"<>\x00\n ") || !strings.Contains(s, a.URL) {
			t.Fatalf("%q was taken as %q", s, a.URL)
		}
		u, err := url.Parse(a.Normal)
		if err != nil || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" || u.Path == "" {
			t.Fatalf("%q: normal form %q, %v", s, a.Normal, err)
		}
		b, err := linksv1.ParseURL(a.Normal)
		if len(a.Normal) <= linksv1.MaxURL && (err != nil || b.Normal != a.Normal || b.Host != a.Host) {
			t.Fatalf("%q: normal form %q of which %q, %v", s, a.Normal, b.Normal, err)
		}
		if a.Host == "" || strings.ToLower(a.Host) != a.Host || strings.ContainsAny(a.Host, "/@#?[] ") || !strings.HasPrefix(a.Key, a.Normal) {
			t.Fatalf("%q: %+v", s, a)
		}
	})
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"iiom6uw3pn7": true, "7541014": true, "1": true, "999999999999999999": true, "": false, "0": false, "01": false, "1000000000000000000": false,
		"abcdefghij": false, "abcdefghijkl": false, "ABCDEFGHIJK": false, "abcdefghij-": false, "abcdefghi\u00e4": false, "12345678901": true, "-1": false, "１": false,
	} {
		if linksv1.ValidID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	links := make([]linksv1.LinkInput, 1000)
	for i := range links {
		links[i].URL = fmt.Sprintf("https://a.example/%d", i)
	}
	if n := linksv1.Batch(links); n != linksv1.MaxBatch {
		t.Errorf("%d short links", n)
	}
	if n := linksv1.Batch(links[:3]); n != 3 {
		t.Errorf("%d of 3", n)
	}
	if n := linksv1.Batch(nil); n != 0 {
		t.Errorf("%d of none", n)
	}
	for i := range links {
		links[i].URL += strings.Repeat("&", 2000)
	}
	n := linksv1.Batch(links)
	b, err := json.Marshal(links[:n])
	if n < 1 || len(b) > 600<<10 || err != nil {
		t.Errorf("%d long links of %d bytes", n, len(b))
	}
}
