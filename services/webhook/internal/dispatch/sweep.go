package dispatch

import (
	"context"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Bounds of the sweeps.
const (
	sweepPage   = 200       // deliveries read at once
	sweepPages  = 20        // per sweep; the next one goes on behind them
	expireEvery = time.Hour // how often the log is cut
	expirePage  = 500
)

// sweeps is the net under timers and claims: whatever is due in the store and is
// attempted by nobody gets offered, first of all what the last run left.
func (x *Dispatcher) sweeps(ctx context.Context) {
	tick := time.NewTicker(x.cfg.Sweep)
	defer tick.Stop()
	for {
		if err := x.sweep(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("searching for due deliveries failed, will be repeated", slog.Any(telemetry.KeyErr, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (x *Dispatcher) sweep(ctx context.Context) error {
	for range sweepPages {
		due, next, err := x.d.Deliveries.Due(ctx, x.d.Clock(), x.cursor, sweepPage)
		if err != nil {
			x.cursor = ""
			return err
		}
		for _, d := range due {
			x.Offer(d) //nolint:contextcheck // an attempt lives as long as the dispatcher, not as its starter
		}
		x.cursor = next
		if next == "" {
			return nil
		}
	}
	return nil
}

// expiry cuts the log, and forgets lanes that only remember a failure.
func (x *Dispatcher) expiry(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		if err := x.expire(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("cutting the log of deliveries failed, will be repeated", slog.Any(telemetry.KeyErr, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x.mu.Lock()
		for id, l := range x.lanes {
			if l.running == 0 && !l.waiting {
				delete(x.lanes, id)
			}
		}
		x.mu.Unlock()
	}
}

func (x *Dispatcher) expire(ctx context.Context) error {
	for {
		n, err := x.d.Deliveries.Expire(ctx, x.d.Clock().Add(-x.cfg.Retention), expirePage)
		if err != nil || n < expirePage {
			return err
		}
	}
}
