package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Patience with a service that is away while a transfer must be decided.
const (
	commitFor  = 30 * time.Second // as long as a restart may take
	abortFor   = 5 * time.Second
	firstTry   = 3 * time.Second // nobody tells of a service that died with the call
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
	leaseSpare = 10 * time.Second // a lease nearer to its end is not relied upon
)

// Put is one content on its way in.
type Put struct {
	Principal  authv1.Principal
	Bucket     string
	Key        string
	Size       int64 // announced bytes; -1: unknown
	Body       io.Reader
	Want       map[blob.Algorithm][]byte // digests that must come out
	Conditions objectv1.Conditions
	Metadata   objectv1.Metadata
	Origin     objectv1.Origin

	Operation   string              // of the event; empty: objectv1.OperationPut
	Retention   *objectv1.Retention // instead of the bucket's default
	LegalHold   bool
	Idempotency *objectv1.Idempotency // nil: the client named no key

	File   *objectv1.FileOptions // of a file of the drive
	Region string                // of a new one; empty: as object decides
	// Keep are digests that are made and kept beside those that always are.
	Keep []blob.Algorithm
}

// Result is what a Put made, or had made before.
type Result struct {
	objectv1.Object
	Replayed bool // under the same idempotency key; nothing was written now
}

// Engine moves bytes. It is safe for concurrent use.
type Engine struct {
	Blobs   Blobs
	Objects objectv1.Service
	Uploads uploadv1.Service
	Log     *slog.Logger
	Now     func() time.Time
}

// Put writes one content and commits it. Whatever fails, nothing of it is
// visible afterwards, but for a commit whose answer never came: that one may
// have happened, and the error is then of kind Unavailable or Timeout.
func (e *Engine) Put(ctx context.Context, in Put) (Result, error) {
	begin := objectv1.BeginPutRequest{
		Principal: in.Principal, Bucket: in.Bucket, Key: in.Key, Size: in.Size, Conditions: in.Conditions,
		Retention: in.Retention, LegalHold: in.LegalHold, Idempotency: in.Idempotency, File: in.File, Region: in.Region,
	}
	if in.Size >= 0 && in.Size <= SmallMax {
		return e.putSmall(ctx, in, begin)
	}
	return e.putHeld(ctx, in, begin)
}

// putSmall reserves nothing before the commit, which does it all at once.
func (e *Engine) putSmall(ctx context.Context, in Put, begin objectv1.BeginPutRequest) (res Result, err error) {
	ticket, err := e.Objects.BeginPut(ctx, begin)
	if err != nil {
		return Result{}, fmt.Errorf("asking to write %d bytes: %w", in.Size, err)
	}
	if ticket.Replayed != nil {
		return Result{Object: *ticket.Replayed, Replayed: true}, nil
	}
	during, bound := e.bind(ctx, ticket)
	defer func() { bound.release(ctx, err) }()
	content, err := e.write(during, in, ticket, &metered{ctx: during, r: in.Body})
	if err != nil {
		return Result{}, err
	}
	if e.Now().Add(leaseSpare).After(ticket.LeaseTill) && !ticket.LeaseTill.IsZero() {
		// A slow client outlived the ticket; nothing hangs on it yet but its key.
		bound.release(ctx, errOutlived)
		bound = nil
		if ticket, err = e.Objects.BeginPut(ctx, begin); err != nil {
			return Result{}, fmt.Errorf("asking again to write %d bytes: %w", in.Size, err)
		}
		if ticket.Replayed != nil {
			return Result{Object: *ticket.Replayed, Replayed: true}, nil
		}
		_, bound = e.bind(ctx, ticket)
	}
	obj, err := e.commit(ctx, in, ticket, content)
	return Result{Object: obj}, err
}

// putHeld keeps an ingest record and a reservation alive while bytes move.
func (e *Engine) putHeld(ctx context.Context, in Put, begin objectv1.BeginPutRequest) (res Result, err error) {
	begin.Hold = true
	ing, err := e.Uploads.Begin(ctx, uploadv1.BeginRequest{Put: begin})
	if err != nil {
		return Result{}, fmt.Errorf("opening an upload of %d bytes: %w", in.Size, err)
	}
	if done := ing.Ticket.Replayed; done != nil {
		return Result{Object: *done, Replayed: true}, nil
	}
	committed := false
	ctx, bound := e.bind(ctx, ing.Ticket)
	defer func() {
		bound.release(ctx, err) // first: the abort of an ingest knows no key
		if !bound.lost(err) {
			e.end(ctx, ing.Ticket, committed)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	h := &hold{uploads: e.Uploads, now: e.Now, ticket: ing.Ticket, reserved: ing.Ticket.Reserved}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := h.keep(ctx); err != nil {
			cancel(err)
		}
	}()
	defer func() {
		cancel(nil)
		<-stopped
	}()

	body := &metered{ctx: ctx, r: in.Body, hold: h, unknown: in.Size < 0}
	content, err := e.write(ctx, in, ing.Ticket, body)
	if err != nil {
		return Result{}, err
	}
	obj, err := e.commit(ctx, in, ing.Ticket, content)
	committed = err == nil
	return Result{Object: obj}, err
}

// write moves the body into the store and checks what came out.
func (e *Engine) write(ctx context.Context, in Put, t objectv1.Ticket, body io.Reader) (blob.Content, error) {
	opts := blob.WriteOptions{
		Domain: t.KeyDomain, Region: t.Region, MaxSize: t.MaxSize,
		Compress: Compressible(in.Metadata.ContentType, in.Metadata.ContentEncoding),
	}
	opts.SizeHint = max(in.Size, 0)
	opts.Digests = append(opts.Digests, in.Keep...)
	for alg := range in.Want {
		if alg != blob.SHA256 && alg != blob.CRC64NVME {
			opts.Digests = append(opts.Digests, alg)
		}
	}
	w, err := e.Blobs.NewWriter(ctx, opts)
	if err != nil {
		return blob.Content{}, fmt.Errorf("opening a content: %w", err)
	}
	defer w.Abort()
	if _, err := w.ReadFrom(body); err != nil {
		return blob.Content{}, fmt.Errorf("receiving a content: %w", causeOf(ctx, err))
	}
	if in.Size >= 0 && w.Size() != in.Size {
		return blob.Content{}, ErrShortBody
	}
	content, err := w.Finish(ctx)
	if err != nil {
		return blob.Content{}, fmt.Errorf("finishing a content: %w", causeOf(ctx, err))
	}
	for alg, want := range in.Want {
		if !bytes.Equal(content.Digests[alg], want) {
			return blob.Content{}, ErrBadDigest.Msgf("the body's %s is not what the request names; nothing was stored", alg)
		}
	}
	if !slices.Contains(in.Keep, blob.MD5) {
		delete(content.Digests, blob.MD5) // only a check
	}
	return content, nil
}

// causeOf prefers why a transfer was cancelled to the cancellation.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

// commit publishes the content. Its body is here whole, so a client that leaves
// now does not stop it; a service that restarts is waited for, since repeating
// a commit gives the same answer.
func (e *Engine) commit(ctx context.Context, in Put, t objectv1.Ticket, c blob.Content) (objectv1.Object, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitFor)
	defer cancel()
	req := objectv1.CommitPutRequest{
		Principal: in.Principal, Ticket: t, Bucket: in.Bucket, Key: in.Key, Manifest: c.Manifest, Digests: c.Digests,
		Compressed: c.Compressed, Metadata: in.Metadata, Conditions: in.Conditions, Origin: in.Origin,
		Retention: in.Retention, LegalHold: in.LegalHold, Operation: in.Operation, File: in.File,
	}
	obj, err := Insist(ctx, func(ctx context.Context) (objectv1.Object, error) { return e.Objects.CommitPut(ctx, req) })
	if err != nil {
		return e.undo(ctx, req, err)
	}
	faultpoint.Hit("edge.put.committed")
	return obj, nil
}

// Insist repeats a call that may be repeated until its answer is known or ctx
// ends, so that a service that restarts is waited for.
func Insist[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	patience, pause := firstTry, firstPause
	for {
		try, done := context.WithTimeout(ctx, patience)
		out, err := call(try)
		done()
		if err == nil || !unsure(err) || !wait(ctx, pause) {
			return out, err
		}
		patience, pause = 2*patience, min(2*pause, lastPause)
	}
}

// undo takes back what a failed commit may have left; where it turns out to
// have happened, its answer is asked for once more.
func (e *Engine) undo(ctx context.Context, req objectv1.CommitPutRequest, why error) (objectv1.Object, error) {
	if req.Ticket.Idempotency != nil && errors.Is(why, objectv1.ErrIdempotencyBusy) {
		return objectv1.Object{}, fmt.Errorf("committing a content: %w", why) // the version is another attempt's now
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	r, err := e.Objects.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: req.Ticket.AccountID, VersionID: req.Ticket.VersionID, Idempotency: req.Ticket.Idempotency})
	if err != nil {
		e.Log.WarnContext(ctx, "an upload was left to the sweep", slog.Any(telemetry.KeyErr, err))
	} else if r.Committed {
		if obj, err := e.Objects.CommitPut(ctx, req); err == nil {
			return obj, nil
		}
	}
	return objectv1.Object{}, fmt.Errorf("committing a content: %w", why)
}

// unsure reports whether a call may or may not have happened.
func unsure(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Timeout, fault.Canceled:
		return true
	}
	return false
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// end closes the ingest; the sweep does it where this fails.
func (e *Engine) end(ctx context.Context, t objectv1.Ticket, committed bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	if _, err := e.Uploads.End(ctx, uploadv1.EndRequest{AccountID: t.AccountID, VersionID: t.VersionID, Committed: committed}); err != nil {
		e.Log.WarnContext(ctx, "an ingest was left to the sweep", slog.Any(telemetry.KeyErr, err))
	}
}
