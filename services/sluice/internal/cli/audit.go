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

// auditBeat is how often a server says that it still has the reader in mind. One that
// has not said so for two beats is asked anew: it may not have heard of the reader yet,
// as a cluster's servers of a consumer that was just made, or not any more.
const auditBeat = time.Second

// auditIdle is how long a reader waits for another message before it asks whether
// there is one; longer than two beats, which every wait counts anew.
const auditIdle = 3 * auditBeat

// auditForget is when a server forgets a reader that is gone.
const auditForget = 30 * time.Second

// auditQuiet is how often nobody may answer for the trail before that is an error.
const auditQuiet = 5

// maxShown bounds the records of one request: a batch call has one for each of
// its parts.
const maxShown = 10_000

func auditCommand() *cobra.Command {
	tail, query, show := auditTail(), auditQuery(), auditShow()
	remote(tail, query, show)
	return group("audit", "who did what", tail, query, show)
}

// auditFilter chooses records; empty fields do not.
type auditFilter struct {
	account, accountID, key, bucket, object, action, result, request string

	asJSON bool
}

func (f *auditFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.account, "account", "", "only this account, by name")
	c.Flags().StringVar(&f.accountID, "account-id", "", "only this account, by id; also one that is gone")
	c.Flags().StringVar(&f.key, "key", "", "only this access key")
	c.Flags().StringVar(&f.bucket, "bucket", "", "only this bucket")
	c.Flags().StringVar(&f.object, "object", "", "only this object's key")
	c.Flags().StringVar(&f.action, "action", "", "only this action, e.g. PutObject")
	c.Flags().StringVar(&f.result, "result", "", "only ok, denied or failed")
	c.Flags().StringVar(&f.request, "request-id", "", "only this request")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON record per line")
	c.MarkFlagsMutuallyExclusive("account", "account-id")
}

// resolve checks what was asked for and finds the account's id.
func (f *auditFilter) resolve(ctx context.Context, s *system) error {
	switch f.result {
	case "", "ok", "denied", "failed":
	default:
		return errors.New("--result is ok, denied or failed")
	}
	if f.account == "" {
		return nil
	}
	a, err := accountByName(ctx, s, f.account)
	f.accountID = a.ID
	return err
}

func (f *auditFilter) takes(r auditv1.Record) bool {
	for _, c := range [...]struct{ want, have string }{
		{f.accountID, r.AccountID}, {f.key, r.KeyID}, {f.bucket, r.Bucket}, {f.object, r.Key}, {f.action, r.Action}, {f.result, r.Result}, {f.request, r.RequestID},
	} {
		if c.want != "" && c.want != c.have {
			return false
		}
	}
	return true
}

func (f *auditFilter) write(w io.Writer, r auditv1.Record) error {
	if f.asJSON {
		return printJSONLine(w, r)
	}
	return printf(w, "%s  %-7s %3d  %-22s %-20s %s  key=%s from=%s request=%s %s\n", r.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		r.Result, r.Status, r.Action, r.AccountID, r.Bucket+"/"+r.Key, r.KeyID, r.Source, r.RequestID, r.Code)
}

func auditTail() *cobra.Command {
	var f auditFilter
	var since string
	c := &cobra.Command{
		Use: "tail", Short: "print records as they come, until Ctrl-C", Args: cobra.NoArgs,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			sp := span{}
			from := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy}
			if since != "" {
				var err error
				if sp, err = newSpan(since, "", time.Now()); err != nil {
					return err
				}
				from = sp.consumer()
			}
			if err := f.resolve(ctx, s); err != nil {
				return err
			}
			return readAudit(ctx, s.nc, from, span{follow: true}, func(r auditv1.Record) error {
				if !sp.has(r.Time) || !f.takes(r) {
					return nil
				}
				return f.write(c.OutOrStdout(), r)
			})
		}),
	}
	f.flags(c)
	c.Flags().StringVar(&since, "since", "", "begin in the past: a time (RFC 3339, or a date) or how long ago, e.g. 10m")
	return c
}

func auditQuery() *cobra.Command {
	var f auditFilter
	var since, until string
	var limit int
	c := &cobra.Command{
		Use: "query", Aliases: []string{"list"}, Short: "list the records of the past, oldest first", Args: cobra.NoArgs,
		Example: `  sluice audit query --account alice --since 24h --result denied
  sluice audit query --bucket media --since 2026-11-20 --until 2026-11-21T06:00:00Z --json`,
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, _ []string) error {
			if limit < 1 {
				return errors.New("--limit is at least 1")
			}
			sp, err := newSpan(since, until, time.Now())
			if err != nil {
				return err
			}
			if err := f.resolve(ctx, s); err != nil {
				return err
			}
			found, err := queryAudit(ctx, s.nc, sp, limit, f.takes)
			if err != nil {
				return err
			}
			for _, r := range found {
				if err := f.write(c.OutOrStdout(), r); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	f.flags(c)
	c.Flags().StringVar(&since, "since", "1h", "the first moment: a time (RFC 3339, or a date) or how long ago, e.g. 36h")
	c.Flags().StringVar(&until, "until", "", "the moment behind the last; as --since")
	c.Flags().IntVar(&limit, "limit", 1000, "how many at most; the newest are kept")
	return c
}

func auditShow() *cobra.Command {
	var since string
	c := &cobra.Command{
		Use: "show REQUEST-ID", Short: "show every record of one request whole", Args: cobra.ExactArgs(1),
		RunE: on(0, func(ctx context.Context, c *cobra.Command, s *system, args []string) error {
			sp, err := newSpan(since, "", time.Now())
			if err != nil {
				return err
			}
			f := auditFilter{request: args[0]}
			found, err := queryAudit(ctx, s.nc, sp, maxShown, f.takes)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("no record of the last %s is of request %s; look further back with --since", since, visible(args[0]))
			}
			return printJSON(c.OutOrStdout(), found)
		}),
	}
	c.Flags().StringVar(&since, "since", "24h", "how far back to look: a time (RFC 3339, or a date) or how long ago")
	return c
}

// queryAudit gives the newest records of a span that are wanted, oldest first.
func queryAudit(ctx context.Context, nc *nats.Conn, sp span, limit int, want func(auditv1.Record) bool) ([]auditv1.Record, error) {
	var found []auditv1.Record
	err := readAudit(ctx, nc, sp.consumer(), sp, func(r auditv1.Record) error {
		if !sp.has(r.Time) || !want(r) {
			return nil
		}
		if found = append(found, r); len(found) >= 2*limit {
			found = append(found[:0], found[len(found)-limit:]...)
		}
		return nil
	})
	return found[max(0, len(found)-limit):], err
}

// readAudit gives each record from where the consumer begins. It ends behind
// the span, or at what was the end of the stream when it began, however slowly the
// messages come; one that follows, with ctx.
func readAudit(ctx context.Context, nc *nats.Conn, from jetstream.OrderedConsumerConfig, sp span, each func(auditv1.Record) error) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("using JetStream: %w", err)
	}
	stream, err := js.Stream(ctx, auditv1.Stream)
	if err != nil {
		return fmt.Errorf("looking up the audit trail: %w", err)
	}
	last := stream.CachedInfo().State.LastSeq
	from.InactiveThreshold = auditForget
	if from.DeliverPolicy == jetstream.DeliverNewPolicy { // by number: a consumer that has to be made anew would begin later
		from.DeliverPolicy, from.OptStartSeq = jetstream.DeliverByStartSequencePolicy, last+1
	}
	cons, err := stream.OrderedConsumer(ctx, from)
	if err != nil {
		return fmt.Errorf("reading the audit trail: %w", err)
	}
	if !sp.follow && cons.CachedInfo().NumPending == 0 {
		return nil
	}
	msgs, err := cons.Messages(jetstream.PullHeartbeat(auditBeat))
	if err != nil {
		return fmt.Errorf("reading the audit trail: %w", err)
	}
	defer msgs.Stop()
	defer context.AfterFunc(ctx, msgs.Stop)()
	end := auditEnd{cons: cons}
	for {
		m, err := msgs.Next(jetstream.NextMaxWait(auditIdle))
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrTimeout) && sp.follow:
			continue
		case errors.Is(err, nats.ErrTimeout):
			if reached, err := end.reached(ctx); reached || err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("reading the audit trail: %w", err)
		}
		end = auditEnd{cons: cons}
		meta, err := auditMessage(m, each)
		if err != nil {
			return err
		}
		if !sp.follow && (meta.NumPending == 0 || meta.Sequence.Stream >= last || sp.behind(meta.Timestamp)) {
			return nil
		}
	}
}

// auditEnd finds out whether more messages come to a reader that hears of none: what
// lay ahead of it may have grown too old meanwhile.
type auditEnd struct {
	cons          jetstream.Consumer
	none, unheard int // how often in a row there was nothing ahead, and no answer
}

// reached says that nothing comes any more. What was on its way when it first asked
// has come before it asks again.
func (e *auditEnd) reached(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*auditIdle)
	defer cancel()
	info, err := e.cons.Info(ctx)
	if err != nil {
		if e.unheard++; e.unheard < auditQuiet {
			return false, nil
		}
		return false, fmt.Errorf("reading the audit trail: %w", err)
	}
	e.unheard = 0
	if info.NumPending > 0 {
		e.none = 0
		return false, nil
	}
	e.none++
	return e.none > 1, nil
}

// auditMessage gives the records of one message and where it stands in the stream.
func auditMessage(m jetstream.Msg, each func(auditv1.Record) error) (*jetstream.MsgMetadata, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("reading the audit trail: %w", err)
	}
	var b auditv1.Batch
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		return nil, fmt.Errorf("message %d of the audit trail is no batch of records: %w", meta.Sequence.Stream, err)
	}
	for _, r := range b.Records {
		if err := each(r); err != nil {
			return nil, err
		}
	}
	return meta, nil
}
