package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/bus"
)

func busCommand() *cobra.Command {
	list, show, replay := deadList(), deadShow(), deadReplay()
	remote(list, show, replay)
	return group("bus", "events", group("dead", "dead letters: events that a consumer gave up on", list, show, replay))
}

func deadList() *cobra.Command {
	var consumer string
	var after uint64
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "list dead letters, oldest first", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			js, err := s.js()
			if err != nil {
				return err
			}
			letters, err := bus.NewDead(js).List(ctx, consumer, after, limit)
			if err != nil {
				return err
			}
			return table(c.OutOrStdout(), "NUMBER\tCONSUMER\tSUBJECT\tID\tFAILED\tTRIES\tCODE\tREASON", func(row func(string, ...any)) {
				for _, l := range letters {
					row("%d\t%s\t%s\t%s\t%s\t%d\t%s\t%.80s", l.Sequence, l.Durable, l.Subject, l.ID, when(l.Failed), l.Deliveries, l.Code, l.Reason)
				}
			})
		}),
	}
	c.Flags().StringVar(&consumer, "consumer", "", "only those of this consumer")
	c.Flags().Uint64Var(&after, "after", 0, "only those with a higher number")
	c.Flags().IntVar(&limit, "limit", 100, "how many")
	return c
}

func deadShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NUMBER", Short: "show a dead letter whole", Args: cobra.ExactArgs(1),
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			n, err := letterNumber(args[0])
			if err != nil {
				return err
			}
			js, err := s.js()
			if err != nil {
				return err
			}
			l, err := bus.NewDead(js).Show(ctx, n)
			if err != nil {
				return err
			}
			out := struct {
				bus.DeadLetter
				Data any // JSON as JSON, anything else as base64
			}{l, l.Data}
			if json.Valid(l.Data) {
				out.Data = json.RawMessage(l.Data)
			}
			return printJSON(c.OutOrStdout(), out)
		}),
	}
}

func deadReplay() *cobra.Command {
	var all string
	c := &cobra.Command{
		Use: "replay NUMBER… | --all CONSUMER", Short: "give dead letters to their consumer once more",
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			if (len(args) == 0) == (all == "") {
				return errors.New("name dead letters by number, or a consumer with --all")
			}
			js, err := s.js()
			if err != nil {
				return err
			}
			dead := bus.NewDead(js)
			if all != "" {
				n, err := dead.ReplayAll(ctx, all)
				_, _ = fmt.Fprintf(c.OutOrStdout(), "replayed %d\n", n)
				return err
			}
			for _, arg := range args {
				n, err := letterNumber(arg)
				if err != nil {
					return err
				}
				if err := dead.Replay(ctx, n); err != nil {
					return err
				}
				_, _ = fmt.Fprintf(c.OutOrStdout(), "replayed %d\n", n)
			}
			return nil
		}),
	}
	c.Flags().StringVar(&all, "all", "", "replay every dead letter of this consumer")
	return c
}

func letterNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not the number of a dead letter", s)
	}
	return n, nil
}
