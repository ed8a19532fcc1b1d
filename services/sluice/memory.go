package sluice

import (
	"bytes"
	"math"
	"os"
	"runtime/debug"
	"strconv"
)

// setMemoryLimit sets the soft limit of the heap to half of what the machine or
// its cgroup has, unless GOMEMLIMIT was set: JetStream holds whole message
// blocks for a while after reads, and the collector would let them double the
// heap before it ran. It returns the limit; 0 when it left it alone.
func setMemoryLimit() int64 {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return 0
	}
	has := min(cgroupLimit("/sys/fs/cgroup/memory.max"), cgroupLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes"), physical("/proc/meminfo"))
	if has == math.MaxInt64 {
		return 0
	}
	limit := has / 2
	debug.SetMemoryLimit(limit)
	return limit
}

// cgroupLimit reads a file with one number; anything else ("max") is no limit.
func cgroupLimit(path string) int64 {
	b, err := os.ReadFile(path) //nolint:gosec // fixed paths
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

// physical reads MemTotal of a meminfo file.
func physical(path string) int64 {
	b, err := os.ReadFile(path) //nolint:gosec // fixed path
	if err != nil {
		return math.MaxInt64
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == "MemTotal:" {
			if kib, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil && kib > 0 {
				return kib << 10
			}
		}
	}
	return math.MaxInt64
}
