package endpoint_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

var alice = authv1.Principal{AccountID: "acc_alice"}

// fetchClient is a client, or an edge, of a service that is killed once; it
// repeats what got no answer.
type fetchClient struct {
	w      fetchWorld
	killed bool
}

func (c *fetchClient) call(t *testing.T, what string, f func() error, fine ...error) bool {
	t.Helper()
	err := f()
	for _, ok := range fine {
		if c.killed && errors.Is(err, ok) {
			return false
		}
	}
	if err == nil {
		return true
	}
	if c.killed || !errors.Is(err, killtest.ErrKilled) {
		t.Errorf("%s: %v", what, err)
		return false
	}
	c.killed = true
	c.w.killer.Mend()
	return c.call(t, what, f, fine...)
}

func (c *fetchClient) add(t *testing.T) (f uploadv1.Fetch) {
	t.Helper()
	c.call(t, "add", func() (err error) {
		f, err = c.w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: alice, URL: "http://files.example/a", Limit: 3})
		return err
	}, uploadv1.ErrTooManyFetches) // what was cut off may have been done, and counts
	return f
}

// lease takes one that is due; a lease whose answer got lost is over in time.
func (c *fetchClient) lease(t *testing.T, f uploadv1.Fetch) (l uploadv1.FetchLeased) {
	t.Helper()
	lease := func() (err error) {
		l, err = c.w.Service.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: f.ID})
		return err
	}
	if !c.call(t, "lease", lease, uploadv1.ErrFetchTaken) {
		c.sweep(t, time.Minute)
		c.call(t, "lease", lease)
	}
	return l
}

func (c *fetchClient) end(t *testing.T, l uploadv1.FetchLeased, r uploadv1.EndFetchRequest) {
	t.Helper()
	r.ID, r.Fence = l.Fetch.ID, l.Fence
	c.call(t, "keep", func() error {
		_, err := c.w.Service.KeepFetch(t.Context(), uploadv1.KeepFetchRequest{ID: r.ID, Fence: r.Fence, Received: 5, Size: 9})
		return err
	})
	c.call(t, "end", func() error { _, err := c.w.Service.EndFetch(t.Context(), r); return err })
}

func (c *fetchClient) sweep(t *testing.T, d time.Duration) {
	t.Helper()
	c.w.Clock.Advance(d)
	c.call(t, "sweep", func() error { _, err := c.w.domain.Sweep(t.Context()); return err })
}

// fetchStories are what happens to fetches; together they touch every write.
func fetchStories() map[string]func(t *testing.T, c *fetchClient) {
	return map[string]func(t *testing.T, c *fetchClient){
		"done": func(t *testing.T, c *fetchClient) {
			c.end(t, c.lease(t, c.add(t)), uploadv1.EndFetchRequest{NodeID: "n1", Size: 9})
		},
		"again": func(t *testing.T, c *fetchClient) {
			f := c.add(t)
			for range 2 {
				c.end(t, c.lease(t, f), uploadv1.EndFetchRequest{Reason: "broke off", Again: true})
				c.sweep(t, 10*time.Minute)
			}
			c.end(t, c.lease(t, f), uploadv1.EndFetchRequest{Reason: "404"})
		},
		"lapsed": func(t *testing.T, c *fetchClient) {
			f := c.add(t)
			c.lease(t, f)
			c.sweep(t, time.Minute)
			c.end(t, c.lease(t, f), uploadv1.EndFetchRequest{Returned: true})
			c.end(t, c.lease(t, f), uploadv1.EndFetchRequest{NodeID: "n1"})
		},
		"cancelled": func(t *testing.T, c *fetchClient) {
			f := c.add(t)
			c.lease(t, f)
			c.call(t, "cancel", func() error {
				_, err := c.w.Service.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: alice, ID: f.ID})
				return err
			})
		},
		"gone": func(t *testing.T, c *fetchClient) {
			f := c.add(t)
			c.w.Accounts.Forget(alice.AccountID)
			for range 2 { // it ends, and is over
				_, err := c.w.Service.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: f.ID})
				if errors.Is(err, killtest.ErrKilled) {
					c.killed = true
					c.w.killer.Mend()
				} else if !errors.Is(err, uploadv1.ErrFetchOver) {
					t.Errorf("lease: %v", err)
				}
			}
		},
		"full": func(t *testing.T, c *fetchClient) {
			for range 2 {
				f := c.add(t)
				c.call(t, "cancel", func() error {
					_, err := c.w.Service.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: alice, ID: f.ID})
					return err
				})
				c.w.Clock.Advance(2 * time.Minute) // a slot without a fetch does not count for long
			}
			for range 3 {
				c.add(t)
				c.w.Clock.Advance(2 * time.Minute)
			}
		},
	}
}

// TestFetch_BrokenOff breaks the service off before and after each write of what
// clients and workers do, and of the sweep. Nobody repeats a whole story: in the
// end every fetch that was answered has ended as it was told, none counts that has
// ended, and a week later nothing is left.
func TestFetch_BrokenOff(t *testing.T) {
	t.Parallel()
	for name, story := range fetchStories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFetchWorld(t)
			for n := range fetchKilledAt(t, w, story, 0, false) {
				for _, after := range []bool{false, true} {
					if name == "gone" { // the account comes back
						w = newFetchWorld(t)
					}
					t.Run(fmt.Sprintf("%d/after=%v", n+1, after), func(t *testing.T) { fetchKilledAt(t, w, story, n+1, after) })
				}
			}
		})
	}
}

func fetchKilledAt(t *testing.T, w fetchWorld, story func(*testing.T, *fetchClient), n int, after bool) int {
	t.Helper()
	w.killer.Arm(n, after)
	c := &fetchClient{w: w}
	story(t, c)
	taken := w.killer.Count()
	w.killer.Mend()
	// Whatever is open is in the queue, or will be; workers end it.
	for range 3 {
		w.Clock.Advance(20 * time.Minute)
		w.Sweep()
		for _, work := range w.take(t) {
			if l, err := w.Service.LeaseFetch(t.Context(), uploadv1.FetchWorkRequest{ID: work.ID}); err == nil {
				if _, err := w.Service.EndFetch(t.Context(), uploadv1.EndFetchRequest{ID: work.ID, Fence: l.Fence, NodeID: "late"}); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if open, err := w.store.CountFetches(t.Context()); err != nil || open != 0 {
		t.Errorf("%d are open, %v", open, err)
	}
	for i := range 3 { // all places are free
		if _, err := w.Service.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: alice, URL: "http://files.example/a", Limit: 3}); err != nil {
			t.Errorf("place %d: %v", i, err)
		}
	}
	list, err := w.domain.List(t.Context(), alice.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if f.Over() {
			continue
		}
		if _, err := w.Service.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: alice, ID: f.ID}); err != nil {
			t.Error(err)
		}
	}
	w.Clock.Advance(uploadv1.FetchKept + time.Minute)
	w.Sweep()
	if list, err := w.domain.List(t.Context(), alice.AccountID); err != nil || len(list) != 0 {
		t.Errorf("%d stayed, %v", len(list), err)
	}
	slots := 0
	err = w.store.UpdateFetchSlots(t.Context(), alice.AccountID, func(x *domain.FetchSlots) error { slots = len(x.Taken) + len(x.Ended); return nil })
	if err != nil || slots != 0 {
		t.Errorf("%d slots stayed, %v", slots, err)
	}
	return taken
}
