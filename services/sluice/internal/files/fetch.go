package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockr"
)

// fetcher is what download was asked for.
type fetcher struct {
	*drive
	key, to  string
	noResume bool
}

func (e env) fetchFile() *cobra.Command {
	o := &fetcher{}
	return e.drive(driveSpec{
		use: "download ID|URL", short: "download a file by its id or link",
		long: `Downloads a file into this folder, or to where -o says ("-" is standard output).
What breaks off is kept beside it, and the same command goes on with it. The
file has its name when it is whole and checked, not before.`,
		example: "  sluice download https://files.example.org/download/us-central1_k3v9x2m8q1_film.mkv --key 'open sesame'",
		args:    cobra.ExactArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&o.key, "key", "", "the file's phrase; others on this machine may see it")
			fs.StringVarP(&o.to, "output", "o", "", "file or folder to write to")
			fs.BoolVar(&o.noResume, "no-resume", false, "begin anew, and keep nothing for a later run")
		},
		run: func(ctx context.Context, d *drive, args []string) error {
			o.drive = d
			return o.run(ctx, args[0])
		},
	})
}

func (o *fetcher) run(ctx context.Context, what string) error {
	ref, err := lockr.ParseRef(what)
	if err != nil {
		return &UsageError{err}
	}
	if ref.Endpoint != "" && ref.Endpoint != o.profile.Endpoint {
		// Another server: it is not shown the token.
		if o.client, err = o.connect(ref.Endpoint, ""); err != nil {
			return err
		}
		defer o.client.CloseIdleConnections()
	}
	access := lockr.Access{Key: o.key, Query: ref.Query}
	if o.to == "-" {
		_, err := o.client.Download(ctx, ref.ID, &pipe{w: o.out}, &lockr.DownloadOptions{Access: access, Progress: o.bar.file(ref.ID, -1)})
		return err
	}
	info, err := o.client.Head(ctx, ref.ID, &access)
	if err != nil {
		return err
	}
	dir, name, err := o.place(info)
	if err != nil {
		return err
	}
	into, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer into.close()
	return o.fetch(ctx, ref.ID, access, info, into, name)
}

// place says where the file goes. A name that the server gave never replaces a
// file that is there.
func (o *fetcher) place(info lockr.Info) (dir, name string, err error) {
	if o.to != "" && !statDir(o.to) && o.to[len(o.to)-1] != '/' {
		return filepath.Dir(o.to), filepath.Base(o.to), nil
	}
	if name, err = localName(base(info.Name)); err != nil || info.Name == "" || base(info.Name) != info.Name {
		return "", "", usage("%s cannot be the name of a file here: give one by -o", show(info.Name))
	}
	dir = o.to
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // the user's umask decides, as with cp
		return "", "", err //nolint:wrapcheck // os names the operation and the file
	}
	if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return "", "", usage("%s is there already: give a name by -o", show(name))
	}
	return dir, name, nil
}

func (o *fetcher) fetch(ctx context.Context, id string, access lockr.Access, info lockr.Info, into folder, name string) error {
	p, err := into.partial(name)
	if err != nil {
		return err
	}
	opts := &lockr.DownloadOptions{
		Access: access, Progress: o.bar.file(name, info.Size),
		Save: func(i lockr.Info) error {
			if err := p.f.Truncate(0); err != nil { // of another file
				return fmt.Errorf("writing %s: %w", show(name), err)
			}
			return p.save(i)
		},
	}
	if state := new(lockr.Info); !o.noResume && p.load(state) {
		if st, err := p.f.Stat(); err == nil {
			opts.State, opts.Offset = state, st.Size()
		}
	}
	got, err := o.client.Download(ctx, id, p.f, opts)
	switch {
	case err == nil:
		if err := p.finish(got.Size); err != nil {
			return err
		}
		if got.SHA256 == nil {
			o.note("the server told no checksum: %s is as it came", show(name))
		}
		return o.bar.print(o.out, filepath.Join(into.root.Name(), name))
	case o.noResume || errors.Is(err, lockr.ErrChecksum) || errors.Is(err, lockr.ErrNotFound):
		p.discard()
		return err
	}
	p.keep()
	return fmt.Errorf("%w\nwhat came is kept: the same command goes on with it", err)
}

// pipe is a destination that takes bytes in their order only.
type pipe struct {
	w io.Writer
	n int64
}

// WriteAt implements io.WriterAt.
func (p *pipe) WriteAt(b []byte, off int64) (int, error) {
	if off != p.n {
		return 0, errors.New("the file changed meanwhile, and its beginning is written already")
	}
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err //nolint:wrapcheck // the client says what it did
}
