package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faultEnv is pkg/faultpoint's Env, which a build without the tag does not have.
const faultEnv = "SLUICE_FAULTPOINT"

// armFile names the file that arms a point; it lies beside the data.
func (w *World) armFile() string { return filepath.Join(filepath.Dir(w.DataDir), "faultpoint") }

// Arm makes the next process that comes to a point of pkg/faultpoint die there,
// after it was passed that often. The World must have been started with FaultPoints.
func (w *World) Arm(t testing.TB, point string, after int) {
	t.Helper()
	if !w.opts.FaultPoints {
		t.Fatal("this World was not started with FaultPoints")
	}
	tmp := w.armFile() + ".new"
	if err := os.WriteFile(tmp, fmt.Appendf(nil, "%s %d\n", point, after), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, w.armFile()); err != nil {
		t.Fatal(err)
	}
}

// Ahead puts the clock of the processes that start from now on ahead of the true
// time: leases end, and sweeps find work. It takes a World with FaultPoints.
func (w *World) Ahead(t testing.TB, d time.Duration) {
	t.Helper()
	if err := os.WriteFile(w.armFile()+".clock", []byte(d.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Died waits until a process has died at the armed point, forgets it, and gives
// its name. It fails the test when none did.
func (w *World) Died(t testing.TB, within time.Duration) string {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, name := range w.order {
			if w.dead(name) {
				if err := os.Remove(w.armFile() + ".hit"); err != nil {
					t.Fatalf("%s died, but not at the point: %v", name, err)
				}
				return name
			}
		}
		select {
		case <-deadline:
			b, err := os.ReadFile(w.armFile())
			_ = os.Remove(w.armFile()) // whoever comes next is not meant
			t.Fatalf("no process came to the point %s within %v (%v)", b, within, err)
		case <-tick.C:
		}
	}
}

// dead reports whether a process that was not stopped has ended by SIGKILL, and
// forgets it then.
func (w *World) dead(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.procs[name]
	if p == nil {
		return false
	}
	select {
	case <-p.done:
	default:
		return false
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		return false
	}
	delete(w.procs, name)
	return true
}

// faultBinary builds the binary with the tag faultpoint, once;
// SLUICE_TEST_FAULT_BINARY names one that is already built.
func faultBinary(t testing.TB) string {
	t.Helper()
	if b := os.Getenv("SLUICE_TEST_FAULT_BINARY"); b != "" {
		return b
	}
	path, err := buildFault()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildFault = sync.OnceValues(func() (string, error) { return buildAs("sluice-fault", "-tags", "faultpoint") })
