package web_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// drive is the address of a folder in the file manager.
func drive(n objectv1.DriveNode) string { return fmt.Sprintf("/account/files?folder=%d", n.Number) }

func num(n objectv1.DriveNode) string { return strconv.FormatInt(n.Number, 10) }

func TestDrive_NeedsAnAccount(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.file(t, "a.txt", "a")
	other := signedUp(t, h.World, "eve")
	for _, p := range []string{"/account/files", "/account/trash", "/account/place?do=move&ids=x", "/account/nodes/" + n.NodeID} {
		h.nobody.get(t, 401, p).has(t, "Log in first.")
	}
	for _, p := range []string{"/account/folders", "/account/selected", "/account/uploads", "/account/keypair", "/account/nodes/" + n.NodeID, "/account/nodes/" + n.NodeID + "/sharing"} {
		h.nobody.post(t, 401, p)
		h.owner.send(t, 403, h.owner.request(t, "POST", p, "", "Origin", "https://evil.example"))
	}
	d := h.folder(t, "", "mine", objectv1.Sharing{Visibility: objectv1.VisibilityPublic})
	other.get(t, 404, "/account/nodes/"+n.NodeID)
	other.get(t, 404, drive(d)).has(t, "There is no such folder.")
	other.post(t, 404, "/account/nodes/"+n.NodeID, "name", "stolen")
	other.post(t, 404, "/account/nodes/"+d.NodeID+"/sharing", "visibility", "public")
	other.post(t, 404, "/account/folders", "folder", num(d), "name", "in")
	for _, do := range []string{"trash", "move", "copy", "restore", "purge"} {
		other.post(t, 404, "/account/selected", "do", do, "node."+n.NodeID, "1", "to", "0")
	}
	a := other.post(t, 404, "/account/uploads", "folder", d.NodeID, "name", "x", "size", "1")
	a.has(t, `"code":"object.parent_not_found"`)
	inGerman := other.request(t, "POST", "/account/uploads", "folder="+d.NodeID+"&name=x&size=1", "Accept-Language", "de")
	other.send(t, 404, inGerman).has(t, `"error":"Den Zielordner gibt es nicht mehr"`)
	if h.gone(t, n) || h.find(t, "a.txt").Name != "a.txt" {
		t.Error("somebody else changed it")
	}
}

func TestDrive_Folders(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.owner.get(t, 200, "/account/files").has(t, "This folder is empty.", "File", "/account/trash")
	h.owner.post(t, 303, "/account/folders", "folder", "0", "name", " Pictures ").leads(t, "/account/files?did=made")
	d := h.find(t, "Pictures")
	h.owner.get(t, 200, "/account/files?did=made").has(t, "The folder is made.", "Pictures", html.EscapeString(drive(d)))
	h.owner.post(t, 303, "/account/folders", "folder", num(d), "name", "2026").leads(t, drive(d)+"&did=made")
	in := h.find(t, "Pictures/2026")
	page := h.owner.get(t, 200, drive(in))
	page.has(t, `data-folder="`+num(d)+`"`, `<a href="/account/files" data-folder="0"`, "2026")
	h.owner.post(t, 409, "/account/folders", "folder", "0", "name", "Pictures").has(t, `value="Pictures"`, `role="alert"`, `data-canonical="/account/files"`)
	for _, bad := range []string{"", " ", "a/b", "/", ".", "..", "a\nb", "a\x7fb", strings.Repeat("é", 128), "a\u0085b"} {
		h.owner.post(t, 400, "/account/folders", "folder", num(d), "name", bad).has(t, "A name has 1 to 255 bytes")
	}
	h.owner.post(t, 303, "/account/folders", "folder", num(d), "name", strings.Repeat("é", 127))
	for _, bad := range []string{"x", "-1", "999999", "01", "1e3"} {
		h.owner.post(t, 404, "/account/folders", "folder", bad, "name", "x").has(t, "There is no such folder.")
		h.owner.get(t, 404, "/account/files?folder="+bad)
	}
	h.owner.get(t, 200, "/account/files", "Accept-Language", "de").has(t, `<html lang="de">`, "Neuer Ordner", "Papierkorb")
	h.owner.get(t, 404, "/account/files?folder=x", "Accept-Language", "de").has(t, "Diesen Ordner gibt es nicht.")
}

func TestDrive_RenameAndDescribe(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n, taken := h.file(t, "a.txt", "a"), h.file(t, "b.txt", "b")
	at := "/account/nodes/" + n.NodeID
	h.owner.get(t, 200, at).has(t, `value="a.txt"`, h.URL+"/"+n.Short, "/account/files/")
	h.owner.post(t, 303, at, "name", "c.txt", "keywords", "x, y", "description", "one\r\ntwo").leads(t, at+"?did=saved")
	if n := h.find(t, "c.txt"); n.Keywords != "x, y" || n.Description != "one\ntwo" {
		t.Errorf("%+v", n)
	}
	h.owner.post(t, 303, at, "name", "d.txt", "from", "list").leads(t, "/account/files?did=saved#n-"+n.NodeID)
	if n := h.find(t, "d.txt"); n.Keywords != "x, y" {
		t.Errorf("%+v", n)
	}
	h.owner.post(t, 409, at, "name", taken.Name, "keywords", "typed").has(t, `value="b.txt"`, `value="typed"`)
	h.owner.post(t, 409, at, "name", taken.Name, "from", "list").has(t, "d.txt", `role="alert"`)
	for _, bad := range []string{"", "a/b", "a\tb", strings.Repeat("x", 256)} {
		h.owner.post(t, 400, at, "name", bad).has(t, "A name has")
	}
	h.owner.post(t, 303, at, "name", "d.txt", "description", strings.Repeat("€", 1365))
	h.owner.post(t, 400, at, "name", "d.txt", "description", strings.Repeat("x", 4097))
	for _, id := range []string{"x", strings.Repeat("a", 100), "..", "A%2F", "%00"} {
		h.owner.get(t, 404, "/account/nodes/"+strings.ReplaceAll(id, "..", "%2E%2E"))
	}
	// A name of another dialect's stays when only the description is another one.
	odd := " two  spaces\tand a tab "
	if _, err := h.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: h.me, NodeID: n.NodeID, Name: &odd}); err != nil {
		t.Fatal(err)
	}
	h.owner.post(t, 303, at, "name", odd, "description", "new")
	if n := h.find(t, odd); n.Description != "new" {
		t.Errorf("%+v", n)
	}
	h.Object.SetFail("ChangeNode", fault.ErrUnavailable)
	h.owner.post(t, 503, at, "name", "e.txt").has(t, `value="e.txt"`)
}

// TestDrive_LogIn leads back to the page that asked for it.
func TestDrive_LogIn(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	d := h.folder(t, "", "d", objectv1.Sharing{})
	for _, p := range []string{"/account/files", drive(d), "/account/trash", "/account/nodes/" + d.NodeID, "/account/place?do=move&ids=" + d.NodeID} {
		h.nobody.get(t, 401, p).has(t, `name="next" value="`+html.EscapeString(p)+`"`)
		b := open(t, h.World)
		b.post(t, 303, "/account/login", "identifier", "grace", "password", password, "next", p).leads(t, p)
	}
	h.nobody.get(t, 401, "/account/files", "Accept-Language", "de").has(t, `<html lang="de">`)
	for _, evil := range []string{"//evil.example/account/files", "https://evil.example/account/files", "/\\evil.example/account/files", "/account/logout"} {
		open(t, h.World).post(t, 303, "/account/login", "identifier", "grace", "password", password, "next", evil).leads(t, "/account")
	}
}

func TestDrive_Sharing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	d := h.folder(t, "", "shared", objectv1.Sharing{})
	at := "/account/nodes/" + d.NodeID
	h.owner.get(t, 200, at).has(t, `value="private" checked`)
	h.owner.post(t, 303, at+"/sharing", "visibility", "public").leads(t, at+"?did=saved#sharing")
	h.owner.get(t, 200, at).has(t, `value="public" checked`, h.URL+"/folder/"+num(d)+"/shared")
	h.owner.post(t, 303, at+"/sharing", "visibility", "unlisted", "password", "öffne dich")
	got := h.find(t, "shared")
	if got.Sharing.Visibility != objectv1.VisibilityUnlisted || !h.links.OpensFolder(got.Sharing, md5Hex("öffne dich")) || h.links.OpensFolder(got.Sharing, md5Hex("x")) {
		t.Errorf("%+v", got.Sharing)
	}
	h.owner.get(t, 200, at).has(t, "Take the password away")
	h.owner.post(t, 303, at+"/sharing", "visibility", "unlisted")
	if !h.links.OpensFolder(h.find(t, "shared").Sharing, md5Hex("öffne dich")) || h.links.OpensFolder(h.find(t, "shared").Sharing, "") {
		t.Error("an empty field changed the password")
	}
	h.owner.post(t, 400, at+"/sharing", "visibility", "unlisted", "password", "x", "no_password", "1").has(t, "do not fit together")
	h.owner.post(t, 400, at+"/sharing", "visibility", "everybody")
	h.owner.post(t, 400, at+"/sharing")
	h.owner.post(t, 303, at+"/sharing", "visibility", "private", "no_password", "1")
	if s := h.find(t, "shared").Sharing; len(s.PasswordHash) != 0 || s.Visibility != objectv1.VisibilityPrivate {
		t.Errorf("%+v", s)
	}
}

func TestDrive_MoveAndCopy(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	a, b := h.file(t, "a.txt", "a"), h.file(t, "b.txt", "b")
	d := h.folder(t, "", "d", objectv1.Sharing{})
	e := h.folder(t, d.NodeID, "e", objectv1.Sharing{})
	to := h.owner.post(t, 303, "/account/selected", "do", "move", "folder", "0", "node."+b.NodeID, "1", "node."+a.NodeID, "1").Header.Get("Location")
	if !strings.HasPrefix(to, "/account/place?do=move&") {
		t.Fatalf("leads to %q", to)
	}
	h.owner.get(t, 200, to).has(t, "Move to", ">d</a>", `name="node.`+a.NodeID+`"`)
	inD := h.owner.get(t, 200, strings.Replace(to, "&to=0", "&to="+num(d), 1))
	inD.has(t, ">e</a>", `name="to" value="`+num(d)+`"`)
	h.owner.post(t, 303, "/account/selected", "do", "move", "folder", "0", "to", num(d), "node."+b.NodeID, "1", "node."+a.NodeID, "1").leads(t, "/account/files?did=moved")
	h.find(t, "d/a.txt")
	h.find(t, "d/b.txt")
	h.owner.post(t, 303, "/account/selected", "do", "copy", "folder", num(d), "to", num(e), "node."+a.NodeID, "1").leads(t, drive(d)+"&did=copied")
	h.find(t, "d/e/a.txt")
	h.owner.post(t, 303, "/account/selected", "do", "copy", "folder", num(d), "to", num(d), "node."+a.NodeID, "1")
	h.find(t, "d/a (2).txt")
	h.owner.post(t, 409, "/account/selected", "do", "move", "folder", "0", "to", num(e), "node."+d.NodeID, "1").has(t, `role="alert"`)
	self := h.owner.get(t, 200, "/account/place?do=move&ids="+d.NodeID+"&from=0")
	self.lacks(t, "&amp;to="+num(d))
	for _, q := range []string{"do=move&ids=", "do=fly&ids=" + a.NodeID, "do=move&ids=" + strings.Repeat("a,", 300)} {
		h.owner.get(t, 400, "/account/place?"+q)
	}
	h.owner.get(t, 404, "/account/place?do=move&ids=%22x")
	h.owner.get(t, 404, "/account/place?do=move&ids="+a.NodeID+"&to=999")
	h.owner.post(t, 404, "/account/selected", "do", "move", "folder", "0", "to", "999", "node."+a.NodeID, "1")
	h.owner.post(t, 400, "/account/selected", "do", "move", "folder", "0").has(t, "Nothing is selected.", "<h1")
	h.owner.post(t, 400, "/account/selected", "do", "fly", "folder", "0", "node."+a.NodeID, "1")
	h.owner.post(t, 404, "/account/selected", "do", "trash", "folder", "0", "node.%22", "1")
	// One of two is gone: the page says how far it came.
	half := h.owner.post(t, 404, "/account/selected", "do", "trash", "folder", "0", "node."+a.NodeID, "1", "node.zzzz", "1")
	half.has(t, "1 of 2 are done")
}

func TestDrive_Trash(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	d := h.folder(t, "", "d", objectv1.Sharing{})
	a := h.file(t, "a.txt", "a")
	h.put(t, a, d.NodeID)
	h.owner.get(t, 200, "/account/trash").has(t, "The trash is empty.")
	h.owner.post(t, 303, "/account/selected", "do", "trash", "folder", num(d), "node."+a.NodeID, "1").leads(t, drive(d)+"&did=trashed")
	h.owner.post(t, 303, "/account/selected", "do", "trash", "folder", "0", "node."+d.NodeID, "1")
	h.owner.get(t, 200, "/account/files").lacks(t, ">d</a>")
	bin := h.owner.get(t, 200, "/account/trash")
	bin.has(t, "a.txt", "gone for good", "node."+d.NodeID)
	h.owner.get(t, 404, "/account/nodes/"+a.NodeID)
	h.owner.post(t, 303, "/account/selected", "do", "restore", "node."+a.NodeID, "1").leads(t, "/account/trash?did=restored")
	h.find(t, "a.txt") // its folder is in the trash
	h.owner.post(t, 303, "/account/selected", "do", "purge", "node."+d.NodeID, "1").leads(t, "/account/trash?did=purged")
	h.owner.get(t, 200, "/account/trash").has(t, "The trash is empty.")
	h.owner.post(t, 404, "/account/selected", "do", "restore", "node."+d.NodeID, "1").has(t, `role="alert"`, "The trash is empty.")
	h.owner.post(t, 404, "/account/selected", "do", "purge", "node."+a.NodeID, "1")
	h.owner.post(t, 400, "/account/selected", "do", "purge")
	h.owner.get(t, 400, "/account/trash?after=x")
}

func TestDrive_UploadsIntoAFolder(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	d := h.folder(t, "", "d", objectv1.Sharing{})
	h.owner.get(t, 200, drive(d)).has(t, `data-begin="/account/uploads"`, `data-folder="`+d.NodeID+`"`)
	a := h.owner.post(t, 201, "/account/uploads", "folder", d.NodeID, "name", "up.txt", "size", "5", "type", "text/plain", "region", "eu-west1")
	m := regexp.MustCompile(`"uploadUrl":"(/api/v1/upload/session/[A-Za-z0-9_-]+)","expiresAt":"2`).FindStringSubmatch(a.body)
	if m == nil {
		t.Fatal(a.body)
	}
	h.owner.send(t, 201, h.owner.request(t, http.MethodPut, m[1], "hello", "Content-Range", "bytes 0-4/5"))
	n := h.find(t, "d/up.txt")
	if n.Object.Size != 5 || n.Object.Metadata.ContentType != "text/plain" || n.Object.File.Region != "eu-west1" {
		t.Errorf("%+v", n)
	}
	for _, form := range [][]string{{}, {"name", "x"}, {"size", "5"}, {"name", "x", "size", "-1"}, {"name", "x", "size", "9999999999999999999"}, {"name", "\xff", "size", "1"}, {"name", "x", "size", "1", "region", "mars"}} {
		h.owner.post(t, 400, "/account/uploads", form...).has(t, `"error":"`)
	}
	for _, folder := range []string{"nosuch", `"`, strings.Repeat("a", 65)} {
		h.owner.post(t, 404, "/account/uploads", "name", "x", "size", "1", "folder", folder).has(t, `"error":"`)
	}
	h.Auth.SetLimits("acc-grace", authv1.Limits{ObjectBytes: 4, StorageBytes: 100})
	h.owner.post(t, 413, "/account/uploads", "name", "x", "size", "5")
}

func TestKeyPair(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	page := h.owner.get(t, 200, "/account")
	page.has(t, "Your account is number", `action="/account/keypair"`, `href="/account/files"`)
	keys := regexp.MustCompile(`value="([A-Za-z0-9]{64})"`)
	made := h.owner.post(t, 201, "/account/keypair")
	m := keys.FindAllStringSubmatch(made.body, -1)
	if len(m) != 2 {
		t.Fatalf("%d keys on %s", len(m), made.body)
	}
	made.has(t, `data-canonical="/account"`)
	h.owner.get(t, 200, "/account").lacks(t, m[0][1], m[1][1])
	login := func(k1, k2 string, status int) {
		t.Helper()
		h.nobody.post(t, status, "/api/v2/authorize", "key1", k1, "key2", k2)
	}
	login(m[0][1], m[1][1], 200)
	again := keys.FindAllStringSubmatch(h.owner.post(t, 201, "/account/keypair").body, -1)
	login(m[0][1], m[1][1], 401)
	login(again[0][1], again[1][1], 200)
	h.Auth.SetFail("RotateToken", fault.ErrUnavailable)
	h.owner.post(t, 503, "/account/keypair").has(t, `role="alert"`)
}
