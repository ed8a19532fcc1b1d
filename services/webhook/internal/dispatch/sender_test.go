package dispatch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/webhook/internal/dispatch"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

func newSender(t *testing.T, timeout time.Duration, h http.HandlerFunc) (*dispatch.Sender, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: timeout})
	t.Cleanup(c.Close)
	return dispatch.NewSender(c, time.Now), s.URL
}

func TestSender_Outcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	const silence = 500 * time.Millisecond // is an end only where it is what is asked for
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   func(o domain.Outcome) bool
	}{
		"204": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, func(o domain.Outcome) bool { return o.OK() && o.Status == 204 }},
		"a long answer": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, strings.NewReader(strings.Repeat("x", 300<<10)), 300<<10)
		}, func(o domain.Outcome) bool { return o.OK() }},
		"410": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, func(o domain.Outcome) bool { return o.Gone() && !o.OK() }},
		"429 with seconds": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(429)
		}, func(o domain.Outcome) bool { return o.Status == 429 && o.RetryAfter == 90*time.Second }},
		"503 with a date": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", now.Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(503)
		}, func(o domain.Outcome) bool { return o.RetryAfter > 50*time.Minute && o.RetryAfter < 61*time.Minute }},
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(o domain.Outcome) bool { return !o.OK() && o.Status == 0 && o.Error != "" }},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(o domain.Outcome) bool {
			return !o.OK() && o.Error == outbound.ErrTimeout.Message && o.Took >= silence-100*time.Millisecond
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within := time.Minute
			if name == "silence" {
				within = silence
			}
			s, url := newSender(t, within, func(w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != "body" || r.Header.Get("Webhook-Id") != "1" || r.Method != http.MethodPost {
					t.Errorf("%s %v %q %v", r.Method, r.Header, body, err)
				}
				c.answer(w, r)
			})
			o, err := s.Send(t.Context(), url, map[string]string{"webhook-id": "1"}, []byte("body"))
			if err != nil || !c.want(o) || o.URL != url || o.At.IsZero() || o.Took <= 0 {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestSender_Canceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, url := newSender(t, time.Minute, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := s.Send(ctx, url, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if o, err := s.Send(t.Context(), "http://\x00", nil, nil); err != nil || o.Error == "" {
		t.Errorf("%+v, %v", o, err)
	}
}

func FuzzSender_RetryAfter(f *testing.F) {
	for _, v := range []string{"", "0", "120", "-1", "9999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1e3", "\x00"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		s := dispatch.NewSender(doer(func() *http.Response {
			return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {v}}, Body: http.NoBody}
		}), time.Now)
		o, err := s.Send(t.Context(), "http://x", nil, nil)
		if err != nil || o.RetryAfter < 0 || o.RetryAfter > domain.MaxRetryAfter {
			t.Fatalf("%q: %v, %v", v, o.RetryAfter, err)
		}
	})
}

type doer func() *http.Response

func (d doer) Do(context.Context, *http.Request) (*http.Response, error) { return d(), nil }
