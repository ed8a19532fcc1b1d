package lockwell

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// UploadOptions of Upload; nil means none.
type UploadOptions struct {
	Attributes
	Conditions

	PartSize    int64 // bytes; 0 means 16 MiB, or more for bodies of more than MaxParts parts
	Concurrency int   // parts in flight; 0 means 4
	// Threshold is the size up to which a body goes as one PUT, in bytes. 0 means
	// 64 MiB. It does not hold for a stream that is longer than one part.
	Threshold int64
	// UploadID names an upload of the same key to go on with: parts of it that
	// have the body's bytes are not sent again.
	UploadID string
	// Resume looks for an open upload of the same key to go on with: the newest
	// whose first part has the body's bytes. Its attributes stay as they were.
	Resume bool
	// Keep leaves the upload open when it fails, so that another Upload can go on
	// with it. Else it is aborted. Either way the error is an *InterruptedError.
	Keep bool
	// Progress is told how many bytes are on the server, of how many; -1 when
	// unknown. It is called by one goroutine at a time and must return quickly.
	Progress func(done, total int64)
}

const (
	defaultPartSize    = 16 << 20
	defaultConcurrency = 4
	defaultThreshold   = 64 << 20
	abortFor           = 30 * time.Second
)

// InterruptedError is an upload in parts that failed. UploadID is empty when
// the upload was aborted.
type InterruptedError struct {
	UploadID string
	Err      error
}

func (e *InterruptedError) Error() string { return e.Err.Error() }

// Unwrap gives what stopped the upload.
func (e *InterruptedError) Unwrap() error { return e.Err }

// Upload stores a body of any size: a large one in parts, several at a time. A
// body that is an io.ReaderAt and can seek, such as a file, is read in place; another one
// in buffers of a part each. The body must not change meanwhile.
func (c *Client) Upload(ctx context.Context, bucket, key string, body io.Reader, o *UploadOptions) (Object, error) {
	opts := UploadOptions{}
	if o != nil {
		opts = *o
	}
	if opts.PartSize <= 0 {
		opts.PartSize = defaultPartSize
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = defaultConcurrency
	}
	if opts.Threshold <= 0 {
		opts.Threshold = defaultThreshold
	}
	u := &upload{c: c, o: opts, bucket: bucket, key: key, progress: newProgress(opts.Progress, -1)}
	p, err := newPayload(body, 0)
	if err != nil {
		return Object{}, fmt.Errorf("put %s/%s: %w", bucket, key, err)
	}
	if at, ok := body.(io.ReaderAt); ok && p.seek != nil {
		u.source = &sections{r: io.NewSectionReader(at, p.start, p.size)}
		u.progress.total = p.size
	} else {
		u.source = &buffers{r: body, free: make(chan []byte, opts.Concurrency)}
	}
	if p.size >= 0 && p.size <= opts.Threshold && opts.UploadID == "" {
		put := PutOptions{Attributes: opts.Attributes, Conditions: opts.Conditions, Progress: opts.Progress}
		return c.Put(ctx, bucket, key, body, &put)
	}
	return u.run(ctx)
}

// upload is one run of Upload.
type upload struct {
	c           *Client
	o           UploadOptions
	bucket, key string
	source      source
	progress    *progress
	m           Multipart
	have        map[int]Part // what the server had before

	mu   sync.Mutex
	done []sentPart
	err  error
}

type sentPart struct {
	Part
	sum []byte
}

func (u *upload) run(ctx context.Context) (Object, error) {
	if s, ok := u.source.(*sections); ok {
		for s.r.Size() > u.o.PartSize*MaxParts {
			u.o.PartSize *= 2
		}
	}
	first, err := u.source.next(u.o.PartSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return Object{}, fmt.Errorf("put %s/%s: %w", u.bucket, u.key, err)
	}
	if errors.Is(err, io.EOF) && u.o.UploadID == "" {
		// A stream of one part at most.
		put := PutOptions{Attributes: u.o.Attributes, Conditions: u.o.Conditions, Progress: u.o.Progress}
		return u.c.Put(ctx, u.bucket, u.key, first.reader(), &put)
	}
	if err := u.begin(ctx, &first); err != nil {
		return Object{}, err
	}
	out, err := u.send(ctx, first)
	if err == nil {
		return out, nil
	}
	interrupted := &InterruptedError{Err: err, UploadID: u.m.UploadID}
	if !u.o.Keep {
		// The context may be what ended it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
		defer cancel()
		if u.c.AbortMultipart(ctx, u.m) == nil {
			interrupted.UploadID = ""
		}
	}
	return out, interrupted
}

// begin finds the upload to go on with, or makes one. The part size follows
// that of the upload, and so may first.
func (u *upload) begin(ctx context.Context, first *piece) (err error) {
	u.m = Multipart{Bucket: u.bucket, Key: u.key, UploadID: u.o.UploadID}
	switch {
	case u.o.UploadID != "":
		if u.have, err = u.parts(ctx, u.m); err != nil {
			return err
		}
		u.adopt(first)
		return nil
	case u.o.Resume:
		if found, err := u.find(ctx, first); err != nil || found {
			return err
		}
	}
	u.m, err = u.c.CreateMultipart(ctx, u.bucket, u.key, u.o.Attributes)
	return err
}

// find looks for an open upload of this body, the newest first.
func (u *upload) find(ctx context.Context, first *piece) (bool, error) {
	var open []Multipart
	for m, err := range u.c.ListMultipart(ctx, u.bucket, u.key) {
		if errors.Is(err, ErrAccessDenied) {
			return false, nil // this key may write, but not list
		}
		if err != nil {
			return false, err
		}
		if m.Key != u.key {
			break // keys that only begin like it come behind
		}
		open = append(open, m)
	}
	for i := len(open) - 1; i >= 0; i-- {
		have, err := u.parts(ctx, open[i])
		if errors.Is(err, ErrNotFound) {
			continue // gone meanwhile
		}
		if err != nil {
			return false, err
		}
		if u.matches(have) {
			u.m, u.have = open[i], have
			u.adopt(first)
			return true, nil
		}
	}
	return false, nil
}

func (u *upload) parts(ctx context.Context, m Multipart) (map[int]Part, error) {
	have := map[int]Part{}
	for p, err := range u.c.ListParts(ctx, m) {
		if err != nil {
			return nil, err
		}
		have[p.Number] = p
	}
	return have, nil
}

// partSize gives the size that the parts on a server were cut to; 0 when that
// cannot be said.
func partSize(have map[int]Part) (size int64) {
	for _, p := range have {
		size = max(size, p.Size)
	}
	return size
}

// matches reports whether the lowest of these parts has the body's bytes. Only
// a body that can be read anywhere is looked at.
func (u *upload) matches(have map[int]Part) bool {
	s, ok := u.source.(*sections)
	size := partSize(have)
	if !ok || size < MinPartSize || s.r.Size() > size*MaxParts {
		return false
	}
	lowest := MaxParts + 1
	for n := range have {
		lowest = min(lowest, n)
	}
	at := s.at(lowest, size)
	if at.r == nil {
		return false
	}
	sum, err := at.digest()
	return err == nil && have[lowest].holds(at.size, sum)
}

// adopt cuts the body as the parts on the server were.
func (u *upload) adopt(first *piece) {
	s, ok := u.source.(*sections)
	if size := partSize(u.have); ok && size >= MinPartSize && s.r.Size() <= size*MaxParts {
		u.o.PartSize = size
		s.number = 0
		*first, _ = s.next(size) // sections do not fail
	}
}

// send sends all parts and completes the upload.
func (u *upload) send(ctx context.Context, first piece) (Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pieces := make(chan piece)
	var workers sync.WaitGroup
	for range u.o.Concurrency {
		workers.Go(func() {
			for p := range pieces {
				if err := u.sendPart(ctx, p); err != nil {
					u.fail(err)
					cancel(err)
				}
				u.source.give(p)
			}
		})
	}
	u.fail(u.feed(ctx, first, pieces))
	close(pieces)
	workers.Wait()
	if u.err != nil {
		return Object{}, u.err
	}
	parts := make([]Part, len(u.done))
	joined := sha256.New()
	for i, p := range u.done {
		parts[i] = p.Part
		joined.Write(p.sum)
	}
	out, err := u.c.CompleteMultipart(ctx, u.m, parts, u.o.Conditions)
	if err != nil {
		return Object{}, err
	}
	return out, verifyComposite(out, joined.Sum(nil))
}

// feed hands the pieces of the body to the workers.
func (u *upload) feed(ctx context.Context, p piece, pieces chan<- piece) error {
	for {
		if p.number > MaxParts {
			return fmt.Errorf("put %s/%s: the body has more than %d parts of %d bytes: set a larger PartSize", u.bucket, u.key, MaxParts, u.o.PartSize)
		}
		u.mu.Lock()
		u.done = append(u.done, sentPart{})
		u.mu.Unlock()
		select {
		case pieces <- p:
		case <-ctx.Done():
			return fmt.Errorf("put %s/%s: %w", u.bucket, u.key, context.Cause(ctx))
		}
		var err error
		if p, err = u.source.next(u.o.PartSize); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("put %s/%s: reading the body: %w", u.bucket, u.key, err)
		}
		if p.size == 0 {
			return nil
		}
	}
}

// fail keeps the first error.
func (u *upload) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
}

func (u *upload) sendPart(ctx context.Context, p piece) error {
	if ctx.Err() != nil {
		return fmt.Errorf("put %s/%s: %w", u.bucket, u.key, context.Cause(ctx))
	}
	sum, err := p.digest()
	if err != nil {
		return fmt.Errorf("put %s/%s: %w", u.bucket, u.key, err)
	}
	part, ok := u.have[p.number]
	if ok && part.holds(p.size, sum) {
		u.progress.add(p.size)
	} else if part, err = u.c.putPart(ctx, u.m, p.number, p.reader(), Checksums{SHA256: sum}, u.progress.add); err != nil {
		return err
	} else if !part.holds(p.size, sum) {
		return fmt.Errorf("put %s/%s: part %d: %w", u.bucket, u.key, p.number, ErrChecksum)
	}
	part.Number = p.number
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done[p.number-1] = sentPart{part, sum}
	return nil
}
