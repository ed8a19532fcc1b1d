package e2e_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// lnCurlBody is the body of the document's curl line, as curl sends it.
const lnCurlBody = `{
"title":"Linux ISOs",
"password":"123",
"links":[
"https://ddownload.com/file/abc",
"https://rapidgator.net/file/xyz"
]
}`

const lnCreatedShape = "badge_svg:string badge_webp:string container_id:string container_size:number container_url:string created_at:string status_api:string success:bool title:string unlock_api:string"

var lnID = regexp.MustCompile(`^[a-z0-9]{11}$`)

func locknexMakeRules() []rule {
	two := func(g *ground, t *testing.T) []string { return g.links.Site(t).Links("a", "b") }
	return []rule{
		{says: "the documented request, by curl, is answered with the documented fields", check: func(t *testing.T, g *ground) {
			if _, err := exec.LookPath("curl"); err != nil {
				t.Skip("there is no curl on this machine")
			}
			l := owner(t, g.w)
			out, err := exec.CommandContext(t.Context(), "curl", "-s", "-X", "POST", g.w.URL+"/api/v1/container/create",
				"-H", "Content-Type: application/json", "-H", "X-API-Key: "+l.Key, "-d", lnCurlBody).Output()
			if err != nil {
				t.Fatal(err)
			}
			var c struct {
				ID string `json:"container_id"`
			}
			if err := json.Unmarshal(out, &c); err != nil || !lnID.MatchString(c.ID) {
				t.Fatalf("%v: %s", err, out)
			}
			status, err := exec.CommandContext(t.Context(), "curl", "-s", g.w.URL+lnPublic+c.ID+"/status").Output()
			if err != nil || !strings.Contains(string(status), `"hosts":["ddownload.com","rapidgator.net"]`) {
				t.Errorf("%v: %s", err, status)
			}
		}},
		{says: "exactly the documented fields, in their types", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			r := l.Call(t, "POST", lnContainer+"/create", lnCurlBody, "Content-Type", "application/json").Want(t, 200)
			equal(t, "fields", r.Shape(t), lnCreatedShape)
			c := l.Create(t, "Linux ISOs", []string{"https://ddownload.com/file/abc", "https://rapidgator.net/file/xyz"}, "password", "123")
			if !c.Success || !lnID.MatchString(c.ID) || !strings.ContainsFunc(c.ID, func(r rune) bool { return r >= 'a' }) || c.Title != "Linux ISOs" || c.Size != 2 || !lnStamp.MatchString(c.CreatedAt) {
				t.Errorf("%+v", c)
			}
			at, err := time.Parse(time.DateTime, c.CreatedAt)
			if d := time.Since(at); err != nil || d < -time.Second || d > time.Minute {
				t.Errorf("created_at %s is not now, in UTC", c.CreatedAt)
			}
		}},
		{says: "container_url, status_api, unlock_api and the badges lead there", check: func(t *testing.T, g *ground) {
			c := g.locknex().Create(t, "addresses", two(g, t), "password", "123")
			equal(t, "container_url", c.URL, g.w.URL+"/container/"+c.ID)
			equal(t, "status_api", c.StatusAPI, g.w.URL+lnPublic+c.ID+"/status")
			equal(t, "unlock_api", c.UnlockAPI, g.w.URL+lnContainer+"/unlock")
			equal(t, "badge_svg", c.BadgeSVG, g.w.URL+"/s/"+c.ID+".svg")
			equal(t, "badge_webp", c.BadgeWebP, g.w.URL+"/s/"+c.ID+".webp")
			for _, u := range []string{c.URL, c.StatusAPI, c.BadgeSVG, c.BadgeWebP} {
				g.anyone(t).Call(t, "GET", u, nil).Want(t, 200)
			}
			g.anyone(t).Call(t, "POST", c.UnlockAPI, object{"container_id": c.ID, "password": "123"}).Want(t, 200)
		}},
		{says: "ids are random, and each container has a numeric one beside it", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			site := g.links.Site(t)
			ids, numbers := map[string]bool{}, map[string]bool{}
			for range 8 {
				c := l.Own(t, l.Create(t, "id", site.Links("a")).ID)
				ids[c.ID], numbers[c.NumericID] = true, true
				if !regexp.MustCompile(`^[1-9][0-9]+$`).MatchString(c.NumericID) {
					t.Errorf("numeric_id %q", c.NumericID)
				}
			}
			equal(t, "ids", len(ids), 8)
			equal(t, "numeric ids", len(numbers), 8)
		}},
		{says: "without a key, or with a wrong one, 401", check: func(t *testing.T, g *ground) {
			l := g.anyone(t).From(t, "127.8.0.1")
			l.Call(t, "POST", lnContainer+"/create", lnCurlBody).Denies(t, 401, "unauthorized")
			for _, key := range []string{"DEIN_API_KEY", "slk_" + strings.Repeat("a", 43), strings.Repeat("x", 9000), "ü"} {
				r := l.Call(t, "POST", lnContainer+"/create", lnCurlBody, "X-API-Key", key).Denies(t, 401, "unauthorized")
				if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%.20s: no challenge", key)
				}
			}
		}},
		{says: "title has 1 to 200 characters, whatever their bytes", check: func(t *testing.T, g *ground) {
			l, links := g.locknex(), two(g, t)
			for _, title := range []string{"ö", strings.Repeat("ü", 200), strings.Repeat("🐧", 200), "<b>&\"'</b>", "Ein Titel", "漢字 العربية"} {
				equal(t, "title", l.Create(t, title, links).Title, title)
			}
			equal(t, "title", l.Create(t, "  a b ", links).Title, "a b")
			for _, title := range []any{"", "   ", strings.Repeat("ü", 201), "a\nb", "a\x00b", nil} {
				l.Call(t, "POST", lnContainer+"/create", object{"title": title, "links": links}).Denies(t, 400, "bad_title")
			}
		}},
		{says: "password is optional: none, null and empty are an open container", check: func(t *testing.T, g *ground) {
			l, links := g.locknex(), two(g, t)
			for _, more := range [][]any{nil, {"password", nil}, {"password", ""}} {
				c := l.Create(t, "open", links, more...)
				equal(t, "protected", l.Own(t, c.ID).Protected, false)
				equal(t, "links", fmt.Sprint(g.anyone(t).Unlock(t, c.ID, "").Links(t)), fmt.Sprint(links))
			}
			c := l.Create(t, "closed", links, "password", strings.Repeat("ü", 512))
			g.anyone(t).Unlock(t, c.ID, strings.Repeat("ü", 512)).Want(t, 200)
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": links, "password": strings.Repeat("p", 1025)}).Denies(t, 400, "invalid_request")
		}},
		{says: "a password is shown by no answer, page or log", check: func(t *testing.T, g *ground) {
			const secret = "pass-word-of-a-container-4711"
			l := g.locknex()
			c := l.Create(t, "hashed", two(g, t), "password", secret)
			g.anyone(t).Unlock(t, c.ID, secret+"x").Denies(t, 403, "wrong_password")
			g.anyone(t).Unlock(t, c.ID, secret).Want(t, 200)
			for _, path := range []string{lnContainer + "/" + c.ID, lnContainer + "/list", lnPublic + c.ID + "/status", "/container/" + c.ID} {
				silent(t, l.Call(t, "GET", path, nil).Want(t, 200), secret, "argon2")
			}
			if strings.Contains(g.w.Logs(), secret) {
				t.Error("the log has it")
			}
		}},
		{says: "links are 1 to 1000, each of 2048 bytes at most", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			many := make([]string, 1001)
			for i := range many {
				many[i] = site.Link(fmt.Sprintf("many/%d", i))
			}
			longest := site.Link(strings.Repeat("a", 2048-len(site.Link(""))))
			equal(t, "length", len(longest), 2048)
			equal(t, "size", l.Create(t, "longest", []string{longest}).Size, 1)
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": many}).Denies(t, 400, "too_many_links")
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": []string{}}).Denies(t, 400, "too_many_links")
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a"}).Denies(t, 400, "too_many_links")
			says(t, l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": []string{many[0], longest + "a"}}).Denies(t, 400, "bad_link"), "link 2")
		}},
		{says: "a thousand links stay in their order", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			links := make([]string, 1000)
			for i := range links {
				// Of a host in the documentation's network, so that nothing is asked for long.
				links[i] = fmt.Sprintf("https://203.0.113.9:9/%d/é%d", 999-i, i)
			}
			c := l.Create(t, "thousand", links, "password", "p")
			equal(t, "size", c.Size, 1000)
			if got := g.anyone(t).Unlock(t, c.ID, "p").Links(t); !slices.Equal(got, links) {
				t.Errorf("%d links, or another order", len(got))
			}
			if own := l.Own(t, c.ID); len(own.Links) != 1000 || own.Links[999].URL != links[999] {
				t.Errorf("%d links of the owner's", len(own.Links))
			}
			l.Call(t, "DELETE", lnContainer+"/"+c.ID, nil).Want(t, 200)
		}},
		{says: "duplicates are dropped, in order, however they are spelt", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			a := site.Link("a")
			c := l.Create(t, "twice", []string{a, site.Link("b"), a, strings.Replace(a, site.Name, strings.ToUpper(site.Name)+":443", 1), site.Link("c"), "\t" + a + " "})
			equal(t, "size", c.Size, 3)
			equal(t, "links", fmt.Sprint(g.anyone(t).Unlock(t, c.ID, "").Links(t)), fmt.Sprint(site.Links("a", "b", "c")))
		}},
		{says: "400 says which link is bad", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			good := g.links.Site(t).Link("a")
			for _, bad := range []string{
				"", " ", "x", "ftp://a.example/", "javascript:alert(1)", "//a.example/", "https://", "https:///x", "https://u:p@a.example/", "https://a b/", "https://a.example/\"><script>",
				"https://a.example:99999/", "http://[::1", "https://a.example/\x00", "data:text/html,x", "file:///etc/passwd", "https://a.example/a\r\nX: y",
			} {
				says(t, l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": []string{good, bad}}).Denies(t, 400, "bad_link"), "link 2")
			}
			says(t, l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": []string{"ftp://a.example/x"}}), "ftp://a.example/x")
		}},
		{says: "folder and category are not ours, and harm nothing", check: func(t *testing.T, g *ground) {
			g.locknex().Create(t, "more", two(g, t), "folder", 7, "category", []string{"x"}, "somethingElse", object{"a": nil})
		}},
		{says: "mirrors are groups of links with backups", check: func(t *testing.T, g *ground) {
			l, one, other := g.locknex(), g.links.Site(t), g.links.Site(t)
			r := l.Call(t, "POST", lnContainer+"/create", object{"title": "mirrors", "mirrors": []object{
				{"links": one.Links("1", "2"), "backups": []string{"", other.Link("backup")}}, {"links": other.Links("1", "2")},
			}}).Want(t, 200)
			var c struct {
				ID   string `json:"container_id"`
				Size int    `json:"container_size"`
			}
			r.JSON(t, &c)
			equal(t, "size", c.Size, 5)
			var got []string
			for _, k := range l.Own(t, c.ID).Links {
				got = append(got, fmt.Sprint(k.URL, k.Mirror, k.Backup))
			}
			equal(t, "links", strings.Join(got, " "), strings.Join([]string{
				fmt.Sprint(one.Link("1"), 0, false), fmt.Sprint(one.Link("2"), 0, false), fmt.Sprint(other.Link("backup"), 0, true), fmt.Sprint(other.Link("1"), 1, false), fmt.Sprint(other.Link("2"), 1, false),
			}, " "))
			for _, bad := range []any{object{"mirrors": []object{}}, object{"mirrors": []object{{"backups": one.Links("1")}}}, object{"mirrors": []object{{"links": one.Links("1"), "backups": one.Links("1", "2")}}}, object{"mirrors": 5}} {
				m := bad.(object)
				m["title"] = "a"
				if r := l.Call(t, "POST", lnContainer+"/create", m); r.Status != 400 {
					t.Errorf("%v: %d %s", bad, r.Status, r.Body)
				}
			}
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": one.Links("1"), "mirrors": []object{}}).Denies(t, 400, "invalid_request")
		}},
		{says: "switches for captcha, Click'n'Load and single links, and a group", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			own := l.Own(t, l.Create(t, "plain", two(g, t)).ID)
			if own.Captcha || !own.AllowCNL || !own.AllowLinks || own.Group != "" {
				t.Errorf("%+v", own)
			}
			own = l.Own(t, l.Create(t, "switched", two(g, t), "captcha", true, "allow_cnl", false, "allow_links", false, "group", "Gruppe ä").ID)
			if !own.Captcha || own.AllowCNL || own.AllowLinks || own.Group != "Gruppe ä" {
				t.Errorf("%+v", own)
			}
			l.Call(t, "POST", lnContainer+"/create", object{"title": "a", "links": two(g, t), "group": strings.Repeat("ä", 65)}).Denies(t, 400, "invalid_request")
		}},
		{says: "curl without a Content-Type, which says form, is understood", check: func(t *testing.T, g *ground) {
			g.locknex().Call(t, "POST", lnContainer+"/create", lnCurlBody, "Content-Type", "application/x-www-form-urlencoded").Want(t, 200)
			g.locknex().Call(t, "POST", lnContainer+"/create", lnCurlBody, "Content-Type", "text/plain; charset=iso-8859-1").Want(t, 200)
		}},
	}
}
