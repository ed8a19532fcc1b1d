package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

func keyCommand() *cobra.Command {
	create, list, revoke := keyCreate(), keyList(), keyRevoke()
	remote(create, list, revoke)
	return group("key", "access keys of an account", create, list, revoke)
}

func keyCreate() *cobra.Command {
	var account string
	var scopes, buckets, prefixes []string
	var expires time.Duration
	var asJSON, asBasic bool
	var keep saving
	c := &cobra.Command{
		Use: "create --account NAME --scopes read,write", Short: "make an access key; its secret is shown this once", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			if err := keep.check(c); err != nil {
				return err // before there is a key that nobody knows
			}
			a, err := accountByName(ctx, s, account)
			if err != nil {
				return err
			}
			r := authv1.CreateAccessKeyRequest{AccountID: a.ID, Grant: authv1.Grant{Buckets: buckets, Prefixes: prefixes}}
			for _, sc := range scopes {
				r.Grant.Scopes = append(r.Grant.Scopes, authv1.Scope(strings.TrimSpace(sc)))
			}
			if expires > 0 {
				at := time.Now().Add(expires).UTC()
				r.ExpiresAt = &at
			}
			k, err := authv1.NewClient(s.rpc).CreateAccessKey(ctx, r)
			if err != nil {
				return err
			}
			if keep.save {
				return keep.keep(c, k)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), flatKey(k))
			}
			if asBasic {
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s:%s\n", k.ID, k.Secret)
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "access key  %s\nsecret key  %s\n", k.ID, k.Secret)
			return err
		}),
	}
	c.Flags().StringVar(&account, "account", "", "user name of the account (required)")
	c.Flags().StringSliceVar(&scopes, "scopes", nil, "what it may do: read, write, delete, admin (required)")
	c.Flags().StringSliceVar(&buckets, "buckets", nil, "the buckets it is for; all when empty")
	c.Flags().StringSliceVar(&prefixes, "prefixes", nil, "the beginnings of keys it is for; all when empty")
	c.Flags().DurationVar(&expires, "expires-in", 0, "how long it holds; for ever when 0")
	c.Flags().BoolVar(&asBasic, "basic", false, "print KEY:SECRET, as HTTP Basic and curl -u take it")
	c.Flags().BoolVar(&asJSON, "json", false, "print the key as JSON, as POST /api/v1/account/access-keys answers")
	keep.flags(c)
	_ = c.MarkFlagRequired("account") // fails for a flag that does not exist
	_ = c.MarkFlagRequired("scopes")
	return c
}

// saving is a key that goes into a profile instead of onto the screen.
type saving struct {
	save              bool
	profile, endpoint string
}

func (k *saving) flags(c *cobra.Command) {
	c.Flags().BoolVar(&k.save, "save", false, "keep the key for ls, cp and the like instead of printing its secret")
	c.Flags().StringVar(&k.profile, "profile", "", "with --save: the profile's name")
	c.Flags().StringVar(&k.endpoint, "endpoint", "", "with --save: address of the server; by default as this machine reaches it")
	c.MarkFlagsMutuallyExclusive("save", "json", "basic")
}

// check finds the endpoint out.
func (k *saving) check(c *cobra.Command) error {
	if !k.save {
		return nil
	}
	if _, err := profile.Path(k.profile); err != nil {
		return err
	}
	if k.endpoint != "" {
		return nil
	}
	cfg, err := load(c)
	if err != nil {
		return err
	}
	if k.endpoint, err = cfg.LocalURL(); err != nil {
		return fmt.Errorf("%w: give --endpoint", err)
	}
	return nil
}

func (k *saving) keep(c *cobra.Command, key authv1.AccessKeyWithSecret) error {
	path, err := profile.Save(k.profile, profile.Profile{Endpoint: k.endpoint, AccessKeyID: key.ID, SecretKey: key.Secret})
	if err != nil {
		return fmt.Errorf("access key %s was made, but not kept; revoke it: %w", key.ID, err)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "access key  %s\nkept in     %s (for %s)\n", key.ID, path, k.endpoint)
	return err
}

// keyJSON is a fresh key in the shape of the HTTP API.
type keyJSON struct {
	ID        string         `json:"accessKeyId"`
	Secret    string         `json:"secretKey"`
	AccountID string         `json:"accountId"`
	Scopes    []authv1.Scope `json:"scopes"`
	Buckets   []string       `json:"buckets,omitempty"`
	Prefixes  []string       `json:"prefixes,omitempty"`
	ExpiresAt *time.Time     `json:"expiresAt,omitempty"`
	CreatedAt time.Time      `json:"createdAt"`
}

func flatKey(k authv1.AccessKeyWithSecret) keyJSON {
	return keyJSON{
		ID: k.ID, Secret: k.Secret, AccountID: k.AccountID, Scopes: k.Grant.Scopes, Buckets: k.Grant.Buckets,
		Prefixes: k.Grant.Prefixes, ExpiresAt: k.ExpiresAt, CreatedAt: k.CreatedAt,
	}
}

func keyList() *cobra.Command {
	var account string
	var asJSON bool
	c := &cobra.Command{
		Use: "list --account NAME", Short: "list the access keys of an account", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			a, err := accountByName(ctx, s, account)
			if err != nil {
				return err
			}
			l, err := authv1.NewClient(s.rpc).ListAccessKeys(ctx, authv1.ListAccessKeysRequest{AccountID: a.ID})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), l.Keys)
			}
			return table(c.OutOrStdout(), "KEY\tSCOPES\tBUCKETS\tPREFIXES\tCREATED\tEXPIRES\tREVOKED", func(row func(string, ...any)) {
				for _, k := range l.Keys {
					row("%s\t%s\t%s\t%s\t%s\t%s\t%s", k.ID, join(k.Grant.Scopes), join(k.Grant.Buckets), join(k.Grant.Prefixes),
						when(k.CreatedAt), whenPtr(k.ExpiresAt), whenPtr(k.RevokedAt))
				}
			})
		}),
	}
	c.Flags().StringVar(&account, "account", "", "user name of the account (required)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("account")
	return c
}

func keyRevoke() *cobra.Command {
	var account string
	c := &cobra.Command{
		Use: "revoke KEY --account NAME", Short: "end an access key; every edge refuses it from now on", Args: cobra.ExactArgs(1),
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			a, err := accountByName(ctx, s, account)
			if err != nil {
				return err
			}
			k, err := authv1.NewClient(s.rpc).RevokeAccessKey(ctx, authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: args[0]})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "access key %s is revoked\n", k.ID)
			return err
		}),
	}
	c.Flags().StringVar(&account, "account", "", "user name of the account (required)")
	_ = c.MarkFlagRequired("account")
	return c
}

func join[T ~string](list []T) string {
	if len(list) == 0 {
		return "*"
	}
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = string(s)
	}
	return strings.Join(parts, ",")
}

func whenPtr(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}
