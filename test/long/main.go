// Command long gives the arguments by which go test runs the tests that grow with
// SLUICE_TEST_FULL, and no other, in the packages below the directories that it is
// given: make test-all repeats none that make test has run already. A test grows when
// it, or whatever of its package it names directly or over others, reads that variable;
// in a soak SLUICE_SOAK counts, too. Names are not resolved: one test too many may be
// told, none too few.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func main() {
	reads := []string{"SLUICE_TEST_FULL"}
	if os.Getenv("SLUICE_SOAK") != "" {
		reads = append(reads, "SLUICE_SOAK")
	}
	var tests, dirs []string
	for _, root := range os.Args[1:] {
		err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			found, err := grow(dir, reads)
			if len(found) > 0 {
				tests, dirs = append(tests, found...), append(dirs, "./"+filepath.ToSlash(dir))
			}
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "long:", err)
			os.Exit(1)
		}
	}
	fmt.Printf("-run ^(%s)$ %s\n", strings.Join(tests, "|"), strings.Join(dirs, " "))
}

// grow gives the names of a directory's tests that read one of the variables, sorted.
func grow(dir string, variables []string) (tests []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	names := map[string]map[string]bool{} // what each declaration of the package names
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			for _, name := range declared(d) {
				if names[name] == nil {
					names[name] = map[string]bool{}
				}
				ast.Inspect(d, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.Ident:
						names[name][n.Name] = true
					case *ast.BasicLit:
						if s, err := strconv.Unquote(n.Value); err == nil && slices.Contains(variables, s) {
							names[name][s] = true
						}
					}
					return true
				})
			}
		}
	}
	reads := map[string]bool{}
	for _, v := range variables {
		reads[v] = true
	}
	for more := true; more; {
		more = false
		for name, used := range names {
			for u := range used {
				if reads[u] && !reads[name] {
					reads[name], more = true, true
				}
			}
		}
	}
	for name := range names {
		if reads[name] && strings.HasPrefix(name, "Test") && name != "TestMain" {
			tests = append(tests, name)
		}
	}
	slices.Sort(tests)
	return tests, nil
}

// declared names what a declaration declares at the top of a file; methods go by
// their own name.
func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return []string{d.Name.Name}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, n := range v.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
