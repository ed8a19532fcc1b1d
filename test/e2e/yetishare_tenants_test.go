package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// hostingPrey is what somebody has in the file hosting API and on its pages, or
// what nobody has.
type hostingPrey struct {
	file, folder, fetch, short   string // as the API names them
	fileNode, folderNode, binned string // as the pages do
}

// hostingTrespass is a try at another account's file, folder or remote URL. It has
// a twin about what nobody has, which must look the same.
type hostingTrespass struct {
	route string // its name in /-/routes
	// ask are an endpoint and its parameters.
	ask func(p hostingPrey) []string
}

func hostingTrespasses() []hostingTrespass {
	file := func(endpoint string, more ...string) func(hostingPrey) []string {
		return func(p hostingPrey) []string { return append([]string{endpoint, "file_id", p.file}, more...) }
	}
	short := func(endpoint string, more ...string) func(hostingPrey) []string {
		return func(p hostingPrey) []string { return append([]string{endpoint, "short_url", p.short}, more...) }
	}
	folder := func(endpoint, param string, more ...string) func(hostingPrey) []string {
		return func(p hostingPrey) []string { return append([]string{endpoint, param, p.folder}, more...) }
	}
	return []hostingTrespass{
		{"DownloadFile", file("/file/download")}, {"DownloadFile", short("/file/download")},
		{"FileInfo", file("/file/info")}, {"FileInfo", short("/file/info")},
		{"EditFile", file("/file/edit", "filename", "mine")}, {"EditFile", short("/file/edit", "filename", "mine")},
		{"DeleteFile", file("/file/delete")}, {"DeleteFile", short("/file/delete")},
		{"MoveFile", file("/file/move", "new_parent_folder_id", "")}, {"CopyFile", file("/file/copy", "copy_to_folder_id", "")},
		{"EditFile", folder("/file/edit", "folder_id", "file_id", "MINE")}, {"MoveFile", folder("/file/move", "new_parent_folder_id", "file_id", "MINE")},
		{"CopyFile", folder("/file/copy", "copy_to_folder_id", "file_id", "MINE")},
		{"CreateFolder", folder("/folder/create", "parent_id", "folder_name", "mine")}, {"ListFolder", folder("/folder/listing", "parent_folder_id")},
		{"FolderInfo", folder("/folder/info", "folder_id")}, {"FolderInfo", folder("/folder/info", "parent_folder_id")},
		{"EditFolder", folder("/folder/edit", "folder_id", "folder_name", "mine", "is_public", "2")}, {"EditFolder", folder("/folder/edit", "parent_id", "folder_id", "OURS")},
		{"DeleteFolder", folder("/folder/delete", "folder_id")}, {"MoveFolder", folder("/folder/move", "folder_id", "new_parent_folder_id", "")},
		{"MoveFolder", folder("/folder/move", "new_parent_folder_id", "folder_id", "OURS")},
		{"AddURLUpload", folder("/file/url_upload_add", "folder_id", "url", "http://x.test/")},
		{"ShowURLUpload", func(p hostingPrey) []string { return []string{"/file/url_upload_status", "url_upload_id", p.fetch} }},
	}
}

// pageTrespass is the same by a page.
type pageTrespass struct {
	route, method string
	path          func(p hostingPrey) string
	form          func(p hostingPrey) string
	status        int
}

func pageTrespasses() []pageTrespass {
	at := func(path string) func(hostingPrey) string { return func(hostingPrey) string { return path } }
	fill := func(form string) func(hostingPrey) string {
		return func(p hostingPrey) string {
			return strings.NewReplacer("FOLDER", p.folder, "FILENODE", p.fileNode, "DIRNODE", p.folderNode, "BINNED", p.binned, "SHORT", p.short).Replace(form)
		}
	}
	return []pageTrespass{
		{"ShowDrive", "GET", fill("/account/files?folder=FOLDER"), nil, 404},
		{"ShowPlaces", "GET", fill("/account/place?do=move&ids=MYNODE&to=FOLDER"), nil, 404},
		{"MakeFolder", "POST", at("/account/folders"), fill("folder=FOLDER&name=mine"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=trash&node.FILENODE=1"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=move&to=&node.DIRNODE=1"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=move&to=FOLDER&node.MYNODE=1"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=copy&to=&node.FILENODE=1"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=restore&node.BINNED=1"), 404},
		{"ChangeSelected", "POST", at("/account/selected"), fill("do=purge&node.BINNED=1"), 404},
		{"BeginUpload", "POST", at("/account/uploads"), fill("name=mine&size=4&folder=DIRNODE"), 404},
		{"ShowNode", "GET", fill("/account/nodes/FILENODE"), nil, 404},
		{"ShowNode", "GET", fill("/account/nodes/DIRNODE"), nil, 404},
		{"SaveNode", "POST", fill("/account/nodes/FILENODE"), fill("name=mine"), 404},
		{"ShareFolder", "POST", fill("/account/nodes/DIRNODE/sharing"), fill("visibility=public"), 404},
		{"ShowSharedFolder", "GET", fill("/folder/FOLDER"), nil, 404},
		{"ShowSharedFolder", "GET", fill("/folder/FOLDER/name"), nil, 404},
		{"UnlockFolder", "POST", fill("/folder/FOLDER"), fill("password=guess"), 404},
	}
}

// hostingPages are the routes of pages about files and folders: those that are
// tried, those whose URL is what gives the right, and those that name nothing of
// another's. A delete URL without its hash is in YETISHORT.
func hostingPages() []string {
	names := strings.Fields("ShowTrash CreateKeyPair ShowShared OpenShared ShowSharedInfo ShowSharedStats AskToDelete DeleteShared SearchSite")
	for _, x := range pageTrespasses() {
		names = append(names, x.route)
	}
	return names
}

// hostingWithoutNames are the routes of the API that name nothing of another's but
// the account itself, which TestRules tries (YETIAUTH).
const hostingWithoutNames = "Authorize DisableAccessToken AccountInfo AccountPackage UploadFile CreateKeys"

// hostingVictim makes something of each kind.
func hostingVictim(t *testing.T, y *harness.Yetishare) hostingPrey {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	d := y.Folder(t, "of the victim", "")
	u, bin := y.Upload(t, "secret.txt", "secret", "folder_id", d.ID), y.Upload(t, "binned.txt", "secret")
	p := hostingPrey{file: u.FileID, folder: d.ID, short: u.ShortURL}
	p.folderNode, p.binned = hostingNode(t, y, "/account/files", "of the victim"), hostingNode(t, y, "/account/files", "binned.txt")
	p.fileNode = hostingNode(t, y, "/account/files?folder="+d.ID, "secret.txt")
	y.Ask(t, "/file/delete", "file_id", bin.FileID).Tells(t, "File successfully set as deleted.")
	p.fetch = fmt.Sprint(yetiData(t, y.Ask(t, "/file/url_upload_add", "url", s.URL+"/x"))["url_upload_id"])
	return p
}

// hostingNode finds the id by which a page of the file manager names a node.
func hostingNode(t *testing.T, y *harness.Yetishare, page, name string) string {
	t.Helper()
	body := string(y.Call(t, "GET", page, nil, "Authorization", "Bearer "+y.Account).Want(t, 200).Body)
	ids := regexp.MustCompile(`name="node\.([a-z0-9]+)"`).FindAllStringSubmatchIndex(body, -1)
	for _, m := range ids {
		id := body[m[2]:m[3]]
		if own := string(y.Call(t, "GET", "/account/nodes/"+id, nil, "Authorization", "Bearer "+y.Account).Want(t, 200).Body); strings.Contains(own, name) {
			return id
		}
	}
	t.Fatalf("%s has no box for %s", page, name)
	return ""
}

// withoutTime takes the clock out of an answer, and the ids that it repeats.
func withoutTime(r harness.Response, p hostingPrey) harness.Response {
	body := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`).ReplaceAllString(string(r.Body), "TIME")
	for _, id := range []string{p.fileNode, p.folderNode, p.binned} {
		body = strings.ReplaceAll(body, id, "NODE")
	}
	for _, before := range []string{"/folder/", "folder="} {
		body = strings.ReplaceAll(body, before+p.folder, before+"FOLDER")
	}
	r.Body = []byte(body)
	return r
}

// tenantsOfHosting: another account's files, folders, trash and remote URLs are not
// there, in any route of the API and of its pages, and nothing of them changes.
func tenantsOfHosting(t *testing.T, w *harness.World) {
	victim, intruder := yeti(t, w), yeti(t, w)
	real := hostingVictim(t, victim)
	nobodys := hostingPrey{file: "999999999", folder: "999999999", fetch: "999999999", short: "Zz9Zz9Zz"}
	anew := func(id string) string { return strings.Map(func(r rune) rune { return '0' }, id) }
	nobodys.fileNode, nobodys.folderNode, nobodys.binned = anew(real.fileNode), anew(real.folderNode), anew(real.binned)
	bait, ours := intruder.Upload(t, "bait", "mine"), intruder.Folder(t, "ours", "")
	mine := hostingNode(t, intruder, "/account/files", "bait")
	before := hostingState(t, victim, real)

	covered := map[string]bool{}
	for route := range strings.FieldsSeq(hostingWithoutNames) {
		covered[route] = true
	}
	for _, x := range hostingTrespasses() {
		covered[x.route] = true
		try := func(by *harness.Yetishare, p hostingPrey) harness.Response {
			ask := x.ask(p)
			for i := range ask {
				ask[i] = strings.NewReplacer("MINE", bait.FileID, "OURS", ours.ID).Replace(ask[i])
			}
			return withoutTime(by.Ask(t, ask[0], ask[1:]...), p)
		}
		name := fmt.Sprint(x.ask(real))
		theirs := try(intruder, real)
		if theirs.Status != 200 || !strings.Contains(string(theirs.Body), `"_status":"error"`) || strings.Contains(string(theirs.Body), "secret") {
			t.Errorf("%s: %d %s", name, theirs.Status, theirs.Body)
		}
		sameAnswer(t, name, theirs, try(intruder, nobodys))
		forged := *intruder
		forged.ID = victim.ID // the victim's account with the intruder's token
		if r := try(&forged, real); !strings.Contains(string(r.Body), yetiReauth) {
			t.Errorf("%s: %s", name, r.Body)
		}
	}
	for _, x := range pageTrespasses() {
		try := func(headers []string, p hostingPrey) harness.Response {
			var body any
			if x.form != nil {
				body = strings.ReplaceAll(x.form(p), "MYNODE", mine)
			}
			return withoutTime(intruder.Call(t, x.method, strings.ReplaceAll(x.path(p), "MYNODE", mine), body, append([]string{"Content-Type", formKind}, headers...)...), p)
		}
		name := x.method + " " + x.path(real)
		in := []string{"Authorization", "Bearer " + intruder.Account}
		theirs := try(in, real)
		if theirs.Status != x.status || strings.Contains(string(theirs.Body), "secret") {
			t.Errorf("%s: %d %.300s, want %d", name, theirs.Status, theirs.Body, x.status)
		}
		sameAnswer(t, name, theirs, try(in, nobodys))
		if r := try(nil, real); r.Status < 400 && r.Status != 303 || strings.Contains(string(r.Body), "secret") {
			t.Errorf("a guest's %s: %d", name, r.Status)
		}
	}
	for _, r := range w.Routes(t) {
		if r.Dialect == "yetishare" && !covered[r.Name()] {
			t.Errorf("%s %s (%s) has no row in hostingTrespasses()", r.Method, r.Path, r.Name())
		}
	}
	equal(t, "what the victim has", hostingState(t, victim, real), before)
	equal(t, "what the intruder has", filesOf(intruder.List(t, ""))+foldersOf(intruder.List(t, "")), "baitours")
}

// hostingState is what the victim has; nothing that the intruder does may change it.
func hostingState(t *testing.T, y *harness.Yetishare, p hostingPrey) string {
	t.Helper()
	f := y.File(t, p.file)
	d := y.FolderInfo(t, p.folder)
	trash := string(y.Call(t, "GET", "/account/trash", nil, "Authorization", "Bearer "+y.Account).Want(t, 200).Body)
	return fmt.Sprint(f.Filename, f.Status, text(f.FolderID), d.Name, d.IsPublic, text(d.ParentID), foldersOf(y.List(t, "")), filesOf(y.List(t, "")), filesOf(y.List(t, p.folder)), strings.Contains(trash, "node."+p.binned))
}
