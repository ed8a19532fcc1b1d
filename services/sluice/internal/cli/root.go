// Package cli is the command line of Sluice: it runs the services, and talks to
// running ones over NATS with the credentials of the data directory. The
// commands for objects, which only need an access key, are in package files.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/build"
	"github.com/sluicehq/sluice/services/sluice/internal/files"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// Main runs the command line and returns the exit code (README.md).
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var err error
	code := lifecycle.Main("sluice", stderr, os.Exit, func(ctx context.Context) error {
		err = Run(ctx, args, stdin, stdout, stderr)
		return err
	})
	var exit *ExitError
	switch {
	case code != 1:
	case errors.As(err, &exit):
		return exit.Code
	default:
		return files.ExitCode(err)
	}
	return code
}

// Run is Main for callers that have a context and want the error.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := newRoot() //nolint:contextcheck // cobra hands each command its context
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return public(root.ExecuteContext(ctx))
}

// public turns what a service answered into the sentence meant for people.
func public(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		return fmt.Errorf("%s (%s)", f.Message, f.Code)
	}
	return err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "sluice", Short: "a self-hosted file, object and link service", Version: build.Version(),
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.PersistentFlags().String("config", "", "settings file (YAML)")
	root.AddCommand(upCommand(), runCommand(), accountCommand(), keyCommand(), webhookCommand(), busCommand(),
		containerCommand(), auditCommand(), gcCommand(), masterKeyCommand(), doctorCommand(), readyCommand(), configCommand(), versionCommand())
	root.AddCommand(files.Commands(os.Getenv)...)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &files.UsageError{Err: err} })
	return root
}

// group is a command that only holds others. Without one of them it shows its
// help, and a word that names none is an error.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(subs...)
	return c
}

// load reads the settings for a command, whose flags are bound.
func load(c *cobra.Command) (sluice.Config, error) {
	file, err := c.Flags().GetString("config")
	if err != nil {
		return sluice.Config{}, err
	}
	return sluice.Load(file, c.Flags())
}

// bind gives a command the flags of all settings, or of those named.
func bind(fs *pflag.FlagSet, only ...string) {
	if err := settings.Bind(fs, sluice.Default(), only...); err != nil {
		panic(err) // two settings share a name: every test that makes the root finds it
	}
}

func upCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "up", Short: "run everything in this process, over one data directory", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			warnUnknown(c)
			program, err := os.Executable()
			if err != nil {
				program = "sluice"
			}
			return sluice.Up(c.Context(), cfg, program, c.OutOrStdout())
		},
	}
	bind(c.Flags())
	return c
}

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "run SERVICE…", Short: "run single services: nats, auth, object, upload, linkchecker, stats, webhook, edge", Args: cobra.MinimumNArgs(1),
		ValidArgs: sluice.Names(),
		RunE: func(c *cobra.Command, names []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			warnUnknown(c)
			return sluice.Run(c.Context(), cfg, names, c.OutOrStdout())
		},
	}
	bind(c.Flags())
	return c
}

// warnUnknown tells of variables that look like settings and are none.
func warnUnknown(c *cobra.Command) {
	for _, name := range sluice.UnknownVariables() {
		if slices.Contains(profile.Variables(), name) {
			continue // of the object commands
		}
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "sluice: the variable %s names no setting\n", name)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { _, _ = fmt.Fprintln(c.OutOrStdout(), build.Version()) },
	}
}
