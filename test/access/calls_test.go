// Package access_test holds the table of contracts/access to what the services'
// code does: the calls that each is allowed are those that it makes.
package access_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/sluicehq/sluice/contracts/access"
)

const module = "github.com/sluicehq/sluice/"

// TestCalls_AreThoseOfTheCode reads the services' code with its types: whoever calls
// a method whose name and types are those of a contract's call makes that call,
// through whatever interface of his own. What a service calls through a package of
// contracts that it uses (closing) counts too.
func TestCalls_AreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	code := []string{"./contracts/..."}
	for _, user := range access.Services() {
		code = append(code, "./services/"+user+"/...")
	}
	all := load(t, repository(t), code...)
	calls := map[string]string{} // by name and types of the method: the call's subject
	serving := map[string]bool{}
	for _, p := range all {
		before := len(calls)
		declared(p, calls)
		serving[p.PkgPath] = len(calls) > before
	}
	if len(calls) < 100 {
		t.Fatalf("found only %d calls in the contracts", len(calls))
	}
	shared := map[string]map[string]bool{} // what packages of contracts call for their users
	for _, p := range all {
		if strings.HasPrefix(p.PkgPath, module+"contracts/") && !serving[p.PkgPath] && !strings.HasSuffix(p.PkgPath, "test") {
			shared[p.PkgPath] = used(p, calls)
		}
	}
	for _, r := range access.Roles() {
		t.Run(r.User, func(t *testing.T) {
			t.Parallel()
			made := map[string]bool{}
			for _, p := range all {
				if !strings.HasPrefix(p.PkgPath+"/", module+"services/"+r.User+"/") || strings.HasSuffix(p.PkgPath, "test") {
					continue
				}
				maps.Copy(made, used(p, calls))
				for path := range p.Imports {
					maps.Copy(made, shared[path])
				}
			}
			// A service's own methods are not called through the bus.
			maps.DeleteFunc(made, func(subject string, _ bool) bool { return r.Serves != "" && strings.HasPrefix(subject, r.Serves+".") })
			got := slices.Sorted(maps.Keys(made))
			if want := slices.Sorted(slices.Values(r.Calls)); !slices.Equal(got, want) {
				t.Errorf("calls of the code:\n\t%s\nnot in the table: %v\nonly in the table: %v", strings.Join(got, "\n\t"), missing(got, want), missing(want, got))
			}
		})
	}
}

func missing(of, in []string) (out []string) {
	for _, s := range of {
		if !slices.Contains(in, s) {
			out = append(out, s)
		}
	}
	return out
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}

// load type-checks packages; what they import comes from the
// build cache.
func load(t *testing.T, root string, patterns ...string) []*packages.Package {
	t.Helper()
	ps, err := packages.Load(&packages.Config{
		Context: t.Context(), Dir: root,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		for _, e := range p.Errors {
			t.Fatal(e)
		}
	}
	return ps
}

// declared notes the calls that a contract declares: variables of rpc.Method with
// the subject in their literal, and the client's method that passes each on.
func declared(p *packages.Package, calls map[string]string) {
	subjects := map[types.Object]string{}
	for _, f := range p.Syntax {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
				for i := range v.Names {
					if s := subjectOf(v.Values[i]); s != "" && isMethod(p.TypesInfo.TypeOf(v.Values[i])) {
						subjects[p.TypesInfo.Defs[v.Names[i]]] = s
					}
				}
			}
			return true
		})
	}
	for _, f := range p.Syntax {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Body == nil {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if s := subjects[p.TypesInfo.Uses[id]]; s != "" {
						calls[signature(p.TypesInfo.Defs[fn.Name].(*types.Func))] = s
					}
				}
				return true
			})
		}
	}
}

// isMethod reports whether a type is an rpc.Method.
func isMethod(t types.Type) bool {
	n, ok := t.(*types.Named)
	return ok && n.Obj().Name() == "Method" && n.Obj().Pkg().Path() == module+"pkg/rpc"
}

// subjectOf gives the field Subject of a composite literal.
func subjectOf(e ast.Expr) string {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return ""
	}
	for _, el := range lit.Elts {
		kv, ok := el.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "Subject" {
			if v, ok := kv.Value.(*ast.BasicLit); ok && v.Kind == token.STRING {
				s, _ := strconv.Unquote(v.Value)
				return s
			}
		}
	}
	return ""
}

// signature is the name of a method with the types that it takes and gives.
func signature(f *types.Func) string {
	s := f.Type().(*types.Signature)
	return fmt.Sprintf("%s %s %s", f.Name(), tuple(s.Params()), tuple(s.Results()))
}

func tuple(t *types.Tuple) string {
	var out []string
	for v := range t.Variables() {
		out = append(out, types.TypeString(v.Type(), nil))
	}
	return strings.Join(out, ",")
}

// used gives the calls that a package's code names, by selecting a method with the
// call's name and types. Clients and fakes, which only have such methods, name none.
func used(p *packages.Package, calls map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, sel := range p.TypesInfo.Selections {
		f, ok := sel.Obj().(*types.Func)
		if !ok {
			continue
		}
		if s := calls[signature(f)]; s != "" && sel.Kind() == types.MethodVal {
			out[s] = true
		}
	}
	return out
}
