package badge_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

func TestShow_AsksOnceInAWhile(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 1}, 1)
	for _, id := range []string{id, numeric} {
		if k, asked := b.kind(t, id); k != badge.Online || !asked {
			t.Fatalf("%s: %v, asked %v", id, k, asked)
		}
	}
	b.links.set(linksv1.Counts{Offline: 1}, 2)
	b.clock.pass(3 * time.Second)
	if k, asked := b.kind(t, id); k != badge.Online || asked {
		t.Errorf("within the time: %v, asked %v", k, asked)
	}
	b.clock.pass(time.Second)
	if k, asked := b.kind(t, id); k != badge.Offline || !asked {
		t.Errorf("a change is to be seen within 5 s: %v, asked %v", k, asked)
	}
}

func TestShow_NotFound(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	for _, bad := range []string{"", "x", "IIOM6UW3PN7", "iiom6uw3pn77", "0", "-1", "../../etc/x", "１"} {
		if k, asked := b.kind(t, bad); k != badge.NotFound || asked {
			t.Errorf("%q: %v, asked %v", bad, k, asked)
		}
	}
	for range 2 {
		if k, _ := b.kind(t, id); k != badge.NotFound {
			t.Error(k)
		}
	}
	if n := b.links.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	b.links.set(linksv1.Counts{Unknown: 1}, 1)
	b.clock.pass(4 * time.Second)
	if k, _ := b.kind(t, id); k != badge.Unknown {
		t.Errorf("made meanwhile: %v", k)
	}
	b.links.remove()
	b.clock.pass(4 * time.Second)
	if k, _ := b.kind(t, id); k != badge.NotFound {
		t.Errorf("deleted meanwhile: %v", k)
	}
}

func TestShow_LinkcheckerIsAway(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.fail(fault.ErrUnavailable, nil)
	if s := b.show(t, id, badge.Plain(badge.PNG)); s.Kind != badge.Unavailable || !s.Old {
		t.Errorf("%+v", s)
	}
	if _, asked := b.kind(t, id); asked {
		t.Error("asked again at once")
	}
	b.clock.pass(time.Second)
	b.links.fail(nil, nil)
	b.links.set(linksv1.Counts{Online: 1}, 1)
	if s := b.show(t, id, badge.Plain(badge.PNG)); s.Kind != badge.Online || s.Old {
		t.Errorf("it is back: %+v", s)
	}
	b.links.fail(errors.New("broken"), nil)
	b.clock.pass(10 * time.Minute)
	if s := b.show(t, id, badge.Plain(badge.PNG)); s.Kind != badge.Online || !s.Old {
		t.Errorf("the last that was said: %+v", s)
	}
	b.clock.pass(time.Hour)
	if s := b.show(t, id, badge.Plain(badge.PNG)); s.Kind != badge.Unavailable {
		t.Errorf("too long ago: %+v", s)
	}
}

func TestShow_OneAsksForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where nobody's patience ends because the machine is busy
		b := setUp(t)
		b.links.set(linksv1.Counts{Online: 1}, 1)
		inCall, goOn := make(chan struct{}, 1), make(chan struct{})
		b.links.fail(nil, func() { inCall <- struct{}{}; <-goOn })
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if s := b.show(t, id, badge.Plain(badge.SVG)); s.Kind != badge.Online {
					t.Error(s.Kind)
				}
			})
		}
		<-inCall
		// Who cannot wait is told that nobody knows.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s, err := b.Show(ctx, "192.0.2.1", id, badge.Plain(badge.SVG)); err == nil && s.Kind != badge.Unavailable {
			t.Errorf("%v %v", s.Kind, err)
		}
		close(goOn)
		all.Wait()
		if n := b.links.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestShow_ClientLeaves: who came first asks for all, also when it has gone.
func TestShow_ClientLeaves(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 1}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	b.links.fail(nil, cancel)
	_, _ = b.Show(ctx, "192.0.2.1", id, badge.Plain(badge.SVG)) // nobody is there to see it
	if k, asked := b.kind(t, id); k != badge.Online || asked {
		t.Errorf("%v, asked %v", k, asked)
	}
}

func TestShow_ManyIDs(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 1}, 1)
	name := []byte("aaaaaaaaaaa")
	for i := range 101_000 {
		for at, n := 10, i; at > 5; at, n = at-1, n/26 {
			name[at] = 'a' + byte(n%26)
		}
		if k, _ := b.kind(t, string(name)); k != badge.NotFound {
			t.Fatal(k)
		}
		if i%100 == 0 {
			b.kind(t, id)
		}
	}
	if n := b.Known(); n > 100_000 {
		t.Errorf("%d are known", n)
	}
	if k, asked := b.kind(t, id); k != badge.Online || asked {
		t.Errorf("one that is asked for often was dropped: %v, asked %v", k, asked)
	}
}

func TestShow_WarmAllocatesNothing(t *testing.T) {
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 3}, 1)
	for _, f := range []badge.Form{badge.SVG, badge.WebP, badge.PNG} {
		l := badge.Plain(f)
		b.show(t, id, l)
		if n := testing.AllocsPerRun(100, func() { b.show(t, id, l) }); n > 0 {
			t.Errorf("form %d: %v allocations", f, n)
		}
	}
}

// TestShow_LabelsDoNotGrow floods the labels: memory is bounded, and the usual
// pictures stay.
func TestShow_LabelsDoNotGrow(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 3}, 1)
	usual := b.show(t, id, badge.Plain(badge.SVG)).Picture
	l := badge.Plain(badge.SVG)
	for i := range 12_000 {
		l.Label = time.Duration(i).String()
		b.show(t, id, l)
	}
	if n := b.KeptBytes(); n > 2*16<<20 {
		t.Errorf("%d bytes are kept", n)
	}
	if b.show(t, id, badge.Plain(badge.SVG)).Picture != usual {
		t.Error("the usual picture went")
	}
}

// TestShow_Flood: whoever asks for ids without end takes no turn of the others, not
// even of who wants the same.
func TestShow_Flood(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	b.links.set(linksv1.Counts{Online: 3}, 1)
	held := make(chan struct{})
	var inside atomic.Int64
	b.links.fail(nil, func() { inside.Add(1); <-held })
	var flood sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for i := range 200 {
		flood.Go(func() {
			_, _ = b.Show(ctx, fmt.Sprintf("2001:db8::%x", i), fmt.Sprintf("a%010d", i), badge.Plain(badge.SVG))
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for inside.Load() < badge.AskAlone {
		<-tick.C
	}
	flood.Go(func() { _, _ = b.Show(ctx, "2001:db8::1", id, badge.Plain(badge.SVG)) }) // waits like the rest
	b.links.fail(nil, nil)
	if s, err := b.Show(t.Context(), "192.0.2.1", id, badge.Plain(badge.SVG)); err != nil || s.Kind != badge.Online {
		t.Errorf("%v, %v", s.Kind, err)
	}
	if n := b.links.asked.Load(); n > badge.AskAlone+1 {
		t.Errorf("%d calls", n)
	}
	close(held)
	stop()
	flood.Wait()
}
