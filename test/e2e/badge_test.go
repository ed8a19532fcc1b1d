package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// badges: what becomes of a container's links shows on its badge within 5 s of
// being recorded (locknex.md, Badges), under both its ids.
func badges(t *testing.T, w *harness.World) {
	c := account(t, w)
	links := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/gone") {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(links.Close)
	var key struct {
		Key string `json:"apiKey"`
	}
	c.Do(t, http.MethodPost, "/api/v1/account/api-key/regenerate", nil, http.Header{"Authorization": {"Bearer " + c.Account}}).Want(t, http.StatusOK).JSON(t, &key)
	owner := http.Header{"X-Api-Key": {key.Key}}
	var made struct {
		ID  string `json:"container_id"`
		SVG string `json:"badge_svg"`
	}
	c.Do(t, http.MethodPost, "/api/v1/container/create", map[string]any{"title": "badges", "links": []string{links.URL + "/a", links.URL + "/b"}}, owner).
		Want(t, http.StatusOK).JSON(t, &made)
	var view struct {
		Numeric string `json:"numeric_id"`
	}
	c.Do(t, http.MethodGet, "/api/v1/container/"+made.ID, nil, owner).Want(t, http.StatusOK).JSON(t, &view)
	if made.SVG != w.URL+"/s/"+made.ID+".svg" {
		t.Errorf("badge_svg %s", made.SVG)
	}
	b := &badgeWatch{w: w, c: c, owner: owner, id: made.ID, numeric: view.Numeric}
	b.shows(t, "online 2/2")
	b.becomes(t, []string{links.URL + "/a", links.URL + "/gone"}, "partial 1/2")
	b.becomes(t, []string{links.URL + "/gone", links.URL + "/gone2"}, "offline")
	b.becomes(t, []string{links.URL + "/c"}, "online 1/1")
	c.Do(t, http.MethodDelete, "/api/v1/container/"+made.ID, nil, owner).Want(t, http.StatusOK)
	b.within(t, badgeWithin, "not found")
}

// badgeWatch looks at one container's badge.
type badgeWatch struct {
	w           *harness.World
	c           *harness.Client
	owner       http.Header
	id, numeric string
}

func (b *badgeWatch) says(t *testing.T, id string) string {
	t.Helper()
	body := string(b.c.Do(t, http.MethodGet, "/s/"+id+".svg", nil, http.Header{}).Want(t, http.StatusOK).Body)
	_, rest, _ := strings.Cut(body, "<title>links: ")
	says, _, _ := strings.Cut(rest, "</title>")
	return says
}

// recorded waits until the public status is the one that a badge is to show.
func (b *badgeWatch) recorded(t *testing.T, want string) {
	t.Helper()
	var last string
	until(t, time.Minute, func() bool {
		var s struct {
			Status string `json:"status"`
			Size   int    `json:"container_size"`
			Stats  struct{ Online, Unknown int }
		}
		b.c.Do(t, http.MethodGet, "/api/v1/public/container/"+b.id+"/status", nil, http.Header{}).Want(t, http.StatusOK).JSON(t, &s)
		if last = s.Status; s.Status == "online" || s.Status == "partial" {
			last = fmt.Sprintf("%s %d/%d", s.Status, s.Stats.Online, s.Size)
		}
		return last == want
	}, func() string { return want + " to be recorded; it is " + last })
}

func (b *badgeWatch) within(t *testing.T, d time.Duration, want string) {
	t.Helper()
	for _, id := range []string{b.id, b.numeric} {
		var last string
		until(t, d, func() bool { last = b.says(t, id); return last == want }, func() string { return want + " on the badge of " + id + "; it says " + last })
	}
}

func (b *badgeWatch) shows(t *testing.T, want string) {
	t.Helper()
	b.recorded(t, want)
	b.within(t, badgeWithin, want)
}

// becomes replaces the links; new ones are checked at once.
func (b *badgeWatch) becomes(t *testing.T, links []string, want string) {
	t.Helper()
	b.c.Do(t, http.MethodPut, "/api/v1/container/"+b.id, map[string]any{"links": links}, b.owner).Want(t, http.StatusOK)
	b.shows(t, want)
}

// until waits for ok and says what else did not come.
func until(t *testing.T, within time.Duration, ok func() bool, what func() string) {
	t.Helper()
	deadline := time.After(within)
	const first, most = 10 * time.Millisecond, 200 * time.Millisecond // what is asked may count requests by the minute
	for pause := first; !ok(); pause = min(pause*5/4, most) {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what())
		case <-time.After(pause):
		}
	}
}
