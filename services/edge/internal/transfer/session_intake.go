package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// firstRoom is how much a transfer's buffer has before anything arrived, bytes.
const firstRoom = 64 << 10

// maxPatches is from how many segments on a tail is written anew as one.
const maxPatches = 16

// bounded lets through what a request announced, and no more than the object
// may have. What exceeds either is an error, not an end.
type bounded struct {
	r    io.Reader
	left int64 // announced; -1: not
	room int64 // of the object
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 || b.room == 0 {
		var one [1]byte
		n, err := io.ReadFull(b.r, one[:])
		switch {
		case n == 0:
			return 0, err //nolint:wrapcheck // the io contract wants io.EOF as it is
		case b.left == 0:
			return 0, ErrLongBody
		}
		return 0, objectv1.ErrTooLarge.Msgf("the body reaches beyond the size of the upload")
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	p = p[:min(int64(len(p)), b.room)]
	n, err := b.r.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	b.room -= int64(n)
	return n, err //nolint:wrapcheck // as above
}

// intake is one piece being received. It holds the open content: the tail of
// those before, whose bytes it reads only once it has to, and what arrived since.
type intake struct {
	s     *Sessions
	ctx   context.Context //nolint:containedctx // of the one transfer
	p     Piece
	lease uploadv1.SessionLease // the latest
	sums  *sums                 // of all that arrived

	buf    []byte // the open content
	pooled *[]byte
	start  int64                    // offset of buf in the object
	kept   int                      // bytes of buf that are durable
	absent int                      // the first of them, which were not read back
	tail   *uploadv1.SessionContent // of those that are durable
	since  time.Time                // of the last flush
	checks []batch                  // what a checksum keeps back
}

// batch is one AppendSession.
type batch struct {
	offset   int64
	contents []uploadv1.SessionContent
	midstate []byte
}

// receive takes the body, and makes of it durable what can be.
func (in *intake) receive(body io.Reader) error {
	skip := in.lease.Offset - in.p.Offset
	if in.p.Length >= 0 && skip >= in.p.Length {
		// Nothing of it is new; it is read, for the connection to be of further use.
		if _, err := io.Copy(io.Discard, body); err != nil {
			return fmt.Errorf("skipping what is there: %w", err)
		}
		return nil
	}
	if skip > 0 {
		if _, err := io.CopyN(io.Discard, body, skip); err != nil {
			if errors.Is(err, io.EOF) {
				return nil // it ends within what is there
			}
			return fmt.Errorf("skipping what is there: %w", err)
		}
	}
	for {
		room := in.room()
		n, err := body.Read(room)
		in.took(room[:n])
		switch {
		case errors.Is(err, io.EOF):
			return in.end()
		case err != nil:
			return in.broke(err)
		case int64(len(in.buf)) == in.s.unit(), in.p.Check == nil && len(in.buf) > in.kept && in.s.Now().Sub(in.since) >= in.s.every():
			if err := in.flush(in.ctx, commitFor); err != nil {
				return err
			}
		}
	}
}

// took counts bytes that were read into the room.
func (in *intake) took(p []byte) {
	in.buf = in.buf[:len(in.buf)+len(p)]
	_, _ = in.sums.Write(p) // never fails
	if in.p.Check != nil {
		_, _ = in.p.Check.Hash.Write(p)
	}
}

// end is that of a body which came as announced.
func (in *intake) end() error {
	if c := in.p.Check; c != nil {
		if !bytes.Equal(c.Hash.Sum(nil), c.Want) {
			return ErrChecksum
		}
	}
	if err := in.flush(in.ctx, commitFor); err != nil {
		return err
	}
	for _, b := range in.checks {
		if err := in.append(in.ctx, commitFor, b); err != nil {
			return err
		}
	}
	return nil
}

// broke keeps what came before a break. What came too much tells that client
// and server do not mean the same object: of that nothing more is kept.
func (in *intake) broke(why error) error {
	if in.p.Check == nil && !errors.Is(why, ErrLongBody) && !errors.Is(why, objectv1.ErrTooLarge) {
		if err := in.flush(in.ctx, breakFor); err != nil {
			return fmt.Errorf("keeping what came before a break (%w): %w", why, err)
		}
	}
	return fmt.Errorf("receiving a piece: %w", why)
}

// room gives space behind the open content: never none, and never beyond a unit.
// The tail has its place there; the next content is to take the place of it.
func (in *intake) room() []byte {
	if in.buf == nil {
		in.tail = in.lease.Tail
		if in.tail != nil {
			in.kept = int(in.tail.Manifest.Size)
		}
		in.grow(int64(in.kept) + 1)
		in.buf, in.absent, in.start = in.buf[:in.kept], in.kept, in.lease.Offset-int64(in.kept)
	}
	if len(in.buf) == cap(in.buf) {
		in.grow(int64(len(in.buf)) + 1)
	}
	return in.buf[len(in.buf):cap(in.buf)]
}

// load reads back the tail that an earlier request left.
func (in *intake) load(ctx context.Context) error {
	if in.absent == 0 {
		return nil
	}
	r, err := in.s.Blobs.Reader(ctx, in.tail.Manifest, 0, int64(in.absent))
	if err != nil {
		return fmt.Errorf("opening the tail of a session: %w", err)
	}
	defer r.Close() //nolint:errcheck // only fetches end; the bytes are here or their error is told
	to := &into{buf: in.buf[:0:in.absent]}
	if _, err := r.WriteTo(to); err != nil {
		return fmt.Errorf("reading the tail of a session: %w", err)
	}
	if len(to.buf) != in.absent {
		return fmt.Errorf("reading the tail of a session: %w", blob.ErrDamaged.Because(fmt.Errorf("%d of %d bytes", len(to.buf), in.absent)))
	}
	in.absent = 0
	return nil
}

// into is an io.Writer over a buffer that has the room.
type into struct{ buf []byte }

// Write implements io.Writer.
func (w *into) Write(p []byte) (int, error) {
	if len(p) > cap(w.buf)-len(w.buf) {
		return 0, io.ErrShortBuffer
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// grow gives the buffer room for need bytes, or a unit. Only those of a whole
// unit are used again by others: a slow client costs what it sent.
func (in *intake) grow(need int64) {
	unit := in.s.unit()
	size := max(firstRoom, int64(cap(in.buf)))
	for size < need {
		size *= 4
	}
	var next []byte
	if size < unit {
		next = make([]byte, len(in.buf), size)
	} else {
		if b, ok := in.s.units.Get().(*[]byte); ok {
			in.pooled = b
		} else {
			b := make([]byte, unit)
			in.pooled = &b
		}
		next = (*in.pooled)[:len(in.buf):unit]
	}
	copy(next, in.buf)
	in.buf = next
}

// close gives the buffer back.
func (in *intake) close() {
	if in.pooled != nil {
		in.s.units.Put(in.pooled)
		in.pooled, in.buf = nil, nil
	}
}

// flush makes the open content durable, if anything in it is not: in patience at
// most, and whether or not the client is still there.
func (in *intake) flush(ctx context.Context, patience time.Duration) error {
	if len(in.buf) == in.kept {
		return nil
	}
	content, err := in.store(ctx, patience)
	if err != nil {
		return err
	}
	mid, err := in.sums.encode()
	if err != nil {
		return err
	}
	if in.p.Check != nil {
		in.keepBack(content, mid)
	} else if err := in.append(ctx, patience, batch{in.start, []uploadv1.SessionContent{content}, mid}); err != nil {
		return err
	}
	in.tail, in.kept = &content, len(in.buf)
	if int64(in.kept) == in.s.unit() {
		in.start += int64(in.kept)
		in.tail, in.buf, in.kept = nil, in.buf[:0], 0
	}
	in.since = in.s.Now()
	return nil
}

// keepBack notes a content until the checksum is known.
func (in *intake) keepBack(c uploadv1.SessionContent, mid []byte) {
	n := len(in.checks)
	if n == 0 || len(in.checks[n-1].contents) == uploadv1.MaxAppend {
		in.checks = append(in.checks, batch{offset: in.start})
		n++
	}
	b := &in.checks[n-1]
	b.contents, b.midstate = append(b.contents, c), mid
}

// store brings the open content into the store. While it is short, only what is
// new is written, and composed with the tail: a client of small chunks, or a
// slow one, would else have the same bytes written over and over.
func (in *intake) store(ctx context.Context, patience time.Duration) (uploadv1.SessionContent, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	out := uploadv1.SessionContent{ContentID: objectv1.NewContentID()}
	if in.mayPatch(out.ContentID) {
		c, err := in.write(ctx, in.buf[in.kept:])
		if err != nil {
			return uploadv1.SessionContent{}, err
		}
		out.Compressed = c.Compressed || in.tail.Compressed
		if out.Manifest, err = in.s.Blobs.Compose(ctx, in.tail.Manifest, c.Manifest); err != nil {
			return uploadv1.SessionContent{}, fmt.Errorf("composing a content: %w", err)
		}
		return out, nil
	}
	if err := in.load(ctx); err != nil {
		return uploadv1.SessionContent{}, err
	}
	c, err := in.write(ctx, in.buf)
	out.Manifest, out.Compressed = c.Manifest, c.Compressed
	return out, err
}

// mayPatch decides whether the open content may be made of the tail's segments.
// The tail keeps them from the collector until upload has the new content; for
// the collector to meet that one after the tail, its id must be higher (pkg/blob,
// Collector), which another edge's clock may have spoilt.
func (in *intake) mayPatch(id string) bool {
	t := in.tail
	return t != nil && int64(len(in.buf)) < in.s.unit() && len(t.Manifest.Segments) < maxPatches && len(t.Manifest.Indirect) == 0 && id > t.ContentID
}

// write makes a content of bytes.
func (in *intake) write(ctx context.Context, p []byte) (blob.Content, error) {
	w, err := in.s.Blobs.NewWriter(ctx, blob.WriteOptions{
		Domain: in.lease.KeyDomain, Region: in.lease.Region, SizeHint: int64(len(p)), Compress: Compressible(in.lease.Type, ""),
	})
	if err != nil {
		return blob.Content{}, fmt.Errorf("opening a content: %w", err)
	}
	defer w.Abort()
	if _, err := w.ReadFrom(bytes.NewReader(p)); err != nil {
		return blob.Content{}, fmt.Errorf("storing a content: %w", err)
	}
	c, err := w.Finish(ctx)
	if err != nil {
		return blob.Content{}, fmt.Errorf("finishing a content: %w", err)
	}
	in.sums.compressed = in.sums.compressed || c.Compressed
	return c, nil
}

// append tells upload of contents; a repeat of the same ones is known there.
func (in *intake) append(ctx context.Context, patience time.Duration, b batch) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	req := uploadv1.AppendSessionRequest{Secret: in.p.Secret, Fence: in.lease.Fence, Offset: b.offset, Contents: b.contents, Midstate: b.midstate}
	lease, err := Insist(ctx, func(ctx context.Context) (uploadv1.SessionLease, error) { return in.s.Uploads.AppendSession(ctx, req) })
	if err != nil {
		return fmt.Errorf("appending to an upload session: %w", err)
	}
	in.lease = lease
	return nil
}
