package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
)

// Declaration is what an installation keeps on its nats-server, beside the object
// stores and the key domains, which have packages of their own.
type Declaration struct {
	Streams   []jetstream.StreamConfig
	Consumers []Consumer
	Buckets   []jetstream.KeyValueConfig
}

// ErrNotDeclared says that a stream or durable which the system needs is not there.
// Whoever meets it may wait: an operator makes them ('sluice bus declare'; the
// nats-server of a data directory has it done when it starts).
var ErrNotDeclared = fault.New(fault.Unavailable, "bus.not_declared", "a stream or consumer is not declared on the nats-server; 'sluice bus declare' does that")

// Verify looks whether the streams and durables that are declared are there, and
// makes nothing: a service's user may not. It gives what differs from what is
// declared, a sentence each, which is no error: while versions change, one of two
// declarations is the newer one. Every service calls it with the full lists before
// it publishes, since a stream with interest retention drops what no durable waits
// for. Codes: bus.not_declared, which names the first that is missing;
// bus.unavailable.
func Verify(ctx context.Context, js jetstream.JetStream, streams []jetstream.StreamConfig, consumers []Consumer) (differs []string, err error) {
	have := map[string]jetstream.StreamConfig{}
	for _, want := range streams {
		s, err := js.Stream(ctx, want.Name)
		if err != nil {
			return nil, absent(err, "stream %s", want.Name)
		}
		have[want.Name] = s.CachedInfo().Config
		if d := StreamDrift(want, have[want.Name]); len(d) > 0 {
			differs = append(differs, fmt.Sprintf("stream %s: %s", want.Name, strings.Join(d, "; ")))
		}
	}
	for _, c := range consumers {
		cons, err := findConsumer(ctx, js, c)
		if err != nil {
			return nil, err
		}
		stream, ok := have[c.Stream]
		if !ok {
			continue // its stream is none of ours to compare with
		}
		if d := ConsumerDrift(c, stream, cons.CachedInfo().Config); len(d) > 0 {
			differs = append(differs, fmt.Sprintf("consumer %s of stream %s: %s", c.Durable, c.Stream, strings.Join(d, "; ")))
		}
	}
	return differs, nil
}

// findConsumer gives a durable that is there, whatever its settings.
func findConsumer(ctx context.Context, js jetstream.JetStream, c Consumer) (jetstream.Consumer, error) {
	if err := c.Validate(); err != nil {
		return nil, ErrImpossible.Because(err)
	}
	cons, err := js.Consumer(ctx, c.Stream, c.Durable)
	if err != nil {
		return nil, absent(err, "consumer %s of stream %s", c.Durable, c.Stream)
	}
	return cons, nil
}

// absent tells what is missing from a server that is away.
func absent(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		return ErrNotDeclared.Msgf("%s is not declared on the nats-server; 'sluice bus declare' does that", what).Because(err)
	}
	return ErrUnavailable.Because(fmt.Errorf("looking up %s: %w", what, err))
}
