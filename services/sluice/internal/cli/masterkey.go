package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
)

func masterKeyCommand() *cobra.Command {
	create, show, rotate, rewrap := masterKeyCreate(), masterKeyShow(), masterKeyRotate(), masterKeyRewrap()
	remote(show, rewrap)
	bind(show.Flags(), "key_file")
	bind(rewrap.Flags(), "key_file")
	for _, c := range []*cobra.Command{create, rotate} {
		bind(c.Flags(), "data_dir", "key_file")
	}
	return group("master-key", "the key that everything secret is sealed under", create, show, rotate, rewrap)
}

// master reads the key file of the settings; it makes none.
func master(c *cobra.Command) (*keys.Master, error) {
	cfg, err := load(c)
	if err != nil {
		return nil, err
	}
	m, err := keys.LoadOrCreate(cfg.Common.KeyPath(), true)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	return m, nil
}

// domains gives the bucket of the key domains; nil when nothing was sealed yet.
func (s *system) domains(ctx context.Context) (keys.Store, error) {
	js, err := s.js()
	if err != nil {
		return nil, err
	}
	kv, err := natskv.Find(ctx, js)
	if errors.Is(err, keys.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	return kv, nil
}

// masterKeyCreate is for installations whose hosts need the same file before the
// first start; a service that finds no file and no data makes one itself.
func masterKeyCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create", Short: "make the key file of a new installation, for hosts that need a copy before the first start", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			path := cfg.Common.KeyPath()
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already", path)
			}
			if _, err := keys.LoadOrCreate(path, false); err != nil {
				return err //nolint:wrapcheck // it says what was being done
			}
			return printf(c.OutOrStdout(), "made %s; without it nothing that is sealed under it can be opened, so back it up\n", path)
		},
	}
}

func masterKeyShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show", Short: "say which key is current and how the key domains are wrapped; no secret is shown", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			m, err := master(c)
			if err != nil {
				return err
			}
			var fit keys.Fit
			kv, err := s.domains(ctx)
			if err != nil {
				return err
			}
			if kv != nil {
				if fit, err = keys.FitOf(ctx, kv, m); err != nil {
					return err //nolint:wrapcheck // it says what was being done
				}
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]any{"current": m.CurrentID(), "domains": fit.Domains, "older": fit.Older, "foreign": len(fit.Foreign)})
			}
			return printf(c.OutOrStdout(), "current key: %d\nkey domains: %d, of which %d under an older key and %d under none of this file\n",
				m.CurrentID(), fit.Domains, fit.Older, len(fit.Foreign))
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func masterKeyRotate() *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "add a key to the key file and make it current; running services notice by themselves", Args: cobra.NoArgs,
		Long: `Add a key to the key file and make it current. What older keys sealed and signed keeps holding,
since they stay in the file. Where hosts have copies of the file, copy it to all of them at once;
then move the key domains with 'sluice master-key rewrap'.`,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := master(c)
			if err != nil {
				return err
			}
			id, err := m.Rotate()
			if err != nil {
				return err //nolint:wrapcheck // it says what was being done
			}
			return printf(c.OutOrStdout(), "the current key is %d now; back the key file up, then run 'sluice master-key rewrap'\n", id)
		},
	}
}

func masterKeyRewrap() *cobra.Command {
	return &cobra.Command{
		Use: "rewrap", Short: "put every key domain under the current key; may be repeated and interrupted", Args: cobra.NoArgs,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			m, err := master(c)
			if err != nil {
				return err
			}
			kv, err := s.domains(ctx)
			if err != nil {
				return err
			}
			if kv == nil {
				return errors.New("there are no key domains yet")
			}
			ring, err := keys.OpenRing(ctx, kv, m)
			if err != nil {
				return fmt.Errorf("opening the key domains: %w", err)
			}
			n, err := ring.Rewrap(ctx)
			if err != nil {
				return err //nolint:wrapcheck // it says what was being done
			}
			return printf(c.OutOrStdout(), "rewrapped %d key domains\n", n)
		}),
	}
}
