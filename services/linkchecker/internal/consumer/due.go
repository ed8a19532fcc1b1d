// Package consumer handles what comes to linkchecker over the bus, and sets its
// timers.
package consumer

import (
	"context"
	"strings"
	"time"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// Subscribe has b tell s of checks that fell due. A timer is only a wake-up: the
// record says whether it is due, and the sweep finds what no timer told of.
func Subscribe(b *bus.Bus, s *domain.Service) error {
	return bus.SubscribeRaw(b, streams.LinksDue(), func(ctx context.Context, m *bus.Message) error {
		id, ok := strings.CutPrefix(m.Subject, streams.DueLinks+".")
		if !ok || id == "" {
			return nil
		}
		return s.Queue(ctx, id)
	})
}

// Timers implements domain.Timers over the bus's schedules.
type Timers struct{ T *bus.Timers }

var _ domain.Timers = Timers{}

// Wake implements domain.Timers. The check that will be due is another one than what
// sets its timer: a URL is checked for as long as a container has it, and so would a
// trace of all its checks go on.
func (t Timers) Wake(ctx context.Context, urlID string, at time.Time) error {
	return t.T.At(ctx, "links."+urlID, at, streams.DueLinks+"."+urlID, nil, telemetry.CauseOf(ctx))
}
