package web_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds a text against a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

// everyPage gives each kind of page, of somebody and of nobody.
func everyPage(t *testing.T, w *edgetest.World) map[string]answer {
	t.Helper()
	b, nobody := open(t, w), open(t, w)
	pages := map[string]answer{"signed up": b.signUp(t, "grace")}
	id := b.upload(t, "a.png", "image/png", "x")
	keyed := b.upload(t, "b.txt", "text/plain", "x")
	b.post(t, 303, "/account/files/"+keyed+"/key", "key", "x")
	pages["account"] = b.get(t, 200, "/account")
	pages["file"] = b.get(t, 200, "/account/files/"+id)
	pages["own home"] = b.get(t, 200, "/")
	pages["own download"] = b.get(t, 200, "/download/"+keyed)
	pages["refused"] = b.post(t, 401, "/account/delete", "password", "wrong")
	pages["home"] = nobody.get(t, 200, "/")
	pages["entrance"] = nobody.get(t, 200, "/account")
	pages["wrong password"] = nobody.post(t, 401, "/account/login", "identifier", "x", "password", "y")
	pages["download"] = nobody.get(t, 200, "/download/"+id)
	pages["locked"] = nobody.get(t, 200, "/download/"+keyed)
	pages["not found"] = nobody.get(t, 404, "/account/nothing")
	b.made(t, "title", "x", "links", "https://a.example/1", "password", "x", "group", "y")
	locked := contain(t, w.Links, linksv1.CreateRequest{Password: "x", Options: linksv1.Options{Captcha: true}}, "https://a.example/1")
	pages["containers"] = b.get(t, 200, "/containers")
	pages["no such container"] = nobody.get(t, 404, "/container/1")
	pages["container"] = nobody.get(t, 200, "/container/"+locked.ID)
	pages["API key"] = b.post(t, 201, "/apip")
	everyHostingPage(t, w, b, nobody, pages)
	return pages
}

// everyHostingPage adds the pages of files and folders of b's.
func everyHostingPage(t *testing.T, w *edgetest.World, b, nobody *browser, pages map[string]answer) {
	t.Helper()
	me := authv1.Principal{AccountID: "acc-grace"}
	file, err := w.Object.StatNode(t.Context(), objectv1.NodeRequest{Principal: me, Path: "b.txt"})
	if err != nil {
		t.Fatal(err)
	}
	short := "/" + file.Object.File.Short
	var folders [2]objectv1.DriveNode
	for i, hash := range [][]byte{nil, []byte("some hash")} {
		folders[i], err = w.Object.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: me, Name: fmt.Sprint("folder", i), Sharing: objectv1.Sharing{Visibility: objectv1.VisibilityPublic, PasswordHash: hash}})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages["shared file"] = nobody.get(t, 200, short)
	pages["own shared file"] = b.get(t, 200, short)
	pages["shared file's information"] = b.get(t, 200, short+"~i")
	pages["shared file's statistics"] = nobody.get(t, 200, short+"~s")
	pages["wrong hash"] = nobody.get(t, 403, short+"~d?x")
	pages["shared folder"] = nobody.get(t, 200, fmt.Sprintf("/folder/%d/x", folders[0].Number))
	pages["locked folder"] = nobody.get(t, 200, fmt.Sprintf("/folder/%d/x", folders[1].Number))
	pages["search"] = nobody.get(t, 200, "/search?q=folder")
	pages["file manager"] = b.get(t, 200, "/account/files")
	pages["file manager's problem"] = b.post(t, 400, "/account/folders", "name", "a/b")
	pages["places"] = b.get(t, 200, "/account/place?do=move&ids="+file.NodeID)
	pages["file's properties"] = b.get(t, 200, "/account/nodes/"+file.NodeID)
	pages["folder's properties"] = b.get(t, 200, "/account/nodes/"+folders[1].NodeID)
	pages["key pair"] = b.post(t, 201, "/account/keypair")
	b.post(t, 303, "/account/selected", "do", "trash", "node."+folders[0].NodeID, "1")
	pages["trash"] = b.get(t, 200, "/account/trash")
}

func TestPages_KeepTheirPolicy(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script[^>]*>[^<]`)
	loads := regexp.MustCompile(`(?:src|href|action)="([^"]*)"`)
	asked := map[string]bool{}
	for name, p := range everyPage(t, w) {
		csp := p.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'self';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: policy %q", name, csp)
		}
		if p.Header.Get("X-Content-Type-Options") != "nosniff" || p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", name, p.Header)
		}
		if found := inline.FindString(p.body); found != "" {
			t.Errorf("%s has %q", name, found)
		}
		for _, m := range loads.FindAllStringSubmatch(p.body, -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "//") {
				t.Errorf("%s leads to %q", name, m[1])
			}
			if strings.HasPrefix(m[1], "/assets/") {
				asked[m[1]] = true
			}
		}
		for _, want := range []string{`<html lang="en">`, `name="viewport"`, `<main id="main">`, "<h1", "<title>"} {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
	}
	if len(asked) < 4 {
		t.Errorf("the pages load %v", asked)
	}
	total := 0
	b := open(t, w)
	for path := range asked {
		a := b.get(t, 200, path)
		total += len(a.body)
		if !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, a.Header)
		}
		if again := b.get(t, 304, path, "If-None-Match", a.Header.Get("Etag")); again.body != "" {
			t.Errorf("%s: 304 with %q", path, again.body)
		}
	}
	if total > 120<<10 {
		t.Errorf("the assets have %d bytes", total)
	}
	stale := b.get(t, 200, "/assets/000000000000/page.css")
	if cc := stale.Header.Get("Cache-Control"); !strings.Contains(cc, "no-cache") {
		t.Errorf("an older version may be kept: %q", cc)
	}
	b.get(t, 404, "/assets/000000000000/nothing.css")
	b.get(t, 404, "/assets/000000000000/..%2Fpage.go")
}

// Every label belongs to a field, every field and button has a name.
func TestPages_Labels(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	field := regexp.MustCompile(`<(input|select|textarea|meter)\b[^>]*>`)
	pages := everyPage(t, w)
	b := open(t, w)
	b.signUp(t, "lin")
	id := b.made(t, "title", "x", "links", "https://a.example/1\nhttps://b.example/1")
	pages["open container"] = b.get(t, 200, "/container/"+id)
	pages["own container"] = b.get(t, 200, "/containers/"+id)
	for name, p := range pages {
		for _, at := range field.FindAllStringIndex(p.body, -1) {
			tag := p.body[at[0]:at[1]]
			before := p.body[:at[0]]
			inLabel := strings.LastIndex(before, "<label") > strings.LastIndex(before, "</label>")
			if !inLabel && !strings.Contains(tag, "aria-label") && !strings.Contains(tag, `type="hidden"`) && !strings.Contains(tag, `type="image"`) {
				t.Errorf("%s: nothing says what this is: %s", name, tag)
			}
		}
		for img := range regexpEach(p.body, `<(img|input type="image")\b[^>]*>`) {
			if !strings.Contains(img, "alt=") {
				t.Errorf("%s: %s", name, img)
			}
		}
		for id := range regexpEach(p.body, `\sid="[^"]+"`) {
			if strings.Count(p.body, id) > 1 {
				t.Errorf("%s has%s twice", name, id)
			}
		}
	}
}

func regexpEach(text, pattern string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllString(text, -1) {
		found[m] = true
	}
	return found
}

func TestForms_OfOtherSites(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	id := b.upload(t, "a.txt", "text/plain", "x")
	for _, path := range []string{
		"/account/signup", "/account/login", "/account/logout", "/account/region", "/account/password", "/account/delete", "/account/tokens",
		"/account/tokens/tok_0000000000000002/revoke", "/account/files/" + id + "/key", "/account/files/" + id + "/delete", "/account/register", "/download/" + id,
	} {
		form := url.Values{"username": {"evil"}, "email": {"e@example.com"}, "identifier": {"grace"}, "password": {password}, "current": {password}, "new": {"another one"}, "id": {id}}.Encode()
		for _, from := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"}} {
			a := b.send(t, 403, b.request(t, "POST", path, form, from...))
			a.has(t, "The request comes from another site")
			if len(a.Cookies()) > 0 {
				t.Errorf("%s sets %v", path, a.Cookies())
			}
		}
	}
	b.get(t, 200, "/account/files/"+id, "Sec-Fetch-Site", "cross-site") // a link is no form
}

func TestForms_Malformed(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	b.signUp(t, "grace")
	for name, c := range map[string]struct {
		status     int
		form, typ  string
		wantOnPage string
	}{
		"json":        {400, `{"identifier":"grace"}`, "application/json", "application/x-www-form-urlencoded"},
		"multipart":   {400, "--x--", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"},
		"no type":     {400, "identifier=grace", "-", "application/x-www-form-urlencoded"},
		"twice":       {400, "identifier=grace&identifier=eve&password=x", "", "&#34;identifier&#34; twice"},
		"huge":        {413, "identifier=" + strings.Repeat("x", 20<<10), "", "larger than 16 KiB"},
		"long field":  {400, "identifier=" + strings.Repeat("x", 1025), "", "1024 bytes at most"},
		"not UTF-8":   {400, "identifier=%ff&password=x", "", "is not text"},
		"NUL":         {400, "identifier=a%00b&password=x", "", "is not text"},
		"bad escape":  {400, "identifier=%zz", "", "malformed"},
		"empty":       {400, "", "", "Identifier is needed."},
		"semicolon":   {400, "identifier=grace;password=x", "", "malformed"},
		"from query":  {400, "password=x", "", "Identifier is needed."},
		"other names": {400, "a=b&c=d", "", "Identifier is needed."},
	} {
		req := b.request(t, "POST", "/account/login?identifier=grace", c.form)
		if c.typ == "-" {
			req.Header.Del("Content-Type")
		} else if c.typ != "" {
			req.Header.Set("Content-Type", c.typ)
		}
		t.Log(name)
		b.send(t, c.status, req).has(t, c.wantOnPage)
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"identifier=ada&password=x", "identifier=%ff", "a=%", "identifier=a&identifier=b", "&&&=;", "identifier=%00&password=+"} {
		f.Add(s)
	}
	w := edgetest.New(f)
	f.Fuzz(func(t *testing.T, form string) {
		for _, path := range []string{"/account/login", "/account/signup", "/download/us-central1_abcdefghijkl_a"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			w.Server.Config.Handler.ServeHTTP(rec, req)
			if rec.Code >= 500 {
				t.Errorf("%s %q: %d %s", path, form, rec.Code, rec.Body)
			}
		}
	})
}

func TestErrors_ArePages(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	b := open(t, w)
	for _, path := range []string{"/account/", "/account/x", "/download", "/download/", "/download/a/b", "/assets", "/assets/x"} {
		b.get(t, 404, path).has(t, "There is nothing here", "To the start page")
	}
	wrong := b.send(t, 405, b.request(t, http.MethodDelete, "/account", ""))
	wrong.has(t, "That did not work")
	if wrong.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow %q", wrong.Header.Get("Allow"))
	}
	b.signUp(t, "grace")
	b.get(t, 404, "/download/us-central1_abcdefghijkl_a").has(t, "To your account")
	w.Auth.SetFail("GetAccount", fault.ErrUnavailable)
	away := b.get(t, 503, "/account")
	away.has(t, "A part of this server is away", "Request req_")
	if away.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.Auth.SetFail("Authenticate", fault.ErrUnavailable)
	b.get(t, 503, "/account")
	b.get(t, 503, "/")
}

// sized is a drive whose files and limits are of sizes that nobody uploads in a test.
type sized struct {
	*edgetest.Object
	sizes []int64
}

// ListFiles implements objectv1.Service.
func (s sized) ListFiles(ctx context.Context, r objectv1.ListFilesRequest) (objectv1.ListFilesResponse, error) {
	l, err := s.Object.ListFiles(ctx, r)
	if err != nil || len(l.Files) == 0 {
		return l, err
	}
	one := l.Files[0]
	l.Files = nil
	for _, n := range s.sizes {
		one.Size = n
		l.Files = append(l.Files, one)
	}
	return l, nil
}

func TestAccount_SizesForPeople(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		d.Object = sized{d.Object.(*edgetest.Object), []int64{0, 1, 999, 1000, 1049, 99_940, 123_456, 999_499, 999_500, 999_999_999, 1_000_000_000, 5_300_000_000_000, 1 << 62}}
	})
	b := open(t, w)
	b.signUp(t, "grace")
	b.upload(t, "a", "text/plain", "x")
	got := regexp.MustCompile(`"meta">(.*?) · `).FindAllStringSubmatch(b.get(t, 200, "/account").body, -1)
	want := []string{"0 bytes", "1 byte", "999 bytes", "1 kB", "1 kB", "99.9 kB", "123 kB", "999 kB", "1 MB", "1 GB", "1 GB", "5.3 TB", "4.6 EB"}
	if len(got) != len(want) {
		t.Fatalf("%d sizes: %q", len(got), got)
	}
	for i := range want {
		if got[i][1] != want[i] {
			t.Errorf("size %d is %q, want %q", i, got[i][1], want[i])
		}
	}
}

func TestHome_SaysWhatGuestsMay(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]string{
		30 * 24 * time.Hour: "30 days", 24 * time.Hour: "1 day", 36 * time.Hour: "36 hours", time.Hour: "1 hour", 90 * time.Minute: "90 minutes", 100 * time.Second: "100 seconds",
	} {
		w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestTTL, c.Lockr.GuestObjectBytes = ttl, 5e9 })
		page := open(t, w).get(t, 200, "/")
		page.has(t, "Up to 5 GB each, kept for "+want, `data-max="5000000000"`, `data-account=""`)
		page.lacks(t, "Phrase for downloads")
	}
}
