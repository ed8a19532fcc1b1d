package rclone_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestInterrupted kills rclone in the middle of a sync, and then the edge in the
// middle of the next: the last one finishes what is left, and no more.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all runs rclone")
	}
	w := harness.Start(t, harness.Options{Topology: harness.Processes, Env: quiet()})
	r, _ := stock(t, w, "eve")
	local, remote := filepath.Join(t.TempDir(), "tree"), "lockr:eve/tree"
	files := plant(t, local, 400, 32<<20, source(t))

	done := 0
	first := r.watch(t, local, remote, func(n int, p *os.Process) bool {
		done = n
		return n >= files/5 && p.Kill() == nil
	})
	if first == nil {
		t.Fatal("a sync that was killed ended well")
	}
	before := len(strings.Fields(r.run(t, "lsf", "-R", "--files-only", "--format", "s", remote).out))
	if before < done {
		t.Errorf("rclone has seen %d files arrive, and %d are there", done, before)
	}

	killed := false
	second := r.watch(t, local, remote, func(n int, _ *os.Process) bool {
		if killed || n < files/5 {
			return false
		}
		killed = true
		w.Kill("edge")
		if err := w.StartProc(t.Context(), "edge"); err != nil {
			t.Error(err)
		}
		return false
	})
	if !killed {
		t.Fatal("the sync was over before the edge could be killed")
	}
	if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Logf("with the edge killed in the middle: %v", second)
	last := r.sync(t, local, remote)
	if last.Transfers > int64(files/2) {
		t.Errorf("the last sync moved %d of %d files again", last.Transfers, files)
	}
	r.idle(t, local, remote)
	r.same(t, local, remote)
}

// watch syncs and calls seen after each file that arrived, with their number, until
// it says that it has seen enough. The error is how rclone ended.
func (r *rclone) watch(t *testing.T, from, to string, seen func(n int, p *os.Process) (enough bool)) error {
	t.Helper()
	cmd := r.command(t.Context(), "sync", from, to, "--transfers=4", "--checkers=8", "--retries=3", "--retries-sleep=1s")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for n := 0; lines.Scan(); {
		if n += copied(lines.Text()); seen(n, cmd.Process) {
			break
		}
	}
	_, _ = io.Copy(io.Discard, log) // Wait closes the pipe
	return cmd.Wait()
}
