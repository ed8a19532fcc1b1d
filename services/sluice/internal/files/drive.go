package files

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockr"
)

func (e env) files() *cobra.Command {
	var asJSON bool
	c := e.drive(driveSpec{
		use: "files", short: "list the account's files, newest first", args: cobra.NoArgs,
		flags: func(fs *pflag.FlagSet) { fs.BoolVar(&asJSON, "json", false, "one JSON object per line") },
		run: func(ctx context.Context, d *drive, _ []string) error {
			if err := d.needAccount(); err != nil {
				return err
			}
			if asJSON {
				return d.listJSON(ctx)
			}
			return d.list(ctx)
		},
	})
	c.AddCommand(e.filesRm(), e.filesKey())
	return c
}

func (d *drive) listJSON(ctx context.Context) error {
	enc := json.NewEncoder(d.out)
	enc.SetEscapeHTML(false)
	for f, err := range d.client.Files(ctx) {
		if err == nil {
			err = enc.Encode(f)
		}
		if err != nil {
			return err //nolint:wrapcheck // the client says what it did
		}
	}
	return nil
}

func (d *drive) list(ctx context.Context) error {
	w := tabwriter.NewWriter(d.out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tSIZE\tKEY\tDOWNLOADS\tCREATED\tPATH")
	for f, err := range d.client.Files(ctx) {
		if err != nil {
			_ = w.Flush()
			return err
		}
		key := "-"
		if f.HasKey {
			key = "yes"
		}
		where := f.Path
		if where == "" {
			where = f.Name
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", show(f.ID), bytesText(f.Size), key, f.Downloads, f.CreatedAt.UTC().Format(time.RFC3339), show(where))
	}
	return w.Flush() //nolint:wrapcheck // of the terminal
}

// fileID reads what names a file of the account.
func fileID(s string) (string, error) {
	ref, err := lockr.ParseRef(s)
	if err != nil {
		return "", &UsageError{err}
	}
	return ref.ID, nil
}

func (e env) filesRm() *cobra.Command {
	return e.drive(driveSpec{
		use: "rm ID…", short: "delete files", args: cobra.MinimumNArgs(1),
		run: func(ctx context.Context, d *drive, args []string) error {
			if err := d.needAccount(); err != nil {
				return err
			}
			for _, arg := range args {
				id, err := fileID(arg)
				if err != nil {
					return err
				}
				if err := d.client.Delete(ctx, id); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(d.out, "deleted %s\n", show(id)); err != nil {
					return err //nolint:wrapcheck // of the terminal
				}
			}
			return nil
		},
	})
}

func (e env) filesKey() *cobra.Command {
	var phrase string
	var remove bool
	return e.drive(driveSpec{
		use: "key ID --key PHRASE | --clear", short: "set or clear the phrase that a download needs", args: cobra.ExactArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&phrase, "key", "", "the phrase")
			fs.BoolVar(&remove, "clear", false, "take the key away")
		},
		run: func(ctx context.Context, d *drive, args []string) error {
			if (phrase == "") != remove {
				return usage("give either --key or --clear")
			}
			if err := d.needAccount(); err != nil {
				return err
			}
			id, err := fileID(args[0])
			if err != nil {
				return err
			}
			if err := d.client.SetKey(ctx, id, phrase); err != nil {
				return err
			}
			has := "has a key"
			if remove {
				has = "has no key"
			}
			_, err = fmt.Fprintf(d.out, "%s %s\n", show(id), has)
			return err //nolint:wrapcheck // of the terminal
		},
	})
}
