package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
)

// closed is a stream that answers a removal with err.
type closed struct {
	jetstream.Stream
	config jetstream.StreamConfig
	err    error
	asked  int
}

func (c *closed) CachedInfo() *jetstream.StreamInfo { return &jetstream.StreamInfo{Config: c.config} }

func (c *closed) DeleteMsg(context.Context, uint64) error {
	c.asked++
	return c.err
}

// TestWritable_TellsAClosedStream has the words of nats-server 2.15.2, as a full disk
// and a healthy system brought them; that a healthy one says no others is for the
// tests of a whole system.
func TestWritable_TellsAClosedStream(t *testing.T) {
	t.Parallel()
	refused := func(why string) error {
		return fmt.Errorf("%w: %w", jetstream.ErrMsgDeleteUnsuccessful, errors.New(why))
	}
	for why, c := range map[string]struct {
		s    closed
		want string // in the finding; empty: none
	}{
		"a write failed":          {closed{err: refused("critical write error: no space left on device")}, "no space left"},
		"no such message":         {closed{err: refused("stream store EOF")}, ""},
		"no such message, either": {closed{err: refused("no message found")}, ""},
		"nobody answers":          {closed{err: nats.ErrTimeout}, ""},
		"nothing may be removed":  {closed{config: jetstream.StreamConfig{DenyDelete: true}, err: refused("critical write error")}, ""},
	} {
		found := doctor.Writable(t.Context(), &c.s)
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || found[0].Level != doctor.Fail || !strings.Contains(found[0].Finding, c.want)) {
			t.Errorf("%s: %+v", why, found)
		}
		if (c.s.asked == 0) != c.s.config.DenyDelete {
			t.Errorf("%s: asked %d times", why, c.s.asked)
		}
	}
}
