package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// expelled wants a refusal of a session that also clears its cookies.
func expelled(t *testing.T, r harness.Response, text string) {
	t.Helper()
	r.Says(t, 403, text)
	for _, name := range []string{"plik-session", "plik-xsrf"} {
		if c := cookie(t, r, name); c.Value != "" || c.MaxAge >= 0 {
			t.Errorf("%+v", c)
		}
	}
}

// plikAuthRules: plik-wire.md 13.
func plikAuthRules() []rule {
	return []rule{
		{says: "13.1: a session that is nonsense is refused everywhere it is looked at, and cleared", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			for _, value := range []string{"nonsense", "a.b.c", strings.Repeat("x", 2000)} {
				bad := p.With("Cookie", "plik-session="+value)
				for _, path := range []string{"/me", "/upload/" + u.ID, "/archive/" + u.ID + "/a.zip", "/users", "/me/uploads"} {
					expelled(t, bad.Call(t, "GET", path, nil), "invalid session")
				}
				expelled(t, bad.Call(t, "POST", "/upload", nil, "X-XSRFToken", "x"), "invalid session")
				for _, path := range []string{"/config", "/version", "/health", "/auth/logout"} {
					bad.Call(t, "GET", path, nil).Want(t, 200)
				}
			}
		}},
		{says: "13.1: a session ends by its time", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.edges.tight)
			me.Call(t, "GET", "/me", nil).Want(t, 200)
			eventually(t, "its end", func() bool { return me.Call(t, "GET", "/me", nil).Status == 403 })
			expelled(t, me.Call(t, "GET", "/me", nil), "invalid session")
		}},
		{says: "13.1: what changes something needs the XSRF header, with the upload's secret too", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			u := me.Create(t, nil)
			bare := *me
			bare.Session, bare.XSRF = "", ""
			cookies := bare.With("Cookie", "plik-session="+me.Session+"; plik-xsrf="+me.XSRF)
			for _, ask := range [][2]string{{"POST", "/upload"}, {"DELETE", "/upload/" + u.ID}, {"POST", "/me/token"}, {"DELETE", "/me/uploads"}, {"DELETE", "/me"}, {"POST", "/file/" + u.ID}, {"POST", "/"}} {
				expelled(t, cookies.Admin(u).Call(t, ask[0], ask[1], nil), "missing xsrf header")
				expelled(t, cookies.Call(t, ask[0], ask[1], nil, "X-XSRFToken", "00000000-0000-4000-8000-000000000000"), "invalid xsrf header")
			}
			cookies.Call(t, "GET", "/me", nil).Want(t, 200)
			cookies.Call(t, "HEAD", "/archive/"+u.ID+"/a.zip", nil).Want(t, 200)
			cookies.As(userToken(t, me).Token).Create(t, nil)
		}},
		{says: "13.1: the session of a deleted user is refused", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			me.Call(t, "DELETE", "/me", nil).OK(t)
			eventually(t, "it is over", func() bool { return me.Call(t, "GET", "/me", nil).Status == 403 })
			me.Call(t, "GET", "/me", nil).SaysLike(t, 403, "invalid session")
		}},
		{says: "13.2: an upload remembers the token and its user", check: func(t *testing.T, g *ground) {
			me, id := g.someone(t, g.plik(t))
			token := userToken(t, me)
			u := token.Create(t, nil)
			me.Create(t, nil)
			page := pageOf[harness.PlikUpload](t, me, "/me/uploads?token="+token.Token)
			if len(page.Results) != 1 || page.Results[0].ID != u.ID || page.Results[0].User != id || page.Results[0].Token != token.Token {
				t.Errorf("%+v", page.Results)
			}
		}},
		{says: "13.2: a token goes before a session", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			me.As("nonsense").Call(t, "POST", "/upload", nil).Says(t, 403, "invalid token")
		}},
		{says: "13.3: routes of users and of administrators", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			for _, ask := range [][2]string{{"GET", "/me"}, {"DELETE", "/me"}, {"GET", "/me/token"}, {"POST", "/me/token"}, {"DELETE", "/me/token/x"}, {"GET", "/me/uploads"}, {"DELETE", "/me/uploads"}, {"GET", "/me/stats"},
				{"GET", "/user/local:admin"}, {"POST", "/user/local:admin"}, {"DELETE", "/user/local:admin"}} {
				p.Call(t, ask[0], ask[1], nil).Says(t, 401, "you must be authenticated, please login first")
			}
			for _, ask := range [][2]string{{"POST", "/user"}, {"GET", "/stats"}, {"GET", "/users"}, {"GET", "/uploads"}} {
				p.Call(t, ask[0], ask[1], nil).Says(t, 401, "you must be authenticated, please login first")
				me.Call(t, ask[0], ask[1], nil).Says(t, 403, "you need administrator privileges")
			}
		}},
		{says: "13.4: a log-in's errors", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			c := account(t, g.w)
			login := func(p *harness.Plik, body any) harness.Response {
				return p.Call(t, "POST", "/auth/local/login", body)
			}
			login(g.edges.off, object{"login": "a", "password": "b"}).Says(t, 400, "authentication is disabled")
			for _, body := range []string{"", "{", "[]", `{"login":1}`} {
				login(p, body).SaysLike(t, 400, "unable to deserialize request body : ")
			}
			login(p, object{"password": "b"}).Says(t, 400, "missing login")
			login(p, object{"login": "b"}).Says(t, 400, "missing password")
			login(p, object{"login": c.Username, "password": "wrong"}).Says(t, 403, "invalid credentials")
			login(p, object{"login": "nobody-of-this-name", "password": "wrong"}).Says(t, 403, "invalid credentials")
			login(p, object{"LOGIN": c.Username, "Password": password(c.Username)}).OK(t)
		}},
		{says: "13.4: a log-out needs no session", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "GET", "/auth/logout", nil).Want(t, 200)
		}},
		{says: "13.5: providers that are not set, or not allowed", check: func(t *testing.T, g *ground) {
			for _, provider := range []string{"google", "ovh"} {
				for _, route := range []string{"login", "callback"} {
					g.edges.off.Call(t, "GET", "/auth/"+provider+"/"+route, nil, "Referer", "http://x/").Says(t, 400, "authentication is disabled")
				}
			}
			g.plik(t).Call(t, "GET", "/auth/google/login", nil, "Referer", "http://x/").Says(t, 400, "Google authentication is disabled")
			g.plik(t).Call(t, "GET", "/auth/ovh/login", nil, "Referer", "http://x/").Says(t, 400, "OVH authentication is disabled")
			g.plik(t).Call(t, "GET", "/auth/oidc/login", nil, "Referer", "http://x/").Says(t, 400, "OIDC authentication is disabled")
		}},
		{says: "13.5: Google's callback and what it refuses", check: func(t *testing.T, g *ground) {
			p, idp := g.edges.people, g.edges.idp
			p.Call(t, "GET", "/auth/google/callback", nil).Says(t, 400, "missing oauth2 authorization code")
			p.Call(t, "GET", "/auth/google/callback?code=x", nil).Says(t, 400, "missing oauth2 authorization state")
			p.Call(t, "GET", "/auth/google/callback?code=x&state=y", nil).SaysLike(t, 400, "invalid oauth2 state : ")
			r := p.Call(t, "GET", "/auth/google/login", nil, "Referer", "http://x.test/").Want(t, 200)
			back := idp.agrees(t, string(r.Body), "someone@evil.test")
			p.Call(t, "GET", back, nil, "Cookie", cookiesOf(r)).Says(t, 403, "unauthorized domain name")
			p.Call(t, "GET", back, nil, "Cookie", cookiesOf(r), "User-Agent", "Mozilla/5.0").Want(t, 301)
		}},
		{says: "13.5: OVH's callback and what it refuses", check: func(t *testing.T, g *ground) {
			p := g.edges.people
			p.Call(t, "GET", "/auth/ovh/callback", nil).Says(t, 400, "missing OVH session cookie")
			p.Call(t, "GET", "/auth/ovh/callback", nil, "Cookie", "plik-ovh-session=x").SaysLike(t, 400, "invalid OVH session cookie : ")
		}},
		{says: "13.6: an administrator acts as somebody and stays an administrator", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			op := g.operator(t, p)
			as := op.With("X-Plik-Impersonate", id)
			var u plikUser
			as.Call(t, "GET", "/me", nil).Want(t, 200).JSON(t, &u)
			if u.ID != id || !u.Admin {
				t.Errorf("%+v", u)
			}
			up := as.Create(t, nil)
			page := pageOf[harness.PlikUpload](t, me, "/me/uploads")
			if len(page.Results) != 1 || page.Results[0].ID != up.ID || page.Results[0].User != id {
				t.Errorf("%+v", page.Results)
			}
			token := userToken(t, op)
			up = token.With("X-Plik-Impersonate", id).Create(t, nil)
			page = pageOf[harness.PlikUpload](t, op, "/uploads?token="+token.Token)
			if len(page.Results) != 1 || page.Results[0].ID != up.ID || page.Results[0].User != id {
				t.Errorf("%+v", page.Results)
			}
		}},
		{says: "13.6: nobody else does, and nobody unknown can be acted as", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			for _, who := range []*harness.Plik{p, me, userToken(t, me)} {
				who.Call(t, "POST", "/upload", nil, "X-Plik-Impersonate", "local:admin").Says(t, 403, "you need administrator privileges")
			}
			me.Call(t, "GET", "/me", nil, "X-Plik-Impersonate", id).Says(t, 403, "you need administrator privileges")
			op := g.operator(t, p)
			op.Call(t, "GET", "/me", nil, "X-Plik-Impersonate", "local:nobody-at-all").Says(t, 403, "user to impersonate does not exists")
			op.Call(t, "GET", "/stats", nil, "X-Plik-Impersonate", "local:nobody-at-all").Want(t, 200)
		}},
		{says: "13.7: the header that holds the address is one bare address, or the request is refused", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			for _, bad := range []string{"10.0.0.1, 10.0.0.2", "10.0.0.1:80", "nonsense", "10.0.0", "[::1]:80", "10.0.0.0/8"} {
				for _, path := range []string{"/config", "/version", "/upload/x", "/me", "/qrcode", "/archive/x/a.zip"} {
					p.Call(t, "GET", path, nil, "X-Client-IP", bad).Says(t, 400, "invalid IP address")
				}
				p.Call(t, "GET", "/health", nil, "X-Client-IP", bad).Want(t, 200)
			}
			p.Call(t, "GET", "/config", nil, "X-Client-IP", "2001:db8::1").Want(t, 200)
			p.Call(t, "GET", "/config", nil, "X-Client-IP", "").Want(t, 200)
		}},
		{says: "13.7: the whitelist is not for users, and not for other routes", check: func(t *testing.T, g *ground) {
			p := g.edges.tight
			outside := p.With("X-Client-IP", "203.0.113.1")
			me, _ := g.someone(t, outside)
			u := me.Create(t, object{"removable": true})
			outside.Get(t, u.ID)
			outside.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			outside.With("X-Client-IP", "").Call(t, "POST", "/upload", nil).Says(t, 403, "untrusted source IP address")
		}},
	}
}

// plikUserRules: plik-wire.md 14.
func plikUserRules() []rule {
	return []rule{
		{says: "14.1: another user is for administrators to see, an unknown one is 404", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			_, other := g.someone(t, p)
			op := g.operator(t, p)
			me.Call(t, "GET", "/user/"+other, nil).Says(t, 403, "you need administrator privileges")
			var u plikUser
			op.Call(t, "GET", "/user/"+id, nil).Want(t, 200).JSON(t, &u)
			equal(t, "id", u.ID, id)
			for _, unknown := range []string{"local:nobody-at-all", "x", "google:a@b.c", "local:"} {
				op.Call(t, "GET", "/user/"+url.PathEscape(unknown), nil).Says(t, 404, "user not found")
				op.Call(t, "DELETE", "/user/"+url.PathEscape(unknown), nil).Says(t, 404, "user not found")
			}
			if r := me.Call(t, "GET", "/user/local:nobody-at-all", nil); r.Status != 403 && r.Status != 404 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}},
		{says: "14.1: an administrator makes users", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			op, login := g.operator(t, p), uniqueLogin()
			r := op.Call(t, "POST", "/user", object{"provider": "local", "login": login, "name": "N", "email": "e-" + login + "@example.test", "password": "long enough", "maxFileSize": 1, "maxUserSize": 2, "maxTTL": -1, "id": "x:y", "admin": true}).Want(t, 200)
			var u plikUser
			r.JSON(t, &u)
			if u.ID != "local:"+login || u.Login != login || u.Provider != "local" || u.Name != "N" || u.MaxFileSize != 1 || u.MaxUserSize != 2 || u.MaxTTL != -1 || !u.Admin || strings.Contains(string(r.Body), "long enough") {
				t.Errorf("%s", r.Body)
			}
			p.Login(t, login, "long enough").Call(t, "GET", "/stats", nil).Want(t, 200)
			gina := object{"provider": "google", "login": login + "@example.test", "email": "g-" + login + "@example.test"}
			op.Call(t, "POST", "/user", gina).Want(t, 200).JSON(t, &u)
			equal(t, "of a provider", u.ID, "google:"+login+"@example.test")
		}},
		{says: "14.1: a user's errors", check: func(t *testing.T, g *ground) {
			op := g.operator(t, g.plik(t))
			post := func(body any) harness.Response { return op.Call(t, "POST", "/user", body) }
			post("").Says(t, 400, "unable to deserialize user : missing")
			post("{").SaysLike(t, 400, "unable to deserialize user : ")
			post(object{"provider": "x", "login": "long", "password": "long enough"}).Says(t, 400, "unable to create user : invalid provider")
			post(object{"login": "long", "password": "long enough"}).Says(t, 400, "unable to create user : invalid provider")
			post(object{"provider": "local", "login": "abc", "password": "long enough"}).Says(t, 400, "unable to create user : login is too short (min 4 chars)")
			post(object{"provider": "local", "login": uniqueLogin(), "password": "seven77"}).Says(t, 400, "unable to create user : password is too short (min 8 chars)")
			for _, login := range []string{"a b c d", "../../x", strings.Repeat("a", 300), "tab\tbed"} {
				post(object{"provider": "local", "login": login, "password": "long enough"}).SaysLike(t, 400, "unable to create user : ")
			}
		}},
		{says: "14.1: an update replaces what it may, and missing is empty", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			op, login := g.operator(t, p), uniqueLogin()
			id := "local:" + login
			op.Call(t, "POST", "/user", object{"provider": "local", "login": login, "name": "N", "password": "long enough", "maxTTL": 60, "maxFileSize": 5, "admin": true}).Want(t, 200)
			var u plikUser
			op.Call(t, "POST", "/user/"+id, object{"id": id, "provider": "google", "login": "other", "email": "new-" + login + "@example.test", "maxUserSize": 9}).Want(t, 200).JSON(t, &u)
			want := plikUser{ID: id, Provider: "local", Login: login, Email: "new-" + login + "@example.test", MaxUserSize: 9}
			equal(t, "answered", u, want)
			op.Call(t, "GET", "/user/"+id, nil).Want(t, 200).JSON(t, &u)
			equal(t, "read", u, want)
			me := p.Login(t, login, "long enough")
			me.Call(t, "GET", "/stats", nil).Want(t, 403)
			op.Call(t, "POST", "/user/"+id, object{"id": id, "password": "seven77"}).Says(t, 400, "unable to update user : password is too short (min 8 chars)")
			op.Call(t, "POST", "/user/"+id, object{"id": id, "password": "another one"}).Want(t, 200)
			p.Login(t, login, "another one")
			p.Call(t, "POST", "/auth/local/login", object{"login": login, "password": "long enough"}).Says(t, 403, "invalid credentials")
		}},
		{says: "14.1: what nobody may do to oneself", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			_, other := g.someone(t, p)
			me.Call(t, "POST", "/user/"+id, object{"id": id, "admin": true}).Says(t, 403, "can't grant yourself admin right, nice try!")
			me.Call(t, "POST", "/user/"+id, object{"id": other}).Says(t, 400, "user id mismatch")
			me.Call(t, "POST", "/user/"+id, object{"name": "x"}).Says(t, 400, "user id mismatch")
			me.Call(t, "POST", "/user/"+other, object{"id": other, "name": "x"}).Says(t, 403, "you need administrator privileges")
			me.Call(t, "POST", "/user/"+id, "").SaysLike(t, 400, "unable to deserialize user : ")
			me.Call(t, "POST", "/user/"+id, object{"id": id, "name": "Me", "email": "me-" + strings.TrimPrefix(id, "local:") + "@example.test"}).Want(t, 200)
		}},
		{says: "14.1: a user is deleted with uploads and tokens", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, self := range []bool{true, false} {
				me, id := g.someone(t, p)
				token := userToken(t, me)
				u, f := token.Stored(t, nil, "a", nine)
				kept, kf := p.Stored(t, nil, "a", nine)
				if self {
					me.Call(t, "DELETE", "/me", nil).OK(t)
				} else {
					g.operator(t, p).Call(t, "DELETE", "/user/"+id, nil).OK(t)
				}
				p.Call(t, "GET", u.Path(f), nil).Says(t, 404, "upload "+u.ID+" not found")
				eventually(t, "its token is nothing", func() bool { return token.Call(t, "POST", "/upload", nil).Status == 403 })
				g.operator(t, p).Call(t, "GET", "/user/"+id, nil).Says(t, 404, "user not found")
				reads(t, p, kept, kf, nine)
			}
		}},
		{says: "14.2: tokens are made, listed and revoked", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			other, _ := g.someone(t, p)
			var tok struct{ Token, Comment string }
			me.Call(t, "POST", "/me/token", `{"Comment":"my <laptop>"}`).Want(t, 200).JSON(t, &tok)
			for _, bad := range []string{"{", "[]", `{"comment":1}`} {
				me.Call(t, "POST", "/me/token", bad).SaysLike(t, 400, "unable to deserialize request body : ")
			}
			page := pageOf[struct{ Token, Comment string }](t, me, "/me/token")
			if len(page.Results) != 1 || page.Results[0] != tok || tok.Comment != "my <laptop>" {
				t.Errorf("%+v", page.Results)
			}
			u := p.As(tok.Token).Create(t, nil)
			other.Call(t, "DELETE", "/me/token/"+tok.Token, nil).Says(t, 404, "token not found")
			me.Call(t, "DELETE", "/me/token/nonsense", nil).Says(t, 404, "token not found")
			me.Call(t, "DELETE", "/me/token/"+tok.Token, nil).OK(t)
			me.Call(t, "DELETE", "/me/token/"+tok.Token, nil).Says(t, 404, "token not found")
			eventually(t, "it is nothing", func() bool { return p.As(tok.Token).Call(t, "POST", "/upload", nil).Status == 403 })
			p.Get(t, u.ID)
		}},
		{says: "14.3: one's own uploads, of a token of one's own", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			other, _ := g.someone(t, p)
			u, f := me.Stored(t, nil, "a", nine)
			page := pageOf[harness.PlikUpload](t, me, "/me/uploads")
			if len(page.Results) != 1 || page.Results[0].ID != u.ID || len(page.Results[0].Files) != 1 || page.Results[0].Files[0].ID != f.ID {
				t.Errorf("%+v", page)
			}
			for _, path := range []string{"/me/uploads?token=", "/me/stats?token="} {
				for _, token := range []string{userToken(t, other).Token, "nonsense"} {
					me.Call(t, "GET", path+token, nil).Says(t, 404, "token not found")
				}
			}
			token := userToken(t, me)
			token.Stored(t, nil, "b", nine+nine)
			equal(t, "of a token", string(me.Call(t, "GET", "/me/stats?token="+token.Token, nil).Want(t, 200).Body), `{"uploads":1,"files":1,"totalSize":18}`)
		}},
		{says: "14.3: all uploads and users, for administrators, by user and by token", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			token := userToken(t, me)
			u := token.Create(t, nil)
			me.Create(t, nil)
			op := g.operator(t, p)
			equal(t, "by user", len(pageOf[harness.PlikUpload](t, op, "/uploads?user="+url.QueryEscape(id)).Results), 2)
			page := pageOf[harness.PlikUpload](t, op, "/uploads?token="+token.Token)
			if len(page.Results) != 1 || page.Results[0].ID != u.ID {
				t.Errorf("%+v", page.Results)
			}
			anonymous := p.Create(t, nil)
			all := pageOf[harness.PlikUpload](t, op, "/uploads?limit=1000").Results
			if !slices.ContainsFunc(all, func(o harness.PlikUpload) bool { return o.ID == anonymous.ID && o.User == "" }) {
				t.Errorf("an anonymous upload is not listed among %d", len(all))
			}
			users := pageOf[plikUser](t, op, "/users?limit=1000").Results
			if !slices.ContainsFunc(users, func(o plikUser) bool { return o.ID == id }) {
				t.Errorf("%s is not listed among %d", id, len(users))
			}
			equal(t, "of nobody", len(pageOf[harness.PlikUpload](t, op, "/uploads?user=local:nobody-at-all").Results), 0)
		}},
		{says: "14.4: cursors go forth and back, in either order", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			var made []string
			for i := range 7 {
				me.Call(t, "POST", "/me/token", object{"comment": fmt.Sprint(i)}).Want(t, 200)
				made = append(made, fmt.Sprint(i))
			}
			for _, order := range []string{"asc", "desc", ""} {
				want := slices.Clone(made)
				if order != "asc" {
					slices.Reverse(want)
				}
				get := func(more string) plikPage[struct{ Comment string }] {
					return pageOf[struct{ Comment string }](t, me, "/me/token?limit=3&order="+order+more)
				}
				if order == "" {
					get = func(more string) plikPage[struct{ Comment string }] {
						return pageOf[struct{ Comment string }](t, me, "/me/token?limit=3"+more)
					}
				}
				text := func(p plikPage[struct{ Comment string }]) (s string) {
					for _, r := range p.Results {
						s += r.Comment
					}
					return s
				}
				all := strings.Join(want, "")
				first := get("")
				if text(first) != all[:3] || first.Before != nil || first.After == nil {
					t.Fatalf("%s: first %q %v", order, text(first), first)
				}
				second := get("&after=" + url.QueryEscape(*first.After))
				if text(second) != all[3:6] || second.Before == nil || second.After == nil {
					t.Fatalf("%s: second %q %v", order, text(second), second)
				}
				third := get("&after=" + url.QueryEscape(*second.After))
				if text(third) != all[6:] || third.Before == nil || third.After != nil {
					t.Fatalf("%s: third %q %v", order, text(third), third)
				}
				back := get("&before=" + url.QueryEscape(*third.Before))
				if text(back) != all[3:6] || back.Before == nil || back.After == nil {
					t.Errorf("%s: back %q %v", order, text(back), back)
				}
				start := get("&before=" + url.QueryEscape(*back.Before))
				if text(start) != all[:3] || start.Before != nil || start.After == nil {
					t.Errorf("%s: start %q %v", order, text(start), start)
				}
			}
		}},
		{says: "14.4: the header X-Plik-Paging stands for the query", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			for range 3 {
				me.Call(t, "POST", "/me/token", nil).Want(t, 200)
			}
			page := pageOf[object](t, me, "/me/token?limit=1", "X-Plik-Paging", `{"limit":2,"order":"asc"}`)
			equal(t, "results", len(page.Results), 2)
			next, _ := json.Marshal(object{"limit": 2, "order": "asc", "after": page.After})
			equal(t, "the rest", len(pageOf[object](t, me, "/me/token", "X-Plik-Paging", string(next)).Results), 1)
			me.Call(t, "GET", "/me/token", nil, "X-Plik-Paging", `{"limit":0}`).SaysLike(t, 400, "invalid limit")
			me.Call(t, "GET", "/me/token", nil, "X-Plik-Paging", `{"order":"x"}`).SaysLike(t, 400, "invalid order")
		}},
		{says: "14.4: an empty page is empty", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			for _, path := range []string{"/me/token", "/me/uploads"} {
				equal(t, path, string(me.Call(t, "GET", path, nil).Want(t, 200).Body), `{"after":null,"before":null,"results":[],"total":0}`)
			}
		}},
	}
}
