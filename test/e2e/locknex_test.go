package e2e_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// Paths of locknex.
const (
	lnContainer = "/api/v1/container"
	lnPublic    = "/api/v1/public/container/"
	lnHooks     = "/api/v1/account/webhooks"
)

// Settings of the tight World and edge for link containers.
const (
	tightContainers = 3  // a day
	tightLinks      = 6  // of all containers
	tightRate       = 12 // requests of an account in a minute, at the tight edge
	tightPublic     = 9  // of an address, there
)

// lnStamp is the documented form of times.
var lnStamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// locknex is the section's account.
func (g *ground) locknex() *harness.Locknex {
	return &harness.Locknex{HTTP: g.c.HTTP, URL: g.w.URL, Bearer: g.c.Account}
}

// owner is an account of w that no other rule has, with an API key.
func owner(t *testing.T, w *harness.World) *harness.Locknex {
	t.Helper()
	return account(t, w).Locknex(t)
}

// anyone speaks locknex without an account.
func (g *ground) anyone(t *testing.T) *harness.Locknex {
	t.Helper()
	return harness.NewLocknex(t, g.w.URL)
}

var lnAddresses atomic.Int64

// browserAt is somebody at an address of their own, with a browser.
func browserAt(t *testing.T, w *harness.World) *harness.Locknex {
	t.Helper()
	n := lnAddresses.Add(1)
	return harness.NewLocknex(t, w.URL).From(t, fmt.Sprintf("127.9.%d.%d", n/250, n%250+1)).
		With("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0")
}

// recorded waits until the public status is one, and gives it.
func recorded(t *testing.T, l *harness.Locknex, id, status string) harness.LocknexStatus {
	t.Helper()
	var s harness.LocknexStatus
	until(t, time.Minute, func() bool { s = l.Status(t, id); return s.Status == status && s.LastChecked != nil },
		func() string { return fmt.Sprintf("%s to be %s: %+v", id, status, s) })
	return s
}

// checked waits until nothing of a container is unchecked, and it says so.
func checked(t *testing.T, l *harness.Locknex, id string) harness.LocknexOwn {
	t.Helper()
	var c harness.LocknexOwn
	until(t, time.Minute, func() bool {
		c = l.Own(t, id)
		is := map[string]int{}
		for _, k := range c.Links {
			if k.LastChecked == nil {
				return false
			}
			is[k.Status]++
		}
		return c.LastChecked != nil && c.Stats == harness.LocknexCounts{Online: is["online"], Offline: is["offline"], Unknown: is["unknown"]}
	}, func() string { return fmt.Sprintf("all of %s to be checked: %+v", id, c.Links) })
	return c
}

// clicksAre waits until a container has that many, and gives its statistics.
func clicksAre(t *testing.T, l *harness.Locknex, id string, total int) harness.LocknexClicks {
	t.Helper()
	var c harness.LocknexClicks
	until(t, time.Minute, func() bool { c = l.Clicks(t, id); return c.Clicks.Total >= total },
		func() string { return fmt.Sprintf("%d clicks of %s: %+v", total, id, c) })
	if c.Clicks.Total != total {
		t.Errorf("%+v, want %d clicks", c, total)
	}
	return c
}

// badgeWithin is how soon a badge follows what is recorded: the documented 5 s, and
// as much again for a busy machine. What only the end of a memory of badges would
// show takes longer.
const badgeWithin = 10 * time.Second

// wrongEvery is how often one more password of a container may be tried that is wrong.
const (
	wrongAtOnce = 10
	wrongEvery  = 6 * time.Second
)

// today lets the end of a day pass (UTC) that would come in the middle of a rule
// about what is counted by the day.
func today(t *testing.T) {
	t.Helper()
	now := time.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < time.Minute {
		until(t, 2*time.Minute, func() bool { return time.Since(now) > left }, func() string { return "the next day" })
	}
}

// says fails the test unless the body has all of the texts.
func says(t *testing.T, r harness.Response, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(string(r.Body), s) {
			t.Errorf("%d does not say %s: %.3000s", r.Status, s, r.Body)
		}
	}
}

// silent fails the test when the answer, its headers or its body, has one of them.
func silent(t *testing.T, r harness.Response, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(string(r.Body), s) || strings.Contains(fmt.Sprint(r.Header), s) {
			t.Errorf("%d shows %s: %.3000s", r.Status, s, r.Body)
		}
	}
}

// lnForm encodes a form, names and values in turn.
func lnForm(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// asForm is the header of one.
func asForm(more ...string) []string {
	return append([]string{"Content-Type", "application/x-www-form-urlencoded"}, more...)
}

// bulkAnswer is the answer to a bulk request.
type bulkAnswer struct {
	Success           bool
	Succeeded, Failed int
	Results           []harness.LocknexCreated
}

// bulk asks for the same of several containers.
func bulk(t *testing.T, l *harness.Locknex, action string, items ...any) bulkAnswer {
	t.Helper()
	var a bulkAnswer
	l.Call(t, "POST", lnContainer+"/bulk", object{"action": action, "items": items}).Want(t, 200).JSON(t, &a)
	if !a.Success || len(a.Results) != len(items) || a.Succeeded+a.Failed != len(items) {
		t.Fatalf("%d items: %+v", len(items), a)
	}
	for i, r := range a.Results {
		if r.Index != i || r.Success == (r.Code != "") || r.Success == (r.Error != "") {
			t.Errorf("item %d: %+v", i, r)
		}
	}
	return a
}
