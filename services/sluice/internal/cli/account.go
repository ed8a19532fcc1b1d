package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/settings"
)

// maxPassword bounds what is read from standard input.
const maxPassword = 4 << 10

func accountCommand() *cobra.Command {
	create, list := accountCreate(), accountList()
	disable := accountSwitch("disable", "switch an account off: its keys and tokens end at once", true)
	enable := accountSwitch("enable", "switch an account on again", false)
	grant := accountRights("grant-admin", "make an account an administrator", true)
	demote := accountRights("revoke-admin", "take an account's administrator rights, also the last ones", false)
	plan, password := accountSetPlan(), accountSetPassword()
	tokens, revoke, remove := accountTokens(), accountRevokeToken(), accountDelete()
	all := []*cobra.Command{create, list, disable, enable, grant, demote, plan, password, tokens, revoke, remove}
	remote(all...)
	return group("account", "accounts of the system", all...)
}

func accountCreate() *cobra.Command {
	var email string
	var fromStdin, admin, asJSON bool
	c := &cobra.Command{
		Use: "create NAME --email E --password-stdin", Short: "make an account", Args: cobra.ExactArgs(1),
		Example: "  echo 'a long password' | sluice account create alice --email alice@example.org --password-stdin",
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			if !fromStdin {
				return errors.New("give --password-stdin and write the password to standard input; as an argument others could see it")
			}
			password, err := readPassword(c.InOrStdin())
			if err != nil {
				return err
			}
			sess, err := authv1.NewClient(s.rpc).CreateAccount(ctx, authv1.CreateAccountRequest{
				Username: args[0], Email: email, Password: password, Admin: admin,
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), sess.Account)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "made account %s (%s)\n", sess.Account.Username, sess.Account.ID)
			return err
		}),
	}
	c.Flags().StringVar(&email, "email", "", "e-mail address (required)")
	c.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	c.Flags().BoolVar(&admin, "admin", false, "make it an administrator")
	c.Flags().BoolVar(&asJSON, "json", false, "print the account as JSON")
	_ = c.MarkFlagRequired("email") // fails for a flag that does not exist
	return c
}

// readPassword takes the first line, or all when there is none.
func readPassword(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPassword+1))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if len(b) > maxPassword {
		return "", fmt.Errorf("the password has more than %d bytes", maxPassword)
	}
	p := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if strings.ContainsAny(p, "\r\n") {
		return "", errors.New("the password has more than one line")
	}
	return p, nil
}

func accountList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "list all accounts by name", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			all, err := allAccounts(ctx, s)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			return table(c.OutOrStdout(), "NAME\tNUMBER\tE-MAIL\tID\tADMIN\tDISABLED\tPLAN\tSTORAGE\tOBJECT\tREGION\tCREATED", func(row func(string, ...any)) {
				for _, a := range all {
					row("%s\t%d\t%s\t%s\t%t\t%t\t%s\t%s\t%s\t%s\t%s", a.Username, a.Number, a.Email, a.ID, a.Admin, a.Disabled, a.Plan,
						settings.Bytes(a.Limits.StorageBytes), settings.Bytes(a.Limits.ObjectBytes), cmp.Or(a.Region, "-"), when(a.CreatedAt))
				}
			})
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func allAccounts(ctx context.Context, s *system) ([]authv1.Account, error) {
	auth := authv1.NewClient(s.rpc)
	all := []authv1.Account{}
	for after := ""; ; {
		page, err := auth.ListAccounts(ctx, authv1.ListAccountsRequest{After: after, Limit: 500})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Accounts...)
		if !page.More || len(page.Accounts) == 0 {
			return all, nil
		}
		after = page.Accounts[len(page.Accounts)-1].Username
	}
}

func accountSwitch(use, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			a, err := accountByName(ctx, s, args[0])
			if err != nil {
				return err
			}
			if _, err := authv1.NewClient(s.rpc).SetAccountDisabled(ctx, authv1.SetAccountDisabledRequest{AccountID: a.ID, Disabled: disabled}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "account %s is %sd\n", a.Username, use)
			return err
		}),
	}
}

func accountByName(ctx context.Context, s *system, name string) (authv1.Account, error) {
	return authv1.NewClient(s.rpc).GetAccount(ctx, authv1.GetAccountRequest{Username: name})
}
