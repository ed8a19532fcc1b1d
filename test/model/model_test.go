// Package model_test does random operations over HTTP to a whole system and to a
// model of it in memory, and holds every answer and everything that is left
// against the model.
package model_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

const clients = 8

// TestModel lets eight clients work at once, each in buckets of its own, where
// every answer must be exactly the model's, while others disturb keys that all
// share, where only what must hold for any order is looked at. Sequences that
// once failed are kept in testdata/seeds and come first. SLUICE_TEST_SEED repeats
// a run.
func TestModel(t *testing.T) {
	w := harness.Start(t, harness.Options{Env: []string{fmt.Sprintf("SLUICE_UPLOAD_MIN_PART_SIZE=%dB", leastPart)}})
	c := harness.NewClient(t, w, "modeller")
	t.Run("Kept", func(t *testing.T) { replay(t, c) })
	rounds, length := 1, 250
	if harness.Soak() {
		rounds, length = 30, 1000
	}
	for round := range rounds {
		seed := harness.Seed(t)
		t.Run(fmt.Sprintf("Random%d", round), func(t *testing.T) {
			stop := make(chan struct{})
			var disturbing sync.WaitGroup
			sh := newShared(t, c, seed)
			for n := range 2 {
				disturbing.Go(func() { sh.disturb(t, n, stop) })
			}
			var wg sync.WaitGroup
			for n := range clients {
				wg.Go(func() { random(t, c, seed, n, length) })
			}
			wg.Wait()
			close(stop)
			disturbing.Wait()
			sh.settled(t)
		})
		if t.Failed() {
			return
		}
	}
}

// random does one sequence, and makes it small and keeps it when it fails.
func random(t *testing.T, c *harness.Client, seed uint64, n, length int) {
	ops := draw(rand.New(rand.NewPCG(seed, uint64(n))), length)
	s := sequence{Days: n % 2, Ops: ops}
	done, err := s.run(t.Context(), c)
	if err == nil || t.Context().Err() != nil {
		return
	}
	t.Errorf("client %d, operation %d of %d: %v", n, done, len(ops), err)
	if !errors.As(err, new(disagreement)) {
		return
	}
	if !shrinking.CompareAndSwap(false, true) {
		return // one at a time: most likely it is the same
	}
	s.Ops = ops[:min(done+1, len(ops))]
	small, why := shrink(t.Context(), c, s)
	if why == nil {
		t.Logf("the sequence alone does not fail again; it needs the others beside it")
		return
	}
	t.Logf("%d operations are enough: %v\n%v\nkept as %s", len(small.Ops), small.Ops, why, small.keep(t, why))
}

// sequence is what one client does. Days is the default retention of its locked bucket.
type sequence struct {
	Days int    `json:"days"`
	Why  string `json:"why,omitempty"` // what failed, for readers
	Ops  []op   `json:"ops"`
}

// runs names buckets apart.
var runs atomic.Int64

// shrinking is set when a sequence of this run is being made small.
var shrinking atomic.Bool

// run does the operations in new buckets, then looks at everything. It gives how
// many operations agreed.
func (s sequence) run(ctx context.Context, c *harness.Client) (int, error) {
	r, err := newRunner(ctx, c, fmt.Sprintf("m%d", runs.Add(1)), s.Days)
	if err != nil {
		return 0, err
	}
	for i, o := range s.Ops {
		if err := r.do(o); err != nil {
			return i, fmt.Errorf("%v: %w", o, err)
		}
	}
	if err := r.whole(); err != nil {
		return len(s.Ops), fmt.Errorf("in the end: %w", err)
	}
	return len(s.Ops), nil
}
