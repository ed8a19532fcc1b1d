// Package deploy_test holds the files in deploy/ to what they are for, as far as
// that can be done without a container engine: they are read by the code that would
// read them, and what they name exists.
package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the repository.
const root = "../.."

func read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decode reads a YAML file of deploy/.
func decode(t testing.TB, into any, path ...string) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, append([]string{"deploy"}, path...)...)), into); err != nil {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
}

var settingRow = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| `([A-Z_]+)` \\|")

// names are the settings that there are.
type names struct{ keys, variables map[string]bool }

// settings reads deploy/SETTINGS.md, which is made from the code.
func settings(t testing.TB) names {
	t.Helper()
	n := names{map[string]bool{}, map[string]bool{}}
	for _, m := range settingRow.FindAllStringSubmatch(read(t, "deploy", "SETTINGS.md"), -1) {
		n.keys[m[1]], n.variables[m[2]] = true, true
	}
	if len(n.keys) < 50 {
		t.Fatalf("%d settings in deploy/SETTINGS.md", len(n.keys))
	}
	return n
}

// known asserts that a variable of a deployment file is one that somebody reads.
func (n names) known(t testing.TB, where, variable string) {
	t.Helper()
	if strings.HasPrefix(variable, "SLUICE_") && !n.variables[variable] {
		t.Errorf("%s: %s is no setting", where, variable)
	}
}

// knownKeys asserts the same of a settings file.
func (n names) knownKeys(t testing.TB, where, text string) {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for k, v := range m {
			if sub, ok := v.(map[string]any); ok {
				walk(prefix+k+".", sub)
			} else if !n.keys[prefix+k] {
				t.Errorf("%s: %s is no setting", where, prefix+k)
			}
		}
	}
	walk("", m)
}

// services are what 'sluice run' runs beside the nats-server.
func services() []string {
	return []string{"auth", "object", "upload", "linkchecker", "stats", "webhook", "edge"}
}
