package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// beatWithin bounds asking for the sequence: one that is older says nothing.
const beatWithin = authv1.BeatStale

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
	if err := s.p.Events.Publish(authv1.BeatSubject, b); err != nil {
		return fmt.Errorf("publishing a beat: %w", err)
	}
	return nil
}
