package files

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// parallel is how many files a recursive command moves at a time.
const parallel = 4

// copier is what cp was asked for.
type copier struct {
	*session
	recursive   bool
	contentType string
	meta, tags  map[string]string
	ifAbsent    bool
	noResume    bool
	uploadID    string
	versionID   string
	partSize    size
	concurrency int
}

func (e env) cp() *cobra.Command {
	o := &copier{}
	return e.command(spec{
		use: "cp SOURCE… DESTINATION", short: "copy files to objects, objects to files, objects to objects",
		long: `Copies files to objects, objects to files, and objects to objects on the server.

An object is lw://bucket/key; "-" is standard input or output. A destination
that ends with "/", a bucket, or an existing folder takes the file in under its
own name. With -r the contents of a folder, or of the keys below a prefix, go
below the destination.

Large files move in parts, several at a time. When that breaks off, the same
command again goes on where it ended.`,
		example: `  sluice cp film.mkv lw://media/films/
  sluice cp lw://media/films/film.mkv .
  sluice cp -r photos lw://media/photos
  tar c . | sluice cp - lw://backup/home.tar
  sluice cp lw://media/a.txt lw://archive/a.txt`,
		args: cobra.MinimumNArgs(2),
		flags: func(fs *pflag.FlagSet) {
			fs.BoolVarP(&o.recursive, "recursive", "r", false, "copy a folder, or all keys below a prefix")
			fs.StringVar(&o.contentType, "content-type", "", "of the object; by default by the name's ending")
			fs.StringToStringVar(&o.meta, "meta", nil, "metadata, name=value")
			fs.StringToStringVar(&o.tags, "tag", nil, "tags, name=value")
			fs.BoolVar(&o.ifAbsent, "if-absent", false, "do not replace an object that is there")
			fs.BoolVar(&o.noResume, "no-resume", false, "begin anew, and leave nothing behind when it breaks off")
			fs.StringVar(&o.uploadID, "upload-id", "", "go on with this upload")
			fs.StringVar(&o.versionID, "version-id", "", "copy this version of the source")
			fs.Var(&o.partSize, "part-size", "size of a part, e.g. 64MiB")
			fs.IntVar(&o.concurrency, "parallel", 4, "parts in flight per file")
		},
		run: func(ctx context.Context, s *session, args []string) error {
			o.session = s
			return o.run(ctx, args[:len(args)-1], args[len(args)-1])
		},
	})
}

func (o *copier) run(ctx context.Context, sources []string, dest string) error {
	single := o.versionID != "" || o.uploadID != ""
	if single && (len(sources) > 1 || o.recursive) {
		return usage("--version-id and --upload-id are of one object")
	}
	if len(sources) > 1 && !o.recursive && !takesSeveral(dest) {
		return usage("several sources need a folder as their destination: %s/", show(dest))
	}
	for _, src := range sources {
		if err := o.one(ctx, src, dest); err != nil {
			return err
		}
	}
	return nil
}

func (o *copier) one(ctx context.Context, src, dest string) error {
	switch {
	case isRemote(src) && isRemote(dest):
		from, to, err := both(src, dest)
		if err != nil {
			return err
		}
		if o.recursive {
			return o.copyAll(ctx, from, to)
		}
		return o.copy(ctx, from, to.into(base(from.key)))
	case isRemote(src):
		from, err := parseAddress(src)
		if err != nil {
			return err
		}
		if o.recursive {
			return o.downloadAll(ctx, from, dest)
		}
		return o.downloadTo(ctx, from, dest)
	case isRemote(dest):
		to, err := parseAddress(dest)
		if err != nil {
			return err
		}
		if o.recursive {
			return o.uploadAll(ctx, src, to)
		}
		return o.uploadFrom(ctx, src, to)
	}
	return usage("neither %s nor %s is an object such as lw://bucket/key", show(src), show(dest))
}

func both(src, dest string) (from, to address, err error) {
	if from, err = parseAddress(src); err == nil {
		to, err = parseAddress(dest)
	}
	return from, to, err
}

// copy copies one object on the server.
func (o *copier) copy(ctx context.Context, from, to address) error {
	if from.key == "" {
		return usage("%s names a bucket: -r copies what is in it", from)
	}
	opts := &lockwell.CopyOptions{SourceVersionID: o.versionID, RequireAbsent: o.ifAbsent}
	if o.contentType != "" || o.meta != nil {
		opts.Replace, opts.ContentType, opts.Metadata = true, o.contentType, o.meta
	}
	if len(o.tags) > 0 {
		return usage("a copy keeps the tags of its source: leave --tag out")
	}
	if _, err := o.client.Copy(ctx, from.bucket, from.key, to.bucket, to.key, opts); err != nil {
		return err
	}
	return o.did("copied", from.String(), to.String())
}

func (o *copier) copyAll(ctx context.Context, from, to address) error {
	prefix := below(from.key)
	if from.bucket == to.bucket && strings.HasPrefix(below(to.key), prefix) {
		return usage("%s lies within %s", to, from)
	}
	return o.each(ctx, func(ctx context.Context, do func(name string, work func() error) bool) error {
		for e, err := range o.client.List(ctx, from.bucket, lockwell.ListOptions{Prefix: prefix}) {
			if err != nil {
				return err
			}
			src, dst := address{from.bucket, e.Key}, address{to.bucket, below(to.key) + strings.TrimPrefix(e.Key, prefix)}
			if dst.key == "" {
				continue
			}
			if !do(src.String(), func() error { return o.copy(ctx, src, dst) }) {
				break
			}
		}
		return nil
	})
}

// did tells that a file is where it shall be.
func (o *copier) did(what, from, to string) error {
	if !o.bar.quiet {
		o.note("%s %s → %s", what, from, to)
	}
	return nil
}

// each runs the work that list finds, several pieces at a time. A piece that
// fails is told and counted; the others go on, unless nothing can succeed.
func (s *session) each(ctx context.Context, list func(ctx context.Context, do func(name string, work func() error) bool) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all, bad int
	var worst error
	fail := func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		bad++
		if worst == nil {
			worst = err
		}
		if ctx.Err() != nil {
			return // of the one that ended the others, or Ctrl-C
		}
		s.note("%s: %v", name, err)
		if errors.Is(err, lockwell.ErrUnauthorized) || errors.Is(err, lockwell.ErrQuotaExceeded) {
			cancel()
		}
	}
	err := list(ctx, func(name string, work func() error) bool {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		all++
		wg.Go(func() {
			defer func() { <-slots }()
			if err := work(); err != nil {
				fail(name, err)
			}
		})
		return true
	})
	wg.Wait()
	switch {
	case err != nil && bad == 0:
		return err
	case bad > 0:
		return fmt.Errorf("%d of %d failed; the first: %w", bad, all, worst)
	}
	return context.Cause(ctx)
}

// size is a flag such as 64MiB.
type size int64

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return bytesText(int64(*s))
}

// Type implements pflag.Value.
func (*size) Type() string { return "size" }

// Set implements pflag.Value.
func (s *size) Set(v string) error {
	units := []struct {
		name  string
		bytes int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(v, u.name)
		if !ok {
			continue
		}
		var n int64
		if _, err := fmt.Sscanf(digits, "%d", &n); err != nil || fmt.Sprint(n) != digits || n < 1 || n > 5<<40/u.bytes {
			return fmt.Errorf("%q is no size such as 64MiB", v)
		}
		*s = size(n * u.bytes)
		return nil
	}
	return nil
}

// takesSeveral reports whether a destination is a folder, a prefix or a bucket.
func takesSeveral(dest string) bool {
	if a, err := parseAddress(dest); isRemote(dest) {
		return err == nil && below(a.key) == a.key
	}
	return strings.HasSuffix(dest, "/") || statDir(dest)
}
