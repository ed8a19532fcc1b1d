package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/settings"
)

func gcCommand() *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use: "gc --now", Short: "give back the space of content that nothing refers to, and wait until it is done", Args: cobra.NoArgs,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			if !now {
				return errors.New("the collector runs by itself; --now asks for a run at once")
			}
			_, _ = fmt.Fprintln(c.ErrOrStderr(), "collecting; uploads under way are waited out, which takes a minute or more")
			r, err := objectv1.NewClient(s.rpc).CollectGarbage(ctx, objectv1.CollectGarbageRequest{})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "read %d contents, met %d segments, condemned %d, removed %d, gave back %s\n",
				r.Contents, r.Segments, r.Condemned, r.Purged, settings.Bytes(r.FreedBytes))
			return err
		}),
	}
	c.Flags().BoolVar(&now, "now", false, "run the collector now")
	remote(c)
	return c
}
