package harness

import (
	"strings"
	"testing"
)

// checkRefusals fails a test in whose system the nats-server refused a service
// something: its rights (contracts/access) are then not all that it needs.
func (w *World) checkRefusals(t testing.TB) {
	t.Helper()
	const most = 5
	n := 0
	for line := range strings.Lines(w.logs.String()) {
		// What a client is told, and what the server notes down itself.
		if !strings.Contains(line, "nats: permissions violation") && !strings.Contains(line, "Publish Violation - ") && !strings.Contains(line, "Subscription Violation - ") {
			continue
		}
		if n++; n <= most {
			t.Errorf("the nats-server refused: %s", strings.TrimSpace(line))
		}
	}
	if n > most {
		t.Errorf("and %d more refusals", n-most)
	}
}
