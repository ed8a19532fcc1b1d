package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Reconcile makes the server's streams and durables what is declared: it creates
// what is missing, updates what differs, and leaves alone what nobody declared.
// It is idempotent and safe when several do it at once. Only an operator's user may;
// services Verify. A change that JetStream cannot make is bus.impossible_change and
// names it.
func Reconcile(ctx context.Context, js jetstream.JetStream, streams []jetstream.StreamConfig, consumers []Consumer) error {
	for _, s := range streams {
		if err := reconcileStream(ctx, js, s); err != nil {
			return err
		}
	}
	for _, c := range consumers {
		if _, err := ensureConsumer(ctx, js, c); err != nil {
			return err
		}
	}
	return nil
}

func reconcileStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = js.CreateStream(ctx, want); err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return impossible(err, "stream %s cannot be created: %v", want.Name, err)
		}
		s, err = js.Stream(ctx, want.Name) // another service was faster
	}
	if err != nil {
		return impossible(err, "looking up stream %s: %v", want.Name, err)
	}
	have := s.CachedInfo().Config
	want = normalStream(want, have)
	if reflect.DeepEqual(want, have) {
		return nil
	}
	if want.Retention != have.Retention || want.Storage != have.Storage {
		return ErrImpossible.Msgf(
			"stream %s has %s retention on %s storage and is declared with %s on %s; that cannot change while the stream exists",
			want.Name, have.Retention, have.Storage, want.Retention, want.Storage)
	}
	if _, err := js.UpdateStream(ctx, want); err != nil {
		return impossible(err, "stream %s cannot be updated: %v", want.Name, err)
	}
	return nil
}

// normalStream fills want with what the server fills in, so that it can be
// compared with what the server has.
func normalStream(want, have jetstream.StreamConfig) jetstream.StreamConfig {
	for _, n := range []*int64{&want.MaxMsgs, &want.MaxBytes, &want.MaxMsgsPerSubject} {
		if *n == 0 {
			*n = -1
		}
	}
	if want.MaxMsgSize == 0 {
		want.MaxMsgSize = -1
	}
	if want.MaxConsumers == 0 {
		want.MaxConsumers = have.MaxConsumers
	}
	if want.Replicas == 0 {
		want.Replicas = 1
	}
	if want.Duplicates == 0 {
		want.Duplicates = 2 * time.Minute
	}
	if want.FirstSeq == 0 {
		want.FirstSeq = have.FirstSeq
	}
	if want.AllowMsgSchedules || want.SubjectDeleteMarkerTTL > 0 {
		want.AllowRollup = true // the server implies it
	}
	// What the server notes down for itself, and an operator's placement, stay.
	meta := map[string]string{}
	for k, v := range have.Metadata {
		if strings.HasPrefix(k, "_nats.") {
			meta[k] = v
		}
	}
	for k, v := range want.Metadata {
		meta[k] = v
	}
	want.Metadata = meta
	if len(meta) == 0 {
		want.Metadata = have.Metadata
	}
	if want.Placement == nil {
		want.Placement = have.Placement
	}
	return want
}

// ensureConsumer makes the durable what c declares and returns it.
func ensureConsumer(ctx context.Context, js jetstream.JetStream, c Consumer) (jetstream.Consumer, error) {
	if err := c.Validate(); err != nil {
		return nil, ErrImpossible.Because(err)
	}
	c = c.withDefaults()
	s, err := js.Stream(ctx, c.Stream)
	if err != nil {
		return nil, impossible(err, "consumer %s: looking up stream %s: %v", c.Durable, c.Stream, err)
	}
	want := c.config(s.CachedInfo().Config)
	have, err := s.Consumer(ctx, c.Durable)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
	case err != nil:
		return nil, impossible(err, "looking up consumer %s: %v", c.Durable, err)
	case sameConsumer(want, have.CachedInfo().Config):
		return have, nil
	default:
		// Metadata is the server's own; sending none would be refused as a change.
		want.Metadata = have.CachedInfo().Config.Metadata
	}
	cons, err := s.CreateOrUpdateConsumer(ctx, want)
	if err != nil {
		return nil, impossible(err, "consumer %s of stream %s cannot be made what is declared: %v", c.Durable, c.Stream, err)
	}
	return cons, nil
}

// sameConsumer compares what config sets; the rest is the server's business.
func sameConsumer(a, b jetstream.ConsumerConfig) bool {
	return a.AckPolicy == b.AckPolicy && a.DeliverPolicy == b.DeliverPolicy && a.AckWait == b.AckWait &&
		a.MaxDeliver == b.MaxDeliver && a.MaxAckPending == b.MaxAckPending && a.FilterSubject == b.FilterSubject &&
		reflect.DeepEqual(append([]string{}, a.FilterSubjects...), append([]string{}, b.FilterSubjects...))
}

// impossible tells what the server refused from a server that is away.
func impossible(err error, format string, args ...any) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.Code < 500 || errors.As(err, &api) && api.ErrorCode == codeNeedsCluster {
		return ErrImpossible.Msgf(format, args...).Because(err)
	}
	return ErrUnavailable.Because(fmt.Errorf(format, args...))
}

// codeNeedsCluster is a standalone server's answer to more than one replica.
const codeNeedsCluster jetstream.ErrorCode = 10074
