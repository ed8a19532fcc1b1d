package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// fileList is a page of lockr's files.
type fileList struct {
	Files      []harness.File
	NextCursor string
	Usage      struct{ Used, Quota int64 }
}

func files(t *testing.T, l *harness.Lockr, query string) fileList {
	t.Helper()
	var out fileList
	l.Call(t, "GET", "/api/v1/files"+query, nil).Want(t, 200).JSON(t, &out)
	return out
}

// used waits until an account is said to have so many bytes: a reader of counts
// waits for the background, but not for long.
func used(t *testing.T, l *harness.Lockr, bytes int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d bytes used", bytes), func() bool { return files(t, l, "").Usage.Used == bytes })
}

func directRules() []rule {
	return []rule{
		{says: "a direct upload, with and without Content-Length", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 300_000)
			for name, body := range map[string]any{"whitepaper.pdf": b, "chunked.pdf": unsized(b)} {
				f := l.Upload(t, name, body, "Content-Type", "application/pdf")
				if f.Type != "application/pdf" || !strings.HasSuffix(f.ID, "_"+name) || !strings.Contains(f.DownloadURL, f.ID) || !strings.HasSuffix(f.URL, "/download/"+f.ID) {
					t.Errorf("%+v", f)
				}
				downloads(t, l, f, b)
			}
		}},
		{says: "names: percent-encoded UTF-8, none at all, hostile ones", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			equal(t, "decoded", l.Upload(t, url.PathEscape("höhe & 100%.txt"), "x").Name, "höhe & 100%.txt")
			if f := l.Call(t, "POST", "/api/v1/upload", "x").Want(t, 201).File(t); f.Name == "" {
				t.Errorf("%+v", f)
			}
			for _, name := range []string{"../../etc/passwd", "a/b\\c", "..", ".", "%2e%2e%2f", "nul%00byte", "line%0afeed", strings.Repeat("n", 300), "   ", "_a_b_"} {
				f := l.Upload(t, name, "x")
				if f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, "/\x00\n") || len(f.Name) > 255 || strings.ContainsAny(f.ID, "/\\ %\n") {
					t.Errorf("%q became %q, %q", name, f.Name, f.ID)
				}
				downloads(t, l, f, []byte("x"))
			}
			for _, name := range []string{"%ff%fe", "%zz", "100%"} {
				l.Call(t, "POST", "/api/v1/upload", "x", "x-file-name", name).Refuses(t, 400, "")
			}
		}},
		{says: "an equal name gets the next free one", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			for _, want := range []string{"a.txt", "a (2).txt", "a (3).txt"} {
				equal(t, "name", l.Upload(t, "a.txt", want).Name, want)
			}
			equal(t, "files", len(files(t, l, "").Files), 3)
		}},
		{says: "guests: no key, a smaller limit, an expiry", check: func(t *testing.T, g *ground) {
			guest := harness.Guest(t, g.tight)
			f := guest.Upload(t, "guest", nine)
			if f.ExpiresAt == nil || f.HasKey {
				t.Errorf("%+v", f)
			}
			downloads(t, guest, f, []byte(nine))
			guest.Call(t, "POST", "/api/v1/upload", "x", "x-file-name", "x", "x-key-hash", harness.KeyHash("p")).Refuses(t, 403, "")
			guest.Call(t, "POST", "/api/v1/upload", randomBytes(t, tightGuest+1), "x-file-name", "x").Refuses(t, 413, "")
			guest.Call(t, "POST", "/api/v1/upload", unsized(randomBytes(t, tightGuest+1)), "x-file-name", "x").Refuses(t, 413, "")
			equal(t, "an account's", lockr(t, g.tight).Upload(t, "x", "x").ExpiresAt == nil, true)
		}},
		{says: "a guest's file goes at its expiry", check: func(t *testing.T, g *ground) {
			guest := harness.Guest(t, g.tight)
			f := guest.Upload(t, "short", nine)
			eventually(t, "the expiry", func() bool { return guest.Download(t, f.ID, "").Status == 404 })
		}},
		{says: "too large is 413 before the quota, which is 403 quota_exceeded", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			l.Upload(t, "1", randomBytes(t, tightObject))
			l.Call(t, "POST", "/api/v1/upload", randomBytes(t, tightObject+1), "x-file-name", "x").Refuses(t, 413, "")
			l.Upload(t, "2", randomBytes(t, tightStorage-tightObject-10))
			l.Call(t, "POST", "/api/v1/upload", randomBytes(t, 11), "x-file-name", "x").Refuses(t, 403, "quota_exceeded")
			l.Call(t, "POST", "/api/v1/upload", unsized(randomBytes(t, 11)), "x-file-name", "x").Refuses(t, 403, "quota_exceeded")
			eventually(t, "what was refused holds no room", func() bool {
				r := l.Call(t, "POST", "/api/v1/upload", randomBytes(t, 10), "x-file-name", "3")
				return r.Status == 201
			})
			used(t, l, tightStorage)
		}},
		{says: "an upload that breaks off leaves nothing", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			_, err := l.Try(t.Context(), "POST", "/api/v1/upload", harness.Cut(strings.NewReader(nine), 5), "x-file-name", "cut", "Content-Length", "9")
			if err == nil {
				t.Error("there was an answer")
			}
			equal(t, "files", len(files(t, l, "").Files), 0)
		}},
	}
}

func fileRules() []rule {
	return []rule{
		{says: "the list is newest first, in pages", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			for i := range 7 {
				l.Upload(t, fmt.Sprint(i), "x")
			}
			used(t, l, 7)
			var got []string
			cursor := ""
			for range 10 {
				page := files(t, l, "?limit=3"+cursor)
				for _, f := range page.Files {
					got = append(got, f.Name)
				}
				equal(t, "used", page.Usage.Used, 7)
				equal(t, "quota", page.Usage.Quota, int64(100e9))
				if page.NextCursor == "" {
					break
				}
				cursor = "&cursor=" + url.QueryEscape(page.NextCursor)
			}
			equal(t, "order", strings.Join(got, ""), "6543210")
			for _, q := range []string{"?limit=0", "?limit=x", "?limit=-1", "?cursor=nonsense"} {
				l.Call(t, "GET", "/api/v1/files"+q, nil).Refuses(t, 400, "")
			}
		}},
		{says: "a key is set and cleared; only the owner may", check: func(t *testing.T, g *ground) {
			l, other := lockr(t, g.w), lockr(t, g.w)
			f := l.Upload(t, "secret", nine)
			path := "/api/v1/files/" + f.ID + "/key"
			var k struct {
				ID     string
				HasKey bool
			}
			l.Call(t, "POST", path, object{"key": "open sesame"}).Want(t, 200).JSON(t, &k)
			if k.ID != f.ID || !k.HasKey {
				t.Errorf("%+v", k)
			}
			equal(t, "listed", files(t, l, "").Files[0].HasKey, true)
			guest := harness.Guest(t, g.w)
			guest.Download(t, f.ID, "").Refuses(t, 403, "")
			guest.Download(t, f.ID, "?keyHash="+harness.KeyHash("wrong")).Refuses(t, 403, "")
			guest.Download(t, f.ID, "?keyHash=zz").Refuses(t, 403, "")
			guest.Download(t, f.ID, "?keyHash="+harness.KeyHash("open sesame")).Want(t, 200)
			other.Download(t, f.ID, "").Refuses(t, 403, "")
			downloads(t, l, f, []byte(nine))
			other.Call(t, "POST", path, object{"key": "mine"}).Refuses(t, 404, "")
			guest.Call(t, "POST", path, object{"key": "mine"}).Refuses(t, 401, "")
			for _, clear := range []any{object{"key": ""}, object{"key": nil}} {
				l.Call(t, "POST", path, object{"key": "x"}).Want(t, 200)
				l.Call(t, "POST", path, clear).Want(t, 200).JSON(t, &k)
				equal(t, "cleared", k.HasKey, false)
			}
			guest.Download(t, f.ID, "").Want(t, 200)
			for _, bad := range []any{object{"key": 1}, `{"key":`, "[]", object{"key": strings.Repeat("k", 5000)}} {
				l.Call(t, "POST", path, bad, "Content-Type", "application/json").Refuses(t, 400, "")
			}
		}},
		{says: "an upload may bring its key: phrase or hash", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.w), harness.Guest(t, g.w)
			direct := l.Upload(t, "a", nine, "x-key-hash", harness.KeyHash("p"))
			s := l.Session(t, "b", 9, "key", "p")
			h := l.Session(t, "c", 9, "keyHash", harness.KeyHash("p"))
			l.Chunk(t, s, 0, []byte(nine), 9).Want(t, 201)
			l.Chunk(t, h, 0, []byte(nine), 9).Want(t, 201)
			for _, id := range []string{direct.ID, s.ID, h.ID} {
				guest.Download(t, id, "").Refuses(t, 403, "")
				guest.Download(t, id, "?keyHash="+harness.KeyHash("p")).Want(t, 200)
			}
		}},
		{says: "register makes a guest's file one's own, under its id", check: func(t *testing.T, g *ground) {
			l, other, guest := lockr(t, g.w), lockr(t, g.w), harness.Guest(t, g.w)
			f := guest.Upload(t, "found", nine)
			got := l.Call(t, "POST", "/api/v1/files/register", object{"id": f.ID}).Want(t, 200).File(t)
			if got.ID != f.ID || got.ExpiresAt != nil {
				t.Errorf("%+v", got)
			}
			l.Call(t, "POST", "/api/v1/files/register", object{"id": f.ID}).Want(t, 200)
			other.Call(t, "POST", "/api/v1/files/register", object{"id": f.ID}).Refuses(t, 403, "")
			guest.Call(t, "POST", "/api/v1/files/register", object{"id": f.ID}).Refuses(t, 401, "")
			l.Call(t, "POST", "/api/v1/files/register", object{"id": "us-central1_aaaaaaaaaaaaaaaaaaaa_x"}).Refuses(t, 404, "")
			for _, bad := range []any{object{}, object{"id": 1}, object{"id": "x"}, "[]"} {
				if r := l.Call(t, "POST", "/api/v1/files/register", bad, "Content-Type", "application/json"); r.Status != 400 && r.Status != 404 {
					t.Errorf("%v: %d", bad, r.Status)
				}
			}
			used(t, l, 9)
			equal(t, "files", len(files(t, l, "").Files), 1)
			downloads(t, guest, got, []byte(nine))
		}},
		{says: "registering beyond the quota is 403 and leaves the file the guests'", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.tight), harness.Guest(t, g.tight)
			l.Upload(t, "1", randomBytes(t, tightObject))
			l.Upload(t, "2", randomBytes(t, tightObject))
			f := guest.Upload(t, "found", nine)
			l.Call(t, "POST", "/api/v1/files/register", object{"id": f.ID}).Refuses(t, 403, "quota_exceeded")
		}},
		{says: "DELETE removes; not mine is 404", check: func(t *testing.T, g *ground) {
			l, other := lockr(t, g.w), lockr(t, g.w)
			f := l.Upload(t, "a", nine)
			other.Call(t, "DELETE", "/api/v1/files/"+f.ID, nil).Refuses(t, 404, "")
			harness.Guest(t, g.w).Call(t, "DELETE", "/api/v1/files/"+f.ID, nil).Refuses(t, 401, "")
			var d struct {
				ID      string
				Deleted bool
			}
			l.Call(t, "DELETE", "/api/v1/files/"+f.ID, nil).Want(t, 200).JSON(t, &d)
			if d.ID != f.ID || !d.Deleted {
				t.Errorf("%+v", d)
			}
			l.Download(t, f.ID, "").Refuses(t, 404, "")
			l.Call(t, "DELETE", "/api/v1/files/"+f.ID, nil).Refuses(t, 404, "")
			used(t, l, 0)
			l.Upload(t, "a", "the name is free")
		}},
		{says: "files are seen through lockwell by their path, and the other way round", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			l := c.Lockr()
			f := l.Upload(t, "seen.txt", nine)
			equal(t, "by path", string(c.Get(t, "drive", "seen.txt", nil).Want(t, 200).Body), nine)
			c.Call(t, "PUT", harness.ObjectPath("drive", "some/folder/put.txt"), "from lockwell").Want(t, 201)
			all := c.ListAll(t, "drive")
			if len(all) != 2 || all["some/folder/put.txt"] != 13 || all["seen.txt"] != 9 {
				t.Errorf("%v", all)
			}
			list := files(t, l, "")
			equal(t, "listed", len(list.Files), 2)
			equal(t, "name", list.Files[0].Name, "put.txt")
			equal(t, "read", string(l.Download(t, list.Files[0].ID, "").Want(t, 200).Body), "from lockwell")
			c.Call(t, "DELETE", harness.ObjectPath("drive", "seen.txt"), nil).Want(t, 204)
			l.Download(t, f.ID, "").Refuses(t, 404, "")
			c.Call(t, "PUT", harness.ObjectPath("drive", "../escape"), "x").Is(t, 400, "")
		}},
	}
}

func downloadRules() []rule {
	return []rule{
		{says: "GET and HEAD: type, length, validator, attachment, and nothing that runs", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.w), harness.Guest(t, g.w)
			f := l.Upload(t, url.PathEscape(`ev"il ü.html`), "<script>alert(1)</script>", "Content-Type", "text/html")
			for _, method := range []string{"GET", "HEAD"} {
				r := guest.Call(t, method, "/api/v1/download/"+f.ID, nil).Want(t, 200)
				h := r.Header
				equal(t, "length", h.Get("Content-Length"), "25")
				equal(t, "nosniff", h.Get("X-Content-Type-Options"), "nosniff")
				if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
					!strings.Contains(h.Get("Content-Disposition"), "filename*=UTF-8''") || h.Get("ETag") == "" || h.Get("Accept-Ranges") != "bytes" {
					t.Errorf("%s: %v", method, h)
				}
				equal(t, "body", len(r.Body) > 0, method == "GET")
			}
		}},
		{says: "ranges and conditions", check: func(t *testing.T, g *ground) {
			guest := harness.Guest(t, g.w)
			f := lockr(t, g.w).Upload(t, "r", nine)
			r := guest.Download(t, f.ID, "", "Range", "bytes=2-4").Want(t, 206)
			equal(t, "range", string(r.Body), nine[2:5])
			equal(t, "Content-Range", r.Header.Get("Content-Range"), "bytes 2-4/9")
			equal(t, "suffix", string(guest.Download(t, f.ID, "", "Range", "bytes=-2").Want(t, 206).Body), nine[7:])
			equal(t, "beyond", guest.Download(t, f.ID, "", "Range", "bytes=99-").Status, 416)
			guest.Download(t, f.ID, "", "If-None-Match", r.Header.Get("ETag")).Want(t, 304)
			guest.Download(t, f.ID, "", "If-Match", `"other"`).Want(t, 412)
			guest.Download(t, f.ID, "", "Range", "bytes=0-1", "If-Range", `"other"`).Want(t, 200)
		}},
		{says: "ids that are none are 404", check: func(t *testing.T, g *ground) {
			guest := harness.Guest(t, g.w)
			for _, id := range []string{"x", "us-central1_", "us-central1__", "us-central1_abc_x", "_a_b", "us-central1_" + strings.Repeat("a", 500) + "_x", "%00", "..%2f..", "us-central1_aaaaaaaaaaaaaaaaaaaa_x"} {
				guest.Call(t, "GET", "/api/v1/download/"+id, nil).Refuses(t, 404, "")
			}
		}},
		{says: "the owner's signed URL needs no credentials and no key, until it expires", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.w), harness.Guest(t, g.w)
			f := l.Upload(t, "s", nine, "x-key-hash", harness.KeyHash("p"))
			r := l.Call(t, "GET", "/api/v1/download/"+f.ID+"?signed=1", nil).Want(t, 302)
			at := r.Header.Get("Location")
			equal(t, "signed", string(guest.Call(t, "GET", at, nil).Want(t, 200).Body), nine)
			equal(t, "in the list", string(guest.Call(t, "GET", files(t, l, "").Files[0].SignedURL, nil).Want(t, 200).Body), nine)
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			for name := range q {
				bad := url.Values{}
				for k, v := range q {
					bad[k] = v
				}
				bad.Set(name, q.Get(name)+"1")
				u.RawQuery = bad.Encode()
				if r := guest.Call(t, "GET", u.String(), nil); r.Status == 200 {
					t.Errorf("with another %s: 200", name)
				}
			}
			other := l.Upload(t, "o", nine, "x-key-hash", harness.KeyHash("p"))
			if r := guest.Call(t, "GET", strings.Replace(at, f.ID, other.ID, 1), nil); r.Status == 200 {
				t.Error("the signature holds for another file")
			}
			guest.Download(t, f.ID, "?signed=1").Refuses(t, 403, "")
		}},
		{says: "downloads are counted", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.w), harness.Guest(t, g.w)
			f := l.Upload(t, "n", nine)
			for range 3 {
				guest.Download(t, f.ID, "").Want(t, 200)
			}
			guest.Call(t, "HEAD", "/api/v1/download/"+f.ID, nil).Want(t, 200)
			guest.Download(t, f.ID, "", "Range", "bytes=5-").Want(t, 206)
			eventually(t, "3 downloads", func() bool { return files(t, l, "").Files[0].Downloads == 3 })
		}},
		{says: "the page: 200 with a policy, 404 for what is not there", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.w), harness.Guest(t, g.w)
			f := l.Upload(t, url.PathEscape("<b>page.txt"), nine)
			r := guest.Call(t, "GET", "/download/"+f.ID, nil).Want(t, 200)
			if !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'self'") || strings.Contains(string(r.Body), "<b>page") || !strings.Contains(string(r.Body), "&lt;b&gt;page") {
				t.Errorf("%v\n%s", r.Header, r.Body)
			}
			guest.Call(t, "GET", "/download/us-central1_aaaaaaaaaaaaaaaaaaaa_x", nil).Want(t, 404)
			guest.Call(t, "GET", "/account", nil).Want(t, 200)
		}},
		{says: "methods that a path does not have are 405 with Allow, unknown paths 404", check: func(t *testing.T, g *ground) {
			guest := harness.Guest(t, g.w)
			r := guest.Call(t, "PATCH", "/api/v1/files", nil)
			if r.Status != http.StatusMethodNotAllowed || r.Header.Get("Allow") == "" {
				t.Errorf("%d %v", r.Status, r.Header)
			}
			guest.Call(t, "GET", "/api/v1/files/none/of/these", nil).Want(t, 404)
		}},
		{says: "guests are throttled per address, with Retry-After", check: func(t *testing.T, g *ground) {
			w := harness.Start(t, harness.Options{Env: append(plainSettings(), "SLUICE_LOCKR_GUEST_RATE=5")})
			guest := harness.Guest(t, w)
			var last harness.Response
			for range 20 {
				if last = guest.Call(t, "POST", "/api/v1/upload", "x", "x-file-name", "x"); last.Status == 429 {
					break
				}
			}
			last.Refuses(t, 429, "rate_limited")
			if last.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			account(t, w).Lockr().Upload(t, "an account", "is not")
		}},
	}
}
