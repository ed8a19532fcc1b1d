package edgetest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Document is as much of a dialect's OpenAPI document as its tests look at; the
// whole of it is held against OpenAPI, and against what is served, in test/openapi.
type Document struct {
	Paths      map[string]map[string]struct{ OperationID string }
	Components struct {
		Schemas struct {
			ErrorCode struct {
				Enum   []string
				Status map[string]int `json:"x-status"`
			}
		}
	}
}

// OpenAPI reads a document.
func OpenAPI(t testing.TB, raw []byte) Document {
	t.Helper()
	var d Document
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// HoldRoutes fails on a route below prefix that the document lacks, or has under
// another name, and on an operation that is no route. A name's second row has its
// method behind it there: "fileInfo", "fileInfoByGet".
func (d Document) HoldRoutes(t testing.TB, routes []dialect.Route, prefix string) {
	t.Helper()
	served, named := map[string]bool{}, map[string]bool{}
	for _, rt := range routes {
		if named[rt.Name] {
			rt.Name += "By" + rt.Method[:1] + strings.ToLower(rt.Method[1:])
		}
		named[rt.Name] = true
		path := strings.TrimPrefix(strings.NewReplacer("...}", "}", "{$}", "").Replace(rt.Path), prefix)
		method := strings.ToLower(rt.Method)
		served[path+" "+method] = true
		if id := d.Paths[path][method].OperationID; id == "" {
			t.Errorf("the document lacks %s %s", rt.Method, path)
		} else if !strings.EqualFold(id, rt.Name) || id[1:] != rt.Name[1:] {
			t.Errorf("%s %s is %s in the document and %s in the routes", rt.Method, path, id, rt.Name)
		}
	}
	ids := map[string]bool{}
	for path, ops := range d.Paths {
		for method, op := range ops {
			// HEAD is GET's route.
			if !served[path+" "+method] && (method != "head" || !served[path+" get"]) {
				t.Errorf("there is no route %s %s", method, path)
			}
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s is called %q, as another operation is", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
}
