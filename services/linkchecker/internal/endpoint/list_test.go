package endpoint_test

import (
	"context"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// pagedLinks runs something before a page is read.
type pagedLinks struct {
	domain.Links
	before func()
}

func (l *pagedLinks) Page(ctx context.Context, list string, from, limit int) ([]domain.Link, error) {
	l.before()
	return l.Links.Page(ctx, list, from, limit)
}

// TestListLinks_ReplacedMeanwhile: who lists links while the list is replaced gets one
// of the two, and not what the sweep has left of the old one.
func TestListLinks_ReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, one, two)
	replaced := false
	links := &pagedLinks{Links: w.deps.Links}
	links.before = func() {
		if replaced {
			return
		}
		replaced = true
		if _, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Links: inputs(three)}); err != nil {
			t.Error(err)
		}
		w.Sweep()
	}
	w.deps.Links = links
	w.open(t)
	got, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: c.ID})
	if err != nil || len(got.Links) != 1 || got.Links[0].URL != three {
		t.Errorf("%+v, %v", got, err)
	}
}
