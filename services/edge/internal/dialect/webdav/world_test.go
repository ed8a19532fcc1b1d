package webdav_test

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// world is an edge with an account "ada", asked by her account token.
type world struct{ *edgetest.World }

func start(t testing.TB) world {
	t.Helper()
	return world{edgetest.New(t)}
}

// do asks for a path in ada's folder, which is escaped as clients do it.
func (w world) do(t testing.TB, method, path, body string, headers ...string) edgetest.Response {
	t.Helper()
	return w.raw(t, method, "/dav/ada/"+(&url.URL{Path: path}).EscapedPath(), body, headers...)
}

// raw sends a path as it is.
func (w world) raw(t testing.TB, method, path, body string, headers ...string) edgetest.Response {
	t.Helper()
	h := http.Header{"Authorization": {"Bearer " + w.Account}}
	for i := 0; i+1 < len(headers); i += 2 {
		h[http.CanonicalHeaderKey(headers[i])] = []string{headers[i+1]}
	}
	return w.Do(t, method, path, body, h)
}

// want is do that insists on a status.
func (w world) want(t testing.TB, status int, method, path, body string, headers ...string) edgetest.Response {
	t.Helper()
	r := w.do(t, method, path, body, headers...)
	if r.Status != status {
		t.Fatalf("%s %q %q: %d, want %d: %s", method, path, headers, r.Status, status, r.Body)
	}
	return r
}

// found is a multistatus as clients read it.
type found struct {
	Responses []struct {
		Href     string `xml:"DAV: href"`
		Status   string `xml:"DAV: status"`
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Any []prop `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

type prop struct {
	XMLName xml.Name
	Inner   string `xml:",innerxml"`
	Text    string `xml:",chardata"`
}

// props asks for properties and gives them by href and local name; what is not
// there stands under "404".
func (w world) props(t testing.TB, path, depth, body string) map[string]map[string]string {
	t.Helper()
	r := w.want(t, 207, "PROPFIND", path, body, "Depth", depth)
	return read(t, r)
}

func read(t testing.TB, r edgetest.Response) map[string]map[string]string {
	t.Helper()
	var f found
	if err := xml.Unmarshal([]byte(r.Body), &f); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	if r.Header.Get("Content-Type") != "application/xml; charset=utf-8" {
		t.Errorf("the type is %q", r.Header.Get("Content-Type"))
	}
	out := map[string]map[string]string{}
	for _, one := range f.Responses {
		if out[one.Href] != nil {
			t.Errorf("%s is there twice", one.Href)
		}
		all := map[string]string{}
		for _, ps := range one.Propstat {
			for _, p := range ps.Prop.Any {
				switch {
				case !strings.Contains(ps.Status, " 200 "):
					all[strings.Fields(ps.Status)[1]] += p.XMLName.Local + " "
				case strings.Contains(p.Inner, "<"):
					all[p.XMLName.Local] = p.Inner
				default:
					all[p.XMLName.Local] = p.Text
				}
			}
		}
		out[one.Href] = all
	}
	return out
}

func hrefs(m map[string]map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// tell is what an error body says.
func tell(t testing.TB, r edgetest.Response) (exception, message, condition string) {
	t.Helper()
	var e struct {
		XMLName   xml.Name `xml:"DAV: error"`
		Exception string   `xml:"http://sabredav.org/ns exception"`
		Message   string   `xml:"http://sabredav.org/ns message"`
		Any       []prop   `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(r.Body), &e); err != nil {
		t.Fatalf("%d: %v: %q", r.Status, err, r.Body)
	}
	for _, p := range e.Any {
		condition = p.XMLName.Local
	}
	return e.Exception, e.Message, condition
}
