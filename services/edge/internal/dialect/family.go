package dialect

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// family routes among the rows of one family (Route.In).
type family struct {
	rows  []familyRow
	none  http.Handler
	wrong func(allow string) http.Handler
}

type familyRow struct {
	method   string
	segments []string
	forms    map[string]*regexp.Regexp
	handler  http.Handler
}

func (f *family) add(rt Route, h http.Handler) {
	f.rows = append(f.rows, familyRow{method: rt.Method, segments: segmentsOf(rt.Path), forms: rt.forms, handler: h})
}

func segmentsOf(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// ServeHTTP implements http.Handler.
func (f *family) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := segmentsOf(r.URL.EscapedPath())
	var methods []string
	for _, row := range f.rows {
		values, ok := row.match(path)
		if !ok {
			continue
		}
		if row.method == r.Method || row.method == http.MethodGet && r.Method == http.MethodHead {
			for name, v := range values {
				r.SetPathValue(name, v)
			}
			row.handler.ServeHTTP(w, r)
			return
		}
		methods = append(methods, row.method)
	}
	if len(methods) == 0 {
		f.none.ServeHTTP(w, r)
		return
	}
	f.wrong(Allow(methods)).ServeHTTP(w, r)
}

// match gives the values of the row's wildcards. It looks at escaped segments,
// as ServeMux does: an escaped slash belongs to its segment. Unlike there, a
// wildcard may have a text behind it ("{short}~i").
func (row familyRow) match(path []string) (map[string]string, bool) {
	if len(path) < len(row.segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, want := range row.segments {
		name, wild := strings.CutPrefix(want, "{")
		name, tail, _ := strings.Cut(name, "}")
		name, rest := strings.CutSuffix(name, "...")
		got := path[i]
		if rest {
			got = strings.Join(path[i:], "/")
		}
		got, err := url.PathUnescape(got)
		got, ends := strings.CutSuffix(got, tail)
		switch {
		case err != nil, !ends, !wild && got != want, wild && !rest && got == "":
			return nil, false
		case rest:
			values[name] = got
			return values, true
		case !wild:
			continue
		}
		if form := row.forms[name]; form != nil && !form.MatchString(got) {
			return nil, false
		}
		values[name] = got
	}
	return values, len(path) == len(row.segments)
}
