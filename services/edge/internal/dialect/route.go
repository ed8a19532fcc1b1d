package dialect

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Handler answers one request. An error that it returns is rendered by its
// dialect; after the first byte of the answer it can only cut the connection.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Auth says which credential a route asks for.
type Auth string

// The classes. How a credential is presented is the dialect's matter.
const (
	AuthNone    Auth = "none"
	AuthKey     Auth = "key"     // a token minted from an access key
	AuthAccount Auth = "account" // an account token, or an access key with the admin scope
	AuthSigned  Auth = "signed"  // the token of a signed URL, in the query
	AuthGuest   Auth = "guest"   // an account's credential, or none at all
	AuthSession Auth = "session" // a browser's session, or none at all
	AuthAdmin   Auth = "admin"   // an account that is an administrator
	AuthParams  Auth = "params"  // a token among the parameters, which the handler looks at
)

// Body says what a route does with the request's body.
type Body string

// The classes of bodies.
const (
	NoBody   Body = "none"   // never read
	JSONBody Body = "json"   // at most MaxJSON bytes, by ReadJSON
	XMLBody  Body = "xml"    // at most what its dialect says
	FormBody Body = "form"   // of an HTML form, at most what its dialect says
	Stream   Body = "stream" // passed on as it arrives
)

// Route is one line of a dialect's table.
type Route struct {
	Name   string // of the handler's method, of the action in the audit trail and of the span
	Method string
	Path   string // in net/http's pattern syntax
	Handle Handler
	Auth   Auth
	Body   Body
	Doc    string

	quiet  bool
	effect *bool                     // see Changing
	family string                    // see In
	forms  map[string]*regexp.Regexp // see Where
}

// In makes a row a member of a family: rows below one pattern that ends in a
// wildcard for the rest. ServeMux would refuse some of them side by side, and
// redirect a key that ends like one of them ("x/complete") to another key. Of a
// family the first row counts whose path and method fit.
func (rt Route) In(family string) Route {
	rt.family = family
	return rt
}

// Where makes a row of a family fit only where the segment has the form.
func (rt Route) Where(segment string, form *regexp.Regexp) Route {
	rt.forms = maps.Clone(rt.forms)
	if rt.forms == nil {
		rt.forms = map[string]*regexp.Regexp{}
	}
	rt.forms[segment] = form
	return rt
}

// Quiet makes a row that probes and scrapers call leave no audit record, and
// its access line only at debug level.
func (rt Route) Quiet() Route {
	rt.quiet = true
	return rt
}

// R is one line of a table: "METHOD /path" is in net/http's pattern syntax. A
// GET also answers HEAD.
func R(name, pattern string, h Handler, a Auth, b Body, doc string) Route {
	method, path, _ := strings.Cut(pattern, " ")
	return Route{Name: name, Method: method, Path: path, Handle: h, Auth: a, Body: b, Doc: doc}
}

// Changing says whether a row changes something or hands out a credential, where
// its method does not tell.
func (rt Route) Changing(does bool) Route {
	rt.effect = &does
	return rt
}

// Mutates reports whether the route changes something or hands out a
// credential: what the audit trail must hold before the answer.
func (rt Route) Mutates() bool {
	if rt.effect != nil {
		return *rt.effect
	}
	switch rt.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND":
		return false
	}
	return true
}

// Dialect is one way of speaking to the system.
type Dialect interface {
	// Name is the folder's name.
	Name() string
	// Owns lists the path prefixes, without a slash at the end, under which this
	// dialect also answers what nobody knows; "" is the root.
	Owns() []string
	// Routes is the table, in the order of the API's document.
	Routes() []Route
	// Authenticate finds out who sent r, as the class asks.
	Authenticate(r *http.Request, class Auth) (core.Caller, error)
	// RenderError writes err in the dialect's own shape.
	RenderError(w http.ResponseWriter, r *http.Request, err error)
}

// Allow gives the Allow header of a path that the routes with these methods have.
func Allow(methods []string) string {
	all := slices.Clone(methods)
	if slices.Contains(all, http.MethodGet) && !slices.Contains(all, http.MethodHead) {
		all = append(all, http.MethodHead)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// Source says where the handler of a route stands, "lockwell/object.go:PutObject":
// the method of d that is named like the route.
func Source(d Dialect, rt Route) (string, error) {
	m, ok := reflect.TypeOf(d).MethodByName(rt.Name)
	if !ok {
		return "", fmt.Errorf("route %s %s: %s has no method %s", rt.Method, rt.Path, d.Name(), rt.Name)
	}
	fn := runtime.FuncForPC(m.Func.Pointer())
	file, _ := fn.FileLine(fn.Entry())
	return d.Name() + "/" + filepath.Base(file) + ":" + rt.Name, nil
}

// Markdown writes the tables of all dialects as one, sorted by path.
func Markdown(ds []Dialect) (string, error) {
	rows, err := table(ds)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Routes\n\nWritten by `make routes`; sorted by path.\n\n")
	b.WriteString("| path | method | dialect | file:func | auth | body | doc |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	return b.String(), nil
}

// Text writes the tables in columns; only lines that contain filter.
func Text(ds []Dialect, filter string) (string, error) {
	rows, err := table(ds)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range rows {
		line := fmt.Sprintf("%-7s %-52s %-9s %-36s %-8s %-7s %s\n", r[1], r[0], r[2], r[3], r[4], r[5], r[6])
		if strings.Contains(line, filter) {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

func table(ds []Dialect) ([][]string, error) {
	var rows [][]string
	for _, d := range ds {
		for _, rt := range d.Routes() {
			src, err := Source(d, rt)
			if err != nil {
				return nil, err
			}
			rows = append(rows, []string{rt.Path, rt.Method, d.Name(), src, string(rt.Auth), string(rt.Body), rt.Doc})
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int {
		return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1])
	})
	return rows, nil
}
