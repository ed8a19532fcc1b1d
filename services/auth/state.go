package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	// stateHistory lets readers see past a state that was published again late:
	// they keep the highest revision of what is there.
	stateHistory = 8
	statesMax    = 4 << 30
	beatWithin   = authv1.BeatStale // a sequence that is older says nothing
)

// openStates opens the bucket of key and account states, and makes it on first start.
func openStates(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: authv1.KeyStateBucket, Description: "states of access keys and accounts, for the edges",
		History: stateHistory, Storage: jetstream.FileStorage, MaxBytes: statesMax, Replicas: max(replicas, 1),
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // with other settings, which are the operator's
		kv, err = js.KeyValue(ctx, authv1.KeyStateBucket)
	}
	if err != nil {
		return nil, fmt.Errorf("opening KV bucket %s: %w", authv1.KeyStateBucket, err)
	}
	return kv, nil
}

// beat tells the edges, until ctx ends, how far the bucket of states has come.
// It says nothing while that cannot be known: edges then ask for each request.
func (s *Service) beat(ctx context.Context) {
	tick := time.NewTicker(authv1.BeatInterval)
	defer tick.Stop()
	silent := false
	for {
		err := s.beatOnce(ctx)
		if err != nil && ctx.Err() == nil && !silent {
			s.p.Tel.Log.WarnContext(ctx, "no beat to the edges, they ask for each request", slog.Any(telemetry.KeyErr, err))
		}
		silent = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	st, err := s.p.JS.Stream(ctx, "KV_"+authv1.KeyStateBucket) // asks the stream's leader
	if err != nil {
		return fmt.Errorf("reading the sequence of the key states: %w", err)
	}
	b, err := json.Marshal(authv1.Beat{Sequence: st.CachedInfo().State.LastSeq})
	if err != nil {
		return fmt.Errorf("encoding a beat: %w", err)
	}
	if err := s.p.RPC.Publish(authv1.BeatSubject, b); err != nil {
		return fmt.Errorf("publishing a beat: %w", err)
	}
	return nil
}
