// Package linear_test records what many clients ask of few keys and are
// answered, while processes are killed, and has a checker decide whether each
// key behaved like one that does one thing at a time.
package linear_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// sizes of a run.
type sizes struct {
	clients int
	keys    int // of each bucket
	kills   int
	every   time.Duration // between a process that came back and the next kill
	judge   time.Duration
	rounds  int
}

func sizesOf(topology harness.Topology) sizes {
	s := sizes{clients: 8, keys: 2, kills: 5, every: 700 * time.Millisecond, judge: time.Minute, rounds: 1}
	if topology == harness.Embedded {
		s.kills = 3
	}
	if harness.Soak() {
		s.clients, s.keys, s.kills, s.every, s.judge, s.rounds = 12, 3, 12, 2*time.Second, 2*time.Minute, 20
	}
	return s
}

// TestLinearizable is about single keys only: nothing is promised of several at
// once. SLUICE_TEST_SEED repeats the choices of an earlier run, as far as they go.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes for some seconds per topology; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			w := harness.Start(t, harness.Options{Topology: topology, Env: []string{"SLUICE_UPLOAD_MIN_PART_SIZE=1B"}})
			c := harness.NewClient(t, w, "historian")
			c.HTTP.Timeout = 40 * time.Second
			s := sizesOf(topology)
			for round := range s.rounds {
				if seed := harness.Seed(t); !record(t, w, c, s, seed, round) {
					break
				}
			}
		})
	}
}

// record makes one history on keys of its own and judges it.
func record(t *testing.T, w *harness.World, c *harness.Client, s sizes, seed uint64, round int) bool {
	t.Helper()
	h := &history{start: time.Now()}
	var keys []hotKey
	for _, kind := range []string{"plain", "kept", "turned"} {
		bucket := fmt.Sprintf("%s-%d", kind, round)
		c.Bucket(t, bucket)
		for i := range s.keys {
			keys = append(keys, hotKey{bucket: bucket, name: fmt.Sprintf("hot/%d", i), turns: kind == "turned"})
		}
	}
	newClient(c, h, 0, keys, seed, nil).turn(t, s.keys, enabled) // of the second bucket
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range s.clients {
		cl := newClient(c, h, n, keys, seed, stop)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					cl.act(t)
				}
			}
		})
	}
	kills := kill(t, w, s, seed)
	close(stop)
	wg.Wait()
	last := newClient(c, h, s.clients, keys, seed, stop)
	for i := range keys {
		last.get(t, i)
	}
	t.Logf("%d kills", kills)
	h.judge(t, s.judge)
	return !t.Failed()
}

// kill ends random victims and starts them again, and returns when all is ready.
func kill(t *testing.T, w *harness.World, s sizes, seed uint64) (kills int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	victims := []string{"object", "edge", "object", "edge", "upload"}
	if w.Victims()[0] == "up" {
		victims = w.Victims()
	}
	for ; kills < s.kills; kills++ {
		pause(t.Context(), s.every/2+time.Duration(rng.Int64N(int64(s.every))))
		v := victims[kills%len(victims)]
		w.Kill(v)
		pause(t.Context(), time.Duration(rng.IntN(100))*time.Millisecond)
		if err := w.StartProc(t.Context(), v); err != nil {
			t.Errorf("starting %s again: %v", v, err)
			return kills
		}
		if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
			t.Error(err)
			return kills
		}
	}
	pause(t.Context(), s.every)
	return kills
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// answered reports whether a status settles what happened.
func answered(status int) bool {
	return status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}
