package endpoint_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

var alice = authv1.Principal{AccountID: "acc_alice"}

const (
	one, two, three, four = "https://a.example/1", "https://a.example/2", "https://b.example/3", "https://b.example/4"
)

func inputs(urls ...string) []linksv1.LinkInput {
	out := make([]linksv1.LinkInput, len(urls))
	for i, u := range urls {
		out[i].URL = u
	}
	return out
}

// client takes the steps of a story. After the kill it repeats the step that it
// has no answer for, or goes away.
type client struct {
	w       *world
	k       *killtest.Killer
	repeats bool
	killed  bool
	c       linksv1.Written
}

func (c *client) do(t *testing.T, what string, f func() error) {
	t.Helper()
	if c.killed && !c.repeats {
		return // it went away
	}
	err := f()
	if err == nil && !c.k.Dead() {
		return
	}
	if c.killed || err != nil && !c.k.Dead() {
		t.Errorf("%s: %v", what, err)
		return
	}
	c.killed = true
	c.k.Mend()
	if c.repeats && err != nil {
		c.do(t, what, f)
	}
}

// create makes a container in two batches.
func (c *client) create(t *testing.T) {
	t.Helper()
	c.do(t, "create", func() (err error) {
		c.c, err = c.w.Service.CreateContainer(t.Context(), linksv1.CreateRequest{Principal: alice, Title: "t", Links: inputs(one, two), More: true})
		return err
	})
	edit := c.c.Edit
	c.do(t, "add", func() error {
		r, err := c.w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.c.ID, Edit: edit, From: 2, Links: inputs(three, one)})
		if err == nil {
			c.c = r
		}
		return err
	})
}

func (c *client) check(t *testing.T, url string, f linksv1test.Found) {
	t.Helper()
	c.w.Clock.Advance(time.Second)
	at := c.w.Clock.Now()
	c.do(t, "check "+url, func() error { return c.w.domain.Record(t.Context(), result(url, f, at)) })
}

func (c *client) replace(t *testing.T) {
	t.Helper()
	var e linksv1.Written
	c.do(t, "replace", func() (err error) {
		e, err = c.w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.c.ID, Links: inputs(three, four), More: true})
		return err
	})
	c.do(t, "replace the rest", func() error {
		_, err := c.w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.c.ID, Edit: e.Edit, From: 2, Links: inputs(two)})
		return err
	})
}

func (c *client) remove(t *testing.T) {
	t.Helper()
	c.do(t, "delete", func() error {
		_, err := c.w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.c.ID})
		if c.killed && fault.CodeOf(err) == linksv1.ErrNotFound.Code {
			return nil // the first one did it
		}
		return err
	})
}

// story is what a client does, and how many links are there in the end when it
// repeats what it has no answer for. Nothing is killed in its beginning.
type story struct {
	begin, tell func(*testing.T, *client)
	links       int
}

func stories() map[string]story {
	created := func(t *testing.T, c *client) {
		c.create(t)
		c.check(t, two, linksv1test.Up)
	}
	return map[string]story{
		"create": {func(*testing.T, *client) {}, func(t *testing.T, c *client) { c.create(t) }, 3},
		"check": {created, func(t *testing.T, c *client) {
			c.check(t, one, linksv1test.Up)
			c.check(t, one, linksv1test.Down)
			c.check(t, three, linksv1test.Lost)
		}, 3},
		"replace": {created, func(t *testing.T, c *client) {
			c.replace(t)
			c.check(t, one, linksv1test.Up)
			c.check(t, two, linksv1test.Down)
		}, 3},
		"delete": {created, func(t *testing.T, c *client) { c.remove(t) }, 0},
	}
}

// TestKilledAnywhere breaks the service off before and after each write of each
// story. A client that repeats its requests gets what it wanted; whether it does
// or not, in the end everything fits together and was told once.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, s := range stories() {
		for _, repeats := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/repeats=%v", name, repeats), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for n := range killedAt(t, w, s, repeats, 0, false) {
					for _, after := range []bool{false, true} {
						if after != (n%2 == 0) && os.Getenv("SLUICE_TEST_FULL") == "" {
							continue // half of the points do for every day
						}
						t.Run(fmt.Sprintf("%d/after=%v", n+1, after), func(t *testing.T) { killedAt(t, w, s, repeats, n+1, after) })
					}
				}
			})
		}
	}
}

// killedAt tells one story with a kill and returns how many writes it took.
func killedAt(t *testing.T, w *world, s story, repeats bool, n int, after bool) int {
	t.Helper()
	c := &client{w: w, k: &killtest.Killer{}, repeats: repeats}
	whole := w.deps
	defer func() { w.deps = whole }()
	w.deps = mortal(whole, c.k)
	w.open(t)
	s.begin(t, c)
	c.k.Arm(n, after)
	s.tell(t, c)
	if !c.killed {
		_, _ = w.domain.Sweep(t.Context()) // a kill may as well come while it cleans up
	}
	steps := c.k.Count()
	c.k.Mend()
	w.settle(t)
	told := clearOutbox(t, w.db)
	// A container that was begun before a kill and begun again leaves one behind
	// that nobody finishes, and nothing of it is left.
	size := w.fits(t)
	if repeats && size != s.links {
		t.Errorf("%d links, want %d", size, s.links)
	}
	once(t, told)
	for _, d := range w.containers(t) {
		if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: d.ID}); err != nil {
			t.Error(err)
		}
	}
	w.settle(t)
	if n := w.fits(t); n != 0 {
		t.Errorf("%d links in the end", n)
	}
	clearOutbox(t, w.db)
	return steps
}

// settle lets time pass until everything must have come to an end. What a kill
// left of a URL goes when its next check is due, a day later at most.
func (w *world) settle(t *testing.T) {
	t.Helper()
	for _, d := range []time.Duration{0, 10 * time.Second, 2 * time.Minute, 2 * time.Minute, 25 * time.Hour} {
		w.Clock.Advance(d)
		if _, err := w.domain.Sweep(t.Context()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
	}
}

// keeps reads every document of a collection, whose declaration is the store's.
func keeps[T any](t *testing.T, w *world, name string, indexes ...docstore.Index) []docstore.Doc[T] {
	t.Helper()
	c, err := docstore.Open[T](t.Context(), w.db, docstore.Spec{Name: name, Indexes: indexes})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Scan(t.Context(), docstore.Query{Limit: docstore.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return p.Docs
}

func (w *world) containers(t *testing.T) []docstore.Doc[domain.Container] {
	t.Helper()
	return keeps[domain.Container](t, w, "containers",
		docstore.Index{Name: "numeric", Fields: []string{"numeric"}, Unique: true}, docstore.Index{Name: "due", Fields: []string{"due_at"}},
		docstore.Index{Name: "owner", Fields: []string{"owner", "created_at"}}, docstore.Index{Name: "owner_status", Fields: []string{"owner", "status", "created_at"}},
		docstore.Index{Name: "owner_group", Fields: []string{"owner", "options.group", "created_at"}},
		docstore.Index{Name: "owner_both", Fields: []string{"owner", "options.group", "status", "created_at"}})
}

// fits holds the documents to each other and gives the number of links.
func (w *world) fits(t *testing.T) (size int) {
	t.Helper()
	lists := map[string]*domain.Container{}
	for _, d := range w.containers(t) {
		c := d.Value
		c.ID = d.ID
		if c.Phase != domain.Live || c.Edit != nil || len(c.Drop) != 0 || c.DueAt != nil {
			t.Errorf("a container is left as %+v", c)
		}
		lists[c.List.ID] = &c
		size += c.List.Size()
	}
	used := map[string]bool{}
	n := 0
	for list, c := range lists {
		links, err := w.deps.Links.Page(t.Context(), list, 0, 2000)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range links {
			used[l.URLID] = true
			u, err := w.deps.URLs.Get(t.Context(), l.URLID)
			if err != nil || l.Index != i || l.Container != c.ID {
				t.Errorf("link %+v, %v", l, err)
			}
			if state := []linksv1.Status{linksv1.Unknown, linksv1.Online, linksv1.Offline}[c.List.States[i]]; state != u.Status {
				t.Errorf("%s is %s, its container has it as %s", l.URL, u.Status, state)
			}
			if u.FanAt != nil {
				t.Errorf("%s is not told", l.URL)
			}
		}
		if n += len(links); len(links) != c.List.Size() {
			t.Errorf("%d links of %d", len(links), c.List.Size())
		}
	}
	docs := len(keeps[domain.Link](t, w, "links", docstore.Index{Name: "url", Fields: []string{"url_id"}}))
	urls := len(keeps[domain.URL](t, w, "urls", docstore.Index{Name: "due", Fields: []string{"due_at"}}, docstore.Index{Name: "fan", Fields: []string{"fan_at"}}))
	if docs != n || urls != len(used) {
		t.Errorf("%d documents of %d links, %d of %d URLs", docs, n, urls, len(used))
	}
	u, err := w.deps.Usages.Get(t.Context(), alice.AccountID)
	if err != nil || u.Links != int64(size) || len(u.Holds) != 0 {
		t.Errorf("the account has %+v, %v, of %d links", u, err, size)
	}
	return size
}

// once holds what was told to it: each change once, and of the states of a
// container the last one as it was.
func once(t *testing.T, told []docstore.Message) {
	t.Helper()
	seen := map[string]bool{}
	created, gone := map[string]int{}, map[string]int{}
	state := map[string]linksv1.Status{}
	for _, m := range told {
		if seen[m.ID] {
			t.Errorf("%s is told twice", m.ID)
		}
		seen[m.ID] = true
		switch m.Subject {
		case linksv1.ContainerCreated.Type, linksv1.ContainerDeleted.Type, linksv1.ContainerStatusChanged.Type:
			var e linksv1.ContainerEvent
			if err := json.Unmarshal(m.Data, &e); err != nil {
				t.Fatal(err)
			}
			switch m.Subject {
			case linksv1.ContainerCreated.Type:
				created[e.Container.ID]++
			case linksv1.ContainerDeleted.Type:
				gone[e.Container.ID]++
			default:
				if was := state["c"+e.Container.ID]; was != "" && was != e.Was {
					t.Errorf("a container was %s, and changes from %s", was, e.Was)
				}
				state["c"+e.Container.ID] = e.Container.Status
			}
		case linksv1.LinkStatusChanged.Type:
			var e linksv1.LinkEvent
			if err := json.Unmarshal(m.Data, &e); err != nil {
				t.Fatal(err)
			}
			if e.Was == e.Link.Status {
				t.Errorf("told of a link that is still %s", e.Was)
			}
		default:
			if !strings.HasPrefix(m.Subject, "$KV.badges.c.") && !strings.HasPrefix(m.Subject, "check.") {
				t.Errorf("a message on %s", m.Subject)
			}
		}
	}
	for id, n := range created {
		if n != 1 {
			t.Errorf("%s was created %d times", id, n)
		}
	}
	for id, n := range gone {
		if n != 1 || created[id] != 1 {
			t.Errorf("%s was deleted %d times, created %d times", id, n, created[id])
		}
	}
}
