package faults_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
)

// leaseOfStep is longer than what lies between the first two checks of a link.
const leaseOfStep = 11 * time.Minute

// madeAndTold dies while the first checks or news of a container are on their way
// out of linkchecker: no link stays unchecked, and nothing untold.
func madeAndTold(t *testing.T, p *linkPlot) {
	p.hears(t, p.r.URL)
	links := []string{p.link("a", linksv1test.There), p.link("b", linksv1test.Removed)}
	r := p.strike(t, http.MethodPost, "/api/v1/container/create", wish("told", links...), p.me)
	l := p.lists(t)
	if r.Status != 0 && len(l) == 0 {
		t.Fatalf("acknowledged as %s, and not there", r.Body)
	}
	if p.made = len(l); len(l) == 0 {
		l = append(l, p.makes(t, "told", links...))
	}
	p.whole(t, l[0], links...)
	p.settles(t, l[0].ID, "partial", 1, 1)
	p.told(t, l[0].ID, "partial", map[string]string{links[0]: "online", links[1]: "offline"})
}

// changed dies while a link that two containers have turns out to be gone: both
// show it, and both tell of it once.
func changed(t *testing.T, p *linkPlot) {
	p.hears(t, p.r.URL)
	shared, alone := p.link("shared", linksv1test.There), p.link("alone", linksv1test.There)
	a, b := p.makes(t, "a", shared, alone), p.makes(t, "b", shared)
	p.settles(t, a.ID, "online", 2, 0)
	p.settles(t, b.ID, "online", 1, 0)
	p.link("shared", linksv1test.Removed)
	pause(t.Context(), 1100*time.Millisecond) // what is known of the link is stale then
	p.strike(t, http.MethodPost, "/api/v1/container/create", wish("c", shared), p.me)
	for _, l := range p.lists(t) {
		switch l.ID {
		case a.ID:
			p.settles(t, l.ID, "partial", 1, 1)
			p.told(t, l.ID, "partial", map[string]string{shared: "offline", alone: "online"})
		default:
			p.settles(t, l.ID, "offline", 0, 1)
			p.told(t, l.ID, "offline", map[string]string{shared: "offline"})
		}
	}
}

// postponed dies while checks are put off that their host has no room for: they
// are made when it has.
func postponed(t *testing.T, p *linkPlot) {
	links := []string{p.link("a", linksv1test.There), p.link("b", linksv1test.There), p.link("c", linksv1test.There)}
	p.host.Wall(linksv1test.Throttled)
	p.later(t, p.crash.lease)
	p.w.Arm(t, p.crash.point, 0)
	_, _ = p.c.Try(t.Context(), http.MethodPost, "/api/v1/container/create", wish("later", links...), p.me)
	name := p.died(t)
	p.host.Wall("")
	p.revive(t, name)
	b := p.lists(t)
	if len(b) != 1 {
		t.Fatalf("%d containers", len(b))
	}
	p.settles(t, b[0].ID, "online", 3, 0)
}
