package locknex_test

import (
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// newCore is the use cases over a fake linkchecker, without a listener.
func newCore(testing.TB) (*core.Core, *linksv1test.Fake) {
	links := linksv1test.NewFake(time.Now, nil)
	return &core.Core{Links: links, Now: time.Now}, links
}

func made(t testing.TB, c *core.Core) string {
	t.Helper()
	v, err := c.CreateContainer(t.Context(), core.Caller{Principal: authv1.Principal{AccountID: "acc-1"}}, core.NewContainer{Title: "a", Links: []linksv1.LinkInput{{URL: "https://a.example/1"}}})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func checked(t testing.TB, links *linksv1test.Fake, url string) {
	t.Helper()
	if err := links.Check(url, linksv1test.Up); err != nil {
		t.Fatal(err)
	}
}
