package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
)

// auditIdle is how long a query waits for another message before it looks
// whether it has seen all.
const auditIdle = 500 * time.Millisecond

func auditCommand() *cobra.Command {
	tail, query := auditTail(), auditQuery()
	remote(tail, query)
	return group("audit", "who did what", tail, query)
}

// auditFilter chooses records; empty fields do not.
type auditFilter struct {
	account, key, bucket, action, result, request string
	since                                         time.Duration
	asJSON                                        bool
}

func (f *auditFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.account, "account-id", "", "only this account")
	c.Flags().StringVar(&f.key, "key", "", "only this access key")
	c.Flags().StringVar(&f.bucket, "bucket", "", "only this bucket")
	c.Flags().StringVar(&f.action, "action", "", "only this action, e.g. PutObject")
	c.Flags().StringVar(&f.result, "result", "", "only ok, denied or failed")
	c.Flags().StringVar(&f.request, "request-id", "", "only this request")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON record per line")
}

func (f *auditFilter) takes(r auditv1.Record) bool {
	for _, c := range [...]struct{ want, have string }{
		{f.account, r.AccountID}, {f.key, r.KeyID}, {f.bucket, r.Bucket}, {f.action, r.Action}, {f.result, r.Result}, {f.request, r.RequestID},
	} {
		if c.want != "" && c.want != c.have {
			return false
		}
	}
	return true
}

func (f *auditFilter) write(w io.Writer, r auditv1.Record) error {
	if f.asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%s  %-7s %3d  %-22s %-20s %s/%s  key=%s from=%s request=%s %s\n", r.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		r.Result, r.Status, r.Action, r.AccountID, r.Bucket, r.Key, r.KeyID, r.Source, r.RequestID, r.Code)
	return err
}

func auditTail() *cobra.Command {
	var f auditFilter
	c := &cobra.Command{
		Use: "tail", Short: "print records as they come, until Ctrl-C", Args: cobra.NoArgs,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			return readAudit(ctx, s, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy}, true, func(r auditv1.Record) error {
				if !f.takes(r) {
					return nil
				}
				return f.write(c.OutOrStdout(), r)
			})
		}),
	}
	f.flags(c)
	return c
}

func auditQuery() *cobra.Command {
	var f auditFilter
	var limit int
	c := &cobra.Command{
		Use: "query", Short: "print the records of the past, oldest first", Args: cobra.NoArgs,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			if limit < 1 {
				return errors.New("--limit is at least 1")
			}
			begin := time.Now().Add(-f.since)
			from := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &begin}
			var found []auditv1.Record
			err := readAudit(ctx, s, from, false, func(r auditv1.Record) error {
				if r.Time.Before(begin) || !f.takes(r) {
					return nil
				}
				if found = append(found, r); len(found) >= 2*limit {
					found = append(found[:0], found[len(found)-limit:]...)
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, r := range found[max(0, len(found)-limit):] {
				if err := f.write(c.OutOrStdout(), r); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	f.flags(c)
	c.Flags().DurationVar(&f.since, "since", time.Hour, "how far back")
	c.Flags().IntVar(&limit, "limit", 1000, "how many at most; the newest are kept")
	return c
}

// readAudit gives each record from where the consumer begins; unless follow it
// ends at what was the end when it began, else with ctx.
func readAudit(ctx context.Context, s *system, from jetstream.OrderedConsumerConfig, follow bool, each func(auditv1.Record) error) error {
	js, err := s.js()
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, auditv1.Stream)
	if err != nil {
		return fmt.Errorf("looking up the audit trail: %w", err)
	}
	last := stream.CachedInfo().State.LastSeq
	if !follow && (last == 0 || stream.CachedInfo().State.Msgs == 0) {
		return nil
	}
	cons, err := stream.OrderedConsumer(ctx, from)
	if err != nil {
		return fmt.Errorf("reading the audit trail: %w", err)
	}
	for ctx.Err() == nil {
		seen, done, err := auditBatch(ctx, cons, func(end uint64) bool { return !follow && end >= last }, each)
		if err != nil || done || seen == 0 && !follow {
			return err
		}
	}
	return nil
}

// auditBatch gives the records of the next messages, until enough says so of a
// message's place in the stream.
func auditBatch(ctx context.Context, cons jetstream.Consumer, enough func(end uint64) bool, each func(auditv1.Record) error) (seen int, done bool, err error) {
	fetch, cancel := context.WithTimeout(ctx, auditIdle)
	defer cancel() // the pull ends with it, also when its messages are not read to the end
	batch, err := cons.Fetch(100, jetstream.FetchContext(fetch))
	if err != nil {
		return 0, false, fmt.Errorf("reading the audit trail: %w", err)
	}
	for m := range batch.Messages() {
		seen++
		end, err := auditMessage(m, each)
		if err != nil || enough(end) {
			return seen, true, err
		}
	}
	if err := batch.Error(); err != nil && fetch.Err() == nil && !errors.Is(err, nats.ErrTimeout) {
		return seen, false, fmt.Errorf("reading the audit trail: %w", err)
	}
	return seen, false, nil
}

// auditMessage gives the records of one message and its place in the stream.
func auditMessage(m jetstream.Msg, each func(auditv1.Record) error) (uint64, error) {
	meta, err := m.Metadata()
	if err != nil {
		return 0, fmt.Errorf("reading the audit trail: %w", err)
	}
	var b auditv1.Batch
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		return 0, fmt.Errorf("message %d of the audit trail is no batch of records: %w", meta.Sequence.Stream, err)
	}
	for _, r := range b.Records {
		if err := each(r); err != nil {
			return 0, err
		}
	}
	return meta.Sequence.Stream, nil
}
