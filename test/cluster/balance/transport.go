package balance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// transport sends a request to the first edge of the order that takes it.
//
// It is sent again, to another edge, only when the connection could not be made:
// then no byte of it left. What broke off later may have been carried out and is
// answered 502; net/http itself repeats a request without a body of a safe
// method on a kept connection that the edge closed meanwhile.
type transport struct {
	b    *Balancer
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body != nil {
		defer func() {
			if body != nil {
				_ = body.Close() // no attempt took it over
			}
		}()
	}
	last := errNone
	for _, e := range t.b.order() {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = e.url.Scheme, e.url.Host
		if r.Body != nil {
			out.Body = struct {
				io.Reader
				io.Closer
			}{r.Body, io.NopCloser(nil)} // what could not be sent stays whole
		}
		e.active.Add(1)
		resp, err := t.base.RoundTrip(out)
		if err == nil {
			e.requests.Add(1)
			resp.Body = t.counted(resp.Body, r.Body, e)
			body = nil
			return resp, nil
		}
		e.active.Add(-1)
		if !unsent(err) || r.Context().Err() != nil {
			if r.Context().Err() == nil {
				e.failures.Add(1)
			}
			return nil, fmt.Errorf("edge %s: %w", e.url.Host, err)
		}
		e.repeats.Add(1)
		t.b.see(e, false)
		last = fmt.Errorf("%w: %w", errNone, err)
	}
	return nil, last
}

// unsent reports whether the connection was never there.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// counted counts the request as under way until its answer has been read. An
// answer with 101 stays writable for the two ends of the upgraded connection.
func (t *transport) counted(answer, body io.ReadCloser, e *edge) io.ReadCloser {
	done := sync.OnceFunc(func() {
		e.active.Add(-1)
		if body != nil {
			_ = body.Close()
		}
	})
	if w, ok := answer.(io.Writer); ok {
		return struct {
			*countedBody
			io.Writer
		}{&countedBody{answer, done}, w}
	}
	return &countedBody{answer, done}
}

type countedBody struct {
	io.ReadCloser
	done func()
}

func (c *countedBody) Close() error {
	defer c.done()
	return c.ReadCloser.Close()
}
