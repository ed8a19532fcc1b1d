package yetishare_test

import (
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const keysPath = "/api/v1/account/yetishare-keys"

// pair makes the account's keys.
func (w *world) pair(t testing.TB) (key1, key2 string) {
	t.Helper()
	var k struct{ Key1, Key2 string }
	read(t, w.Want(t, 201, "POST", keysPath, "", header("Authorization", "Bearer "+w.Account)), &k)
	return k.Key1, k.Key2
}

func TestAuthorize_Keys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.Want(t, 201, "POST", keysPath, "", header("Authorization", "Bearer "+w.Account))
	if r.Header.Get("Cache-Control") != "no-store" || strings.Join(keysOf(t, r.Body), " ") != "key1:string key2:string" {
		t.Errorf("%v %s", r.Header, r.Body)
	}
	k1, k2 := w.pair(t)
	if len(k1) != 64 || len(k2) != 64 {
		t.Fatalf("%q %q", k1, k2)
	}
	for _, v := range [][]string{{"key1", k1, "key2", k2}, {"key1", k1, "key2", k2, "username", "nobody", "password", "wrong"}} {
		r := w.post(t, "/authorize", values(v...))
		if got := strings.Join(keysOf(t, r.Body), " "); r.Status != 200 || got != "data:nested data.access_token:string data.account_id:string _status:string _datetime:string" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	for _, v := range [][]string{
		{}, {"key1", k1}, {"key2", k2}, {"key1", k2, "key2", k1}, {"key1", k1, "key2", k1}, {"key1", k1 + k2}, {"key1", k1, "key2", ""},
		{"key1", k1, "username", "ada", "password", "right"}, {"username", "ada"}, {"password", "right"}, {"username", "ada", "password", "wrong"},
		{"username", "nobody", "password", "right"}, {"username", "ada", "password", strings.Repeat("x", 20<<10)}, {"key1", strings.Repeat("k", 20<<10), "key2", k2},
	} {
		refusal(t, w.post(t, "/authorize", values(v...)), 401, refused)
	}
	// New keys end those before.
	w.pair(t)
	refusal(t, w.post(t, "/authorize", values("key1", k1, "key2", k2)), 401, refused)
	if strings.Contains(w.Audit.Text(), k1) || strings.Contains(w.Audit.Text(), w.who.Get("access_token")) {
		t.Error("a secret is in the audit trail")
	}
}

func TestAuthorize_Locked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Auth.SetFail("Login", authv1.ErrThrottled.After(90*time.Second))
	r := w.post(t, "/authorize", values("username", "ada", "password", "right"))
	refusal(t, r, 401, refused)
	if r.Header.Get("Retry-After") != "90" || r.Header.Get("WWW-Authenticate") == "" {
		t.Error(r.Header)
	}
	for _, f := range []*fault.Error{authv1.ErrBadCredentials, authv1.ErrAccountNotFound, fault.ErrInvalid} {
		w.Auth.SetFail("Login", f)
		refusal(t, w.post(t, "/authorize", values("username", "ada", "password", "right")), 401, refused)
	}
	w.Auth.SetFail("Login", fault.ErrUnavailable)
	refusal(t, w.post(t, "/authorize", values("username", "ada", "password", "right")), 503, fault.ErrUnavailable.Message)
	w.Auth.SetFail("Login", nil)
	w.Auth.SetFail("Authenticate", fault.ErrUnavailable)
	refusal(t, w.ask(t, "/account/info"), 503, fault.ErrUnavailable.Message)
}

func TestKeys_WhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, credential := range []string{"", "Bearer ", "Bearer nonsense", "Bearer " + w.Token, "Bearer " + w.who.Get("access_token"), "Basic YWRhOnJpZ2h0", "Bearer " + strings.Repeat("x", 9<<10)} {
		h := header()
		if credential != "" {
			h.Set("Authorization", credential)
		}
		if r := w.Do(t, "POST", keysPath, "", h); r.Status != 401 || !strings.Contains(r.Body, `"_status":"error"`) {
			t.Errorf("%.40q: %d %s", credential, r.Status, r.Body)
		}
	}
	if r := w.Do(t, "GET", keysPath, "", header("Authorization", "Bearer "+w.Account)); r.Status != 405 || r.Header.Get("Allow") != "POST" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	// The token opens nothing else, and nothing else opens this.
	if r := w.Do(t, "GET", "/api/v1/account", "", header("Authorization", "Bearer "+w.who.Get("access_token"))); r.Status != 401 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, token := range []string{w.Account, w.Token, strings.Repeat("h", 128), strings.Repeat("é", 64)} {
		refusal(t, w.post(t, "/account/info", plus(w.who, "access_token", token)), 200, reauth)
	}
}

func TestDisable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.authorize(t, "ada")
	for range 2 { // an answer that was lost is asked for again
		if r := w.ask(t, "/disable_access_token"); r.Status != 200 || !strings.Contains(r.Body, `"response":"Token removed or no longer available.","_status":"success"`) {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	refusal(t, w.ask(t, "/account/info"), 200, reauth)
	data(t, w.post(t, "/account/info", other))
	refusal(t, w.post(t, "/disable_access_token", plus(other, "account_id", "100099")), 200, reauth)
	refusal(t, w.post(t, "/disable_access_token", plus(other, "access_token", w.Account)), 200, reauth)
	data(t, w.post(t, "/account/info", other))
}

func TestRates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, edgetest.Still, func(c *edge.Config, _ *edge.Deps) { c.Yetishare.Rate, c.Yetishare.PublicRate = 3, 4 })
	const slow = "Maximum API request limit reached. Try to reduce the amount of requests."
	bob := w.authorize(t, "bob")
	for range 3 {
		data(t, w.ask(t, "/account/info"))
	}
	r := w.ask(t, "/account/info")
	refusal(t, r, 429, slow)
	if r.Header.Get("Retry-After") == "" {
		t.Error(r.Header)
	}
	data(t, w.post(t, "/account/info", bob)) // has its own rate
	// Tokens that do not hold have one of the address.
	for range 4 {
		refusal(t, w.post(t, "/account/info", plus(bob, "access_token", "x")), 200, reauth)
	}
	refusal(t, w.post(t, "/account/info", plus(bob, "access_token", "x")), 429, slow)
	refusal(t, w.post(t, "/account/info", bob), 429, slow)
	// So do log-ins: two of them have been.
	for range 2 {
		refusal(t, w.post(t, "/authorize", values("username", "ada", "password", "wrong")), 401, refused)
	}
	refusal(t, w.post(t, "/authorize", values("username", "ada", "password", "right")), 429, slow)
}

// TestAudit_Records looks at what the trail says of requests.
func TestAudit_Records(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	for _, k := range []struct{ method, path, action, key, code string }{
		{"POST", "/file/delete", "DeleteFile", "My New Folder/sample4_l.jpg", ""},
		{"GET", "/file/delete", "DeleteFile", "", "yetishare.no_file"},
		{"GET", "/folder/edit", "EditFolder", "My New Folder", ""},
	} {
		h := header("X-Request-Id", "audit-"+k.method+k.action)
		v := plus(w.who, "file_id", x.file, "folder_id", x.folder)
		body, query := v.Encode(), ""
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		if k.method == "GET" {
			body, query = "", "?"+v.Encode()
			h.Del("Content-Type")
		}
		w.Do(t, k.method, api+k.path+query, body, h)
		recs := w.Audit.Of("audit-" + k.method + k.action)
		if len(recs) != 1 || recs[0].Action != k.action || recs[0].AccountID != ada || recs[0].Key != k.key || recs[0].Code != k.code || recs[0].Dialect != "yetishare" ||
			(k.code == "") != (recs[0].Result == "ok") {
			t.Errorf("%+v", recs)
		}
	}
	// A token that does not hold is a denial, although it is answered with 200.
	refusal(t, w.Do(t, "GET", api+"/account/info?"+plus(w.who, "access_token", "x").Encode(), "", header("X-Request-Id", "denied")), 200, reauth)
	if recs := w.Audit.Of("denied"); len(recs) != 1 || recs[0].Result != "denied" || recs[0].Code != "yetishare.reauthenticate" {
		t.Errorf("%+v", recs)
	}
}
