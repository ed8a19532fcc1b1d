package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockr"
)

// sender is what upload was asked for.
type sender struct {
	*drive
	attributes lockr.Attributes
	name       string
	asJSON     bool
	noResume   bool
}

func (e env) sendFiles() *cobra.Command {
	o := &sender{}
	return e.drive(driveSpec{
		use: "upload FILE…", short: "upload files and print their links",
		long: `Uploads files to the account's drive, or as a guest when nobody is logged in. A
connection that breaks costs nothing that was sent, and when the command is
interrupted or killed, the same command goes on where it was. "-" is standard
input, which cannot go on.`,
		example: "  sluice upload film.mkv --key 'open sesame'\n  tar cz src | sluice upload - --name src.tar.gz",
		args:    cobra.MinimumNArgs(1),
		flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&o.attributes.Key, "key", "", "a phrase that a download will need; others on this machine may see it")
			fs.StringVar(&o.attributes.Region, "region", "", "where the file shall live")
			fs.StringVar(&o.attributes.Type, "type", "", "media type; from the name when not given")
			fs.StringVar(&o.name, "name", "", "what a single file shall be called")
			fs.BoolVar(&o.asJSON, "json", false, "print the files as JSON, one per line")
			fs.BoolVar(&o.noResume, "no-resume", false, "begin anew, and keep nothing for a later run")
		},
		run: func(ctx context.Context, d *drive, args []string) error {
			o.drive = d
			if o.name != "" && len(args) > 1 {
				return usage("--name is of a single file")
			}
			if o.attributes.Key != "" && d.profile.Token == "" {
				return usage("guests cannot attach keys: run 'sluice login'")
			}
			for _, arg := range args {
				if err := o.send(ctx, arg); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (o *sender) send(ctx context.Context, path string) error {
	name := o.name
	if path == "-" {
		if name == "" {
			return usage("standard input has no name: give --name")
		}
		file, err := o.client.UploadStream(ctx, name, o.in, -1, o.typed(name))
		return o.sent(file, err)
	}
	if name == "" {
		name = filepath.Base(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // os names the operation and the file
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	switch {
	case err != nil:
		return err //nolint:wrapcheck // as above
	case st.IsDir():
		return usage("%s is a folder: upload takes files", show(path))
	case !st.Mode().IsRegular(): // a pipe, a device: it cannot go on
		file, err := o.client.UploadStream(ctx, name, f, -1, o.typed(name))
		return o.sent(file, err)
	}
	return o.sendFile(ctx, f, st, name)
}

func (o *sender) typed(name string) lockr.Attributes {
	a := o.attributes
	if a.Type == "" {
		a.Type = mime.TypeByExtension(filepath.Ext(name))
	}
	return a
}

// sendFile uploads a file with a state beside the profile, so that another run
// can go on with it.
func (o *sender) sendFile(ctx context.Context, f *os.File, st os.FileInfo, name string) error {
	opts := &lockr.UploadOptions{Attributes: o.typed(name), Progress: o.bar.file(name, st.Size())}
	if o.noResume {
		file, err := o.client.Upload(ctx, name, f, st.Size(), opts)
		return o.sent(file, err)
	}
	state, err := o.openState(f.Name(), name, opts.Attributes)
	if err != nil {
		return err
	}
	defer state.close()
	if opts.Session = state.session(st); opts.Session != nil {
		o.note("going on with the upload of %s", show(name))
	} else if state.kept.Session.UploadURL != "" {
		_ = o.client.Cancel(ctx, state.kept.Session) // of a file that has changed: free its space
	}
	opts.Save = func(s lockr.Session) error { return state.save(st, s) }
	file, err := o.client.Upload(ctx, name, f, st.Size(), opts)
	switch {
	case err == nil, errors.Is(err, lockr.ErrChecksum), errors.Is(err, lockr.ErrSessionGone):
		state.drop()
	case state.kept.Session.UploadURL != "":
		err = fmt.Errorf("%w\nwhat was sent is kept: the same command goes on with it", err)
	}
	return o.sent(file, err)
}

// sent tells the link of a file that is up.
func (o *sender) sent(f lockr.File, err error) error {
	if err != nil {
		return err
	}
	line := f.URL
	if o.asJSON {
		data, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encoding a file: %w", err)
		}
		line = string(data)
	}
	return o.bar.print(o.out, line)
}
