// Package consumer handles what comes to webhook over the bus.
package consumer

import (
	"context"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/services/webhook/internal/dispatch"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Subscribe has b hand events and due deliveries to x.
func Subscribe(b *bus.Bus, x *dispatch.Dispatcher) error {
	both := bus.EventType[objectv1.ObjectEvent]{} // created and removed alike
	if err := bus.Subscribe(b, streams.WebhookObjects(), both, objects(x)); err != nil {
		return err
	}
	return bus.SubscribeRaw(b, streams.WebhookDue(), due(x))
}

// objects keeps a delivery for each config that an event is for. The event is
// acknowledged when they are in the store; ids derived from the event's make a
// repetition harmless.
func objects(x *dispatch.Dispatcher) func(ctx context.Context, e bus.Envelope, o objectv1.ObjectEvent) error {
	return func(ctx context.Context, e bus.Envelope, o objectv1.ObjectEvent) error {
		if e.Type != objectv1.ObjectCreated.Type && e.Type != objectv1.ObjectRemoved.Type {
			return nil
		}
		return x.Deliver(ctx, domain.Happening{ID: e.ID, Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time, Object: o})
	}
}

// due offers the delivery that a timer names. The timer is only a wake-up: it is
// acknowledged at once, since the store says what is due and the sweep finds it.
func due(x *dispatch.Dispatcher) bus.Handler {
	return func(ctx context.Context, m *bus.Message) error {
		id, ok := strings.CutPrefix(m.Subject, streams.DueWebhook+".")
		if !ok || id == "" {
			return nil
		}
		return x.Wake(ctx, id)
	}
}

// Timers implements domain.Timers over the bus's schedules.
type Timers struct{ T *bus.Timers }

// Wake implements domain.Timers.
func (t Timers) Wake(ctx context.Context, id string, when time.Time, trace map[string]string) error {
	return t.T.At(ctx, "webhook."+id, when, streams.DueWebhook+"."+id, nil, trace)
}
