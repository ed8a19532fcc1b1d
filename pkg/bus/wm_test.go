package bus_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	wmtests "github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// TestWatermillSuite runs Watermill's own suite for publishers and subscribers.
// Not claimed, so not tested by it: exactly-once and global order. Reconnects
// have tests of their own here, since the suite wants a shell command for them.
func TestWatermillSuite(t *testing.T) {
	full(t)
	w := newSuite(t)
	wmtests.TestPubSub(t, wmtests.Features{
		ConsumerGroups: true, Persistent: true, GuaranteedOrderWithSingleSubscriber: true, GenerateTopicFunc: suiteTopic,
	}, func(t *testing.T) (message.Publisher, message.Subscriber) { return w.pubSub(t, "all") }, w.pubSub)
}

// TestWatermillSuite_OldMessages gives each subscriber a durable of its own, which
// then sees what was published before it existed.
func TestWatermillSuite_OldMessages(t *testing.T) {
	full(t)
	w := newSuite(t)
	var n atomic.Int32
	f := wmtests.Features{Persistent: true, NewSubscriberReceivesOldMessages: true, GenerateTopicFunc: suiteTopic}
	wmtests.TestNewSubscriberReceivesOldMessages(t, wmtests.TestContext{TestID: wmtests.NewTestID(), Features: f},
		func(t *testing.T) (message.Publisher, message.Subscriber) {
			return w.pubSub(t, fmt.Sprintf("own%d", n.Add(1)))
		})
}

func suiteTopic(tctx wmtests.TestContext) string { return "suite." + string(tctx.TestID) }

// suite gives every topic a stream: the suite publishes the same ids on several
// topics, and one stream takes an id once.
type suite struct {
	js   jetstream.JetStream
	mu   sync.Mutex
	made map[string]bool
}

func newSuite(t *testing.T) *suite {
	srv := natstest.Start(t)
	return &suite{js: newJS(t, natstest.Conn(t, srv)), made: map[string]bool{}}
}

func (s *suite) stream(t *testing.T, topic string) string {
	name := "S_" + strings.NewReplacer(".", "_", "-", "_").Replace(topic)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.made[name] {
		_, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{topic, bus.ReplaySubjects(name)}})
		if err != nil {
			t.Errorf("making the stream of %s: %v", topic, err)
		}
		s.made[name] = true
	}
	return name
}

func (s *suite) pubSub(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	sub := bus.NewSubscriber(s.js, bus.SubscriberConfig{
		Consumer: func(topic string) bus.Consumer {
			c := bus.Consumer{
				Stream: s.stream(t, topic), Durable: group, Subjects: []string{topic}, Concurrency: 1, MaxDeliver: 1000,
				AckWait: 5 * time.Second, Backoff: func(int) time.Duration { return 0 },
			}
			if err := bus.Reconcile(context.WithoutCancel(t.Context()), s.js, nil, []bus.Consumer{c}); err != nil {
				t.Errorf("declaring the durable of %s: %v", topic, err)
			}
			return c
		},
		Drain: 2 * time.Second,
	})
	return suitePublisher{bus.NewPublisher(s.js), s, t}, sub
}

type suitePublisher struct {
	message.Publisher
	s *suite
	t *testing.T
}

func (p suitePublisher) Publish(topic string, msgs ...*message.Message) error {
	p.s.stream(p.t, topic)
	return p.Publisher.Publish(topic, msgs...)
}
