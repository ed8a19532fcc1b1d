package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
)

// streamRow is one stream as 'bus streams' shows it.
type streamRow struct {
	Name      string    `json:"name"`
	Declared  bool      `json:"declared"` // of contracts/streams; the rest are object stores, KV buckets and strangers
	Messages  uint64    `json:"messages"`
	Bytes     uint64    `json:"bytes"`
	MaxBytes  int64     `json:"maxBytes,omitempty"` // nothing: no limit
	Replicas  int       `json:"replicas"`
	Leader    string    `json:"leader,omitempty"`
	Offline   []string  `json:"offline,omitempty"` // servers with a copy that are away
	Consumers int       `json:"consumers"`
	Last      time.Time `json:"last,omitzero"` // when the newest message came
	Problem   string    `json:"problem,omitempty"`
}

func busStreams() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use: "streams", Short: "list the streams: what they hold, how full they are, who leads them", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			js, err := s.js()
			if err != nil {
				return err
			}
			rows, err := streamRows(ctx, js, all)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), rows)
			}
			return table(c.OutOrStdout(), "STREAM\tMESSAGES\tBYTES\tOF\tCOPIES\tLEADER\tCONSUMERS\tLAST\tPROBLEM", func(row func(string, ...any)) {
				for _, r := range rows {
					row("%s\t%d\t%s\t%s\t%d\t%s\t%d\t%s\t%s", r.Name, r.Messages, doctor.Size(r.Bytes), limit(r.MaxBytes), r.Replicas,
						orDash(r.Leader), r.Consumers, when(r.Last), orDash(r.Problem))
				}
			})
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "object stores and KV buckets too")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// streamRows gives the declared streams, also those that are missing or do not
// answer, and with all whatever else there is.
func streamRows(ctx context.Context, js jetstream.JetStream, all bool) ([]streamRow, error) {
	var rows []streamRow
	for _, want := range streams.All(1) {
		s, err := js.Stream(ctx, want.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			rows = append(rows, streamRow{Name: want.Name, Declared: true, Problem: "missing"})
		case err != nil && ctx.Err() != nil:
			return nil, fmt.Errorf("looking up stream %s: %w", want.Name, err)
		case err != nil:
			rows = append(rows, streamRow{Name: want.Name, Declared: true, Problem: "no answer: " + err.Error()})
		default:
			rows = append(rows, newStreamRow(s.CachedInfo(), true))
		}
	}
	if !all {
		return rows, nil
	}
	list := js.ListStreams(ctx)
	var rest []streamRow
	for info := range list.Info() {
		if !slices.ContainsFunc(rows, func(r streamRow) bool { return r.Name == info.Config.Name }) {
			rest = append(rest, newStreamRow(info, false))
		}
	}
	slices.SortFunc(rest, func(a, b streamRow) int { return strings.Compare(a.Name, b.Name) })
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("listing streams: %w", err)
	}
	return append(rows, rest...), nil
}

func newStreamRow(info *jetstream.StreamInfo, declared bool) streamRow {
	r := streamRow{
		Name: info.Config.Name, Declared: declared, Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: max(info.Config.MaxBytes, 0),
		Replicas: info.Config.Replicas, Consumers: info.State.Consumers, Last: info.State.LastTime,
	}
	if info.State.LastSeq == 0 {
		r.Last = time.Time{} // the server has the Unix epoch or its own zero there
	}
	if info.Cluster != nil {
		r.Leader = info.Cluster.Leader
		if r.Leader == "" {
			r.Problem = "no leader"
		}
		for _, p := range info.Cluster.Replicas {
			if p.Offline {
				r.Offline = append(r.Offline, p.Name)
			}
		}
	}
	if len(r.Offline) > 0 && r.Problem == "" {
		r.Problem = "offline: " + strings.Join(r.Offline, ", ")
	}
	return r
}

// consumerRow is one durable as 'bus consumers' shows it.
type consumerRow struct {
	Name        string    `json:"name"`
	Stream      string    `json:"stream"`
	Declared    bool      `json:"declared"`
	Pending     uint64    `json:"pending"`     // messages not given out yet
	Unanswered  int       `json:"unanswered"`  // given out, and neither acknowledged nor given back
	Redelivered int       `json:"redelivered"` // of these, not for the first time
	Asking      int       `json:"asking"`      // open requests for more: copies that have room
	Active      time.Time `json:"active,omitzero"`
	Problem     string    `json:"problem,omitempty"`
}

func busConsumers() *cobra.Command {
	var stream string
	var asJSON bool
	c := &cobra.Command{
		Use: "consumers", Aliases: []string{"lag"}, Short: "list the durables: what waits for them, and who asks for it", Args: cobra.NoArgs,
		RunE: on(patience, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			js, err := s.js()
			if err != nil {
				return err
			}
			all := streams.All(1)
			if stream != "" && !slices.ContainsFunc(all, func(s jetstream.StreamConfig) bool { return s.Name == stream }) {
				var names []string
				for _, s := range all {
					names = append(names, s.Name)
				}
				return fmt.Errorf("there is no stream %s; there are %s", visible(stream), strings.Join(names, ", "))
			}
			rows, err := consumerRows(ctx, js, stream)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), rows)
			}
			return table(c.OutOrStdout(), "CONSUMER\tSTREAM\tPENDING\tUNANSWERED\tAGAIN\tASKING\tACTIVE\tPROBLEM", func(row func(string, ...any)) {
				for _, r := range rows {
					row("%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s", r.Name, r.Stream, r.Pending, r.Unanswered, r.Redelivered, r.Asking, when(r.Active), orDash(r.Problem))
				}
			})
		}),
	}
	c.Flags().StringVar(&stream, "stream", "", "only those of this stream")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// consumerRows gives the declared durables, also missing ones, and then those of
// the same streams that nobody declares.
func consumerRows(ctx context.Context, js jetstream.JetStream, only string) ([]consumerRow, error) {
	rows := []consumerRow{}
	for _, want := range streams.Consumers() {
		if only != "" && only != want.Stream {
			continue
		}
		row := consumerRow{Name: want.Durable, Stream: want.Stream, Declared: true}
		cons, err := js.Consumer(ctx, want.Stream, want.Durable)
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
			row.Problem = "missing"
		case err != nil && ctx.Err() != nil:
			return nil, fmt.Errorf("looking up consumer %s: %w", want.Durable, err)
		case err != nil:
			row.Problem = "no answer: " + err.Error()
		default:
			row.fill(cons.CachedInfo())
		}
		rows = append(rows, row)
	}
	for _, s := range streams.All(1) {
		if only != "" && only != s.Name {
			continue
		}
		stream, err := js.Stream(ctx, s.Name)
		if err != nil {
			continue // it stands above with its problem, when it has consumers
		}
		list := stream.ListConsumers(ctx)
		for info := range list.Info() {
			known := slices.ContainsFunc(rows, func(r consumerRow) bool { return r.Stream == s.Name && r.Name == info.Name })
			if known || info.Config.Durable == "" {
				continue
			}
			row := consumerRow{Name: info.Name, Stream: s.Name, Problem: "nobody declares it"}
			row.fill(info)
			rows = append(rows, row)
		}
		if err := list.Err(); err != nil {
			return nil, fmt.Errorf("listing the consumers of stream %s: %w", s.Name, err)
		}
	}
	return rows, nil
}

func (r *consumerRow) fill(info *jetstream.ConsumerInfo) {
	r.Pending, r.Unanswered, r.Redelivered, r.Asking = info.NumPending, info.NumAckPending, info.NumRedelivered, info.NumWaiting
	for _, t := range []*time.Time{info.Delivered.Last, info.AckFloor.Last} {
		if t != nil && t.After(r.Active) {
			r.Active = *t
		}
	}
	if info.Cluster != nil && info.Cluster.Leader == "" {
		r.Problem = "no leader"
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// limit writes a bound in bytes.
func limit(n int64) string {
	if n <= 0 {
		return "-"
	}
	return doctor.Size(uint64(n))
}
