package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// patience bounds a command that asks a running system something.
const patience = 30 * time.Second

// connectWithin is how long a nats-server may take to answer a command's connection;
// one that is not there refuses it at once.
const connectWithin = 10 * time.Second

// system is a running Sluice, seen by an operator.
type system struct {
	nc  *nats.Conn
	rpc *rpc.Client
}

// js gives the streams.
func (s *system) js() (jetstream.JetStream, error) {
	js, err := jetstream.New(s.nc)
	if err != nil {
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	return js, nil
}

// on makes the body of a command that talks to a running system; limit bounds
// it, 0 does not.
func on(limit time.Duration, f func(ctx context.Context, c *cobra.Command, s *system, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cfg, err := load(c)
		if err != nil {
			return err
		}
		dial, err := cfg.Common.Dialer(rpc.Operator)
		if err != nil {
			return err
		}
		nc, err := dial(nats.Name("sluice-cli"), nats.NoReconnect(), nats.Timeout(connectWithin))
		if err != nil {
			return fmt.Errorf("is Sluice running? %w", err)
		}
		defer nc.Close()
		ctx := c.Context()
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		return f(ctx, c, &system{nc: nc, rpc: rpc.NewClient(nc, rpc.ClientConfig{})}, args)
	}
}

// remote gives a command the flags that say which system it talks to.
func remote(cs ...*cobra.Command) {
	for _, c := range cs {
		bind(c.Flags(), "data_dir", "nats.url", "nats.addr", "nats.creds_file")
	}
}

// when writes a time for a table; nothing for none.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
