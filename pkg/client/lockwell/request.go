package lockwell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// request is one operation; it may be sent several times.
type request struct {
	op         string // for errors
	method     string
	path       string // escaped, behind /api/v1
	query      url.Values
	header     http.Header
	body       *payload
	idempotent bool // sending it again cannot do harm
	anonymous  bool // without a token
}

// maxJSON bounds an answer in JSON, in bytes: a page of a thousand keys of 1024
// bytes with all details is some 6 MiB at the worst.
const maxJSON = 32 << 20

// json sends in, unless nil, and decodes the answer into out, unless nil. An
// answer that breaks off counts as a broken connection.
func (c *Client) json(ctx context.Context, r request, in, out any) error {
	return c.answered(ctx, r, in, out, func(http.Header) {})
}

// answered is json that also shows the headers of the answer.
func (c *Client) answered(ctx context.Context, r request, in, out any, header func(http.Header)) error {
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: encoding the request: %w", r.op, err)
		}
		r.body = payloadOf(data)
		if r.header == nil {
			r.header = http.Header{}
		}
		r.header.Set("Content-Type", "application/json")
	}
	return c.do(ctx, r, func(resp *http.Response) error {
		header(resp.Header)
		if out == nil || resp.StatusCode == http.StatusNoContent {
			_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxJSON))
			return broken(err)
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxJSON+1))
		if err != nil {
			return broken(err)
		}
		if err := json.Unmarshal(data, out); err != nil || len(data) > maxJSON {
			return &Error{
				Op: r.op, Code: ErrUnexpectedAnswer, Message: "the server answered something else than the API's JSON",
				Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id"),
			}
		}
		return nil
	})
}

// brokenError is a connection that broke, so that the request may be repeated.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// settledError is one that was repeated enough.
type settledError struct{ error }

func (e settledError) Unwrap() error { return e.error }

func broken(err error) error {
	if err == nil {
		return nil
	}
	return brokenError{err}
}

// do sends r until it is answered for good, gives a 2xx answer to read, and
// closes it.
func (c *Client) do(ctx context.Context, r request, read func(*http.Response) error) error {
	resp, err := c.open(ctx, r, func(resp *http.Response) error {
		defer func() { _ = resp.Body.Close() }()
		return read(resp)
	})
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

// open sends r until it is answered for good and gives the 2xx answer, whose
// body the caller closes. check, unless nil, looks at it first: a broken
// connection there counts as one before.
func (c *Client) open(ctx context.Context, r request, check func(*http.Response) error) (*http.Response, error) {
	renewed := false
	defer r.body.end()
	for attempt := 1; ; attempt++ {
		resp, token, err := c.try(ctx, r)
		if err == nil && check != nil {
			err = check(resp)
		}
		var answer *Error
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s: %w", r.op, context.Cause(ctx))
		case errors.As(err, &answer) && answer.Status == http.StatusUnauthorized && token != "" && !renewed && r.body.rewind():
			renewed = true
			c.tokens.drop(token)
			attempt--
			continue
		}
		wait, again := c.pause(r, err, attempt)
		if !again || !r.body.rewind() {
			return nil, named(r.op, err)
		}
		if err := wire.Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
	}
}

// named says what was being done, once.
func named(op string, err error) error {
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

// pause decides whether r is sent once more after err, and when.
func (c *Client) pause(r request, err error, attempt int) (time.Duration, bool) {
	if !r.idempotent || attempt >= c.cfg.MaxAttempts {
		return 0, false
	}
	var asked time.Duration
	var answer *Error
	var b brokenError
	var settled settledError
	switch {
	case errors.As(err, &settled):
		return 0, false
	case errors.As(err, &answer):
		if asked = answer.RetryAfter; !wire.Again(answer.Status) || asked > c.cfg.MaxWait {
			return 0, false
		}
	case errors.As(err, &b):
	default:
		return 0, false
	}
	return wire.Wait(attempt, asked, c.cfg.MaxWait), true
}

// try sends r once; token is the one it was sent with.
func (c *Client) try(ctx context.Context, r request) (resp *http.Response, token string, err error) {
	if !r.anonymous {
		if token, err = c.token(ctx); err != nil {
			return nil, "", settledError{err}
		}
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	w := wire.NewWatch(ctx, c.cfg.IdleTimeout)
	body, size := r.body.open(w)
	req, err := http.NewRequestWithContext(w.Context, r.method, target, body) //nolint:contextcheck // w.Context is made of ctx
	if err != nil {
		w.Stop()
		return nil, "", fmt.Errorf("making the request: %w", err)
	}
	req.ContentLength = size
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	// Without it net/http would unpack what somebody stored packed.
	req.Header.Set("Accept-Encoding", "identity")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if size < 0 || size > expectOver {
		req.Header.Set("Expect", "100-continue") // a refusal comes before the bytes go
	}
	resp, err = c.http.Do(req)
	if err != nil {
		defer w.Stop()
		if r.body.failed() != nil {
			return nil, token, fmt.Errorf("reading the body: %w", r.body.failed())
		}
		if w.Stalled() {
			err = ErrStalled
		}
		return nil, token, brokenError{wire.Bare(err)}
	}
	resp.Body = w.Body(resp.Body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, token, errorFrom(r.op, resp)
	}
	w.Pause()
	return resp, token, nil
}

// expectOver is the size of a body, in bytes, from which the server is asked
// first.
const expectOver = 1 << 20
