package harness

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// ClientBinary builds sluice-client once and gives its path.
func ClientBinary(t testing.TB) string {
	t.Helper()
	path, err := buildClient()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildClient = sync.OnceValues(func() (string, error) { return buildAt("sluice-client-test", "./services/sluice/cmd/client") })

// SluiceClient runs sluice-client as one user of this machine: with a home of its
// own and none of the test's settings.
type SluiceClient struct {
	bin, server string
	Home        string
	Env         []string // more of it
}

// NewSluiceClient is a user who speaks to base.
func NewSluiceClient(t testing.TB, base string) *SluiceClient {
	t.Helper()
	return &SluiceClient{bin: ClientBinary(t), server: base, Home: t.TempDir()}
}

// Run runs a command line and gives what it printed and its exit code.
func (c *SluiceClient) Run(ctx context.Context, stdin string, args ...string) (out, errs string, code int) {
	cmd := exec.CommandContext(ctx, c.bin, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Home, "XDG_CONFIG_HOME=" + filepath.Join(c.Home, "config"), "SLUICE_ENDPOINT=" + c.server}
	cmd.Env = append(cmd.Env, c.Env...)
	cmd.Dir, cmd.Stdin = c.Home, strings.NewReader(stdin)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	_ = cmd.Run() // the exit code says it
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}
