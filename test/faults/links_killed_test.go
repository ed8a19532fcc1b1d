package faults_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// check holds what is there to what the clients know.
func (k *kills) check(killed time.Time) {
	t := k.t
	t.Helper()
	for _, ask := range k.left {
		ask()
	}
	there := map[string]box{}
	for after := ""; ; {
		var l struct {
			Containers []box
			After      string
		}
		k.p.api(t, http.MethodGet, "/container/list?limit=100&after="+after, nil).Want(t, http.StatusOK).JSON(t, &l)
		for _, b := range l.Containers {
			there[b.ID] = b
		}
		if after = l.After; after == "" {
			break
		}
	}
	live, gone := 0, 0
	for _, f := range k.boxes {
		_, listed := there[f.id]
		delete(there, f.id)
		if f.gone {
			if gone++; listed {
				t.Errorf("%s was deleted and is in the list", f.id)
			}
			k.p.api(t, http.MethodGet, "/container/"+f.id, nil).Want(t, http.StatusNotFound)
			k.p.api(t, http.MethodGet, "/public/container/"+f.id+"/status", nil).Want(t, http.StatusNotFound)
			continue
		}
		live++
		if !listed {
			t.Errorf("%s was acknowledged and is not in the list", f.id)
			continue
		}
		k.whole(f)
	}
	for id, b := range there {
		links, lost := k.lost[b.Title]
		if !lost {
			t.Errorf("nobody knows of %s, %q", id, b.Title)
			continue
		}
		delete(k.lost, b.Title)
		f := &fate{id: id, title: b.Title, links: links}
		k.boxes = append(k.boxes, f)
		k.whole(f)
	}
	t.Logf("%d containers, %d deleted, %d requests of hooks, %v after the last kill", live, gone, len(k.p.r.Hooks()), time.Since(killed).Round(100*time.Millisecond))
	if live < leastLive || gone < leastGone {
		t.Errorf("the load shows nothing: %d live, %d gone", live, gone)
	}
	k.truth(killed)
	k.toldAll(killed)
	k.clicked()
}

// whole holds a container to the links that its client gave it last.
func (k *kills) whole(f *fate) {
	k.t.Helper()
	b := k.p.reads(k.t, f.id)
	var links []string
	for _, l := range b.Links {
		links = append(links, l.URL)
	}
	if b.Title != f.title || b.Size != len(f.links) || !slices.Equal(links, f.links) {
		k.t.Errorf("%s is %q with %v, want %q with %v", f.id, b.Title, links, f.title, f.links)
	}
}

// truth waits until every container and its badge say what the hosts say.
func (k *kills) truth(killed time.Time) {
	t := k.t
	t.Helper()
	for _, f := range k.boxes {
		if f.gone {
			continue
		}
		online := 0
		for _, l := range f.links {
			if !k.away[l] {
				online++
			}
		}
		status := "partial"
		switch online {
		case 0:
			status = "offline"
		case len(f.links):
			status = "online"
		}
		k.p.settles(t, f.id, status, online, len(f.links)-online)
		if t.Failed() {
			return // each would wait
		}
	}
	t.Logf("all links and badges are right %v after the last kill", time.Since(killed).Round(100*time.Millisecond))
}

// toldAll waits until all that became of containers was told, each once.
func (k *kills) toldAll(killed time.Time) {
	t := k.t
	t.Helper()
	var last []news
	var of *fate
	defer func() {
		if t.Failed() {
			t.Logf("%+v\nof %+v", last, *of)
			states := map[string]int{}
			for _, d := range k.p.log(t, k.hook) {
				states[d.State]++
			}
			t.Logf("the last hooks are %v", states)
		}
	}()
	for _, f := range k.boxes {
		of = f
		k.p.r.Wait(t, time.Minute, "the news of "+f.id, func(hooks []harness.Hook) bool {
			last = heard(t, hooks, f.id)
			if !f.gone {
				return chained(last, k.p.answered(t, k.p.api(t, http.MethodGet, "/public/container/"+f.id+"/status", nil)).Status)
			}
			i := slices.IndexFunc(last, func(n news) bool { return n.Type == "container.deleted" })
			return i >= 0 && chained(last, last[i].Data.Status)
		})
	}
	t.Logf("all was told %v after the last kill", time.Since(killed).Round(100*time.Millisecond))
}

// clicked holds the clicks to the visitors.
func (k *kills) clicked() {
	t := k.t
	t.Helper()
	js := k.p.w.JetStream(t)
	for deadline := time.Now().Add(time.Minute); !allCounted(t, js); pause(t.Context(), 50*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("clicks wait to be counted")
			break
		}
	}
	sure, all, counted := 0, 0, 0
	for _, f := range k.boxes {
		if f.gone {
			continue
		}
		n := 0
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 50*time.Millisecond) {
			if n = k.p.answered(t, k.p.api(t, http.MethodGet, "/public/container/"+f.id+"/stats", nil).Want(t, http.StatusOK)).Clicks.Total; n >= f.sure {
				break
			}
		}
		if n < f.sure || n > f.looked {
			t.Errorf("%d clicks on %s, which %d opened for sure, and %d in all", n, f.id, f.sure, f.looked)
		}
		sure, all, counted = sure+f.sure, all+f.looked, counted+n
	}
	t.Logf("%d clicks of %d visitors, %d of them sure", counted, all, sure)
}

// room wants the whole of what the account may have, when all is deleted and what
// the dead held has lapsed.
func (k *kills) room(t *testing.T) {
	t.Helper()
	for _, f := range k.boxes {
		if !f.gone {
			k.p.api(t, http.MethodDelete, "/container/"+f.id, nil).Want(t, http.StatusOK)
		}
	}
	k.p.later(t, leaseOfHold)
	k.p.w.Kill("linkchecker")
	k.p.revive(t, "linkchecker")
	all := make([]string, killLinks)
	for i := range all {
		all[i] = fmt.Sprintf("https://h0.example/room%d", i)
	}
	var r harness.Response
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 100*time.Millisecond) {
		if r = k.p.api(t, http.MethodPost, "/container/create", wish("room", all...)); r.Status == http.StatusOK {
			break
		}
	}
	r.Want(t, http.StatusOK)
	if r := k.p.api(t, http.MethodPost, "/container/create", wish("more", linkOf(0, 0))); r.Code() != "quota_exceeded" {
		t.Errorf("one more link: %d %s", r.Status, r.Body)
	}
}
