package lockwell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// Range is a piece of an object. A negative Offset counts from the end, and
// Length is ignored then; a Length of 0 or less reaches to the end.
type Range struct{ Offset, Length int64 }

func (r Range) String() string {
	switch {
	case r.Offset < 0:
		return "bytes=" + strconv.FormatInt(r.Offset, 10)
	case r.Length <= 0:
		return "bytes=" + strconv.FormatInt(r.Offset, 10) + "-"
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// GetOptions of Get and Head; nil means none.
type GetOptions struct {
	VersionID string
	Range     *Range // nil: all

	IfMatch, IfNoneMatch               string // ETags; IfNoneMatch that fails is ErrNotModified
	IfModifiedSince, IfUnmodifiedSince time.Time

	// SkipVerify leaves the checksum of a whole read unchecked.
	SkipVerify bool
	// Progress is told how many bytes came in, of how many.
	Progress func(done, total int64)
}

func (o *GetOptions) request(method, bucket, key string) request {
	r := request{
		op: "get " + bucket + "/" + key, method: method, path: keyPath(bucket, "objects", key),
		query: query("versionId", o.VersionID), header: http.Header{}, idempotent: true,
	}
	for name, v := range map[string]string{"If-Match": o.IfMatch, "If-None-Match": o.IfNoneMatch} {
		if v != "" {
			r.header.Set(name, v)
		}
	}
	for name, t := range map[string]time.Time{"If-Modified-Since": o.IfModifiedSince, "If-Unmodified-Since": o.IfUnmodifiedSince} {
		if !t.IsZero() {
			r.header.Set(name, t.UTC().Format(http.TimeFormat))
		}
	}
	if o.Range != nil {
		r.header.Set("Range", o.Range.String())
	}
	return r
}

// Head gives what is known of an object without its bytes.
func (c *Client) Head(ctx context.Context, bucket, key string, o *GetOptions) (Info, error) {
	if o == nil {
		o = &GetOptions{}
	}
	var info Info
	r := o.request(http.MethodHead, bucket, key)
	r.op = "look up " + bucket + "/" + key
	err := c.do(ctx, r, func(resp *http.Response) (err error) {
		info, err = infoFrom(bucket, key, resp)
		return err
	})
	return info, err
}

// Get opens an object. Its bytes come from the Reader, which the caller closes.
func (c *Client) Get(ctx context.Context, bucket, key string, o *GetOptions) (*Reader, error) {
	if o == nil {
		o = &GetOptions{}
	}
	r := o.request(http.MethodGet, bucket, key)
	out := &Reader{c: c, ctx: ctx, r: r, progress: o.Progress, attempts: c.cfg.MaxAttempts}
	resp, err := c.open(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	out.body = resp.Body
	if err := out.describe(bucket, key, resp); err != nil || o.Range != nil && resp.StatusCode != http.StatusPartialContent {
		_ = resp.Body.Close()
		if err == nil {
			err = errors.New("the server did not heed the range")
		}
		return nil, fmt.Errorf("%s: %w", r.op, err)
	}
	if out.offset == 0 && out.length == out.Size && !o.SkipVerify {
		out.verify()
	}
	return out, nil
}

// Reader gives the bytes of an object. When its connection breaks it goes on
// with another one where the bytes ended, as long as the object is the same.
// The end of a whole object is checked against its checksum: ErrChecksum comes
// in place of io.EOF. A Reader is not safe for concurrent use.
type Reader struct {
	Info

	c        *Client
	ctx      context.Context //nolint:containedctx // of the call that a Reader is the answer to
	r        request
	body     io.ReadCloser
	offset   int64 // in the object
	length   int64 // of the piece
	done     int64
	attempts int // left until bytes come
	sum      hash.Hash
	want     []byte
	progress func(done, total int64)
	err      error
}

// Range gives the piece that the Reader reads.
func (r *Reader) Range() Range { return Range{Offset: r.offset, Length: r.length} }

func (r *Reader) describe(bucket, key string, resp *http.Response) (err error) {
	if r.Info, err = infoFrom(bucket, key, resp); err != nil {
		return err
	}
	r.length = r.Size
	if resp.StatusCode == http.StatusPartialContent {
		r.offset, r.length, _, err = parseContentRange(resp.Header.Get("Content-Range"))
	}
	return err
}

// verify chooses a checksum of the bytes.
func (r *Reader) verify() {
	alg := SHA256
	if r.Composite || r.Checksums[alg] == nil {
		alg = CRC64NVME
	}
	if want := r.Checksums[alg]; want != nil {
		r.want, r.sum = want, alg.New()
	}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	for {
		n, err := r.body.Read(p[:min(int64(len(p)), r.length-r.done+1)])
		if int64(n) > r.length-r.done {
			n = int(r.length - r.done)
			err = fmt.Errorf("%s: the server sent more bytes than it announced", r.r.op)
		}
		r.took(p[:n])
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && r.done == r.length:
			err = r.check()
			r.err = err
		case r.done == r.length:
			r.err = err
		default:
			if err = r.resume(err); err == nil && n == 0 {
				continue
			}
			r.err = err
		}
		return n, err
	}
}

func (r *Reader) took(p []byte) {
	if len(p) == 0 {
		return
	}
	r.done += int64(len(p))
	r.attempts = r.c.cfg.MaxAttempts
	if r.sum != nil {
		r.sum.Write(p)
	}
	if r.progress != nil {
		r.progress(r.done, r.length)
	}
}

// check gives io.EOF when the bytes are those that are stored.
func (r *Reader) check() error {
	if r.sum != nil && !bytes.Equal(r.sum.Sum(nil), r.want) {
		return fmt.Errorf("%s: %w", r.r.op, ErrChecksum)
	}
	return io.EOF
}

// resume goes on with another connection after cause.
func (r *Reader) resume(cause error) error {
	if err := r.ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", r.r.op, context.Cause(r.ctx))
	}
	wait, again := r.c.pause(r.r, broken(cause), r.c.cfg.MaxAttempts-r.attempts+1)
	if !again || r.ETag == "" {
		return fmt.Errorf("%s: after %d of %d bytes: %w", r.r.op, r.done, r.length, cause)
	}
	r.attempts--
	_ = r.body.Close()
	if err := wire.Sleep(r.ctx, wait); err != nil {
		return fmt.Errorf("%s: %w", r.r.op, err)
	}
	next := r.r
	next.query = query("versionId", r.VersionID)
	next.header = http.Header{"If-Match": {r.ETag}, "Range": {Range{Offset: r.offset + r.done, Length: r.length - r.done}.String()}}
	resp, err := r.c.open(r.ctx, next, nil)
	if errors.Is(err, ErrPreconditionFailed) || errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%s: %w: %w", r.r.op, ErrChanged, err)
	}
	if err != nil {
		return err
	}
	offset, length, size, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil || offset != r.offset+r.done || length != r.length-r.done || size != r.Size || resp.Header.Get("ETag") != r.ETag {
		_ = resp.Body.Close()
		return fmt.Errorf("%s: the server did not go on where the connection broke: %w", r.r.op, cause)
	}
	r.body = resp.Body
	return nil
}

// Close ends the reading. It may come before the end.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errCut
	}
	return r.body.Close()
}
