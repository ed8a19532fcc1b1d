package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

const (
	lnStatusShape = "container_id:string container_size:number created_at:string hosts[]:string last_checked:string stats.offline:number stats.online:number stats.unknown:number status:string success:bool title:string"
	lnStatsShape  = "clicks.this_month:number clicks.today:number clicks.total:number clicks.yesterday:number container_id:string success:bool title:string"
	lnUnlockShape = "container_id:string links[].host:string links[].status:string links[].url:string success:bool title:string"
)

// lnShellBody is what ConvertTo-Json of Windows PowerShell makes of the document's
// body: its own spaces, \r\n, and the order of a hash table.
func lnShellBody(id, password string) string {
	return "{\r\n    \"password\":  \"" + password + "\",\r\n    \"container_id\":  \"" + id + "\"\r\n}"
}

func locknexStatusRules() []rule {
	return []rule{
		{says: "the documented answer: three links of two hosts, all online", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "Ubuntu Linux Collection", []string{"https://rapidgator.net/file/4711", "https://ddownload.com/abcdefghij12", "https://www.rapidgator.net/file/4712"})
			s := recorded(t, g.anyone(t), c.ID, "online")
			if !s.Success || s.ID != c.ID || s.Title != "Ubuntu Linux Collection" || s.Size != 3 || s.Stats != (harness.LocknexCounts{Online: 3}) || s.CreatedAt != c.CreatedAt || !lnStamp.MatchString(*s.LastChecked) {
				t.Errorf("%+v", s)
			}
			equal(t, "hosts", strings.Join(s.Hosts, " "), "rapidgator.net ddownload.com")
			equal(t, "fields", g.anyone(t).Call(t, "GET", c.StatusAPI, nil).Shape(t), lnStatusShape)
		}},
		{says: "last_checked is null before the first check, and the status unknown", check: func(t *testing.T, g *ground) {
			// A host that does not answer within the row.
			site := g.links.Site(t)
			site.Becomes("slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			c := g.locknex().Create(t, "new", site.Links("slow"))
			s := g.anyone(t).Status(t, c.ID)
			if s.LastChecked != nil || s.Status != "unknown" || s.Stats != (harness.LocknexCounts{Unknown: 1}) {
				t.Errorf("%+v", s)
			}
			says(t, g.anyone(t).Call(t, "GET", c.StatusAPI, nil), `"last_checked":null`)
		}},
		{says: "online is all online, offline all offline, unknown none known, partial the rest", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			site.Becomes("gone2", harness.Status(410))
			site.Becomes("locked", harness.Status(403))
			for links, want := range map[string]string{
				"a b": "online", "gone gone2": "offline", "locked": "unknown", "a gone": "partial", "a locked": "partial", "gone locked": "partial",
			} {
				c := l.Create(t, want, site.Links(strings.Fields(links)...))
				if got := checked(t, l, c.ID); got.Status != want {
					t.Errorf("%s is %s, want %s", links, got.Status, want)
				}
			}
		}},
		{says: "an old numeric id of an import is good at every place that takes an id", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			who := l.Username
			site := g.links.Site(t)
			n := fmt.Sprint(7_000_000 + names.Add(1))
			file := filepath.Join(t.TempDir(), "old.jsonl")
			lines := harness.LocknexLine(t, object{"numeric_id": n, "id": "", "title": "Old ISOs", "password": "deinPass", "links": site.Links("a", "b"), "owner": who, "created_at": "2019-05-06T07:08:09Z"}) +
				harness.LocknexLine(t, object{"numeric_id": 0, "title": "bad", "links": site.Links("a"), "owner": who}) + "{\n"
			if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a line that was imported before changes nothing
				if _, err := g.w.CLI(t.Context(), "", "container", "import", file); err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "line 1:") {
					t.Fatalf("the import said %v", err)
				}
			}
			anyone := g.anyone(t)
			s := recorded(t, anyone, n, "online")
			if !lnID.MatchString(s.ID) || s.Title != "Old ISOs" || s.CreatedAt != "2019-05-06 07:08:09" {
				t.Errorf("%+v", s)
			}
			equal(t, "its other id", string(anyone.Call(t, "GET", lnPublic+s.ID+"/status", nil).Body), string(anyone.Call(t, "GET", lnPublic+n+"/status", nil).Body))
			equal(t, "stats", anyone.Clicks(t, n).ID, s.ID)
			equal(t, "links", fmt.Sprint(anyone.Unlock(t, n, "deinPass").Links(t)), fmt.Sprint(site.Links("a", "b")))
			anyone.Unlock(t, n, "x").Denies(t, 403, "wrong_password")
			says(t, anyone.Call(t, "GET", "/container/"+n, nil).Want(t, 200), "Old ISOs")
			equal(t, "badge", anyone.Badge(t, n), "online 2/2")
			for _, ending := range []string{"webp", "png"} {
				anyone.Call(t, "GET", "/s/"+n+"."+ending, nil).Want(t, 200)
			}
			equal(t, "owner's", l.Own(t, n).NumericID, n)
			equal(t, "bulk status", bulk(t, l, "status", object{"container_id": n}).Results[0].ID, s.ID)
			l.Call(t, "PUT", lnContainer+"/"+n, object{"title": "Renamed"}).Want(t, 200)
			equal(t, "title", anyone.Status(t, s.ID).Title, "Renamed")
			l.Call(t, "DELETE", lnContainer+"/"+n, nil).Want(t, 200)
			for _, id := range []string{n, s.ID} {
				anyone.Call(t, "GET", lnPublic+id+"/status", nil).Denies(t, 404, "container_not_found")
				anyone.Call(t, "GET", "/container/"+id, nil).Want(t, 404)
			}
		}},
		{says: "an import goes to the account that --owner names, and to no unknown one", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			n := fmt.Sprint(7_000_000 + names.Add(1))
			line := harness.LocknexLine(t, object{"numeric_id": n, "title": "By owner", "links": g.links.Site(t).Links("a")})
			if _, err := g.w.CLI(t.Context(), line, "container", "import", "-"); err == nil {
				t.Error("without an owner it is nobody's")
			}
			if _, err := g.w.CLI(t.Context(), line, "container", "import", "-", "--owner", "nobody-of-this-name"); err == nil {
				t.Error("nobody has it")
			}
			if out, err := g.w.CLI(t.Context(), line, "container", "import", "-", "--owner", l.Username); err != nil || !strings.Contains(out, "1 containers are there") {
				t.Errorf("%s %v", out, err)
			}
			equal(t, "title", l.Own(t, n).Title, "By owner")
		}},
		{says: "every container has a numeric id that works as the other does", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "two ids", g.links.Site(t).Links("a"), "password", "p")
			recorded(t, l, c.ID, "online")
			n := l.Own(t, c.ID).NumericID
			for _, path := range []string{"/status", "/stats"} {
				equal(t, path, string(g.anyone(t).Call(t, "GET", lnPublic+n+path, nil).Want(t, 200).Body), string(g.anyone(t).Call(t, "GET", lnPublic+c.ID+path, nil).Body))
			}
			equal(t, "unlocked", g.anyone(t).Unlock(t, n, "p").Want(t, 200).Shape(t), lnUnlockShape)
		}},
		{says: "the status of a protected container shows no link, to nobody", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "protected", site.Links("secret-name"), "password", "p", "captcha", true)
			recorded(t, l, c.ID, "online")
			other := owner(t, g.w)
			for _, who := range []*harness.Locknex{l, other, g.anyone(t)} {
				for _, path := range []string{lnPublic + c.ID + "/status", lnPublic + c.ID + "/stats", "/s/" + c.ID + ".svg"} {
					silent(t, who.Call(t, "GET", path, nil).Want(t, 200), "secret-name")
				}
			}
			for _, path := range []string{"/container/" + c.ID, "/container/" + c.ID + "/links.txt", "/container/" + c.ID + "/links.meta4"} {
				silent(t, g.anyone(t).Call(t, "GET", path, nil), "secret-name", "CNL_LINKS")
				silent(t, other.Call(t, "GET", path, nil), "secret-name", "CNL_LINKS")
			}
			silent(t, g.anyone(t).Unlock(t, c.ID, "wrong"), "secret-name")
		}},
		{says: "an unknown id is 404", check: func(t *testing.T, g *ground) {
			for _, id := range []string{"zzzzzzzzzzz", "999999999999", "x", "K5OTRG3X3OE", "k5otrg3x3oe%00", "%2e%2e%2f", strings.Repeat("a", 3000), "0", "01", "1234567890123456789", "-1", "ä"} {
				for _, path := range []string{"/status", "/stats"} {
					r := g.anyone(t).Call(t, "GET", lnPublic+id+path, nil)
					if r.Status != 404 || !strings.Contains(r.Header.Get("Content-Type"), "json") && r.Header.Get("Content-Type") == "text/html" {
						t.Errorf("%.40s: %d %s", id, r.Status, r.Body)
					}
				}
			}
			g.anyone(t).Call(t, "GET", lnPublic+"zzzzzzzzzzz/status", nil).Denies(t, 404, "container_not_found")
		}},
		{says: "hosts are lower case, without port and www., each once, in order of first appearance", check: func(t *testing.T, g *ground) {
			one, other := g.links.Site(t), g.links.Site(t)
			c := g.locknex().Create(t, "hosts", []string{
				"HTTPS://" + strings.ToUpper(one.Name) + "/x", strings.Replace(other.Link("a"), "https://", "https://www.", 1),
				strings.Replace(other.Link("a"), other.Name, other.Name+":443", 1), "http://" + one.Name + "/y", "https://127.0.0.1:9/x",
			})
			equal(t, "hosts", strings.Join(g.anyone(t).Status(t, c.ID).Hosts, " "), one.Name+" "+other.Name+" 127.0.0.1")
		}},
		{says: "a view of a container is answered to HEAD, too, and 405 names what there is", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "head", g.links.Site(t).Links("a"))
			r := g.anyone(t).Call(t, "HEAD", c.StatusAPI, nil).Want(t, 200)
			equal(t, "body", len(r.Body), 0)
			r = g.anyone(t).Call(t, "POST", c.StatusAPI, "{}").Denies(t, 405, "method_not_allowed")
			equal(t, "Allow", r.Header.Get("Allow"), "GET, HEAD")
		}},
	}
}

func locknexUnlockRules() []rule {
	return []rule{
		{says: "the documented PowerShell call is answered with the documented fields", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "Linux Collection", []string{"https://rapidgator.net/file/815", "https://ddownload.com/zyxwvutsrq98"}, "password", "deinPass")
			recorded(t, l, c.ID, "online")
			r := g.anyone(t).Call(t, "POST", c.UnlockAPI, lnShellBody(c.ID, "deinPass"), "Content-Type", "application/json", "User-Agent", "Mozilla/5.0 (Windows NT; de-DE) WindowsPowerShell/5.1").Want(t, 200)
			equal(t, "fields", r.Shape(t), lnUnlockShape)
			says(t, r, `{"success":true,"container_id":"`+c.ID+`","title":"Linux Collection","links":[{"url":"https://rapidgator.net/file/815","host":"rapidgator.net","status":"online"},{"url":"https://ddownload.com/zyxwvutsrq98","host":"ddownload.com","status":"online"}]}`)
		}},
		{says: "links come as they were given: query, fragment, letters", check: func(t *testing.T, g *ground) {
			site := g.links.Site(t)
			links := []string{site.Link("a?x=1&y=%20&z=ü#frag"), site.Link("A"), site.Link("a%2Fb"), "http://" + site.Name + ":80/HTTP"}
			c := g.locknex().Create(t, "given", links)
			equal(t, "links", fmt.Sprint(g.anyone(t).Unlock(t, c.ID, "").Links(t)), fmt.Sprint(links))
		}},
		{says: "a wrong password is 403, also none and an endless one", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "protected", g.links.Site(t).Links("a"), "password", "right")
			who := browserAt(t, g.w)
			for _, p := range []string{"wrong", "", "Right", "right ", strings.Repeat("x", 100_000)} {
				silent(t, who.Unlock(t, c.ID, p).Denies(t, 403, "wrong_password"), "example")
			}
			who.Call(t, "POST", c.UnlockAPI, object{"container_id": c.ID}).Denies(t, 403, "wrong_password")
			who.Call(t, "POST", c.UnlockAPI, object{"container_id": c.ID, "password": nil}).Denies(t, 403, "wrong_password")
			who.Unlock(t, c.ID, "right").Want(t, 200)
		}},
		{says: "wrong passwords are throttled per container and address", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "guessed", g.links.Site(t).Links("a"), "password", "right")
			other := l.Create(t, "beside", g.links.Site(t).Links("a"), "password", "right")
			guesser, honest := browserAt(t, g.w), browserAt(t, g.w)
			guesser.Unlock(t, c.ID, "right").Want(t, 200)
			unlock := func(id, password string) func() harness.Response {
				return func() harness.Response { return guesser.Unlock(t, id, password) }
			}
			waits := func(id, password string) {
				t.Helper()
				throttledToo(t, wrongAtOnce, wrongEvery, unlock(id, password)).Denies(t, 429, "rate_limited")
			}
			throttled(t, wrongAtOnce, wrongEvery, unlock(c.ID, "wrong")).Denies(t, 429, "rate_limited")
			// Also a right one waits then, or guessing would go on.
			waits(c.ID, "right")
			waits(c.ID, "wrong")
			waits(l.Own(t, c.ID).NumericID, "wrong")
			guesser.Unlock(t, other.ID, "right").Want(t, 200)
			honest.Unlock(t, c.ID, "right").Want(t, 200)
		}},
		{says: "guesses at once are not more than guesses in a row", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "guessed at once", g.links.Site(t).Links("a"), "password", "right")
			who := browserAt(t, g.w)
			statuses := make([]int, 30)
			start := time.Now()
			parallel(t, len(statuses), func(i int) {
				if r, err := who.Try(t.Context(), "POST", lnContainer+"/unlock", object{"container_id": c.ID, "password": "wrong"}); err == nil {
					statuses[i] = r.Status
				}
			})
			tried := 0
			for _, s := range statuses {
				if s != 403 && s != 429 {
					t.Errorf("status %d", s)
				}
				if s == 403 {
					tried++
				}
			}
			if took := time.Since(start); tried > wrongAtOnce+int(took/wrongEvery) {
				t.Errorf("%d passwords were tried within %v", tried, took)
			}
		}},
		{says: "an open container needs no password, and takes any", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "open", g.links.Site(t).Links("a"))
			g.anyone(t).Call(t, "POST", c.UnlockAPI, object{"container_id": c.ID}).Want(t, 200)
			g.anyone(t).Unlock(t, c.ID, "whatever").Want(t, 200)
		}},
		{says: "an unknown id is 404, however it looks", check: func(t *testing.T, g *ground) {
			for _, id := range []string{"zzzzzzzzzzz", "999999999999", "x", "", "../admin", "ä", strings.Repeat("1", 60_000)} {
				g.anyone(t).Unlock(t, id, "p").Denies(t, 404, "container_not_found")
			}
		}},
	}
}
