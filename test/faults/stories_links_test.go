package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/test/harness"
)

// linkCrashes has every point of containers and of what belongs to them.
func linkCrashes() []linkCrash {
	return []linkCrash{
		{point: "linkchecker.create.counted", victim: "linkchecker", story: madeUnseen, lease: leaseOfHold},
		{point: "linkchecker.create.numbered", victim: "linkchecker", story: madeUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.create.inserted", victim: "linkchecker", story: madeUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.fill.written", victim: "linkchecker", story: madeUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.fill.joined", victim: "linkchecker", story: madeUnseen, lease: leaseOfHold},
		{point: "linkchecker.fill.committed", victim: "linkchecker", story: madeSeen, lease: leaseOfHold},
		{point: "linkchecker.batch.counted", victim: "linkchecker", story: batchUnseen, lease: leaseOfHold},
		{point: "linkchecker.batch.taken", victim: "linkchecker", story: batchUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.replace.counted", victim: "linkchecker", story: replacedUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.replace.begun", victim: "linkchecker", story: replacedUnseen, lease: leaseOfHold},
		{point: "linkchecker.batch.taken", victim: "linkchecker", story: replacedInBatches, lease: leaseOfHold, alike: true},
		{point: "linkchecker.fill.committed", victim: "linkchecker", story: replacedSeen, lease: leaseOfHold},
		{point: "linkchecker.clear.unlinked", victim: "linkchecker", story: replacedSeen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.clear.emptied", victim: "linkchecker", story: replacedSeen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.delete.counted", victim: "linkchecker", story: deletedUnseen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.delete.decided", victim: "linkchecker", story: deletedSeen, lease: leaseOfHold},
		{point: "linkchecker.clear.unlinked", victim: "linkchecker", story: deletedSeen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.clear.emptied", victim: "linkchecker", story: deletedSeen, lease: leaseOfHold, alike: true},
		{point: "linkchecker.recount.counted", victim: "linkchecker", story: recounted, lease: leaseOfHold, alike: true},
		{point: "bus.relay.taken", victim: "linkchecker", story: madeAndTold, lease: leaseOfCheck},
		{point: "bus.relay.published", victim: "linkchecker", story: madeAndTold, lease: leaseOfCheck},
		{point: "linkchecker.check.permitted", victim: "linkchecker", story: changed, lease: leaseOfCheck},
		{point: "linkchecker.check.answered", victim: "linkchecker", story: changed, lease: leaseOfCheck},
		{point: "linkchecker.record.written", victim: "linkchecker", story: changed, lease: leaseOfCheck},
		{point: "linkchecker.record.woken", victim: "linkchecker", story: changed, lease: leaseOfCheck, alike: true},
		{point: "linkchecker.fan.told", victim: "linkchecker", story: changed, lease: leaseOfCheck},
		{point: "linkchecker.fan.done", victim: "linkchecker", story: changed, lease: leaseOfCheck, alike: true},
		{point: "linkchecker.postpone.put", victim: "linkchecker", story: postponed, lease: leaseOfStep, alike: true},
		{point: "linkchecker.create.inserted", victim: "linkchecker", story: imported, lease: leaseOfCheck, alike: true},
		{point: "linkchecker.fill.committed", victim: "linkchecker", story: imported, lease: leaseOfCheck, alike: true},
		{point: "edge.click.waiting", victim: "edge", story: clickLost, alike: true},
		{point: "edge.click.told", victim: "edge", story: clicked},
		{point: "stats.count.filled", victim: "stats", story: clicked},
		{point: "stats.count.noted", victim: "stats", story: clicked, alike: true},
		{point: "stats.drop.marked", victim: "stats", story: clicksDropped, alike: true},
		{point: "webhook.subscription.made", victim: "webhook", story: hookMade, alike: true},
		{point: "webhook.subscription.changed", victim: "webhook", story: hookChanged, alike: true},
		{point: "webhook.subscription.removed", victim: "webhook", story: hookRemoved},
		{point: "webhook.subscription.ended", victim: "webhook", story: hookRemoved, alike: true},
		{point: "webhook.delivery.kept", victim: "webhook", story: madeAndTold, lease: leaseOfCheck},
		{point: "webhook.delivery.sent", victim: "webhook", story: madeAndTold, lease: leaseOfCheck, alike: true},
		{point: "webhook.delivery.observed", victim: "webhook", story: madeAndTold, lease: leaseOfCheck, alike: true},
		{point: "webhook.replay.due", victim: "webhook", story: hookReplayed, alike: true},
		{point: "webhook.replay.begun", victim: "webhook", story: hooksReplayed},
		// The days of these last ones are far ahead.
		{point: "stats.fold.closed", victim: "stats", story: clicksFolded},
		{point: "stats.fold.taken", victim: "stats", story: clicksFolded, alike: true},
		{point: "stats.fold.emptied", victim: "stats", story: clicksFolded, alike: true},
	}
}

// madeUnseen dies before a container holds: it is to nobody, and the repeat makes
// the only one.
func madeUnseen(t *testing.T, p *linkPlot) { p.made1(t, false) }

// madeSeen dies when it holds: it is there, whole.
func madeSeen(t *testing.T, p *linkPlot) { p.made1(t, true) }

func (p *linkPlot) made1(t *testing.T, seen bool) {
	t.Helper()
	p.hears(t, p.r.URL)
	links := []string{p.link("a", linksv1test.There), p.link("b", linksv1test.Removed), p.link("c", linksv1test.There)}
	p.strike(t, http.MethodPost, "/api/v1/container/create", wish("made", links...), p.me)
	if seen {
		p.made++
	} else {
		if l := p.lists(t); len(l) != 0 {
			t.Fatalf("what nobody finished is in the list: %+v", l)
		}
		p.makes(t, "made", links...)
	}
	l := p.lists(t)
	if len(l) != 1 {
		t.Fatalf("%d containers, want one", len(l))
	}
	p.whole(t, l[0], links...)
	p.settles(t, l[0].ID, "partial", 2, 1)
	p.told(t, l[0].ID, "partial", map[string]string{links[0]: "online", links[1]: "offline", links[2]: "online"})
	p.leaves(t)
	p.gone(t, l[0])
}

// long gives links that are two messages.
func (p *linkPlot) long(of string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = p.link(fmt.Sprint(of, i), linksv1test.There) + "?" + strings.Repeat("&", 1900)
	}
	return out
}

// batchUnseen dies between two batches of a list.
func batchUnseen(t *testing.T, p *linkPlot) {
	links := p.long("l", 52)
	p.strike(t, http.MethodPost, "/api/v1/container/create", wish("long", links...), p.me)
	if l := p.lists(t); len(l) != 0 {
		t.Fatalf("what nobody finished is in the list: %+v", l)
	}
	b := p.makes(t, "long", links...)
	p.whole(t, b, links...)
	p.settles(t, b.ID, "online", 52, 0)
	p.leaves(t)
}

// replacedUnseen dies before another list is in its place: the old one holds, and
// the repeat has the new one.
func replacedUnseen(t *testing.T, p *linkPlot) {
	p.replaces(t, false, []string{p.link("new", linksv1test.There), p.link("both", linksv1test.There)})
}

// replacedInBatches does it between two batches.
func replacedInBatches(t *testing.T, p *linkPlot) { p.replaces(t, false, p.long("n", 52)) }

// replacedSeen dies when the new list is in its place.
func replacedSeen(t *testing.T, p *linkPlot) {
	p.replaces(t, true, []string{p.link("new", linksv1test.There), p.link("both", linksv1test.There)})
}

func (p *linkPlot) replaces(t *testing.T, seen bool, links []string) {
	t.Helper()
	p.hears(t, p.r.URL)
	old := []string{p.link("both", linksv1test.There), p.link("old", linksv1test.Removed)}
	b := p.makes(t, "old", old...)
	p.settles(t, b.ID, "partial", 1, 1)
	r := p.strike(t, http.MethodPut, "/api/v1/container/"+b.ID, wish("new", links...), p.me)
	if r.Status == 0 && !seen {
		if got := p.reads(t, b.ID); got.Title != "old" {
			t.Errorf("the new title %q came without its links", got.Title)
		}
		p.whole(t, b, old...)
		p.settles(t, b.ID, "partial", 1, 1)
		r = p.api(t, http.MethodPut, "/container/"+b.ID, wish("new", links...))
	}
	if r.Status != 0 {
		r.Want(t, http.StatusOK)
	}
	if got := p.reads(t, b.ID); got.Title != "new" {
		t.Errorf("the new links came without their title: %q", got.Title)
	}
	p.whole(t, b, links...)
	p.settles(t, b.ID, "online", len(links), 0)
	p.told(t, b.ID, "online", map[string]string{old[1]: "offline"})
	p.leaves(t)
}

// deletedUnseen dies before a container is gone: it is there, whole.
func deletedUnseen(t *testing.T, p *linkPlot) { p.deletes(t, false) }

// deletedSeen dies when it is gone: nobody sees it again, and it was told.
func deletedSeen(t *testing.T, p *linkPlot) { p.deletes(t, true) }

func (p *linkPlot) deletes(t *testing.T, seen bool) {
	t.Helper()
	p.hears(t, p.r.URL)
	links := []string{p.link("a", linksv1test.There), p.link("b", linksv1test.There)}
	b := p.makes(t, "gone", links...)
	p.settles(t, b.ID, "online", 2, 0)
	r := p.strike(t, http.MethodDelete, "/api/v1/container/"+b.ID, nil, p.me)
	if r.Status == 0 && !seen {
		p.whole(t, b, links...)
		p.settles(t, b.ID, "online", 2, 0)
		p.api(t, http.MethodDelete, "/container/"+b.ID, nil).Want(t, http.StatusOK)
	}
	p.gone(t, b)
	p.told(t, b.ID, "online", nil)
	p.r.Wait(t, time.Minute, "the end of "+b.ID, func(hooks []harness.Hook) bool {
		all := heard(t, hooks, b.ID)
		ends := slices.DeleteFunc(slices.Clone(all), func(n news) bool { return n.Type != "container.deleted" })
		if len(ends) > 1 {
			t.Errorf("%s was told to be gone %d times", b.ID, len(ends))
		}
		return len(ends) > 0
	})
	p.leaves(t)
}

// recounted dies while the sweep counts again what a dead write had in hand.
func recounted(t *testing.T, p *linkPlot) {
	b := p.makes(t, "gone", p.link("a", linksv1test.There), p.link("b", linksv1test.There))
	p.sweepDies(t, "linkchecker.delete.decided", http.MethodDelete, "/api/v1/container/"+b.ID, nil, p.me)
	p.gone(t, b)
	p.leaves(t)
}

// imported dies while a container of an older installation is taken over: the
// repeat has it under its old number, once.
func imported(t *testing.T, p *linkPlot) {
	links := []string{p.link("a", linksv1test.There), p.link("b", linksv1test.There)}
	b := box{ID: fmt.Sprintf("import%05d", p.n), Numeric: fmt.Sprint(4_000_000 + p.n)}
	line := fmt.Sprintf(`{"numeric_id":"%s","id":"%s","title":"old","links":[{"url":"%s"},{"url":"%s"}]}`, b.Numeric, b.ID, links[0], links[1])
	takes := func(ctx context.Context) error {
		_, err := p.w.CLI(ctx, line, "container", "import", "--owner", p.c.Username, "-")
		return err
	}
	p.later(t, p.crash.lease)
	p.w.Arm(t, p.crash.point, 0)
	broken := make(chan error, 1)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	go func() { broken <- takes(ctx) }()
	name := p.died(t)
	giveUp()
	<-broken
	p.revive(t, name)
	if err := takes(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.whole(t, b, links...)
	p.settles(t, b.ID, "online", 2, 0)
	p.api(t, http.MethodDelete, "/container/"+b.Numeric, nil).Want(t, http.StatusOK)
	p.gone(t, b)
}
