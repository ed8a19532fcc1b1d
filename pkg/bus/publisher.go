package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
)

// errPublisherClosed is what a closed Publisher answers.
var errPublisherClosed = errors.New("the publisher is closed")

// Publisher is Watermill's publisher over JetStream: the topic is the subject,
// metadata are headers, the UUID is the Nats-Msg-Id. Publish returns when every
// message has its PubAck. It is safe for concurrent use.
type Publisher struct {
	js     jetstream.JetStream
	mu     sync.RWMutex
	closed bool
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher returns a Publisher; it leaves the connection alone when closed.
func NewPublisher(js jetstream.JetStream) *Publisher { return &Publisher{js: js} }

// Publish implements message.Publisher. Several messages are pipelined: when one
// fails, later ones may have been stored all the same. Errors are faults:
// bus.full, bus.unavailable, bus.event_too_large, timeout, canceled.
func (p *Publisher) Publish(topic string, msgs ...*message.Message) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errPublisherClosed
	}
	if len(msgs) == 1 {
		return publishOne(msgs[0].Context(), p.js, wire(topic, msgs[0]))
	}
	acks := make([]jetstream.PubAckFuture, 0, len(msgs))
	for _, m := range msgs {
		a, err := p.js.PublishMsgAsync(wire(topic, m))
		if err != nil {
			return publishFault(err)
		}
		acks = append(acks, a)
	}
	for i, a := range acks {
		select {
		case <-a.Ok():
		case err := <-a.Err():
			return publishFault(err)
		case <-msgs[i].Context().Done():
			return publishFault(msgs[i].Context().Err())
		}
	}
	return nil
}

// Close implements message.Publisher: later calls fail, the connection stays.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	return nil
}

// wire is m as NATS carries it; metadata that it cannot carry stays behind.
func wire(topic string, m *message.Message) *nats.Msg {
	return natsMsg(topic, m.UUID, m.Metadata, m.Payload)
}

func natsMsg(subject, id string, header map[string]string, data []byte) *nats.Msg {
	h := make(nats.Header, len(header)+1)
	for k, v := range header {
		if legalHeader(k, v) {
			h[k] = []string{v}
		}
	}
	if id != "" {
		h[nats.MsgIdHdr] = []string{encodeValue(id)}
	}
	return &nats.Msg{Subject: subject, Header: h, Data: data}
}

// publishOne publishes m and waits for its PubAck.
func publishOne(ctx context.Context, js jetstream.JetStream, m *nats.Msg) error {
	if _, err := js.PublishMsg(ctx, m); err != nil {
		return publishFault(fmt.Errorf("publishing on %s: %w", m.Subject, err))
	}
	return nil
}

// The server's codes for a stream or an account without room, and for a burst.
const (
	codeStreamFull      jetstream.ErrorCode = 10077
	codeNoResources     jetstream.ErrorCode = 10023
	codeTooManyRequests jetstream.ErrorCode = 10167
)

// Full reports whether a stream refused a message for want of room, its own or the
// account's: sending it again at once does not help.
func Full(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeStreamFull || api.ErrorCode == codeNoResources)
}

// publishFault maps what publishing answered to the faults of this package.
func publishFault(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case Full(err):
		return ErrFull.Because(err)
	case errors.As(err, &api) && api.ErrorCode == codeTooManyRequests:
		return ErrUnavailable.Because(err)
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrEventTooLarge.Because(err)
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrBadHeaderMsg):
		return ErrInvalidEvent.Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.From(err)
	}
	return ErrUnavailable.Because(err)
}
