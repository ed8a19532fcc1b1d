// Package client is sluice-client: the command line for link containers. It
// speaks to a server over its HTTP API like any other client.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes beside 0 and 1, which stands for everything else; those of sluice.
const (
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitInterrupted = 130
)

// usageError is a command line that asks for nothing that can be done.
type usageError struct{ error }

// Unwrap gives what is wrong.
func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs a command line and gives the exit code; getenv reads the variables.
func Main(ctx context.Context, std IO, getenv func(string) string, version string, args []string) int {
	e := &env{getenv: getenv, version: version}
	root := e.root() //nolint:contextcheck // cobra hands each command its context
	root.SetArgs(args)
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		_, _ = fmt.Fprintln(std.Err, "sluice-client: interrupted")
		return exitInterrupted
	}
	if err != nil {
		_, _ = fmt.Fprintln(std.Err, "sluice-client:", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var use usageError
	var answer *apiError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &use):
		return exitUsage
	case errors.Is(err, errNoKey):
		return exitDenied
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		return exitNotFound
	case errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
		return exitDenied
	}
	return 1
}

// env is what all commands share.
type env struct {
	getenv  func(string) string
	version string
	choice  profile.Choice
	asJSON  bool
}

func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use: "sluice-client", Short: "link containers on a Sluice server", Version: e.version,
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: unknownWord, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	fs := root.PersistentFlags()
	fs.StringVar(&e.choice.Endpoint, "server", "", "address of the server; else "+profile.EnvEndpoint+", else the profile's")
	fs.StringVar(&e.choice.Name, "profile", "", "name of the profile; else "+profile.EnvProfile+", else default")
	fs.BoolVar(&e.asJSON, "json", false, "print what the server answers")
	group := &cobra.Command{
		Use: "container", Short: "make, show and change containers",
		Args: unknownWord, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(e.create(), e.status(), e.list(), e.unlock(), e.edit(), e.delete(), e.badge())
	root.AddCommand(e.login(), e.logout(), group)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	return root
}

func unknownWord(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%q is no command of %s", args[0], c.CommandPath())
	}
	return nil
}

// run is one run of a command.
type run struct {
	api    *api
	io     IO
	asJSON bool
}

// command makes a command that asks the server.
func (e *env) command(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, r *run, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		Args: func(c *cobra.Command, given []string) error {
			if err := args(c, given); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(c *cobra.Command, given []string) error {
			p, err := profile.Containers(e.choice, e.getenv)
			if err != nil {
				return usageError{err}
			}
			a, err := newAPI(p, "sluice-client/"+e.version)
			if err != nil {
				return err
			}
			defer a.close()
			return do(c.Context(), &run{api: a, io: IO{In: c.InOrStdin(), Out: c.OutOrStdout(), Err: c.ErrOrStderr()}, asJSON: e.asJSON}, given)
		},
	}
}

func (e *env) login() *cobra.Command {
	var clientID string
	var unchecked bool
	c := &cobra.Command{
		Use: "login [--server URL] [--client-id KEY]", Short: "keep an API key, or an access key, in the profile",
		Long: "Reads the API key, or with --client-id the secret of that access key, from standard input, tries it, and keeps it in the user's\n" +
			"configuration directory, readable for this user only.",
		Example: "  sluice-client login --server https://links.example.org < api-key.txt",
		Args:    unknownWord,
		RunE: func(c *cobra.Command, _ []string) error {
			what := "API key"
			if clientID != "" {
				what = "secret"
			}
			old, err := profile.Containers(e.choice, e.getenv)
			if err != nil {
				return usageError{err}
			}
			secret, err := readSecret(c.InOrStdin(), c.ErrOrStderr(), what)
			if err != nil {
				return err
			}
			p := profile.Profile{Endpoint: old.Endpoint, APIKey: secret}
			if clientID != "" {
				p = profile.Profile{Endpoint: old.Endpoint, AccessKeyID: clientID, SecretKey: secret}
			}
			a, err := newAPI(p, "sluice-client/"+e.version)
			if err != nil {
				return err
			}
			defer a.close()
			if !unchecked {
				if err := a.own(c.Context(), http.MethodGet, "/api/v1/container/list?limit=1", nil, &page{}); err != nil {
					return fmt.Errorf("the %s was not kept: %w", what, err)
				}
			}
			if clientID != "" { // an API key that was kept before would go first
				if err := profile.ForgetAPIKey(e.choice.Named(e.getenv)); err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
			}
			path, err := profile.Save(e.choice.Named(e.getenv), p)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "kept in %s\n", path)
			return err //nolint:wrapcheck // of the terminal
		},
	}
	c.Flags().StringVar(&clientID, "client-id", "", "id of an access key (OAuth 2 client credentials), whose secret is read")
	c.Flags().BoolVar(&unchecked, "no-check", false, "do not ask the server whether it is good")
	return c
}

func (e *env) logout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "forget the keys of the profile", Args: unknownWord,
		RunE: func(*cobra.Command, []string) error {
			if err := profile.ForgetAPIKey(e.choice.Named(e.getenv)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return nil
		},
	}
}

// readSecret takes a secret from the terminal or from standard input.
func readSecret(in io.Reader, errs io.Writer, what string) (string, error) {
	secret, err := profile.ReadSecret(in, errs, what)
	if errors.Is(err, profile.ErrNoSecret) {
		return "", usage("no %s came on standard input", what)
	}
	return secret, err
}
