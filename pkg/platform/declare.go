package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// Declare makes everything that services find on the nats-server: KV buckets, the
// object stores that the settings ask for, streams and durables, in this order, so
// that who sees the durables sees all. nc is the operator's; services may not. It
// is idempotent, and waits for streams that are away: those of a cluster whose
// servers have just started have no leader yet. A bucket that exists keeps its
// settings, which are the operator's.
func Declare(ctx context.Context, nc *nats.Conn, s Settings, d bus.Declaration, tel *telemetry.Telemetry) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("using JetStream: %w", err)
	}
	return await(ctx, tel.Log, func(ctx context.Context) error { return declare(ctx, nc, js, s, d, tel) })
}

func declare(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, s Settings, d bus.Declaration, tel *telemetry.Telemetry) error {
	for _, b := range append([]jetstream.KeyValueConfig{natskv.Config(s.NATS.Replicas)}, d.Buckets...) {
		if _, err := js.KeyValue(ctx, b.Bucket); err == nil {
			continue
		}
		if _, err := js.CreateKeyValue(ctx, b); err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return fmt.Errorf("making KV bucket %s: %w", b.Bucket, err)
		}
	}
	cfg, err := s.blobConfig(tel)
	if err != nil {
		return err
	}
	cfg.Conns = []*nats.Conn{nc}
	if err := blob.Declare(ctx, cfg); err != nil {
		return fmt.Errorf("declaring the object stores: %w", err)
	}
	return bus.Reconcile(ctx, js, d.Streams, d.Consumers)
}

// verify waits until everything is declared, and tells what differs.
func (p *Platform) verify(ctx context.Context, d bus.Declaration) error {
	var differs []string
	err := await(ctx, p.Tel.Log, func(ctx context.Context) (err error) {
		differs, err = bus.Verify(ctx, p.JS, d.Streams, d.Consumers)
		return err
	})
	for _, what := range differs {
		p.Tel.Log.WarnContext(ctx, "the nats-server's is not what this version declares; 'sluice bus declare' by the newer version changes it", "differs", what)
	}
	return err
}

// Bucket opens a KV bucket that is declared, and waits for it.
func (p *Platform) Bucket(ctx context.Context, name string) (kv jetstream.KeyValue, err error) {
	err = await(ctx, p.Tel.Log, func(ctx context.Context) error {
		kv, err = p.JS.KeyValue(ctx, name)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return bus.ErrNotDeclared.Msgf("KV bucket %s is not declared on the nats-server; 'sluice bus declare' does that", name).Because(err)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening KV bucket %s: %w", name, err)
	}
	return kv, nil
}

// await repeats what finds something undeclared or away, for as long as a process
// waits for its nats-server: the processes of an installation start in any order,
// and a stream of a cluster that has just started has no leader yet.
func await(ctx context.Context, log *slog.Logger, find func(context.Context) error) error {
	// A deadline of ours would take the place of the shorter one that JetStream's
	// client gives each question, and one lost answer would cost the whole wait.
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(connectWait, cancel).Stop()
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	var last error
	for {
		err := find(wait)
		if err != nil && last != nil && wait.Err() != nil {
			return errors.Join(last, ctx.Err()) // err is that the wait was cut
		}
		if !errors.Is(err, bus.ErrNotDeclared) && !errors.Is(err, blob.ErrNotDeclared) && !errors.Is(err, keys.ErrNotFound) && !away(err) {
			return err
		}
		if last == nil {
			log.InfoContext(ctx, "waiting for what is to be declared on the nats-server", telemetry.KeyErr, err)
		}
		last = err
		select {
		case <-wait.Done():
			return err
		case <-retry.C:
		}
	}
}

// away reports whether err is that of a server or a stream which may be back soon.
func away(err error) bool {
	if k := fault.KindOf(err); k == fault.Unavailable || k == fault.Timeout {
		return true
	}
	for _, e := range []error{nats.ErrNoResponders, nats.ErrTimeout, nats.ErrDisconnected, jetstream.ErrNoStreamResponse, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == http.StatusServiceUnavailable
}
