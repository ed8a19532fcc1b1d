package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestFolder_Visibility(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	root := h.folder(t, "", "My holiday", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted})
	h.folder(t, root.NodeID, "private one", objectv1.Sharing{})
	open := h.folder(t, root.NodeID, "public one", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	f := h.file(t, "a.txt", "hello")
	h.put(t, f, root.NodeID)
	at := fmt.Sprintf("/folder/%d/My_holiday", root.Number)
	page := h.nobody.get(t, 200, at)
	page.has(t, "My holiday", "public one", `href="/`+f.Short+`"`, fmt.Sprintf(`href="/folder/%d/public_one"`, open.Number))
	page.lacks(t, "private one")
	h.owner.get(t, 200, at).has(t, "private one", "This folder is yours:")
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d", root.Number))
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d/other", root.Number))
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d/public_one", open.Number)).lacks(t, "My_holiday", "The folder above")
	h.owner.get(t, 200, fmt.Sprintf("/folder/%d/public_one", open.Number)).has(t, at)
	other := signedUp(t, h.World, "eve")
	other.get(t, 200, at).lacks(t, "private one")

	hidden := h.folder(t, "", "hidden", objectv1.Sharing{})
	inHidden := h.folder(t, hidden.NodeID, "shown", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted})
	h.nobody.get(t, 404, fmt.Sprintf("/folder/%d/hidden", hidden.Number)).lacks(t, "hidden<")
	h.nobody.post(t, 404, fmt.Sprintf("/folder/%d/hidden", hidden.Number), "password", "x")
	other.get(t, 404, fmt.Sprintf("/folder/%d/hidden", hidden.Number))
	h.owner.get(t, 200, fmt.Sprintf("/folder/%d/hidden", hidden.Number)).has(t, "Nobody but you")
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d/shown", inHidden.Number)).lacks(t, "/hidden")
	for _, p := range []string{"0", "-1", "01", "99999", "x", "1.0", strings.Repeat("9", 40), "%00", strconv.FormatInt(root.Number, 10) + "x"} {
		h.nobody.get(t, 404, "/folder/"+p+"/x").has(t, "There is no such folder.")
	}
	h.nobody.get(t, 404, "/folder").has(t, "<h1")
	h.nobody.get(t, 404, "/folder/1/2/3").has(t, "<h1")
}

// TestFolder_Unlisted: who was not told of an unlisted folder does not learn of it,
// neither from the folder above it, which a search finds, nor from one in it.
func TestFolder_Unlisted(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	pub := h.folder(t, "", "found by all", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	un := h.folder(t, pub.NodeID, "told to some", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted})
	inner := h.folder(t, un.NodeID, "told to few", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted})
	at := func(n objectv1.DriveNode) string { return fmt.Sprintf("/folder/%d/x", n.Number) }
	h.nobody.get(t, 200, at(pub)).lacks(t, "told to some")
	h.owner.get(t, 200, at(pub)).has(t, "told to some")
	h.nobody.get(t, 200, at(un)).has(t, "told to few", "The folder above", fmt.Sprintf("/folder/%d/found_by_all", pub.Number))
	h.nobody.get(t, 200, at(inner)).lacks(t, "The folder above", "told_to_some")
	h.owner.get(t, 200, at(inner)).has(t, "/told_to_some")
}

func TestFolder_Pages(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	root := h.folder(t, "", "many", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	for i := range 103 {
		h.folder(t, root.NodeID, fmt.Sprintf("d%03d", i), objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	}
	for i := range 150 {
		h.put(t, h.file(t, fmt.Sprintf("f%03d", i), "x"), root.NodeID)
	}
	at := fmt.Sprintf("/folder/%d/many", root.Number)
	found := 0
	next := regexp.MustCompile(`href="([^"]*after=[^"]*)"`)
	for pages := 1; ; pages++ {
		a := h.nobody.get(t, 200, at)
		n := strings.Count(a.body, `<a class="name"`)
		if n > 100 {
			t.Errorf("%d on a page", n)
		}
		found += n
		m := next.FindStringSubmatch(a.body)
		if m == nil {
			if pages != 3 || found != 253 {
				t.Errorf("%d on %d pages", found, pages)
			}
			break
		}
		at = html.UnescapeString(m[1])
	}
	h.nobody.get(t, 400, fmt.Sprintf("/folder/%d/many?after=d.x", root.Number))
	h.owner.get(t, 400, fmt.Sprintf("/account/files?folder=%d&after=f.x", root.Number))
}

func TestFolder_Password(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	hash, err := h.links.FolderPassword(md5Hex("öffne dich"))
	if err != nil {
		t.Fatal(err)
	}
	n := h.folder(t, "", "vault", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted, PasswordHash: hash})
	other := h.folder(t, "", "other", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted, PasswordHash: hash})
	f := h.file(t, "a.txt", "hello")
	h.put(t, f, n.NodeID)
	at := fmt.Sprintf("/folder/%d/vault", n.Number)
	locked := h.nobody.get(t, 200, at)
	locked.has(t, "This folder is protected", `type="password"`)
	locked.lacks(t, "a.txt", f.Short, "1 file")
	h.nobody.post(t, 403, at, "password", "falsch").has(t, "That is not the folder&#39;s password.")
	h.nobody.post(t, 403, at)
	h.nobody.post(t, 403, at, "password", md5Hex("öffne dich"))
	h.nobody.post(t, 400, at, "password", strings.Repeat("x", 2000))
	h.nobody.get(t, 200, at).lacks(t, "a.txt")
	h.nobody.post(t, 303, at, "password", "öffne dich").leads(t, at)
	h.nobody.get(t, 200, at).has(t, "a.txt")
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d/other", other.Number)).has(t, "This folder is protected")
	h.owner.get(t, 200, at).has(t, "a.txt")

	// The cookie of one folder opens no other, and no password that came later.
	var value string
	u, _ := url.Parse(h.URL + at)
	for _, c := range h.nobody.client.Jar.Cookies(u) {
		if c.Name == "folder_open" {
			value = c.Value
		}
	}
	h.nobody.get(t, 200, fmt.Sprintf("/folder/%d/other", other.Number), "Cookie", "folder_open="+value).has(t, "This folder is protected")
	late, _ := h.links.FolderPassword(md5Hex("new"))
	if _, err := h.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: h.me, NodeID: n.NodeID, PasswordHash: &late}); err != nil {
		t.Fatal(err)
	}
	h.nobody.get(t, 200, at).lacks(t, "a.txt")
}

func TestFolder_PasswordThrottled(t *testing.T) {
	t.Parallel()
	h := newHost(t, edgetest.Still)
	hash, _ := h.links.FolderPassword(md5Hex("x"))
	n := h.folder(t, "", "vault", objectv1.Sharing{Visibility: objectv1.VisibilityUnlisted, PasswordHash: hash})
	at := fmt.Sprintf("/folder/%d/vault", n.Number)
	for range 20 {
		h.nobody.post(t, 403, at, "password", "falsch")
	}
	slow := h.nobody.post(t, 429, at, "password", "x")
	slow.has(t, `type="password"`)
	if slow.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.nobody.get(t, 200, "/search").has(t, `name="q"`)
	pub := h.folder(t, "", `Holiday "pictures" <b>`, objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	f := h.file(t, "holiday.txt", "hello")
	h.put(t, f, pub.NodeID)
	h.file(t, "holiday-private.txt", "x")
	page := h.nobody.get(t, 200, "/search?q=holi")
	page.has(t, "holiday.txt", "Holiday &#34;pictures&#34; &lt;b&gt;", `value="holi"`, `href="/`+f.Short+`"`)
	page.lacks(t, "holiday-private")
	h.nobody.get(t, 200, `/search?q=%22%3E%3Cscript%3E`).has(t, "Nothing was found.", `value="&#34;&gt;&lt;script&gt;"`)
	h.nobody.get(t, 400, "/search?q="+strings.Repeat("x", 201)).has(t, "at most")
	h.nobody.get(t, 400, "/search?q=a&q=b")
	h.nobody.get(t, 400, "/search?q=a&format=xml")
	h.nobody.get(t, 400, "/search?q=a&after=zz")

	var got struct {
		Query   string
		Results []struct {
			Type, Name, URL, MediaType, CreatedAt string
			Size, Downloads, Files                int64
		}
		Next *string
	}
	a := h.nobody.get(t, 200, "/search?format=json&q=holi")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Query != "holi" || len(got.Results) != 2 || got.Next != nil || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s", a.body)
	}
	for _, r := range got.Results {
		if r.Type == "file" && (r.URL != h.URL+"/"+f.Short || r.Size != 5 || r.Name != "holiday.txt") || r.Type == "folder" && (r.Files != 1 || !strings.HasPrefix(r.URL, h.URL+"/folder/")) {
			t.Errorf("%+v", r)
		}
	}
	hash, err := h.links.FolderPassword(md5Hex("x"))
	if err != nil {
		t.Fatal(err)
	}
	shut := h.folder(t, "", "holiday vault", objectv1.Sharing{Visibility: objectv1.VisibilityPublic, PasswordHash: hash})
	h.put(t, h.file(t, "in it.txt", "hello"), shut.NodeID)
	h.nobody.get(t, 200, "/search?q=vault").lacks(t, "1 file")
	h.nobody.get(t, 200, "/search?format=json&q=vault").has(t, `"protected":true`)
	h.nobody.get(t, 200, "/search?format=json&q=vault").lacks(t, `"files"`, `"size"`)
	h.nobody.get(t, 200, "/search?format=json").has(t, `"results":[]`)
	h.nobody.get(t, 400, "/search?format=json&q="+strings.Repeat("x", 201)).has(t, `"error":`, `"code":"invalid_request"`)
	h.Object.SetFail("SearchNodes", fault.ErrUnavailable)
	h.nobody.get(t, 503, "/search?format=json&q=x").has(t, `"code":"unavailable"`)
	h.nobody.get(t, 503, "/search?q=x").has(t, `name="q"`)
}
