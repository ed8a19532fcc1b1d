package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// fileTrespass is a try at somebody else's file, token or folder, in lockr, by
// WebDAV or through the pages. It has a twin about what nobody has.
type fileTrespass struct {
	route  string // dialect and name in /-/routes
	method string
	path   func(p filePrey) string
	body   func(p filePrey) any
	status int  // of the try at what exists
	told   bool // the document gives what exists another answer than what does not
}

type filePrey struct{ id, token, user, name string }

func fileTrespasses() []fileTrespass {
	file := func(more string) func(filePrey) string {
		return func(p filePrey) string { return "/api/v1/files/" + p.id + more }
	}
	dav := func(p filePrey) string { return "/dav/" + p.user + "/" + p.name }
	page := func(more string) func(filePrey) string {
		return func(p filePrey) string { return "/account/files/" + p.id + more }
	}
	sends := func(body any) func(filePrey) any { return func(filePrey) any { return body } }
	return []fileTrespass{
		{"lockr RevokeToken", "DELETE", func(p filePrey) string { return "/api/v1/account/tokens/" + p.token }, nil, 404, false},
		{"lockr SetFileKey", "POST", file("/key"), sends(object{"key": "mine"}), 404, false},
		{"lockr SetFileKey", "POST", file("/key"), sends(object{"key": nil}), 404, false},
		{"lockr DeleteFile", "DELETE", file(""), nil, 404, false},
		// What one needs a key for is told from what is not there (lockr.md, Downloads).
		{"lockr Download", "GET", func(p filePrey) string { return "/api/v1/download/" + p.id }, nil, 403, true},
		{"lockr Download", "HEAD", func(p filePrey) string { return "/api/v1/download/" + p.id }, nil, 403, true},
		{"lockr Download", "GET", func(p filePrey) string { return "/api/v1/download/" + p.id + "?signed=1" }, nil, 403, true},
		{"lockr Download", "GET", func(p filePrey) string { return "/api/v1/download/" + p.id + "?keyHash=" + harness.KeyHash("guess") }, nil, 403, true},
		{"lockr RegisterFile", "POST", func(filePrey) string { return "/api/v1/files/register" }, func(p filePrey) any { return object{"id": p.id} }, 403, true},
		{"webdav FindProperties", "PROPFIND", dav, nil, 403, false},
		{"webdav PatchProperties", "PROPPATCH", dav, sends(`<?xml version="1.0"?><d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>1</d:lastmodified></d:prop></d:set></d:propertyupdate>`), 403, false},
		{"webdav MakeFolder", "MKCOL", dav, nil, 403, false},
		{"webdav GetFile", "GET", dav, nil, 403, false},
		{"webdav GetFile", "HEAD", dav, nil, 403, false},
		{"webdav PutFile", "PUT", dav, sends("mine"), 403, false},
		{"webdav Remove", "DELETE", dav, nil, 403, false},
		{"webdav Copy", "COPY", dav, nil, 403, false},
		{"webdav Move", "MOVE", dav, nil, 403, false},
		{"webdav Lock", "LOCK", dav, sends(`<?xml version="1.0"?><d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`), 403, false},
		{"webdav Unlock", "UNLOCK", dav, nil, 403, false},
		{"pages RevokeToken", "POST", func(p filePrey) string { return "/account/tokens/" + p.token + "/revoke" }, nil, 404, false},
		{"pages ShowFile", "GET", page(""), nil, 404, false},
		{"pages SetFileKey", "POST", page("/key"), sends("phrase=mine"), 404, false},
		{"pages DeleteFile", "POST", page("/delete"), nil, 404, false},
		{"pages RegisterFile", "POST", func(filePrey) string { return "/account/register" }, func(p filePrey) any { return "id=" + p.id }, 403, true},
		{"pages Unlock", "POST", func(p filePrey) string { return "/download/" + p.id }, sends("phrase=guess"), 403, true},
	}
}

// nothingOfAnothers are the routes in which there is nothing of another's to
// name, or whose URL is what gives the right.
func nothingOfAnothers() map[string]bool {
	out := map[string]bool{}
	for dialect, routes := range map[string]string{
		"lockr":  "Login Logout CreateAccount GetAccount UpdateAccount ChangePassword DeleteAccount ListTokens CreateToken CreateSession PutSession PatchSession HeadSession PostSession DeleteSession SessionOptions CreateTusUpload TusOptions Upload ListFiles",
		"webdav": "Options",
		"pages":  "Home ShowAccount SignUp LogIn LogOut SetRegion ChangePassword DeleteAccount CreateToken ShowDownload GetQRCode GetAsset RenderComments " + nothingOfAnothersOnLinkPages,
	} {
		for route := range strings.FieldsSeq(routes) {
			out[dialect+" "+route] = true
		}
	}
	for _, route := range hostingPages() { // tenantsOfHosting tries them
		out["pages "+route] = true
	}
	return out
}

// tenantsOfFiles: another account's files, tokens and folders are not there, in
// any route but where the document says so, and nothing of them changes.
func tenantsOfFiles(t *testing.T, w *harness.World) {
	victim, intruder := lockr(t, w), lockr(t, w)
	f := victim.Upload(t, "secret.txt", "secret", "x-key-hash", harness.KeyHash("phrase"))
	var made struct{ ID, Token string }
	victim.Call(t, "POST", "/api/v1/account/tokens", object{"name": "laptop"}).Want(t, 201).JSON(t, &made)
	real := filePrey{id: f.ID, token: made.ID, user: victim.Username, name: "secret.txt"}
	nobodys := filePrey{id: f.Region + "_" + strings.Repeat("a", len(strings.Split(f.ID, "_")[1])) + "_secret.txt", token: made.ID[:4] + strings.Repeat("a", len(made.ID)-4), user: "nobody-of-this-name", name: "secret.txt"}

	covered := nothingOfAnothers()
	try := func(l *harness.Lockr, x fileTrespass, p filePrey) harness.Response {
		var body any
		if x.body != nil {
			body = x.body(p)
		}
		headers := []string{}
		if strings.HasPrefix(x.route, "pages") {
			headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
		}
		if x.method == "COPY" || x.method == "MOVE" {
			headers = append(headers, "Destination", w.URL+"/dav/"+intruder.Username+"/loot")
		}
		return l.Call(t, x.method, x.path(p), body, headers...)
	}
	guest := &harness.Lockr{HTTP: intruder.HTTP, URL: intruder.URL}
	for _, x := range fileTrespasses() {
		covered[x.route] = true
		name := fmt.Sprintf("%s %s %s", x.method, x.route, x.path(real))
		theirs, none := try(intruder, x, real), try(intruder, x, nobodys)
		if theirs.Status != x.status || strings.Contains(string(theirs.Body), "secret\n") || string(theirs.Body) == "secret" {
			t.Errorf("%s: %d %s, want %d", name, theirs.Status, theirs.Body, x.status)
		}
		if !x.told {
			scrub := func(r harness.Response, p filePrey) harness.Response {
				r.Body = []byte(strings.ReplaceAll(strings.ReplaceAll(string(r.Body), p.id, "ID"), p.user, "USER"))
				return r
			}
			sameAnswer(t, name, scrub(theirs, real), scrub(none, nobodys))
		}
		if r := try(guest, x, real); r.Status < 300 {
			t.Errorf("a guest's %s: %d", name, r.Status)
		}
	}
	for _, x := range linkTrespasses() {
		covered[x.route] = true // tenantsOfLinks tries them
	}
	for _, r := range w.Routes(t) {
		if name := r.Dialect + " " + r.Name(); (r.Dialect == "lockr" || r.Dialect == "webdav" || r.Dialect == "pages") && !covered[name] {
			t.Errorf("%s %s (%s) has no row in fileTrespasses()", r.Method, r.Path, name)
		}
	}
	list := files(t, victim, "")
	if len(list.Files) != 1 || !list.Files[0].HasKey || list.Files[0].ID != f.ID {
		t.Errorf("the intruder changed something: %+v", list)
	}
	downloads(t, victim, f, []byte("secret"))
	victim.Call(t, "GET", "/api/v1/files", nil, "Authorization", "Bearer "+made.Token).Want(t, 200)
	guest.Download(t, f.ID, "?keyHash="+harness.KeyHash("phrase")).Want(t, 200)
}
