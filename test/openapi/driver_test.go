// Package openapi_test holds the OpenAPI documents against themselves and
// against the running system.
package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/sluicehq/sluice/test/harness"
)

// load reads a document as the validator needs it. Schemas then take no members
// that they do not name: the document is to be complete.
func load(t testing.TB, b []byte) *openapi3.T {
	t.Helper()
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	for _, s := range raw["components"].(map[string]any)["schemas"].(map[string]any) {
		s := s.(map[string]any)
		if s["properties"] != nil {
			s["additionalProperties"] = false
		}
	}
	strict, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(strict)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// driver sends the operations of a document to a system by their ids, and holds
// every request and every answer against the document.
type driver struct {
	doc    *openapi3.T
	client *harness.Client
	routes map[string]*routers.Route // by operation id

	mu   sync.Mutex
	seen map[string]map[int]bool // statuses by operation id
}

func newDriver(doc *openapi3.T, c *harness.Client) *driver {
	d := &driver{doc: doc, client: c, routes: map[string]*routers.Route{}, seen: map[string]map[int]bool{}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			d.routes[op.OperationID] = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
		}
	}
	return d
}

// as gives a driver of the same book-keeping for another caller.
func (d *driver) as(c *harness.Client) *driver {
	return &driver{doc: d.doc, client: c, routes: d.routes, seen: d.seen}
}

// call is one request. Path parameters and query stand in at, "name=value".
type call struct {
	op     string
	at     []string
	header http.Header
	body   any // as harness.Client.Do takes it
	status int
	code   string // of the problem, when there is one

	bearer  string // another credential than the client's token; "none" for none
	invalid bool   // the document refuses the request as the server does
}

// do sends c and fails the test where request, answer and document disagree.
func (d *driver) do(t testing.TB, c call) harness.Response {
	t.Helper()
	rt := d.routes[c.op]
	if rt == nil {
		t.Fatalf("the document has no operation %s", c.op)
	}
	path, pathParams := d.target(t, rt, c.at)
	h := maps.Clone(c.header)
	if h == nil {
		h = http.Header{}
	}
	client := *d.client
	switch c.bearer {
	case "":
	case "none":
		client.Token = ""
	default:
		client.Token = c.bearer
	}
	if _, isJSON := c.body.(map[string]any); isJSON {
		h.Set("Content-Type", "application/json")
	}
	r := client.Do(t, rt.Method, path, c.body, h)
	at := fmt.Sprintf("%s %.150s", c.op, path)
	if body, ok := c.body.(map[string]any); ok {
		at = fmt.Sprintf("%s %.100s", at, fmt.Sprint(body))
	}
	if r.Status != c.status || c.code != "" && rt.Method != http.MethodHead && r.Code() != c.code {
		t.Errorf("%s: %d %s, want %d %s: %.300s", at, r.Status, r.Code(), c.status, c.code, r.Body)
	}
	if r.Status >= http.StatusBadRequest && rt.Method != http.MethodHead && !declares(rt.Operation, r.Code()) {
		t.Errorf("%s: the document does not know that it answers %s", at, r.Code())
	}
	d.note(c.op, r.Status)

	in, err := d.request(t.Context(), rt, client.Token, path, pathParams, h, c.body)
	if err != nil {
		t.Fatal(err)
	}
	if err := openapi3filter.ValidateRequest(t.Context(), in); (err != nil) != c.invalid {
		t.Errorf("%s: the document says of the request: %v", at, err)
	}
	if err := d.answer(t.Context(), in, r); err != nil {
		t.Errorf("%s: %d: %v", at, r.Status, err)
	}
	return r
}

// target fills the path's template.
func (d *driver) target(t testing.TB, rt *routers.Route, at []string) (string, map[string]string) {
	t.Helper()
	path, params, query := rt.Path, map[string]string{}, url.Values{}
	for _, kv := range at {
		name, v, _ := strings.Cut(kv, "=")
		if !strings.Contains(path, "{"+name+"}") {
			query.Add(name, v)
			continue
		}
		params[name] = v
		path = strings.Replace(path, "{"+name+"}", url.PathEscape(v), 1)
	}
	if strings.Contains(path, "{") {
		t.Fatalf("%s lacks parameters", path)
	}
	path = strings.TrimSuffix(d.doc.Servers[0].URL, "/") + path
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, params
}

// request says again what was sent, as the validator takes it.
func (d *driver) request(ctx context.Context, rt *routers.Route, token, path string, params map[string]string, h http.Header, body any) (*openapi3filter.RequestValidationInput, error) {
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		rd = strings.NewReader(b)
	case []byte:
		rd = bytes.NewReader(b)
	default:
		enc, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		rd = bytes.NewReader(enc)
	}
	req, err := http.NewRequestWithContext(ctx, rt.Method, d.client.URL+path, rd)
	if err != nil {
		return nil, err
	}
	req.Header = h.Clone()
	if req.Header.Get("Authorization") == "" && token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	opts := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: authenticate, SkipSettingDefaults: true}
	if b := rt.Operation.RequestBody; b != nil && isBinary(b.Value.Content) {
		if req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/octet-stream")
		}
		opts.ExcludeRequestBody = true
	}
	return &openapi3filter.RequestValidationInput{Request: req, PathParams: params, QueryParams: req.URL.Query(), Route: rt, Options: opts}, nil
}

// authenticate looks whether a request carries the kind of credential that a
// security scheme names.
func authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	scheme, _, _ := strings.Cut(in.RequestValidationInput.Request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, in.SecurityScheme.Scheme) {
		return errors.New("no credential of the scheme " + in.SecuritySchemeName)
	}
	return nil
}

// answer holds an answer against the document: status, headers, body.
func (d *driver) answer(ctx context.Context, in *openapi3filter.RequestValidationInput, r harness.Response) error {
	want := in.Route.Operation.Responses.Status(r.Status)
	if want == nil {
		return errors.New("the document does not know this status")
	}
	for name := range r.Header {
		own := strings.HasPrefix(name, "X-Lockwell-") && !strings.HasPrefix(name, "X-Lockwell-Meta-")
		if own && !slices.ContainsFunc(slices.Collect(maps.Keys(want.Value.Headers)), func(n string) bool { return strings.EqualFold(n, name) }) {
			return fmt.Errorf("the document does not know the header %s", name)
		}
	}
	if len(want.Value.Content) == 0 && len(r.Body) > 0 {
		return fmt.Errorf("the document knows no body, and this one came: %.200s", r.Body)
	}
	// The validator passes over answers to HEAD and 304, whose headers count all the same.
	opts, probe := *in.Options, *in
	probe.Request = in.Request.Clone(ctx)
	probe.Request.Method = http.MethodGet
	if in.Request.Method == http.MethodHead || r.Status == http.StatusNotModified || !isJSON(r.Header.Get("Content-Type")) || isBinary(want.Value.Content) {
		opts.ExcludeResponseBody = true
		if len(want.Value.Content) > 0 && len(r.Body) > 0 && want.Value.Content.Get(r.Header.Get("Content-Type")) == nil {
			return fmt.Errorf("the document does not know the media type %q", r.Header.Get("Content-Type"))
		}
	}
	if r.Status == http.StatusNotModified {
		for name, h := range want.Value.Headers {
			if h.Value.Required && r.Header.Get(name) == "" {
				return fmt.Errorf("the header %s is missing", name)
			}
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: &probe, Status: r.Status, Header: r.Header, Options: &opts}
	return openapi3filter.ValidateResponse(ctx, out.SetBodyBytes(r.Body))
}

func (d *driver) note(op string, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen[op] == nil {
		d.seen[op] = map[int]bool{}
	}
	d.seen[op][status] = true
}

// missing lists the successes of the document that did not come, by operation,
// and the operations without an error although clients can cause one.
func (d *driver) missing() (out []string) {
	for id, rt := range d.routes {
		var canFail, failed bool
		for text := range rt.Operation.Responses.Map() {
			status, err := strconv.Atoi(text)
			switch seen := d.seen[id][status]; {
			case err != nil:
				out = append(out, id+": "+text+" is no status")
			case status < http.StatusBadRequest && !seen:
				out = append(out, id+": "+text)
			case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
				canFail, failed = true, failed || seen
			}
		}
		if canFail && !failed {
			out = append(out, id+": no error")
		}
	}
	slices.Sort(out)
	return out
}

// declares reports whether an operation lists a code.
func declares(op *openapi3.Operation, code string) bool {
	codes, _ := op.Extensions["x-error-codes"].([]any)
	return slices.Contains(codes, any(code))
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || mediaType == "application/problem+json"
}

// isBinary reports whether a content is bytes that no schema describes.
func isBinary(c openapi3.Content) bool {
	for _, m := range c {
		if m.Schema != nil && m.Schema.Value.Format == "binary" {
			return true
		}
	}
	return false
}
