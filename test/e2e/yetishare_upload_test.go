package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// yetiUploadRules: /file/upload.
func yetiUploadRules() []rule {
	const uploadMembers = "name size type error url delete_url info_url delete_type delete_hash hash stats_url short_url file_id unique_hash url_html url_bbcode"
	return []rule{
		{says: "an upload is answered with a list of one, with all documented members in their order", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			body := randomBytes(t, 149084)
			r := y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "sample4_l.jpg", Type: "image/jpeg", Content: body})...).Tells(t, "File uploaded")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", uploadMembers)+yetiEnd)
			u := r.Uploaded(t)
			base := g.w.URL + "/" + u.ShortURL
			equal(t, "name", u.Name, "sample4_l.jpg")
			equal(t, "size", u.Size, "149084")
			equal(t, "type", u.Type, "image/jpeg")
			equal(t, "hash", u.Hash, md5Of(body))
			equal(t, "url", u.URL, base)
			equal(t, "delete_url", u.DeleteURL, base+"~d?"+u.DeleteHash)
			matches(t, "info_url", u.InfoURL, strings.ReplaceAll(base, ".", `\.`)+`~i\?[0-9a-f]{32}`)
			equal(t, "stats_url", u.StatsURL, base+"~s")
			equal(t, "delete_type", u.DeleteType, "DELETE")
			matches(t, "delete_hash", u.DeleteHash, `[0-9a-f]{32}`)
			matches(t, "unique_hash", u.UniqueHash, `[0-9a-f]{64}`)
			matches(t, "short_url", u.ShortURL, `[A-Za-z0-9]{6,}`)
			matches(t, "file_id", u.FileID, `[1-9][0-9]*`)
			equal(t, "url_bbcode", u.URLBBCode, "[url]"+base+"[/url]")
			equal(t, "url_html", u.URLHTML, `<a href="`+base+`" target="_blank" title="View image on Sluice">view sample4_l.jpg on Sluice</a>`)
		}},
		{says: "the bytes are those that were sent, and the type too", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			body := randomBytes(t, 3<<20+17)
			u := y.Upload(t, "big.bin", body)
			equal(t, "hash", u.Hash, md5Of(body))
			f := y.File(t, u.FileID)
			equal(t, "fileSize", f.FileSize, fmt.Sprint(len(body)))
			if r := yetiDownload(t, y, u.FileID); !bytes.Equal(r.Body, body) {
				t.Errorf("%d other bytes", len(r.Body))
			}
		}},
		{says: "folder_id says where, before the file or behind it; blank is the root", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			file := func(name string) harness.YetiPart {
				return harness.YetiPart{Name: "upload_file", Filename: name, Content: "x"}
			}
			y.Send(t, "/file/upload", append(y.Fields("folder_id", d.ID), file("before"))...).Uploaded(t)
			y.Send(t, "/file/upload", append(append(y.Fields(), file("behind")), harness.YetiPart{Name: "folder_id", Content: d.ID})...).Uploaded(t)
			y.Send(t, "/file/upload", append(y.Fields("folder_id", ""), file("root"))...).Uploaded(t)
			equal(t, "in the folder", filesOf(y.List(t, d.ID)), "before|behind")
			equal(t, "in the root", filesOf(y.List(t, "")), "root")
			for _, parts := range [][]harness.YetiPart{append(y.Fields("folder_id", "999999999"), file("none")), append(append(y.Fields(), file("none")), harness.YetiPart{Name: "folder_id", Content: "999999999"})} {
				y.Send(t, "/file/upload", parts...).Regrets(t, 200, yetiNoFolder)
			}
			equal(t, "in the root", filesOf(y.List(t, "")), "root")
		}},
		{says: "the credentials may stand in the query string, and behind a small file", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			file := harness.YetiPart{Name: "upload_file", Filename: "f", Content: "x"}
			y.Send(t, "/file/upload?"+y.Values().Encode(), file).Uploaded(t)
			y.Send(t, "/file/upload", append([]harness.YetiPart{file}, y.Fields()...)...).Uploaded(t)
			big := harness.YetiPart{Name: "upload_file", Filename: "big", Content: bytes.Repeat([]byte("x"), 1<<20)}
			if r := y.Send(t, "/file/upload", append([]harness.YetiPart{big}, y.Fields()...)...); r.Status != 400 || !strings.Contains(string(r.Body), "Send access_token and account_id before upload_file") {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}},
		{says: "the sentences of what is no file: none, no name, no byte", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "upload_file", Content: "no file"})...).Regrets(t, 200, "Did not receive uploaded file.")
			y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "file", Filename: "f", Content: "x"})...).Regrets(t, 200, "Did not receive uploaded file.")
			y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "f", Content: ""})...).Regrets(t, 200, "Filesize received was zero.")
			equal(t, "in the root", filesOf(y.List(t, "")), "")
		}},
		{says: "who may not is told before the file is taken in", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			k := *y
			k.Token = strings.Repeat("A", 128)
			k.Send(t, "/file/upload", append(k.Fields(), harness.YetiPart{Name: "upload_file", Filename: "f", Content: "x"})...).Regrets(t, 200, yetiReauth)
		}},
		{says: "a name that is taken gives way, and both files are there", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			one, two := y.Upload(t, "same.txt", "one"), y.Upload(t, "same.txt", "two")
			if one.FileID == two.FileID || one.ShortURL == two.ShortURL || two.Name == "same.txt" {
				t.Errorf("%+v and %+v", one, two)
			}
			equal(t, "first", string(yetiDownload(t, y, one.FileID).Body), "one")
			equal(t, "second", string(yetiDownload(t, y, two.FileID).Body), "two")
			equal(t, "names", filesOf(y.List(t, "")), two.Name+"|same.txt")
		}},
		{says: "two files in one form are refused, and nothing is stored", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			part := harness.YetiPart{Name: "upload_file", Filename: "f", Content: "x"}
			r := y.Send(t, "/file/upload", append(y.Fields(), part, part)...)
			equal(t, "status", r.Status, 400)
			equal(t, "in the root", filesOf(y.List(t, "")), "")
		}},
		{says: "a body that breaks off stores nothing, wherever", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			whole, kind := harness.YetiForm(append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "cut", Content: bytes.Repeat([]byte("x"), 2<<20)}, harness.YetiPart{Name: "folder_id", Content: ""})...)
			b, err := io.ReadAll(whole)
			noError(t, "form", err)
			c := &harness.Client{HTTP: y.HTTP, URL: y.URL}
			for _, n := range []int{100, 300, len(b) / 2, len(b) - 150, len(b) - 3} {
				raw := c.Raw(t, "POST", "/api/v2/file/upload", "Content-Type", kind, "Content-Length", fmt.Sprint(len(b)))
				_, err := raw.Write(b[:n])
				noError(t, "write", err)
				if status := raw.CutOff(); status == 200 && n > 300 {
					t.Errorf("%d bytes of %d: %d", n, len(b), status)
				}
			}
			// A form that ends before its closing boundary is whole for HTTP and is not for us.
			y.Call(t, "POST", "/api/v2/file/upload", b[:len(b)-8], "Content-Type", kind).Want(t, 400)
			equal(t, "in the root", filesOf(y.List(t, "")), "")
		}},
		{says: "with an exact length as well as chunked", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			form, kind := harness.YetiForm(append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "f", Content: "content"})...)
			b, err := io.ReadAll(form)
			noError(t, "form", err)
			y.Call(t, "POST", "/api/v2/file/upload", b, "Content-Type", kind).Uploaded(t)
			y.Upload(t, "f", "content")
			equal(t, "files", len(y.List(t, "").Files), 2)
		}},
		{says: "a file over the plan's size is refused with 200 and a sentence, announced or not", check: func(t *testing.T, g *ground) {
			y := yeti(t, g.tight)
			form, kind := harness.YetiForm(append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "f", Content: make([]byte, tightObject+1)})...)
			b, err := io.ReadAll(form)
			noError(t, "form", err)
			for _, body := range []any{b, io.MultiReader(bytes.NewReader(b))} {
				r := y.Call(t, "POST", "/api/v2/file/upload", body, "Content-Type", kind)
				if r.Status != 200 || members(t, r.Body) != "status response _status _datetime" {
					t.Errorf("%d %s", r.Status, r.Body)
				}
			}
			equal(t, "in the root", filesOf(y.List(t, "")), "")
		}},
		{says: "a file over the account's storage is refused, one within it is not, and trash counts until it is purged", check: func(t *testing.T, g *ground) {
			y := yeti(t, g.tight)
			half := randomBytes(t, tightObject)
			one := y.Upload(t, "one", half)
			y.Upload(t, "two", randomBytes(t, tightObject-1000))
			full := func() harness.Response {
				return y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: "three", Content: randomBytes(t, 4000)})...)
			}
			if r := full(); r.Status != 200 || members(t, r.Body) != "status response _status _datetime" {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			y.Ask(t, "/file/delete", "file_id", one.FileID).Want(t, 200)
			if r := full(); members(t, r.Body) != "status response _status _datetime" {
				t.Errorf("trash does not count: %s", r.Body)
			}
			y.Upload(t, "small", randomBytes(t, 500))
		}},
		{says: "url_html escapes as it must, whatever the name", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, `<b>"it's" & so.txt`, "x")
			equal(t, "url_html", u.URLHTML, `<a href="`+u.URL+`" target="_blank" title="Download from Sluice">download &lt;b&gt;&quot;it&#039;s&quot; &amp; so.txt from Sluice</a>`)
		}},
		{says: "many uploads at once into one folder get names and ids of their own", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			parallel(t, 8, func(i int) {
				for n := range 3 {
					r, err := y.TrySend(t.Context(), "/file/upload", append(y.Fields("folder_id", d.ID), harness.YetiPart{Name: "upload_file", Filename: "same", Content: fmt.Sprint(i, n)})...)
					if err != nil || r.Status != http.StatusOK || !strings.Contains(string(r.Body), `"success"`) {
						t.Errorf("%v %d %s", err, r.Status, r.Body)
					}
				}
			})
			l := y.List(t, d.ID)
			seen := map[string]bool{}
			for _, f := range l.Files {
				for _, s := range []string{"name " + f.Filename, "id " + f.ID, "short " + f.ShortURL} {
					if seen[s] {
						t.Errorf("twice: %s", s)
					}
					seen[s] = true
				}
			}
			equal(t, "files", len(l.Files), 24)
		}},
	}
}

// yetiDownload reads a file by a download URL.
func yetiDownload(t *testing.T, y *harness.Yetishare, id string) harness.Response {
	t.Helper()
	var d struct {
		ID   string `json:"file_id"`
		Name string `json:"filename"`
		URL  string `json:"download_url"`
	}
	y.Ask(t, "/file/download", "file_id", id).Data(t, &d)
	return y.Call(t, "GET", d.URL, nil).Want(t, 200)
}
