package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// storeWithin bounds a write that must not be lost with the attempt's context.
const storeWithin = 10 * time.Second

// postponed is the wait when an attempt could not be made for our own reasons.
const postponed = 5 * time.Second

func isNoDocument(err error) bool { return errors.Is(err, domain.ErrNoDocument) }

// attempt carries a delivery out once. With claimed, the store holds the claim of
// token already. Every way out leaves a store that leads to another attempt, or
// to none because none is needed.
// Its span is a child of what the delivery came from, however long ago that was, and
// points to what brought it about now: the timer that the attempt before has set.
func (x *Dispatcher) attempt(d domain.Delivery, token string, claimed bool, cause trace.SpanContext) result {
	opts := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("sluice.webhook.delivery", d.ID), attribute.String("sluice.webhook.endpoint", d.EndpointID),
		attribute.Int("sluice.webhook.attempt", d.Tries+1), attribute.String("cloudevents.event_id", d.EventID), attribute.String("cloudevents.event_type", d.EventType))}
	if cause.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: cause}))
	}
	ctx, span := x.m.tracer.Start(telemetry.Extract(x.ctx, d.Trace), "webhook attempt", opts...)
	defer span.End()
	log := x.log.With(slog.String("delivery", d.ID), slog.String("endpoint", d.EndpointID))
	if !claimed {
		taken, ok, err := x.take(ctx, d.ID, token)
		if err != nil {
			log.WarnContext(ctx, "claiming a delivery failed, the sweep repeats it", slog.Any(telemetry.KeyErr, err))
			return skipped
		}
		if !ok {
			return skipped // another copy has it, or it is done
		}
		d = taken
	}
	released := x.keep(ctx, d.ID, token)
	defer released()

	target, ep, why, err := x.aim(ctx, d)
	switch {
	case err != nil:
		log.WarnContext(ctx, "a delivery cannot be attempted now, will be repeated", slog.Any(telemetry.KeyErr, err))
		released()
		x.giveBack(ctx, d.ID, token, postponed+rand.N(postponed))
		return skipped
	case why != "":
		released()
		x.bury(ctx, log, d.ID, token, why)
		return skipped
	}
	now := x.d.Clock()
	header := domain.Headers(d.ID, now, target.Secret, d.Body, target.Old...)
	header["Content-Type"] = d.ContentType()
	o, err := x.d.Sender.Send(ctx, target.URL, header, d.Body)
	released()
	if err != nil { // we are stopping
		x.giveBack(ctx, d.ID, token, 0)
		return skipped
	}
	faultpoint.Hit("webhook.delivery.sent")
	x.m.attempted(ctx, o)
	if !o.OK() {
		span.SetStatus(codes.Error, fmt.Sprintf("status %d %s", o.Status, o.Error))
	}
	return x.settle(ctx, log, d, token, ep, o)
}

// take claims a delivery in the store.
func (x *Dispatcher) take(ctx context.Context, id, token string) (d domain.Delivery, ok bool, err error) {
	d, err = x.d.Deliveries.Update(ctx, id, func(d *domain.Delivery) bool {
		ok = d.Take(token, x.d.Clock(), lease)
		return ok
	})
	if isNoDocument(err) {
		return d, false, nil
	}
	return d, ok && err == nil, err
}

// keep extends the claim until the function that it returns is called.
func (x *Dispatcher) keep(ctx context.Context, id, token string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, lease/3) {
			held, err := x.d.Deliveries.Extend(ctx, id, token, x.d.Clock().Add(lease))
			if err == nil && !held {
				return // replayed meanwhile, or taken over after we stalled
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// aim finds out where a delivery goes. A why means that it goes nowhere any more.
func (x *Dispatcher) aim(ctx context.Context, d domain.Delivery) (t domain.Target, ep domain.Endpoint, why string, err error) {
	t, err = x.d.Targets.Resolve(ctx, d.Subscriber())
	if errors.Is(err, domain.ErrNoConfig) {
		if err := x.d.Endpoints.Delete(ctx, d.EndpointID); err != nil {
			return t, ep, "", err
		}
		return t, ep, domain.WhyRemoved, nil
	}
	if err != nil {
		return t, ep, "", fmt.Errorf("resolving config %s: %w", d.ConfigID, err)
	}
	ep, err = x.endpoint(ctx, t)
	if err != nil {
		return t, ep, "", err
	}
	if (ep.Off || t.Off) && !d.Forced {
		return t, ep, domain.WhyOff, nil
	}
	return t, ep, "", nil
}

// endpoint gives the health of a target's endpoint, which it makes when it is new
// or points elsewhere now.
func (x *Dispatcher) endpoint(ctx context.Context, t domain.Target) (domain.Endpoint, error) {
	id := domain.EndpointID(t.BucketID, t.ConfigID)
	ep, err := x.d.Endpoints.Get(ctx, id)
	if err == nil && ep.URL == t.URL && ep.AccountID == t.AccountID {
		return ep, nil
	}
	if err != nil && !isNoDocument(err) {
		return ep, fmt.Errorf("reading endpoint %s: %w", id, err)
	}
	ep, err = x.d.Endpoints.Upsert(ctx, id, x.d.Clock(), func(e *domain.Endpoint) (bool, bool) {
		return e.Point(t.AccountID, t.URL), false
	})
	if err != nil {
		return ep, fmt.Errorf("noting endpoint %s: %w", id, err)
	}
	return ep, nil
}

// settle writes down what an attempt came to: first the endpoint's health, then
// the delivery with what follows, in one write. A crash between the two repeats
// the attempt.
func (x *Dispatcher) settle(ctx context.Context, log *slog.Logger, d domain.Delivery, token string, ep domain.Endpoint, o domain.Outcome) result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	x.observe(ctx, log, ep, o)
	faultpoint.Hit("webhook.delivery.observed")
	jitter := rand.Float64()
	after, err := x.d.Deliveries.Update(ctx, d.ID, func(d *domain.Delivery) bool {
		d.Record(token, o, jitter)
		return true
	})
	r := failed
	if o.OK() {
		r = succeeded
	}
	if err != nil {
		log.ErrorContext(ctx, "noting an attempt failed, it will be repeated", slog.Any(telemetry.KeyErr, err))
		return r
	}
	attrs := []any{
		slog.Int("tries", after.Tries), slog.Int(telemetry.KeyStatus, o.Status), slog.Duration(telemetry.KeyDuration, o.Took),
		slog.String("state", string(after.State)), slog.String("why", after.Why), slog.String("outcome", o.Error),
	}
	switch after.State {
	case webhookv1.Pending:
		log.InfoContext(ctx, "webhook attempt failed, will be repeated", append(attrs, slog.Time("next", after.Next))...)
		if err := x.d.Timers.Wake(ctx, d.ID, after.Next, telemetry.Carry(ctx)); err != nil {
			log.WarnContext(ctx, "setting a timer failed, the sweep stands in", slog.Any(telemetry.KeyErr, err))
		}
	case webhookv1.Dead:
		x.m.finished(ctx, after, x.d.Clock())
		log.WarnContext(ctx, "webhook delivery given up", attrs...)
	default:
		x.m.finished(ctx, after, x.d.Clock())
		log.DebugContext(ctx, "webhook delivered", attrs...)
	}
	return r
}

// observe keeps the endpoint's health; it writes only when that changes.
func (x *Dispatcher) observe(ctx context.Context, log *slog.Logger, ep domain.Endpoint, o domain.Outcome) {
	if changed, _ := ep.Observe(o, x.cfg.SwitchOff); !changed {
		return
	}
	off := false
	_, err := x.d.Endpoints.Upsert(ctx, ep.ID, o.At, func(e *domain.Endpoint) (changed, switched bool) {
		if e.URL != ep.URL {
			return false, false // it points elsewhere since
		}
		changed, off = e.Observe(o, x.cfg.SwitchOff)
		return changed, off
	})
	if isNoDocument(err) {
		return // its config was removed meanwhile
	}
	if err != nil {
		log.WarnContext(ctx, "noting an endpoint's health failed", slog.Any(telemetry.KeyErr, err))
		return
	}
	if off {
		log.WarnContext(ctx, "webhook endpoint switched off", slog.Int(telemetry.KeyStatus, o.Status))
	}
}

func (x *Dispatcher) bury(ctx context.Context, log *slog.Logger, id, token, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	buried := false
	d, err := x.d.Deliveries.Update(ctx, id, func(d *domain.Delivery) bool {
		buried = d.Bury(token, why)
		return buried
	})
	switch {
	case err != nil && !isNoDocument(err):
		log.WarnContext(ctx, "ending a delivery failed, will be repeated", slog.Any(telemetry.KeyErr, err))
	case buried:
		x.m.finished(ctx, d, x.d.Clock())
		log.InfoContext(ctx, "webhook delivery given up", slog.String("why", why))
	}
}

// giveBack makes a claimed delivery due again after wait.
func (x *Dispatcher) giveBack(ctx context.Context, id, token string, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	at := x.d.Clock().Add(wait)
	_, err := x.d.Deliveries.Update(ctx, id, func(d *domain.Delivery) bool { return d.Release(token, at) })
	if err != nil && !isNoDocument(err) {
		x.log.WarnContext(ctx, "giving a delivery back failed, its claim runs out", slog.String("delivery", id), slog.Any(telemetry.KeyErr, err))
	}
}
