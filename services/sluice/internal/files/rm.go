package files

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// batch is how many objects one request removes.
const batch = 1000

// remover is what rm was asked for.
type remover struct {
	*session
	recursive, versions bool
	versionID           string
}

func (e env) rm() *cobra.Command {
	o := &remover{}
	return e.command(spec{
		use: "rm lw://BUCKET/KEY…", short: "remove objects",
		long: `Removes objects. In a versioned bucket a delete marker hides them; --version-id
removes one version for good, and -r --versions all of them. What is not there
counts as removed; what is locked stays, and is told.`,
		args: cobra.MinimumNArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.BoolVarP(&o.recursive, "recursive", "r", false, "all keys below KEY/, or of the bucket")
			fs.BoolVar(&o.versions, "versions", false, "with -r: all versions and delete markers, for good")
			fs.StringVar(&o.versionID, "version-id", "", "this version, for good")
		},
		run: func(ctx context.Context, s *session, args []string) error {
			o.session = s
			return o.run(ctx, args)
		},
	})
}

func (o *remover) run(ctx context.Context, args []string) error {
	if o.versionID != "" && (len(args) > 1 || o.recursive) || o.versions && !o.recursive {
		return usage("--version-id is of one object, and --versions goes with -r")
	}
	for _, arg := range args {
		a, err := parseAddress(arg)
		if err != nil {
			return err
		}
		switch {
		case o.recursive:
			err = o.all(ctx, a)
		case a.key == "":
			err = usage("%s names a bucket: rb removes it, -r what is in it", a)
		default:
			_, err = o.client.Delete(ctx, a.bucket, a.key, o.versionID)
			if err == nil {
				o.tell(1, a)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *remover) tell(n int, a address) {
	switch {
	case o.bar.quiet:
	case n == 1 && a.key != "" && !o.recursive:
		o.note("removed %s", a)
	default:
		o.note("removed %d below %s", n, a)
	}
}

func (o *remover) all(ctx context.Context, a address) error {
	a.key = below(a.key)
	removed, err := o.removeAll(ctx, a, o.versions)
	o.tell(removed, a)
	return err
}

// removeAll removes all objects below a prefix, or all their versions, page by
// page, and gives how many.
func (s *session) removeAll(ctx context.Context, a address, versions bool) (removed int, err error) {
	var page []lockwell.ObjectID
	var kept int
	var why error
	flush := func() error {
		results, err := s.client.BatchDelete(ctx, a.bucket, page)
		for _, r := range results {
			if r.Err == nil {
				removed++
				continue
			}
			s.note("%v", r.Err)
			if kept++; why == nil {
				why = r.Err
			}
		}
		page = page[:0]
		return err
	}
	for id, err := range s.ids(ctx, a, versions) {
		if err != nil {
			return removed, err
		}
		if page = append(page, id); len(page) == batch {
			if err := flush(); err != nil {
				return removed, err
			}
		}
	}
	if len(page) > 0 {
		if err := flush(); err != nil {
			return removed, err
		}
	}
	if kept > 0 {
		return removed, fmt.Errorf("%d were not removed; the first: %w", kept, why)
	}
	return removed, nil
}

// ids gives what is below a prefix.
func (s *session) ids(ctx context.Context, a address, versions bool) func(yield func(lockwell.ObjectID, error) bool) {
	return func(yield func(lockwell.ObjectID, error) bool) {
		if versions {
			for v, err := range s.client.ListVersions(ctx, a.bucket, a.key) {
				if !yield(lockwell.ObjectID{Key: v.Key, VersionID: v.VersionID}, err) {
					return
				}
			}
			return
		}
		for e, err := range s.client.List(ctx, a.bucket, lockwell.ListOptions{Prefix: a.key}) {
			if !yield(lockwell.ObjectID{Key: e.Key}, err) {
				return
			}
		}
	}
}
