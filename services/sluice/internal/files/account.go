package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// tries bounds how often in a row something is repeated without progress: the
// waits between them are some two minutes together.
const tries = 12

// drive is one run of a command on an account's files.
type drive struct {
	client   *lockr.Client
	profile  profile.Profile
	choice   profile.Choice // as it was resolved
	in       io.Reader
	out      io.Writer
	errs     io.Writer
	bar      *bar
	maxTries int
}

// connect gives a client of an endpoint.
func (d *drive) connect(endpoint, token string) (*lockr.Client, error) {
	c, err := lockr.New(lockr.Config{Endpoint: endpoint, Token: token, UserAgent: "sluice-cli", MaxAttempts: d.maxTries})
	if err != nil {
		return nil, &UsageError{err}
	}
	return c, nil
}

// note tells a person something, beside the output and the progress bar.
func (d *drive) note(format string, args ...any) {
	if !d.bar.quiet {
		d.bar.println(fmt.Sprintf(format, args...))
	}
}

// needAccount refuses what a guest cannot do.
func (d *drive) needAccount() error {
	if d.profile.Token == "" {
		return usage("nobody is logged in to %s: run 'sluice login', or set %s", d.profile.Endpoint, profile.EnvToken)
	}
	return nil
}

// driveSpec is a command before it is one of cobra.
type driveSpec struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	flags                     func(*pflag.FlagSet)
	run                       func(ctx context.Context, d *drive, args []string) error
}

// drive makes a command that talks to a server for an account.
func (e env) drive(sp driveSpec) *cobra.Command {
	var choice profile.Choice
	var quiet bool
	c := &cobra.Command{
		Use: sp.use, Short: sp.short, Long: sp.long, Example: sp.example,
		Args: func(c *cobra.Command, args []string) error {
			if err := sp.args(c, args); err != nil {
				return usage("%w: sluice %s", err, sp.use)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			p, err := profile.Account(choice, e.getenv)
			if err != nil {
				return &UsageError{err}
			}
			d := &drive{profile: p, choice: choice, in: c.InOrStdin(), out: c.OutOrStdout(), errs: c.ErrOrStderr(), maxTries: tries}
			d.choice.Name = choice.Named(e.getenv)
			if d.client, err = d.connect(p.Endpoint, p.Token); err != nil {
				return err
			}
			defer d.client.CloseIdleConnections()
			d.bar = newBar(d.errs, quiet)
			defer d.bar.stop()
			err = sp.run(c.Context(), d, args)
			if err != nil && c.Context().Err() != nil {
				err = interruptedError{err}
			}
			return err
		},
	}
	if sp.flags != nil {
		sp.flags(c.Flags())
	}
	c.Flags().StringVar(&choice.Endpoint, "endpoint", "", "address of the server, e.g. https://files.example.org ($"+profile.EnvEndpoint+")")
	c.Flags().StringVar(&choice.Name, "profile", "", "profile in the configuration directory ($"+profile.EnvProfile+")")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress bar, no notes")
	return c
}

func (e env) login() *cobra.Command {
	var fromStdin bool
	return e.drive(driveSpec{
		use: "login NAME", short: "log in as an account, for upload, files and download",
		long: `Exchanges the password, which comes from the terminal or on standard input, for a
token, and keeps it in the user's configuration directory, readable for this user
only. With --token-stdin it keeps a token that was made on the account's page.`,
		example: "  sluice login alice --endpoint https://files.example.org",
		args: func(c *cobra.Command, args []string) error {
			if fromStdin {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		flags: func(fs *pflag.FlagSet) {
			fs.BoolVar(&fromStdin, "token-stdin", false, "read an account token from standard input")
		},
		run: func(ctx context.Context, d *drive, args []string) error {
			if err := d.mayKeep(); err != nil {
				return err
			}
			token, username, err := d.logIn(ctx, args)
			if err != nil {
				return err
			}
			path, err := profile.Save(d.choice.Name, profile.Profile{Endpoint: d.profile.Endpoint, Token: token, Username: username})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(d.out, "logged in to %s as %s; kept in %s\n", d.profile.Endpoint, show(username), path)
			return err //nolint:wrapcheck // of the terminal
		},
	})
}

// mayKeep refuses to put a token into the profile of another server.
func (d *drive) mayKeep() error {
	old, err := profile.Load(d.choice.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &UsageError{err}
	case old.AccessKeyID != "" && old.Endpoint != d.profile.Endpoint:
		return usage("the profile has an access key of another server, %s: give --profile NAME for a new one", old.Endpoint)
	}
	return nil
}

// logIn asks for the secret: the password of the account that args name, or
// a token.
func (d *drive) logIn(ctx context.Context, args []string) (token, username string, err error) {
	if len(args) == 0 {
		if token, err = readSecret(d.in, d.errs, "token"); err != nil {
			return "", "", err
		}
		a, err := d.client.WithToken(token).Account(ctx)
		return token, a.Username, err
	}
	password, err := readSecret(d.in, d.errs, "password")
	if err != nil {
		return "", "", err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	l, err := d.client.Login(ctx, args[0], password, cutTo("sluice on "+host, maxTokenName))
	return l.Token, l.Account.Username, err
}

const (
	maxTokenName = 64 // characters
	logoutWithin = 30 * time.Second
)

func cutTo(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

func (e env) logout() *cobra.Command {
	return e.drive(driveSpec{
		use: "logout", short: "end the token that login kept", args: cobra.NoArgs,
		run: func(ctx context.Context, d *drive, _ []string) error {
			if err := d.needAccount(); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, logoutWithin)
			defer cancel()
			if err := d.client.Logout(ctx); err != nil && !errors.Is(err, lockr.ErrUnauthorized) {
				return err
			}
			if err := profile.ForgetToken(d.choice.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			_, err := fmt.Fprintf(d.out, "logged out of %s\n", d.profile.Endpoint)
			return err //nolint:wrapcheck // of the terminal
		},
	})
}
