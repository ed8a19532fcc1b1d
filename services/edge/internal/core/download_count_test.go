package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// counter is object as Downloads sees it.
type counter struct {
	objectv1.Service

	mu    sync.Mutex
	calls int
	most  int
	sum   map[string]int64
	fail  error
}

func (c *counter) CountDownloads(_ context.Context, r objectv1.CountDownloadsRequest) (objectv1.Empty, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.most = max(c.most, len(r.Downloads))
	if c.fail != nil {
		return objectv1.Empty{}, c.fail
	}
	for id, n := range r.Downloads {
		c.sum[id] += n
	}
	return objectv1.Empty{}, nil
}

func (c *counter) set(fail error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

func (c *counter) state() (int, map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls, maps.Clone(c.sum)
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &counter{sum: map[string]int64{}}
		d := core.NewDownloads(to, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.Run(ctx) }()

		for range 5 {
			d.Add("a")
		}
		d.Add("b")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if calls, _ := to.state(); calls != 0 {
			t.Errorf("%d calls within a second", calls)
		}
		time.Sleep(2 * time.Second) // nothing more comes of the second one
		synctest.Wait()
		if calls, sum := to.state(); calls != 1 || sum["a"] != 5 || sum["b"] != 1 {
			t.Errorf("%d calls: %v", calls, sum)
		}

		// What did not arrive waits; what may have arrived is not told twice.
		to.set(fault.ErrUnavailable)
		d.Add("c")
		time.Sleep(3 * time.Second)
		to.set(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if _, sum := to.state(); sum["c"] != 1 {
			t.Errorf("%v", sum)
		}
		to.set(fault.ErrTimeout)
		d.Add("d")
		time.Sleep(time.Second)
		synctest.Wait()
		to.set(nil)

		// The end tells what is left, a thousand files at a time.
		for i := range 2500 {
			d.Add(fmt.Sprint("f", i))
		}
		cancel()
		<-done
		if _, sum := to.state(); len(sum) != 3+2500 || to.most != 1000 || sum["d"] != 0 {
			t.Errorf("%d files, %d in a call", len(sum), to.most)
		}
	})
}

func TestDownloads_EndWhileObjectIsAway(t *testing.T) {
	t.Parallel()
	to := &counter{sum: map[string]int64{}, fail: fault.ErrUnavailable}
	d := core.NewDownloads(to, slog.New(slog.DiscardHandler))
	d.Add("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Run(ctx) // ends
	if calls, _ := to.state(); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
