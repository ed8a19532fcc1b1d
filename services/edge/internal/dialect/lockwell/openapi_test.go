package lockwell_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockwell"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// document is as much of an OpenAPI document as the tests look at.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas   map[string]schema
		Responses map[string]response
	}
}

type operation struct {
	OperationID string
	Responses   map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema  schema
		Example json.RawMessage
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Properties map[string]schema
	Required   []string
	Items      *schema
	Enum       []any
	Const      any
	Pattern    string
}

func load(t testing.TB, b []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Fatalf("version %q", d.OpenAPI)
	}
	return d
}

// TestOpenAPI_Routes fails on a route that the document lacks or that does not exist.
func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	d := load(t, openapi.Lockwell())
	served := map[string]bool{}
	for _, rt := range lockwell.New(&core.Core{}, nil, nil).Routes() {
		path := strings.TrimPrefix(strings.ReplaceAll(rt.Path, "...}", "}"), api)
		served[path+" "+strings.ToLower(rt.Method)] = true
		if d.Paths[path][strings.ToLower(rt.Method)].OperationID == "" {
			t.Errorf("the document lacks %s %s", rt.Method, path)
		}
	}
	ids := map[string]bool{}
	for path, ops := range d.Paths {
		for method, op := range ops {
			if !served[path+" "+method] && (method != "head" || !served[path+" get"]) {
				t.Errorf("there is no route %s %s", method, path)
			}
			if ids[op.OperationID] {
				t.Errorf("two operations are called %s", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
}

// TestOpenAPI_Examples holds every example against its schema.
func TestOpenAPI_Examples(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{openapi.Lockwell(), openapi.Lockr()} {
		d := load(t, b)
		check := func(where string, r response) {
			for _, c := range r.Content {
				if c.Example == nil {
					continue
				}
				var v any
				if err := json.Unmarshal(c.Example, &v); err != nil {
					t.Fatal(err)
				}
				for _, e := range d.violations(c.Schema, v, where) {
					t.Error(e)
				}
			}
		}
		for path, ops := range d.Paths {
			for method, op := range ops {
				for status, r := range op.Responses {
					check(path+" "+method+" "+status, r)
				}
			}
		}
		for name, r := range d.Components.Responses {
			check(name, r)
		}
	}
}

// TestOpenAPI_Answers holds real answers of every route against the document.
func TestOpenAPI_Answers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	d := load(t, openapi.Lockwell())
	account := http.Header{"Authorization": {"Bearer " + w.Account}}
	hook := `{"configs":[{"url":"https://e.com/h","events":["object-created"],"suffix":".pdf"}]}`
	seen := map[string]bool{}
	for _, k := range []struct {
		method, template, path, body string
		header                       http.Header
	}{
		{"POST", "/auth/token", "/auth/token", fmt.Sprintf(`{"accessKeyId":%q,"secretKey":%q}`, w.Key.ID, w.Key.Secret), nil},
		{"POST", "/auth/token", "/auth/token", `{}`, nil},
		{"GET", "/account/access-keys", "/account/access-keys", "", account},
		{"POST", "/account/access-keys", "/account/access-keys", `{"scopes":["read"],"buckets":["box"],"prefixes":["a/"],"expiresAt":"2100-01-01T00:00:00Z"}`, account},
		{"POST", "/account/access-keys", "/account/access-keys", `{"scopes":[]}`, account},
		{"DELETE", "/account/access-keys/{id}", "/account/access-keys/LWAKZZZZZZZZZZZZZZZZ", "", account},
		{"DELETE", "/account/access-keys/{id}", "/account/access-keys/LWAKAAAAAAAAAAAAAAAB", "", account},
		{"POST", "/buckets", "/buckets", `{"name":"box","versioning":true}`, nil},
		{"POST", "/buckets", "/buckets", `{"name":"box"}`, nil},
		{"GET", "/buckets", "/buckets", "", nil},
		{"GET", "/buckets/{bucket}", "/buckets/box", "", nil},
		{"GET", "/buckets/{bucket}", "/buckets/none", "", nil},
		{"PUT", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "x", nil},
		{"PUT", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "x", http.Header{"If-None-Match": {"*"}}},
		{"GET", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "", nil},
		{"HEAD", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "", nil},
		{"GET", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "", http.Header{"Range": {"bytes=7-"}}},
		{"GET", "/buckets/{bucket}/objects", "/buckets/box/objects?maxKeys=1", "", nil},
		{"GET", "/buckets/{bucket}/objects", "/buckets/box/objects?maxKeys=0", "", nil},
		{"PUT", "/buckets/{bucket}/notifications", "/buckets/box/notifications", hook, nil},
		{"PUT", "/buckets/{bucket}/notifications", "/buckets/box/notifications", `{"configs":[{"target":"sns","url":"x"}]}`, nil},
		{"GET", "/buckets/{bucket}/notifications", "/buckets/box/notifications", "", nil},
		{"DELETE", "/buckets/{bucket}/notifications", "/buckets/box/notifications", "", nil},
		{"DELETE", "/buckets/{bucket}", "/buckets/box", "", nil},
		{"DELETE", "/buckets/{bucket}/objects/{key}", "/buckets/box/objects/k", "", nil},
		{"GET", "/healthz", "/healthz", "", nil},
		{"GET", "/openapi.json", "/openapi.json", "", nil},
	} {
		r := w.Do(t, k.method, api+k.path, k.body, k.header)
		op := d.Paths[k.template][strings.ToLower(k.method)]
		seen[op.OperationID] = true
		want, ok := op.Responses[fmt.Sprint(r.Status)]
		if !ok {
			t.Errorf("%s %s: the document does not know %d: %s", k.method, k.path, r.Status, r.Body)
			continue
		}
		if name, isRef := strings.CutPrefix(want.Ref, "#/components/responses/"); isRef {
			want = d.Components.Responses[name]
		}
		content, ok := want.Content[r.Header.Get("Content-Type")]
		if !ok {
			if r.Body != "" && want.Content["*/*"].Schema.Type == "" {
				t.Errorf("%s %s: the document does not know %q", k.method, k.path, r.Header.Get("Content-Type"))
			}
			continue
		}
		var v any
		decode(t, r, &v)
		for _, e := range d.violations(content.Schema, v, k.method+" "+k.path) {
			t.Error(e)
		}
	}
	for path, ops := range d.Paths {
		for method, op := range ops {
			if !seen[op.OperationID] {
				t.Errorf("no answer of %s %s was looked at", method, path)
			}
		}
	}
}

func TestOpenAPI_ServedAsCommitted(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	none := http.Header{"Authorization": nil}
	r := w.Want(t, 200, "GET", api+"/openapi.json", "", none)
	if r.Body != string(openapi.Lockwell()) || r.Header.Get("Etag") == "" || r.Header.Get("Content-Type") != "application/json" {
		t.Error("not the committed bytes")
	}
	w.Want(t, 304, "GET", api+"/openapi.json", "", http.Header{"If-None-Match": {r.Header.Get("Etag")}})
	if h := w.Want(t, 200, "GET", api+"/healthz", "", none); strings.TrimSpace(h.Body) != `{"status":"ok"}` {
		t.Error(h.Body)
	}
}

// violations tells where v does not fit s. Members that a schema does not name
// are violations too: the document is to be complete.
func (d document) violations(s schema, v any, at string) (out []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		target, ok := d.Components.Schemas[name]
		if !ok {
			return []string{at + ": there is no schema " + name}
		}
		s = target
	}
	bad := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		bad("%v is not among %v", v, s.Enum)
	}
	if s.Const != nil && v != s.Const {
		bad("%v is not %v", v, s.Const)
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type != "object" {
			bad("an object where %q belongs", s.Type)
		}
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				bad("%s is missing", name)
			}
		}
		for name, member := range v {
			if p, ok := s.Properties[name]; ok {
				out = append(out, d.violations(p, member, at+"."+name)...)
			} else if s.Properties != nil {
				bad("%s is not documented", name)
			}
		}
	case []any:
		if s.Type != "array" || s.Items == nil {
			bad("an array where %q belongs", s.Type)
			return out
		}
		for i, e := range v {
			out = append(out, d.violations(*s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case string:
		if s.Type != "string" {
			bad("a string where %q belongs", s.Type)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			bad("%q does not match %s", v, s.Pattern)
		}
	case float64:
		if s.Type != "integer" && s.Type != "number" {
			bad("a number where %q belongs", s.Type)
		}
	case bool:
		if s.Type != "boolean" {
			bad("a boolean where %q belongs", s.Type)
		}
	default:
		bad("%v", v)
	}
	return out
}
