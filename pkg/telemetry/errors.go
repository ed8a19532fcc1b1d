package telemetry

import (
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// troubleEvery is how often trouble of OpenTelemetry itself is logged at most: a
// collector that is away fails every second, for hours, and what a client sends may.
const troubleEvery = time.Minute

// TakeErrors has what OpenTelemetry's libraries cannot do (an export that fails, a
// header that is malformed) logged as everything else is, not on standard error in
// their own words. There is one place for that in a process: only main programs
// call it.
func (t *Telemetry) TakeErrors() {
	otel.SetErrorHandler(&troubles{log: t.Log, now: time.Now})
}

// troubles implements otel.ErrorHandler.
type troubles struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	last   time.Time
	unsaid int
}

// Handle implements otel.ErrorHandler.
func (h *troubles) Handle(err error) {
	// Not while the lock is held: the line may itself go to a collector, and fail.
	if unsaid, say := h.due(); say {
		h.log.Warn("telemetry is not whole", slog.Int("unsaid", unsaid), slog.Any(KeyErr, err))
	}
}

// due reports whether a line is due, and how many were left out since the last one.
func (h *troubles) due() (unsaid int, say bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if now.Sub(h.last) < troubleEvery {
		h.unsaid++
		return 0, false
	}
	unsaid, h.last, h.unsaid = h.unsaid, now, 0
	return unsaid, true
}
