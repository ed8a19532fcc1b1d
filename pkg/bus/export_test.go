package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// NewTestWatch makes a Watch that is not run.
func NewTestWatch(js jetstream.JetStream, tel *telemetry.Telemetry, consumers []Consumer, streams ...string) (*Watch, error) {
	return newWatch(js, tel.Instruments(instrumentation), consumers, streams)
}

// Sample takes one.
func (w *Watch) Sample(ctx context.Context) { w.sample(ctx) }

// What tests of outside bytes need to see.
var (
	ParseEnvelope = parseEnvelope
	EncodeValue   = encodeValue
	DecodeValue   = decodeValue
	Token         = token
	CheckSubject  = checkSubject
	TimerSubject  = timerSubject
)

// Header gives the headers of an envelope.
func (e Envelope) Header() map[string]string { return e.header() }
