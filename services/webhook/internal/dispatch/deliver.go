package dispatch

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Deliver keeps a delivery for each config that h is for, and returns when all of
// them are in the store. Repeating it changes nothing. Attempts begin at once
// where there is room, claimed with the insert itself.
func (x *Dispatcher) Deliver(ctx context.Context, h domain.Happening) error {
	for _, config := range h.Object.Configs {
		if err := x.deliver(ctx, h, config); err != nil {
			return fmt.Errorf("delivering event %s to config %s: %w", h.ID, config, err)
		}
	}
	return nil
}

func (x *Dispatcher) deliver(ctx context.Context, h domain.Happening, config string) error {
	body, err := domain.Body(h, config)
	if err != nil {
		return err
	}
	return x.post(ctx, domain.Delivery{
		AccountID: h.Object.AccountID, BucketID: h.Object.BucketID, ConfigID: config, EventID: h.ID, EventType: h.Type, Body: body,
	})
}

// Notify is Deliver for one subscription of an account.
func (x *Dispatcher) Notify(ctx context.Context, n domain.Notice, subscription string) error {
	return x.post(ctx, domain.Delivery{
		AccountID: n.AccountID, ConfigID: subscription, EventID: n.EventID, EventType: n.Event, Body: n.Body,
	})
}

// post keeps a delivery of which is known whom it is for and what it says.
func (x *Dispatcher) post(ctx context.Context, d domain.Delivery) error {
	now := x.d.Clock().UTC()
	d.ID, d.EndpointID = domain.DeliveryID(d.EventID, d.BucketID, d.ConfigID), domain.EndpointID(d.BucketID, d.ConfigID)
	d.State, d.Trace, d.CreatedAt, d.Next, d.Wake = webhookv1.Pending, map[string]string{}, now, now, now
	telemetry.Inject(ctx, d.Trace)
	t, _, why, err := x.aim(ctx, d)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil: // where to can be found out later; what, only now
		x.log.WarnContext(ctx, "a delivery is kept without knowing its address", slog.String("delivery", d.ID), slog.Any(telemetry.KeyErr, err))
	case why == domain.WhyRemoved:
		return nil // there is nobody to tell any more
	case why != "":
		d.State, d.Why, d.Next, d.Wake = webhookv1.Dead, why, time.Time{}, time.Time{}
	}
	d.URL = t.URL
	return x.insert(ctx, d)
}

// insert keeps a new delivery and has it attempted.
func (x *Dispatcher) insert(ctx context.Context, d domain.Delivery) error {
	pending := d.State == webhookv1.Pending
	token, room := rand.Text(), false
	if pending {
		if room = x.reserve(d.EndpointID, d.ID, true); room {
			d.Claim, d.Wake = token, d.Wake.Add(lease)
		}
	}
	fresh, err := x.d.Deliveries.Insert(ctx, d)
	faultpoint.Hit("webhook.delivery.kept")
	switch {
	case err == nil && fresh && room:
		x.start(d, token, true, trace.SpanContext{}) //nolint:contextcheck // an attempt lives as long as the dispatcher, not as its starter
		return nil
	case room:
		x.unreserve(d.EndpointID, d.ID)
	}
	if err != nil {
		return err
	}
	if fresh && pending {
		x.mark(d.EndpointID, d.ID)
	}
	if fresh && !pending {
		x.m.finished(ctx, d, x.d.Clock())
	}
	return nil
}
