package endpoint_test

import (
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
)

// TestUsage_DayGivenBack: a container that came to nothing is none of the day's,
// whether its list was refused, left by its maker, or cut off by a crash.
func TestUsage_DayGivenBack(t *testing.T) {
	t.Parallel()
	begun := func(t *testing.T, w *world, r linksv1.CreateRequest) linksv1.Written {
		t.Helper()
		r.Links, r.More = r.Links[:1], true
		c, err := w.Service.CreateContainer(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	lapse := func(t *testing.T, w *world) {
		t.Helper()
		for range 3 {
			w.Clock.Advance(2 * time.Minute)
			w.Sweep()
		}
	}
	for name, comesToNothing := range map[string]func(*testing.T, *world, linksv1.CreateRequest){
		"refused": func(t *testing.T, w *world, r linksv1.CreateRequest) {
			c := begun(t, w, r)
			_, err := w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: c.Edit, From: 1, Links: inputs("nonsense")})
			if fault.CodeOf(err) != linksv1.ErrBadLink.Code {
				t.Fatal(err)
			}
		},
		"left": func(t *testing.T, w *world, r linksv1.CreateRequest) {
			begun(t, w, r)
			lapse(t, w)
		},
		"cut off": func(t *testing.T, w *world, r linksv1.CreateRequest) {
			whole, k := w.deps, &killtest.Killer{}
			w.deps = mortal(whole, k)
			w.open(t)
			k.Arm(2, false) // it is counted, and then there is nobody to insert it
			if _, err := w.Service.CreateContainer(t.Context(), r); err == nil {
				t.Fatal("nothing was cut off")
			}
			k.Mend()
			w.deps = whole
			w.open(t)
			lapse(t, w)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			now := w.Clock.Now()
			w.Clock.Advance(now.Truncate(24 * time.Hour).Add(25 * time.Hour).Sub(now)) // all happens on one day
			r := linksv1.CreateRequest{Principal: alice, Title: "t", Links: inputs(one, two), Quota: linksv1.Quota{ContainersPerDay: 1}}
			comesToNothing(t, w, r)
			if _, err := w.Service.CreateContainer(t.Context(), r); err != nil {
				t.Errorf("the one of the day: %v", err)
			}
			if _, err := w.Service.CreateContainer(t.Context(), r); fault.CodeOf(err) != linksv1.ErrQuota.Code {
				t.Errorf("a second one: %v", err)
			}
		})
	}
}
