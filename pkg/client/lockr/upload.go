package lockr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// UploadOptions of Upload; nil means none.
type UploadOptions struct {
	Attributes

	// Session is one that an earlier Upload of the same bytes was given by Save.
	// One that is gone is left aside; the attributes are those that it was made with.
	Session *Session
	// Save is given a new session before any byte is sent, to be kept.
	Save func(Session) error
	// Progress is told how many bytes the server has, of how many, as far as the
	// client can know. It is called by one goroutine at a time and must return quickly.
	Progress func(done, total int64)
}

// Upload stores size bytes of body as a file of that name. A connection that
// breaks, and a server that is away, cost what was not durable yet: the client
// asks how far the upload is and goes on from there. The body must not change
// meanwhile; ErrChecksum says that the file at the server is another one.
func (c *Client) Upload(ctx context.Context, name string, body io.ReaderAt, size int64, o *UploadOptions) (File, error) {
	u := &upload{c: c, op: "upload " + name, body: body, size: size, sum: sha256.New()}
	if o != nil {
		u.o = *o
	}
	offset, done, err := u.begin(ctx, name)
	if err != nil {
		return File{}, err
	}
	known := true // what the server has
	for failures := 0; done == nil; {
		var at int64
		if known {
			at, done, err = u.piece(ctx, offset)
		} else {
			at, done, err = c.state(ctx, u.session, size)
		}
		if err == nil && known && done == nil && at == offset {
			err = brokenError{errors.New("the server took nothing")}
		}
		if known = err == nil; !known {
			failures++
			if err := u.pause(ctx, err, failures); err != nil {
				return File{}, err
			}
			continue
		}
		if at > offset {
			failures = 0
		}
		offset = at
	}
	u.tell(size)
	return *done, u.check(*done)
}

// upload is one run of Upload.
type upload struct {
	c       *Client
	op      string
	o       UploadOptions
	body    io.ReaderAt
	size    int64
	session Session

	sum    hash.Hash // of what was read, from the beginning
	summed int64
}

// begin finds the session to go on with, or makes one.
func (u *upload) begin(ctx context.Context, name string) (offset int64, done *File, err error) {
	if u.o.Session != nil {
		u.session = *u.o.Session
		offset, done, err = u.c.State(ctx, u.session, u.size)
		if err == nil || !errors.Is(err, ErrSessionGone) {
			return offset, done, err
		}
	}
	if u.session, err = u.c.CreateSession(ctx, name, u.size, u.o.Attributes); err != nil {
		return 0, nil, err
	}
	if u.o.Save != nil {
		if err := u.o.Save(u.session); err != nil {
			return 0, nil, fmt.Errorf("%s: keeping the session: %w", u.op, err)
		}
	}
	return 0, nil, nil
}

// busyFor is how long to wait for another writer: it may be a connection of ours
// that the server has not missed yet.
const busyFor = time.Second

// pause waits before the upload goes on after err.
func (u *upload) pause(ctx context.Context, err error, attempt int) error {
	var source *sourceError
	if errors.As(err, &source) {
		return fmt.Errorf("%s: %w", u.op, source.err)
	}
	var answer *Error
	if errors.As(err, &answer) && attempt < u.c.cfg.MaxAttempts {
		busy := errors.Is(err, ErrSessionBusy)
		// What arrived before the answer is kept.
		if busy || answer.Status == http.StatusRequestTimeout || answer.Status >= 500 {
			again := *answer
			again.Status = http.StatusServiceUnavailable
			if busy {
				again.RetryAfter = max(again.RetryAfter, busyFor)
			}
			err = &again
		}
	}
	return u.c.pause(ctx, u.op, err, attempt)
}

// piece sends all from offset on in one request; the server keeps what arrives
// of it as it comes.
func (u *upload) piece(ctx context.Context, offset int64) (int64, *File, error) {
	r := request{op: u.op, method: http.MethodPut, url: u.session.UploadURL, header: http.Header{}}
	if u.size == 0 {
		return u.c.send(ctx, r)
	}
	if offset >= u.size { // all is there, and the end was not heard
		r.header.Set("Content-Range", fmt.Sprintf("bytes */%d", u.size))
		return u.c.send(ctx, r)
	}
	u.tell(offset)
	s := &source{u: u, at: offset}
	if err := s.catchUp(); err != nil {
		return 0, nil, err
	}
	r.body, r.size = s, u.size-offset
	r.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, u.size-1, u.size))
	at, done, err := u.c.send(ctx, r)
	if failed := s.end(); failed != nil && done == nil {
		err = failed
	}
	return at, done, err
}

func (u *upload) tell(done int64) {
	if u.o.Progress != nil {
		u.o.Progress(done, u.size)
	}
}

// check compares the file with what was read.
func (u *upload) check(f File) error {
	s := &source{u: u, at: u.size}
	if f.SHA256 == "" {
		return nil
	}
	if err := s.catchUp(); err != nil {
		return fmt.Errorf("%s: %w", u.op, err.err)
	}
	if hex.EncodeToString(u.sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s: %w: did it change while it was sent? It is stored as %s", u.op, ErrChecksum, f.ID)
	}
	return nil
}

// sourceError is one of the body that is sent.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }

func (e *sourceError) Unwrap() error { return e.err }

// source reads the body from a place on for one request. net/http may still read
// when the request is over, so it is cut off then.
type source struct {
	u  *upload
	mu sync.Mutex
	at int64

	over bool
	err  *sourceError
}

var errOver = errors.New("the request is over")

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, errOver
	}
	left := s.u.size - s.at
	if left <= 0 {
		return 0, io.EOF
	}
	n, err := s.u.body.ReadAt(p[:min(int64(len(p)), left)], s.at)
	if n > 0 {
		s.u.add(s.at, p[:n])
		s.at += int64(n)
		s.u.tell(s.at)
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file has %d bytes, %d were announced: %w", s.at, s.u.size, io.ErrUnexpectedEOF)
	}
	s.err = &sourceError{fmt.Errorf("reading the file: %w", err)}
	return 0, s.err
}

// end cuts the reading off, and gives its error.
func (s *source) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.err == nil {
		return nil
	}
	return s.err
}

// catchUp reads what an earlier run has sent, for the digest only.
func (s *source) catchUp() *sourceError {
	if _, err := io.Copy(s.u.sum, io.NewSectionReader(s.u.body, s.u.summed, max(0, s.at-s.u.summed))); err != nil {
		return &sourceError{fmt.Errorf("reading the file: %w", err)}
	}
	s.u.summed = max(s.u.summed, s.at)
	return nil
}

// add sums what is read for the first time.
func (u *upload) add(at int64, p []byte) {
	if skip := u.summed - at; skip < int64(len(p)) {
		u.sum.Write(p[skip:])
		u.summed = at + int64(len(p))
	}
}

// UploadStream stores a stream whose length need not be known (size -1), in one
// request: when that breaks, nothing is stored.
func (c *Client) UploadStream(ctx context.Context, name string, body io.Reader, size int64, a Attributes) (File, error) {
	r := request{op: "upload " + name, method: http.MethodPost, url: "/upload", bearer: true, body: body, size: size, header: http.Header{}}
	r.header.Set("X-File-Name", url.PathEscape(name))
	for header, v := range map[string]string{"Content-Type": a.Type, "X-Upload-Region": a.Region} {
		if v != "" {
			r.header.Set(header, v)
		}
	}
	if a.Key != "" {
		r.header.Set("X-Key-Hash", KeyHash(a.Key))
	}
	sum := &summing{Reader: body, sum: sha256.New()}
	r.body = sum
	var out File
	if err := c.decoded(ctx, r, &out); err != nil {
		return File{}, named(ctx, r.op, err)
	}
	if out.SHA256 != "" && out.SHA256 != sum.hex() {
		return out, fmt.Errorf("%s: %w", r.op, ErrChecksum)
	}
	return out, nil
}

// summing digests what is read. net/http reads in a goroutine of its own.
type summing struct {
	io.Reader
	mu  sync.Mutex
	sum hash.Hash
}

func (s *summing) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Write(p[:n])
	return n, err
}

func (s *summing) hex() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hex.EncodeToString(s.sum.Sum(nil))
}
