package e2e_test

import (
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// deliveries counts what a receiver was told of: a delivery may come twice.
func deliveries(hooks []harness.Hook) int {
	ids := map[string]bool{}
	for _, h := range hooks {
		ids[h.ID] = true
	}
	return len(ids)
}

func locknexEndRules() []rule {
	// ends wants that with an account go its containers, badges and webhooks, and
	// that nothing of another account does.
	ends := func(t *testing.T, g *ground, del func(t *testing.T, c *harness.Client)) {
		t.Helper()
		c := account(t, g.w)
		l, site := c.Locknex(t), g.links.Site(t)
		other := owner(t, g.w).Create(t, "another account's", site.Links("a"))
		r := harness.NewReceiver(t, nil)
		hook(t, l, r.URL, "events", []string{"container.created"})
		a, b := l.Create(t, "ends", site.Links("a"), "password", "p"), l.Create(t, "ends, too", site.Links("a", "b"))
		number := l.Own(t, a.ID).NumericID
		recorded(t, g.anyone(t), b.ID, "online")
		r.Wait(t, time.Minute, "both are told", func(h []harness.Hook) bool { return deliveries(h) == 2 })
		until(t, badgeWithin, func() bool { return l.Badge(t, b.ID) == "online 2/2" }, func() string { return "online on the badge" })

		del(t, c)
		for _, id := range []string{a.ID, b.ID, number} {
			g.anyone(t).Call(t, "GET", lnPublic+id+"/status", nil).Denies(t, 404, "container_not_found")
			g.anyone(t).Call(t, "GET", lnPublic+id+"/stats", nil).Denies(t, 404, "container_not_found")
			g.anyone(t).Unlock(t, id, "p").Denies(t, 404, "container_not_found")
			g.anyone(t).Call(t, "GET", "/container/"+id, nil).Want(t, 404)
			for _, e := range []*harness.Locknex{g.anyone(t), g.anyone(t).At(g.edges.forced.URL)} {
				until(t, badgeWithin, func() bool { return e.Badge(t, id) == "not found" }, func() string { return "no badge of " + id + " at " + e.URL })
			}
		}
		eventually(t, "the key ends", func() bool { return l.Call(t, "GET", lnContainer+"/list", nil).Status == 401 })
		equal(t, "deliveries", deliveries(r.Hooks()), 2)
		g.anyone(t).Status(t, other.ID)
	}
	return []rule{
		{says: "deleting the account by lockr ends its containers, webhooks and badges", check: func(t *testing.T, g *ground) {
			ends(t, g, func(t *testing.T, c *harness.Client) {
				c.Lockr().Call(t, "POST", "/api/v1/account/delete", object{"password": password(c.Username)}).Want(t, 204)
			})
		}},
		{says: "deleting it by Plik's DELETE /me does", check: func(t *testing.T, g *ground) {
			ends(t, g, func(t *testing.T, c *harness.Client) {
				g.plik(t).Login(t, c.Username, password(c.Username)).Call(t, "DELETE", "/me", nil).OK(t)
			})
		}},
		{says: "an administrator's DELETE /user of Plik does", check: func(t *testing.T, g *ground) {
			ends(t, g, func(t *testing.T, c *harness.Client) {
				g.operator(t, g.plik(t)).Call(t, "DELETE", "/user/local:"+c.Username, nil).OK(t)
			})
		}},
		{says: "`sluice account delete` does", check: func(t *testing.T, g *ground) {
			ends(t, g, func(t *testing.T, c *harness.Client) {
				if _, err := g.w.CLI(t.Context(), "", "account", "delete", c.Username, "--yes"); err != nil {
					t.Fatal(err)
				}
			})
		}},
		{says: "the form of the account's page does", check: func(t *testing.T, g *ground) {
			ends(t, g, func(t *testing.T, c *harness.Client) {
				r := signedIn(t, g, c.Username).Call(t, "POST", "/account/delete", lnForm("password", password(c.Username), "confirm", c.Username), asForm()...)
				if r.Status != 303 && r.Status != 200 {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
			})
		}},
		{says: "a wrong password, and retention, end nothing", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			made := c.Locknex(t).Create(t, "stays", g.links.One("stays"))
			b := newBucket(t, c, "objectLock", true)
			c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), "x", "X-Lockwell-Legal-Hold", "ON").Want(t, 201)
			c.Lockr().Call(t, "POST", "/api/v1/account/delete", object{"password": "wrong"}).Refuses(t, 401, "")
			c.Lockr().Call(t, "POST", "/api/v1/account/delete", object{"password": password(c.Username)}).Refuses(t, 403, "object_locked")
			g.anyone(t).Status(t, made.ID)
		}},
		{says: "a disabled account's key opens nothing, its containers stay", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			made := l.Create(t, "disabled", g.links.One("stays"))
			if _, err := g.w.CLI(t.Context(), "", "account", "disable", l.Username); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the key ends", func() bool { return l.Call(t, "GET", lnContainer+"/list", nil).Status == 401 })
			g.anyone(t).Status(t, made.ID)
		}},
	}
}
