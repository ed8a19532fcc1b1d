package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// plikTrespass is a try at somebody else's upload, user token or account through
// Plik. Whoever knows an upload's id may see and read it, unless it has a password;
// the rest is its owner's.
type plikTrespass struct {
	route  string // its name in /-/routes
	method string
	path   func(x plikPrey) string
	body   any
	status int
	told   bool // what exists has another answer than what does not
}

type plikPrey struct {
	u     harness.PlikUpload
	f     harness.PlikFile
	token string
	user  string
}

func plikTrespasses() []plikTrespass {
	upload := func(x plikPrey) string { return "/upload/" + x.u.ID }
	file := func(x plikPrey) string { return x.u.Path(x.f) }
	stream := func(x plikPrey) string { return strings.Replace(x.u.Path(x.f), "/file/", "/stream/", 1) }
	archive := func(x plikPrey) string { return "/archive/" + x.u.ID + "/a.zip" }
	user := func(x plikPrey) string { return "/user/" + x.user }
	at := func(path string) func(plikPrey) string { return func(plikPrey) string { return path } }
	return []plikTrespass{
		{"GetUpload", "GET", upload, nil, 401, true},
		{"RemoveUpload", "DELETE", upload, nil, 401, true},
		{"AddFile", "POST", func(x plikPrey) string { return "/file/" + x.u.ID }, "form", 401, true},
		{"PutFile", "POST", file, "form", 401, true},
		{"PutStream", "POST", stream, "form", 401, true},
		{"RemoveFile", "DELETE", file, nil, 401, true},
		{"GetFile", "GET", file, nil, 401, true},
		{"GetFile", "HEAD", file, nil, 401, true},
		{"GetStream", "GET", stream, nil, 401, true},
		{"GetArchive", "GET", archive, nil, 401, true},
		{"GetArchive", "HEAD", archive, nil, 401, true},
		{"RevokeToken", "DELETE", func(x plikPrey) string { return "/me/token/" + x.token }, nil, 404, false},
		{"ListMyUploads", "GET", func(x plikPrey) string { return "/me/uploads?token=" + x.token }, nil, 404, false},
		{"RemoveMyUploads", "DELETE", func(x plikPrey) string { return "/me/uploads?token=" + x.token }, nil, 404, false},
		{"GetMyStats", "GET", func(x plikPrey) string { return "/me/stats?token=" + x.token }, nil, 404, false},
		{"GetUser", "GET", user, nil, 403, false},
		{"UpdateUser", "POST", user, object{"name": "mine"}, 403, false},
		{"DeleteUser", "DELETE", user, nil, 403, false},
		{"CreateUser", "POST", at("/user"), object{"provider": "local", "login": "intruder", "password": "long enough"}, 403, false},
		{"ListUsers", "GET", at("/users"), nil, 403, false},
		{"ListUploads", "GET", at("/uploads"), nil, 403, false},
		{"GetStats", "GET", at("/stats"), nil, 403, false},
	}
}

// nothingOfAnothersInPlik are the routes that name nothing of another's.
const nothingOfAnothersInPlik = "GetConfig GetVersion GetQRCode GetHealth GetClient GetChangelog QuickUpload CreateUpload LocalLogin Logout " +
	"GoogleLogin GoogleCallback OVHLogin OVHCallback OIDCLogin OIDCCallback GetMe DeleteMe ListTokens CreateToken"

// tenantsOfPlik: another account's protected upload, its tokens and its person are
// neither read nor changed, by a session, by a user token or by nobody, and where
// it does not need to be told whether there is such a thing it is not.
func tenantsOfPlik(t *testing.T, w *harness.World) {
	g := &ground{w: w}
	victim, id := g.someone(t, g.plik(t))
	intruder, _ := g.someone(t, g.plik(t))
	secrets := userToken(t, victim)
	u, f := secrets.Stored(t, object{"password": "p", "files": one("later")}, "secret.txt", "secret")
	real := plikPrey{u: u, f: f, token: secrets.Token, user: id}
	nobodys := plikPrey{u: u, f: f, token: "00000000-0000-4000-8000-000000000000", user: "local:nobody-of-this-name"}
	nobodys.u.ID, nobodys.f.ID = strings.Repeat("A", 16), strings.Repeat("A", 16)
	before := victim.Admin(u).Get(t, u.ID)

	covered := map[string]bool{}
	for route := range strings.FieldsSeq(nothingOfAnothersInPlik) {
		covered[route] = true
	}
	try := func(p *harness.Plik, x plikTrespass, prey plikPrey) harness.Response {
		t.Helper()
		if x.body == "form" {
			return p.Post(t, x.path(prey), prey.f.Name, "mine")
		}
		return p.Call(t, x.method, x.path(prey), x.body)
	}
	for _, x := range plikTrespasses() {
		covered[x.route] = true
		name := fmt.Sprintf("%s %s", x.method, x.path(real))
		theirs, none := try(intruder, x, real), try(intruder, x, nobodys)
		if theirs.Status != x.status || strings.Contains(string(theirs.Body), u.UploadToken) || string(theirs.Body) == "secret" {
			t.Errorf("%s: %d %s, want %d", name, theirs.Status, theirs.Body, x.status)
		}
		if !x.told {
			sameAnswer(t, name, theirs, none)
		}
		for who, p := range map[string]*harness.Plik{"a user token": userToken(t, intruder), "nobody": g.plik(t)} {
			if r := try(p, x, real); r.Status < 400 {
				t.Errorf("%s by %s: %d %s", name, who, r.Status, r.Body)
			}
		}
	}
	for _, r := range w.Routes(t) {
		if r.Dialect == "plik" && !covered[r.Name()] {
			t.Errorf("%s %s (%s) has no row in plikTrespasses()", r.Method, r.Path, r.Name())
		}
	}
	after := victim.Admin(u).Get(t, u.ID)
	if fmt.Sprint(after.Files) != fmt.Sprint(before.Files) || len(after.Files) != 2 {
		t.Errorf("the intruder changed something:\n%+v\n%+v", before, after)
	}
	reads(t, secrets, u, f, "secret")
	victim.Call(t, "GET", "/me", nil).Want(t, 200)
	equal(t, "the intruder's", len(pageOf[harness.PlikUpload](t, intruder, "/me/uploads").Results), 0)
}
