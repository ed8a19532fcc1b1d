package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/bus"
)

// Patience of the JetStream publisher: a leader change is over within it, and
// nobody's request hangs longer than a call of a service may (rpc.DefaultTimeout).
const (
	tryFor  = 8 * time.Second
	tryEach = 2 * time.Second
)

// JetStream publishes to the audit stream. A message whose acknowledgement got
// lost is sent again under the same id, so that the stream keeps one; other
// refusals than those for want of room pass, as that of an id which is still
// under way through a cluster.
func JetStream(js jetstream.JetStream) Publisher {
	return func(ctx context.Context, data []byte) error {
		ctx, cancel := context.WithTimeout(ctx, tryFor)
		defer cancel()
		id := ulid.Make().String()
		for {
			err := publishOnce(ctx, js, id, data)
			switch {
			case err == nil:
				return nil
			case bus.Full(err), ctx.Err() != nil:
				return fmt.Errorf("storing audit records: %w", err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("storing audit records: %w", err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

func publishOnce(ctx context.Context, js jetstream.JetStream, id string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, tryEach)
	defer cancel()
	msg := nats.NewMsg(auditv1.SubjectV1)
	msg.Data = data
	_, err := js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(auditv1.Stream))
	return err //nolint:wrapcheck // the caller says what was being done
}
