//go:build faultpoint

package faultpoint

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Env names the file that arms a point.
const Env = "SLUICE_FAULTPOINT"

// passed counts what was let pass since the file last changed: a process has one
// set of points, so this is the process's and not somebody's.
var passed struct {
	sync.Mutex
	arming string
	n      int
}

// Hit kills the process when the point is armed and was passed often enough. It
// is safe for concurrent use.
func Hit(point string) {
	file := os.Getenv(Env)
	if file == "" {
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return // nothing is armed
	}
	name, after := parse(string(b))
	if name != point {
		return
	}
	passed.Lock()
	defer passed.Unlock()
	if arming := string(b); passed.arming != arming {
		passed.arming, passed.n = arming, 0
	}
	passed.n++
	if passed.n <= after || os.Rename(file, file+".hit") != nil {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal comes before anything else happens
}

// parse reads an arming; what is none arms nothing.
func parse(s string) (point string, after int) {
	f := strings.Fields(s)
	switch len(f) {
	case 1:
		return f[0], 0
	case 2:
		if _, err := fmt.Sscan(f[1], &after); err != nil {
			return "", 0
		}
		return f[0], after
	}
	return "", 0
}

// shift is how far ahead of the true time this process lives.
var shift = sync.OnceValue(func() time.Duration {
	b, err := os.ReadFile(os.Getenv(Env) + ".clock")
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return d
})

// Now is the time, ahead of the true one by what the file *.clock said when it
// was first asked for.
func Now() time.Time { return time.Now().Add(shift()) }
