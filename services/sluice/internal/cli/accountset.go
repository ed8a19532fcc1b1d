package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/closing"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/settings"
)

func accountSetPlan() *cobra.Command {
	return &cobra.Command{
		Use: "set-plan NAME PLAN", Short: "give an account a plan of auth.plans, with the limits that it has now", Args: cobra.ExactArgs(2),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, args []string) error {
			a, err := authv1.NewClient(s.rpc).SetAccount(ctx, authv1.SetAccountRequest{AccountID: a.ID, Plan: args[1]})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "account %s has plan %s: %s of storage, %s per object\n", a.Username, a.Plan,
				settings.Bytes(a.Limits.StorageBytes), settings.Bytes(a.Limits.ObjectBytes))
			return err
		}),
	}
}

func accountRights(use, short string, admin bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, _ []string) error {
			a, err := authv1.NewClient(s.rpc).SetAccount(ctx, authv1.SetAccountRequest{AccountID: a.ID, Admin: &admin})
			if err != nil {
				return err
			}
			is := "is an administrator"
			if !a.Admin {
				is = "is no administrator"
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "account %s %s\n", a.Username, is)
			return err
		}),
	}
}

func accountSetPassword() *cobra.Command {
	var fromStdin bool
	c := &cobra.Command{
		Use: "set-password NAME --password-stdin", Short: "give an account a new password; all its tokens and sessions end", Args: cobra.ExactArgs(1),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, _ []string) error {
			if !fromStdin {
				return errors.New("give --password-stdin and write the password to standard input; as an argument others could see it")
			}
			password, err := readPassword(c.InOrStdin())
			if err != nil {
				return err
			}
			if _, err := authv1.NewClient(s.rpc).ChangePassword(ctx, authv1.ChangePasswordRequest{AccountID: a.ID, New: password, Operator: true}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "account %s has a new password\n", a.Username)
			return err
		}),
	}
	c.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return c
}

func accountTokens() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "tokens NAME", Short: "list the account tokens and browser sessions of an account, newest first", Args: cobra.ExactArgs(1),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, _ []string) error {
			l, err := authv1.NewClient(s.rpc).ListTokens(ctx, authv1.ListTokensRequest{AccountID: a.ID})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), l.Tokens)
			}
			return table(c.OutOrStdout(), "ID\tKIND\tNAME\tCREATED\tEXPIRES", func(row func(string, ...any)) {
				for _, t := range l.Tokens {
					expires := "-"
					if t.ExpiresAt != nil {
						expires = when(*t.ExpiresAt)
					}
					row("%s\t%s\t%s\t%s\t%s", t.ID, t.Kind, cmp.Or(t.Name, "-"), when(t.CreatedAt), expires)
				}
			})
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func accountRevokeToken() *cobra.Command {
	return &cobra.Command{
		Use: "revoke-token NAME TOKEN-ID…", Short: "end account tokens, named by their ids (tok_…)", Args: cobra.MinimumNArgs(2),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, args []string) error {
			for _, id := range args[1:] {
				if _, err := authv1.NewClient(s.rpc).RevokeToken(ctx, authv1.RevokeTokenRequest{AccountID: a.ID, TokenID: id}); err != nil {
					return err
				}
				_, _ = fmt.Fprintf(c.OutOrStdout(), "revoked %s\n", id)
			}
			return nil
		}),
	}
}

func accountDelete() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete NAME --yes", Short: "delete an account and everything that it stores", Args: cobra.ExactArgs(1),
		RunE: onAccount(func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, _ []string) error {
			if !yes {
				return fmt.Errorf("this deletes account %s (%s) with all its files and buckets, for good; give --yes", a.Username, a.ID)
			}
			what := closing.Services{
				Objects: objectv1.NewClient(s.rpc), Pliks: uploadv1.NewPlikClient(s.rpc), Fetches: uploadv1.NewFetchClient(s.rpc),
				Links: linksv1.NewClient(s.rpc), Webhooks: webhookv1.NewClient(s.rpc),
			}
			if err := what.Close(ctx, a.ID); err != nil {
				return err
			}
			if _, err := authv1.NewClient(s.rpc).DeleteAccount(ctx, authv1.DeleteAccountRequest{AccountID: a.ID, Operator: true}); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "deleted account %s; what it stored is removed in the background\n", a.Username)
			return err
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// onAccount is on for a command whose first argument is a user name.
func onAccount(f func(ctx context.Context, c *cobra.Command, s *system, a authv1.Account, args []string) error) func(*cobra.Command, []string) error {
	return on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
		a, err := accountByName(ctx, s, args[0])
		if err != nil {
			return err
		}
		return f(ctx, c, s, a, args)
	})
}
