package lockr_test

import (
	"fmt"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestAccount_MeAndRegion(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	upload(t, w, "12345", ada(w))
	var a struct {
		ID, Username, Email, Plan, DefaultRegion, CreatedAt string
		Quota, Used, MaxFileSize                            int64
	}
	r := w.Want(t, 200, "GET", api+"/account", "", ada(w))
	read(t, r, &a)
	if a.ID != "acc-ada" || a.Username != "ada" || a.Plan == "" || a.Quota != 1e11 || a.MaxFileSize != 1e11 || a.Used != 5 || a.DefaultRegion != "us-central1" || a.CreatedAt == "" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", a)
	}
	read(t, w.Want(t, 200, "PATCH", api+"/account", `{"defaultRegion":"eu-west1"}`, ada(w)), &a)
	if a.DefaultRegion != "eu-west1" {
		t.Errorf("%+v", a)
	}
	if f := upload(t, w, "x", ada(w)); f.Region != "eu-west1" {
		t.Errorf("%+v", f)
	}
	r = w.Do(t, "PATCH", api+"/account", `{"defaultRegion":"mars"}`, ada(w))
	refused(t, r, 400, "unknown_region")
	if !strings.Contains(r.Body, "us-central1, eu-west1") {
		t.Error(r.Body)
	}
	for _, body := range []string{`{}`, `{"defaultRegion":null}`, `{"defaultRegion":5}`, ``, `{"defaultRegion":""}`, `{"plan":"gold"}`} {
		if r := w.Do(t, "PATCH", api+"/account", body, ada(w)); r.Status != 400 {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	w.Want(t, 405, "DELETE", api+"/account", "", ada(w))
}

func TestLogin_NamesItsToken(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	r := w.Want(t, 200, "POST", api+"/login", `{"identifier":"ada","password":"right","name":"laptop"}`, guest())
	var s struct{ Token string }
	read(t, r, &s)
	var l struct {
		Tokens []struct {
			ID, Kind, Name, CreatedAt string
			Current                   bool
		}
	}
	read(t, w.Want(t, 200, "GET", api+"/account/tokens", "", header("Authorization", "Bearer "+s.Token)), &l)
	if len(l.Tokens) != 2 || l.Tokens[0].Name != "laptop" || l.Tokens[0].Kind != "api" || !l.Tokens[0].Current || l.Tokens[1].Current || strings.Contains(fmt.Sprint(l), s.Token) {
		t.Errorf("%+v", l)
	}
	unknown := w.Do(t, "POST", api+"/login", `{"identifier":"nobody","password":"x"}`, guest())
	wrong := w.Do(t, "POST", api+"/login", `{"identifier":"ada","password":"wrong"}`, guest())
	if unknown.Status != 401 || unknown.Body != wrong.Body {
		t.Errorf("they can be told apart: %s %s", unknown.Body, wrong.Body)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := header("Authorization", "Bearer "+signUp(t, w, "bob"))
	var made struct{ ID, Token, TokenType, Name, Kind string }
	r := w.Want(t, 201, "POST", api+"/account/tokens", `{"name":"ci"}`, ada(w))
	read(t, r, &made)
	if made.Token == "" || made.TokenType != "Bearer" || made.Name != "ci" || made.Kind != "api" || !strings.HasPrefix(made.ID, "tok_") || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v", made)
	}
	with := header("Authorization", "Bearer "+made.Token)
	w.Want(t, 200, "GET", api+"/account", "", with)
	refused(t, w.Do(t, "DELETE", api+"/account/tokens/"+made.ID, "", bob), 404, "token_not_found")
	w.Want(t, 204, "DELETE", api+"/account/tokens/"+made.ID, "", ada(w))
	refused(t, w.Do(t, "GET", api+"/account", "", with), 401, "unauthorized")
	w.Want(t, 204, "DELETE", api+"/account/tokens/"+made.ID, "", ada(w))
	refused(t, w.Do(t, "DELETE", api+"/account/tokens/tok_nothing", "", ada(w)), 404, "token_not_found")
	for _, body := range []string{``, `[]`, `{"name":5}`, `{"name":"` + strings.Repeat("x", 65) + `"}`} {
		if r := w.Do(t, "POST", api+"/account/tokens", body, ada(w)); r.Status != 400 {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	w.Auth.SetFail("CreateToken", authv1.ErrTooManyTokens)
	refused(t, w.Do(t, "POST", api+"/account/tokens", `{}`, ada(w)), 409, "too_many_tokens")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s, err := w.Auth.Login(t.Context(), authv1.LoginRequest{Identifier: "ada", Password: "right", Kind: authv1.TokenSession})
	if err != nil {
		t.Fatal(err)
	}
	r := w.Want(t, 204, "POST", api+"/logout", "", guest("Cookie", cookie(s.Token)))
	if c := r.Header.Get("Set-Cookie"); !strings.HasPrefix(c, "sluice_session=;") || !strings.Contains(c, "Max-Age=0") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
		t.Errorf("%q", c)
	}
	w.Want(t, 401, "GET", api+"/account", "", guest("Cookie", cookie(s.Token)))
	w.Want(t, 204, "POST", api+"/logout", "", header("Authorization", basic("ada", "right"))) // nothing to end
	w.Want(t, 204, "POST", api+"/logout", "", ada(w))
	w.Want(t, 401, "POST", api+"/logout", "", ada(w))
	w.Want(t, 401, "POST", api+"/logout", "", guest())
	w.Want(t, 405, "GET", api+"/logout", "", guest())
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	var other struct{ Token string }
	read(t, w.Want(t, 201, "POST", api+"/account/tokens", `{}`, ada(w)), &other)
	at := api + "/account/password"
	refused(t, w.Do(t, "POST", at, `{"current":"wrong","new":"long enough"}`, ada(w)), 401, "unauthorized")
	refused(t, w.Do(t, "POST", at, `{"current":"right","new":"short"}`, ada(w)), 400, "invalid_request")
	for _, body := range []string{`{"current":"right"}`, `{"new":"long enough"}`, `{"current":"right","new":5}`, `{"current":"right","new":"` + strings.Repeat("x", 2000) + `"}`} {
		refused(t, w.Do(t, "POST", at, body, ada(w)), 400, map[bool]string{true: "bad_json", false: "invalid_request"}[strings.Contains(body, "5")])
	}
	w.Want(t, 204, "POST", at, `{"current":"right","new":"long enough"}`, ada(w))
	w.Want(t, 200, "GET", api+"/account", "", ada(w)) // the token that asked stays
	w.Want(t, 401, "GET", api+"/account", "", header("Authorization", "Bearer "+other.Token))
	w.Want(t, 401, "POST", api+"/login", `{"identifier":"ada","password":"right"}`, guest())
	w.Want(t, 200, "POST", api+"/login", `{"identifier":"ada","password":"long enough"}`, guest())
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "x", ada(w))
	at := api + "/account/delete"
	refused(t, w.Do(t, "POST", at, `{"password":"wrong"}`, ada(w)), 401, "unauthorized")
	refused(t, w.Do(t, "POST", at, `{}`, ada(w)), 400, "invalid_request")
	if w.Object.Called("CloseAccount") != 0 {
		t.Error("closed without the password")
	}
	w.Object.SetFail("CloseAccount", objectv1.ErrObjectLocked)
	refused(t, w.Do(t, "POST", at, `{"password":"right"}`, ada(w)), 403, "object_locked")
	w.Want(t, 200, "GET", api+"/download/"+f.ID, "", guest())
	w.Object.SetFail("CloseAccount", nil)
	// A failure in the middle is mended by a repeat.
	w.Auth.SetFail("DeleteAccount", fault.ErrUnavailable)
	refused(t, w.Do(t, "POST", at, `{"password":"right"}`, ada(w)), 503, "unavailable")
	w.Auth.SetFail("DeleteAccount", nil)
	w.Want(t, 204, "POST", at, `{"password":"right"}`, ada(w))
	refused(t, w.Do(t, "GET", api+"/account", "", ada(w)), 401, "unauthorized")
	refused(t, w.Do(t, "GET", api+"/download/"+f.ID, "", guest()), 404, "not_found")
	signUp(t, w, "ada") // the name is free
}

// TestAudit: every change leaves a record before its answer, and none has a secret.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "x", ada(w, "X-File-Name", "a.txt"))
	for _, k := range []struct {
		action, method, path, body, key string
		status                          int
	}{
		{"SetFileKey", "POST", "/files/" + f.ID + "/key", `{"key":"top secret"}`, f.ID, 200}, {"Download", "GET", "/download/" + f.ID + "?keyHash=" + sha("top secret"), "", f.ID, 200},
		{"CreateToken", "POST", "/account/tokens", `{}`, "", 201}, {"ChangePassword", "POST", "/account/password", `{"current":"right","new":"also secret"}`, "", 204},
		{"DeleteFile", "DELETE", "/files/" + f.ID, "", f.ID, 200}, {"DeleteFile", "DELETE", "/files/" + f.ID, "", f.ID, 404},
	} {
		r := w.Want(t, k.status, k.method, api+k.path, k.body, ada(w))
		recs := w.Audit.Of(r.Header.Get("X-Request-Id"))
		if len(recs) != 1 || recs[0].Action != k.action || recs[0].Dialect != "lockr" || recs[0].AccountID != "acc-ada" || recs[0].Key != k.key || recs[0].Status != k.status {
			t.Errorf("%s: %+v", k.action, recs)
		}
	}
	for _, secret := range []string{"top secret", sha("top secret"), "also secret", w.Account} {
		if strings.Contains(w.Audit.Text(), secret) {
			t.Errorf("the audit trail has %q in it", secret)
		}
	}
	w.Audit.Set(true, nil)
	refused(t, w.Do(t, "POST", api+"/upload", "x", ada(w)), 503, "unavailable")
}
