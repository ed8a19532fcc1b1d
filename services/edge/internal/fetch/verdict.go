package fetch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// errStalled says that the address sent too little for too long.
var errStalled = errors.New("the transfer stalled")

// errTooLong says that an attempt took all the time that there is for one, or for
// what it brought.
var errTooLong = errors.New("the transfer took too long")

// outcome is what became of an attempt.
type outcome string

// The outcomes.
const (
	outcomeDone     outcome = "done"
	outcomeFailed   outcome = "failed"
	outcomeAgain    outcome = "again"    // another attempt may help
	outcomeReturned outcome = "returned" // the worker stops
	outcomeLost     outcome = "lost"     // cancelled, or another worker's
)

// judgement is what an error means for the fetch.
type judgement struct {
	reason string // for its owner
	again  bool
	wait   time.Duration
}

// into writes it into a request.
func (j judgement) into(r *uploadv1.EndFetchRequest) outcome {
	r.Reason, r.Again, r.WaitSeconds = j.reason, j.again, int64(j.wait/time.Second)
	if j.again {
		return outcomeAgain
	}
	return outcomeFailed
}

// verdict decides whether another attempt may help. No reason tells what a name
// resolved to, or what an address said.
func verdict(err error) judgement {
	var status *statusError
	if errors.As(err, &status) {
		return judgement{status.Error(), mayRepeat(status.status), status.wait}
	}
	switch {
	case errors.Is(err, errStalled):
		return judgement{reason: "the address sent too little for too long", again: true}
	case errors.Is(err, errTooLong):
		return judgement{reason: "the address sends the file too slowly"}
	case errors.Is(err, outbound.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return judgement{reason: "the address did not send the file in time", again: true}
	case errors.Is(err, outbound.ErrUnreachable):
		return judgement{reason: "the address could not be reached, or broke off", again: true}
	case errors.Is(err, outbound.ErrRedirects):
		return judgement{reason: "the address sends on too often"}
	case errors.Is(err, objectv1.ErrIdempotencyBusy), errors.Is(err, uploadv1.ErrGone):
		return judgement{reason: reasonStore, again: true}
	}
	switch fe := fault.From(err); fe.Kind {
	case fault.Invalid, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Precondition, fault.TooLarge, fault.QuotaExceeded:
		return judgement{reason: short(fe.Message)}
	}
	return judgement{reason: reasonStore, again: true}
}

const reasonStore = "the file could not be stored for the moment"

// short keeps a reason within the contract's bound.
func short(s string) string {
	if s == "" {
		return reasonStore
	}
	return strings.ToValidUTF8(s[:min(len(s), uploadv1.MaxFetchReason)], "")
}

// mayRepeat reports whether an address that gave this status may give the file
// later.
func mayRepeat(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// meter counts attempts.
type meter struct {
	attempts metric.Int64Counter
	active   metric.Int64UpDownCounter
	outcomes telemetry.Values[outcome]
}

func newMeter(tel *telemetry.Telemetry) (*meter, error) {
	in := tel.Instruments("github.com/sluicehq/sluice/services/edge/fetch")
	m := &meter{
		attempts: in.Counter("sluice.edge.fetches", "{fetch}", "attempts to fetch remote URLs, by how they ended"),
		active:   in.UpDown("sluice.edge.fetches.active", "{fetch}", "remote URLs being fetched"),
		outcomes: telemetry.NewValues("sluice.outcome", []outcome{outcomeDone, outcomeFailed, outcomeAgain, outcomeReturned, outcomeLost}),
	}
	m.outcomes.Start(m.attempts)
	telemetry.Zero(m.active)
	return m, in.Err()
}

func (m *meter) began(ctx context.Context) { m.active.Add(ctx, 1) }

func (m *meter) ended(ctx context.Context, o outcome) {
	m.active.Add(ctx, -1)
	m.attempts.Add(ctx, 1, m.outcomes.Of(o).Add...)
}
