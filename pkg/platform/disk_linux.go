package platform

import "syscall"

// diskOf measures the file system that holds a folder, in bytes: what we may still
// write, and all of it.
func diskOf(dir string) (free, size int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	return int64(min(s.Bavail, 1<<40)) * s.Bsize, int64(min(s.Blocks, 1<<40)) * s.Bsize, true
}
