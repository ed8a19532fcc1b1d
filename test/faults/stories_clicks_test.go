package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	names "github.com/sluicehq/sluice/contracts/streams" // streams is a type here
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/test/harness"
)

// visit opens a container as a visitor of its own.
func (p *linkPlot) visit(ctx context.Context, id string, visitor int) (harness.Response, error) {
	return p.c.Try(ctx, http.MethodPost, "/api/v1/container/unlock", map[string]string{"container_id": id}, http.Header{
		"User-Agent": {fmt.Sprintf("Visitor %d", visitor)}, "Referer": {"https://board.example/t/1"}, "Authorization": {"none"},
	})
}

func (p *linkPlot) visits(t *testing.T, id string, from, n int) {
	t.Helper()
	for i := range n {
		insist(t, "a visit", func() harness.Response {
			r, err := p.visit(t.Context(), id, from+i)
			if err != nil {
				return harness.Response{Status: http.StatusBadGateway}
			}
			return r
		}).Want(t, http.StatusOK)
	}
}

// clicks waits until a container has that many, and wants that no more come.
func (p *linkPlot) clicks(t *testing.T, id string, want int) {
	t.Helper()
	total := func() int {
		return p.answered(t, p.api(t, http.MethodGet, "/public/container/"+id+"/stats", nil).Want(t, http.StatusOK)).Clicks.Total
	}
	got, js := 0, p.w.JetStream(t)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 50*time.Millisecond) {
		if got = total(); got >= want && allCounted(t, js) {
			if got = total(); got != want {
				t.Errorf("%d clicks, want %d", got, want)
			}
			return
		}
	}
	t.Errorf("%d clicks, want %d", got, want)
}

// allCounted reports whether no click waits to be counted.
func allCounted(t *testing.T, js jetstream.JetStream) bool {
	t.Helper()
	s, err := js.Stream(t.Context(), names.Clicks)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs == 0
}

// clicked dies while a click is counted: it counts once, and so do others.
func clicked(t *testing.T, p *linkPlot) {
	b := p.clickedOn(t)
	p.visits(t, b.ID, 100, 2)
	p.clicks(t, b.ID, 3)
}

// clickLost dies before a click is stored anywhere, which nobody waits for. Others
// count.
func clickLost(t *testing.T, p *linkPlot) {
	b := p.clickedOn(t)
	p.visits(t, b.ID, 100, 2)
	p.clicks(t, b.ID, 2)
	p.visits(t, b.ID, 1, 1)
	p.clicks(t, b.ID, 3)
}

func (p *linkPlot) clickedOn(t *testing.T) box {
	t.Helper()
	b := p.makes(t, "clicked", p.link("a", linksv1test.There))
	p.w.Arm(t, p.crash.point, 0)
	if r, err := p.visit(t.Context(), b.ID, 1); err == nil {
		r.Want(t, http.StatusOK)
	}
	p.revive(t, p.died(t))
	return b
}

// died waits for the victim.
func (p *linkPlot) died(t *testing.T) string {
	t.Helper()
	name := p.w.Died(t, time.Minute)
	if name != p.crash.victim {
		t.Fatalf("%s died, not %s", name, p.crash.victim)
	}
	return name
}

// clicksDropped dies while the clicks on a container that was deleted are
// forgotten: they are.
func clicksDropped(t *testing.T, p *linkPlot) {
	b := p.makes(t, "dropped", p.link("a", linksv1test.There))
	p.visits(t, b.ID, 1, 2)
	p.clicks(t, b.ID, 2)
	p.strike(t, http.MethodDelete, "/api/v1/container/"+b.ID, nil, p.me)
	p.gone(t, b)
	stats := statsv1.NewClient(rpc.NewClient(p.w.JetStream(t).Conn(), rpc.ClientConfig{}))
	var got statsv1.Clicks
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 50*time.Millisecond) {
		if got, err = stats.GetClicks(t.Context(), statsv1.ClicksRequest{Subject: b.ID}); err == nil && got.Total == 0 {
			return
		}
	}
	t.Errorf("%+v, %v", got, err)
}

// clicksFolded dies while a day that is over goes into its month: all of it counts
// once.
func clicksFolded(t *testing.T, p *linkPlot) {
	b := p.makes(t, "folded", p.link("a", linksv1test.There))
	p.visits(t, b.ID, 1, 3)
	p.clicks(t, b.ID, 3)
	p.later(t, 51*time.Hour)
	p.w.Arm(t, p.crash.point, 0)
	p.w.Kill(p.crash.victim)
	p.c.HTTP.CloseIdleConnections()
	if err := p.w.StartProc(t.Context(), p.crash.victim); err != nil {
		t.Fatal(err)
	}
	p.revive(t, p.died(t))
	for range 5 { // of the sweep
		pause(t.Context(), 100*time.Millisecond)
		p.clicks(t, b.ID, 3)
	}
	if p.crash.victim == "up" {
		p.visits(t, b.ID, 100, 1)
		p.clicks(t, b.ID, 4)
	}
}
