package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
)

// key looks at the master key file: that it can be read, by its owner only, and
// opens what was sealed under it.
func (d *doctor) key(ctx context.Context, l *list) {
	path := d.Config.Common.KeyPath()
	store, err := d.domains(ctx)
	sealed := store != nil
	if err != nil {
		l.warn("domains", "make the nats-server answer first", "whether the key fits the key domains could not be asked: %v", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		// As at a start: documents come after the key file, too.
		dbs, _ := filepath.Glob(filepath.Join(d.Config.Common.DocsDir(), "*.db")) // fails for bad patterns only
		if sealed || len(dbs) > 0 {
			l.fail(path, "put the file back from your backup, or point key_file at it; do not start a service before",
				"the master key file is missing, and there is data that only it opens")
			return
		}
		l.warn(path, "the first start makes it; back it up then", "there is no master key file yet")
		return
	}
	master, err := keys.LoadOrCreate(path, true) // with data, it makes none
	if err != nil {
		l.fail(path, "correct what it says, or put the file back from your backup", "%v", err)
		return
	}
	if !sealed {
		l.done(path, "the master key file is good; its current key is %d", master.CurrentID())
		return
	}
	fit, err := keys.FitOf(ctx, store, master)
	switch {
	case err != nil:
		l.warn("domains", "ask again when the nats-server is well", "the key domains could not all be read: %v", err)
	case len(fit.Foreign) > 0:
		l.fail("domains", "put the right key file back from your backup; what it sealed cannot be opened without it",
			"the master key file does not open these key domains: %s", strings.Join(fit.Foreign, ", "))
	case fit.Older > 0:
		l.warn("domains", "sluice master-key rewrap", "%d of %d key domains are still under an older master key", fit.Older, fit.Domains)
	}
	l.done(path, "the master key file opens all %d key domains; its current key is %d", fit.Domains, master.CurrentID())
}

// domains gives the bucket of the key domains; nil when there is none, or nobody
// to ask.
func (d *doctor) domains(ctx context.Context) (keys.Store, error) {
	if d.js == nil {
		return nil, d.natsErr
	}
	s, err := natskv.Find(ctx, d.js)
	if errors.Is(err, keys.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	return s, nil
}
