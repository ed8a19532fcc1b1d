package faultpoint_test

import (
	"testing"

	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// TestHit_CostsNothing holds for the build that people run; what an armed point
// does is seen from outside, in test/faults.
func TestHit_CostsNothing(t *testing.T) {
	t.Setenv("SLUICE_FAULTPOINT", t.TempDir())
	if n := testing.AllocsPerRun(100, func() { faultpoint.Hit("some.point") }); n != 0 {
		t.Errorf("%v allocations per hit", n)
	}
}
