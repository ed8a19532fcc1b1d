package files

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

func (e env) cat() *cobra.Command {
	var versionID, piece string
	return e.command(spec{
		use: "cat lw://BUCKET/KEY…", short: "write objects to standard output",
		args: cobra.MinimumNArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&versionID, "version-id", "", "this version")
			fs.StringVar(&piece, "range", "", "only these bytes: 0-99, 100-, or -50 for the last 50")
		},
		run: func(ctx context.Context, s *session, args []string) error {
			opts := &lockwell.GetOptions{VersionID: versionID}
			if piece != "" {
				r, err := parseRange(piece)
				if err != nil {
					return err
				}
				opts.Range = &r
			}
			for _, arg := range args {
				a, err := parseObject(arg)
				if err != nil {
					return err
				}
				if err := s.print(ctx, a, opts); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// parseRange reads FIRST-LAST, FIRST- or -LENGTH.
func parseRange(v string) (lockwell.Range, error) {
	bad := usage("%q is no range: 0-99, 100-, or -50 for the last 50", v)
	first, last, ok := strings.Cut(v, "-")
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || s[0] == '+' || s[0] == '-' {
			ok = false
		}
		return n
	}
	var r lockwell.Range
	switch {
	case !ok || first == "" && last == "":
		return r, bad
	case first == "":
		r.Offset = -number(last)
		ok = ok && r.Offset < 0
	case last == "":
		r.Offset = number(first)
	default:
		r.Offset = number(first)
		end := number(last)
		r.Length = end - r.Offset + 1
		ok = ok && end >= r.Offset && r.Length > 0
	}
	if !ok {
		return r, bad
	}
	return r, nil
}

func (e env) sign() *cobra.Command {
	var method string
	var ttl time.Duration
	var asJSON bool
	return e.command(spec{
		use: "sign lw://BUCKET/KEY", short: "print a URL that lets whoever has it get or put an object for a while",
		example: "  curl -T film.mkv \"$(sluice sign --method PUT --ttl 1h lw://media/film.mkv)\"",
		args:    cobra.ExactArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&method, "method", http.MethodGet, "GET or PUT")
			fs.DurationVar(&ttl, "ttl", 15*time.Minute, "how long it holds")
			fs.BoolVar(&asJSON, "json", false, "print JSON, with the time when it ends")
		},
		run: func(ctx context.Context, s *session, args []string) error {
			a, err := parseObject(args[0])
			if err != nil {
				return err
			}
			method = strings.ToUpper(method)
			if method != http.MethodGet && method != http.MethodPut || ttl < time.Second {
				return usage("--method is GET or PUT, and --ttl a second at least")
			}
			u, err := s.client.SignURL(ctx, method, a.bucket, a.key, ttl)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(s.out)
				enc.SetEscapeHTML(false)
				return enc.Encode(u) //nolint:wrapcheck // of the terminal
			}
			_, err = fmt.Fprintln(s.out, u.URL)
			return err //nolint:wrapcheck // of the terminal
		},
	})
}

func (e env) mb() *cobra.Command {
	var b lockwell.NewBucket
	var retention string
	return e.command(spec{
		use: "mb lw://BUCKET", short: "make a bucket",
		args: cobra.ExactArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.BoolVar(&b.Versioning, "versioning", false, "keep old versions")
			fs.BoolVar(&b.ObjectLock, "object-lock", false, "objects can be locked; for ever, and with versioning")
			fs.StringVar(&retention, "retention", "", "lock each new object: GOVERNANCE:30 or COMPLIANCE:30, in days")
			fs.StringVar(&b.Region, "region", "", "where its objects lie")
		},
		run: func(ctx context.Context, s *session, args []string) (err error) {
			if b.Name, err = parseBucket(args[0]); err != nil {
				return err
			}
			if retention != "" {
				mode, days, _ := strings.Cut(retention, ":")
				n, err := strconv.Atoi(days)
				if err != nil || n < 1 {
					return usage("--retention is GOVERNANCE:DAYS or COMPLIANCE:DAYS")
				}
				b.DefaultRetention = &lockwell.DefaultRetention{Mode: lockwell.RetentionMode(strings.ToUpper(mode)), Days: n}
			}
			made, err := s.client.CreateBucket(ctx, b)
			if err != nil {
				return err
			}
			if !s.bar.quiet {
				s.note("made %s%s", scheme, made.Name)
			}
			return nil
		},
	})
}

func (e env) rb() *cobra.Command {
	var force bool
	return e.command(spec{
		use: "rb lw://BUCKET", short: "remove a bucket",
		long: `Removes an empty bucket. With --force it is emptied first: all versions, delete
markers and open uploads go for good. What is locked is never removed; then
the bucket stays, with it.`,
		args:  cobra.ExactArgs(1),
		flags: func(fs *pflag.FlagSet) { fs.BoolVar(&force, "force", false, "empty it first, for good") },
		run: func(ctx context.Context, s *session, args []string) error {
			bucket, err := parseBucket(args[0])
			if err != nil {
				return err
			}
			if force {
				if err := s.empty(ctx, bucket); err != nil {
					return err
				}
			}
			if err := s.client.DeleteBucket(ctx, bucket); err != nil {
				return err
			}
			if !s.bar.quiet {
				s.note("removed %s%s", scheme, bucket)
			}
			return nil
		},
	})
}

// empty removes all that can be removed from a bucket.
func (s *session) empty(ctx context.Context, bucket string) error {
	var uploads []lockwell.Multipart
	for m, err := range s.client.ListMultipart(ctx, bucket, "") {
		if err != nil {
			return err
		}
		uploads = append(uploads, m)
	}
	for _, m := range uploads {
		if err := s.client.AbortMultipart(ctx, m); err != nil {
			return err
		}
	}
	n, err := s.removeAll(ctx, address{bucket: bucket}, true)
	if err != nil || n > 0 && !s.bar.quiet {
		s.note("removed %d versions of %s%s", n, scheme, bucket)
	}
	return err
}
