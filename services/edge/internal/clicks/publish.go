package clicks

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
)

const (
	publishFor    = 4 * time.Second
	publishAtOnce = 32
)

// JetStream publishes to the stream that takes an event's subject.
func JetStream(js jetstream.JetStream) Publisher {
	pub := bus.NewPublisher(js)
	return func(ctx context.Context, events []docstore.Message) error {
		ctx, cancel := context.WithTimeout(ctx, publishFor)
		defer cancel()
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(publishAtOnce)
		for _, e := range events {
			g.Go(func() error {
				m := message.NewMessageWithContext(ctx, e.ID, e.Data)
				m.Metadata = e.Header
				return pub.Publish(e.Subject, m) //nolint:contextcheck // the message carries it
			})
		}
		return g.Wait() //nolint:wrapcheck // a fault of pkg/bus
	}
}
