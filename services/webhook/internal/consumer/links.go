package consumer

import (
	"context"
	"encoding/json"
	"fmt"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/services/webhook/internal/dispatch"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// SubscribeLinks has b hand what happens to containers and links to x, for the
// subscriptions of their accounts.
func SubscribeLinks(b *bus.Bus, x *dispatch.Dispatcher, subs domain.Subscriptions) error {
	each := bus.EventType[json.RawMessage]{} // the types have data of their own
	return bus.Subscribe(b, streams.WebhookLinks(), each, links(x, subs))
}

// links keeps a delivery for each subscription that an event is for, as objects does.
func links(x *dispatch.Dispatcher, subs domain.Subscriptions) func(ctx context.Context, e bus.Envelope, data json.RawMessage) error {
	return func(ctx context.Context, e bus.Envelope, data json.RawMessage) error {
		n, ok, err := linksNotice(e, data)
		if err != nil || !ok {
			return err
		}
		all, err := subs.Of(ctx, n.AccountID)
		if err != nil {
			return fmt.Errorf("reading the subscriptions of an account: %w", err)
		}
		for i := range all {
			if !all[i].Wants(n.Event) {
				continue
			}
			if err := x.Notify(ctx, n, all[i].ID); err != nil {
				return fmt.Errorf("delivering event %s to subscription %s: %w", n.EventID, all[i].ID, err)
			}
		}
		return nil
	}
}

// linksNotice reads an event; ok is false for one that nobody can subscribe to.
func linksNotice(e bus.Envelope, data json.RawMessage) (n domain.Notice, ok bool, err error) {
	if e.Type == linksv1.LinkStatusChanged.Type {
		var l linksv1.LinkEvent
		if err := json.Unmarshal(data, &l); err != nil {
			return n, false, bus.ErrInvalidEvent.Because(fmt.Errorf("decoding the data of %s: %w", e.Type, err))
		}
		n, err := domain.LinkNotice(e.ID, l)
		return n, l.AccountID != "", err
	}
	switch e.Type {
	case linksv1.ContainerCreated.Type, linksv1.ContainerStatusChanged.Type, linksv1.ContainerDeleted.Type:
	default:
		return n, false, nil
	}
	var c linksv1.ContainerEvent
	if err := json.Unmarshal(data, &c); err != nil {
		return n, false, bus.ErrInvalidEvent.Because(fmt.Errorf("decoding the data of %s: %w", e.Type, err))
	}
	return domain.ContainerNotice(e.ID, e.Type, c)
}
