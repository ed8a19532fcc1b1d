package rclone_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// deadProperties are litmus's tests that store properties of their own making,
// which the drive does not keep, and those that set some on the way.
func deadProperties() []string {
	return []string{"propset", "propmanyns", "propget", "owner_modify"}
}

// TestLitmus runs the WebDAV suite that Debian has: what fails has to do with dead
// properties, and with nothing else.
func TestLitmus(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all runs litmus")
	}
	bin, err := exec.LookPath("litmus")
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "rclone") {
			t.Fatal("there is no litmus; scripts/test-all.sh installs it where it can")
		}
		t.Skip("there is no litmus")
	}
	w := harness.Start(t, harness.Options{Env: quiet()})
	c := harness.NewClient(t, w, "lit")
	cmd := exec.CommandContext(t.Context(), bin, "-k", w.URL+"/dav/lit/", "any", c.Account)
	cmd.Dir = t.TempDir()          // it writes a log
	out, _ := cmd.CombinedOutput() // it ends badly when any test fails
	verdict := regexp.MustCompile(`^ *\d+\. (\w+?)\.* (pass|FAIL|WARNING|SKIPPED)`)
	passed := 0
	for line := range strings.Lines(string(out)) {
		m := verdict.FindStringSubmatch(line[strings.LastIndexByte(line, '\r')+1:]) // it writes over itself
		switch {
		case m == nil:
		case m[2] == "pass":
			passed++
		case m[2] != "SKIPPED" && !slices.Contains(deadProperties(), m[1]):
			t.Errorf("%s", line)
		}
	}
	if passed < 80 {
		t.Errorf("only %d tests passed:\n%s", passed, out)
	}
}
