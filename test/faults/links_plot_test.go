package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/test/harness"
)

// Bounds of an account in these stories: so few that what is not given back is
// missed at once.
const (
	containersADay = 6
	linksAtMost    = 60
)

// linkCrash is crash for what containers are made of.
type linkCrash struct {
	point  string
	victim string
	story  func(t *testing.T, p *linkPlot)
	lease  time.Duration
	// alike: alone, the victim dies as it does with all others. So the story is
	// played where all die, and the others where one does; a soak plays all in both.
	alike bool
}

// Leases of the dead in linkchecker: of a write that counts, and of whatever a
// check holds.
const (
	leaseOfHold  = 4 * time.Minute
	leaseOfCheck = 20 * time.Second
)

// TestPoints_CrashOfLinks kills processes at each point that containers, checks,
// clicks and webhooks of accounts come to, on a system of its own per topology. No
// container is seen in parts, no link stays unchecked, badges say what the hosts
// say, each change is told under one id, clicks count once, and what a plan allows
// is there again for what came to nothing.
func TestPoints_CrashOfLinks(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes at every point; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			p := newLinkPlot(t, topology)
			for i, c := range linkCrashes() {
				if c.alike != (topology == harness.Embedded) && !harness.Soak() {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d", c.point, i), func(t *testing.T) {
					p.crash = crash{point: c.point, victim: c.victim, lease: c.lease}
					if topology == harness.Embedded {
						p.crash.victim = "up"
					}
					p.begin(t, i)
					c.story(t, p)
				})
			}
		})
	}
}

// linkPlot is a plot with an account of its own for each story.
type linkPlot struct {
	*plot
	host *linksv1test.Imitation
	n    int // of the story
	me   http.Header
	day  string
	made int // containers that the account has made, whatever became of them
}

func newLinkPlot(t *testing.T, topology harness.Topology) *linkPlot {
	t.Helper()
	p := &linkPlot{host: linksv1test.NewImitation(t, linksv1test.Plain)}
	p.plot = &plot{
		w: harness.Start(t, harness.Options{Topology: topology, FaultPoints: true, Env: []string{
			fmt.Sprintf("SLUICE_AUTH_PLANS=standard=1GB/1GB/%d/%d", containersADay, linksAtMost), "SLUICE_LOCKNEX_RATE=0", "SLUICE_LOCKNEX_PUBLIC_RATE=0",
			"SLUICE_LINKCHECKER_HOSTS_BASE=h.example=" + p.host.URL + ",other.example=" + p.host.URL, "SLUICE_LINKCHECKER_STEPS=10m,24h", "SLUICE_LINKCHECKER_STALE=1s",
			"SLUICE_LINKCHECKER_SWEEP=250ms", "SLUICE_LINKCHECKER_RATE=1000", "SLUICE_LINKCHECKER_CONCURRENCY=1", "SLUICE_LINKCHECKER_HASH_MEMORY=8KiB",
			"SLUICE_WEBHOOK_SWEEP=500ms", "SLUICE_STATS_FOLD=26h", "SLUICE_STATS_SWEEP=250ms",
		}}),
		r: harness.NewReceiver(t, nil),
	}
	return p
}

// begin gives the story an account.
func (p *linkPlot) begin(t *testing.T, n int) {
	t.Helper()
	p.n, p.made = n, 0
	p.key = fmt.Sprintf("%02d", n)
	p.c = harness.NewClient(t, p.w, fmt.Sprintf("holder-%02d", n))
	p.c.HTTP.Timeout = 30 * time.Second
	var key struct {
		Key string `json:"apiKey"`
	}
	p.c.Do(t, http.MethodPost, "/api/v1/account/api-key/regenerate", nil, http.Header{"Authorization": {"Bearer " + p.c.Account}}).Want(t, http.StatusOK).JSON(t, &key)
	p.me = http.Header{"X-Api-Key": {key.Key}}
	p.day = p.today()
}

// today is the day by which the system counts.
func (p *linkPlot) today() string { return time.Now().Add(p.ahead).UTC().Format(time.DateOnly) }

// box is a container as its owner sees it.
type box struct {
	ID      string `json:"container_id"`
	Numeric string `json:"numeric_id"`
	Title   string `json:"title"`
	Status  string `json:"status"`
	Size    int    `json:"container_size"`
	Stats   struct{ Online, Offline, Unknown int }
	Links   []struct{ URL, Status string } `json:"links"`
	Clicks  struct{ Total int }            `json:"clicks"`
}

// api asks as the account, until it has an answer that is not of somebody who
// starts.
func (p *linkPlot) api(t *testing.T, method, path string, body any) harness.Response {
	t.Helper()
	return insist(t, method+" "+path, func() harness.Response {
		r, err := p.c.Try(t.Context(), method, "/api/v1"+path, body, p.me)
		if err != nil {
			return harness.Response{Status: http.StatusBadGateway, Body: []byte(err.Error())}
		}
		return r
	})
}

// link is one of the story's, at a host.
func (p *linkPlot) link(name string, s linksv1test.State) string {
	id := fmt.Sprintf("%d-%s", p.n, name)
	p.host.Set(id, s)
	return "https://h.example/" + id
}

// wish is what a container is made of.
func wish(title string, links ...string) map[string]any {
	return map[string]any{"title": title, "links": links}
}

// makes makes a container.
func (p *linkPlot) makes(t *testing.T, title string, links ...string) box {
	t.Helper()
	r := p.api(t, http.MethodPost, "/container/create", wish(title, links...)).Want(t, http.StatusOK)
	p.made++
	return p.reads(t, p.answered(t, r).ID)
}

func (p *linkPlot) answered(t *testing.T, r harness.Response) (b box) {
	t.Helper()
	r.JSON(t, &b)
	return b
}

func (p *linkPlot) reads(t *testing.T, id string) box {
	t.Helper()
	return p.answered(t, p.api(t, http.MethodGet, "/container/"+id, nil).Want(t, http.StatusOK))
}

// lists gives all containers of the account.
func (p *linkPlot) lists(t *testing.T) []box {
	t.Helper()
	var l struct{ Containers []box }
	p.api(t, http.MethodGet, "/container/list?limit=100&order=asc", nil).Want(t, http.StatusOK).JSON(t, &l)
	return l.Containers
}

// whole holds a container to its links, under both ids and in the list.
func (p *linkPlot) whole(t *testing.T, b box, links ...string) {
	t.Helper()
	listed := 0
	for _, l := range p.lists(t) {
		if l.ID == b.ID && l.Size == len(links) {
			listed++
		}
	}
	if listed != 1 {
		t.Errorf("%s is %d times in the list with %d links", b.ID, listed, len(links))
	}
	for _, id := range []string{b.ID, p.reads(t, b.ID).Numeric} {
		got := p.reads(t, id)
		if got.ID != b.ID || got.Size != len(links) || len(got.Links) != len(links) {
			t.Errorf("%s shows %s with %d links of %d, want %d", id, got.ID, len(got.Links), got.Size, len(links))
			continue
		}
		for i, l := range got.Links {
			if l.URL != links[i] {
				t.Errorf("link %d of %s is %.60s, want %.60s", i, id, l.URL, links[i])
			}
		}
	}
}

// settles waits until a container's status and its badge say what its links are.
func (p *linkPlot) settles(t *testing.T, id, status string, online, offline int) {
	t.Helper()
	says := status
	if online > 0 {
		says = fmt.Sprintf("%s %d/%d", status, online, online+offline)
	}
	var b box
	badge := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t.Context(), 50*time.Millisecond) {
		b = p.answered(t, p.api(t, http.MethodGet, "/public/container/"+id+"/status", nil))
		badge = p.badge(t, id)
		if b.Status == status && b.Stats.Online == online && b.Stats.Offline == offline && b.Stats.Unknown == 0 && badge == says {
			return
		}
	}
	t.Errorf("%s is %s %+v, and its badge says %q; want %q", id, b.Status, b.Stats, badge, says)
}

// badge is what a container's badge says.
func (p *linkPlot) badge(t *testing.T, id string) string {
	t.Helper()
	r, err := p.c.Try(t.Context(), http.MethodGet, "/s/"+id+".svg", nil, http.Header{})
	if err != nil {
		return err.Error()
	}
	_, rest, _ := strings.Cut(string(r.Body), "<title>links: ")
	says, _, _ := strings.Cut(rest, "</title>")
	return says
}

// gone wants that nothing knows of a container.
func (p *linkPlot) gone(t *testing.T, b box) {
	t.Helper()
	for _, id := range []string{b.ID, b.Numeric} {
		p.api(t, http.MethodGet, "/container/"+id, nil).Want(t, http.StatusNotFound)
		p.api(t, http.MethodGet, "/public/container/"+id+"/status", nil).Want(t, http.StatusNotFound)
	}
	for deadline := time.Now().Add(time.Minute); ; pause(t.Context(), 50*time.Millisecond) {
		says := p.badge(t, b.ID)
		if says == "not found" {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("the badge of %s says %q", b.ID, says)
			break
		}
	}
	for _, l := range p.lists(t) {
		if l.ID == b.ID {
			t.Errorf("%s is in the list", b.ID)
		}
	}
}

// leaves deletes all that the account has. It has room then for as many links as
// ever, and for the containers of the day that it did not make.
func (p *linkPlot) leaves(t *testing.T) {
	t.Helper()
	for _, b := range p.lists(t) {
		p.api(t, http.MethodDelete, "/container/"+b.ID, nil).Want(t, http.StatusOK)
	}
	if p.today() != p.day {
		return // another day, another count
	}
	full := make([]string, linksAtMost)
	for i := range full {
		full[i] = p.link(fmt.Sprintf("room%d", i), linksv1test.There)
	}
	for ; p.made < containersADay; p.made++ {
		var r harness.Response
		for deadline := time.Now().Add(time.Minute); ; pause(t.Context(), 50*time.Millisecond) {
			r = p.api(t, http.MethodPost, "/container/create", wish("room", full...))
			if r.Status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("with %d containers made there is no room for %d links: %d %s", p.made, len(full), r.Status, r.Body)
			}
		}
		p.api(t, http.MethodDelete, "/container/"+p.answered(t, r).ID, nil).Want(t, http.StatusOK)
		full = full[:1] // the links are seen once
	}
	if r := p.api(t, http.MethodPost, "/container/create", wish("room", full[:1]...)); r.Code() != "quota_exceeded" {
		t.Errorf("more than %d containers a day: %d %s", containersADay, r.Status, r.Body)
	}
}

// hears subscribes the account to a receiver.
func (p *linkPlot) hears(t *testing.T, url string) (id string) {
	t.Helper()
	var w struct{ ID string }
	p.api(t, http.MethodPost, "/account/webhooks", map[string]any{"url": url}).Want(t, http.StatusOK).JSON(t, &w)
	return w.ID
}

// news is what a webhook says of a container.
type news struct {
	Type      string
	Timestamp time.Time
	Data      struct {
		ID     string `json:"container_id"`
		URL    string
		Status string
		Was    string
		Stats  struct{ Online, Offline, Unknown int }
	}
}

func newsOf(t *testing.T, h harness.Hook) (n news) {
	t.Helper()
	if err := json.Unmarshal(h.Body, &n); err != nil {
		t.Errorf("a delivery that is not JSON: %v", err)
	}
	return n
}

// heard gives the news of a container, each once, however often it came, in the
// order in which it happened.
func heard(t *testing.T, hooks []harness.Hook, id string) (all []news) {
	t.Helper()
	bodies := map[string]string{}
	for _, h := range hooks {
		n := newsOf(t, h)
		if n.Data.ID != id {
			continue
		}
		if body, again := bodies[h.ID]; !again {
			all = append(all, n)
		} else if body != string(h.Body) {
			t.Errorf("%s told %s and %s", h.ID, body, h.Body)
		}
		bodies[h.ID] = string(h.Body)
	}
	slices.SortStableFunc(all, func(a, b news) int { return a.Timestamp.Compare(b.Timestamp) })
	return all
}

// chained reports whether news of a container's status follow each other from its
// making to a status: what is told under two ids, or lost, breaks them.
func chained(all []news, status string) bool {
	last := ""
	all = slices.DeleteFunc(slices.Clone(all), func(n news) bool { return n.Type != "container.created" && n.Type != "container.status_changed" })
	for len(all) > 0 {
		// Of what happened within a millisecond, the order is not known.
		i := slices.IndexFunc(all, func(n news) bool { return n.Timestamp.Equal(all[0].Timestamp) && n.Data.Was == last })
		if i < 0 {
			return false
		}
		last = all[i].Data.Status
		all = slices.Delete(all, i, i+1)
	}
	return last == status
}

// told waits until the news of a container are complete up to a status. Its links
// were told to be what they are, each once; but not those of which that was known
// when it was made.
func (p *linkPlot) told(t *testing.T, id, status string, links map[string]string) {
	t.Helper()
	var last []news
	defer func() {
		if t.Failed() {
			t.Logf("%+v", last)
		}
	}()
	p.r.Wait(t, time.Minute, "the news of "+id, func(hooks []harness.Hook) bool {
		last = heard(t, hooks, id)
		times, known := map[string]int{}, 0
		for _, n := range last {
			times[n.Data.URL+" "+n.Data.Was+" "+n.Data.Status]++
			times[n.Data.URL+" "+n.Data.Status]++
			if n.Type == "container.created" {
				known = n.Data.Stats.Online + n.Data.Stats.Offline
			}
		}
		for url, is := range links {
			if times[url+" unknown "+is] > 1 || times[url+" online offline"] > 1 {
				t.Errorf("%s was told %d times to be %s", url, times[url+" "+is], is)
			}
			if times[url+" "+is] > 0 {
				continue
			}
			if known--; known < 0 {
				return false
			}
		}
		return chained(last, status)
	})
}
