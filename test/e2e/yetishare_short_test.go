package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

const formKind = "application/x-www-form-urlencoded"

// yetiShortRules: yetishare.md, short URLs on the root; field-facts.md 1, what
// JDownloader expects of them.
func yetiShortRules() []rule {
	return []rule{
		{says: "/{short} is the file's page, /{short}/{name} too, and neither has the bytes", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "report.pdf", "the-bytes")
			for _, path := range []string{"/" + u.ShortURL, "/" + u.ShortURL + "/report.pdf", "/" + u.ShortURL + "/anything"} {
				r := y.Call(t, "GET", path, nil).Want(t, 200)
				if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(r.Body), "report.pdf") || strings.Contains(string(r.Body), "the-bytes") {
					t.Errorf("%s: %s", path, r.Header.Get("Content-Type"))
				}
			}
			r := y.Call(t, "POST", "/"+u.ShortURL, "", "Content-Type", formKind)
			if r.Status/100 != 3 {
				t.Fatalf("the page's button: %d", r.Status)
			}
			equal(t, "behind the button", string(y.Call(t, "GET", r.Header.Get("Location"), nil).Want(t, 200).Body), "the-bytes")
		}},
		{says: "a one-segment path that names no file is 404, text/plain, \"404 page not found\" and a newline", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, path := range []string{"/Ab3dEf9h", "/zzzzzzzz", "/Ab3dEf9h~i", "/Ab3dEf9h~s", "/Ab3dEf9h~d?" + strings.Repeat("0", 32), "/2Vv", "/nothing-here", "/Ab3dEf9h/name", "/" + strings.Repeat("A1", 300)} {
				r := y.Call(t, "GET", path, nil).Want(t, 404)
				if string(r.Body) != "404 page not found\n" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
					t.Errorf("%s: %q %.80q", path, r.Header.Get("Content-Type"), r.Body)
				}
			}
		}},
		{says: "a short is letters and digits, cannot be counted up, and is no first segment that the edge serves", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			served := map[string]bool{}
			for _, r := range g.w.Routes(t) {
				served[strings.SplitN(strings.Trim(r.Path, "/"), "/", 2)[0]] = true
			}
			a, b := y.Upload(t, "a", "a").ShortURL, y.Upload(t, "b", "b").ShortURL
			for _, s := range []string{a, b} {
				matches(t, "short", s, `[A-Za-z0-9]{6,}`)
				if served[s] || !strings.ContainsAny(s, "0123456789") || strings.ToLower(s) == s {
					t.Errorf("%s could be a path of the edge", s)
				}
			}
			same := 0
			for i := range min(len(a), len(b)) {
				same += b2i(a[i] == b[i])
			}
			if same > 5 {
				t.Errorf("%s follows %s", b, a)
			}
		}},
		{says: "~i is the information page; the hash shows how the file is passed on", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "info.bin", "content")
			_, hash, _ := strings.Cut(u.InfoURL, "?")
			plain, full := y.Call(t, "GET", "/"+u.ShortURL+"~i", nil).Want(t, 200), y.Call(t, "GET", u.InfoURL, nil).Want(t, 200)
			for _, has := range []string{"responsiveInfoTable", "info.bin"} {
				if !strings.Contains(string(plain.Body), has) || !strings.Contains(string(full.Body), has) {
					t.Errorf("no %s", has)
				}
			}
			for _, body := range []string{string(plain.Body), string(full.Body), string(y.Call(t, "GET", "/"+u.ShortURL+"~i?"+u.DeleteHash, nil).Want(t, 200).Body)} {
				if strings.Contains(body, u.DeleteHash) {
					t.Error("who has no account learns the delete hash")
				}
			}
			if !strings.Contains(string(full.Body), u.Hash) || strings.Contains(string(plain.Body), u.Hash) || hash == u.DeleteHash {
				t.Error("what the hash is for")
			}
		}},
		{says: "~s is the statistics page: it counts downloads", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "stats.bin", "content")
			yetiDownload(t, y, u.FileID)
			eventually(t, "one download", func() bool {
				return strings.Contains(string(y.Call(t, "GET", u.StatsURL, nil).Want(t, 200).Body), "<dd>1</dd>")
			})
		}},
		{says: "~d asks first: GET and HEAD delete nothing; POST does, by the hash alone", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f", "content")
			for _, wrong := range []string{"", "?", "?" + strings.Repeat("0", 32), "?" + u.DeleteHash[:31], "?" + strings.TrimPrefix(u.InfoURL, u.URL+"~i?"), "?hash=" + u.DeleteHash} {
				for _, method := range []string{"GET", "POST", "DELETE"} {
					if r := y.Call(t, method, "/"+u.ShortURL+"~d"+wrong, nil); r.Status != 403 {
						t.Errorf("%s %q: %d", method, wrong, r.Status)
					}
				}
			}
			ask := y.Call(t, "GET", u.DeleteURL, nil).Want(t, 200)
			if !strings.Contains(string(ask.Body), `method="post"`) {
				t.Error("it does not ask")
			}
			y.Call(t, "HEAD", u.DeleteURL, nil).Want(t, 200)
			equal(t, "status", y.File(t, u.FileID).Status, "active")
			y.Call(t, "POST", u.DeleteURL, nil).Want(t, 200)
			y.Ask(t, "/file/info", "file_id", u.FileID).Regrets(t, 200, yetiNoFile)
			y.Call(t, "GET", "/"+u.ShortURL+"~i", nil).Want(t, 404)
			y.Call(t, "POST", u.DeleteURL, nil).Want(t, 404)
		}},
		{says: "delete_type DELETE works on delete_url", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u, other := y.Upload(t, "f", "content"), y.Upload(t, "g", "content")
			y.Call(t, u.DeleteType, "/"+other.ShortURL+"~d?"+u.DeleteHash, nil).Want(t, 403)
			y.Call(t, u.DeleteType, u.DeleteURL, nil).Want(t, 200)
			equal(t, "what is left", filesOf(y.List(t, "")), "g")
		}},
		{says: "links stay when a file is renamed and moved", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f", "content")
			url := fmt.Sprint(yetiData(t, y.Ask(t, "/file/download", "file_id", u.FileID))["download_url"])
			y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "other.txt", "folder_id", y.Folder(t, "d", "").ID).Want(t, 200)
			equal(t, "content", string(y.Call(t, "GET", url, nil).Want(t, 200).Body), "content")
			y.Call(t, "GET", u.InfoURL, nil).Want(t, 200)
			y.Call(t, "POST", u.DeleteURL, nil).Want(t, 200)
		}},
	}
}

// yetiShareRules: /folder/{id}/{name} and /search.
func yetiShareRules() []rule {
	page := func(y *harness.Yetishare, f harness.YetiFolder) string { return strings.TrimPrefix(f.URLFolder, y.URL) }
	return []rule{
		{says: "a private folder's page is 404, as that of none", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			f := y.Folder(t, "secret folder", "")
			private, none := y.Call(t, "GET", page(y, f), nil).Want(t, 404), y.Call(t, "GET", "/folder/999999999/secret_folder", nil).Want(t, 404)
			sameAnswer(t, "private", private, none)
		}},
		{says: "a public or unlisted folder's page lists its files with their URLs; the name in the path does not count", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, public := range []string{"1", "2"} {
				f := y.Folder(t, "shared "+public, "", "is_public", public)
				u := y.Upload(t, "in "+public+".txt", "x", "folder_id", f.ID)
				y.Folder(t, "hidden inner", f.ID)
				for _, path := range []string{page(y, f), "/folder/" + f.ID, "/folder/" + f.ID + "/whatever"} {
					body := string(y.Call(t, "GET", path, nil).Want(t, 200).Body)
					if !strings.Contains(body, "in "+public+".txt") || !strings.Contains(body, u.ShortURL) || strings.Contains(body, "hidden inner") {
						t.Errorf("%s: %s", path, body)
					}
				}
			}
		}},
		{says: "a protected folder shows a form and nothing of what is in it until the password is there", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			f := y.Folder(t, "guarded", "", "is_public", "1", "access_password", md5Of([]byte("open sesame")))
			y.Upload(t, "treasure.txt", "x", "folder_id", f.ID)
			locked := string(y.Call(t, "GET", page(y, f), nil).Want(t, 200).Body)
			if strings.Contains(locked, "treasure") || !strings.Contains(locked, `name="password"`) {
				t.Error("it is open")
			}
			for _, wrong := range []string{"", "Open Sesame", md5Of([]byte("open sesame")), text(y.FolderInfo(t, f.ID).AccessPassword)} {
				r := y.Call(t, "POST", page(y, f), "password="+url.QueryEscape(wrong), "Content-Type", formKind)
				if r.Status < 400 || strings.Contains(string(r.Body), "treasure") || r.Header.Get("Set-Cookie") != "" {
					t.Errorf("%q: %d", wrong, r.Status)
				}
			}
			r := y.Call(t, "POST", page(y, f), "password=open+sesame", "Content-Type", formKind)
			if r.Status/100 != 3 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			cookie := cookiesOf(r)
			if open := string(y.Call(t, "GET", page(y, f), nil, "Cookie", cookie).Want(t, 200).Body); !strings.Contains(open, "treasure.txt") {
				t.Error("it stays closed")
			}
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "access_password", md5Of([]byte("another"))).Want(t, 200)
			if again := string(y.Call(t, "GET", page(y, f), nil, "Cookie", cookie).Want(t, 200).Body); strings.Contains(again, "treasure") {
				t.Error("a new password leaves it open")
			}
		}},
		{says: "a folder in the trash has no page, and one that becomes private neither", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			f := y.Folder(t, "f", "", "is_public", "2")
			inner := y.Folder(t, "inner", f.ID, "is_public", "2")
			y.Call(t, "GET", page(y, f), nil).Want(t, 200)
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "is_public", "0").Want(t, 200)
			y.Call(t, "GET", page(y, f), nil).Want(t, 404)
			y.Call(t, "GET", page(y, inner), nil).Want(t, 200)
			y.Ask(t, "/folder/delete", "folder_id", f.ID).Want(t, 200)
			y.Call(t, "GET", page(y, inner), nil).Want(t, 404)
		}},
		{says: "search finds public folders and their files, by page and as JSON, and nothing else", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			word := "zq" + strings.ToLower(y.ID) + "xylophone"
			public, unlisted := y.Folder(t, word+" public", "", "is_public", "2"), y.Folder(t, word+" unlisted", "", "is_public", "1")
			guarded := y.Folder(t, word+" guarded", "", "is_public", "2", "access_password", strings.Repeat("a", 32))
			y.Upload(t, word+" found.txt", "x", "folder_id", public.ID)
			for _, dir := range []string{unlisted.ID, "", guarded.ID} {
				y.Upload(t, word+" hidden.txt", "x", "folder_id", dir)
			}
			var found struct {
				Results []struct{ Type, Name, URL string }
			}
			names := func() string {
				found.Results = nil
				y.Call(t, "GET", "/search?format=json&q="+word, nil).Want(t, 200).JSON(t, &found)
				var all []string
				for _, r := range found.Results {
					all = append(all, r.Type+" "+strings.TrimPrefix(r.Name, word+" "))
				}
				return fmt.Sprint(len(all), strings.Contains(fmt.Sprint(all), "folder public"), strings.Contains(fmt.Sprint(all), "file found.txt"), strings.Contains(fmt.Sprint(all), "folder guarded"))
			}
			eventually(t, "what is public is found", func() bool { return names() == "3 true true true" })
			html := string(y.Call(t, "GET", "/search?q="+word, nil).Want(t, 200).Body)
			if !strings.Contains(html, word+" found.txt") || strings.Contains(html, word+" hidden") || strings.Contains(html, word+" unlisted") {
				t.Error("the page finds something else")
			}
			y.Ask(t, "/folder/edit", "folder_id", public.ID, "is_public", "0").Want(t, 200)
			eventually(t, "what is private is not", func() bool { return strings.HasPrefix(names(), "1") })
		}},
		{says: "search takes whatever is typed", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, q := range []string{"", " ", "<script>alert(1)</script>", "' OR 1=1 --", "%00", "ä日本", strings.Repeat("word ", 30), strings.Repeat("x", 150), ".*", "$where"} {
				r := y.Call(t, "GET", "/search?q="+url.QueryEscape(q), nil).Want(t, 200)
				if strings.Contains(string(r.Body), "<script>alert") {
					t.Errorf("%q is not escaped", q)
				}
				if a := y.Call(t, "GET", "/search?format=json&q="+url.QueryEscape(q), nil).Want(t, 200); !json.Valid(a.Body) {
					t.Errorf("%q: %s", q, a.Body)
				}
			}
			for _, bad := range []string{"?q=x&format=xml", "?format=json&q=" + strings.Repeat("x", 5000), "?format=json&q=x&after=nothing%20of%20ours"} {
				if r := y.Call(t, "GET", "/search"+bad, nil); r.Status != 400 {
					t.Errorf("%.40s: %d %.200s", bad, r.Status, r.Body)
				}
			}
		}},
	}
}
