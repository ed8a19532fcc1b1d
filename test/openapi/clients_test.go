package openapi_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// TestClients generates clients by stock generators, compiles them, and makes a
// round trip with each: token, bucket, put, get, list, tags, copy, multipart,
// delete. A language whose tools are not on this machine is left out.
func TestClients(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all generates clients")
	}
	w := harness.Start(t, harness.Options{})
	user := harness.NewClient(t, w, "generated")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		language string
		run      []string // the round trip, from the root of the repository
		needs    []string // a Python module
	}{
		{language: "go", run: []string{"gen/go/goclient"}},
		{language: "typescript", run: []string{"node", "gen/typescript/dist/roundtrip.js"}},
		{language: "python", run: []string{"python3", "test/openapi/testdata/roundtrip.py"}, needs: []string{"urllib3", "six", "certifi", "dateutil"}},
		{language: "java", run: []string{"gen/java/roundtrip"}},
	} {
		t.Run(k.language, func(t *testing.T) {
			t.Parallel()
			if !generate(t, root, k.language) || !importable(t, k.needs) {
				return
			}
			program := k.run[0]
			if filepath.Base(program) != program {
				program = filepath.Join(root, program)
			}
			cmd := exec.CommandContext(t.Context(), program, k.run[1:]...)
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "SLUICE_URL="+w.URL, "SLUICE_ACCESS_KEY_ID="+user.KeyID, "SLUICE_SECRET_KEY="+user.Secret, "PYTHONPATH="+filepath.Join(root, "gen/python"), "PYTHONDONTWRITEBYTECODE=1")
			out, err := cmd.CombinedOutput()
			if errors.Is(err, fs.ErrNotExist) {
				t.Logf("no round trip: %v", err) // what it takes to compile is not here
				return
			}
			if err != nil || !strings.Contains(string(out), "round trip done") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// generate runs scripts/codegen.sh for one language; false when a tool of it is
// not on this machine.
func generate(t *testing.T, root, language string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "codegen.sh"), language)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 3 {
		t.Logf("left out: %s", out)
		return false
	}
	if err != nil {
		t.Fatalf("generating: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	return true
}

// importable reports whether Python has what the generated client imports.
func importable(t *testing.T, modules []string) bool {
	t.Helper()
	if len(modules) == 0 {
		return true
	}
	out, err := exec.CommandContext(t.Context(), "python3", "-c", "import "+strings.Join(modules, ", ")).CombinedOutput()
	if err != nil {
		t.Logf("no round trip: %s", out)
	}
	return err == nil
}
