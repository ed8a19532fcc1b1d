package e2e_test

import (
	"archive/zip"
	"bytes"
	"crypto/md5" //nolint:gosec // Plik's digest
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s)) //nolint:gosec // Plik's digest
	return hex.EncodeToString(sum[:])
}

// packed reads an archive: names and contents in their order.
func packed(t *testing.T, r harness.Response) (out [][2]string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(r.Want(t, 200).Body), int64(len(r.Body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		rd, err := f.Open()
		noError(t, "open "+f.Name, err)
		b, err := io.ReadAll(rd)
		noError(t, "read "+f.Name, err)
		equal(t, "method", f.Method, zip.Deflate)
		out = append(out, [2]string{f.Name, string(b)})
	}
	return out
}

func noCache(t *testing.T, r harness.Response, want bool) {
	t.Helper()
	h := r.Header
	if got := h.Get("Cache-Control") == "no-cache, no-store, must-revalidate" && h.Get("Pragma") == "no-cache" && h.Get("Expires") == "0"; got != want {
		t.Errorf("want no-cache headers %v: %v", want, h)
	}
}

// plikGetRules: plik-wire.md 8 to 10.
func plikGetRules() []rule {
	return []rule{
		{says: "8.1: upload, password, file, name, domain and status are checked in this order", check: func(t *testing.T, g *ground) {
			p := g.edges.domain
			r := p.Call(t, "POST", "/upload", object{"password": "p", "files": one("a")}).Want(t, 200)
			u := r.PlikUpload(t)
			f := u.Files[0]
			in := p.With("Authorization", r.Header.Get("Authorization"))
			nobodys, wrong := f, f
			nobodys.ID, nobodys.Name, wrong.Name = "AAAAaaaa00001111", "b", "b"
			p.Call(t, "GET", u.Path(nobodys), nil).Want(t, 401)
			in.Call(t, "GET", u.Path(nobodys), nil).Says(t, 404, "file "+nobodys.ID+" not found")
			in.Call(t, "GET", u.Path(wrong), nil).Says(t, 400, "invalid file name")
			in.Call(t, "GET", u.Path(f), nil).SaysLike(t, 400, "Invalid download domain ")
			in.Call(t, "GET", u.Path(f), nil, "Host", "dl.example.test:8443").Says(t, 404, unavailable(f, "missing"))
		}},
		{says: "8.2: the type is the stored one, but no browser is to run it", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for content, want := range map[string]string{nine: "text/plain; charset=utf-8", "GIF89a....": "image/gif", "<html>": "text/plain", "%PDF-1.4 ": "application/octet-stream", "": "application/octet-stream", "\x00\x01": "application/octet-stream"} {
				u, f := p.Stored(t, nil, "a.html", content)
				equal(t, fmt.Sprintf("%q", content), reads(t, p, u, f, content).Header.Get("Content-Type"), want)
			}
		}},
		{says: "8.2: Content-Length is there when there are bytes", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			equal(t, "length", reads(t, p, u, f, nine).Header.Get("Content-Length"), "9")
		}},
		{says: "8.2: the name is in Content-Disposition, with dl as an attachment", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a b.txt", nine)
			if h := reads(t, p, u, f, nine).Header.Get("Content-Disposition"); !strings.HasPrefix(h, `filename="a b.txt"`) {
				t.Errorf("%q", h)
			}
			for _, dl := range []string{"1", "0", "x"} {
				if h := p.Call(t, "GET", u.Path(f)+"?dl="+dl, nil).Header.Get("Content-Disposition"); !strings.HasPrefix(h, `attachment; filename="a b.txt"`) {
					t.Errorf("%q", h)
				}
			}
		}},
		{says: "8.2: one-shot downloads and streams are not to be cached", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			noCache(t, reads(t, p, u, f, nine), false)
			u, f = p.Stored(t, object{"oneShot": true}, "a", nine)
			noCache(t, p.Call(t, "HEAD", u.Path(f), nil), true)
			noCache(t, reads(t, p, u, f, nine), true)
			u = p.Create(t, object{"stream": true, "files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], nine)
			w.Close()
			noCache(t, reads(t, p, u, u.Files[0], nine), true)
			<-done
		}},
		{says: "8.3: HEAD is as GET without a body, and changes nothing", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"oneShot": true}, "a", nine)
			head := p.Call(t, "HEAD", u.Path(f), nil).Want(t, 200)
			get := reads(t, p, u, f, nine)
			for _, r := range []harness.Response{head, get} {
				r.Header.Del("Date")
				r.Header.Del("X-Request-Id")
			}
			equal(t, "headers", fmt.Sprint(head.Header), fmt.Sprint(get.Header))
			equal(t, "body", len(head.Body), 0)
		}},
		{says: "9: each file of a one-shot upload counts for itself, and a broken transfer is final", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true})
			a, b := p.Add(t, u, "a", nine).PlikFile(t), p.Add(t, u, "b", string(randomBytes(t, 32<<20))).PlikFile(t)
			reads(t, p, u, a, nine)
			equal(t, "the other one", plikStatus(t, p, u, b), "uploaded")
			resp, err := p.Open(t.Context(), "GET", u.Path(b), nil)
			noError(t, "read", err)
			_, _ = io.CopyN(io.Discard, resp.Body, 1000)
			resp.Body.Close()
			eventually(t, "both are deleted", func() bool { return plikStatus(t, p, u, a) == "deleted" && plikStatus(t, p, u, b) == "deleted" })
			p.Call(t, "GET", u.Path(b), nil).Says(t, 404, unavailable(b, "deleted"))
		}},
		{says: "10: a stream goes through and is not stored", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			content := string(randomBytes(t, 2<<20))
			u := p.Create(t, object{"stream": true, "files": []object{{"fileName": "a", "fileSize": len(content), "fileType": "image/gif"}}})
			f := u.Files[0]
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "missing"))
			done := meanwhile(t, p, u, f, content)
			eventually(t, "it waits", func() bool { return plikStatus(t, p, u, f) == "uploading" })
			head := p.Call(t, "HEAD", u.Path(f), nil).Want(t, 200)
			equal(t, "announced type", head.Header.Get("Content-Type"), "image/gif")
			equal(t, "announced length", head.Header.Get("Content-Length"), fmt.Sprint(len(content)))
			p.Fill(t, u, f, "another").Says(t, 400, "invalid file status uploading, expected missing")
			r := reads(t, p, u, f, content)
			equal(t, "length", r.Header.Get("Content-Length"), fmt.Sprint(len(content)))
			got := (<-done).Want(t, 200).PlikFile(t)
			if got.Status != "deleted" || got.Size != int64(len(content)) || got.MD5 != md5Hex(content) || got.Type != "application/octet-stream" {
				t.Errorf("%+v", got)
			}
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "deleted"))
			p.Call(t, "HEAD", u.Path(f), nil).Want(t, 404)
		}},
		{says: "10: without an announced size a stream's download has no length", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], nine)
			w.Close()
			r := reads(t, p, u, u.Files[0], nine)
			equal(t, "length", r.Header.Get("Content-Length"), "")
			equal(t, "type", r.Header.Get("Content-Type"), "application/octet-stream")
			<-done
		}},
		{says: "10: a second reader while the first runs is refused", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], nine)
			resp, err := p.Open(t.Context(), "GET", u.Path(u.Files[0]), nil)
			noError(t, "read", err)
			defer resp.Body.Close()
			p.Call(t, "GET", u.Path(u.Files[0]), nil).Says(t, 404, unavailable(u.Files[0], "uploading"))
			_, _ = io.WriteString(w, nine)
			w.Close()
			if b, err := io.ReadAll(resp.Body); err != nil || string(b) != nine+nine {
				t.Errorf("%q %v", b, err)
			}
			(<-done).Want(t, 200)
		}},
		{says: "10: an empty stream needs no reader", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true, "files": one("a")})
			f := p.Fill(t, u, u.Files[0], "").Want(t, 200).PlikFile(t)
			if f.Status != "deleted" || f.Size != 0 {
				t.Errorf("%+v", f)
			}
		}},
		{says: "10: a stream may be added without an id, and has no archive", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"stream": true})
			done := meanwhile(t, p, u, harness.PlikFile{Name: "late"}, nine)
			var f harness.PlikFile
			eventually(t, "the entry appears", func() bool {
				files := p.Get(t, u.ID).Files
				if len(files) == 1 {
					f = files[0]
				}
				return f.Status == "uploading"
			})
			for _, method := range []string{"GET", "HEAD"} {
				r := p.Call(t, method, "/archive/"+u.ID+"/a.zip", nil).Want(t, 400)
				if method == "GET" {
					r.Says(t, 400, "archive feature is not available in stream mode")
				}
			}
			reads(t, p, u, f, nine)
			(<-done).Want(t, 200)
		}},
	}
}

// plikKeepRules: plik-wire.md 11 and 12.
func plikKeepRules() []rule {
	return []rule{
		{says: "11: an archive holds every uploaded file in the order of their making, duplicates too", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"removable": true, "files": append(append(one("b ü.txt"), one("missing")...), one("a")...)})
			p.Fill(t, u, u.Files[2], "third").Want(t, 200)
			p.Fill(t, u, u.Files[0], "first").Want(t, 200)
			p.Add(t, u, "a", "fourth").Want(t, 200)
			gone := p.Add(t, u, "gone", "gone").Want(t, 200).PlikFile(t)
			p.Add(t, u, "empty", "").Want(t, 200)
			p.Call(t, "DELETE", u.Path(gone), nil).OK(t)
			got := packed(t, p.Call(t, "GET", "/archive/"+u.ID+"/any%20name.zip", nil))
			want := [][2]string{{"b ü.txt", "first"}, {"a", "third"}, {"a", "fourth"}, {"empty", ""}}
			if !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		}},
		{says: "11: an archive's name ends in .zip and has 1024 bytes at most", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, _ := p.Stored(t, nil, "a", nine)
			for _, method := range []string{"GET", "HEAD"} {
				p.Call(t, method, "/archive/"+u.ID+"/a.tar", nil).Want(t, 400)
				p.Call(t, method, "/archive/"+u.ID+"/"+strings.Repeat("a", 1021)+".zip", nil).Want(t, 400)
				p.Call(t, method, "/archive/"+u.ID+"/"+strings.Repeat("a", 1020)+".zip", nil).Want(t, 200)
			}
			p.Call(t, "GET", "/archive/"+u.ID+"/a.tar", nil).Says(t, 400, "invalid archive name, missing .zip extension")
		}},
		{says: "11: an archive's headers", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, _ := p.Stored(t, nil, "a", nine)
			for _, method := range []string{"GET", "HEAD"} {
				r := p.Call(t, method, "/archive/"+u.ID+"/n.zip", nil).Want(t, 200)
				equal(t, "type", r.Header.Get("Content-Type"), "application/zip")
				if h := r.Header.Get("Content-Disposition"); !strings.HasPrefix(h, `filename="n.zip"`) {
					t.Errorf("%q", h)
				}
				noCache(t, r, false)
				if h := p.Call(t, method, "/archive/"+u.ID+"/n.zip?dl=1", nil).Header.Get("Content-Disposition"); !strings.HasPrefix(h, `attachment; filename="n.zip"`) {
					t.Errorf("%q", h)
				}
			}
		}},
		{says: "11: an archive of a one-shot upload takes every file in it, once", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true})
			a, b := p.Add(t, u, "a", nine).PlikFile(t), p.Add(t, u, "b", nine).PlikFile(t)
			r := p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil)
			equal(t, "files", len(packed(t, r)), 2)
			noCache(t, r, true)
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Says(t, 400, "nothing to archive")
			p.Call(t, "GET", u.Path(a), nil).Want(t, 404)
			eventually(t, "they are deleted", func() bool { return plikStatus(t, p, u, a) == "deleted" && plikStatus(t, p, u, b) == "deleted" })
		}},
		{says: "11: archives and downloads at once share a one-shot upload's files out", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"oneShot": true})
			var list []harness.PlikFile
			for i := range 6 {
				list = append(list, p.Add(t, u, fmt.Sprint(i), fmt.Sprint("content ", i)).Want(t, 200).PlikFile(t))
			}
			got := make(chan string, 100)
			parallel(t, 18, func(i int) {
				if i%3 == 0 {
					if r := p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil); r.Status == 200 {
						for _, f := range packed(t, r) {
							got <- f[1]
						}
					}
					return
				}
				if r := p.Call(t, "GET", u.Path(list[i%len(list)]), nil); r.Status == 200 {
					got <- string(r.Body)
				}
			})
			close(got)
			var all []string
			for s := range got {
				all = append(all, s)
			}
			slices.Sort(all)
			equal(t, "what went out", strings.Join(all, ","), "content 0,content 1,content 2,content 3,content 4,content 5")
		}},
		{says: "11: a password and the end hold for archives", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"password": "p"}).Want(t, 200)
			u := r.PlikUpload(t)
			p.Add(t, u, "a", nine).Want(t, 200)
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil).Want(t, 401)
			p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil, "Authorization", r.Header.Get("Authorization")).Want(t, 200)
		}},
		{says: "12: an upload's admin removes it, and anyone when it is removable", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, removable := range []bool{true, false} {
				u, f := p.Stored(t, object{"removable": removable}, "a", nine)
				who := p
				if !removable {
					who = p.Admin(u)
				}
				who.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
				p.Call(t, "GET", u.Path(f), nil).Says(t, 404, "upload "+u.ID+" not found")
				p.Add(t, u, "b", nine).Says(t, 404, "upload "+u.ID+" not found")
			}
		}},
		{says: "12: a file is removed at once and stays listed; again is ok", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"removable": true}, "a", nine)
			for range 2 {
				p.Call(t, "DELETE", u.Path(f), nil).OK(t)
				equal(t, "status", plikStatus(t, p, u, f), "deleted")
			}
			p.Call(t, "GET", u.Path(f), nil).Says(t, 404, unavailable(f, "deleted"))
		}},
		{says: "12: a missing entry that is removed takes no upload any more", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": one("a")})
			p.Admin(u).Call(t, "DELETE", u.Path(u.Files[0]), nil).OK(t)
			p.Fill(t, u, u.Files[0], nine).Says(t, 400, "invalid file status deleted, expected missing")
		}},
		{says: "12: removable takes the password first, and gives no right to add", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"removable": true, "password": "p"}).Want(t, 200)
			u := r.PlikUpload(t)
			in := p.With("Authorization", r.Header.Get("Authorization"))
			p.Call(t, "DELETE", "/upload/"+u.ID, nil).Want(t, 401)
			in.Post(t, "/file/"+u.ID, "a", nine).Want(t, 403)
			in.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
		}},
		{says: "12: DELETE /me/uploads removes one's own, or those of a token", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			a, b := userToken(t, me), userToken(t, me)
			for _, who := range []*harness.Plik{me, a, a, b} {
				who.Stored(t, nil, "a", nine)
			}
			other, _ := g.someone(t, p)
			kept, f := other.Stored(t, nil, "a", nine)
			equal(t, "by token", string(me.Call(t, "DELETE", "/me/uploads?token="+a.Token, nil).Want(t, 200).Body), "2 uploads removed")
			equal(t, "left", len(pageOf[harness.PlikUpload](t, me, "/me/uploads").Results), 2)
			equal(t, "all", string(me.Call(t, "DELETE", "/me/uploads", nil).Want(t, 200).Body), "2 uploads removed")
			equal(t, "none", string(me.Call(t, "DELETE", "/me/uploads", nil).Want(t, 200).Body), "0 uploads removed")
			equal(t, "left", len(pageOf[harness.PlikUpload](t, me, "/me/uploads").Results), 0)
			me.Call(t, "DELETE", "/me/uploads?token="+userToken(t, other).Token, nil).Says(t, 404, "token not found")
			reads(t, p, kept, f, nine)
		}},
		{says: "12: removing an upload while a file comes in leaves neither", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, object{"files": one("a")})
			w, done := slowly(t, p, u, u.Files[0], nine)
			p.Admin(u).Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			_, _ = io.WriteString(w, nine)
			w.Close()
			if r := <-done; r.Status == 200 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			p.Call(t, "GET", "/upload/"+u.ID, nil).Says(t, 404, "upload "+u.ID+" not found")
		}},
	}
}
