package linksv1test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func old(numeric string) linksv1.ImportRequest {
	return linksv1.ImportRequest{
		Username: "alice", AccountID: alice.AccountID, NumericID: numeric, Title: "Old", Links: inputs("https://a.example/1"),
		CreatedAt: time.Date(2019, 5, 6, 7, 8, 9, 0, time.UTC),
	}
}

func imports(t *testing.T, w World) {
	r := old("7541014")
	r.ID, r.Password = "iiom6uw3pn7", "secret"
	c, err := w.Service.ImportContainer(t.Context(), r)
	if err != nil || c.ID != "iiom6uw3pn7" || c.NumericID != "7541014" || !c.CreatedAt.Equal(r.CreatedAt) || !c.Protected || c.AccountID != alice.AccountID || c.Size != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := w.get(t, "7541014"); got.ID != "iiom6uw3pn7" {
		t.Errorf("%+v", got)
	}
	again := r
	again.Title = "Other"
	if d, err := w.Service.ImportContainer(t.Context(), again); err != nil || d.Title != "Old" || d.ID != c.ID {
		t.Errorf("again: %+v, %v", d, err)
	}
	foreign := r
	foreign.AccountID = bob.AccountID
	_, err = w.Service.ImportContainer(t.Context(), foreign)
	want(t, "another one's", err, linksv1.ErrIDTaken)
	twice := old("7541015")
	twice.ID = r.ID
	_, err = w.Service.ImportContainer(t.Context(), twice)
	want(t, "the id of another number", err, linksv1.ErrIDTaken)
	if d, err := w.Service.ImportContainer(t.Context(), old("1")); err != nil || !linksv1.ValidID(d.ID) || d.NumericID != "1" {
		t.Errorf("without an id: %+v, %v", d, err)
	}
	for what, change := range map[string]func(*linksv1.ImportRequest){
		"no number": func(r *linksv1.ImportRequest) { r.NumericID = "" }, "a word": func(r *linksv1.ImportRequest) { r.NumericID = "abc" },
		"a leading 0": func(r *linksv1.ImportRequest) { r.NumericID = "01" }, "a bad id": func(r *linksv1.ImportRequest) { r.ID = "UPPER" },
		"a number as id": func(r *linksv1.ImportRequest) { r.ID = "12345678901" }, "nobody": func(r *linksv1.ImportRequest) { r.AccountID = "" },
	} {
		r := old("7541099")
		change(&r)
		_, err := w.Service.ImportContainer(t.Context(), r)
		want(t, what, err, fault.ErrInvalid)
	}
	// The sequence goes around what was imported.
	fresh := w.make(t, request("https://a.example/1"))
	var n int
	if _, err := fmt.Sscan(fresh.NumericID, &n); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.ImportContainer(t.Context(), old(fmt.Sprint(n+1))); err != nil {
		t.Fatal(err)
	}
	if next := w.make(t, request("https://a.example/1")); next.NumericID == fmt.Sprint(n+1) {
		t.Error("an imported number was given")
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Second)
	if d, err := w.Service.ImportContainer(t.Context(), r); err != nil || d.Revision <= c.Revision {
		t.Errorf("behind its deletion: %+v, %v", d, err)
	}
}

func importBatches(t *testing.T, w World) {
	all := many(350)
	r := old("42")
	r.Links, r.More = all[:200], true
	if _, err := w.Service.ImportContainer(t.Context(), r); err != nil { // broken off here
		t.Fatal(err)
	}
	c, err := w.Service.ImportContainer(t.Context(), r)
	if err != nil || c.Edit == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err = w.rest(t, c, all, 200); err != nil || c.Size != 350 {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err = w.Service.ImportContainer(t.Context(), r); err != nil || c.Edit != "" || c.Size != 350 {
		t.Errorf("again: %+v, %v", c, err)
	}
}

func concurrent(t *testing.T, w World) {
	r := request("https://a.example/1", "https://a.example/2")
	r.Quota = linksv1.Quota{ContainersPerDay: 12, Links: 16}
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := map[string]bool{}
	for range 24 {
		wg.Go(func() {
			c, err := w.Service.CreateContainer(t.Context(), r)
			if err != nil {
				if fault.CodeOf(err) != linksv1.ErrQuota.Code {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if made[c.ID] || made[c.NumericID] {
				t.Errorf("%s or %s was given twice", c.ID, c.NumericID)
			}
			made[c.ID], made[c.NumericID] = true, true
		})
	}
	wg.Wait()
	if len(made) != 16 {
		t.Errorf("%d containers of two links for 16 links", len(made)/2)
	}
	l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice})
	if err != nil || l.Place.Total != 8 {
		t.Errorf("%+v, %v", l.Place, err)
	}
}

// concurrentEdits has several requests replace a list: one of them, whole, is
// what is there in the end.
func concurrentEdits(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var ls []linksv1.LinkInput
			for j := range 20 {
				ls = append(ls, linksv1.LinkInput{URL: link(fmt.Sprintf("h%d.example", i), j)})
			}
			_, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr(fmt.Sprint("T", i)), Links: ls})
			if err != nil && fault.CodeOf(err) != linksv1.ErrEditGone.Code {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := w.get(t, c.ID)
	ls := w.links(t, alice, c.ID)
	if len(ls) != 20 || got.Size != 20 || len(got.Hosts) != 1 || got.Title != "T"+got.Hosts[0][1:2] {
		t.Fatalf("%d links, %+v", len(ls), got)
	}
	for i, l := range ls {
		if l.Host != got.Hosts[0] || l.Index != i {
			t.Errorf("%+v in a list of %s", l, got.Hosts[0])
		}
	}
}

// concurrentStates has links change while their container is filled and replaced:
// what it counts is what its links are.
func concurrentStates(t *testing.T, w World) {
	all := many(120)
	c := w.make(t, linksv1.CreateRequest{Principal: alice, Title: "t", Links: all[:1]})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := i; j < len(all); j += 6 {
				w.Clock.Advance(time.Millisecond)
				if err := w.Check(all[j].URL, []Found{Up, Down, Lost}[j%3]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		e, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Links: all[:40], More: true})
		if err != nil {
			t.Error(err)
			return
		}
		for n := 40; n < len(all); n += 40 {
			if e, err = w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: e.Edit, From: n, Links: all[n : n+40], More: n+40 < len(all)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	w.Sweep()
	var counts linksv1.Counts
	for _, l := range w.links(t, alice, c.ID) {
		switch l.Status {
		case linksv1.Online:
			counts.Online++
		case linksv1.Offline:
			counts.Offline++
		default:
			counts.Unknown++
		}
	}
	if got := w.get(t, c.ID); got.Size != len(all) || got.Counts != counts || got.Status != counts.Status() {
		t.Errorf("%+v, its links are %+v", got, counts)
	}
	for i := range all {
		w.check(t, all[i].URL, Up)
	}
	if got := w.get(t, c.ID); got.Counts != (linksv1.Counts{Online: len(all)}) {
		t.Errorf("%+v", got)
	}
}
