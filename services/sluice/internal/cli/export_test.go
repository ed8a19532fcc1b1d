package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// What tests look at inside.
var (
	NewSpan = newSpan
)

// Span is the piece of time that a query looks at.
type Span = span

// Has reports whether a record of that time belongs to the span.
func (s span) Has(t time.Time) bool { return s.has(t) }

// Behind reports whether the span is over for messages of that time.
func (s span) Behind(t time.Time) bool { return s.behind(t) }

// QueryAudit runs a query for the records of one account.
func QueryAudit(ctx context.Context, nc *nats.Conn, sp Span, limit int, accountID string) ([]auditv1.Record, error) {
	f := auditFilter{accountID: accountID}
	return queryAudit(ctx, nc, sp, limit, f.takes)
}

// TailAudit gives each record from now on, until ctx ends.
func TailAudit(ctx context.Context, nc *nats.Conn, each func(auditv1.Record) error) error {
	return readAudit(ctx, nc, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy}, span{follow: true}, each)
}

// Import takes the lines of in over, as 'container import' does, and tells what
// was refused on errOut.
func Import(ctx context.Context, links linksv1.Service, account func(context.Context, string) (authv1.Account, error), owner string, in io.Reader, errOut io.Writer) (done int, err error) {
	im := importer{links: links, account: account, owner: owner, accounts: map[string]string{}, errOut: errOut}
	err = im.run(ctx, in)
	return im.done, err
}

// ParseOld reads a line of an import.
func ParseOld(line []byte) (numeric string, urls []string, err error) {
	c, err := parseOld(line)
	for _, l := range c.Links {
		urls = append(urls, l.URL)
	}
	return string(c.NumericID), urls, err
}

// Visible and PrintJSON are how things go to a terminal.
var (
	Visible   = visible
	PrintJSON = printJSON
)

// NewKnown gives what says whether there is such a command with such flags; it
// runs nothing.
func NewKnown() func(args []string) error {
	root := newRoot()
	return func(args []string) error {
		c, rest, err := root.Find(args)
		if err != nil {
			return err
		}
		if c == root || c.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			return errors.New("there is no such command")
		}
		return c.ParseFlags(rest)
	}
}
