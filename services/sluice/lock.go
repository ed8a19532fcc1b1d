package sluice

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// use says how a process holds the data directory.
type use int

const (
	whole  use = syscall.LOCK_EX // sluice up: nobody else
	shared use = syscall.LOCK_SH // sluice run: others that run single services
)

// ErrInUse says that another process holds the data directory.
var ErrInUse = errors.New("the data directory is in use by another process")

// lock is the hold of a process on a file; the kernel ends it with the process.
type lock struct{ f *os.File }

// takeLock takes the lock file name in dir without waiting, and leaves a note
// of who holds it for those who are refused.
func takeLock(dir, name string, how use) (*lock, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // inside the data directory
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), int(how)|syscall.LOCK_NB); err != nil {
		holder := readHolder(f)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is held by %s; stop it, or choose another directory with --data-dir", ErrInUse, dir, holder)
		}
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt(fmt.Appendf(nil, "process %d\n", os.Getpid()), 0)
	return &lock{f}, nil
}

func readHolder(f *os.File) string {
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0)
	if who := strings.TrimSpace(string(b[:n])); who != "" {
		return who
	}
	return "a process that is just starting"
}

// release gives the hold up.
func (l *lock) release() { _ = l.f.Close() }
