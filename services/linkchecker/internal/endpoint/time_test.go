package endpoint_test

import (
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// TestContainer_TimeNeverGoesBack: changes are told with times in their order, also
// where who wrote second had looked at the clock first.
func TestContainer_TimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, one)
	w.Clock.Advance(-time.Second)
	title := "another"
	u, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: &title})
	if err != nil || u.UpdatedAt.Before(c.UpdatedAt) || u.Revision <= c.Revision {
		t.Errorf("%s, then %s, revisions %d and %d, %v", c.UpdatedAt, u.UpdatedAt, c.Revision, u.Revision, err)
	}
}
