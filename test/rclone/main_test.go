// Package rclone_test drives Debian's stock rclone against the running system: the
// line of configuration that we document, and whole trees to and fro; and litmus.
// It needs both, so `make test-all` runs it: SLUICE_TEST_FULL.
package rclone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// rclone runs the program with a configuration of its own.
type rclone struct {
	bin    string
	config string
}

// stats is what rclone counts of a run.
type stats struct {
	Bytes, Transfers, Deletes, Errors, Checks int64
}

// run is what a command did.
type run struct {
	stats
	out string // standard output
	log string // a JSON object a line
}

// stock finds rclone, makes an account, and configures the remote lockr by the
// documented line.
func stock(t *testing.T, w *harness.World, account string) (*rclone, *harness.Client) {
	t.Helper()
	bin, err := exec.LookPath("rclone")
	if err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), "rclone") {
			t.Fatal("there is no rclone; scripts/test-all.sh installs it where it can")
		}
		t.Skip("there is no rclone")
	}
	c := harness.NewClient(t, w, account)
	r := &rclone{bin: bin, config: filepath.Join(t.TempDir(), "rclone.conf")}
	r.run(t, strings.Fields(fmt.Sprintf("config create lockr webdav url=%s/dav vendor=owncloud bearer_token=%s", w.URL, c.Account))...)
	return r, c
}

func (r *rclone) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.bin, append([]string{"--config", r.config, "--use-json-log", "--log-level", "INFO", "--stats", "1h"}, args...)...)
	// Nothing that somebody has set for rclone or for S3 counts here.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RCLONE_") || strings.HasPrefix(v, "AWS_") })
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "RCLONE_CACHE_DIR="+filepath.Dir(r.config))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// try runs a command and gives what it did, whether it ended well or not.
func (r *rclone) try(ctx context.Context, args ...string) (run, error) {
	cmd := r.command(ctx, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	res := run{out: out.String(), log: log.String()}
	for line := range strings.Lines(res.log) {
		var l struct{ Stats *stats }
		if json.Unmarshal([]byte(line), &l) == nil && l.Stats != nil {
			res.stats = *l.Stats
		}
	}
	return res, err
}

// run is try for what has to end well.
func (r *rclone) run(t *testing.T, args ...string) run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	res, err := r.try(ctx, args...)
	if err != nil {
		t.Fatalf("rclone %s: %v\n%s\n%s", strings.Join(args, " "), err, tail(res.out, 20), tail(res.log, 40))
	}
	return res
}

// sync makes to like from, as the specification has it.
func (r *rclone) sync(t *testing.T, from, to string, more ...string) run {
	t.Helper()
	return r.run(t, append([]string{"sync", from, to, "--transfers=16", "--checkers=8"}, more...)...)
}

// same compares two sides byte by byte.
func (r *rclone) same(t *testing.T, a, b string) {
	t.Helper()
	r.run(t, "check", "--download", "--checkers=16", a, b)
}

// idle syncs again, by times and by checksums: nothing may be left to do.
func (r *rclone) idle(t *testing.T, from, to string) {
	t.Helper()
	for _, how := range []string{"--update=false", "--checksum"} {
		again := r.sync(t, from, to, how)
		if again.Transfers != 0 || again.Bytes != 0 || again.Deletes != 0 || again.Errors != 0 {
			t.Errorf("a second sync of %s with %s was not idle: %+v\n%s", from, how, again.stats, tail(again.log, 10))
		}
		if strings.Contains(again.log, "no hashes in common") {
			t.Errorf("%s: the two sides have no checksum in common", how)
		}
	}
}

// quiet leaves out the spans of thousands of requests, and their flushes: a power
// cut is not what is looked at here.
func quiet() []string { return []string{"SLUICE_LOG_LEVEL=info", "SLUICE_DURABILITY=process"} }

// copied counts the files that a log says were transferred.
func copied(log string) int { return strings.Count(log, `"msg":"Copied (`) }

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
