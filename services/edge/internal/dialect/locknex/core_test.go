package locknex_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/fault"
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

// broken loses every message behind the first one.
type broken struct{ *linksv1test.Fake }

// AddLinks implements linksv1.Service.
func (broken) AddLinks(context.Context, linksv1.AddLinksRequest) (linksv1.Written, error) {
	return linksv1.Written{}, fault.ErrUnavailable
}

// TestBatches_Broken: a container, or a new list, whose later messages do not
// arrive is not there.
func TestBatches_Broken(t *testing.T) {
	t.Parallel()
	c, links := newCore(t)
	by := core.Caller{Principal: authv1.Principal{AccountID: "acc-1"}}
	id := made(t, c)
	many := make([]linksv1.LinkInput, 2*linksv1.MaxBatch)
	for i := range many {
		many[i].URL = fmt.Sprintf("https://b.example/%d", i)
	}
	c.Links = broken{links}
	if _, err := c.CreateContainer(t.Context(), by, core.NewContainer{Title: "b", Links: many}); fault.CodeOf(err) != fault.ErrUnavailable.Code {
		t.Errorf("%v", err)
	}
	if _, err := c.UpdateContainer(t.Context(), by, core.ContainerChange{ID: id, Title: new("b"), Links: many}); fault.CodeOf(err) != fault.ErrUnavailable.Code {
		t.Errorf("%v", err)
	}
	l, err := c.ListContainers(t.Context(), by, linksv1.ListRequest{})
	if err != nil || len(l.Containers) != 1 || l.Containers[0].Title != "a" || l.Containers[0].Size != 1 {
		t.Errorf("%+v, %v", l, err)
	}
}

// meanwhile has another client change a container before a change of ours arrives.
type meanwhile struct {
	*linksv1test.Fake
	other linksv1.OptionsChange
}

// UpdateContainer implements linksv1.Service.
func (m meanwhile) UpdateContainer(ctx context.Context, r linksv1.UpdateRequest) (linksv1.Written, error) {
	first := linksv1.UpdateRequest{Principal: r.Principal, ID: r.ID, Options: &m.other}
	if _, err := m.Fake.UpdateContainer(ctx, first); err != nil {
		return linksv1.Written{}, err
	}
	return m.Fake.UpdateContainer(ctx, r)
}

// TestUpdateContainer_AtOnce: of two edits of different switches neither is lost.
func TestUpdateContainer_AtOnce(t *testing.T) {
	t.Parallel()
	c, links := newCore(t)
	by := core.Caller{Principal: authv1.Principal{AccountID: "acc-1"}}
	id := made(t, c)
	c.Links = meanwhile{links, linksv1.OptionsChange{Group: new("theirs"), NoSingleLinks: new(true)}}
	got, err := c.UpdateContainer(t.Context(), by, core.ContainerChange{ID: id, Options: linksv1.OptionsChange{Captcha: new(true)}})
	if want := (linksv1.Options{Captcha: true, NoSingleLinks: true, Group: "theirs"}); err != nil || got.Options != want {
		t.Errorf("%+v, %v; want %+v", got.Options, err, want)
	}
}

// endless answers that more follows, again and again.
type endless struct{ *linksv1test.Fake }

// ListLinks implements linksv1.Service.
func (endless) ListLinks(_ context.Context, r linksv1.ListLinksRequest) (linksv1.ListLinksResponse, error) {
	return linksv1.ListLinksResponse{Links: make([]linksv1.Link, 1), Next: max(1, r.From)}, nil
}

func TestContainerLinks_Endless(t *testing.T) {
	t.Parallel()
	c, links := newCore(t)
	id := made(t, c)
	c.Links = endless{links}
	if _, err := c.ContainerLinks(t.Context(), core.Caller{}, id, ""); fault.KindOf(err) != fault.Internal {
		t.Errorf("%v", err)
	}
}
