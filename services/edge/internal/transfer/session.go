package transfer

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	// flushEvery bounds how long bytes that arrive stay in memory only (lockr.md,
	// Uploads).
	flushEvery = 2 * time.Second
	// breakFor is how long what came before a break may take to become durable.
	breakFor = 10 * time.Second
)

// The errors of sessions.
var (
	ErrChecksum = fault.New(fault.Invalid, "edge.checksum_mismatch", "the chunk does not have the checksum that the request names; it was discarded")
	ErrLongBody = fault.New(fault.Invalid, "edge.long_body", "the body is longer than the request says")
)

// Sessions writes resumable uploads, whichever protocol they come by. Its memory
// per transfer is one content's, besides what the store needs. It is safe for
// concurrent use.
type Sessions struct {
	Blobs   Blobs
	Uploads uploadv1.Service
	Log     *slog.Logger
	Now     func() time.Time
	Unit    int64         // bytes of a content; 0: uploadv1.SessionUnit
	Every   time.Duration // between flushes while bytes arrive; 0: two seconds

	units sync.Pool // of *[]byte, Unit long
}

// Piece is a stretch of a session's object on its way in.
type Piece struct {
	Secret string
	Offset int64 // in the object, where Body begins
	Length int64 // of Body, bytes; -1: not announced
	Size   int64 // of the object; -1: the request does not say
	Body   io.Reader
	// Whole says that the object ends where Body does, if its size is not known.
	Whole bool
	// Exact refuses a piece that does not begin right behind what is durable, with
	// uploadv1.ErrWrongOffset. Otherwise what is there is skipped, and behind a gap
	// nothing is written.
	Exact bool
	// Check is what the body's digest must be; nil: nothing is wanted. A body that
	// does not have it, or breaks off, leaves nothing behind.
	Check *Check
}

// Check is a digest that a body must have.
type Check struct {
	Hash hash.Hash
	Want []byte
}

// State tells how far a session is. One that has all its bytes is finished now,
// if that did not happen before; size is the total that the request names, or
// -1, and finishes a session of unknown size when that many bytes are there.
func (s *Sessions) State(ctx context.Context, secret string, size int64) (uploadv1.Session, error) {
	ses, err := s.Uploads.GetSession(ctx, uploadv1.SessionRequest{Secret: secret})
	if err != nil {
		return uploadv1.Session{}, fmt.Errorf("looking at an upload session: %w", err)
	}
	if ses.Result != nil {
		return finished(ses, size)
	}
	total := ses.Size
	switch {
	case size < 0:
	case total >= 0 && size != total, size < ses.Offset:
		return uploadv1.Session{}, mismatch(ses, size)
	default:
		total = size
	}
	if total != ses.Offset {
		return ses, nil
	}
	lease, err := s.acquire(ctx, secret, size)
	if err != nil || lease.Result != nil {
		return lease.Session, err
	}
	defer s.release(ctx, secret, lease.Fence)
	if lease.Offset != total { // somebody wrote in between
		return lease.Session, nil
	}
	state, err := readSums(lease.Midstate, lease.Offset)
	if err != nil {
		return uploadv1.Session{}, err
	}
	return s.finish(ctx, secret, lease, state)
}

// Write takes a piece. What of it is durable says Session.Offset, of the error
// case too: a body that breaks off, ends early or comes too slowly leaves all
// that arrived. The piece that completes the object commits it.
func (s *Sessions) Write(ctx context.Context, p Piece) (uploadv1.Session, error) {
	if p.Size >= 0 && p.Length >= 0 && p.Offset > p.Size-p.Length {
		return uploadv1.Session{}, objectv1.ErrTooLarge.Msgf("the bytes reach beyond the total size")
	}
	lease, err := s.acquire(ctx, p.Secret, p.Size)
	if err != nil {
		return uploadv1.Session{}, err
	}
	if lease.Result != nil {
		switch {
		case p.Exact && p.Offset != lease.Result.Size:
			return lease.Session, uploadv1.ErrWrongOffset
		case p.Exact && p.Length > 0:
			return lease.Session, objectv1.ErrTooLarge.Msgf("the upload is complete")
		}
		return finished(lease.Session, p.Size)
	}
	defer s.release(ctx, p.Secret, lease.Fence)
	limit := limitOf(lease.Session)
	switch {
	case p.Length >= 0 && p.Offset > limit-p.Length:
		return lease.Session, objectv1.ErrTooLarge.Msgf("the bytes reach beyond the %d that the upload may have", limit)
	case p.Whole && p.Length >= 0 && (p.Length < lease.Size || p.Length < lease.Offset):
		return lease.Session, mismatch(lease.Session, p.Length)
	case p.Exact && p.Offset != lease.Offset:
		return lease.Session, uploadv1.ErrWrongOffset
	case p.Offset > lease.Offset:
		return lease.Session, nil
	}
	in := &intake{s: s, ctx: ctx, p: p, lease: lease, start: lease.Offset, since: s.Now()}
	defer in.close()
	if in.sums, err = readSums(lease.Midstate, lease.Offset); err != nil {
		return lease.Session, err
	}
	if err := in.receive(&bounded{r: p.Body, left: p.Length, room: limit - p.Offset}); err != nil {
		return in.lease.Session, err
	}
	at := in.lease.Offset
	if at == in.lease.Size || p.Whole && in.lease.Size < 0 {
		return s.finish(ctx, p.Secret, in.lease, in.sums)
	}
	return in.lease.Session, nil
}

// limitOf is how many bytes a session may come to have.
func limitOf(ses uploadv1.Session) int64 {
	switch {
	case ses.Size >= 0:
		return ses.Size
	case ses.MaxSize > 0:
		return ses.MaxSize
	}
	return math.MaxInt64
}

// Cancel gives a session up.
func (s *Sessions) Cancel(ctx context.Context, secret string) error {
	if _, err := s.Uploads.CancelSession(ctx, uploadv1.SessionRequest{Secret: secret}); err != nil {
		return fmt.Errorf("cancelling an upload session: %w", err)
	}
	return nil
}

// finished answers for a session whose object is there.
func finished(ses uploadv1.Session, size int64) (uploadv1.Session, error) {
	if size >= 0 && size != ses.Result.Size {
		return ses, mismatch(ses, size)
	}
	return ses, nil
}

func mismatch(ses uploadv1.Session, size int64) error {
	if ses.Size < 0 {
		return uploadv1.ErrSizeMismatch.Msgf("%d bytes of the upload are there, more than the %d named", ses.Offset, size)
	}
	return uploadv1.ErrSizeMismatch.Msgf("the upload has %d bytes, not %d", ses.Size, size)
}

func (s *Sessions) acquire(ctx context.Context, secret string, size int64) (uploadv1.SessionLease, error) {
	lease, err := s.Uploads.AcquireSession(ctx, uploadv1.AcquireSessionRequest{Secret: secret, Size: size})
	if err != nil {
		return uploadv1.SessionLease{}, fmt.Errorf("becoming the writer of an upload session: %w", err)
	}
	return lease, nil
}

// release lets the next writer in at once; where it fails, the lease ends by itself.
func (s *Sessions) release(ctx context.Context, secret string, fence int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	_, err := s.Uploads.ReleaseSession(ctx, uploadv1.ReleaseSessionRequest{Secret: secret, Fence: fence})
	if err != nil && !errors.Is(err, uploadv1.ErrSessionGone) {
		s.Log.WarnContext(ctx, "an upload session stays taken until its lease ends", slog.Any(telemetry.KeyErr, err))
	}
}

// finish commits the object. All bytes are there, so it goes on without the
// client, and through a restart of upload: a repeat gives the same answer.
func (s *Sessions) finish(ctx context.Context, secret string, lease uploadv1.SessionLease, state *sums) (uploadv1.Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitFor)
	defer cancel()
	req := uploadv1.FinishSessionRequest{Secret: secret, Fence: lease.Fence, Size: lease.Offset, Digests: state.digests(), Compressed: state.compressed}
	obj, err := Insist(ctx, func(ctx context.Context) (objectv1.Object, error) { return s.Uploads.FinishSession(ctx, req) })
	if err != nil {
		return lease.Session, fmt.Errorf("finishing an upload session: %w", err)
	}
	ses := lease.Session
	ses.Size, ses.Result = lease.Offset, &obj
	return ses, nil
}

func (s *Sessions) unit() int64 {
	if s.Unit > 0 {
		return s.Unit
	}
	return uploadv1.SessionUnit
}

func (s *Sessions) every() time.Duration {
	if s.Every > 0 {
		return s.Every
	}
	return flushEvery
}
