package core

import (
	"context"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

// FileClicks reads how many visitors a shared file had, by its node id: those of the
// last days too.
func (c *Core) FileClicks(ctx context.Context, nodeID string, days int) (statsv1.Clicks, error) {
	s, err := c.Stats.GetClicks(ctx, statsv1.ClicksRequest{Subject: nodeID, Days: days})
	return s, doing("reading the visitors of a file", err)
}
