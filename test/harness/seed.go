package harness

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Seed is what a random test starts its choices from: the clock, or
// SLUICE_TEST_SEED, which repeats an earlier run. The test's log has it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_TEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("SLUICE_TEST_SEED=%d", seed)
	return seed
}
