package edge

import (
	"context"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/services/edge/internal/fetch"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// fetchDrain is how long fetches may go on when the edge stops: those that are
// almost there. The others go back to the queue.
const fetchDrain = 3 * time.Second

// fetchRate is what an address must send on average, bytes a second, once
// fetchGrace is over: less holds a place of the few for hours and brings nothing.
const (
	fetchRate  = 16 << 10
	fetchGrace = 2 * time.Minute
)

// fetch has this edge take part in fetching remote URLs, until background ends.
func (s *Service) fetch(ctx, background context.Context, blobs transfer.Blobs, objects objectv1.Service) (err error) {
	engine := &transfer.Engine{
		Blobs: blobs, Objects: objects, Uploads: uploadv1.NewClient(s.p.Client), Log: s.p.Tel.Log, Now: s.p.Clock,
	}
	s.fetcher, err = fetch.New(fetch.Options{
		AtOnce: s.cfg.Fetch.Concurrency, Timeout: streams.FetchTimeout, Stall: s.cfg.HTTP.StallTimeout, PaceBytes: paceBytes, Rate: fetchRate, Grace: fetchGrace,
		Keep: uploadv1.FetchLease / 3,
	}, fetch.Deps{
		Fetches: uploadv1.NewFetchClient(s.p.Client), Engine: engine, Out: outbound.Config{Allow: s.p.Settings.OutboundAllow, Own: s.own}, Tel: s.p.Tel,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	if s.fetches, err = bus.New(ctx, s.p.JS, bus.Config{Name: "edge", Tel: s.p.Tel, Drain: fetchDrain}); err != nil {
		return fmt.Errorf("setting up the queue of fetches: %w", err)
	}
	consumer := streams.EdgeFetches()
	consumer.Concurrency = s.cfg.Fetch.Concurrency
	if err := bus.SubscribeRaw(s.fetches, consumer, s.fetcher.Handle); err != nil { //nolint:contextcheck // handlers get the deliveries' contexts
		return fmt.Errorf("subscribing to fetches: %w", err)
	}
	s.part(func() error { return s.fetches.Run(background) })
	return nil
}

// endFetches gives the fetches under way back to the queue, but those that are
// almost there.
func (s *Service) endFetches(ctx context.Context) error {
	if s.fetches == nil {
		return nil
	}
	return s.fetches.Close(ctx) //nolint:wrapcheck // it says what was being done
}
