package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// downloadTo gets one object to where cp was told.
func (o *copier) downloadTo(ctx context.Context, from address, dest string) error {
	if from.key == "" {
		return usage("%s names a bucket: -r copies what is in it", from)
	}
	if dest == "-" {
		return o.print(ctx, from, &lockwell.GetOptions{VersionID: o.versionID})
	}
	dir, name, err := target(dest, from.key)
	if err != nil {
		return err
	}
	into, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer into.close()
	return o.download(ctx, from, into, name, -1)
}

// print writes an object to standard output.
func (s *session) print(ctx context.Context, from address, opts *lockwell.GetOptions) error {
	r, err := s.client.Get(ctx, from.bucket, from.key, opts)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if _, err := io.Copy(s.out, r); err != nil {
		return fmt.Errorf("writing %s: %w", from, err)
	}
	return nil
}

// download gets an object into a file of a folder. The file has its name when it
// is whole and checked, not before.
func (o *copier) download(ctx context.Context, from address, into folder, name string, total int64) error {
	p, err := into.partial(name)
	if err != nil {
		return err
	}
	if total >= 0 && total <= oneRequest {
		return o.downloadSmall(ctx, from, p, total)
	}
	opts := &lockwell.DownloadOptions{
		VersionID: o.versionID, PartSize: int64(o.partSize), Concurrency: o.concurrency,
		Save: func(s lockwell.DownloadState) error { return p.save(s) },
	}
	if total < 0 {
		// The size comes with the first answer; the bar begins then.
		var tell func(done, total int64)
		opts.Progress = func(done, total int64) {
			if tell == nil {
				tell = o.bar.file(from.String(), total)
			}
			tell(done, total)
		}
	} else {
		opts.Progress = o.bar.file(from.String(), total)
	}
	if !o.noResume {
		if before := new(lockwell.DownloadState); p.load(before) {
			opts.State = before
		}
	}
	info, err := o.client.Download(ctx, from.bucket, from.key, p.f, opts)
	switch {
	case err == nil:
		if err := p.finish(info.Size); err != nil {
			return err
		}
		return o.did("got", from.String(), show(name))
	case o.noResume || info.Size <= resumeOver || errors.Is(err, lockwell.ErrChecksum) || errors.Is(err, lockwell.ErrChanged):
		p.discard()
		return err
	}
	p.keep()
	return fmt.Errorf("%w\nwhat came is kept: the same command goes on with it", err)
}

// oneRequest is the size, in bytes, up to which an object is got without asking
// first what it is, and not gone on with later.
const oneRequest = 4 << 20

func (o *copier) downloadSmall(ctx context.Context, from address, p *partial, total int64) error {
	r, err := o.client.Get(ctx, from.bucket, from.key, &lockwell.GetOptions{VersionID: o.versionID, Progress: o.bar.file(from.String(), total)})
	if err != nil {
		p.discard()
		return err
	}
	defer func() { _ = r.Close() }()
	if _, err := io.Copy(p.f, r); err != nil {
		p.discard()
		return fmt.Errorf("writing %s: %w", show(p.name), err)
	}
	if err := p.finish(r.Size); err != nil {
		return err
	}
	return o.did("got", from.String(), show(p.name))
}

// isPartial reports whether a name is one of an unfinished download.
func isPartial(name string) bool {
	_, err := localName(name)
	return err != nil && strings.HasPrefix(name, partialPrefix)
}

// downloadAll gets the objects below a prefix.
func (o *copier) downloadAll(ctx context.Context, from address, dest string) error {
	if err := os.MkdirAll(dest, 0o777); err != nil { //nolint:gosec // the user's umask decides, as with cp
		return err //nolint:wrapcheck // os names the operation and the file
	}
	into, err := openFolder(dest)
	if err != nil {
		return err
	}
	defer into.close()
	prefix := below(from.key)
	found, skipped := 0, 0
	err = o.each(ctx, func(ctx context.Context, do func(string, func() error) bool) error {
		for e, err := range o.client.List(ctx, from.bucket, lockwell.ListOptions{Prefix: prefix}) {
			if err != nil {
				return err
			}
			found++
			src := address{from.bucket, e.Key}
			rel := strings.TrimPrefix(e.Key, prefix)
			if (rel == "" || strings.HasSuffix(rel, "/")) && e.Size == 0 {
				continue // a folder's mark, as some programs make
			}
			name, err := localName(rel)
			if err != nil {
				skipped++
				o.note("skipped %s: %v", src, err)
				continue
			}
			if !do(src.String(), func() error { return o.download(ctx, src, into, name, e.Size) }) {
				break
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case skipped > 0:
		return fmt.Errorf("%d of %d objects were skipped", skipped, found)
	case found == 0:
		return nothing(address{from.bucket, prefix})
	}
	return nil
}

// nothing says that there is no object below an address.
func nothing(a address) error {
	return &lockwell.Error{Op: "list " + a.String(), Code: lockwell.ErrNotFound, Message: "nothing is there"}
}
