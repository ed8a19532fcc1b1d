package lockr_test

import (
	"net/http"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func cookie(token string) string { return "sluice_session=" + token }

func TestCaller_Ways(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for name, h := range map[string]http.Header{
		"bearer": ada(w), "bearer, other case": header("Authorization", "bearer  "+w.Account), "password": header("Authorization", basic("ada", "right")),
		"token as password": header("Authorization", basic("anybody", w.Account)), "cookie": guest("Cookie", cookie(w.Account)),
		"header before cookie": ada(w, "Cookie", cookie("junk")),
	} {
		if r := w.Do(t, "GET", api+"/account", "", h); r.Status != 200 || !strings.Contains(r.Body, `"username":"ada"`) {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

// TestCaller_Invalid: a credential that does not hold is refused also where
// guests are allowed (lockr.md, Statuses).
func TestCaller_Invalid(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "x", guest())
	twice := header("Authorization", "Bearer "+w.Account, "Authorization", "Bearer "+w.Account)
	for name, h := range map[string]http.Header{
		"unknown token": header("Authorization", "Bearer junk"), "access token": header("Authorization", "Bearer "+w.Token), "access token by Basic": header("Authorization", basic("x", w.Token)),
		"wrong password": header("Authorization", basic("ada", "wrong")), "unknown name": header("Authorization", basic("nobody", "right")), "no colon": header("Authorization", "Basic YWRh"),
		"no password": header("Authorization", basic("ada", "")), "no base64": header("Authorization", "Basic %%%"), "another scheme": header("Authorization", "Digest x"), "bare": header("Authorization", w.Account),
		"no token": header("Authorization", "Bearer "), "twice": twice, "huge": header("Authorization", "Bearer "+strings.Repeat("x", 9000)), "cookie": guest("Cookie", cookie("junk")),
		"empty cookie": guest("Cookie", cookie("")), "two cookies": guest("Cookie", cookie(w.Account)+"; "+cookie(w.Account)), "header before cookie": header("Authorization", "Bearer junk", "Cookie", cookie(w.Account)),
	} {
		for _, k := range []struct{ method, path string }{{"GET", "/account"}, {"POST", "/upload"}, {"GET", "/download/" + f.ID}, {"GET", "/files"}, {"DELETE", "/files/" + f.ID}} {
			r := w.Do(t, k.method, api+k.path, "", h)
			if r.Status != 401 || r.Code() != "unauthorized" || len(r.Header.Values("WWW-Authenticate")) != 2 {
				t.Errorf("%s: %s %s: %d %s", name, k.method, k.path, r.Status, r.Body)
			}
			if ended := r.Header.Get("Set-Cookie"); strings.Contains(name, "cookie") != (ended != "") && name != "header before cookie" {
				t.Errorf("%s: Set-Cookie %q", name, ended)
			}
		}
	}
	for _, p := range []string{"/account", "/files", "/account/tokens"} {
		refused(t, w.Do(t, "GET", api+p, "", guest()), 401, "unauthorized")
	}
	// A page's script is not asked by a dialog of the browser's.
	if r := w.Do(t, "GET", api+"/account", "", guest("Sec-Fetch-Mode", "cors")); len(r.Header.Values("WWW-Authenticate")) != 1 {
		t.Errorf("%v", r.Header)
	}
}

// TestCaller_CrossSite: what another site's page asks a browser for changes nothing.
func TestCaller_CrossSite(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.PublicURL = "https://files.example.test/" })
	c := cookie(w.Account)
	for _, h := range []http.Header{guest("Cookie", c, "Sec-Fetch-Site", "cross-site"), guest("Cookie", c, "Sec-Fetch-Site", "same-site"), guest("Cookie", c, "Origin", "https://evil.example"), guest("Cookie", c, "Origin", "null")} {
		refused(t, w.Do(t, "POST", api+"/upload", "x", h), 403, "cross_origin")
		refused(t, w.Do(t, "POST", api+"/account/tokens", "{}", h), 403, "cross_origin")
		w.Want(t, 200, "GET", api+"/account", "", h) // SameSite keeps the cookie from most of these
	}
	for _, h := range []http.Header{
		guest("Cookie", c, "Sec-Fetch-Site", "same-origin"), guest("Cookie", c, "Origin", w.URL), guest("Cookie", c), guest("Cookie", c, "Origin", "https://files.example.test", "Sec-Fetch-Site", "cross-site"),
		ada(w, "Sec-Fetch-Site", "cross-site"), // no browser adds this credential by itself
	} {
		upload(t, w, "x", h)
	}
}

func TestCaller_AuthAway(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	w.Auth.SetFail("Authenticate", fault.ErrUnavailable)
	refused(t, w.Do(t, "GET", api+"/account", "", ada(w)), 503, "unavailable")
	refused(t, w.Do(t, "GET", api+"/account", "", guest("Cookie", cookie(w.Account))), 503, "unavailable")
	w.Auth.SetFail("Authenticate", authv1.ErrThrottled.After(5e9))
	r := w.Do(t, "GET", api+"/account", "", header("Authorization", basic("ada", "right")))
	refused(t, r, 429, "rate_limited")
	if r.Header.Get("Retry-After") != "5" {
		t.Errorf("%v", r.Header)
	}
}
