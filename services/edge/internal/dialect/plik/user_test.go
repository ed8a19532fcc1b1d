package plik_test

import (
	"encoding/json"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// user is a user as clients see it.
type user struct {
	ID, Provider, Login, Name, Email, CreatedAt string
	Admin                                       bool
	MaxFileSize, MaxUserSize, MaxTTL            int64
}

func TestMe(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := join(t, w, "bobby", false)
	r := bob.does(t, w, "GET", "/me", "")
	var u user
	if err := json.Unmarshal([]byte(r.Body), &u); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"local:bobby","provider":"local","login":"bobby","email":"bobby@example.test","admin":false,"maxFileSize":0,"maxUserSize":0,"maxTTL":0,"createdAt":"` + u.CreatedAt + `"}`
	if r.Body != want || !strings.HasSuffix(u.CreatedAt, "Z") || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s\n%s", r.Body, want)
	}
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	const whole = `{"provider":"local","login":"carol","password":"long enough","name":"Carol","email":"c@example.test","admin":true,"maxFileSize":1,"maxUserSize":-1,"maxTTL":3,"id":"local:mallory","createdAt":"2001-01-01T00:00:00Z"}`
	says(t, bob.does(t, w, "POST", "/user", whole), 403, "you need administrator privileges")
	says(t, ask(t, w, "POST", "/user", whole), 401, "you must be authenticated, please login first")
	var u user
	root.gets(t, w, &u, "POST", "/user", whole)
	if (u != user{"local:carol", "local", "carol", "Carol", "c@example.test", u.CreatedAt, true, 1, -1, 3}) || strings.HasPrefix(u.CreatedAt, "2001") {
		t.Errorf("%+v", u)
	}
	says(t, logIn(t, w, "bobby").does(t, w, "GET", "/me", ""), 200, "")
	if r := ask(t, w, "POST", "/auth/local/login", `{"login":"carol","password":"long enough"}`); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, k := range []struct {
		body   string
		status int
		text   string
	}{
		{``, 400, "unable to deserialize user : missing"},
		{` `, 400, "unable to deserialize user : missing"},
		{`{`, 400, "unable to deserialize user : unexpected end of JSON input"},
		{`{"maxTTL":"1"}`, 400, `unable to deserialize user : "maxTTL" must not be a JSON string`},
		{`{"maxTTL":1e99}`, 400, `unable to deserialize user : "maxTTL" must not be a JSON number 1e99`},
		{`{}`, 400, "unable to create user : invalid provider"},
		{`{"provider":"github","login":"carol"}`, 400, "unable to create user : invalid provider"},
		{`{"provider":"local","login":"abc","password":"long enough"}`, 400, "unable to create user : login is too short (min 4 chars)"},
		{`{"provider":"google","login":"a@b"}`, 400, "unable to create user : login is too short (min 4 chars)"},
		{`{"provider":"local","login":"dave","password":"1234567"}`, 400, "unable to create user : password is too short (min 8 chars)"},
		{`{"provider":"local","login":"dave"}`, 400, "unable to create user : password is too short (min 8 chars)"},
		{`{"provider":"local","login":"carol","password":"long enough"}`, 409, "unable to create user : the user name is taken"},
		{`{"provider":"ovh","login":"dave","email":"c@example.test"}`, 409, "unable to create user : the e-mail address is in use"},
		{`{"provider":"ovh","login":"xx1234-ovh"}`, 200, ""},
		{`{"provider":"google","login":"g@example.test","password":"x"}`, 200, ""},
		{`{"provider":"oidc","login":"subject"}`, 200, ""},
	} {
		says(t, root.does(t, w, "POST", "/user", k.body), k.status, k.text)
	}
	w.Auth.SetFail("CreateUser", fault.ErrInternal.Msgf("secret"))
	says(t, root.does(t, w, "POST", "/user", whole), 500, "internal server error")
}

func TestUser_ByID(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	says(t, root.does(t, w, "POST", "/user", `{"provider":"google","login":"g.o@example.test"}`), 200, "")
	for _, k := range []struct {
		who    person
		path   string
		status int
		text   string
	}{
		{bob, "local:bobby", 200, ""}, {bob, "local%3Abobby", 200, ""}, {bob, "%6Cocal:bobby", 200, ""},
		{bob, "local:root", 403, "you need administrator privileges"}, {bob, "local:nobody", 403, "you need administrator privileges"}, {bob, "bobby", 403, "you need administrator privileges"},
		{root, "local:bobby", 200, ""}, {root, "google:g.o@example.test", 200, ""}, {root, "google%3Ag.o%40example.test", 200, ""},
		{root, "local:nobody", 404, "user not found"}, {root, "bobby", 404, "user not found"}, {root, ":", 404, "user not found"}, {root, "local:", 404, "user not found"},
		{root, "local:" + strings.Repeat("x", 3000), 404, "user not found"},
		{person{}, "local:bobby", 401, "you must be authenticated, please login first"},
	} {
		says(t, k.who.does(t, w, "GET", "/user/"+k.path, ""), k.status, k.text)
	}
	var u user
	root.gets(t, w, &u, "GET", "/user/google%3Ag.o%40example.test", "")
	if u.ID != "google:g.o@example.test" || u.Login != "g.o@example.test" || u.Provider != "google" {
		t.Errorf("%+v", u)
	}
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	const me = "/user/local:bobby"
	var u user
	root.gets(t, w, &u, "POST", me, `{"id":"local:bobby","provider":"google","login":"x","name":"Bob","email":"b@example.test","maxFileSize":5,"maxUserSize":6,"maxTTL":7}`)
	if (u != user{"local:bobby", "local", "bobby", "Bob", "b@example.test", u.CreatedAt, false, 5, 6, 7}) {
		t.Errorf("%+v", u)
	}
	other := logIn(t, w, "bobby")
	const own = `"id":"local:bobby","maxFileSize":5,"maxUserSize":6,"maxTTL":7`
	for _, k := range []struct {
		who    person
		body   string
		status int
		text   string
	}{
		{bob, `{"id":"local:root"}`, 400, "user id mismatch"},
		{bob, `{}`, 400, "user id mismatch"},
		{bob, ``, 400, "unable to deserialize user : missing"},
		{bob, `[`, 400, "unable to deserialize user : unexpected end of JSON input"},
		{bob, `{` + own + `,"admin":true}`, 403, "can't grant yourself admin right, nice try!"},
		{bob, `{"id":"local:bobby","maxFileSize":0,"maxUserSize":6,"maxTTL":7}`, 403, "can't edit your own quota, nice try!"},
		{bob, `{"id":"local:bobby","maxFileSize":5,"maxUserSize":-1,"maxTTL":7}`, 403, "can't edit your own quota, nice try!"},
		{bob, `{"id":"local:bobby","maxFileSize":5,"maxUserSize":6}`, 403, "can't edit your own quota, nice try!"},
		{bob, `{` + own + `,"password":"short"}`, 400, "unable to update user : password is too short (min 8 chars)"},
		{bob, `{` + own + `,"email":"root@example.test"}`, 409, "unable to update user : the e-mail address is in use"},
		{bob, `{` + own + `,"admin":true,"password":"short"}`, 403, "can't grant yourself admin right, nice try!"},
		{bob, `{` + own + `,"password":"another one"}`, 200, ""},
		{bob, `{` + own + `}`, 200, ""}, // this session stays
		{other, `{` + own + `}`, 403, "invalid session"},
		{root, `{"id":"local:bobby","admin":true}`, 200, ""},
	} {
		says(t, k.who.does(t, w, "POST", me, k.body), k.status, k.text)
	}
	// What the body leaves out is empty now; the password stays.
	u = user{}
	root.gets(t, w, &u, "GET", me, "")
	if (u != user{"local:bobby", "local", "bobby", "", "", u.CreatedAt, true, 0, 0, 0}) {
		t.Errorf("%+v", u)
	}
	if r := ask(t, w, "POST", "/auth/local/login", `{"login":"bobby","password":"another one"}`); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	root.gets(t, w, &u, "POST", "/user", `{"provider":"google","login":"g@example.test"}`)
	says(t, root.does(t, w, "POST", "/user/google:g@example.test", `{"id":"google:g@example.test","password":"x"}`), 200, "") // it has none of ours
	says(t, root.does(t, w, "POST", "/user/local:nobody", `{"id":"local:nobody"}`), 404, "user not found")
	says(t, join(t, w, "carol", false).does(t, w, "POST", me, `{"id":"local:bobby"}`), 403, "you need administrator privileges")
	r := root.does(t, w, "POST", me, `{"id":"local:bobby"}`, "X-Request-Id", "upd-1")
	says(t, r, 200, "")
	if recs := w.Audit.Of("upd-1"); len(recs) != 1 || recs[0].AccountID != "acc-root" || recs[0].Key != "local:bobby" {
		t.Errorf("%+v", recs)
	}
}

// upload makes an upload of an account.
func (p person) upload(t testing.TB, w *edgetest.World, account, tokenID string, names ...string) uploadv1.PlikUpload {
	t.Helper()
	r := uploadv1.CreatePlikRequest{TTL: 3600, Comments: "hello", Caller: uploadv1.PlikCaller{Principal: authv1.Principal{AccountID: account}, TokenID: tokenID, Source: "10.0.0.1"}}
	for _, n := range names {
		r.Files = append(r.Files, uploadv1.PlikAnnounced{Name: n, Reference: "0"})
	}
	u, err := w.Plik.CreatePlik(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return u.Upload
}

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	carol := join(t, w, "carol", false)
	token := bob.token(t, w, "x")
	bob.upload(t, w, "acc-bobby", "", "a.txt")
	says(t, carol.does(t, w, "DELETE", "/user/local:bobby", ""), 403, "you need administrator privileges")
	// What is under retention refuses it all, and a failure in the middle is mended
	// by a repeat.
	w.Object.SetFail("CloseAccount", objectv1.ErrObjectLocked)
	if r := bob.does(t, w, "DELETE", "/me", ""); r.Status != 403 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	says(t, bob.does(t, w, "GET", "/me", ""), 200, "")
	if n := w.Plik.Called("RemovePliks"); n != 0 {
		t.Errorf("temporary uploads were removed although the account stays: %d calls", n)
	}
	w.Object.SetFail("CloseAccount", nil)
	w.Auth.SetFail("DeleteUser", fault.ErrUnavailable)
	if r := bob.does(t, w, "DELETE", "/me", ""); r.Status != 503 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	w.Auth.SetFail("DeleteUser", nil)
	w.Plik.SetFail("RemovePliks", fault.ErrUnavailable)
	if r := root.does(t, w, "DELETE", "/user/local:bobby", ""); r.Status != 503 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	w.Plik.SetFail("RemovePliks", nil)
	r := bob.does(t, w, "DELETE", "/me", "")
	says(t, r, 200, "ok")
	cleared(t, r, true)
	says(t, bob.does(t, w, "GET", "/me", ""), 403, "invalid session")
	says(t, ask(t, w, "GET", anUpload, "", "X-PlikToken", token), 403, "invalid token")
	says(t, root.does(t, w, "GET", "/stats", ""), 200, `{"users":3,"uploads":0,"anonymousUploads":0,"files":0,"totalSize":0,"anonymousTotalSize":0}`)
	says(t, root.does(t, w, "DELETE", "/user/local:bobby", ""), 404, "user not found")
	says(t, root.does(t, w, "DELETE", "/user/local:carol", ""), 200, "ok")
	says(t, carol.does(t, w, "GET", "/me", ""), 403, "invalid session")
	says(t, root.does(t, w, "DELETE", "/user/local%3Aroot", ""), 200, "ok")
}

// TestDeleteAccount_TakesUploads: lockr's way of ending an account ends them too.
func TestDeleteAccount_TakesUploads(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root := join(t, w, "root", true)
	root.upload(t, w, "acc-ada", "", "a.txt")
	if r := w.Do(t, "POST", "/api/v1/account/delete", `{"password":"right"}`, map[string][]string{"Authorization": {"Bearer " + w.Account}}); r.Status != 204 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	says(t, root.does(t, w, "GET", "/stats", ""), 200, `{"users":1,"uploads":0,"anonymousUploads":0,"files":0,"totalSize":0,"anonymousTotalSize":0}`)
}
