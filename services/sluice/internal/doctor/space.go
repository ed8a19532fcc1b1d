package doctor

import (
	"context"
	"fmt"
	"syscall"
)

// From these on a file system is a finding; the larger of share and size counts
// for neither, both must be undercut for a large disk not to cry early.
const (
	warnShare, failShare = 10, 2 // percent that are free
	warnFree, failFree   = 20 << 30, 1 << 30
)

// Shares of a limit that are used, in percent.
const (
	warnUsed = 80
	failUsed = 95
)

// freeSpace asks the file system.
func freeSpace(path string) (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return Space{}, err
	}
	size := uint64(st.Bsize) //nolint:gosec // block sizes are small and positive
	return Space{Free: st.Bavail * size, Total: st.Blocks * size, FreeFiles: st.Ffree, TotalFiles: st.Files}, nil
}

// space looks at the data directory's file system and at the limits that
// JetStream sets this account.
func (d *doctor) space(ctx context.Context, l *list) {
	d.disk(l)
	if d.js != nil {
		d.account(ctx, l)
	}
	l.done("", "there is room")
}

func (d *doctor) disk(l *list) {
	dir := d.Config.Common.DataDir
	s, err := d.FreeSpace(dir)
	if err != nil {
		l.warn(dir, "check data_dir", "the free space cannot be asked: %v", err)
		return
	}
	const advice = "make room, and restart the nats-server when writes have failed already: deploy/RUNBOOK.md#full-disk"
	if s.Total > 0 {
		share := 100 * s.Free / s.Total
		text := "%s of %s are free (%d %%)"
		free, total := Size(s.Free), Size(s.Total)
		switch {
		case share < failShare && s.Free < failFree || share < 50 && s.Free < failFree/4:
			l.fail(dir, advice, text+": writes fail soon, or do so already", free, total, share)
		case share < warnShare && s.Free < warnFree:
			l.warn(dir, advice, text, free, total, share)
		}
	}
	if s.TotalFiles > 0 && 100*s.FreeFiles/s.TotalFiles < failShare {
		l.warn(dir, "find what makes so many files: 'du --inodes'", "%d of %d files are left to the file system", s.FreeFiles, s.TotalFiles)
	}
}

// account compares what JetStream keeps for this account with its limits.
func (d *doctor) account(ctx context.Context, l *list) {
	a, err := d.js.AccountInfo(ctx)
	if err != nil {
		l.warn("jetstream", "ask again when the nats-server is well, or check the permissions of the operator's credentials (deploy/nats)", "the limits of JetStream cannot be asked: %v", err)
		return
	}
	if limit := a.Limits.MaxStore; limit > 0 {
		used := 100 * a.Store / uint64(limit)                                                                                                       //nolint:gosec // it is positive
		l.full("jetstream", "raise the account's limit in the nats-servers' configuration, or make room: deploy/RUNBOOK.md#full-disk", int64(used), //nolint:gosec // percents
			"the account has used %s of %s on disk (%d %%)", Size(a.Store), Size(uint64(limit)), used) //nolint:gosec // as above
	}
}

// full complains when so many percent of a limit are used.
func (l *list) full(about, advice string, percent int64, format string, args ...any) {
	switch {
	case percent >= failUsed:
		l.fail(about, advice, format, args...)
	case percent >= warnUsed:
		l.warn(about, advice, format, args...)
	}
}

// Size writes a number of bytes for people, "15.4 GiB".
func Size(n uint64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/(1<<10), 0
	for ; f >= 1<<10 && i < len(units)-1; i++ {
		f /= 1 << 10
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
