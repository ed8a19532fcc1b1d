package linksv1test

import (
	"slices"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

func owners(t *testing.T, w World) {
	r := request("https://a.example/1")
	r.Password = "secret"
	c := w.make(t, r)
	if got, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil || got.ID != c.ID {
		t.Errorf("its owner: %+v, %v", got, err)
	}
	_, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{Principal: bob, ID: c.ID})
	want(t, "a stranger as owner", err, linksv1.ErrNotFound)
	_, err = w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: bob, ID: c.ID, Title: ptr("mine")})
	want(t, "a stranger updates", err, linksv1.ErrNotFound)
	_, err = w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: bob, ID: c.NumericID})
	want(t, "a stranger deletes", err, linksv1.ErrNotFound)
	_, err = w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: bob, ID: c.ID})
	want(t, "a stranger's links", err, linksv1.ErrLocked)
	_, err = w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: c.ID})
	want(t, "anybody's links", err, linksv1.ErrLocked)
	if l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: bob}); err != nil || len(l.Containers) != 0 || l.Containers == nil {
		t.Errorf("a stranger's list: %+v, %v", l, err)
	}
	if c := w.get(t, c.ID); c.Title != "Linux ISOs" {
		t.Errorf("changed: %+v", c)
	}
}

func listPages(t *testing.T, w World) {
	var made []string
	for i := range 7 {
		w.Clock.Advance(time.Duration(i%2) * time.Second) // some of the same time
		made = append(made, w.make(t, request(link("a.example", i))).ID)
	}
	for _, ascending := range []bool{false, true} {
		var got []string
		r := linksv1.ListRequest{Principal: alice, Page: paging.Request{Limit: 3, Ascending: ascending}}
		for {
			l, err := w.Service.ListContainers(t.Context(), r)
			if err != nil || l.Place.Total != 7 {
				t.Fatalf("%+v, %v", l.Place, err)
			}
			for _, c := range l.Containers {
				got = append(got, c.ID)
			}
			if l.Place.After == "" {
				break
			}
			r.Page.After = l.Place.After
		}
		slices.Sort(got)
		all := slices.Sorted(slices.Values(made))
		if !slices.Equal(got, all) {
			t.Errorf("ascending %v: %v, made %v", ascending, got, all)
		}
	}
	newest, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice})
	if err != nil || newest.Containers[0].CreatedAt.Before(newest.Containers[6].CreatedAt) {
		t.Errorf("the newest is not first, %v", err)
	}
	_, err = w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice, Page: paging.Request{After: "x"}})
	want(t, "a bad cursor", err, paging.ErrBadCursor)
}

func listFilters(t *testing.T, w World) {
	for i, group := range []string{"", "a", "a", "b"} {
		r := request(link("a.example", i))
		r.Options.Group = group
		w.make(t, r)
	}
	w.check(t, link("a.example", 1), Up)
	w.check(t, link("a.example", 3), Up)
	for _, c := range []struct {
		status linksv1.Status
		group  string
		n      int64
	}{{"", "", 4}, {linksv1.Online, "", 2}, {linksv1.Unknown, "", 2}, {linksv1.Offline, "", 0}, {"", "a", 2}, {linksv1.Online, "a", 1}, {linksv1.Partial, "b", 0}, {"", "c", 0}} {
		l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice, Status: c.status, Group: c.group})
		if err != nil || l.Place.Total != c.n || int64(len(l.Containers)) != c.n {
			t.Errorf("%q of group %q: %d, %+v, %v; want %d", c.status, c.group, len(l.Containers), l.Place, err, c.n)
		}
	}
}

func update(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	w.Clock.Advance(time.Minute)
	o := linksv1.Options{Captcha: true, Group: "g"}
	change := linksv1.OptionsChange{Captcha: &o.Captcha, Group: &o.Group}
	got, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.NumericID, Title: ptr("New"), Options: &change, Password: ptr("secret")})
	if err != nil || got.Title != "New" || got.Options != o || !got.Protected || got.Edit != "" || got.Revision <= c.Revision || !got.UpdatedAt.Equal(w.Clock.Now()) || got.Size != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	same, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID})
	if err != nil || same.Revision != got.Revision || same.Title != "New" {
		t.Errorf("nothing to change: %+v, %v", same, err)
	}
	open, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Password: ptr("")})
	if err != nil || open.Protected || open.Title != "New" {
		t.Errorf("%+v, %v", open, err)
	}
	_, err = w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("")})
	want(t, "no title", err, linksv1.ErrBadTitle)
	_, err = w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("X"), Links: inputs("nonsense")})
	want(t, "a bad link", err, linksv1.ErrBadLink)
	_, err = w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Options: &linksv1.OptionsChange{Group: ptr("\x00")}})
	want(t, "a bad group", err, fault.ErrInvalid)
	if c := w.get(t, c.ID); c.Title != "New" || c.Size != 1 {
		t.Errorf("a refused update changed %+v", c)
	}
	if got, err = w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Options: &linksv1.OptionsChange{NoClickNLoad: ptr(true)}}); err != nil {
		t.Fatal(err)
	}
	if o.NoClickNLoad = true; got.Options != o {
		t.Errorf("%+v after one switch, want %+v", got.Options, o)
	}
	// The switches of a list under way change what there is when it ends.
	list, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{
		Principal: alice, ID: c.ID, Options: &linksv1.OptionsChange{Captcha: ptr(false)}, Links: inputs("https://a.example/2"), More: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Options: &linksv1.OptionsChange{Group: ptr("")}}); err != nil {
		t.Fatal(err)
	}
	got, err = w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: list.Edit, From: 1, Links: inputs("https://a.example/3")})
	if want := (linksv1.Options{NoClickNLoad: true}); err != nil || got.Options != want || got.Size != 2 {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func replaces(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1", "https://b.example/2"))
	w.check(t, "https://a.example/1", Up)
	w.check(t, "https://b.example/2", Down)
	got, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("T"), Links: inputs("https://c.example/3", "https://a.example/1")})
	if err != nil || got.Size != 2 || got.Status != linksv1.Partial || got.Counts != (linksv1.Counts{Online: 1, Unknown: 1}) || got.Title != "T" ||
		!slices.Equal(got.Hosts, []string{"c.example", "a.example"}) {
		t.Fatalf("%+v, %v", got, err)
	}
	ls := w.links(t, alice, c.ID)
	if urls(ls) != "https://c.example/3 https://a.example/1" || ls[1].Status != linksv1.Online || ls[0].Status != linksv1.Unknown {
		t.Errorf("%+v", ls)
	}
	w.check(t, "https://b.example/2", Up) // left it
	w.check(t, "https://c.example/3", Up)
	if c := w.get(t, c.ID); c.Counts != (linksv1.Counts{Online: 2}) || c.Status != linksv1.Online {
		t.Errorf("%+v", c)
	}
}

func replacesInBatches(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	all := many(450)
	r := linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("New"), Password: ptr("pw"), Links: all[:200], More: true}
	e, err := w.Service.UpdateContainer(t.Context(), r)
	if err != nil || e.Edit == "" || e.Size != 1 || e.Title != "Linux ISOs" {
		t.Fatalf("%+v, %v", e, err)
	}
	w.check(t, all[10].URL, Up)
	if got := urls(w.links(t, alice, c.ID)); got != "https://a.example/1" || w.get(t, c.ID).Protected {
		t.Errorf("before the last batch: %s", got)
	}
	done, err := w.rest(t, e, all, 200)
	if err != nil || done.Size != 450 || done.Title != "New" || !done.Protected || done.Counts.Online != 1 {
		t.Fatalf("%+v, %v", done, err)
	}

	lost, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("Never"), Links: all[:1], More: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(2 * time.Minute)
	w.Sweep()
	_, err = w.rest(t, lost, all, 1)
	want(t, "too late", err, linksv1.ErrEditGone)
	if c := w.get(t, c.ID); c.Size != 450 || c.Title != "New" {
		t.Errorf("an edit that was given up changed %+v", c)
	}
}

func givesWay(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	edit := func(links ...string) linksv1.Written {
		e, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Links: inputs(links...), More: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first, second := edit("https://a.example/2"), edit("https://a.example/3")
	_, err := w.rest(t, first, inputs("https://a.example/2", "https://a.example/4"), 1)
	want(t, "the first edit", err, linksv1.ErrEditGone)
	if _, err := w.rest(t, second, inputs("https://a.example/3", "https://a.example/5"), 1); err != nil {
		t.Fatal(err)
	}
	if got := urls(w.links(t, alice, c.ID)); got != "https://a.example/3 https://a.example/5" {
		t.Errorf("links %s", got)
	}
	third := edit("https://a.example/6")
	if _, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("Other")}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.rest(t, third, inputs("https://a.example/6", "https://a.example/7"), 1); err != nil || got.Title != "Other" || got.Size != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func deletes(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	open, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Links: inputs("https://a.example/2"), More: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{c.ID, c.NumericID} {
		_, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
		want(t, "getting it", err, linksv1.ErrNotFound)
		_, err = w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: id})
		want(t, "unlocking it", err, linksv1.ErrNotFound)
		_, err = w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: alice, ID: id})
		want(t, "its links", err, linksv1.ErrNotFound)
		_, err = w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: id})
		want(t, "deleting it again", err, linksv1.ErrNotFound)
	}
	if _, err = w.rest(t, open, inputs("https://a.example/2", "https://a.example/3"), 1); err == nil {
		t.Error("an edit of what is deleted goes on")
	}
	if l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice}); err != nil || l.Place.Total != 0 {
		t.Errorf("listed: %+v, %v", l, err)
	}
	w.check(t, "https://a.example/1", Up) // a check that was under way
}

func quotaContainers(t *testing.T, w World) {
	r := request("https://a.example/1")
	r.Quota.ContainersPerDay = 2
	first := w.make(t, r)
	w.make(t, r)
	bad := r
	bad.Links = inputs("nonsense")
	_, err := w.Service.CreateContainer(t.Context(), bad)
	want(t, "what is bad is bad first", err, linksv1.ErrBadLink)
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "a third one", err, linksv1.ErrQuota)
	now := w.Clock.Now()
	if after := fault.From(err).RetryAfter; !now.Add(after).Equal(now.Truncate(24 * time.Hour).Add(24 * time.Hour)) {
		t.Errorf("repeat after %v", after)
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: first.ID}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "behind a deletion", err, linksv1.ErrQuota)
	other := r
	other.Principal = bob
	w.make(t, other)
	w.Clock.Advance(21 * time.Hour)
	w.make(t, r)
}

func quotaLinks(t *testing.T, w World) {
	r := request("https://a.example/1", "https://a.example/2", "https://a.example/3")
	r.Quota.Links = 5
	c := w.make(t, r)
	_, err := w.Service.CreateContainer(t.Context(), r)
	want(t, "a sixth link", err, linksv1.ErrQuota)
	two := r
	two.Links = r.Links[:2]
	d := w.make(t, two)
	update := func(id string, n int) error {
		_, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: id, Links: many(n), Quota: r.Quota})
		return err
	}
	if err := update(c.ID, 3); err != nil {
		t.Errorf("as many as before: %v", err)
	}
	want(t, "more than before", update(c.ID, 4), linksv1.ErrQuota)
	if err := update(c.ID, 1); err != nil {
		t.Errorf("fewer: %v", err)
	}
	if err := update(d.ID, 4); err != nil {
		t.Errorf("in what became free: %v", err)
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: d.ID}); err != nil {
		t.Fatal(err)
	}
	big := r
	big.Links, big.More = many(2), true
	e, err := w.Service.CreateContainer(t.Context(), big)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.rest(t, e, many(5), 2)
	want(t, "a batch too many", err, linksv1.ErrQuota)
	big.Links, big.More = many(4), false
	if w.make(t, big).Size != 4 {
		t.Error("what was refused still counts")
	}
}
