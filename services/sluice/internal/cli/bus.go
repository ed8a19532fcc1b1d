package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
)

func busCommand() *cobra.Command {
	list, show, replay, drop := deadList(), deadShow(), deadReplay(), deadDrop()
	filled, lag := busStreams(), busConsumers()
	remote(list, show, replay, drop, filled, lag)
	return group("bus", "events", filled, lag, busDeclare(), busUsers(), group("dead", "dead letters: events that a consumer gave up on", list, show, replay, drop))
}

func deadList() *cobra.Command {
	var consumer string
	var after uint64
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "list dead letters, oldest first", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			js, err := s.js()
			if err != nil {
				return err
			}
			if limit < 1 {
				return errors.New("--limit is at least 1")
			}
			letters, err := bus.NewDead(js).List(ctx, consumer, after, limit)
			if err == nil && len(letters) == 0 && consumer != "" {
				err = knownConsumer(consumer)
			}
			if err != nil {
				return err
			}
			if asJSON {
				out := make([]letter, 0, len(letters))
				for _, l := range letters {
					out = append(out, newLetter(l))
				}
				return printJSON(c.OutOrStdout(), out)
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
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// knownConsumer refuses a name that nobody has whose messages could be given up:
// that none of its letters is there would say nothing.
func knownConsumer(name string) error {
	var known []string
	for _, c := range streams.Consumers() {
		known = append(known, c.Durable)
	}
	for _, service := range access.Services() {
		known = append(known, bus.OutboxDurable(service))
	}
	if slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("there is no consumer %s, and no dead letter of one; there are %s", visible(name), strings.Join(known, ", "))
}

// letter is a dead letter with its data as people can read it.
type letter struct {
	bus.DeadLetter
	Data any // JSON as JSON, anything else as base64
}

func newLetter(l bus.DeadLetter) letter {
	out := letter{l, l.Data}
	if json.Valid(l.Data) {
		out.Data = json.RawMessage(l.Data)
	}
	return out
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
			return printJSON(c.OutOrStdout(), newLetter(l))
		}),
	}
}

func deadReplay() *cobra.Command {
	var all string
	var asJSON bool
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
				if n == 0 && err == nil {
					if err := knownConsumer(all); err != nil {
						return err
					}
				}
				if asJSON {
					return errors.Join(err, printJSONLine(c.OutOrStdout(), map[string]int{"replayed": n}))
				}
				return errors.Join(err, printf(c.OutOrStdout(), "replayed %d\n", n))
			}
			return eachLetter(c, args, "replayed", asJSON, func(n uint64) error { return dead.Replay(ctx, n) })
		}),
	}
	c.Flags().StringVar(&all, "all", "", "replay every dead letter of this consumer")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line per letter")
	return c
}

func deadDrop() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "drop NUMBER…", Short: "forget dead letters; what they told of is not done any more", Args: cobra.MinimumNArgs(1),
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			js, err := s.js()
			if err != nil {
				return err
			}
			dead := bus.NewDead(js)
			return eachLetter(c, args, "dropped", asJSON, func(n uint64) error {
				if _, err := dead.Show(ctx, n); err != nil {
					return err // of a wrong number, dropping would say nothing
				}
				return dead.Drop(ctx, n)
			})
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line per letter")
	return c
}

// eachLetter does something to the letters that are named, and says so of each;
// all are read before the first is touched.
func eachLetter(c *cobra.Command, args []string, did string, asJSON bool, do func(n uint64) error) error {
	var numbers []uint64
	for _, arg := range args {
		n, err := letterNumber(arg)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	for _, n := range numbers {
		if err := do(n); err != nil {
			return err
		}
		if asJSON {
			if err := printJSONLine(c.OutOrStdout(), map[string]uint64{did: n}); err != nil {
				return err
			}
			continue
		}
		if err := printf(c.OutOrStdout(), "%s %d\n", did, n); err != nil {
			return err
		}
	}
	return nil
}

func letterNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not the number of a dead letter", s)
	}
	return n, nil
}
