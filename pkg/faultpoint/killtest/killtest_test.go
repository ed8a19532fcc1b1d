package killtest_test

import (
	"errors"
	"testing"

	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
)

func TestKiller_BreaksOffOnce(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		var k killtest.Killer
		done := 0
		write := func() error { return k.Write(func() error { done++; return nil }) }
		k.Arm(2, after)
		if err := write(); err != nil || done != 1 {
			t.Fatalf("first: %v, %d", err, done)
		}
		want := 1
		if after {
			want = 2
		}
		for range 2 {
			if err := write(); !errors.Is(err, killtest.ErrKilled) || done != want {
				t.Errorf("after=%v: %v, %d done", after, err, done)
			}
		}
		if k.Count() != 2 || !k.Dead() || !k.Armed() {
			t.Errorf("%d steps, dead: %v, armed: %v", k.Count(), k.Dead(), k.Armed())
		}
		k.Mend()
		if k.Dead() || k.Armed() {
			t.Error("not mended")
		}
		if err := write(); err != nil || k.Count() != 1 {
			t.Errorf("mended: %v, %d steps", err, k.Count())
		}
	}
}

func TestStep_GivesTheAnswerToTheLivingOnly(t *testing.T) {
	t.Parallel()
	var k killtest.Killer
	if n, err := killtest.Step(&k, func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	k.Arm(1, true)
	if n, err := killtest.Step(&k, func() (int, error) { return 7, nil }); n != 0 || !errors.Is(err, killtest.ErrKilled) {
		t.Errorf("%d %v", n, err)
	}
}
