package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	// keepWithin bounds one sign of life, endWithin the end of an attempt; a service
	// that restarts is waited for.
	keepWithin = 5 * time.Second
	endWithin  = 30 * time.Second
	// stopWithin is the same for a worker that stops: those who stop it wait.
	stopWithin = 4 * time.Second
	// crowded is the wait before a fetch is looked at again whose account has its
	// share of this worker already; it grows with each look, up to crowdedMost.
	crowded     = 2 * time.Second
	crowdedMost = 20 * time.Second
)

// Options tune a Worker; all fields are needed.
type Options struct {
	AtOnce  int           // attempts at once; an account has half of them at most
	Timeout time.Duration // of an attempt, from the request to the last byte
	// Stall is within which PaceBytes must arrive; time in which nothing is read does
	// not count.
	Stall     time.Duration
	PaceBytes int64
	// Rate is how many bytes a second must come on average, once Grace is over: a slow
	// address holds a place that others wait for. The same time counts as for Stall.
	Rate  int64
	Grace time.Duration
	Keep  time.Duration // from one sign of life to the next
}

// Deps is what a Worker works with.
type Deps struct {
	Fetches uploadv1.FetchService
	Engine  *transfer.Engine
	Out     outbound.Config // where requests may go; its bounds are the worker's
	Tel     *telemetry.Telemetry
}

// Worker carries fetches out. It is safe for concurrent use.
type Worker struct {
	o   Options
	d   Deps
	out *outbound.Client
	m   *meter

	mu      sync.Mutex
	running map[string]int // by account
	total   int
	left    string    // the account whose attempt ended last
	leftAt  time.Time // when that was
}

// New makes a worker. Close it behind its last delivery.
func New(o Options, d Deps) (*Worker, error) {
	m, err := newMeter(d.Tel)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	out := d.Out
	out.Timeout, out.MaxBytes, out.MaxRedirects, out.UserAgent = o.Timeout, maxBytes, maxRedirects, userAgent
	out.Tel, out.Purpose = d.Tel, "fetch"
	return &Worker{o: o, d: d, out: outbound.New(out), m: m, running: map[string]int{}}, nil
}

// Close drops idle connections.
func (w *Worker) Close() { w.out.Close() }

// Handle makes an attempt of the fetch that m names; it is a bus.Handler. A fetch
// that has ended, that another worker has, or that is not due needs none. What
// became of the attempt is upload's to know: from the lease on the message has
// done its part.
func (w *Worker) Handle(ctx context.Context, m *bus.Message) error {
	var work uploadv1.FetchWork
	if err := json.Unmarshal(m.Data, &work); err != nil || work.ID < 1 {
		return fault.ErrInvalid.Msgf("it is no fetch").Because(err)
	}
	if !w.enter(work.AccountID) {
		return bus.Later(min(crowded*time.Duration(max(m.Deliveries, 1)), crowdedMost)) //nolint:wrapcheck // it is told by its type
	}
	defer w.leave(work.AccountID)
	l, err := w.d.Fetches.LeaseFetch(ctx, uploadv1.FetchWorkRequest{ID: work.ID})
	switch {
	case errors.Is(err, uploadv1.ErrFetchNotFound), errors.Is(err, uploadv1.ErrFetchOver), errors.Is(err, uploadv1.ErrFetchTaken):
		return nil
	case err != nil:
		return fmt.Errorf("leasing a fetch: %w", err)
	}
	w.attempt(ctx, l)
	return nil
}

// enter takes a place of an account's share; nobody's is without bound. The last
// place is for an account that has none, and that did not have one just now: two
// accounts with long queues leave it to a third, and a third to a fourth.
func (w *Worker) enter(account string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	has := w.running[account]
	last := w.total >= w.o.AtOnce-1 && w.o.AtOnce > 1
	if account != "" && (has >= max(w.o.AtOnce/2, 1) || last && (has > 0 || w.left == account && time.Since(w.leftAt) < crowded)) {
		return false
	}
	w.running[account]++
	w.total++
	return true
}

func (w *Worker) leave(account string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total--
	w.left, w.leftAt = account, time.Now()
	if w.running[account]--; w.running[account] == 0 {
		delete(w.running, account)
	}
}

// progress is how far an attempt is.
type progress struct{ received, size atomic.Int64 }

// attempt fetches while the lease is kept, and tells upload what came of it.
func (w *Worker) attempt(ctx context.Context, l uploadv1.FetchLeased) {
	begin := time.Now()
	w.m.began(ctx)
	during, cancel := context.WithCancelCause(ctx)
	p := &progress{}
	p.size.Store(-1)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := w.keep(during, l, p); err != nil {
			cancel(err)
		}
	}()
	stored, err := w.fetch(during, l, p)
	if cause := context.Cause(during); err != nil && cause != nil {
		err = cause // what a cut-off transfer says of itself tells less
	}
	if errors.Is(err, outbound.ErrTimeout) && time.Since(begin) >= w.o.Timeout {
		err = errTooLong
	}
	cancel(nil)
	<-kept
	o := w.settle(ctx, l, stored, err)
	w.m.ended(ctx, o)
	w.d.Tel.Log.InfoContext(ctx, "an attempt to fetch a URL ended", slog.Int64("fetch_id", l.Fetch.ID), slog.Int("attempt", l.Fetch.Attempts),
		slog.String("outcome", string(o)), slog.Int64(telemetry.KeyBytes, p.received.Load()), slog.Duration(telemetry.KeyDuration, time.Since(begin)),
		slog.Any(telemetry.KeyErr, err))
}

// keep tells upload that the worker goes on, until ctx ends. It fails when the
// fetch has ended or is another worker's; an upload service that is away takes
// nothing from us yet.
func (w *Worker) keep(ctx context.Context, l uploadv1.FetchLeased, p *progress) error {
	t := time.NewTicker(w.o.Keep)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		try, done := context.WithTimeout(ctx, keepWithin)
		_, err := w.d.Fetches.KeepFetch(try, uploadv1.KeepFetchRequest{
			ID: l.Fetch.ID, Fence: l.Fence, Received: p.received.Load(), Size: p.size.Load(),
		})
		done()
		switch {
		case errors.Is(err, uploadv1.ErrFetchOver), errors.Is(err, uploadv1.ErrFetchTaken), errors.Is(err, uploadv1.ErrFetchNotFound):
			return err //nolint:wrapcheck // the cause of a cancellation, which is looked at by code
		case err != nil && ctx.Err() == nil:
			w.d.Tel.Log.DebugContext(ctx, "upload was not told that a fetch goes on", slog.Int64("fetch_id", l.Fetch.ID), slog.Any(telemetry.KeyErr, err))
		}
	}
}

// settle tells upload how an attempt ended.
func (w *Worker) settle(ctx context.Context, l uploadv1.FetchLeased, stored objectv1.Object, err error) outcome {
	r := uploadv1.EndFetchRequest{ID: l.Fetch.ID, Fence: l.Fence}
	var o outcome
	switch {
	case err == nil && stored.File == nil:
		err = fmt.Errorf("object %s of the drive came without its file", stored.VersionID)
		o = verdict(err).into(&r)
	case err == nil:
		o, r.NodeID, r.Size = outcomeDone, stored.File.NodeID, stored.Size
		faultpoint.Hit("edge.fetch.stored")
	case errors.Is(err, uploadv1.ErrFetchOver), errors.Is(err, uploadv1.ErrFetchTaken), errors.Is(err, uploadv1.ErrFetchNotFound):
		return outcomeLost
	case errors.Is(ctx.Err(), context.Canceled):
		o, r.Returned = outcomeReturned, true
	default:
		o = verdict(err).into(&r)
	}
	within := endWithin
	if ctx.Err() != nil {
		within = stopWithin
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	f, err := transfer.Insist(ctx, func(ctx context.Context) (uploadv1.Fetch, error) { return w.d.Fetches.EndFetch(ctx, r) })
	switch {
	case errors.Is(err, uploadv1.ErrFetchTaken), errors.Is(err, uploadv1.ErrFetchNotFound):
		return outcomeLost
	case err != nil: // the lease lapses, and another attempt finds the file by its key
		w.d.Tel.Log.WarnContext(ctx, "upload was not told how a fetch ended", slog.Int64("fetch_id", l.Fetch.ID), slog.Any(telemetry.KeyErr, err))
	case r.NodeID != "" && f.State == uploadv1.FetchCancelled:
		w.remove(ctx, l, r.NodeID)
		return outcomeLost
	}
	return o
}

// remove takes the file of a fetch away that was cancelled while it was committed.
func (w *Worker) remove(ctx context.Context, l uploadv1.FetchLeased, node string) {
	_, err := transfer.Insist(ctx, func(ctx context.Context) (objectv1.Empty, error) {
		return w.d.Engine.Objects.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: l.Principal, NodeID: node, Origin: originOf(l)})
	})
	if err != nil && !errors.Is(err, objectv1.ErrNodeNotFound) {
		w.d.Tel.Log.WarnContext(ctx, "the file of a cancelled fetch stays", slog.Int64("fetch_id", l.Fetch.ID), slog.Any(telemetry.KeyErr, err))
	}
}
