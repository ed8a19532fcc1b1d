package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// plikTextRules: every text of plik-wire.md 15, in its order.
func plikTextRules() []rule {
	const nobodys = "AAAAaaaa00001111"
	create := "unable to create upload : "
	off := func(option object, text string) func(*testing.T, *ground) {
		return func(t *testing.T, g *ground) {
			g.edges.off.Call(t, "POST", "/upload", option).Says(t, 400, create+text)
		}
	}
	return []rule{
		{says: "upload {id} not found", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, id := range []string{nobodys, "x", strings.Repeat("a", 300), "a b", "ü"} {
				says := "upload " + id + " not found"
				path := "/" + escaped(id)
				p.Call(t, "GET", "/upload"+path, nil).Says(t, 404, says)
				p.Call(t, "DELETE", "/upload"+path, nil).Says(t, 404, says)
				p.Post(t, "/file"+path, "a", nine).Says(t, 404, says)
				p.Post(t, "/file"+path+"/"+nobodys+"/a", "a", nine).Says(t, 404, says)
				p.Call(t, "GET", "/file"+path+"/"+nobodys+"/a", nil).Says(t, 404, says)
				p.Call(t, "DELETE", "/file"+path+"/"+nobodys+"/a", nil).Says(t, 404, says)
				p.Call(t, "GET", "/stream"+path+"/"+nobodys+"/a", nil).Says(t, 404, says)
				p.Call(t, "GET", "/archive"+path+"/a.zip", nil).Says(t, 404, says)
				p.Call(t, "HEAD", "/archive"+path+"/a.zip", nil).Want(t, 404)
				p.Call(t, "HEAD", "/file"+path+"/"+nobodys+"/a", nil).Want(t, 404)
			}
		}},
		{says: "upload {id} has expired", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"ttl": int(lead / time.Second), "removable": true, "files": one("b")})
			f := p.Add(t, u, "a", nine).Want(t, 200).PlikFile(t)
			eventually(t, "the expiry", func() bool { return p.Call(t, "GET", "/upload/"+u.ID, nil).Status == 404 })
			says := "upload " + u.ID + " has expired"
			p.Call(t, "GET", "/upload/"+u.ID, nil).Says(t, 404, says)
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, says)
			p.Call(t, "HEAD", u.Path(f), nil).Want(t, 404)
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Says(t, 404, says)
			p.Add(t, u, "c", nine).Says(t, 404, says)
			p.Fill(t, u, u.Files[0], nine).Says(t, 404, says)
			p.Call(t, "DELETE", u.Path(f), nil).Says(t, 404, says)
			p.Call(t, "DELETE", "/upload/"+u.ID, nil).Says(t, 404, says)
		}},
		{says: "file {id} not found", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true})
			for _, id := range []string{nobodys, "x", "a b"} {
				says := "file " + id + " not found"
				path := "/file/" + u.ID + "/" + escaped(id) + "/a"
				p.Call(t, "GET", path, nil).Says(t, 404, says)
				p.Call(t, "HEAD", path, nil).Want(t, 404)
				p.Call(t, "DELETE", path, nil).Says(t, 404, says)
				p.Admin(u).Post(t, path, "a", nine).Says(t, 404, says)
			}
		}},
		{says: "file {name} ({id}) is not available : {status}", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "files": one(`we"ird % ü.txt`)})
			f := u.Files[0]
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "missing"))
			p.Fill(t, u, f, nine).Want(t, 200)
			p.Call(t, "DELETE", u.Path(f), nil).OK(t)
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "deleted"))
		}},
		{says: "invalid file name", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "files": one("a")})
			f := u.Files[0]
			wrong, path := f, ""
			for _, name := range []string{"b", "A", "a "} {
				wrong.Name = name
				path = u.Path(wrong)
				p.Admin(u).Post(t, path, "a", nine).Says(t, 400, "invalid file name")
				p.Admin(u).Post(t, u.Path(f), name, nine).Says(t, 400, "invalid file name")
			}
			p.Fill(t, u, f, nine).Want(t, 200)
			p.Call(t, "GET", path, nil).Says(t, 400, "invalid file name")
			p.Call(t, "HEAD", path, nil).Want(t, 400)
			p.Call(t, "DELETE", path, nil).Says(t, 400, "invalid file name")
			reads(t, p, u, f, nine)
		}},
		{says: "invalid file status {status}, expected missing", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true, "removable": true, "files": append(one("a"), one("b")...)})
			f := p.Fill(t, u, u.Files[0], nine).Want(t, 200).PlikFile(t)
			p.Fill(t, u, f, nine).Says(t, 400, "invalid file status uploaded, expected missing")
			reads(t, p, u, f, nine)
			eventually(t, "it is deleted", func() bool { return plikStatus(t, p, u, f) == "deleted" })
			p.Fill(t, u, f, nine).Says(t, 400, "invalid file status deleted, expected missing")
			p.Call(t, "DELETE", u.Path(u.Files[1]), nil).OK(t)
			p.Fill(t, u, u.Files[1], nine).Says(t, 400, "invalid file status deleted, expected missing")
		}},
		{says: "you are not allowed to add file to this upload", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "files": one("a")})
			for _, who := range []*harness.Plik{p, p.With("X-UploadToken", strings.Repeat("a", 32)), p.With("X-UploadToken", "")} {
				who.Post(t, "/file/"+u.ID, "b", nine).Says(t, 403, "you are not allowed to add file to this upload")
				who.Post(t, u.Path(u.Files[0]), "a", nine).Says(t, 403, "you are not allowed to add file to this upload")
			}
			equal(t, "entries", len(p.Get(t, u.ID).Files), 1)
		}},
		{says: "you are not allowed to remove files from this upload", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			p.Call(t, "DELETE", u.Path(f), nil).Says(t, 403, "you are not allowed to remove files from this upload")
			reads(t, p, u, f, nine)
		}},
		{says: "you are not allowed to remove this upload", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			p.Call(t, "DELETE", "/upload/"+u.ID, nil).Says(t, 403, "you are not allowed to remove this upload")
			reads(t, p, u, f, nine)
		}},
		{says: "file too big", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, object{"files": one("a")})
			p.Fill(t, u, u.Files[0], nine+"ab").Says(t, 400, fmt.Sprintf("file too big (limit is set to %d B)", tightFile))
			equal(t, "status", plikStatus(t, p, u, u.Files[0]), "deleted")
		}},
		{says: "too many files", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			files := []object{}
			for range tightEntries + 1 {
				files = append(files, one("a")...)
			}
			p.Call(t, "POST", "/upload", object{"files": files}).Says(t, 400, create+fmt.Sprintf("too many files. maximum is %d", tightEntries))
			p.Create(t, object{"files": files[1:]})
		}},
		{says: "maximum number file per upload reached", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, object{"files": one("a")})
			b := p.Add(t, u, "b", "b").Want(t, 200).PlikFile(t)
			p.Admin(u).Call(t, "DELETE", u.Path(b), nil).OK(t)
			p.Add(t, u, "c", "c").Want(t, 200)
			p.Add(t, u, "d", "d").Says(t, 400, "maximum number file per upload reached, limit is 3")
			equal(t, "entries", len(p.Get(t, u.ID).Files), tightEntries)
		}},
		{says: "anonymous uploads are disabled", check: func(t *testing.T, g *ground) {
			p := g.edges.forced
			p.Call(t, "POST", "/upload", nil).Says(t, 400, create+"anonymous uploads are disabled")
			p.Post(t, "/", "a", nine).Says(t, 400, create+"anonymous uploads are disabled")
		}},
		{says: "cannot set infinite TTL", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "POST", "/upload", object{"ttl": -1}).Says(t, 400, create+"cannot set infinite TTL (maximum allowed is : 2592000)")
			g.edges.tight.Call(t, "POST", "/upload", object{"ttl": -5}).Says(t, 400, create+fmt.Sprintf("cannot set infinite TTL (maximum allowed is : %d)", tightTTL))
		}},
		{says: "invalid TTL.", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "POST", "/upload", object{"ttl": 2592001}).Says(t, 400, create+"invalid TTL. (maximum allowed is : 2592000)")
			g.edges.tight.Call(t, "POST", "/upload", object{"ttl": tightTTL + 1}).Says(t, 400, create+fmt.Sprintf("invalid TTL. (maximum allowed is : %d)", tightTTL))
			equal(t, "the limit itself", g.edges.tight.Create(t, object{"ttl": tightTTL}).TTL, tightTTL)
		}},
		{says: "upload password protection is disabled", check: off(object{"password": "p"}, "upload password protection is disabled")},
		{says: "one shot uploads are disabled", check: off(object{"oneShot": true}, "one shot uploads are disabled")},
		{says: "removable uploads are disabled", check: off(object{"removable": true}, "removable uploads are disabled")},
		{says: "streaming uploads are disabled", check: off(object{"stream": true}, "streaming uploads are disabled")},
		{says: "Invalid download domain", check: func(t *testing.T, g *ground) {
			p := g.edges.domain
			u, f := p.Stored(t, nil, "a", nine)
			host := strings.TrimSuffix(strings.TrimPrefix(p.URL, "http://"), "/root")
			p.Call(t, "GET", u.Path(f), nil).Says(t, 400, "Invalid download domain "+host)
			p.Call(t, "HEAD", u.Path(f), nil).Want(t, 400)
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Says(t, 400, "Invalid download domain "+host)
			for _, host := range []string{"dl.example.test", "dl.example.test:443", "alias.example.test:8443", "evil.test"} {
				p.Call(t, "GET", u.Path(f), nil, "Host", host).Says(t, 400, "Invalid download domain "+host)
			}
			for _, host := range []string{"dl.example.test:8443", "alias.example.test"} {
				reads(t, p, u, f, nine, "Host", host)
				p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil, "Host", host).Want(t, 200)
			}
		}},
		{says: "untrusted source IP address", check: func(t *testing.T, g *ground) {
			p := g.edges.tight.With("X-Client-IP", "192.0.2.8")
			p.Call(t, "POST", "/upload", nil).Says(t, 403, "untrusted source IP address")
			p.Call(t, "POST", "/upload", "{broken").Says(t, 403, "untrusted source IP address")
			p.Post(t, "/", "a", nine).Says(t, 403, "untrusted source IP address")
			p.With("X-Client-IP", "192.0.2.7").Create(t, nil)
			p.With("X-Client-IP", "10.255.0.1").Create(t, nil)
		}},
		{says: "missing Authorization header", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"password": "p", "removable": true}, "a", nine)
			says := "please provide valid credentials to access this upload : missing Authorization header"
			for _, ask := range [][2]string{{"GET", "/upload/" + u.ID}, {"DELETE", "/upload/" + u.ID}, {"GET", u.Path(f)}, {"DELETE", u.Path(f)}, {"GET", "/archive/" + u.ID + "/a.zip"}} {
				r := p.Call(t, ask[0], ask[1], nil).Says(t, 401, says)
				equal(t, "challenge", r.Header.Get("Www-Authenticate"), `Basic realm="plik"`)
			}
			p.Post(t, "/file/"+u.ID, "b", nine).Says(t, 401, says)
			equal(t, "HEAD", p.Call(t, "HEAD", u.Path(f), nil).Status, 401)
		}},
		{says: "invalid token", check: func(t *testing.T, g *ground) {
			for _, token := range []string{"x", "00000000-0000-4000-8000-000000000000", strings.Repeat("a", 5000)} {
				p := g.plik(t).As(token)
				p.Call(t, "POST", "/upload", nil).Says(t, 403, "invalid token")
				p.Call(t, "GET", "/upload/"+nobodys, nil).Says(t, 403, "invalid token")
				p.Post(t, "/", "a", nine).Says(t, 403, "invalid token")
			}
		}},
		{says: "404 page not found", check: func(t *testing.T, g *ground) {
			notFound(t, g.plik(t).Call(t, "GET", "/nothing/here", nil))
			notFound(t, g.plik(t).Call(t, "POST", "/nothing", "x"))
			notFound(t, g.plik(t).Call(t, "OPTIONS", "/upload", nil))
		}},
		{says: "nothing to archive", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": one("a")})
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Says(t, 400, "nothing to archive")
			p.Call(t, "HEAD", "/archive/"+u.ID+"/a.zip", nil).Want(t, 200)
		}},
	}
}

// escaped is a text as a segment of a path.
func escaped(s string) string { return strings.TrimPrefix(harness.EscapeKey("/"+s), "/") }
