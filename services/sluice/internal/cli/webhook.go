package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func webhookCommand() *cobra.Command {
	secret, list, show, replay, endpoints := webhookSecret(), webhookList(), webhookShow(), webhookReplay(), webhookEndpoints()
	remote(secret, list, show, replay, endpoints)
	return group("webhook", "deliveries of notifications", secret, list, show, replay, endpoints)
}

func webhookSecret() *cobra.Command {
	var account, bucket, id string
	c := &cobra.Command{
		Use: "secret --bucket B --id C", Short: "print the signing secret of a bucket's notification config", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			r := webhookv1.SecretRequest{Username: account, Bucket: bucket, ConfigID: id}
			secret, err := findSecret(ctx, s, r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), secret)
			return err
		}),
	}
	c.Flags().StringVar(&bucket, "bucket", "", "the bucket (required)")
	c.Flags().StringVar(&id, "id", "", "id of the config (required)")
	c.Flags().StringVar(&account, "account", "", "owner of the bucket; needed only when several accounts have such a config")
	_ = c.MarkFlagRequired("bucket") // fails for a flag that does not exist
	_ = c.MarkFlagRequired("id")
	return c
}

// findSecret asks for the config of the named account, or of whichever account
// has it when none is named: names of buckets belong to accounts.
func findSecret(ctx context.Context, s *system, r webhookv1.SecretRequest) (string, error) {
	hooks := webhookv1.NewClient(s.rpc)
	if r.Username != "" {
		a, err := hooks.Secret(ctx, r)
		return a.Secret, err
	}
	accounts, err := allAccounts(ctx, s)
	if err != nil {
		return "", err
	}
	var secret string
	var owners []string
	for _, a := range accounts {
		r.Username = a.Username
		switch got, err := hooks.Secret(ctx, r); {
		case err == nil:
			secret, owners = got.Secret, append(owners, a.Username)
		case fault.KindOf(err) != fault.NotFound:
			return "", err
		}
	}
	switch len(owners) {
	case 0:
		return "", fmt.Errorf("no account has a bucket %s with a notification config %s", r.Bucket, r.ConfigID)
	case 1:
		return secret, nil
	}
	return "", fmt.Errorf("%s each have a bucket %s with a notification config %s: choose with --account", strings.Join(owners, ", "), r.Bucket, r.ConfigID)
}

func webhookList() *cobra.Command {
	var r webhookv1.ListDeliveriesRequest
	var state string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "list deliveries, newest first", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			r.State = webhookv1.State(state)
			switch r.State {
			case "", webhookv1.Pending, webhookv1.Delivered, webhookv1.Dead:
			default:
				return errors.New("--state is pending, delivered or dead")
			}
			page, err := webhookv1.NewClient(s.rpc).ListDeliveries(ctx, r)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), page)
			}
			err = table(c.OutOrStdout(), "ID\tSTATE\tATTEMPTS\tLAST\tNEXT\tEVENT\tURL", func(row func(string, ...any)) {
				for _, d := range page.Deliveries {
					row("%s\t%s\t%d\t%s\t%s\t%s\t%s", d.ID, d.State, len(d.Attempts), lastAttempt(d), when(d.NextAttempt), d.EventType, d.URL)
				}
			})
			if err == nil && page.Cursor != "" {
				_, err = fmt.Fprintf(c.OutOrStdout(), "more: --cursor %s\n", page.Cursor)
			}
			return err
		}),
	}
	c.Flags().StringVar(&r.EndpointID, "endpoint", "", "only those to this endpoint")
	c.Flags().StringVar(&state, "state", "", "only those that are pending, delivered or dead")
	c.Flags().StringVar(&r.Cursor, "cursor", "", "go on where a list ended")
	c.Flags().IntVar(&r.Limit, "limit", 50, "how many")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func lastAttempt(d webhookv1.Delivery) string {
	if len(d.Attempts) == 0 {
		return "-"
	}
	a := d.Attempts[len(d.Attempts)-1]
	if a.Status != 0 {
		return fmt.Sprint(a.Status)
	}
	return a.Error
}

func webhookShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "show a delivery with all its attempts", Args: cobra.ExactArgs(1),
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			d, err := webhookv1.NewClient(s.rpc).GetDelivery(ctx, webhookv1.GetDeliveryRequest{ID: args[0]})
			if err != nil {
				return err
			}
			return printJSON(c.OutOrStdout(), d)
		}),
	}
}

func webhookReplay() *cobra.Command {
	var r webhookv1.ListDeliveriesRequest
	var dead, asJSON bool
	c := &cobra.Command{
		Use: "replay ID… | --dead [--endpoint E]", Short: "send deliveries again now, under the same ids",
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			if (len(args) == 0) == !dead || len(args) > 0 && r.EndpointID != "" {
				return errors.New("name deliveries by id, or all that were given up with --dead, of one endpoint with --endpoint")
			}
			hooks := webhookv1.NewClient(s.rpc)
			if dead {
				r.State, r.Limit = webhookv1.Dead, replayPage
				ids, err := deadDeliveries(ctx, hooks, r)
				if err != nil {
					return err
				}
				args = ids
			}
			for _, id := range args {
				d, err := hooks.Replay(ctx, webhookv1.ReplayRequest{ID: id})
				if err != nil {
					return fmt.Errorf("delivery %s: %w", visible(id), err)
				}
				if asJSON {
					err = printJSONLine(c.OutOrStdout(), d)
				} else {
					err = printf(c.OutOrStdout(), "delivery %s is %s\n", d.ID, d.State)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&dead, "dead", false, "every delivery that was given up")
	c.Flags().StringVar(&r.EndpointID, "endpoint", "", "with --dead: only those to this endpoint")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, a delivery per line")
	return c
}

// replayPage is how many deliveries are listed at a time.
const replayPage = 100

// deadDeliveries gives the ids of those that were given up, oldest first. All are
// listed before the first is sent, since sending changes the list.
func deadDeliveries(ctx context.Context, hooks webhookv1.Service, r webhookv1.ListDeliveriesRequest) ([]string, error) {
	var ids []string
	for {
		page, err := hooks.ListDeliveries(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, d := range page.Deliveries {
			ids = append(ids, d.ID)
		}
		if page.Cursor == "" {
			slices.Reverse(ids)
			return ids, nil
		}
		r.Cursor = page.Cursor
	}
}

func webhookEndpoints() *cobra.Command {
	var r webhookv1.ListEndpointsRequest
	var asJSON bool
	c := &cobra.Command{
		Use: "endpoints", Short: "list endpoints and their health", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			page, err := webhookv1.NewClient(s.rpc).ListEndpoints(ctx, r)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), page)
			}
			err = table(c.OutOrStdout(), "ID\tDISABLED\tFAILING SINCE\tURL", func(row func(string, ...any)) {
				for _, e := range page.Endpoints {
					row("%s\t%t\t%s\t%s", e.ID, e.Disabled, when(e.FailingSince), e.URL)
				}
			})
			if err == nil && page.Cursor != "" {
				_, err = fmt.Fprintf(c.OutOrStdout(), "more: --cursor %s\n", page.Cursor)
			}
			return err
		}),
	}
	c.Flags().StringVar(&r.Cursor, "cursor", "", "go on where a list ended")
	c.Flags().IntVar(&r.Limit, "limit", 50, "how many")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
