package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// TestVerify_LooksAndMakesNothing: what is missing is named, first streams, then
// durables; what differs is told and is no error.
func TestVerify_LooksAndMakesNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js := newJS(t, nc)
	c := quick("a")
	for range 2 {
		if _, err := bus.Verify(t.Context(), js, testStreams(), []bus.Consumer{c}); !errors.Is(err, bus.ErrNotDeclared) || !strings.Contains(err.Error(), "stream "+testStreams()[0].Name) {
			t.Fatalf("nothing is there: %v", err)
		}
	}
	if err := bus.Reconcile(t.Context(), js, testStreams(), nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := bus.Verify(t.Context(), js, testStreams(), []bus.Consumer{c}); !errors.Is(err, bus.ErrNotDeclared) || !strings.Contains(err.Error(), "consumer a of stream EVENTS") {
			t.Fatalf("no durable is there: %v", err)
		}
	}
	if err := bus.Reconcile(t.Context(), js, nil, []bus.Consumer{c}); err != nil {
		t.Fatal(err)
	}
	if differs, err := bus.Verify(t.Context(), js, testStreams(), []bus.Consumer{c}); err != nil || len(differs) > 0 {
		t.Errorf("%v, %v", differs, err)
	}
	newer := testStreams()
	newer[0].Description = "as a newer version has it"
	c.MaxPending = 7
	differs, err := bus.Verify(t.Context(), js, newer, []bus.Consumer{c})
	if err != nil || len(differs) != 2 || !strings.Contains(differs[0], "description") || !strings.Contains(differs[1], "max_ack_pending") {
		t.Errorf("%q, %v", differs, err)
	}
	if i, err := js.Consumer(t.Context(), "EVENTS", "a"); err != nil || i.CachedInfo().Config.MaxAckPending == 7 {
		t.Errorf("it was changed: %v", err)
	}
	nc.Close()
	if _, err := bus.Verify(t.Context(), js, testStreams(), nil); fault.KindOf(err) != fault.Unavailable || errors.Is(err, bus.ErrNotDeclared) {
		t.Errorf("a server that is away: %v", err)
	}
	if _, err := bus.Verify(t.Context(), js, nil, []bus.Consumer{{}}); !errors.Is(err, bus.ErrImpossible) {
		t.Errorf("a durable without a name: %v", err)
	}
}

// TestTimerSubject_NamesItsOwner: what stands before a key's first dot is a token
// of its own, so that a user may be held to its own timers; keys stay apart.
func TestTimerSubject_NamesItsOwner(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 600)
	for key, want := range map[string]string{
		"webhook.d1": "sched.webhook.d1", "webhook.a.b": "sched.webhook.a=2Eb", "plain": "sched.plain", "": "sched.=", ".x": "sched.=2Ex",
		"Ä.x": "sched.=C3=84=2Ex", "webhook.": "sched.webhook.=", long[:65] + ".x": "sched." + long[:65] + "=2Ex",
	} {
		if got := bus.TimerSubject(key); got != want {
			t.Errorf("%.20q: %s, want %s", key, got, want)
		}
	}
	if s := bus.TimerSubject("webhook." + long); !strings.HasPrefix(s, "sched.webhook.=h") || len(s) > 100 {
		t.Errorf("a long key: %s", s)
	}
}

// FuzzTimerSubject holds any key to a legal subject below sched., and two keys apart.
func FuzzTimerSubject(f *testing.F) {
	f.Add("a.b", "a=2Eb")
	f.Add("a.b.c", "a.b")
	f.Add(".", "=")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := bus.TimerSubject(a), bus.TimerSubject(b)
		if err := bus.CheckSubject(x); err != nil || !strings.HasPrefix(x, "sched.") || strings.Count(x, ".") > 2 {
			t.Fatalf("%q is %q: %v", a, x, err)
		}
		if (x == y) != (a == b) {
			t.Fatalf("%q and %q are %q and %q", a, b, x, y)
		}
	})
}
