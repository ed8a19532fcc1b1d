package files

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

func (e env) configure() *cobra.Command {
	var choice profile.Choice
	var unchecked bool
	c := &cobra.Command{
		Use: "configure --endpoint URL --access-key-id KEY", Short: "keep a server and an access key for ls, cp, cat, rm, sign, mb and rb",
		Long:    "Reads the secret from standard input, tries the key, and keeps all in the user's configuration directory, readable for this user only.",
		Example: "  sluice key create --account alice --scopes read,write --json | jq -r .secretKey | \\\n    sluice configure --endpoint https://files.example.org --access-key-id LWAK…",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("the secret comes from standard input, never as an argument")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			p := profile.Profile{Endpoint: choice.Endpoint, AccessKeyID: choice.AccessKeyID}
			if p.Endpoint == "" || p.AccessKeyID == "" {
				return usage("--endpoint and --access-key-id are both needed")
			}
			var err error
			if p.SecretKey, err = readSecret(c.InOrStdin(), c.ErrOrStderr(), "secret key"); err != nil {
				return err
			}
			p.SecretKey = strings.TrimSpace(p.SecretKey)
			client, err := lockwell.New(lockwell.Config{Endpoint: p.Endpoint, AccessKeyID: p.AccessKeyID, SecretKey: p.SecretKey, UserAgent: "sluice-cli"})
			if err != nil {
				return &UsageError{err}
			}
			defer client.CloseIdleConnections()
			if !unchecked {
				if err := client.Authenticate(c.Context()); err != nil {
					return fmt.Errorf("the key was not kept: %w", err)
				}
			}
			path, err := profile.Save(choice.Name, p)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "kept in %s\n", path)
			return err //nolint:wrapcheck // of the terminal
		},
	}
	connection(c.Flags(), &choice)
	c.Flags().BoolVar(&unchecked, "no-check", false, "do not ask the server whether the key is good")
	return c
}

// readSecret takes a secret from the terminal or from standard input.
func readSecret(in io.Reader, errs io.Writer, what string) (string, error) {
	secret, err := profile.ReadSecret(in, errs, what)
	if errors.Is(err, profile.ErrNoSecret) {
		return "", usage("no %s came on standard input", what)
	}
	return secret, err
}
