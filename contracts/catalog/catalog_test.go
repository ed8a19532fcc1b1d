package catalog_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/catalog"
)

func TestErrors_UniqueAndNamed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range catalog.Errors() {
		if seen[e.Code] {
			t.Errorf("%s is declared twice", e.Code)
		}
		seen[e.Code] = true
		if !strings.Contains(e.Code, ".") || e.Message == "" || e.Kind == "" {
			t.Errorf("%+v: a code is service.snake_case, with a kind and a message", e)
		}
	}
}

// TestCatalog_Complete counts the declarations in the sources, so that none is
// left out of the lists.
func TestCatalog_Complete(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../*/v1/*.go")
	if err != nil {
		t.Fatal(err)
	}
	faults, events := 0, 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "New" {
					if p, ok := s.X.(*ast.Ident); ok && p.Name == "fault" {
						faults++
					}
				}
			case *ast.CompositeLit:
				if ix, ok := n.Type.(*ast.IndexExpr); ok {
					if s, ok := ix.X.(*ast.SelectorExpr); ok && s.Sel.Name == "EventType" {
						events++
					}
				}
			}
			return true
		})
	}
	if faults != len(catalog.Errors()) || events != len(catalog.Events()) {
		t.Errorf("the contracts declare %d errors and %d events, the catalog lists %d and %d", faults, events, len(catalog.Errors()), len(catalog.Events()))
	}
}

func TestDocuments_Fresh(t *testing.T) {
	t.Parallel()
	async, err := catalog.AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"ERRORS.md": catalog.ErrorsDoc(), "EVENTS.md": catalog.EventsDoc(), "asyncapi.yaml": async} {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v); run make gen", name, err)
		}
	}
}
