package lockr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// request is one operation.
type request struct {
	op         string // for errors
	method     string
	url        string // whole, or a path behind /api/v1
	header     http.Header
	body       io.Reader // nil: none
	size       int64     // of body; -1 unknown
	idempotent bool      // sending it again cannot do harm
	bearer     bool      // with the token, if there is one
	follow     bool      // redirects
}

// maxJSON bounds an answer in JSON, in bytes.
const maxJSON = 16 << 20

// brokenError is a connection that broke, so that the request may be repeated.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// once sends r and gives whatever is answered; the caller closes the body.
func (c *Client) once(ctx context.Context, r request) (*http.Response, error) {
	w := wire.NewWatch(ctx, c.cfg.IdleTimeout)
	target := r.url
	if len(target) > 0 && target[0] == '/' {
		target = c.base + target
	}
	var body io.Reader
	if r.body != nil {
		body = &watchedSource{r.body, w}
	}
	req, err := http.NewRequestWithContext(w.Context, r.method, target, body) //nolint:contextcheck // it is made of ctx
	if err != nil {
		w.Stop()
		return nil, fmt.Errorf("%s: making the request: %w", r.op, wire.Bare(err))
	}
	if r.body != nil {
		req.ContentLength = r.size
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	// Without it net/http would unpack what somebody stored packed.
	req.Header.Set("Accept-Encoding", "identity")
	if r.bearer && c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	client := c.http
	if r.follow {
		client = c.fetch
	}
	resp, err := client.Do(req)
	if err != nil {
		defer w.Stop()
		if w.Stalled() {
			err = ErrStalled
		}
		return nil, brokenError{wire.Bare(err)}
	}
	resp.Body = w.Body(resp.Body)
	w.Pause()
	return resp, nil
}

// watchedSource is the body of a request. Time that its source takes does not count.
type watchedSource struct {
	io.Reader
	w *wire.Watch
}

func (s *watchedSource) Read(p []byte) (int, error) {
	s.w.Pause()
	n, err := s.Reader.Read(p)
	s.w.Resume()
	return n, err
}

// try is once for an answer that is a success.
func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	resp, err := c.once(ctx, r)
	if err == nil && (resp.StatusCode < 200 || resp.StatusCode > 299) {
		return nil, errorFrom(r.op, resp)
	}
	return resp, err
}

// pause waits before another attempt, or gives the error that there is none.
func (c *Client) pause(ctx context.Context, op string, err error, attempt int) error {
	asked, again := repeatable(err)
	if ctx.Err() != nil || !again || attempt >= c.cfg.MaxAttempts || asked > c.cfg.MaxWait {
		return named(ctx, op, err)
	}
	if err := wire.Sleep(ctx, wire.Wait(attempt, asked, c.cfg.MaxWait)); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// repeatable reports whether what failed by err may work soon, and how long the
// server asks to wait.
func repeatable(err error) (asked time.Duration, again bool) {
	var answer *Error
	if errors.As(err, &answer) {
		return answer.RetryAfter, wire.Again(answer.Status)
	}
	var b brokenError
	return 0, errors.As(err, &b)
}

// named says what was being done, once.
func named(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	var answer *Error
	if errors.As(err, &answer) {
		return err
	}
	var b brokenError
	if errors.As(err, &b) {
		err = b.error
	}
	return fmt.Errorf("%s: %w", op, err)
}

// json sends in, unless nil, and decodes the answer into out, unless nil.
func (c *Client) json(ctx context.Context, r request, in, out any) error {
	var data []byte
	if in != nil {
		var err error
		if data, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s: encoding the request: %w", r.op, err)
		}
		if r.header == nil {
			r.header = http.Header{}
		}
		r.header.Set("Content-Type", "application/json")
		r.size = int64(len(data))
	}
	r.bearer = true
	for attempt := 1; ; attempt++ {
		if data != nil {
			r.body = bytes.NewReader(data)
		}
		err := c.decoded(ctx, r, out)
		if err == nil {
			return nil
		}
		if !r.idempotent {
			return named(ctx, r.op, err)
		}
		if err := c.pause(ctx, r.op, err, attempt); err != nil {
			return err
		}
	}
}

// decoded sends r once and decodes its answer.
func (c *Client) decoded(ctx context.Context, r request, out any) error {
	resp, err := c.try(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode(r.op, resp, out)
}

// decode reads an answer in JSON.
func decode(op string, resp *http.Response, out any) error {
	if out == nil {
		_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxJSON))
		if err != nil {
			return brokenError{err}
		}
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxJSON+1))
	if err != nil {
		return brokenError{err}
	}
	if err := json.Unmarshal(data, out); err != nil || len(data) > maxJSON {
		return &Error{
			Op: op, Code: ErrUnexpectedAnswer, Message: "the server answered something else than the API's JSON",
			Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id"),
		}
	}
	return nil
}
