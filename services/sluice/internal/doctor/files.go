package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/sluice"
)

// files looks at who may read what is secret, and for what was left behind.
func (d *doctor) files(ctx context.Context, l *list) {
	c := d.Config.Common
	switch st, err := os.Stat(c.DataDir); {
	case errors.Is(err, fs.ErrNotExist):
		l.warn(c.DataDir, "check data_dir; the first start makes it", "there is no data directory %s: nothing was started with these settings on this host", c.DataDir)
		return
	case err != nil:
		l.fail(c.DataDir, "run this as the user that the services run as", "the data directory cannot be looked at: %v", err)
		return
	case !st.IsDir():
		l.fail(c.DataDir, "set data_dir to a folder", "%s is no folder", c.DataDir)
		return
	case st.Mode().Perm()&0o077 != 0:
		l.warn(c.DataDir, "chmod 700 "+c.DataDir, "others than its owner may look into the data directory (mode %04o)", st.Mode().Perm())
	}
	ext := filepath.Ext(c.CredsPath())
	creds, _ := filepath.Glob(strings.TrimSuffix(c.CredsPath(), ext) + "*" + ext) // fails for bad patterns only
	for _, path := range creds {
		private(l, path, "credentials for the nats-server")
	}
	if t := d.Config.Edge.HTTP.TLSKey; t != "" {
		private(l, t, "the private key of the public listener")
	}
	if d.File != "" && holdsSecrets(d.Config) {
		private(l, d.File, "the settings file, which has secrets in it,")
	}
	dbs, _ := filepath.Glob(filepath.Join(c.DocsDir(), "*.db")) // fails for bad patterns only
	d.orphans(ctx, l, dbs)
	l.done("", "nobody but their owner may read the data directory, credentials and keys")
}

// private complains about a file that others may read or write. One that is not
// there is somebody else's finding.
func private(l *list, path, what string) {
	st, err := os.Stat(path)
	if err != nil {
		return
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		l.fail(path, "chmod 600 "+path+", and think about who could have copied it", "%s may be read or written by others than the owner (mode %04o)", what, mode)
	}
}

// holdsSecrets reports whether the settings have a secret at all; where it came
// from is not known, so a file without one is only asked to be private when a
// variable holds it.
func holdsSecrets(c sluice.Config) bool {
	return slices.ContainsFunc([]settings.Secret{
		c.Common.MongoDB.URI, c.Auth.AdminPassword, c.Edge.Plik.GoogleAPISecret, c.Edge.Plik.OVHAPISecret, c.Edge.Plik.OIDCClientSecret,
	}, func(s settings.Secret) bool { return s != "" })
}

// orphans are files that nobody will read again.
func (d *doctor) orphans(ctx context.Context, l *list, dbs []string) {
	declared, err := sluice.Declared(ctx)
	if err != nil {
		return // a mistake in the program, which its tests find
	}
	for _, db := range dbs {
		name := strings.TrimSuffix(filepath.Base(db), ".db")
		if !slices.ContainsFunc(declared, func(s sluice.Documents) bool { return s.Service == name }) {
			l.warn(db, "move it away when you know what it is", "no service keeps its documents in %s", filepath.Base(db))
		}
	}
	c := d.Config.Common
	for _, pattern := range []string{
		filepath.Join(filepath.Dir(c.CredsPath()), ".nats-*"), filepath.Join(filepath.Dir(c.KeyPath()), "."+filepath.Base(c.KeyPath())+"-*"),
	} {
		left, _ := filepath.Glob(pattern) // fails for bad patterns only
		for _, path := range left {
			l.warn(path, fmt.Sprintf("rm %q when nothing is starting just now", path), "a start that was killed left a file with secrets behind")
		}
	}
}
