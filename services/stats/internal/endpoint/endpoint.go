// Package endpoint is the stats service as its contract has it.
package endpoint

import (
	"context"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/stats/internal/clicks"
)

// The bounds of a report.
const (
	maxDays      = 400
	maxReferrers = 100
)

// Endpoint implements statsv1.Service.
type Endpoint struct{ c *clicks.Counter }

var _ statsv1.Service = (*Endpoint)(nil)

// New makes the endpoint.
func New(c *clicks.Counter) *Endpoint { return &Endpoint{c} }

// GetClicks implements statsv1.Service.
func (e *Endpoint) GetClicks(ctx context.Context, r statsv1.ClicksRequest) (statsv1.Clicks, error) {
	if r.Subject == "" || r.Days < 0 || r.Days > maxDays || r.Referrers < 0 || r.Referrers > maxReferrers {
		return statsv1.Clicks{}, fault.ErrInvalid.Msgf("a report names its subject, 0 to %d days and 0 to %d referrers", maxDays, maxReferrers)
	}
	return e.c.Clicks(ctx, r)
}

// DropClicks implements statsv1.Service.
func (e *Endpoint) DropClicks(ctx context.Context, r statsv1.DropClicksRequest) (statsv1.Empty, error) {
	if r.Subject == "" {
		return statsv1.Empty{}, fault.ErrInvalid.Msgf("the subject is missing")
	}
	return statsv1.Empty{}, e.c.Drop(ctx, r.Subject)
}
