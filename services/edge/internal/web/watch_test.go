package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// events is an open stream of a page.
type events struct {
	*http.Response
	lines *bufio.Scanner
	close context.CancelFunc
}

func (b *browser) watch(t testing.TB, path string, header ...string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	resp, err := b.client.Do(b.request(t, "GET", path, "", header...).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &events{resp, bufio.NewScanner(resp.Body), cancel}
}

// next gives the name and the data of the next event but rows; "" when the stream
// ends.
func (e *events) next(t testing.TB, into any) (name string) {
	t.Helper()
	for {
		var data json.RawMessage
		switch name = e.event(t, &data); name {
		case "":
			return ""
		case "rows":
			continue
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
		return name
	}
}

func (e *events) event(t testing.TB, into any) (name string) {
	t.Helper()
	for e.lines.Scan() {
		line := e.lines.Text()
		if n, ok := strings.CutPrefix(line, "event: "); ok {
			name = n
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(data), into); err != nil {
				t.Fatal(err)
			}
			return name
		}
	}
	return ""
}

type toldState struct {
	ID, Status, Links string
	Counts            linksv1.Counts
	Checked           *time.Time
}

func TestWatch(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1", "https://a.example/2")
	locked := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	e, hidden := b.watch(t, "/container/"+c.ID+"/events"), b.watch(t, "/container/"+locked.NumericID+"/events")
	if e.Header.Get("Content-Type") != "text/event-stream" || e.Header.Get("Cache-Control") != "no-store" || e.Header.Get("Content-Length") != "" {
		t.Errorf("%v", e.Header)
	}
	var s toldState
	if n := e.next(t, &s); n != "status" || s.ID != c.ID || s.Status != "unknown" || s.Links != "uu" || s.Checked != nil {
		t.Errorf("%s %+v", n, s)
	}
	var h toldState
	if n := hidden.next(t, &h); n != "status" || h.Links != "" || h.Status != "unknown" {
		t.Errorf("%s %+v", n, h)
	}
	check(t, w.Links, "https://a.example/1", linksv1.Online)
	if n := e.next(t, &s); n != "status" || s.Status != "partial" || s.Links != "ou" || s.Counts != (linksv1.Counts{Online: 1, Unknown: 1}) || s.Checked == nil {
		t.Errorf("%s %+v", n, s)
	}
	if n := hidden.next(t, &h); n != "status" || h.Status != "online" || h.Links != "" {
		t.Errorf("%s %+v", n, h)
	}
	if _, err := w.Links.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: owner(), ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	if n := e.next(t, &s); n != "gone" {
		t.Errorf("%s %+v", n, s)
	}
	if n := e.next(t, &s); n != "" {
		t.Errorf("after the end: %s", n)
	}
	b.get(t, 404, "/container/"+c.ID+"/events")
}

// toldRow is what a page is told of a link.
type toldRow struct {
	Link        int
	Name, About string
	Checked     *time.Time
}

// rows gives the next ones.
func (e *events) rows(t testing.TB) []toldRow {
	t.Helper()
	for {
		var data json.RawMessage
		switch e.event(t, &data) {
		case "rows":
			var rows []toldRow
			if err := json.Unmarshal(data, &rows); err != nil {
				t.Fatal(err)
			}
			return rows
		case "":
			t.Fatal("the stream ended")
		}
	}
}

// TestWatch_Rows: a page is told what is known of single links, in its language:
// of those that changed since it was made.
func TestWatch_Rows(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1", "https://a.example/2")
	path := fmt.Sprintf("/container/%s/events?revision=%d", c.ID, c.Revision)
	german, english := open(t, w).watch(t, path, "Accept-Language", "de"), open(t, w).watch(t, path)
	for _, e := range []*events{german, english} {
		var s toldState
		if n := e.next(t, &s); n != "status" || s.Links != "uu" {
			t.Fatalf("%s %+v", n, s)
		}
	}
	found := linksv1test.Found{Status: linksv1.Offline, Reason: linksv1.ReasonLegal, Name: "a.iso", Size: 1_200_000}
	if err := w.Links.Check("https://a.example/1", found); err != nil {
		t.Fatal(err)
	}
	late := open(t, w).watch(t, path)
	for about, e := range map[string]*events{"1,2 MB · aus rechtlichen Gründen entfernt": german, "1.2 MB · removed for legal reasons": english} {
		if r := e.rows(t); len(r) != 1 || r[0].Link != 0 || r[0].Name != "a.iso" || r[0].About != about || r[0].Checked == nil {
			t.Errorf("%+v, want %s", r, about)
		}
	}
	if r := late.rows(t); r[0].Name != "a.iso" || len(r) > 1 && r[1] != (toldRow{Link: 1}) { // both, unless it came while the old state was shared
		t.Errorf("a page made before is told %+v", r)
	}
	locked := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	e := open(t, w).watch(t, "/container/"+locked.ID+"/events?revision=1")
	var s toldState
	if n := e.next(t, &s); n != "status" {
		t.Fatal(n)
	}
	check(t, w.Links, "https://a.example/1", linksv1.Online)
	if n := e.next(t, &s); n != "status" || s.Links != "" {
		t.Errorf("who is not let in is told %s %+v", n, s)
	}
}

// TestWatch_PassEnds: whose pass ends learns it by asking again; the others, and
// the container, stay.
func TestWatch_PassEnds(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	c := contain(t, w.Links, linksv1.CreateRequest{Password: "x"}, "https://a.example/1")
	b := open(t, w)
	b.post(t, 200, "/container/"+c.ID, "password", "x")
	e := b.watch(t, "/container/"+c.ID+"/events")
	var s toldState
	if n := e.next(t, &s); n != "status" || s.Links != "u" {
		t.Fatalf("%s %+v", n, s)
	}
	if _, err := w.Links.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: owner(), ID: c.ID, Password: new("y")}); err != nil {
		t.Fatal(err)
	}
	if n := e.next(t, &s); n != "" {
		t.Errorf("told %s %+v", n, s)
	}
	if n := b.watch(t, "/container/"+c.ID+"/events").next(t, &s); n != "status" {
		t.Errorf("asked again: %s", n)
	}
}

func TestWatch_List(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	id := b.made(t, "title", "x", "links", "https://a.example/1")
	e := b.watch(t, "/pages/containers")
	var s []toldState
	if n := e.next(t, &s); n != "status" || len(s) != 1 || s[0].ID != id || s[0].Status != "unknown" {
		t.Errorf("%s %+v", n, s)
	}
	check(t, w.Links, "https://a.example/1", linksv1.Offline)
	if n := e.next(t, &s); n != "status" || s[0].Status != "offline" {
		t.Errorf("%s %+v", n, s)
	}
}

func TestWatch_Bounds(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	counted := &counting{}
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		counted.Service = d.Links
		d.Links, d.Stopping = counted, stop
	})
	b := open(t, w)
	c := contain(t, w.Links, linksv1.CreateRequest{}, "https://a.example/1")
	path := "/container/" + c.ID + "/events"
	b.send(t, 200, b.request(t, "HEAD", path, "")) // it ends
	began := time.Now()
	var open []*events
	var s toldState
	for range 24 {
		e := b.watch(t, path)
		if n := e.next(t, &s); n != "status" {
			t.Fatal(n)
		}
		open = append(open, e)
	}
	// Of 24 streams, each of which reads the container once to begin with, one asked
	// for all, and again whenever its answer was old.
	asked := counted.gets.Load()
	if most := 25 + 1 + int64(time.Since(began)/(1800*time.Millisecond)); asked > most {
		t.Errorf("24 streams asked %d times, want %d at most", asked, most)
	}
	full := b.get(t, 429, path)
	if full.Header.Get("Retry-After") != "60" {
		t.Errorf("%v", full.Header)
	}
	// Who leaves makes room.
	open[0].close()
	for ok := false; !ok; {
		e := b.watch(t, path)
		ok = e.StatusCode == 200
		open = append(open, e)
	}
	close(stop)
	for _, e := range open[1:] {
		for e.next(t, &s) != "" {
		}
	}
}

// counting counts how often containers are read.
type counting struct {
	linksv1.Service
	gets atomic.Int64
}

// GetContainer implements linksv1.Service.
func (c *counting) GetContainer(ctx context.Context, r linksv1.ContainerRequest) (linksv1.Container, error) {
	c.gets.Add(1)
	return c.Service.GetContainer(ctx, r) //nolint:wrapcheck // a double
}
