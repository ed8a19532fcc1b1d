// Package consumer handles what comes to upload over the bus, and sets its timers.
package consumer

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// SubscribeFetches has b tell s of fetches whose next attempt fell due. A timer is
// only a wake-up: the record says whether it is due, and the sweep finds what no
// timer told of.
func SubscribeFetches(b *bus.Bus, s *domain.Fetches) error {
	return bus.SubscribeRaw(b, streams.FetchesDue(), func(ctx context.Context, m *bus.Message) error {
		token, _ := strings.CutPrefix(m.Subject, streams.DueFetches+".")
		id, err := strconv.ParseInt(token, 10, 64)
		if err != nil {
			return nil //nolint:nilerr // it is no fetch's timer
		}
		return s.Due(ctx, id)
	})
}

// FetchTimers implements domain.FetchTimers over the bus's schedules.
type FetchTimers struct{ T *bus.Timers }

var _ domain.FetchTimers = FetchTimers{}

// Wake implements domain.FetchTimers.
func (t FetchTimers) Wake(ctx context.Context, id int64, at time.Time) error {
	n := strconv.FormatInt(id, 10)
	return t.T.At(ctx, "fetches."+n, at, streams.DueFetches+"."+n, nil, telemetry.Carry(ctx))
}
