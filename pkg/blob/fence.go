package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nuid"
)

// CollectorKey is where the collector's lease stands in the KV bucket of the stores.
const CollectorKey = "collector"

const fenceTTL = 2 * time.Minute

// fence is the collector's lease in KV: who holds it renews by compare-and-set,
// so a holder that slept too long finds out at its next step. What a collection
// does is safe without it; it only keeps two from doing the same work.
type fence struct {
	s     *Store
	rev   uint64
	state fenceState
}

type fenceState struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

// lockCollector takes the lease: ErrBusy while another holds it.
func (s *Store) lockCollector(ctx context.Context) (*fence, error) {
	f := &fence{s: s, state: fenceState{Holder: nuid.Next()}}
	raw, rev, err := s.be.kv().get(ctx, CollectorKey)
	if err != nil && !errors.Is(err, errNoMessage) {
		return nil, err
	}
	if err == nil {
		var now fenceState
		if jerr := json.Unmarshal(raw, &now); jerr == nil && s.cfg.Clock().Before(now.Until) {
			return nil, ErrBusy
		}
		f.rev = rev
	}
	if err := f.write(ctx, s.cfg.Clock().Add(fenceTTL)); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *fence) write(ctx context.Context, until time.Time) error {
	f.state.Until = until
	raw, err := json.Marshal(f.state)
	if err != nil {
		return fmt.Errorf("encoding the collector's lease: %w", err)
	}
	rev, err := f.s.be.kv().put(ctx, CollectorKey, raw, f.rev)
	if errors.Is(err, errStale) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("writing the collector's lease: %w", err)
	}
	f.rev = rev
	return nil
}

// keep renews the lease when half of it is over; ErrBusy when another has it.
func (f *fence) keep(ctx context.Context) error {
	now := f.s.cfg.Clock()
	if f.state.Until.Sub(now) > fenceTTL/2 {
		return nil
	}
	return f.write(ctx, now.Add(fenceTTL))
}

// release gives the lease back; when that fails it runs out.
func (f *fence) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeWithin)
	defer cancel()
	_ = f.write(ctx, f.s.cfg.Clock())
}
