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
		families := map[string]*family{}
		for _, rt := range d.Routes() {
			if rt.family != "" {
				if families[rt.family] == nil {
					families[rt.family] = &family{none: s.noRoute(d), wrong: func(allow string) http.Handler { return s.wrongMethod(d, allow) }}
				}
				families[rt.family].add(rt, s.route(d, rt))
				continue
			}
			methods[rt.Path] = append(methods[rt.Path], rt.Method)
			s.handle(mux, rt.Method+" "+rt.Path, s.route(d, rt))
		}
		taken := map[string]bool{}
		for path, ms := range methods {
			taken[path] = true
			s.handle(mux, path, s.wrongMethod(d, Allow(ms)))
		}
		for path, f := range families {
			taken[path] = true
			s.handle(mux, path, f)
		}
		for _, p := range unredirected(d.Owns(), taken) {
			s.handle(mux, p, s.noRoute(d))
		}
	}
	return mux
}

// unredirected lists the paths that ServeMux must have, although nothing is
// there: what a dialect owns, and a tail's path without its slash, which it
// would otherwise redirect to the one with it.
func unredirected(owned []string, taken map[string]bool) []string {
	var out []string
	add := func(p string) {
		if p != "" && !taken[p] && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	tails := map[string]bool{} // what is below them is theirs
	for p := range taken {
		if at := strings.LastIndex(p, "/{"); at >= 0 && strings.HasSuffix(p, "...}") {
			add(p[:at])
			tails[p[:at]] = true
		}
	}
	for _, p := range owned {
		add(p)
		if !tails[p] {
			add(p + "/")
		}
	}
	return out
}

func (s *Stack) handle(mux *http.ServeMux, pattern string, h http.Handler) {
	mux.Handle(pattern, h) //nolint:forbidigo // the one place; the patterns come from routes.go
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
