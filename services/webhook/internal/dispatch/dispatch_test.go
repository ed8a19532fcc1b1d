package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/webhook/internal/dispatch"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// world is a Dispatcher on memory, inside a synctest bubble.
type world struct {
	*memory
	x       *dispatch.Dispatcher
	targets *targets
	sender  *sender
	stop    func()
}

// timers wakes by the bubble's clock, or never.
type timers struct {
	x   func() *dispatch.Dispatcher
	off bool
}

func (t timers) Wake(_ context.Context, id string, when time.Time, trace map[string]string) error {
	if t.off {
		return errors.New("no timers today")
	}
	ctx := telemetry.Extract(context.Background(), trace)
	time.AfterFunc(time.Until(when), func() { _ = t.x().Wake(ctx, id) })
	return nil
}

func open(t *testing.T, m *memory, noTimers bool, change func(*dispatch.Config)) *world {
	t.Helper()
	return openWith(t, telemetry.Nop(), m, noTimers, change)
}

func openWith(t *testing.T, tel *telemetry.Telemetry, m *memory, noTimers bool, change func(*dispatch.Config)) *world {
	t.Helper()
	w := &world{memory: m, targets: &targets{}, sender: &sender{}}
	cfg := dispatch.Config{Concurrency: 64, PerEndpoint: 4, SwitchOff: 5 * 24 * time.Hour, Retention: 30 * 24 * time.Hour, Sweep: 3 * time.Second}
	if change != nil {
		change(&cfg)
	}
	x, err := dispatch.New(cfg, dispatch.Deps{
		Deliveries: m, Endpoints: endpointStore{m}, Targets: w.targets, Sender: w.sender,
		Timers: timers{func() *dispatch.Dispatcher { return w.x }, noTimers}, Clock: time.Now, Tel: tel,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.x = x
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := x.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	w.stop = func() {
		cancel()
		wg.Wait()
		end, done := context.WithTimeout(context.Background(), time.Minute)
		defer done()
		if err := x.Stop(end); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	return w
}

func (w *world) deliver(t *testing.T, h domain.Happening) {
	t.Helper()
	if err := w.x.Deliver(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

func (w *world) only(t *testing.T) domain.Delivery {
	t.Helper()
	ds := w.all()
	if len(ds) != 1 {
		t.Fatalf("%d deliveries, want one", len(ds))
	}
	return ds[0]
}

// raise makes most n if it is less. Attempts that begin together must not lower it.
func raise(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
	}
}

func TestDispatch_Schedule(t *testing.T) {
	t.Parallel()
	for _, noTimers := range []bool{false, true} { // by timers, and by the sweep alone
		synctest.Test(t, func(t *testing.T) {
			w := open(t, newMemory(), noTimers, func(c *dispatch.Config) {
				if !noTimers {
					c.Sweep = time.Hour // days of sweeps take long
				}
			})
			defer w.stop()
			w.sender.answers(status(500))
			w.deliver(t, event("ev", "c"))
			time.Sleep(5 * 24 * time.Hour)
			synctest.Wait()

			gaps := []time.Duration{
				0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
				5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
			}
			got := w.sender.all()
			if len(got) != len(gaps) {
				t.Fatalf("%d attempts, want %d", len(got), len(gaps))
			}
			for i := 1; i < len(got); i++ {
				gap, slack := got[i].at.Sub(got[i-1].at), 50*time.Millisecond
				if noTimers {
					slack = 3 * time.Second
				}
				if gap < gaps[i]*9/10-1 || gap > gaps[i]*11/10+slack {
					t.Errorf("attempt %d came after %v, want about %v", i+1, gap, gaps[i])
				}
				if got[i].body != got[0].body || got[i].header["webhook-id"] != got[0].header["webhook-id"] {
					t.Errorf("attempt %d differs in body or id", i+1)
				}
				if i > 1 && got[i].header["webhook-timestamp"] == got[0].header["webhook-timestamp"] {
					t.Errorf("attempt %d has the first one's timestamp", i+1)
				}
			}
			if d := w.only(t); d.State != webhookv1.Dead || d.Why != domain.WhyExhausted || len(d.Attempts) != 10 {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestDispatch_EventTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		for range 3 {
			w.deliver(t, event("ev", "a", "b"))
			synctest.Wait()
		}
		if n := len(w.sender.all()); n != 2 {
			t.Errorf("%d attempts for two configs", n)
		}
	})
}

func TestDispatch_CrashLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		dead := open(t, m, false, nil) // its attempts hang, and it never comes to write them down
		block := make(chan struct{})
		dead.sender.answers(func(context.Context, string) domain.Outcome {
			<-block
			return domain.Outcome{Status: 500}
		})
		for i := range 6 { // four are claimed, two wait in the store
			dead.deliver(t, event(fmt.Sprintf("ev%d", i), "c"))
		}
		synctest.Wait()
		if n := len(dead.sender.all()); n != 4 {
			t.Fatalf("%d attempts of one endpoint at once", n)
		}
		frozen := newMemory() // what the crash leaves on disk
		for _, d := range m.all() {
			frozen.deliveries[d.ID] = d
		}
		started := time.Now()
		w := open(t, frozen, false, nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(w.sender.all()); n != 6 {
			t.Errorf("%d of 6 deliveries attempted within 10 s of the restart", n)
		}
		for i, s := range w.sender.all()[:2] {
			if s.at.Sub(started) > time.Second {
				t.Errorf("unclaimed delivery %d was attempted after %v", i, s.at.Sub(started))
			}
		}
		w.stop()
		close(block)
		dead.stop()
	})
}

func TestDispatch_LongAttemptKeepsItsClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a, b := open(t, m, false, nil), open(t, m, false, nil) // two copies, one store
		defer a.stop()
		defer b.stop()
		a.sender.answers(func(context.Context, string) domain.Outcome {
			time.Sleep(19 * time.Second)
			return domain.Outcome{Status: 200}
		})
		a.deliver(t, event("ev", "c"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if na, nb := len(a.sender.all()), len(b.sender.all()); na != 1 || nb != 0 {
			t.Errorf("one copy made %d attempts, the other %d", na, nb)
		}
		if d := a.only(t); d.State != webhookv1.Delivered {
			t.Errorf("%+v", d)
		}
	})
}

func TestDispatch_SlowEndpointStopsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, func(c *dispatch.Config) { c.Concurrency = 8 })
		defer w.stop()
		var slow, most atomic.Int64
		w.sender.answers(func(_ context.Context, url string) domain.Outcome {
			if url != "http://slow" {
				return domain.Outcome{Status: 200}
			}
			raise(&most, slow.Add(1))
			time.Sleep(20 * time.Second)
			slow.Add(-1)
			return domain.Outcome{Status: 200}
		})
		for i := range 20 {
			w.deliver(t, event(fmt.Sprintf("slow%d", i), "slow"))
		}
		for i := range 50 {
			began := time.Now()
			w.deliver(t, event(fmt.Sprintf("fast%d", i), "fast"))
			synctest.Wait()
			if n := w.sender.to("http://fast"); n != i+1 || time.Since(began) > 0 {
				t.Fatalf("fast delivery %d did not go out at once", i)
			}
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := w.sender.to("http://slow"); n != 20 {
			t.Errorf("the slow endpoint got %d of 20", n)
		}
		if most.Load() != 4 {
			t.Errorf("%d attempts at once to the slow endpoint", most.Load())
		}
	})
}

func TestDispatch_FailingEndpointGetsOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		var now, most atomic.Int64
		w.sender.answers(func(context.Context, string) domain.Outcome {
			raise(&most, now.Add(1))
			time.Sleep(time.Second)
			now.Add(-1)
			return domain.Outcome{Error: "timeout"}
		})
		w.deliver(t, event("first", "c"))
		time.Sleep(2 * time.Second)
		for i := range 10 {
			w.deliver(t, event(fmt.Sprintf("ev%d", i), "c"))
		}
		time.Sleep(3 * time.Second)
		if most.Load() != 1 {
			t.Errorf("%d attempts at once to a failing endpoint", most.Load())
		}
	})
}

func TestDispatch_OverallBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), true, func(c *dispatch.Config) { c.Concurrency = 5 })
		defer w.stop()
		var now, most atomic.Int64
		w.sender.answers(func(context.Context, string) domain.Outcome {
			raise(&most, now.Add(1))
			time.Sleep(time.Second)
			now.Add(-1)
			return domain.Outcome{Status: 200}
		})
		began := time.Now()
		for i := range 100 {
			w.deliver(t, event(fmt.Sprintf("ev%d", i), fmt.Sprintf("c%d", i%20)))
		}
		time.Sleep(20*time.Second - time.Since(began))
		synctest.Wait()
		if n := len(w.sender.all()); n != 100 || most.Load() != 5 {
			t.Errorf("%d of 100 attempts in 20 s, %d at once", n, most.Load())
		}
	})
}

func TestDispatch_GoneEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		w.sender.answers(status(410))
		w.deliver(t, event("ev", "c"))
		synctest.Wait()
		first := w.only(t)
		if e, _ := w.endpoint("bkt.c"); first.State != webhookv1.Dead || !e.Off || len(w.told()) != 1 {
			t.Errorf("%+v, %+v, told %v", first, e, w.told())
		}
		w.deliver(t, event("later", "c"))
		synctest.Wait()
		if n := len(w.sender.all()); n != 1 {
			t.Errorf("%d attempts to an endpoint that is off", n)
		}
		for _, d := range w.all() {
			if d.State != webhookv1.Dead {
				t.Errorf("%+v", d)
			}
		}
		// A replay is attempted all the same, and its success switches the endpoint on.
		w.sender.answers(nil)
		d, err := w.Update(t.Context(), first.ID, func(d *domain.Delivery) bool {
			d.Replay(time.Now())
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		w.x.Offer(d)
		synctest.Wait()
		e, _ := w.endpoint("bkt.c")
		if d, _ := w.Get(t.Context(), first.ID); d.State != webhookv1.Delivered || e.Off {
			t.Errorf("after the replay: %+v, %+v", d, e)
		}
	})
}

func TestDispatch_FiveDaysOfFailureSwitchOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, func(c *dispatch.Config) { c.Sweep = time.Minute })
		defer w.stop()
		w.sender.answers(status(500))
		for day := range 4 {
			w.deliver(t, event(fmt.Sprintf("ev%d", day), "c"))
			time.Sleep(24 * time.Hour)
		}
		synctest.Wait()
		if len(w.told()) != 0 {
			t.Fatal("switched off after four days")
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if len(w.told()) != 1 {
			t.Errorf("told %v after six days of failure", w.told())
		}
	})
}

func TestDispatch_ConfigRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		w.sender.answers(status(500))
		w.deliver(t, event("ev", "c"))
		synctest.Wait()
		w.targets.set("c", nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if d := w.only(t); d.State != webhookv1.Dead || d.Why != domain.WhyRemoved || len(d.Attempts) != 1 {
			t.Errorf("%+v", d)
		}
		if _, ok := w.endpoint("bkt.c"); ok {
			t.Error("the endpoint of a removed config is kept")
		}
		w.deliver(t, event("later", "c")) // nothing to tell, and no error
		w.only(t)
	})
}

func TestDispatch_ObjectAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		w.sender.answers(status(500))
		w.deliver(t, event("ev", "c"))
		synctest.Wait()
		w.sender.answers(nil)
		w.targets.set("", errors.New("object is away"))
		w.deliver(t, event("later", "c")) // kept: the event must not depend on object
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(w.sender.all()); n != 1 {
			t.Errorf("%d attempts to an unknown address", n-1)
		}
		for _, d := range w.all() {
			if d.State != webhookv1.Pending || d.Tries != len(d.Attempts) || d.Tries > 1 {
				t.Errorf("our own trouble counted as the receiver's: %+v", d)
			}
		}
		w.targets.set("", nil)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		all := w.all()
		for _, d := range all {
			if d.State != webhookv1.Delivered || d.URL != "http://c" {
				t.Errorf("%+v", d)
			}
		}
		if len(all) != 2 {
			t.Errorf("%d deliveries of two events", len(all))
		}
	})
}

func TestDispatch_StoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		defer w.stop()
		w.sender.answers(status(500))
		for i := range 30 {
			w.deliver(t, event(fmt.Sprintf("ev%d", i), "c"))
		}
		synctest.Wait()
		w.breakWith(errors.New("disk full"))
		time.Sleep(time.Minute)
		w.breakWith(nil)
		w.sender.answers(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, d := range w.all() {
			if d.State != webhookv1.Delivered {
				t.Errorf("%+v", d)
			}
		}
	})
}

func TestDispatch_StopGivesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, nil)
		w.sender.answers(func(ctx context.Context, _ string) domain.Outcome {
			<-ctx.Done()
			return domain.Outcome{}
		})
		w.deliver(t, event("ev", "c"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.x.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v", err)
		}
		if d := w.only(t); !d.Due(time.Now()) || d.Tries != 0 || len(d.Attempts) != 0 {
			t.Errorf("the cut attempt left %+v", d)
		}
		w.deliver(t, event("late", "c")) // kept for the next start
		synctest.Wait()
		if n := len(w.sender.all()); n != 1 {
			t.Errorf("%d attempts after Stop", n-1)
		}
		w.stop()
	})
}

func TestDispatch_LogIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, newMemory(), false, func(c *dispatch.Config) { c.Sweep = time.Hour })
		defer w.stop()
		w.deliver(t, event("ev", "c"))
		time.Sleep(29 * 24 * time.Hour)
		w.only(t)
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		if n := len(w.all()); n != 0 {
			t.Errorf("%d deliveries after 31 days", n)
		}
	})
}
