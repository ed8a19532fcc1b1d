package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// resumeOver is the size, in bytes, from which an upload can go on later.
const resumeOver = 64 << 20

func statDir(dir string) bool {
	st, err := os.Stat(dir)
	return err == nil && st.IsDir()
}

func (o *copier) uploadFrom(ctx context.Context, src string, to address) error {
	if src == "-" {
		if to.key == "" || strings.HasSuffix(to.key, "/") {
			return usage("standard input has no name: give the key")
		}
		return o.upload(ctx, "standard input", io.MultiReader(o.in), to)
	}
	return o.uploadFile(ctx, src, to.into(filepath.Base(src)))
}

func (o *copier) uploadFile(ctx context.Context, path string, to address) error {
	f, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // os names the operation and the file
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	if st.IsDir() {
		return usage("%s is a folder: -r copies what is in it", show(path))
	}
	if !st.Mode().IsRegular() {
		return o.upload(ctx, path, io.MultiReader(f), to) // a pipe, a device: it cannot seek
	}
	return o.upload(ctx, path, f, to)
}

func (o *copier) upload(ctx context.Context, name string, body io.Reader, to address) error {
	opts := &lockwell.UploadOptions{
		Attributes: lockwell.Attributes{ContentType: o.contentType, Metadata: o.meta, Tags: o.tags},
		Conditions: lockwell.Conditions{IfAbsent: o.ifAbsent}, PartSize: int64(o.partSize), Concurrency: o.concurrency, UploadID: o.uploadID,
		Threshold: resumeOver,
	}
	if opts.ContentType == "" {
		opts.ContentType = mime.TypeByExtension(filepath.Ext(to.key))
	}
	total := int64(-1)
	if f, ok := body.(*os.File); ok {
		st, err := f.Stat()
		if err != nil {
			return err //nolint:wrapcheck // os names the operation and the file
		}
		total = st.Size()
		opts.Keep = !o.noResume
		// What was asked for by flags may differ from what an open upload has.
		opts.Resume = opts.Keep && o.contentType == "" && o.meta == nil && o.tags == nil
	}
	opts.Progress = o.bar.file(name, total)
	_, err := o.client.Upload(ctx, to.bucket, to.key, body, opts)
	var stopped *lockwell.InterruptedError
	if errors.As(err, &stopped) && stopped.UploadID != "" {
		return fmt.Errorf("%w\nwhat was sent is kept: the same command goes on with it (--upload-id %s)", err, stopped.UploadID)
	}
	if err != nil {
		return err
	}
	return o.did("sent", show(name), to.String())
}

// uploadAll sends the files below a folder.
func (o *copier) uploadAll(ctx context.Context, dir string, to address) error {
	if !statDir(dir) {
		return usage("%s is no folder", show(dir))
	}
	return o.each(ctx, func(ctx context.Context, do func(string, func() error) bool) error {
		//nolint:wrapcheck // os names the operation and the file
		return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				do(show(path), func() error { return err })
				return nil
			}
			if d.IsDir() {
				return nil
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(rel)
			switch {
			case !d.Type().IsRegular():
				o.note("skipped %s: it is no regular file", show(path))
			case !utf8.ValidString(name):
				o.note("skipped %s: its name is not UTF-8, as keys are", show(path))
			case isPartial(filepath.Base(path)):
				o.note("skipped %s: it is an unfinished download", show(path))
			default:
				dst := address{to.bucket, below(to.key) + name}
				if !do(show(path), func() error { return o.uploadFile(ctx, path, dst) }) {
					return fs.SkipAll
				}
			}
			return nil
		})
	})
}
