package dialect

import (
	"net/http"
	"slices"
	"strings"
)

// Mux builds the router from the tables of all dialects. For every path that a
// table has, and every prefix that a dialect owns, the dialect itself answers
// what the table does not know; where several have a path, or a family does not
// know it, whoever owns it. It
// panics where two tables claim the same method and path, as http.ServeMux does.
func (s *Stack) Mux(ds []Dialect) http.Handler {
	mux := http.NewServeMux()
	shared := sharedPaths(ds)
	for _, d := range ds {
		methods := map[string][]string{}
		families := map[string]*family{}
		for _, rt := range d.Routes() {
			if rt.family != "" {
				if families[rt.family] == nil {
					families[rt.family] = &family{none: s.noRoute(ownerOf(ds, rt.family, d)), wrong: func(allow string) http.Handler { return s.wrongMethod(d, allow) }}
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
			if of, ok := shared[path]; ok {
				if of.owner != d {
					continue
				}
				ms = of.methods
			}
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

// sharedPath is a path that several tables have.
type sharedPath struct {
	owner   Dialect // answers the methods that none of them has
	methods []string
}

// sharedPaths finds them. The owner is who owns the longest prefix of the path.
func sharedPaths(ds []Dialect) map[string]sharedPath {
	rows := map[string]map[Dialect][]string{}
	for _, d := range ds {
		for _, rt := range d.Routes() {
			if rt.family == "" {
				if rows[rt.Path] == nil {
					rows[rt.Path] = map[Dialect][]string{}
				}
				rows[rt.Path][d] = append(rows[rt.Path][d], rt.Method)
			}
		}
	}
	out := map[string]sharedPath{}
	for path, of := range rows {
		if len(of) < 2 {
			continue
		}
		var sp sharedPath
		longest := -1
		for _, d := range ds {
			sp.methods = append(sp.methods, of[d]...)
			for _, p := range d.Owns() {
				if of[d] != nil && len(p) > longest && strings.HasPrefix(path, p+"/") {
					sp.owner, longest = d, len(p)
				}
			}
		}
		out[path] = sp
	}
	return out
}

// ownerOf gives who owns the longest prefix of a path; else nobody does, and it is d.
func ownerOf(ds []Dialect, path string, d Dialect) Dialect {
	longest := -1
	for _, other := range ds {
		for _, p := range other.Owns() {
			if len(p) > longest && strings.HasPrefix(path, p+"/") {
				d, longest = other, len(p)
			}
		}
	}
	return d
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
		c.AccountID, c.KeyID = caller.Acting().AccountID, caller.Acting().KeyID
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
