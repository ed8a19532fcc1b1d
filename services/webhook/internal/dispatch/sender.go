package dispatch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// drained is how much of an answer is read, so that its connection can be used
// again; a longer one costs the connection. Nothing of it is kept.
const drained = 64 << 10

// Doer sends requests to addresses of users; *outbound.Client is one.
type Doer interface {
	Do(ctx context.Context, req *http.Request) (*http.Response, error)
}

// Sender implements domain.Sender over HTTP.
type Sender struct {
	http  Doer
	clock func() time.Time
}

// NewSender sends through c, which follows no redirects and bounds the time.
func NewSender(c Doer, clock func() time.Time) *Sender { return &Sender{http: c, clock: clock} }

// Send implements domain.Sender.
func (s *Sender) Send(ctx context.Context, url string, header map[string]string, body []byte) (domain.Outcome, error) {
	began := s.clock()
	o := domain.Outcome{At: began.UTC(), URL: url}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		o.Error = "the URL is malformed"
		return o, nil
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	// Of the trace the receiver learns its id and no more, to join its own with.
	if parent := telemetry.Carry(ctx)["traceparent"]; parent != "" {
		req.Header.Set("Traceparent", parent)
	}
	resp, err := s.http.Do(ctx, req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return o, ctx.Err()
		}
		o.Took, o.Error = s.clock().Sub(began), fault.From(err).Message
		return o, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drained) // the status has decided already
	_ = resp.Body.Close()
	o.Took, o.Status = s.clock().Sub(began), resp.StatusCode
	if !o.OK() {
		o.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), s.clock())
	}
	return o, nil
}

// retryAfter reads seconds or a date; 0 for anything else.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(v, 10, 32); err == nil {
		return min(time.Duration(max(n, 0))*time.Second, domain.MaxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), domain.MaxRetryAfter)
	}
	return 0
}
