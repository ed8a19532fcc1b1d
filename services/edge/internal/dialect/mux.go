package dialect

import (
	"net/http"
	"slices"
	"strings"
)

// Mux builds the router from the tables of all dialects. For every path that a
// table has, and every prefix that a dialect owns, the dialect itself answers
// what the table does not know. It panics where two tables claim the same
// method and path, as http.ServeMux does.
func (s *Stack) Mux(ds []Dialect) http.Handler {
	mux := http.NewServeMux()
	for _, d := range ds {
		methods := map[string][]string{}
		for _, rt := range d.Routes() {
			methods[rt.Path] = append(methods[rt.Path], rt.Method)
			s.handle(mux, rt.Method+" "+rt.Path, s.route(d, rt))
		}
		for path, ms := range methods {
			s.handle(mux, path, s.wrongMethod(d, Allow(ms)))
		}
		for _, p := range d.Owns() {
			// Without the bare path ServeMux would redirect to the one with a slash.
			for _, pattern := range []string{p, p + "/"} {
				if _, taken := methods[pattern]; !taken && pattern != "" {
					s.handle(mux, pattern, s.noRoute(d))
				}
			}
		}
	}
	s.checkTails(ds)
	return mux
}

func (s *Stack) handle(mux *http.ServeMux, pattern string, h http.Handler) {
	mux.Handle(pattern, h) //nolint:forbidigo // the one place; the patterns come from routes.go
}

// checkTails refuses a table with "/a/{rest...}" but without "/a": ServeMux
// would redirect the latter.
func (s *Stack) checkTails(ds []Dialect) {
	for _, d := range ds {
		var paths []string
		for _, rt := range d.Routes() {
			paths = append(paths, rt.Path)
		}
		for _, p := range paths {
			if at := strings.LastIndex(p, "/{"); at >= 0 && strings.HasSuffix(p, "...}") && !slices.Contains(paths, p[:at]) {
				panic("dialect " + d.Name() + ": no row for " + p[:at] + " beside " + p)
			}
		}
	}
}

// route is what happens to a request that a row matches.
func (s *Stack) route(d Dialect, rt Route) http.Handler {
	return s.answer(d, rt, func(w http.ResponseWriter, r *http.Request) error {
		c := CallOf(r)
		caller, err := d.Authenticate(r, rt.Auth)
		if err != nil {
			return err
		}
		c.Caller = caller
		c.AccountID, c.KeyID = caller.Principal.AccountID, caller.Principal.KeyID
		if rt.Mutates() && !s.audit.Open() {
			return ErrAuditUnavailable
		}
		return rt.Handle(w, r)
	})
}

func (s *Stack) noRoute(d Dialect) http.Handler {
	return s.answer(d, Route{}, func(http.ResponseWriter, *http.Request) error { return ErrNoRoute })
}

func (s *Stack) wrongMethod(d Dialect, allow string) http.Handler {
	return s.answer(d, Route{}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return ErrMethodNotAllowed
	})
}
