package cli

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A record is older than the message that carries it: it waits for company,
// and while the stream is away reads wait in memory. The clocks of the edge and
// of the stream may differ, too. A query reads so much more on either side.
const (
	earlier = time.Minute
	later   = 5 * time.Minute
)

// span is a piece of the past: from since, up to but without until.
type span struct {
	since, until time.Time // zero: open
	follow       bool      // and of the future
}

// newSpan reads the bounds; an empty one is open.
func newSpan(since, until string, now time.Time) (s span, err error) {
	if s.since, err = moment("--since", since, now); err != nil {
		return span{}, err
	}
	if s.until, err = moment("--until", until, now); err != nil {
		return span{}, err
	}
	if !s.until.IsZero() && !s.since.Before(s.until) {
		return span{}, fmt.Errorf("--since %s does not lie before --until %s", since, until)
	}
	return s, nil
}

// moment reads a time, a date (UTC), or how long ago it was.
func moment(flag, v string, now time.Time) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(v); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is a time such as 2026-11-21T06:00:00Z, a date, or a duration such as 36h; not %q", flag, v)
}

func (s span) has(t time.Time) bool {
	return !t.Before(s.since) && (s.until.IsZero() || t.Before(s.until))
}

// behind reports whether no record of the span comes in messages from t on.
func (s span) behind(t time.Time) bool {
	return !s.until.IsZero() && t.After(s.until.Add(later))
}

// consumer begins where the span does: the stream finds a time without reading
// what lies before it.
func (s span) consumer() jetstream.OrderedConsumerConfig {
	if s.since.IsZero() {
		return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	}
	begin := s.since.Add(-earlier)
	return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &begin}
}
