package endpoint_test

import (
	"fmt"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
)

// TestRecord_OneURLInManyLinks: links that differ in their fragments only are one URL,
// and the events of all of them are more than waits in one container's outbox.
func TestRecord_OneURLInManyLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 400
	page := "https://a.example/?" + strings.Repeat("&", 1900)
	urls := make([]string, n)
	for i := range urls {
		urls[i] = fmt.Sprintf("%s#%d", page, i)
	}
	r := linksv1.CreateRequest{Principal: alice, Title: "t", Links: inputs(urls[:linksv1.MaxBatch]...), More: true}
	got, err := w.Service.CreateContainer(t.Context(), r)
	for from := linksv1.MaxBatch; from < n && err == nil; from += linksv1.MaxBatch {
		got, err = w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{
			Principal: alice, ID: got.ID, Edit: got.Edit, From: from, Links: inputs(urls[from : from+linksv1.MaxBatch]...), More: from+linksv1.MaxBatch < n,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	w.record(t, page, linksv1test.Up)
	told := 0
	for range 5 { // what found no room is repeated
		for _, m := range clearOutbox(t, w.db) {
			if strings.HasPrefix(m.Subject, linksv1.LinkStatusChanged.Type) {
				told++
			}
		}
		if _, err := w.domain.Sweep(t.Context()); err != nil {
			t.Log(err) // what waits for room
		}
	}
	c, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{ID: got.ID})
	if err != nil || c.Status != linksv1.Online || c.Counts.Online != n || told != n {
		t.Errorf("%+v, %v; %d events", c, err, told)
	}
}
