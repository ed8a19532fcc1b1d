package e2e_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// plikDefectRules: what stands in the brackets of plik-wire.md 17.
func plikDefectRules() []rule {
	return []rule{
		{says: "17.1: of 50 GETs of a one-shot file exactly one is 200, the rest 404 without a byte", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			content := string(randomBytes(t, 8<<20))
			u, f := p.Stored(t, object{"oneShot": true}, "a", content)
			var won, lost atomic.Int64
			parallel(t, 50, func(int) {
				r, err := p.Try(t.Context(), "GET", u.Path(f), nil)
				says := strings.TrimSuffix(string(r.Body), "\n")
				switch {
				case err == nil && r.Status == 200 && string(r.Body) == content:
					won.Add(1)
				case err == nil && r.Status == 404 && (says == unavailable(f, "removed") || says == unavailable(f, "deleted")):
					lost.Add(1)
				default:
					t.Errorf("%d, %d bytes, %.100q, %v", r.Status, len(r.Body), r.Body, err)
				}
			})
			if won.Load() != 1 || lost.Load() != 49 {
				t.Errorf("%d won, %d lost", won.Load(), lost.Load())
			}
			eventually(t, "it is deleted", func() bool { return plikStatus(t, p, u, f) == "deleted" })
		}},
		{says: "17.2: a stream's reader breaks off: the uploader fails, the entry is deleted", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "files": one("a")})
			f := u.Files[0]
			done := meanwhile(t, p, u, f, io.LimitReader(endless{}, 1<<30))
			eventually(t, "an uploader waits", func() bool { return plikStatus(t, p, u, f) == "uploading" })
			resp, err := p.Open(t.Context(), "GET", u.Path(f), nil)
			noError(t, "read", err)
			if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil || resp.StatusCode != 200 {
				t.Fatalf("%d %v", resp.StatusCode, err)
			}
			resp.Body.Close()
			// Not all of the body is read then, so the connection may break before the answer is seen.
			if r := <-done; r.Status != 500 && r.Status != 0 {
				t.Errorf("the uploader got %d %s", r.Status, r.Body)
			}
			eventually(t, "it is deleted", func() bool { return plikStatus(t, p, u, f) == "deleted" })
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "deleted"))
		}},
		{says: "17.3: a stream's uploader breaks off: the reader's connection breaks, the entry is deleted", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "files": append(one("a"), one("b")...)})
			f := u.Files[0]
			w, _ := slowly(t, p, u, f, strings.Repeat("x", 300_000))
			resp, err := p.Open(t.Context(), "GET", u.Path(f), nil)
			noError(t, "read", err)
			defer resp.Body.Close()
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("a clean end after %d bytes", n)
			}
			eventually(t, "it is deleted", func() bool { return plikStatus(t, p, u, f) == "deleted" })
			w, _ = slowly(t, p, u, u.Files[1], "x")
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
			eventually(t, "one that nobody read is deleted", func() bool { return plikStatus(t, p, u, u.Files[1]) == "deleted" })
		}},
		{says: "17.4: a stream that is one-shot is a normal stream", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "oneShot": true, "files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], nine)
			w.Close()
			reads(t, p, u, u.Files[0], nine)
			f := (<-done).Want(t, 200).PlikFile(t)
			if f.Status != "deleted" || f.Size != 9 || f.MD5 == "" {
				t.Errorf("%+v", f)
			}
		}},
		{says: "17.5: removing a stream that waits ends it with an error", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			file, whole := p.Create(t, object{"stream": true, "removable": true, "files": one("a")}), p.Create(t, object{"stream": true, "removable": true, "files": one("a")})
			w, done := slowly(t, p, file, file.Files[0], nine)
			defer w.Close()
			w2, done2 := slowly(t, p, whole, whole.Files[0], nine)
			defer w2.Close()
			p.Call(t, "DELETE", file.Path(file.Files[0]), nil).OK(t)
			p.Call(t, "DELETE", "/upload/"+whole.ID, nil).OK(t)
			fails(t, done)
			fails(t, done2)
			equal(t, "status", plikStatus(t, p, file, file.Files[0]), "deleted")
		}},
		{says: "17.6: an empty file has its real size and no type, whatever was announced", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": []object{{"fileName": "a", "fileSize": 77, "fileType": "image/gif"}}})
			equal(t, "announced", u.Files[0].Size, 77)
			equal(t, "announced", u.Files[0].Type, "image/gif")
			p.Fill(t, u, u.Files[0], "").Want(t, 200)
			f := p.Get(t, u.ID).Files[0]
			if f.Size != 0 || f.Type != "" || f.Status != "uploaded" || f.MD5 != "d41d8cd98f00b204e9800998ecf8427e" {
				t.Errorf("%+v", f)
			}
			r := reads(t, p, u, f, "")
			equal(t, "type", r.Header.Get("Content-Type"), "application/octet-stream")
		}},
		{says: "17.7: the Authorization of a protected upload's answer lets one in, without a login too", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"password": "p:w d"}).Want(t, 200)
			auth := r.Header.Get("Authorization")
			equal(t, "header", auth, "Basic "+base64.StdEncoding.EncodeToString([]byte("plik:p:w d")))
			p.Call(t, "GET", "/upload/"+r.PlikUpload(t).ID, nil, "Authorization", auth).Want(t, 200)
		}},
		{says: "17.8: lists leave login and password out and keep uploadToken, user, token, uploadIp", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			token := userToken(t, me)
			u := token.Create(t, object{"login": "foo", "password": "bar"})
			for _, r := range []harness.Response{
				me.Call(t, "GET", "/me/uploads", nil).Want(t, 200), g.operator(t, p).Call(t, "GET", "/uploads?user="+url.QueryEscape(id), nil).Want(t, 200),
			} {
				var page struct{ Results []harness.PlikUpload }
				r.JSON(t, &page)
				if len(page.Results) != 1 {
					t.Fatalf("%s", r.Body)
				}
				got := page.Results[0]
				if got.UploadToken != u.UploadToken || got.User != id || got.Token != token.Token || got.UploadIP != "127.0.0.1" || !got.ProtectedByPassword ||
					strings.Contains(string(r.Body), `"login"`) || strings.Contains(string(r.Body), `"password"`) || strings.Contains(string(r.Body), "foo") || got.Admin || got.DownloadDomain != "" {
					t.Errorf("%s", r.Body)
				}
			}
		}},
		{says: "17.9: one's own maxUserSize is not for oneself to raise", check: func(t *testing.T, g *ground) {
			me, id := g.someone(t, g.plik(t))
			for _, limit := range []string{"maxUserSize", "maxFileSize", "maxTTL"} {
				for _, v := range []int{1, -1, 1 << 50} {
					me.Call(t, "POST", "/user/"+id, object{"id": id, limit: v}).Says(t, 403, "can't edit your own quota, nice try!")
				}
			}
		}},
		{says: "17.10: a file of another upload is 404", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			mine := p.Create(t, object{"removable": true})
			other, f := p.Stored(t, nil, "a", nine)
			says := "file " + f.ID + " not found"
			for _, method := range []string{"GET", "DELETE"} {
				p.Call(t, method, mine.Path(f), nil).Says(t, 404, says)
			}
			p.Admin(mine).Post(t, mine.Path(f), "a", nine).Says(t, 404, says)
			reads(t, p, other, f, nine)
		}},
		{says: "17.11: a bad paging parameter is one 400, and no page follows", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, op := g.operator(t, p), g.operator(t, p)
			for _, path := range []string{"/me/token", "/me/uploads", "/users", "/uploads"} {
				for query, says := range map[string]string{
					"limit=x": "invalid limit", "limit=0": "invalid limit", "limit=-1": "invalid limit", "order=up": "invalid order", "after=x&before=y": "both before and after cursors set",
				} {
					r := me.Call(t, "GET", path+"?"+query, nil)
					r.SaysLike(t, 400, says)
					equal(t, "lines of "+path+query, strings.Count(string(r.Body), "\n"), 1)
				}
				op.Call(t, "GET", path, nil, "X-Plik-Paging", "{nonsense").SaysLike(t, 400, "invalid paging header")
			}
		}},
		{says: "17.12: a bad cursor, a duplicate user, files:[null] are 400; logging out without authentication 200", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			op := g.operator(t, p)
			for _, path := range []string{"/me/token", "/me/uploads", "/users", "/uploads", "/uploads?sort=size"} {
				sep := "?"
				if strings.Contains(path, "?") {
					sep = "&"
				}
				for _, cursor := range []string{"x", "%00", "W10%3D", "WzEsMl0%3D", "e30%3D", "WyJhIiwiYiIsImMiXQ%3D%3D"} {
					for _, param := range []string{"after=", "before="} {
						op.Call(t, "GET", path+sep+param+cursor, nil).SaysLike(t, 400, "")
					}
				}
			}
			name := uniqueLogin()
			op.Call(t, "POST", "/user", object{"provider": "local", "login": name, "password": "long enough"}).Want(t, 200)
			if r := op.Call(t, "POST", "/user", object{"provider": "local", "login": name, "password": "long enough"}); r.Status != 400 && r.Status != 409 {
				t.Errorf("a duplicate: %d %s", r.Status, r.Body)
			}
			for _, body := range []string{`{"files":[null]}`, `{"files":{"0":null}}`} {
				p.Call(t, "POST", "/upload", body).SaysLike(t, 400, "unable to ")
			}
			g.edges.off.Call(t, "GET", "/auth/logout", nil).Want(t, 200)
		}},
		{says: "17.13: createdAt of a new token is now", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			var tok struct {
				Token, Comment string
				CreatedAt      time.Time
			}
			me.Call(t, "POST", "/me/token", object{"comment": "c", "token": "mine", "createdAt": "2001-01-01T00:00:00Z"}).Want(t, 200).JSON(t, &tok)
			if tok.Comment != "c" || tok.Token == "mine" || time.Since(tok.CreatedAt).Abs() > time.Minute {
				t.Errorf("%+v", tok)
			}
		}},
		{says: "17.14: the Location of a redirect is encoded", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			path := "/file/no%20such%26id/x/a%20%26%20%23b?dl=1&x=y%20z"
			r := p.Call(t, "GET", path, nil, "User-Agent", "Mozilla/5.0").Want(t, 301)
			query, found := strings.CutPrefix(r.Header.Get("Location"), "/#/?")
			q, err := url.ParseQuery(query)
			if !found || err != nil || q.Get("err") != "upload no such&id not found" || q.Get("errcode") != "404" || q.Get("uri") != path || strings.ContainsAny(query, " \"<>#") {
				t.Errorf("%q: %v %v", r.Header.Get("Location"), q, err)
			}
		}},
		{says: "17.15: with dl it is attachment, the name escaped and as filename*", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, `we"ird ü\.txt`, nine)
			h := p.Call(t, "GET", u.Path(f)+"?dl=0", nil).Want(t, 200).Header.Get("Content-Disposition")
			if !strings.HasPrefix(h, `attachment; filename="`) || !strings.Contains(h, "filename*=UTF-8''we%22ird%20%C3%BC%5C.txt") || strings.Contains(h, "attachement") {
				t.Errorf("%q", h)
			}
			for i := range len(h) {
				if h[i] < ' ' || h[i] > '~' {
					t.Errorf("a raw byte in %q", h)
				}
			}
			h = p.Call(t, "GET", u.Path(f)+"?dl=", nil).Want(t, 200).Header.Get("Content-Disposition")
			if !strings.HasPrefix(h, `filename="`) {
				t.Errorf("an empty dl: %q", h)
			}
		}},
		{says: "17.16: in the old format the creator is admin", check: func(t *testing.T, g *ground) {
			var u struct {
				Admin bool
			}
			g.plik(t).Call(t, "POST", "/upload", `{"files":{"0":{"fileName":"a"}}}`).Want(t, 200).JSON(t, &u)
			equal(t, "admin", u.Admin, true)
		}},
		{says: "17.19: the cookie of an OVH log-in lives 300 seconds", check: func(t *testing.T, g *ground) {
			r := g.edges.people.Call(t, "GET", "/auth/ovh/login", nil, "Referer", "http://x.test/").Want(t, 200)
			c := cookie(t, r, "plik-ovh-session")
			if c.MaxAge != 300 || !c.HttpOnly || c.Path != "/" || c.Value == "" {
				t.Errorf("%+v", c)
			}
		}},
		{says: "17.20: the limit of files holds against posts at once", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, nil)
			var ok atomic.Int64
			parallel(t, 12, func(i int) {
				if p.Add(t, u, fmt.Sprint(i), "x").Status == 200 {
					ok.Add(1)
				}
			})
			equal(t, "taken", ok.Load(), tightEntries)
			equal(t, "entries", len(p.Get(t, u.ID).Files), tightEntries)
		}},
		{says: "17.22: a log-out ends the session", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			me.Call(t, "GET", "/me", nil).Want(t, 200)
			me.Call(t, "GET", "/auth/logout", nil).Want(t, 200)
			eventually(t, "the session has ended", func() bool { return me.Call(t, "GET", "/me", nil).Status == 403 })
		}},
	}
}

// fails wants that an uploader is told within 15 s that it failed.
func fails(t *testing.T, done <-chan harness.Response) {
	t.Helper()
	select {
	case r := <-done:
		r.Says(t, 500, "internal server error")
	case <-time.After(15 * time.Second):
		t.Error("the uploader still waits")
	}
}

// endless gives bytes for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// cookie that an answer sets.
func cookie(t *testing.T, r harness.Response, name string) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s: %v", name, r.Header)
	return nil
}
