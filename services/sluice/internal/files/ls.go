package files

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// lister is what ls was asked for.
type lister struct {
	long, recursive, versions, asJSON bool
}

func (e env) ls() *cobra.Command {
	o := &lister{}
	return e.command(spec{
		use: "ls [lw://BUCKET[/PREFIX]]", short: "list buckets, or the objects of one",
		long: "Lists buckets, or the keys of one that begin with PREFIX, down to the next slash unless -r is given.",
		args: cobra.MaximumNArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.BoolVarP(&o.long, "long", "l", false, "with size and time")
			fs.BoolVarP(&o.recursive, "recursive", "r", false, "all keys, also behind slashes")
			fs.BoolVar(&o.versions, "versions", false, "all versions and delete markers")
			fs.BoolVar(&o.asJSON, "json", false, "a JSON document per line")
		},
		run: func(ctx context.Context, s *session, args []string) (err error) {
			out := bufio.NewWriter(s.out)
			defer func() {
				if ferr := out.Flush(); err == nil {
					err = ferr
				}
			}()
			if len(args) == 0 {
				return o.buckets(ctx, s, out)
			}
			a, err := parseAddress(args[0])
			if err != nil {
				return err
			}
			if o.versions {
				return o.allVersions(ctx, s, out, a)
			}
			return o.objects(ctx, s, out, a)
		},
	})
}

func (o *lister) buckets(ctx context.Context, s *session, w io.Writer) error {
	list, err := s.client.ListBuckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range list {
		if err := o.line(w, b, scheme+b.Name+"/", "%s  %-11s  %10d  %10s  ", stamp(b.CreatedAt), b.Versioning, b.ObjectCount, bytesText(b.Bytes)); err != nil {
			return err
		}
	}
	return nil
}

// listed is an entry of ls --json.
type listed struct {
	Key          string     `json:"key,omitempty"`
	Prefix       string     `json:"prefix,omitempty"`
	Size         int64      `json:"size"`
	ETag         string     `json:"etag,omitempty"`
	LastModified *time.Time `json:"lastModified,omitempty"`
	VersionID    string     `json:"versionId,omitempty"`
	ContentType  string     `json:"contentType,omitempty"`
	StorageClass string     `json:"storageClass,omitempty"`
}

func (o *lister) objects(ctx context.Context, s *session, w io.Writer, a address) error {
	opts := lockwell.ListOptions{Prefix: a.key, Delimiter: "/"}
	if o.recursive {
		opts.Delimiter = ""
	}
	found := false
	for e, err := range s.client.List(ctx, a.bucket, opts) {
		if err != nil {
			return err
		}
		found = true
		doc := listed{Prefix: e.Key}
		long := fmt.Sprintf("%12s  %20s  ", "-", "-")
		if !e.IsPrefix {
			doc = listed{Key: e.Key, Size: e.Size, ETag: e.ETag, LastModified: &e.LastModified, VersionID: e.VersionID, ContentType: e.ContentType, StorageClass: e.StorageClass}
			long = fmt.Sprintf("%12d  %s  ", e.Size, stamp(e.LastModified))
		}
		if err := o.line(w, doc, e.Key, "%s", long); err != nil {
			return err
		}
	}
	if !found && a.key != "" {
		return nothing(a)
	}
	return nil
}

func (o *lister) allVersions(ctx context.Context, s *session, w io.Writer, a address) error {
	found := false
	for v, err := range s.client.ListVersions(ctx, a.bucket, a.key) {
		if err != nil {
			return err
		}
		found = true
		mark, size := " ", fmt.Sprint(v.Size)
		if v.IsLatest {
			mark = "*"
		}
		if v.DeleteMarker {
			size = "deleted"
		}
		o.long = true // without them, versions could not be told apart
		if err := o.line(w, v, v.Key, "%s %s  %12s  %s  ", mark, v.VersionID, size, stamp(v.LastModified)); err != nil {
			return err
		}
	}
	if !found && a.key != "" {
		return nothing(a)
	}
	return nil
}

// line writes doc as JSON, or a name with the details before it.
func (o *lister) line(w io.Writer, doc any, name, format string, args ...any) error {
	if o.asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(doc) //nolint:wrapcheck // of the terminal
	}
	if !o.long {
		format, args = "", nil
	}
	_, err := fmt.Fprintf(w, format+"%s\n", append(args, show(name))...)
	return err //nolint:wrapcheck // of the terminal
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
