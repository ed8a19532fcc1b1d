package keystate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	retryWatch  = 250 * time.Millisecond
	stuckChecks = 8 // retryWatch intervals behind the beats before the watch is begun anew
)

// Run keeps the copy until ctx is done: it hears the beats on nc and watches
// the bucket, and begins again whenever the watch ends or stays behind.
func (c *Cache) Run(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error {
	sub, err := nc.Subscribe(authv1.BeatSubject, func(m *nats.Msg) { c.Beat(m.Data) })
	if err != nil {
		return fmt.Errorf("listening for the beats of auth: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection is going, or gone
	quiet := false
	for ctx.Err() == nil {
		err := c.watch(ctx, js)
		if ctx.Err() != nil {
			break
		}
		if !quiet { // once per outage; until then every request asks auth
			c.log.WarnContext(ctx, "the key states are not watched; auth is asked for each request", slog.Any(telemetry.KeyErr, err))
		}
		quiet = !c.Fresh()
		select {
		case <-ctx.Done():
		case <-time.After(retryWatch):
		}
	}
	return nil
}

// watch loads the bucket and follows it until that fails.
func (c *Cache) watch(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kv, err := js.KeyValue(ctx, authv1.KeyStateBucket)
	if err != nil {
		return fmt.Errorf("opening the bucket of key states: %w", err)
	}
	floor := c.startLoading()
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watching the key states: %w", err)
	}
	defer w.Stop() //nolint:errcheck // nobody waits for it
	tick := time.NewTicker(retryWatch)
	defer tick.Stop()
	stuck := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller looks at its context
		case <-tick.C:
			if stuck++; !c.behind() {
				stuck = 0
			}
			if stuck >= stuckChecks {
				return fmt.Errorf("the watch of the key states stands still")
			}
		case e, ok := <-w.Updates():
			if !ok {
				return fmt.Errorf("the watch of the key states ended")
			}
			if e == nil { // everything that was there has come
				c.loadedTo(floor)
				continue
			}
			c.apply(e.Key(), e.Value(), e.Revision())
		}
	}
}
