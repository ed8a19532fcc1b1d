package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// FuzzShared: whatever a stranger asks for below a file and a protected folder, with
// whatever cookie, nothing is deleted, no byte comes out and nothing is a fault of ours.
func FuzzShared(f *testing.F) {
	for _, s := range []string{"", "~i", "~s", "~d", "~d?", "~d?0123", "~i?a=", "/a.txt", "/a/b", "?download_token=", "?download_token=00&download_token=1", "%7Ei", "~", "%00", "?%", "/%2F", ";x"} {
		f.Add(s, "AAAA")
	}
	h := newHost(f)
	hash, err := h.links.FolderPassword(md5Hex("x"))
	if err != nil {
		f.Fatal(err)
	}
	d := h.folder(f, "", "vault", objectv1.Sharing{Visibility: objectv1.VisibilityPublic, PasswordHash: hash})
	n := h.file(f, "secret.txt", "secret bytes")
	h.put(f, n, d.NodeID)
	f.Fuzz(func(t *testing.T, rest, cookie string) {
		for _, at := range []string{"/" + n.Short, "/folder/" + num(d), "/folder/", "/search"} {
			u, err := url.ParseRequestURI(at + rest)
			if err != nil {
				return
			}
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
				req := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader("password="))
				req.URL, req.RequestURI = u, at+rest
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Cookie", "folder_open="+cookie)
				rec := httptest.NewRecorder()
				h.Server.Config.Handler.ServeHTTP(rec, req)
				if body := rec.Body.String(); rec.Code >= 500 || strings.Contains(body, "secret bytes") || at != "/"+n.Short && strings.Contains(body, "secret.txt") {
					t.Errorf("%s %s: %d %s", method, at+rest, rec.Code, body)
				}
			}
		}
		if h.gone(t, n) {
			t.Fatalf("%q deleted it", rest)
		}
	})
}

// FuzzManager: whatever the owner's forms say, nobody else's files change, and what
// follows is a page of the account's.
func FuzzManager(f *testing.F) {
	h := newHost(f)
	eve := signedUp(f, h.World, "eve")
	mine, at := h.file(f, "mine.txt", "x"), eve.w.URL
	for _, s := range []string{"do=trash&node." + mine.NodeID + "=1&folder=0", "do=move&to=0&node.x=1", "do=copy&node.x=1&folder=%2F%2Fevil.example", "folder=0&name=%2F", "name=x&size=1&folder=", "visibility=public&password=x", "name=%ff", "node.=&do=restore"} {
		f.Add(s)
	}
	u, err := url.Parse(at)
	if err != nil {
		f.Fatal(err)
	}
	cookies := eve.client.Jar.Cookies(u)
	f.Fuzz(func(t *testing.T, form string) {
		for _, path := range []string{"/account/selected", "/account/folders", "/account/uploads", "/account/nodes/" + mine.NodeID, "/account/nodes/" + mine.NodeID + "/sharing"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, c := range cookies {
				req.AddCookie(c)
			}
			rec := httptest.NewRecorder()
			h.Server.Config.Handler.ServeHTTP(rec, req)
			if to := rec.Header().Get("Location"); rec.Code >= 500 || rec.Code == http.StatusUnauthorized || to != "" && !strings.HasPrefix(to, "/account/") {
				t.Errorf("%s %q: %d %q", path, form, rec.Code, to)
			}
		}
		if h.gone(t, mine) {
			t.Fatalf("%q deleted another's", form)
		}
	})
}
