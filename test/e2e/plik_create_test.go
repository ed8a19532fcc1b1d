package e2e_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// plikCreateRules: plik-wire.md 5 (the effects of flags) and 6.
func plikCreateRules() []rule {
	create := "unable to create upload : "
	return []rule{
		{says: "5: what is forced is set, unasked", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.edges.forced)
			u := me.Create(t, object{"password": "p"})
			if !u.OneShot || !u.Removable || !u.Stream || !u.ExtendTTL || !u.ProtectedByPassword {
				t.Errorf("%+v", u)
			}
			me.Call(t, "POST", "/upload", nil).Says(t, 400, create+"server only accept uploads protected by password")
		}},
		{says: "5: disabled comments are emptied, a disabled ttl is the default without a check", check: func(t *testing.T, g *ground) {
			u := g.edges.off.Create(t, object{"comments": "c", "ttl": 5})
			equal(t, "comments", u.Comments, "")
			equal(t, "ttl", u.TTL, 7200)
			equal(t, "unlimited", g.edges.off.Create(t, object{"ttl": -1}).TTL, 7200)
		}},
		{says: "5: a disabled extend_ttl is refused", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "POST", "/upload", object{"extend_ttl": true}).Says(t, 400, create+"extend TTL is disabled")
		}},
		{says: "5: with authentication disabled credentials are not looked at", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			p := g.edges.off
			for _, h := range [][]string{{"X-PlikToken", "nonsense"}, {"X-PlikToken", userToken(t, me).Token}, {"Cookie", "plik-session=nonsense"}, {"Cookie", "plik-session=" + me.Session}} {
				p.With(h...).Create(t, nil)
				p.Call(t, "GET", "/me", nil, h...).Want(t, 401)
			}
		}},
		{says: "6.1: credentials are checked before the address, that before the body", check: func(t *testing.T, g *ground) {
			p := g.edges.tight.With("X-Client-IP", "203.0.113.1")
			p.As("nonsense").Call(t, "POST", "/upload", "{").Says(t, 403, "invalid token")
			p.Call(t, "POST", "/upload", "{").Says(t, 403, "untrusted source IP address")
			g.edges.tight.Call(t, "POST", "/upload", "{").SaysLike(t, 400, "unable to deserialize request body : ")
		}},
		{says: "6.1: an empty body means all defaults", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, body := range []any{nil, "", "{}"} {
				u := p.Call(t, "POST", "/upload", body).Want(t, 200).PlikUpload(t)
				if u.TTL != 2592000 || u.OneShot || u.Removable || u.Stream || u.ExtendTTL || u.ProtectedByPassword || u.Comments != "" || !u.Admin || len(u.Files) != 0 {
					t.Errorf("%+v", u)
				}
			}
		}},
		{says: "6.1: a body that cannot be read is refused", check: func(t *testing.T, g *ground) {
			for _, body := range []string{"{", "[]", "nonsense", `"x"`, `{"ttl":"x"}`, `{"ttl":1.5}`, `{"oneShot":1}`, `{"files":1}`, `{"files":[1]}`, `{"files":[{"fileName":1}]}`, `{"ttl":99999999999999999999}`, "\x00", "\xff\xfe"} {
				g.plik(t).Call(t, "POST", "/upload", body).SaysLike(t, 400, "unable to deserialize request body : ")
			}
		}},
		{says: "6.3: a ttl is the default, as asked, or for ever", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for ask, want := range map[int]int{0: 2592000, 1: 1, 3600: 3600, 2592000: 2592000} {
				u := p.Create(t, object{"ttl": ask})
				equal(t, "ttl", u.TTL, want)
				if d := u.ExpireAt.Sub(u.CreatedAt); d != time.Duration(want)*time.Second {
					t.Errorf("expires %v after its creation", d)
				}
			}
			login := uniqueLogin()
			g.operator(t, p).Call(t, "POST", "/user", object{"provider": "local", "login": login, "password": "long enough", "maxTTL": -1}).Want(t, 200)
			u := p.Login(t, login, "long enough").Create(t, object{"ttl": -7})
			if u.TTL != -7 || u.ExpireAt != nil {
				t.Errorf("%+v", u)
			}
		}},
		{says: "6.3: a user's maxTTL is the limit, also of the default", check: func(t *testing.T, g *ground) {
			p, login := g.plik(t), uniqueLogin()
			g.operator(t, p).Call(t, "POST", "/user", object{"provider": "local", "login": login, "password": "long enough", "maxTTL": 60}).Want(t, 200)
			me := p.Login(t, login, "long enough")
			me.Call(t, "POST", "/upload", nil).Says(t, 400, create+"invalid TTL. (maximum allowed is : 60)")
			me.Call(t, "POST", "/upload", object{"ttl": 61}).Says(t, 400, create+"invalid TTL. (maximum allowed is : 60)")
			me.Create(t, object{"ttl": 60})
		}},
		{says: "6.3: with extend_ttl every access lets the life begin anew", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, object{"extend_ttl": true, "ttl": 600, "files": one("a")})
			if !u.ExtendTTL {
				t.Fatalf("%+v", u)
			}
			last := *u.ExpireAt
			grown := func(what string) {
				t.Helper()
				now := *p.Admin(u).Get(t, u.ID).ExpireAt
				if !now.After(last) || time.Until(now) > 601*time.Second {
					t.Errorf("%s: %v, then %v", what, last, now)
				}
				last = now
			}
			grown("reading the upload")
			p.Fill(t, u, u.Files[0], nine).Want(t, 200)
			grown("a file's post")
			p.Call(t, "HEAD", u.Path(u.Files[0]), nil).Want(t, 200)
			grown("HEAD")
			reads(t, p, u, u.Files[0], nine)
			grown("GET")
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Want(t, 200)
			grown("an archive")
			plain := p.Create(t, object{"ttl": 600})
			equal(t, "without it", *p.Get(t, plain.ID).ExpireAt, *plain.ExpireAt)
		}},
		{says: "6.3: an upload that extends lives as long as it is asked for, and a wrong password is no access", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, object{"extend_ttl": true, "ttl": 10, "password": "p"})
			for range 4 {
				select {
				case <-t.Context().Done():
				case <-time.After(3 * time.Second): // twelve in all, and far from ten each
				}
				p.Admin(u).Get(t, u.ID)
			}
			eventually(t, "the end", func() bool {
				return p.Call(t, "GET", "/upload/"+u.ID, nil).Status == 404
			})
		}},
		{says: "6.4: a file without a name, and one of more than 1024 bytes, are refused", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			p.Call(t, "POST", "/upload", object{"files": one("")}).Says(t, 400, create+"missing file name")
			p.Call(t, "POST", "/upload", `{"files":[{}]}`).Says(t, 400, create+"missing file name")
			long := strings.Repeat("n", 1025)
			p.Call(t, "POST", "/upload", object{"files": one(long)}).Says(t, 400, create+"file name "+long[:20]+"... is too long, maximum length is 1024 characters")
			p.Create(t, object{"files": one(long[:1024])})
		}},
		{says: "6.4: an announced size above the limit is refused, the limit itself is not", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			p.Call(t, "POST", "/upload", object{"files": []object{{"fileName": "a", "fileSize": tightFile + 1}}}).Says(t, 400, create+"file is too big (11 B), maximum file size is 10 B")
			p.Create(t, object{"files": []object{{"fileName": "a", "fileSize": tightFile}}})
			g.plik(t).Call(t, "POST", "/upload", object{"files": []object{{"fileName": "a", "fileSize": 20000000000}}}).Says(t, 400, create+"file is too big (20 GB), maximum file size is 10 GB")
		}},
		{says: "6.4: a user's maxFileSize goes before the server's", check: func(t *testing.T, g *ground) {
			p, login := g.plik(t), uniqueLogin()
			g.operator(t, p).Call(t, "POST", "/user", object{"provider": "local", "login": login, "password": "long enough", "maxFileSize": 5}).Want(t, 200)
			me := p.Login(t, login, "long enough")
			me.Call(t, "POST", "/upload", object{"files": []object{{"fileName": "a", "fileSize": 6}}}).Says(t, 400, create+"file is too big (6 B), maximum file size is 5 B")
			u := me.Create(t, object{"files": one("a")})
			me.Fill(t, u, u.Files[0], "123456").Says(t, 400, "file too big (limit is set to 5 B)")
			me.Add(t, u, "b", "12345").Want(t, 200)
		}},
		{says: "6.4: announced sizes count against what a user may have, and nobody's do not", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			me, _ := g.someone(t, p)
			files := func(sizes ...int) (out []object) {
				for i, n := range sizes {
					out = append(out, object{"fileName": fmt.Sprint(i), "fileSize": n})
				}
				return out
			}
			me.Stored(t, nil, "a", "12345678")
			me.Call(t, "POST", "/upload", object{"files": files(10, 8)}).SaysLike(t, 400, create+"maximum user upload size reached. (")
			me.Create(t, object{"files": files(10, 7)})
			p.Create(t, object{"files": files(10, 10, 10)})
		}},
		{says: "6.5: a protected upload opens to Basic with login and password, in exactly this form", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"login": "lögin", "password": "p:ä"}, "a", nine)
			code := base64.StdEncoding.EncodeToString([]byte("lögin:p:ä"))
			if !u.ProtectedByPassword {
				t.Errorf("%+v", u)
			}
			for header, why := range map[string]string{
				"basic " + code: "invalid http authorization scheme", "Bearer " + code: "invalid http authorization scheme", "Basic": "invalid Authorization header", "Basic  " + code: "invalid Authorization header",
				"Basic " + code + " x": "invalid Authorization header", "Basic " + code + "x": "invalid credentials", "Basic x": "invalid credentials",
				"Basic " + base64.StdEncoding.EncodeToString([]byte("plik:p:ä")): "invalid credentials",
			} {
				p.Call(t, "GET", u.Path(f), nil, "Authorization", header).Says(t, 401, "please provide valid credentials to access this upload : "+why)
			}
			reads(t, p, u, f, nine, "Authorization", "Basic "+code)
			reads(t, p.Admin(u), u, f, nine)
		}},
		{says: "6.5: credentials let one read, and do not make one admin", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"login": "l", "password": "p", "files": one("a")}).Want(t, 200)
			u := r.PlikUpload(t)
			in := p.With("Authorization", r.Header.Get("Authorization"))
			got := in.Get(t, u.ID)
			if got.Admin || got.UploadToken != "" {
				t.Errorf("%+v", got)
			}
			in.Post(t, "/file/"+u.ID, "b", nine).Says(t, 403, "you are not allowed to add file to this upload")
			in.Call(t, "DELETE", "/upload/"+u.ID, nil).Says(t, 403, "you are not allowed to remove this upload")
		}},
		{says: "6.5: a login without a password protects nothing", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"login": "l"}).Want(t, 200)
			if r.Header.Get("Authorization") != "" || r.PlikUpload(t).ProtectedByPassword {
				t.Errorf("%v %s", r.Header, r.Body)
			}
			p.Get(t, r.PlikUpload(t).ID)
		}},
		{says: "6.5: guessing passwords is slowed down, and stays a 401", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"password": "p"})
			parallel(t, 80, func(i int) {
				wrong := "Basic " + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "plik:%d", i))
				p.Call(t, "GET", "/upload/"+u.ID, nil, "Authorization", wrong).Want(t, 401)
			})
			p.Admin(u).Get(t, u.ID)
		}},
		{says: "6.6: ids and references come in the order of the request", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			var ask []object
			for i := range 250 { // more than one message between services holds
				ask = append(ask, object{"fileName": fmt.Sprintf("f%d", i), "reference": fmt.Sprint(i), "fileSize": i, "fileType": "a/b"})
			}
			u := p.Create(t, object{"files": ask})
			for _, files := range [][]harness.PlikFile{u.Files, p.Get(t, u.ID).Files} {
				equal(t, "files", len(files), len(ask))
				for i, f := range files {
					if f.Reference != fmt.Sprint(i) || f.Name != fmt.Sprintf("f%d", i) || f.Status != "missing" || f.Size != int64(i) || f.Type != "a/b" || f.MD5 != "" {
						t.Errorf("%d: %+v", i, f)
					}
				}
			}
		}},
		{says: "6.4: a thousand files may be announced, one more not", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			var ask []object
			for i := range 1001 {
				ask = append(ask, one(fmt.Sprint(i))...)
			}
			p.Call(t, "POST", "/upload", object{"files": ask}).Says(t, 400, create+"too many files. maximum is 1000")
			equal(t, "files", len(p.Create(t, object{"files": ask[1:]}).Files), 1000)
		}},
		{says: "6.7: reading shows all files, deleted ones too, and nothing of uploads that are gone", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "comments": "c **d**", "files": append(one("a"), one("b")...)})
			p.Fill(t, u, u.Files[0], nine).Want(t, 200)
			p.Call(t, "DELETE", u.Path(u.Files[0]), nil).OK(t)
			got := p.Get(t, u.ID)
			if len(got.Files) != 2 || got.Files[0].Status != "deleted" || got.Files[1].Status != "missing" || got.Comments != "c **d**" || got.Admin {
				t.Errorf("%+v", got)
			}
			p.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			p.Call(t, "GET", "/upload/"+u.ID, nil).Says(t, 404, "upload "+u.ID+" not found")
			p.Call(t, "DELETE", "/upload/"+u.ID, nil).Says(t, 404, "upload "+u.ID+" not found")
		}},
	}
}

// plikAddRules: plik-wire.md 7.
func plikAddRules() []rule {
	form := func(t *testing.T, p *harness.Plik, u harness.PlikUpload, body string) harness.Response {
		t.Helper()
		return p.Admin(u).Call(t, "POST", "/file/"+u.ID, body, "Content-Type", "multipart/form-data; boundary=b")
	}
	part := func(disposition, content string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: image/gif\r\n\r\n" + content + "\r\n"
	}
	return []rule{
		{says: "7.1: the token that made an upload is its admin, no other of the same user", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			token, other := userToken(t, me), userToken(t, me)
			u := token.Create(t, nil)
			for who, admin := range map[*harness.Plik]bool{token: true, other: false, me: true, p: false, g.operator(t, p): true, userToken(t, g.operator(t, p)): false} {
				got := who.Get(t, u.ID)
				if got.Admin != admin || (got.UploadToken != "") != admin {
					t.Errorf("want admin %v: %+v", admin, got)
				}
				status := 403
				if admin {
					status = 200
				}
				who.Post(t, "/file/"+u.ID, "a", nine).Want(t, status)
			}
			stranger, _ := g.someone(t, p)
			equal(t, "a stranger", stranger.Get(t, u.ID).Admin, false)
			equal(t, "a stranger with the secret", stranger.Admin(u).Get(t, u.ID).Admin, true)
			equal(t, "its owner with a wrong secret", me.With("X-UploadToken", "wrong").Get(t, u.ID).Admin, true)
		}},
		{says: "7.2: the first part named file is taken, parts before it are skipped", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			r := form(t, p, u, part(`name="x"`, "no")+part(`name="other"; filename="no"`, "no")+part(`name="file"; filename="yes"`, nine)+part(`name="file"; filename="later"`, "no")+"--b--\r\n")
			f := r.Want(t, 200).PlikFile(t)
			equal(t, "name", f.Name, "yes")
			reads(t, p, u, f, nine)
			equal(t, "entries", len(p.Get(t, u.ID).Files), 1)
		}},
		{says: "7.2: a path in the name is reduced to its last element", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			for name, want := range map[string]string{"a/b.txt": "b.txt", "/etc/passwd": "passwd", "../../up": "up"} {
				equal(t, name, form(t, p, u, part(`name="file"; filename="`+name+`"`, nine)+"--b--\r\n").Want(t, 200).PlikFile(t).Name, want)
			}
		}},
		{says: "7.2: the part's own type is ignored", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			equal(t, "type", form(t, p, u, part(`name="file"; filename="a"`, nine)+"--b--\r\n").Want(t, 200).PlikFile(t).Type, "text/plain; charset=utf-8")
		}},
		{says: "7.2: what is no form is refused", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=", "nonsense/"} {
				p.Admin(u).Call(t, "POST", "/file/"+u.ID, "a=b", "Content-Type", contentType).SaysLike(t, 400, "invalid multipart form : ")
			}
			form(t, p, u, "nonsense").SaysLike(t, 400, "invalid multipart form : ")
			form(t, p, u, part(`name="x"`, "no")+"--b--\r\n").Says(t, 400, "missing file from multipart form")
			form(t, p, u, "--b--\r\n").SaysLike(t, 400, "")
			equal(t, "entries", len(p.Get(t, u.ID).Files), 0)
		}},
		{says: "7.2: without an id a new entry is made, by the rules of names", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			long := strings.Repeat("n", 1025)
			p.Add(t, u, long, nine).Says(t, 400, "unable to create file : file name "+long[:20]+"... is too long, maximum length is 1024 characters")
			f := p.Add(t, u, "a b.txt", nine).Want(t, 200).PlikFile(t)
			if f.Name != "a b.txt" || f.Status != "uploaded" || f.Reference != "" {
				t.Errorf("%+v", f)
			}
			p.Add(t, u, "a b.txt", "another").Want(t, 200)
			equal(t, "entries", len(p.Get(t, u.ID).Files), 2)
		}},
		{says: "7.3: the answer has the real size, type and MD5", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for content, kind := range map[string]string{
				nine: "text/plain; charset=utf-8", "GIF89a....": "image/gif", "%PDF-1.4 ": "application/pdf", "<!DOCTYPE html><p>": "text/html; charset=utf-8", "<?xml version=\"1.0\"?><a/>": "text/xml; charset=utf-8",
				"\x00\x01\x02": "application/octet-stream", `<svg xmlns="http://www.w3.org/2000/svg"/>`: "text/plain; charset=utf-8", `{"a":1}`: "text/plain; charset=utf-8", "": "",
			} {
				u := p.Create(t, object{"files": []object{{"fileName": "a", "fileSize": 1, "fileType": "video/mp4", "reference": "0"}}})
				sent := p.Fill(t, u, u.Files[0], content).Want(t, 200).PlikFile(t)
				for _, f := range []harness.PlikFile{sent, p.Get(t, u.ID).Files[0]} {
					if f.Size != int64(len(content)) || f.Type != kind || f.MD5 != md5Hex(content) || f.Status != "uploaded" || f.Reference != "0" {
						t.Errorf("%q: %+v", content, f)
					}
				}
			}
		}},
		{says: "7.3: a byte over the limit is refused however it is sent, and the entry is spent", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, object{"files": one("a")})
			p.Add(t, u, "b", strings.Repeat("x", 5<<20)).Says(t, 400, "file too big (limit is set to 10 B)")
			p.Fill(t, u, u.Files[0], "12345678901").Says(t, 400, "file too big (limit is set to 10 B)")
			p.Fill(t, u, u.Files[0], "1").Says(t, 400, "invalid file status deleted, expected missing")
			p.Add(t, u, "c", "1234567890").Want(t, 200)
		}},
		{says: "7.3: after an upload a user's sizes are counted again", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			me, _ := g.someone(t, p)
			u := me.Create(t, object{"files": append(append(one("a"), one("b")...), one("c")...)})
			me.Fill(t, u, u.Files[0], "1234567890").Want(t, 200)
			me.Fill(t, u, u.Files[1], "1234567890").Want(t, 200)
			me.Fill(t, u, u.Files[2], "1234567890").SaysLike(t, 400, "maximum user upload size reached. (")
			equal(t, "status", plikStatus(t, me, u, u.Files[2]), "deleted")
			me.Call(t, "DELETE", u.Path(u.Files[0]), nil).OK(t)
			eventually(t, "there is room again", func() bool {
				more := me.Create(t, object{"files": one("d")})
				return me.Fill(t, more, more.Files[0], "1234567890").Status == 200
			})
		}},
		{says: "7.3: a broken body is no file, and the entry is deleted", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": append(one("a"), one("b")...)})
			w, done := slowly(t, p, u, u.Files[0], "half of it")
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
			<-done
			eventually(t, "it is deleted", func() bool { return plikStatus(t, p, u, u.Files[0]) == "deleted" })
			// The closing boundary is missing, the connection is not broken.
			body := part(`name="file"; filename="b"`, "whole, but then")
			r := p.Admin(u).Call(t, "POST", u.Path(u.Files[1]), body, "Content-Type", "multipart/form-data; boundary=b")
			if r.Status != 500 && r.Status != 400 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			equal(t, "status", plikStatus(t, p, u, u.Files[1]), "deleted")
		}},
		{says: "7.3: addresses are not looked at when a file is added", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			u := p.Create(t, nil)
			p.With("X-Client-IP", "203.0.113.1").Add(t, u, "a", nine).Want(t, 200)
		}},
		{says: "7.4: a quick upload answers the link, the name as it is", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Post(t, "/?ttl=5&oneShot=true", "a b.txt", nine).Want(t, 200)
			path, ok := strings.CutPrefix(string(r.Body), g.w.URL+"/file/")
			ids := strings.SplitN(strings.TrimSuffix(path, "\n"), "/", 3)
			if !ok || len(ids) != 3 || ids[2] != "a b.txt" || !strings.HasSuffix(path, "\n") {
				t.Fatalf("%q", r.Body)
			}
			got := p.Get(t, ids[0])
			if got.TTL != 2592000 || got.OneShot || len(got.Files) != 1 || got.Files[0].Size != 9 {
				t.Errorf("%+v", got)
			}
			equal(t, "content", string(p.Call(t, "GET", "/file/"+ids[0]+"/"+ids[1]+"/a%20b.txt", nil).Want(t, 200).Body), nine)
			if r := g.edges.domain.Post(t, "/", "a", nine).Want(t, 200); !strings.HasPrefix(string(r.Body), "https://dl.example.test:8443/") {
				t.Errorf("%q", r.Body)
			}
		}},
		{says: "7.4: a quick upload is its user's, and refused with the texts of 6 and 7", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			token := userToken(t, me)
			token.Post(t, "/", "a", nine).Want(t, 200)
			page := pageOf[harness.PlikUpload](t, me, "/me/uploads")
			if len(page.Results) != 1 || page.Results[0].Token != token.Token || len(page.Results[0].Files) != 1 {
				t.Errorf("%+v", page.Results)
			}
			p.Call(t, "POST", "/", "x", "Content-Type", "text/plain").SaysLike(t, 400, "invalid multipart form : ")
			g.edges.tight.Post(t, "/", "a", nine+"ab").Says(t, 400, "file too big (limit is set to 10 B)")
		}},
	}
}
