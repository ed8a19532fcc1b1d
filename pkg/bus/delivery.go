package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// errExhausted is the reason of a dead letter whose handler never answered:
// each delivery ended in a crash, a time-out or a lost answer.
var errExhausted = fault.New(fault.Internal, "bus.deliveries_exhausted", "no delivery was ever answered")

// Headers that a replay adds, so that the durable sees the message as it was.
const (
	headerReplaySubject = "Sluice-Replay-Subject"
	headerReplayID      = "Sluice-Replay-Id"
)

type deliveryKey struct{}

// delivery is one message on its way through the handler.
type delivery struct {
	jm      jetstream.Msg
	meta    *jetstream.MsgMetadata
	message *Message
	bad     error // why the message cannot be read
	err     error // what the handler said; written before the message is nacked
}

func deliveryOf(ctx context.Context) *delivery {
	d, _ := ctx.Value(deliveryKey{}).(*delivery)
	return d
}

func newDelivery(jm jetstream.Msg) (*delivery, error) {
	meta, err := jm.Metadata()
	if err != nil {
		return nil, err
	}
	d := &delivery{jm: jm, meta: meta}
	d.message, d.bad = readMessage(jm, meta)
	return d, nil
}

// readMessage turns headers into a map; a header with several values is an error,
// since which of them counts is anybody's guess.
func readMessage(jm jetstream.Msg, meta *jetstream.MsgMetadata) (*Message, error) {
	m := &Message{
		Subject: jm.Subject(), Data: jm.Data(), Header: make(map[string]string, len(jm.Headers())),
		Deliveries: int(meta.NumDelivered), Sequence: meta.Sequence.Stream, Stored: meta.Timestamp.UTC(),
	}
	var bad error
	for k, v := range jm.Headers() {
		if len(v) != 1 {
			bad = fmt.Errorf("header %.64q has %d values", k, len(v))
		}
		switch {
		case len(v) == 0:
		case k == headerReplaySubject:
			m.Subject = v[0]
		case k == nats.MsgIdHdr:
			if m.ID == "" {
				m.ID = decodeOr(v[0])
			}
		case k == headerReplayID:
			m.ID = decodeOr(v[0])
		case !strings.HasPrefix(k, "Nats-"):
			m.Header[k] = v[0]
		}
	}
	if id := m.Header[headerID]; id != "" {
		m.ID = decodeOr(id)
	}
	if m.ID == "" {
		m.ID = meta.Stream + "/" + strconv.FormatUint(meta.Sequence.Stream, 10)
	}
	return m, bad
}

func decodeOr(s string) string {
	if d, err := decodeValue(s); err == nil {
		return d
	}
	return s
}

// check says why d must not reach the handler.
func (d *delivery) check(maxDeliver int) error {
	if d.bad != nil {
		return ErrInvalidEvent.Because(d.bad)
	}
	if d.message.Deliveries > maxDeliver {
		return errExhausted
	}
	return nil
}

// watermill is d for the router.
func (d *delivery) watermill(ctx context.Context) *message.Message {
	m := message.NewMessageWithContext(ctx, d.message.ID, d.message.Data)
	m.Metadata = d.message.Header
	return m
}

// settle decides what becomes of a message whose handler failed.
func (l *loop) settle(d *delivery) {
	n := d.message.Deliveries
	var again later
	switch {
	case errors.As(d.err, &again) && n < l.c.MaxDeliver:
		l.s.m.postponed(l.c.Durable)
		l.answered(d.jm.NakWithDelay(max(again.wait, time.Millisecond)))
	case l.fctx.Err() != nil && (d.err == nil || fault.KindOf(d.err) == fault.Canceled):
		// We are stopping and cut it short: another copy takes it at once.
		l.answered(d.jm.Nak())
	case hopeless(d.err) || n >= l.c.MaxDeliver:
		l.bury(d, d.err)
	default:
		wait := l.c.Backoff(n)
		var fe *fault.Error
		if errors.As(d.err, &fe) {
			wait = max(wait, fe.RetryAfter)
		}
		l.s.m.retried(l.c.Durable)
		l.log.WarnContext(d.context(), "handling failed, will be repeated", telemetry.KeyEventID, d.message.ID,
			telemetry.KeySubject, d.message.Subject, "deliveries", n, "wait", wait, telemetry.KeyErr, d.err)
		if wait <= 0 {
			l.answered(d.jm.Nak())
			return
		}
		l.answered(d.jm.NakWithDelay(wait))
	}
}

// hopeless reports whether a repetition must fail like this one did. What
// depends on the state of others (not found, conflict, quota) may change.
func hopeless(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.TooLarge, fault.Unimplemented:
		return true
	}
	return false
}

// deadRetry is the wait before a dead letter that could not be written is tried again.
const deadRetry = 30 * time.Second

// bury moves the message to the dead letters; while that fails, it stays.
func (l *loop) bury(d *delivery, reason error) {
	if reason == nil {
		reason = errExhausted
	}
	ctx, cancel := context.WithTimeout(l.hctx, 10*time.Second)
	defer cancel()
	if err := l.s.dead.write(ctx, letterOf(l.c, d, reason)); err != nil {
		l.log.ErrorContext(d.context(), "writing a dead letter failed, the message stays", telemetry.KeyEventID, d.message.ID, telemetry.KeyErr, err)
		l.answered(d.jm.NakWithDelay(deadRetry))
		return
	}
	l.s.m.died(l.c.Durable)
	l.log.ErrorContext(d.context(), "event given up, it is a dead letter now", telemetry.KeyEventID, d.message.ID,
		telemetry.KeySubject, d.message.Subject, "deliveries", d.message.Deliveries, telemetry.KeyCode, fault.CodeOf(reason), telemetry.KeyErr, reason)
	l.answered(d.jm.Ack())
}

// context carries the ids of the request that caused the message, for the log.
func (d *delivery) context() context.Context {
	return telemetry.Extract(context.Background(), d.message.Header)
}
