package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// compact wants JSON on one line without a space outside of strings, and no
// newline at its end.
func compact(t *testing.T, r harness.Response) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, r.Body); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	if !bytes.Equal(b.Bytes(), r.Body) {
		t.Errorf("not compact: %q", r.Body)
	}
}

var isTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

// plikMustRules: every statement of plik-wire.md that is marked must.
func plikMustRules() []rule {
	return []rule{
		{says: "1: success is always status 200", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "files": one("a")})
			f := p.Fill(t, u, u.Files[0], nine).Want(t, 200).PlikFile(t)
			more := p.Add(t, u, "b", nine).Want(t, 200).PlikFile(t)
			for _, r := range []harness.Response{
				p.Call(t, "GET", "/upload/"+u.ID, nil), p.Call(t, "GET", u.Path(f), nil), p.Call(t, "HEAD", u.Path(f), nil),
				p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil), p.Call(t, "DELETE", u.Path(more), nil), p.Call(t, "DELETE", "/upload/"+u.ID, nil),
				p.Call(t, "GET", "/config", nil), p.Call(t, "GET", "/version", nil), p.Call(t, "GET", "/health", nil), p.Call(t, "GET", "/qrcode?url=x", nil),
				p.Post(t, "/", "quick", nine), p.Call(t, "GET", "/auth/logout", nil),
			} {
				r.Want(t, 200)
			}
		}},
		{says: "1: JSON is compact, on one line", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"comments": "a <b> & c", "files": one("a")}).Want(t, 200)
			compact(t, r)
			u := r.PlikUpload(t)
			compact(t, p.Fill(t, u, u.Files[0], nine))
			compact(t, p.Add(t, u, "b", nine))
			me, _ := g.someone(t, p)
			for _, path := range []string{"/upload/" + u.ID, "/config", "/version", "/me", "/me/token", "/me/uploads", "/me/stats"} {
				compact(t, me.Call(t, "GET", path, nil).Want(t, 200))
			}
		}},
		{says: "1: no other key of a creation's or a file's answer holds the letters id", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", `{ "OneShot" : false, "Removable" : false, "Ttl" : 0 }`).Want(t, 200)
			for _, r := range []harness.Response{r, p.Add(t, r.PlikUpload(t), "a", nine)} {
				// What the bash client does: pieces between commas that hold "id".
				var found []string
				for piece := range strings.SplitSeq(string(r.Body), ",") {
					if key, _, _ := strings.Cut(piece, ":"); strings.Contains(key, "id") {
						found = append(found, piece)
					}
				}
				if len(found) != 1 {
					t.Errorf("%q in %s", found, r.Body)
				}
			}
		}},
		{says: "1: GET /not_found and any unknown path are 404", check: func(t *testing.T, g *ground) {
			for _, path := range []string{"/not_found", "/upload", "/upload/", "/file", "/file/a", "/file/a/b", "/archive/a", "/me/x", "/auth/local", "/config/", "/uploads/x", "/stream/a"} {
				notFound(t, g.plik(t).Call(t, "GET", path, nil))
			}
		}},
		{says: "1: keys of requests are matched without regard to case, whatever the Content-Type", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, contentType := range []string{"", "application/x-www-form-urlencoded", "text/xml", "application/json", "nonsense"} {
				r := p.Call(t, "POST", "/upload", `{ "OneShot" : true, "REMOVABLE" : true, "Ttl" : 60, "Comments":"c", "FILES":[{"FILENAME":"a","Reference":"7"}] }`, "Content-Type", contentType)
				u := r.Want(t, 200).PlikUpload(t)
				if !u.OneShot || !u.Removable || u.TTL != 60 || u.Comments != "c" || len(u.Files) != 1 || u.Files[0].Name != "a" || u.Files[0].Reference != "7" {
					t.Errorf("%q: %s", contentType, r.Body)
				}
			}
		}},
		{says: "1: chunked request bodies are taken", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Call(t, "POST", "/upload", io.MultiReader(strings.NewReader(`{"ttl":60,"files":[{"fileName":"a"}]}`))).Want(t, 200).PlikUpload(t)
			equal(t, "ttl", u.TTL, 60)
			reads(t, p, u, p.Fill(t, u, u.Files[0], nine).Want(t, 200).PlikFile(t), nine)
		}},
		{says: "1: times are RFC 3339 in UTC, and a missing one is null", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, ttl := range []int{60, 0} {
				var u struct {
					CreatedAt string
					ExpireAt  *string
					Files     []struct{ CreatedAt string }
				}
				p.Call(t, "POST", "/upload", object{"ttl": ttl, "files": one("a")}).Want(t, 200).JSON(t, &u)
				if !isTime.MatchString(u.CreatedAt) || u.ExpireAt == nil || !isTime.MatchString(*u.ExpireAt) || !isTime.MatchString(u.Files[0].CreatedAt) {
					t.Errorf("%+v", u)
				}
			}
			r := g.operator(t, p).Call(t, "POST", "/user", object{"provider": "local", "login": uniqueLogin(), "password": "long enough", "maxTTL": -1}).Want(t, 200)
			var user struct{ ID, Login, CreatedAt string }
			r.JSON(t, &user)
			if !isTime.MatchString(user.CreatedAt) {
				t.Errorf("%s", r.Body)
			}
			r = p.Login(t, user.Login, "long enough").Call(t, "POST", "/upload", object{"ttl": -1}).Want(t, 200)
			if !strings.Contains(string(r.Body), `"expireAt":null`) {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "2: /file and /stream are the same; the upload decides what streams", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": one("a")})
			path := strings.Replace(u.Path(u.Files[0]), "/file/", "/stream/", 1)
			f := p.Admin(u).Post(t, path, "a", nine).Want(t, 200).PlikFile(t)
			equal(t, "status", f.Status, "uploaded")
			equal(t, "read by /stream", string(p.Call(t, "GET", path, nil).Want(t, 200).Body), nine)
			equal(t, "length by /stream", p.Call(t, "HEAD", path, nil).Want(t, 200).Header.Get("Content-Length"), "9")
			reads(t, p, u, f, nine)
			s := p.Create(t, object{"stream": true, "files": one("a")})
			w, done := slowly(t, p, s, s.Files[0], nine)
			w.Close()
			equal(t, "a stream by /file", string(p.Call(t, "GET", s.Path(s.Files[0]), nil).Want(t, 200).Body), nine)
			equal(t, "status", (<-done).Want(t, 200).PlikFile(t).Status, "deleted")
		}},
		{says: "3: the provider's log-in needs a Referer, of which the callback is built", check: func(t *testing.T, g *ground) {
			p := g.edges.people
			for _, provider := range []string{"google", "ovh"} {
				path := "/auth/" + provider + "/login"
				p.Call(t, "GET", path, nil).Says(t, 400, "missing referer header")
				p.Call(t, "GET", path, nil, "Referer", "https://plik.example.test:8443/some/page").Want(t, 200)
			}
			r := p.Call(t, "GET", "/auth/google/login", nil, "Referer", "https://plik.example.test:8443/some/page").Want(t, 200)
			if got := queryOf(t, string(r.Body)).Get("redirect_uri"); got != "https://plik.example.test:8443/auth/google/callback" {
				t.Errorf("redirect_uri %q", got)
			}
		}},
		{says: "4.3: a file's reference is echoed exactly", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			refs := []string{"0", "29", "", " a b ", `"quoted\"`, "ünï✓", "<&>", strings.Repeat("r", 300)}
			files := []object{}
			for i, ref := range refs {
				files = append(files, object{"fileName": fmt.Sprint(i), "reference": ref})
			}
			u := p.Create(t, object{"files": files})
			for i, ref := range refs {
				equal(t, "created", u.Files[i].Reference, ref)
				equal(t, "uploaded", p.Fill(t, u, u.Files[i], nine).Want(t, 200).PlikFile(t).Reference, ref)
			}
			for i, f := range p.Get(t, u.ID).Files {
				equal(t, "read", f.Reference, refs[i])
			}
		}},
		{says: "6.2: what is not asked for in a creation is ignored, ids, tokens and states", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			mine := strings.Repeat("a", 16)
			r := p.Call(t, "POST", "/upload", object{
				"id": mine, "uploadToken": strings.Repeat("t", 32), "admin": false, "user": "local:admin", "token": "x", "uploadIp": "1.2.3.4", "downloadDomain": "http://x",
				"createdAt": "0001-01-01T00:00:00Z", "expireAt": "2001-01-01T00:00:00Z", "protectedByPassword": true, "nonsense": object{"a": []int{1}},
				"files": []object{{"id": mine, "fileName": "a", "status": "uploaded", "fileMd5": "x", "createdAt": "0001-01-01T00:00:00Z", "reference": "0"}},
			}).Want(t, 200)
			u := r.PlikUpload(t)
			f := u.Files[0]
			if u.ID == mine || strings.HasPrefix(u.UploadToken, "ttt") || !u.Admin || u.User != "" || u.Token != "" || u.UploadIP != "" || u.DownloadDomain != "" || u.ProtectedByPassword ||
				time.Since(u.CreatedAt).Abs() > time.Minute || time.Until(*u.ExpireAt) < time.Hour || f.ID == mine || f.Status != "missing" || f.MD5 != "" || time.Since(f.CreatedAt).Abs() > time.Minute {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "7.2: the part has a file name, or it is refused", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			body := "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc\r\n--b--\r\n"
			p.Admin(u).Call(t, "POST", "/file/"+u.ID, body, "Content-Type", "multipart/form-data; boundary=b").Says(t, 400, "missing file name from multipart form")
			equal(t, "entries", len(p.Get(t, u.ID).Files), 0)
		}},
		{says: "7.2: of two uploads of one entry the second is refused, at once and later", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], "first")
			p.Fill(t, u, u.Files[0], "second").Says(t, 400, "invalid file status uploading, expected missing")
			w.Close()
			f := (<-done).Want(t, 200).PlikFile(t)
			p.Fill(t, u, f, "second").Says(t, 400, "invalid file status uploaded, expected missing")
			reads(t, p, u, f, "first")
		}},
		{says: "8.1: what is not available says name, id and status", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true, "files": one("a b.txt")})
			f := u.Files[0]
			for _, method := range []string{"GET", "HEAD"} {
				r := p.Call(t, method, u.Path(f), nil).Want(t, 404)
				if method == "GET" {
					r.Says(t, 404, unavailable(f, "missing"))
				}
			}
			w, done := slowly(t, p, u, f, nine)
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "uploading"))
			w.Close()
			(<-done).Want(t, 200)
			reads(t, p, u, f, nine)
			r := p.Call(t, "GET", u.Path(f), nil)
			if string(r.Body) != unavailable(f, "removed")+"\n" {
				r.Says(t, 404, unavailable(f, "deleted"))
			}
		}},
		{says: "9: a GET of a one-shot file before it is there uses nothing up", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true, "files": one("a")})
			p.Call(t, "GET", u.Path(u.Files[0]), nil).Want(t, 404)
			w, done := slowly(t, p, u, u.Files[0], nine)
			p.Call(t, "GET", u.Path(u.Files[0]), nil).Want(t, 404)
			w.Close()
			f := (<-done).Want(t, 200).PlikFile(t)
			reads(t, p, u, f, nine)
		}},
		{says: "16.2: the body is read to its end before the 200", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + nine + "\r\n--b\r\nContent-Disposition: form-data; name=\"later\"\r\n\r\n"
			trailer := bytes.Repeat([]byte("x"), 16<<20) // more than sockets hold for a server that does not read
			read := &counting{r: io.MultiReader(strings.NewReader(head), bytes.NewReader(trailer), strings.NewReader("\r\n--b--\r\n"))}
			f := p.Admin(u).Call(t, "POST", "/file/"+u.ID, io.Reader(read), "Content-Type", "multipart/form-data; boundary=b").Want(t, http.StatusOK).PlikFile(t)
			reads(t, p, u, f, nine)
			if !read.ended.Load() {
				t.Error("answered before the end of the body")
			}
		}},
	}
}

// counting knows whether its reader came to the end.
type counting struct {
	r     io.Reader
	ended atomic.Bool
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}
