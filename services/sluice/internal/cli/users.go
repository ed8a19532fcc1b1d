package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/pkg/wholefile"
)

// busDeclare makes what services only look for.
func busDeclare() *cobra.Command {
	c := &cobra.Command{
		Use: "declare", Short: "make or adapt streams, consumers, buckets and object stores on the nats-server, as the settings say", Args: cobra.NoArgs,
		Long: `Makes what the services of this version find on the nats-server, and adapts what differs. 'sluice up' and 'sluice run nats' do the same when they
start; on a NATS cluster of your own an operator does it, before the services of a new version start. It may be repeated at any time.`,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			d := streams.Declared(cfg.Common.NATS.Replicas)
			if err := platform.Declare(ctx, s.nc, cfg.Common, d, telemetry.Nop()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "declared %d streams, %d consumers, and the buckets and object stores of %s\n",
				len(d.Streams), len(d.Consumers), strings.Join(cfg.Common.Regions, ", "))
			return err
		}),
	}
	bind(c.Flags(), "data_dir", "nats.url", "nats.addr", "nats.creds_file", "nats.replicas", "regions", "blob.shards", "blob.max_bytes", "blob.placement")
	return c
}

// busUsers writes what a NATS cluster and the services' hosts need of credentials.
func busUsers() *cobra.Command {
	var dir, rotate string
	c := &cobra.Command{
		Use: "users [--dir DIR] [--rotate USER]", Short: "make credentials of the nats-server's users, and its configuration of them", Args: cobra.NoArgs,
		Long: `Makes in DIR what is missing of the credentials: nats.json of the operator and nats-SERVICE.json of each service, for the hosts that each runs on. For the
nats-servers of a cluster it writes users.conf, to be included in their configuration, and passwords.conf with the hashes.

--rotate gives one user another password. The nats-server of 'sluice up' and 'sluice run nats' takes it up within seconds, in its own data directory, and so do
the user's processes; others stay connected. On a cluster, copy the files, then 'nats-server --signal reload'.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			path := cfg.Common.CredsPath()
			if dir != "" {
				path = filepath.Join(dir, filepath.Base(path))
				if err := os.MkdirAll(dir, 0o700); err != nil {
					return fmt.Errorf("making the directory: %w", err)
				}
			}
			return writeUsers(c, cfg.Common, path, rotate, dir != "")
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where the files are; default: the data directory, without the nats-servers' configuration")
	c.Flags().StringVar(&rotate, "rotate", "", "the user that gets another password")
	bind(c.Flags(), "data_dir", "nats.url", "nats.creds_file", "regions", "blob.shards")
	return c
}

func writeUsers(c *cobra.Command, set platform.Settings, path, rotate string, conf bool) error {
	if rotate != "" {
		if rotate != rpc.Operator && !slices.Contains(access.Services(), rotate) {
			return fmt.Errorf("there is no user %q; there are %s, %s", rotate, rpc.Operator, strings.Join(access.Services(), ", "))
		}
		if err := platform.NewPassword(path, rotate); err != nil {
			return err
		}
	}
	users, migrated, err := platform.EnsureUsers(path, access.Services())
	if err != nil {
		return err
	}
	if migrated {
		if _, err := fmt.Fprintf(c.ErrOrStderr(), "%s was that of the only user of before; it is the operator's now, with a new password. Restart the nats-server of an older version that still runs.\n", path); err != nil {
			return err
		}
	}
	if set.NATS.URL != "" {
		if err := users.SetURL(path, set.NATS.URL); err != nil {
			return err
		}
	}
	if conf {
		if err := writeConf(filepath.Dir(path), set, users); err != nil {
			return err
		}
	}
	for _, u := range users {
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%-12s %s\n", u.User, platform.CredentialsPath(path, u.User)); err != nil {
			return err
		}
	}
	return nil
}

// writeConf writes what the nats-servers of a cluster include.
func writeConf(dir string, set platform.Settings, users platform.Users) error {
	passwords, err := access.Passwords(func(user string) (string, error) {
		c, _ := users.Of(user)
		return natsd.Hash(c.Password)
	})
	if err != nil {
		return err
	}
	// Passwords first, since the other includes them: a nats-server that is told to reload between the
	// two finds every password that it is asked for.
	if err := wholefile.Replace(filepath.Join(dir, access.PasswordsFile), passwords); err != nil {
		return fmt.Errorf("writing the nats-servers' configuration: %w", err)
	}
	if err := wholefile.Replace(filepath.Join(dir, "users.conf"), access.Conf(access.Stores(set.Regions, set.Blob.Shards))); err != nil {
		return fmt.Errorf("writing the nats-servers' configuration: %w", err)
	}
	return nil
}
