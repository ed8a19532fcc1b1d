package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// hostileNames are names of files and folders, and what becomes of them.
func hostileNames() map[string]string {
	long := strings.Repeat("ä", 127) // 254 bytes
	return map[string]string{
		`it's "quoted".txt`: `it's "quoted".txt`, `<img src=x onerror=alert(1)>.txt`: `<img src=x onerror=alert(1)>.txt`, "a&amp;b;c=d.txt": "a&amp;b;c=d.txt",
		"日本語 ☃ 👩‍👩‍👧.txt": "日本語 ☃ 👩‍👩‍👧.txt", "%2e%2e%2f.txt": "%2e%2e%2f.txt", "new\nline.txt": "newline.txt", "back\\slash.txt": "back\\slash.txt", "plus+and space.txt": "plus+and space.txt",
		"*?:|.txt": "*?:|.txt", "null": "null", "$HOME`id`": "$HOME`id`", long: long,
	}
}

// yetiNameRules: names with quotes, HTML, slashes, line ends, and long ones.
func yetiNameRules() []rule {
	return []rule{
		{says: "hostile names of files come back as they are, but for control characters, in every answer", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for name, want := range hostileNames() {
				u := y.Upload(t, "plain", "x")
				y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", name).Tells(t, "File successfully updated.")
				equal(t, "info", y.File(t, u.FileID).Filename, want)
				d := yetiData(t, y.Ask(t, "/file/download", "file_id", u.FileID))
				equal(t, "download", d["filename"], any(want))
				b := y.Call(t, "GET", fmt.Sprint(d["download_url"]), nil).Want(t, 200)
				if h := b.Header.Get("Content-Disposition"); strings.ContainsAny(h, "\r\n") || !strings.HasPrefix(h, "attachment") {
					t.Errorf("Content-Disposition %q", h)
				}
				for _, path := range []string{"", "~i", "~s"} {
					if page := string(y.Call(t, "GET", "/"+u.ShortURL+path, nil).Want(t, 200).Body); strings.Contains(page, "<img src=x") {
						t.Errorf("%s%s is not escaped", name, path)
					}
				}
			}
			equal(t, "files", len(y.List(t, "").Files), len(hostileNames()))
		}},
		{says: "hostile names of uploads, too", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for name, want := range hostileNames() {
				if strings.ContainsAny(name, "\n") {
					continue // no part's header can have it
				}
				u := y.Upload(t, name, "x")
				equal(t, "name", u.Name, want)
				if strings.Contains(u.URLHTML, "<img") {
					t.Errorf("%s", u.URLHTML)
				}
			}
			equal(t, "of a path the last segment counts", y.Upload(t, "../../etc/passwd", "x").Name, "passwd")
			if n := y.Upload(t, strings.Repeat("日", 200)+".txt", "x").Name; len(n) > 255 || !strings.HasSuffix(n, ".txt") || !strings.HasPrefix(n, "日") {
				t.Errorf("%d bytes: %s", len(n), n)
			}
		}},
		{says: "hostile names of folders, on their pages as well", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for name, want := range hostileNames() {
				f := y.Folder(t, name, "", "is_public", "1")
				equal(t, "folderName", f.Name, want)
				equal(t, "info", y.FolderInfo(t, f.ID).Name, want)
				if strings.ContainsAny(strings.TrimPrefix(f.URLFolder, y.URL), "<>\" \n") {
					t.Errorf("url_folder %s", f.URLFolder)
				}
				if page := string(y.Call(t, "GET", f.URLFolder, nil).Want(t, 200).Body); strings.Contains(page, "<img src=x") {
					t.Errorf("%s is not escaped", name)
				}
				u := y.Upload(t, "f", "x", "folder_id", f.ID)
				l := yetiLockr(y)
				equal(t, "WebDAV", string(l.Call(t, "GET", "/dav/"+y.Username+"/"+url.PathEscape(want)+"/f", nil).Want(t, 200).Body), "x")
				equal(t, "folderId", text(y.File(t, u.FileID).FolderID), f.ID)
			}
		}},
		{says: "a slash in a name becomes _, and makes no folder", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			equal(t, "folderName", y.Folder(t, "AC/DC", "").Name, "AC_DC")
			u := y.Upload(t, "f", "x")
			y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "a/../../b").Want(t, 200)
			equal(t, "filename", y.File(t, u.FileID).Filename, "a_.._.._b")
			equal(t, "folders", foldersOf(y.List(t, "")), "AC_DC")
		}},
		{says: "a folder's depth has an end, which is told", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			at := ""
			for range 120 {
				r := y.Ask(t, "/folder/create", "folder_name", "d", "parent_id", at)
				if r.Status == 400 {
					if members(t, r.Body) != "status response _status _datetime" {
						t.Errorf("%s", r.Body)
					}
					return
				}
				at = fmt.Sprint(yetiData(t, r)["id"])
			}
			t.Error("120 folders deep")
		}},
	}
}

// yetiOneRules: the files are the account's files: lockr's, lockwell's drive,
// WebDAV's.
func yetiOneRules() []rule {
	return []rule{
		{says: "an upload here is lockr's file, WebDAV's and an object of the drive", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			d := y.Folder(t, "docs", "")
			y.Upload(t, "a.txt", "content", "folder_id", d.ID)
			l := c.Lockr()
			f := files(t, l, "").Files[0]
			equal(t, "lockr's name", f.Name, "a.txt")
			equal(t, "lockr's bytes", string(l.Download(t, f.ID, "").Want(t, 200).Body), "content")
			equal(t, "WebDAV", string(l.Call(t, "GET", "/dav/"+c.Username+"/docs/a.txt", nil).Want(t, 200).Body), "content")
			equal(t, "the drive", string(c.Get(t, "drive", "docs/a.txt", nil).Want(t, 200).Body), "content")
		}},
		{says: "what others put there is here, folders too, with ids and short URLs", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			l := c.Lockr()
			l.Upload(t, "by lockr", "1")
			l.Call(t, "MKCOL", "/dav/"+c.Username+"/made", nil).Want(t, 201)
			l.Call(t, "PUT", "/dav/"+c.Username+"/made/by%20dav", "2").Want(t, 201)
			c.Put(t, "drive", "deep/er/by lockwell", "3", nil).Want(t, 201)
			root := y.List(t, "")
			equal(t, "files", filesOf(root), "by lockr")
			equal(t, "folders", foldersOf(root), "deep|made")
			for _, f := range append(append(root.Files, y.List(t, root.Folders[1].ID).Files...), y.List(t, y.List(t, root.Folders[0].ID).Folders[0].ID).Files...) {
				matches(t, "id", f.ID, `[1-9][0-9]*`)
				matches(t, "shortUrl", f.ShortURL, `[A-Za-z0-9]{6,}`)
				y.Call(t, "GET", f.URLFile, nil).Want(t, 200)
				equal(t, "size", len(yetiDownload(t, y, f.ID).Body), 1)
			}
		}},
		{says: "a rename, a move and a deletion by any is seen by all", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			l := c.Lockr()
			dav := "/dav/" + c.Username + "/"
			d := y.Folder(t, "d", "")
			u := y.Upload(t, "f", "content")
			l.Call(t, "MOVE", dav+"f", nil, "Destination", dav+"d/g").Want(t, 201)
			f := y.File(t, u.FileID)
			equal(t, "moved by WebDAV", f.Filename+" "+text(f.FolderID), "g "+d.ID)
			y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "h").Want(t, 200)
			y.Ask(t, "/folder/edit", "folder_id", d.ID, "folder_name", "e").Want(t, 200)
			equal(t, "renamed here", string(l.Call(t, "GET", dav+"e/h", nil).Want(t, 200).Body), "content")
			l.Call(t, "GET", dav+"d/g", nil).Want(t, 404)
			c.Get(t, "drive", "e/h", nil).Want(t, 200)
			equal(t, "lockr's id stays", len(files(t, l, "").Files), 1)
			c.Call(t, "DELETE", harness.ObjectPath("drive", "e/h"), nil).Want(t, 204)
			y.Ask(t, "/file/info", "file_id", u.FileID).Regrets(t, 200, yetiNoFile)
			l.Call(t, "DELETE", dav+"e", nil).Want(t, 204)
			y.Ask(t, "/folder/info", "folder_id", d.ID).Regrets(t, 200, yetiNoFolder)
		}},
		{says: "what is in the trash is seen by none, its name is free, and restored it is back for all", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			l := c.Lockr()
			dav := "/dav/" + c.Username + "/"
			d := y.Folder(t, "d", "")
			y.Upload(t, "f", "content", "folder_id", d.ID)
			f := files(t, l, "").Files[0]
			y.Ask(t, "/folder/delete", "folder_id", d.ID).Want(t, 200)
			l.Download(t, f.ID, "").Want(t, 404)
			l.Call(t, "GET", dav+"d/f", nil).Want(t, 404)
			c.Get(t, "drive", "d/f", nil).Want(t, 404)
			equal(t, "objects", len(c.ListAll(t, "drive")), 0)
			equal(t, "lockr's", len(files(t, l, "").Files), 0)
			l.Call(t, "MKCOL", dav+"d", nil).Want(t, 201)
			trash := string(l.Call(t, "GET", "/account/trash", nil).Want(t, 200).Body)
			_, rest, ok := strings.Cut(trash, `name="node.`)
			id, _, _ := strings.Cut(rest, `"`)
			if !ok {
				t.Fatalf("the trash shows nothing: %s", trash)
			}
			if r := l.Call(t, "POST", "/account/selected", "do=restore&node."+id+"=1", "Content-Type", formKind); r.Status/100 != 3 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			back := y.FolderInfo(t, d.ID)
			equal(t, "its file", filesOf(y.List(t, d.ID)), "f")
			if back.Name == "d" {
				t.Error("two folders have one name")
			}
			equal(t, "WebDAV", string(l.Call(t, "GET", dav+url.PathEscape(back.Name)+"/f", nil).Want(t, 200).Body), "content")
			l.Download(t, f.ID, "").Want(t, 200)
		}},
		{says: "quota is one, whoever uploads", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			y.Upload(t, "a", make([]byte, 1000))
			c.Lockr().Upload(t, "b", make([]byte, 200))
			c.Put(t, "drive", "c", make([]byte, 30), nil).Want(t, 201)
			eventually(t, "all of it is counted", func() bool {
				var a struct{ Used int64 }
				c.Lockr().Call(t, "GET", "/api/v1/account", nil).Want(t, 200).JSON(t, &a)
				return yetiData(t, y.Ask(t, "/account/package"))["storage_used_bytes"] == "1230"
			})
		}},
		{says: "a file with a lockr phrase keeps it on its short URL", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			c.Lockr().Upload(t, "locked", "secret-bytes", "x-key-hash", harness.KeyHash("phrase"))
			f := y.List(t, "").Files[0]
			for _, r := range []harness.Response{y.Call(t, "GET", "/"+f.ShortURL, nil), y.Call(t, "POST", "/"+f.ShortURL, "", "Content-Type", formKind), y.Call(t, "POST", "/"+f.ShortURL, "key=guess", "Content-Type", formKind)} {
				if r.Status/100 == 3 || strings.Contains(string(r.Body), "secret-bytes") {
					t.Errorf("%d", r.Status)
				}
			}
			r := y.Call(t, "POST", "/"+f.ShortURL, "key=phrase", "Content-Type", formKind)
			equal(t, "by the phrase", r.Status/100, 3)
		}},
		{says: "an account that is deleted takes all of it: tokens, files, links, folders, search", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			d := y.Folder(t, "shared", "", "is_public", "2")
			u := y.Upload(t, "f", "x", "folder_id", d.ID)
			c.Lockr().Call(t, "POST", "/api/v1/account/delete", object{"password": password(c.Username)}).Want(t, 204)
			eventually(t, "the token ends", func() bool { return strings.Contains(string(y.Ask(t, "/account/info").Body), yetiReauth) })
			eventually(t, "links end", func() bool {
				return y.Call(t, "GET", "/"+u.ShortURL, nil).Status == 404 && y.Call(t, "GET", d.URLFolder, nil).Status == 404
			})
		}},
	}
}

// yetiFetchRules: /file/url_upload_add and /file/url_upload_status.
func yetiFetchRules() []rule {
	comesTo := func(t *testing.T, y *harness.Yetishare, id, status string) (f object) {
		t.Helper()
		eventually(t, "it is "+status, func() bool {
			f = yetiData(t, y.Ask(t, "/file/url_upload_status", "url_upload_id", id))
			return f["status"] == status
		})
		return f
	}
	add := func(t *testing.T, y *harness.Yetishare, pairs ...string) string {
		t.Helper()
		return fmt.Sprint(yetiData(t, y.Ask(t, "/file/url_upload_add", pairs...))["url_upload_id"])
	}
	return []rule{
		{says: "a remote URL becomes a file in the folder, under the name that its host gives it", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			body := randomBytes(t, 300_000)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/named") {
					w.Header().Set("Content-Disposition", `attachment; filename="x.bin"; filename*=UTF-8''%e2%82%ac%20rates.bin`)
				}
				_, _ = w.Write(body)
			}))
			defer s.Close()
			d := y.Folder(t, "d", "")
			plain, named := add(t, y, "url", s.URL+"/some/file.bin?x=1"), add(t, y, "url", s.URL+"/named", "folder_id", d.ID)
			f := comesTo(t, y, plain, "complete")
			equal(t, "file", filesOf(y.List(t, "")), "file.bin")
			equal(t, "percent", f["download_percent"], any("100"))
			equal(t, "MD5", md5Of(yetiDownload(t, y, fmt.Sprint(f["file_id"])).Body), md5Of(body))
			equal(t, "folder_id", comesTo(t, y, named, "complete")["folder_id"], any(d.ID))
			equal(t, "in the folder", filesOf(y.List(t, d.ID)), "€ rates.bin")
			equal(t, "lockr's", len(files(t, yetiLockr(y), "").Files), 2)
		}},
		{says: "what is not there has failed, and says why; nothing is stored", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			s := httptest.NewServer(http.NotFoundHandler())
			defer s.Close()
			f := comesTo(t, y, add(t, y, "url", s.URL+"/gone"), "failed")
			equal(t, "notes", f["notes"], any("the address answered with status 404"))
			equal(t, "file_id", f["file_id"], any(nil))
			equal(t, "in the root", filesOf(y.List(t, "")), "")
		}},
		{says: "addresses inside, other schemes and no addresses are refused, also behind a redirect", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, bad := range []string{"http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1/", "ftp://x.test/a", "file:///etc/passwd", "gopher://x/", "no url", "http://", "http://user:pw@", "javascript:alert(1)", "http://x.test/" + strings.Repeat("a", 5000)} {
				r := y.Ask(t, "/file/url_upload_add", "url", bad)
				if strings.Contains(string(r.Body), `"success"`) || members(t, r.Body) != "status response _status _datetime" {
					t.Errorf("%.60s: %d %s", bad, r.Status, r.Body)
				}
			}
			s := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data", http.StatusFound))
			defer s.Close()
			comesTo(t, y, add(t, y, "url", s.URL), "failed")
		}},
		{says: "another account's job is not there", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			s := httptest.NewServer(http.NotFoundHandler())
			defer s.Close()
			id := add(t, y, "url", s.URL+"/x")
			g.yeti(t).Ask(t, "/file/url_upload_status", "url_upload_id", id).Regrets(t, 200, "Could not find url upload based on url_upload_id.")
			comesTo(t, y, id, "failed")
		}},
		{says: "max_remote_download_urls of an account may be under way, not more", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			held := make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-held:
				case <-r.Context().Done():
				}
			}))
			defer s.Close()
			defer close(held)
			refused := false
			for range 60 {
				if r := y.Ask(t, "/file/url_upload_add", "url", s.URL+"/held"); !strings.Contains(string(r.Body), `"success"`) {
					refused = true
					equal(t, "members", members(t, r.Body), "status response _status _datetime")
					break
				}
			}
			equal(t, "refused", refused, true)
		}},
	}
}
