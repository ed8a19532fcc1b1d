package e2e_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

func locknexStatsRules() []rule {
	page := func(t *testing.T, who *harness.Locknex, id string, headers ...string) {
		t.Helper()
		who.Call(t, "GET", "/container/"+id, nil, headers...).Want(t, 200)
	}
	made := func(t *testing.T, g *ground, more ...any) string {
		t.Helper()
		return g.locknex().Create(t, "Linux Collection", g.links.Site(t).Links("a"), more...).ID
	}
	return []rule{
		{says: "exactly the documented fields, in their types, before any click and after", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			r := g.anyone(t).Call(t, "GET", lnPublic+id+"/stats", nil).Want(t, 200)
			equal(t, "fields", r.Shape(t), lnStatsShape+" top_referrers[]")
			says(t, r, `"container_id":"`+id+`","title":"Linux Collection","clicks":{"today":0,"yesterday":0,"this_month":0,"total":0},"top_referrers":[]`)
			page(t, browserAt(t, g.w), id, "Referer", "https://www.google.com/search?q=x")
			clicksAre(t, g.anyone(t), id, 1)
			equal(t, "fields", g.anyone(t).Call(t, "GET", lnPublic+id+"/stats", nil).Shape(t), lnStatsShape+" top_referrers[].clicks:number top_referrers[].domain:string")
		}},
		{says: "a view of the page is a click of today, this month and in all", check: func(t *testing.T, g *ground) {
			id := made(t, g, "password", "p")
			page(t, browserAt(t, g.w), id)
			c := clicksAre(t, g.anyone(t), id, 1).Clicks
			if c.Today+c.Yesterday != 1 { // midnight may pass
				t.Errorf("%+v", c)
			}
		}},
		{says: "one visitor counts once in 30 minutes, by page, by either id and by unlock", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "once", g.links.Site(t).Links("a"))
			who := browserAt(t, g.w)
			page(t, who, c.ID)
			page(t, who, c.ID)
			page(t, who, l.Own(t, c.ID).NumericID)
			who.Unlock(t, c.ID, "").Want(t, 200)
			clicksAre(t, l, c.ID, 1)
			page(t, who, c.ID)
			page(t, browserAt(t, g.w), c.ID) // the last that is told
			clicksAre(t, l, c.ID, 2)
		}},
		{says: "another address, another agent and another container are other clicks", check: func(t *testing.T, g *ground) {
			id, beside := made(t, g), made(t, g)
			who := browserAt(t, g.w)
			page(t, who, id)
			page(t, who, beside)
			page(t, browserAt(t, g.w), id)
			page(t, who, id, "User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0")
			clicksAre(t, g.anyone(t), id, 3)
			clicksAre(t, g.anyone(t), beside, 1)
		}},
		{says: "a successful unlock is a click, a failed one none", check: func(t *testing.T, g *ground) {
			id := made(t, g, "password", "p")
			browserAt(t, g.w).Unlock(t, id, "wrong").Want(t, 403)
			browserAt(t, g.w).Unlock(t, id, "p", "Referer", "https://www.board.example/t/1", "User-Agent", "curl/8.5.0").Want(t, 200)
			c := clicksAre(t, g.anyone(t), id, 1)
			if len(c.TopReferrers) != 1 || c.TopReferrers[0].Domain != "board.example" || c.TopReferrers[0].Clicks != 1 {
				t.Errorf("%+v", c)
			}
		}},
		{says: "bots do not count, nor HEAD, nor a browser that looks ahead", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			for _, agent := range []string{
				"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "facebookexternalhit/1.1", "Mozilla/5.0 (compatible; Discordbot/2.0)", "TelegramBot (like TwitterBot)", "WhatsApp/2.23", "GPTBot/1.2", "Mozilla/5.0 HeadlessChrome/120.0",
			} {
				page(t, browserAt(t, g.w), id, "User-Agent", agent)
			}
			browserAt(t, g.w).Call(t, "HEAD", "/container/"+id, nil).Want(t, 200)
			page(t, browserAt(t, g.w), id, "Sec-Purpose", "prefetch;prerender")
			for _, path := range []string{lnPublic + id + "/status", lnPublic + id + "/stats", "/s/" + id + ".svg", "/container/" + id + "/links.txt"} {
				browserAt(t, g.w).Call(t, "GET", path, nil).Want(t, 200)
			}
			page(t, browserAt(t, g.w), id) // the last that is told
			clicksAre(t, g.anyone(t), id, 1)
		}},
		{says: "a page that is not there, or does not open, is no click of anything", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			browserAt(t, g.w).Call(t, "GET", "/container/zzzzzzzzzzz", nil).Want(t, 404)
			browserAt(t, g.w).Call(t, "GET", "/container/"+id+"/nothing", nil).Want(t, 404)
			page(t, browserAt(t, g.w), id)
			clicksAre(t, g.anyone(t), id, 1)
		}},
		{says: "top_referrers: hosts without www., most first, ours and empty ones left out", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			for _, ref := range []string{
				"https://www.google.com/", "http://GOOGLE.com:80/x", "https://board.example/t/1", g.w.URL + "/containers", "", "not a url", "https://www.google.com/2", "javascript:alert(1)", "https://" + strings.Repeat("a", 3000) + ".example/",
			} {
				page(t, browserAt(t, g.w), id, "Referer", ref)
			}
			c := clicksAre(t, g.anyone(t), id, 9)
			if len(c.TopReferrers) != 2 || c.TopReferrers[0].Domain != "google.com" || c.TopReferrers[0].Clicks != 3 || c.TopReferrers[1].Domain != "board.example" || c.TopReferrers[1].Clicks != 1 {
				t.Errorf("%+v", c.TopReferrers)
			}
		}},
		{says: "ten referrers at most", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			for i := range 12 {
				page(t, browserAt(t, g.w), id, "Referer", "https://r"+strings.Repeat("x", i)+".example/")
			}
			equal(t, "referrers", len(clicksAre(t, g.anyone(t), id, 12).TopReferrers), 10)
		}},
		{says: "a hostile Referer and agent do nothing to the answer", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			page(t, browserAt(t, g.w), id, "Referer", `https://<script>alert(1)</script>/`, "User-Agent", `"><script>`+strings.Repeat("x", 5000))
			page(t, browserAt(t, g.w), id, "Referer", "https://xn--mnchen-3ya.example/", "User-Agent", "\xff\xfe")
			c := clicksAre(t, g.anyone(t), id, 2)
			if len(c.TopReferrers) != 1 || c.TopReferrers[0].Domain != "xn--mnchen-3ya.example" {
				t.Errorf("%+v", c.TopReferrers)
			}
			silent(t, g.anyone(t).Call(t, "GET", "/container/"+id, nil), "<script>alert")
		}},
		{says: "the page shows the clicks, with a graph", check: func(t *testing.T, g *ground) {
			id := made(t, g)
			page(t, browserAt(t, g.w), id, "Referer", "https://seen-on.example/")
			clicksAre(t, g.anyone(t), id, 1)
			var shown harness.Response
			eventually(t, "a page with its statistics", func() bool { // it waits 2 s for them at most
				shown = g.anyone(t).Call(t, "GET", "/container/"+id, nil, "User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1)") // whose look is not a second click
				return strings.Contains(string(shown.Body), "Clicks on each of the last 30 days")
			})
			says(t, shown, "Clicks on each of the last 30 days, 1 at most", "<rect ", "seen-on.example <small>1</small>")
		}},
	}
}
