package transfer

import (
	"context"
	"errors"
	"log/slog"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// errOutlived says that a key's attempt gives way to a new one of the same client.
var errOutlived = errors.New("the ticket was outlived")

// binding is an attempt's hold on an idempotency key. A nil one is of a write
// without a key, and does nothing.
type binding struct {
	e      *Engine
	ticket objectv1.Ticket
	ctx    context.Context //nolint:containedctx // of the one transfer; its cause tells whether the key was lost
	cancel context.CancelCauseFunc
	stop   context.CancelFunc
	kept   chan struct{} // closed when nothing renews it any more
}

// bind keeps the ticket's idempotency key, if it has one, until release. The
// context that it gives ends when another attempt has taken the key over.
func (e *Engine) bind(ctx context.Context, t objectv1.Ticket) (context.Context, *binding) {
	if t.Idempotency == nil {
		return ctx, nil
	}
	b := &binding{e: e, ticket: t, kept: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	// A client that leaves does not end the commit, which needs the key as well.
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	go func() {
		defer close(b.kept)
		if err := b.keep(keeping); err != nil {
			b.cancel(err)
		}
	}()
	return b.ctx, b
}

// keep renews the lease at every third of its length until ctx ends. An object
// service that is away takes nothing from us yet: only another attempt can, and
// the commit is refused then.
func (b *binding) keep(ctx context.Context) error {
	for wait(ctx, objectv1.IdempotencyLease/3) {
		_, err := b.e.Objects.KeepIdempotency(ctx, objectv1.KeepIdempotencyRequest{AccountID: b.ticket.AccountID, Ticket: *b.ticket.Idempotency})
		if err != nil && !unsure(err) && ctx.Err() == nil {
			return err //nolint:wrapcheck // the cause of a cancellation, which the transfer wraps
		}
	}
	return nil
}

// lost reports whether the version and its key belong to another attempt now,
// so that nothing of them may be touched.
func (b *binding) lost(err error) bool {
	return b != nil && (errors.Is(err, objectv1.ErrIdempotencyBusy) || errors.Is(context.Cause(b.ctx), objectv1.ErrIdempotencyBusy))
}

// release ends the renewals, and after a failure frees the key, so that the
// client may try again at once.
func (b *binding) release(ctx context.Context, failed error) {
	if b == nil {
		return
	}
	b.stop()
	<-b.kept
	defer b.cancel(nil)
	if failed == nil || b.lost(failed) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	_, err := b.e.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: b.ticket.AccountID, VersionID: b.ticket.VersionID, Idempotency: b.ticket.Idempotency})
	if err != nil {
		b.e.Log.WarnContext(ctx, "an idempotency key stays bound until its lease ends", slog.Any(telemetry.KeyErr, err))
	}
}
