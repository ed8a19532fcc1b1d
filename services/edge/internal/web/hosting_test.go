package web_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// host is a World with its account's browser, somebody else's, and a core that knows
// what the links prove.
type host struct {
	*edgetest.World
	links  *core.Core
	me     authv1.Principal
	owner  *browser
	nobody *browser
}

func newHost(t testing.TB, change ...func(*edge.Config, *edge.Deps)) *host {
	t.Helper()
	h := &host{links: &core.Core{Now: time.Now}}
	h.World = edgetest.New(t, append(change, func(_ *edge.Config, d *edge.Deps) {
		h.links.HostingLinks, h.links.FolderPasswords, h.links.FileKeys = d.HostingLinks, d.FolderPasswords, d.FileKeys
		if d.Now != nil {
			h.links.Now = d.Now
		}
	})...)
	h.owner, h.nobody = open(t, h.World), open(t, h.World)
	h.owner.signUp(t, "grace")
	h.me = authv1.Principal{AccountID: "acc-grace", Username: "grace"}
	return h
}

// file stores a file of the owner's and gives its node.
func (h *host) file(t testing.TB, name, content string) objectv1.DriveNode {
	t.Helper()
	h.owner.upload(t, url.PathEscape(name), "text/plain", content)
	return h.find(t, name)
}

// find gives what has a path.
func (h *host) find(t testing.TB, path string) objectv1.DriveNode {
	t.Helper()
	n, err := h.Object.StatNode(t.Context(), objectv1.NodeRequest{Principal: h.me, Path: path})
	if err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	d, err := h.Object.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: h.me, NodeID: n.NodeID})
	if err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	return d
}

// folder makes one.
func (h *host) folder(t testing.TB, parent, name string, s objectv1.Sharing) objectv1.DriveNode {
	t.Helper()
	n, err := h.Object.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{Principal: h.me, ParentID: parent, Name: name, Sharing: s})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// put moves a node into a folder.
func (h *host) put(t testing.TB, n objectv1.DriveNode, folder string) {
	t.Helper()
	if _, err := h.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: h.me, NodeID: n.NodeID, ParentID: &folder}); err != nil {
		t.Fatal(err)
	}
}

// gone reports whether a node is in the trash, or not at all.
func (h *host) gone(t testing.TB, n objectv1.DriveNode) bool {
	t.Helper()
	_, err := h.Object.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: h.me, NodeID: n.NodeID})
	return err != nil
}

const noPage = "404 page not found\n"

// noPageAt wants what a path that names nothing gets.
func noPageAt(t testing.TB, b *browser, method, path string) {
	t.Helper()
	a := b.send(t, 404, b.request(t, method, path, ""))
	if a.body != noPage && method != http.MethodHead || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s %s: %s %q", method, path, a.Header.Get("Content-Type"), a.body)
	}
}

// hostileNames are names that mean something to whoever does not escape them.
func hostileNames() []string {
	return []string{
		`"><script>alert(1)<script>.txt`, `'onmouseover='x'.txt`, "[url=evil]x[b].txt", "a&lt;b&amp;.txt", "javascript:alert(1)", "{{.User}}.txt", `back\slash%2F%00.txt`,
		"~i", "日本語 " + strings.Repeat("語", 80) + ".txt", strings.Repeat("é", 125) + ".html", " #?&=+.txt",
	}
}

// wantEscaped wants a name on a page, and nothing of it as markup.
func wantEscaped(t testing.TB, a answer, name string) {
	t.Helper()
	if !strings.Contains(html.UnescapeString(a.body), name) {
		t.Errorf("%s has no %q", a.Request.URL, name)
	}
	a.lacks(t, "<script>alert", "'onmouseover='", `href="javascript:`)
	if m := regexp.MustCompile(`(?i)<[^>]*\son[a-z]+=[^>]*>`).FindString(a.body); m != "" {
		t.Errorf("%s has %s", a.Request.URL, m)
	}
}

func TestShared_PageAndDownload(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a tour.txt", "hello world")
	page := h.nobody.get(t, 200, "/"+n.Short)
	page.has(t, "a tour.txt", "11 bytes", "text/plain", "[url]"+h.URL+"/"+n.Short+"[/url]", `action="/`+n.Short+`"`)
	page.lacks(t, "This file is yours", core.PurposeHosting)
	h.owner.get(t, 200, "/"+n.Short).has(t, "This file is yours", "/account/nodes/"+n.NodeID)
	h.nobody.get(t, 200, "/"+n.Short+"/any%20name").has(t, "a tour.txt")
	h.nobody.get(t, 200, "/"+n.Short+"?x=1", "Accept-Language", "de").has(t, `<html lang="de">`, "Herunterladen")

	to := h.nobody.post(t, 303, "/"+n.Short).Header.Get("Location")
	if !strings.HasPrefix(to, "/"+n.Short+"/a%20tour.txt?download_token=") {
		t.Fatalf("leads to %q", to)
	}
	got := h.nobody.get(t, 200, to)
	if got.body != "hello world" || !strings.Contains(got.Header.Get("Content-Disposition"), "attachment") || got.Header.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("%q, %v", got.body, got.Header)
	}
	part := h.nobody.get(t, 206, to, "Range", "bytes=6-")
	if part.body != "world" {
		t.Errorf("a range is %q", part.body)
	}
	h.nobody.get(t, 416, to, "Range", "bytes=100-")
	if r := h.nobody.send(t, 200, h.nobody.request(t, http.MethodHead, to, "")); r.body != "" || r.ContentLength != 11 {
		t.Errorf("HEAD: %q of %d", r.body, r.ContentLength)
	}
	h.nobody.send(t, 200, h.nobody.request(t, http.MethodHead, "/"+n.Short, ""))
}

func TestShared_Tokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := newHost(t, func(_ *edge.Config, d *edge.Deps) { d.Now = func() time.Time { return now } })
	a, b := h.file(t, "a.txt", "a"), h.file(t, "b.txt", "b")
	good := h.links.DownloadToken(a.NodeID)
	if r := h.nobody.get(t, 200, "/"+a.Short+"?download_token="+good); r.body != "a" {
		t.Errorf("%q", r.body)
	}
	for what, token := range map[string]string{
		"none": "", "another file's": h.links.DownloadToken(b.NodeID), "cut": good[1:], "altered": good[:len(good)-1] + "g", "upper case": strings.ToUpper(good), "long": good + "0", "huge": strings.Repeat("0", 4000),
		"later": "f" + good[1:],
	} {
		r := h.nobody.get(t, 403, "/"+a.Short+"?download_token="+token)
		if strings.Contains(r.body, "a.txt") || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s", what, r.body)
		}
	}
	now = now.Add(core.DownloadLife)
	h.nobody.get(t, 403, "/"+a.Short+"?download_token="+good)
}

func TestShared_Counts(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a.txt", "hello")
	to := "/" + n.Short + "?download_token=" + h.links.DownloadToken(n.NodeID)
	h.nobody.get(t, 200, to)
	h.nobody.get(t, 206, to, "Range", "bytes=0-1")
	h.nobody.get(t, 206, to, "Range", "bytes=1-")
	h.nobody.send(t, 200, h.nobody.request(t, http.MethodHead, to, ""))
	h.nobody.get(t, 200, "/"+n.Short)
	h.tell(t)
	h.nobody.get(t, 200, "/"+n.Short+"~s").has(t, "<dd>2</dd>")
	h.nobody.get(t, 200, "/"+n.Short+"~i").has(t, "<td>2</td>")
}

func TestShared_Visitors(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a.txt", "hello")
	h.nobody.get(t, 200, "/"+n.Short, "Referer", "https://board.example/1")
	h.nobody.get(t, 200, "/"+n.Short+"?download_token="+h.links.DownloadToken(n.NodeID))
	h.nobody.get(t, 200, "/"+n.Short+"~i")
	h.nobody.get(t, 200, "/"+n.Short+"~s")
	h.nobody.get(t, 403, "/"+n.Short+"?download_token=x")
	views := h.Clicks.All()
	if len(views) != 2 || views[0].FileID != n.NodeID || views[0].ContainerID != "" || views[0].Referrer != "https://board.example/1" || views[1].FileID != n.NodeID {
		t.Errorf("%+v", views)
	}
	h.Stats.Set(n.NodeID, statsv1.Clicks{Today: 3, Total: 777, Days: []statsv1.Day{{Day: "2026-01-01", Clicks: 774}, {Day: "2026-01-02", Clicks: 3}}})
	h.nobody.get(t, 200, "/"+n.Short+"~s").has(t, "777", "<svg", "Visitors on each of the last 2 days, 774 at most")
	h.Stats.Down(fault.ErrUnavailable)
	h.nobody.get(t, 200, "/"+n.Short+"~s").lacks(t, "Visitors")
}

// tell has what was downloaded told to object.
func (h *host) tell(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Downloads.Run(ctx)
}

func TestShared_Phrase(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.owner.upload(t, "secret.txt", "text/plain", "psst", "X-Key-Hash", sha256Hex("open"))
	n := h.find(t, "secret.txt")
	h.nobody.get(t, 200, "/"+n.Short).has(t, "This file is protected", `name="key"`)
	h.nobody.post(t, 403, "/"+n.Short).has(t, "That is not the phrase.")
	h.nobody.post(t, 403, "/"+n.Short, "key", "wrong").has(t, "That is not the phrase.", `data-canonical="/`+n.Short+`"`)
	to := h.nobody.post(t, 303, "/"+n.Short, "key", "open").Header.Get("Location")
	if r := h.nobody.get(t, 200, to); r.body != "psst" {
		t.Error(r.body)
	}
	h.owner.get(t, 200, "/"+n.Short).lacks(t, `name="key"`)
	h.owner.post(t, 303, "/"+n.Short)
}

func TestShared_NoFile(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a.txt", "a")
	for _, p := range []string{"/nothing", "/Aa0Aa0Aa", "/" + n.Short + "0", "/x", "/" + n.Short + "~x", "/" + n.Short + "~", "/~i", "/favicon.png", "/%00", "/A0%2Fb", "/" + strings.Repeat("A0", 1000), "/" + n.Short + "%20", "/ä1A", "/Aa0Aa0Aa~i", "/Aa0Aa0Aa~s", "/Aa0Aa0Aa~d?x",
		"/" + n.Short + "/", "/" + n.Short + "/a/b", "/" + n.Short + "/a%2Fb", "/Aa0Aa0Aa/x", "/nothing/at/all"} {
		for _, method := range []string{"GET", "HEAD"} {
			noPageAt(t, h.nobody, method, p)
		}
	}
	for _, p := range []string{"/nothing", "/nothing/at/all"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			noPageAt(t, h.nobody, method, p)
		}
	}
	noPageAt(t, h.nobody, "POST", "/Aa0Aa0Aa")
	a := h.nobody.send(t, 405, h.nobody.request(t, "PUT", "/"+n.Short, ""))
	if a.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", a.Header.Get("Allow"))
	}
	a = h.nobody.send(t, 405, h.nobody.request(t, "PUT", "/"+n.Short+"~d", ""))
	if a.Header.Get("Allow") != "DELETE, GET, HEAD, POST" {
		t.Errorf("Allow is %q", a.Header.Get("Allow"))
	}
	if _, err := h.Object.TrashNode(t.Context(), objectv1.DriveNodeRequest{Principal: h.me, NodeID: n.NodeID}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"", "~i", "~s", "~d?" + h.links.DeleteHash(n.NodeID), "?download_token=" + h.links.DownloadToken(n.NodeID), "/a.txt"} {
		noPageAt(t, h.nobody, "GET", "/"+n.Short+p)
		noPageAt(t, h.owner, "GET", "/"+n.Short+p)
	}
	h.Object.SetFail("FindNode", fault.ErrUnavailable)
	h.nobody.get(t, 503, "/"+n.Short).lacks(t, "page not found")
	h.nobody.get(t, 404, "/nothing")
}

// TestShared_UnderAnotherRoot: where Plik is below a path, the root's short URLs and
// its unknown paths stay what they are.
func TestShared_UnderAnotherRoot(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *edge.Config, _ *edge.Deps) { c.Plik.Path = "/p"; c.Plik.NoWebInterface = true })
	n := h.file(t, "a.txt", "a")
	h.nobody.get(t, 200, "/"+n.Short).has(t, "a.txt")
	h.nobody.get(t, 200, "/"+n.Short+"/a.txt").has(t, "a.txt")
	for _, p := range []string{"/", "/nothing", "/nothing/at/all", "/Aa0Aa0Aa", "/p/nothing", "/p/" + n.Short} {
		noPageAt(t, h.nobody, "GET", p)
	}
}

// TestShared_NoRouteIsAName holds short names, which have a digit and an upper-case
// letter, against every first segment that the edge serves.
func TestShared_NoRouteIsAName(t *testing.T) {
	t.Parallel()
	text, err := edge.Routes(false, "")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		first, _, _ := strings.Cut(strings.TrimPrefix(f[1], "/"), "/")
		if strings.HasPrefix(first, "{") {
			continue
		}
		seen++
		if regexp.MustCompile(`^[A-Za-z0-9]*$`).MatchString(first) && strings.ContainsAny(first, "0123456789") && strings.ToLower(first) != first {
			t.Errorf("%s %s could be a file's", f[0], f[1])
		}
	}
	if seen < 100 {
		t.Errorf("only %d routes", seen)
	}
}

func TestSharedInfo(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a.txt", "hello")
	words, about := "one, two", "what it is\nand is not <b>"
	if _, err := h.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: h.me, NodeID: n.NodeID, Keywords: &words, Description: &about}); err != nil {
		t.Fatal(err)
	}
	bare := h.nobody.get(t, 200, "/"+n.Short+"~i")
	bare.has(t, "a.txt", "5 bytes", "Active", "one, two", "and is not &lt;b&gt;")
	full := h.nobody.get(t, 200, "/"+n.Short+"~i?"+h.links.InfoHash(n.NodeID))
	full.has(t, "[url]"+h.URL+"/"+n.Short+"[/url]", "SHA-256", sha256Hex("hello"))
	h.nobody.get(t, 200, "/"+n.Short+"~i?"+h.links.InfoHash(n.NodeID)+"=").has(t, "[url]")
	own := h.owner.get(t, 200, "/"+n.Short+"~i")
	own.has(t, "[url]", "~d?"+h.links.DeleteHash(n.NodeID))
	full.lacks(t, h.links.DeleteHash(n.NodeID))
	h.nobody.get(t, 200, "/"+n.Short+"~i?"+h.links.DeleteHash(n.NodeID)).lacks(t, h.links.DeleteHash(n.NodeID))
	for _, wrong := range []string{"", "x", h.links.DeleteHash(n.NodeID), h.links.InfoHash("other"), strings.ToUpper(h.links.InfoHash(n.NodeID)), "hash=" + h.links.InfoHash(n.NodeID)} {
		h.nobody.get(t, 200, "/"+n.Short+"~i?"+wrong).lacks(t, "[url]", "SHA-256", "~d?")
	}
	h.nobody.get(t, 200, "/"+n.Short+"%7Ei").has(t, "Active")
}

func TestSharedDelete(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	a, b := h.file(t, "a.txt", "a"), h.file(t, "b.txt", "b")
	at := "/" + a.Short + "~d?" + h.links.DeleteHash(a.NodeID)
	h.nobody.get(t, 200, at).has(t, "Delete this file?", `<form method="post" action="`+at+`"`)
	h.nobody.send(t, 200, h.nobody.request(t, http.MethodHead, at, ""))
	for _, wrong := range []string{"", "x", h.links.InfoHash(a.NodeID), h.links.DeleteHash(b.NodeID), strings.ToUpper(h.links.DeleteHash(a.NodeID)) + "A"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			h.nobody.send(t, 403, h.nobody.request(t, method, "/"+a.Short+"~d?"+wrong, "")).lacks(t, "a.txt")
		}
	}
	h.nobody.send(t, 403, h.nobody.request(t, "POST", at, "", "Origin", "https://evil.example"))
	if h.gone(t, a) {
		t.Fatal("it was deleted")
	}
	h.nobody.post(t, 200, at).has(t, "The file is deleted.")
	if !h.gone(t, a) {
		t.Fatal("it is still there")
	}
	noPageAt(t, h.nobody, "GET", at)
	noPageAt(t, h.nobody, "POST", at)
	noPageAt(t, h.nobody, "DELETE", at)
	h.owner.get(t, 200, "/account/trash").has(t, "a.txt")
	at = "/" + b.Short + "~d?" + h.links.DeleteHash(b.NodeID)
	h.nobody.send(t, 200, h.nobody.request(t, "DELETE", at, ""))
	if !h.gone(t, b) {
		t.Error("it is still there")
	}
}

func TestHosting_HostileNames(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	pub := h.folder(t, "", "names", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	dirs := h.folder(t, "", "dirs", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	for _, name := range hostileNames() {
		n := h.file(t, "plain.txt", "x")
		if _, err := h.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: h.me, NodeID: n.NodeID, Name: &name, ParentID: &pub.NodeID, Keywords: &name, Description: &name}); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		d := h.folder(t, dirs.NodeID, name, objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
		wantEscaped(t, h.nobody.get(t, 200, "/"+n.Short), name)
		wantEscaped(t, h.nobody.get(t, 200, "/"+n.Short+"~i?"+h.links.InfoHash(n.NodeID)), name)
		wantEscaped(t, h.nobody.get(t, 200, "/"+n.Short+"~s"), name)
		wantEscaped(t, h.nobody.get(t, 200, "/"+n.Short+"~d?"+h.links.DeleteHash(n.NodeID)), name)
		wantEscaped(t, h.nobody.get(t, 200, fmt.Sprintf("/folder/%d", d.Number)), name)
		wantEscaped(t, h.owner.get(t, 200, "/account/nodes/"+n.NodeID), name)
		wantEscaped(t, h.owner.get(t, 200, fmt.Sprintf("/account/files?folder=%d", d.Number)), name)
		wantEscaped(t, h.owner.get(t, 200, "/account/place?do=move&ids="+n.NodeID+fmt.Sprintf("&to=%d", d.Number)), name)
		to := h.nobody.post(t, 303, "/"+n.Short).Header.Get("Location")
		if r := h.nobody.get(t, 200, to); r.body != "x" {
			t.Errorf("%q: %q", to, r.body)
		}
	}
	for _, name := range hostileNames() {
		wantEscaped(t, h.nobody.get(t, 200, fmt.Sprintf("/folder/%d", pub.Number)), name)
		wantEscaped(t, h.owner.get(t, 200, fmt.Sprintf("/account/files?folder=%d", pub.Number)), name)
		wantEscaped(t, h.owner.get(t, 200, fmt.Sprintf("/account/files?folder=%d", dirs.Number)), name)
	}
}

func sha256Hex(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }

func md5Hex(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }
