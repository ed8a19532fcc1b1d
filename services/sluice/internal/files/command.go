// Package files is the commands of the command line for users. ls, cp, cat, rm,
// sign, mb, rb and configure handle objects, with an access key; login, logout,
// upload, files and download handle an account's files, with its token. They
// speak to a server over its HTTP API like any other client.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/pkg/client/lockwell"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// UsageError is a command line that asks for nothing that can be done.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// interruptedError is one of a command that was told to stop.
type interruptedError struct{ error }

// Error says so in the words of people.
func (e interruptedError) Error() string {
	return strings.ReplaceAll(e.error.Error(), context.Canceled.Error(), "interrupted")
}

// Unwrap gives what stopped.
func (e interruptedError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Exit codes beside 0 and 1, which stands for everything else.
const (
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitInterrupted = 130 // as shells say it
)

// ExitCode gives the exit code for an error.
func ExitCode(err error) int {
	var use *UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &use):
		return exitUsage
	case errors.Is(err, lockwell.ErrNotFound), errors.Is(err, lockr.ErrNotFound):
		return exitNotFound
	case errors.Is(err, lockwell.ErrUnauthorized), errors.Is(err, lockwell.ErrAccessDenied), errors.Is(err, lockwell.ErrObjectLocked):
		return exitDenied
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	var answer *lockr.Error
	if errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden) {
		return exitDenied
	}
	return 1
}

// Commands makes the commands; getenv reads the variables.
func Commands(getenv func(string) string) []*cobra.Command {
	e := env{getenv: getenv}
	return []*cobra.Command{
		e.ls(), e.cp(), e.cat(), e.rm(), e.sign(), e.mb(), e.rb(), e.configure(),
		e.login(), e.logout(), e.sendFiles(), e.files(), e.fetchFile(),
	}
}

type env struct{ getenv func(string) string }

// session is one run of a command.
type session struct {
	client *lockwell.Client
	in     io.Reader
	out    io.Writer
	errs   io.Writer
	bar    *bar
}

// note tells a person something, beside the output and the progress bar.
func (s *session) note(format string, args ...any) { s.bar.println(fmt.Sprintf(format, args...)) }

// spec is a command before it is one of cobra.
type spec struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	flags                     func(*pflag.FlagSet)
	run                       func(ctx context.Context, s *session, args []string) error
}

// command makes a command that talks to a server.
func (e env) command(sp spec) *cobra.Command {
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
			p, err := profile.Resolve(choice, e.getenv)
			if err != nil {
				return &UsageError{err}
			}
			client, err := lockwell.New(lockwell.Config{Endpoint: p.Endpoint, AccessKeyID: p.AccessKeyID, SecretKey: p.SecretKey, UserAgent: "sluice-cli"})
			if err != nil {
				return &UsageError{err}
			}
			defer client.CloseIdleConnections()
			s := &session{client: client, in: c.InOrStdin(), out: c.OutOrStdout(), errs: c.ErrOrStderr()}
			s.bar = newBar(s.errs, quiet)
			defer s.bar.stop()
			err = sp.run(c.Context(), s, args)
			if err != nil && c.Context().Err() != nil {
				err = interruptedError{err}
			}
			return err
		},
	}
	if sp.flags != nil {
		sp.flags(c.Flags())
	}
	connection(c.Flags(), &choice)
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress bar, no line per file")
	return c
}

// connection declares the flags that say which server, and as whom. The secret
// is none: others could see it.
func connection(fs *pflag.FlagSet, c *profile.Choice) {
	fs.StringVar(&c.Endpoint, "endpoint", "", "address of the server, e.g. https://files.example.org ($"+profile.EnvEndpoint+")")
	fs.StringVar(&c.AccessKeyID, "access-key-id", "", "access key ($"+profile.EnvAccessKeyID+"); its secret comes from $"+profile.EnvSecretKey+" or the profile")
	fs.StringVar(&c.Name, "profile", "", "profile in the configuration directory ($"+profile.EnvProfile+")")
}
