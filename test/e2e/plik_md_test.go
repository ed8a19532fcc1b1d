package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// plikPage is a page of a list (plik-wire.md 4.7, plik.md).
type plikPage[T any] struct {
	After, Before *string
	Results       []T
	Total         *int
}

func pageOf[T any](t *testing.T, p *harness.Plik, path string, headers ...string) plikPage[T] {
	t.Helper()
	r := p.Call(t, "GET", path, nil, headers...).Want(t, 200)
	var page plikPage[T]
	r.JSON(t, &page)
	if page.Results == nil || page.Total == nil || !strings.Contains(string(r.Body), `"after":`) || !strings.Contains(string(r.Body), `"before":`) {
		t.Fatalf("no page: %s", r.Body)
	}
	return page
}

type plikUser struct {
	ID, Provider, Login, Name, Email, Password string
	Admin                                      bool
	MaxFileSize, MaxUserSize, MaxTTL           int64
}

// plikMDRules: every line of plik.md.
func plikMDRules() []rule {
	return []rule{
		{says: "plik.md: OIDC by discovery and code flow with PKCE and nonce; oidc:{sub}", check: func(t *testing.T, g *ground) {
			p, idp := g.edges.people, g.edges.idp
			r := p.Call(t, "GET", "/auth/oidc/login", nil, "Referer", "http://x.test/").Want(t, 200)
			visit := string(r.Body)
			q := queryOf(t, visit)
			if !strings.HasPrefix(visit, idp.URL+"/authorize?") || q.Get("client_id") != "oidc-client" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" ||
				q.Get("nonce") == "" || q.Get("state") == "" || !strings.Contains(q.Get("scope"), "openid") || !strings.HasSuffix(q.Get("redirect_uri"), "/auth/oidc/callback") {
				t.Fatalf("%q", visit)
			}
			back := idp.agrees(t, visit, "sub-1")
			// Between them cookies of the log-in may go to and fro.
			in := p.Call(t, "GET", back, nil, "Cookie", cookiesOf(r)).Want(t, 301)
			equal(t, "Location", in.Header.Get("Location"), "/#/login")
			var me plikUser
			p.Entered(t, in).Call(t, "GET", "/me", nil).Want(t, 200).JSON(t, &me)
			if me.ID != "oidc:sub-1" || me.Provider != "oidc" || me.Name != "Some Body" || me.Email != "sub-1@example.test" {
				t.Errorf("%+v", me)
			}
			p.Call(t, "GET", strings.Replace(back, "state=", "state=x", 1), nil, "Cookie", cookiesOf(r)).Want(t, 400)
		}},
		{says: "plik.md: /config has oidcAuthentication", check: func(t *testing.T, g *ground) {
			for p, want := range map[*harness.Plik]bool{g.edges.people: true, g.plik(t): false} {
				var cfg struct{ OIDCAuthentication *bool }
				p.Call(t, "GET", "/config", nil).Want(t, 200).JSON(t, &cfg)
				if cfg.OIDCAuthentication == nil || *cfg.OIDCAuthentication != want {
					t.Errorf("%v", cfg.OIDCAuthentication)
				}
			}
		}},
		{says: "plik.md: Google by the provider: google:{email}, the login's callback, allowed domains", check: func(t *testing.T, g *ground) {
			p, idp := g.edges.people, g.edges.idp
			r := p.Call(t, "GET", "/auth/google/login", nil, "Referer", "http://x.test/y").Want(t, 200)
			visit := string(r.Body)
			q := queryOf(t, visit)
			if !strings.HasPrefix(visit, idp.URL+"/o/oauth2/auth?") || q.Get("client_id") != "google-client" || q.Get("response_type") != "code" || q.Get("redirect_uri") != "http://x.test/auth/google/callback" ||
				!strings.Contains(q.Get("scope"), "userinfo.email") || !strings.Contains(q.Get("scope"), "userinfo.profile") || strings.HasSuffix(visit, "\n") {
				t.Fatalf("%q", visit)
			}
			in := p.Call(t, "GET", idp.agrees(t, visit, "gina"), nil, "Cookie", cookiesOf(r)).Want(t, 301)
			equal(t, "Location", in.Header.Get("Location"), "/#/login")
			var me plikUser
			p.Entered(t, in).Call(t, "GET", "/me", nil).Want(t, 200).JSON(t, &me)
			if me.ID != "google:gina@example.test" || me.Provider != "google" || me.Login != "gina@example.test" || me.Email != "gina@example.test" {
				t.Errorf("%+v", me)
			}
		}},
		{says: "plik.md: OVH by the provider: ovh:{nichandle}", check: func(t *testing.T, g *ground) {
			p, idp := g.edges.people, g.edges.idp
			r := p.Call(t, "GET", "/auth/ovh/login", nil, "Referer", "http://x.test/").Want(t, 200)
			equal(t, "where to go", string(r.Body), idp.URL+"/validate")
			in := p.Call(t, "GET", "/auth/ovh/callback", nil, "Cookie", cookiesOf(r)).Want(t, 301)
			equal(t, "Location", in.Header.Get("Location"), "/#/login")
			var me plikUser
			p.Entered(t, in).Call(t, "GET", "/me", nil).Want(t, 200).JSON(t, &me)
			if !strings.HasPrefix(me.ID, "ovh:xx") || !strings.HasSuffix(me.ID, "-ovh") || me.Provider != "ovh" || me.Name != "Ova Heath" {
				t.Errorf("%+v", me)
			}
		}},
		{says: "plik.md: lists take offset, limit, order and say total; offset with a cursor is 400", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			var ids []string
			for range 5 {
				ids = append(ids, me.Create(t, nil).ID)
			}
			got := func(query string) string {
				page := pageOf[harness.PlikUpload](t, me, "/me/uploads"+query)
				equal(t, "total", *page.Total, 5)
				s := ""
				for _, u := range page.Results {
					for i, id := range ids {
						if id == u.ID {
							s += fmt.Sprint(i)
						}
					}
				}
				return s
			}
			for query, want := range map[string]string{
				"": "43210", "?order=asc": "01234", "?order=desc&limit=2": "43", "?offset=1&limit=2": "32", "?offset=4&order=asc": "4", "?offset=5": "", "?offset=99&limit=3": "", "?offset=0": "43210",
				"?sort=createdAt&order=asc&limit=1": "0",
			} {
				equal(t, query, got(query), want)
			}
			page := pageOf[harness.PlikUpload](t, me, "/me/uploads?limit=2")
			for _, query := range []string{"offset=1&after=" + url.QueryEscape(*page.After), "offset=x", "offset=-1"} {
				me.Call(t, "GET", "/me/uploads?"+query, nil).SaysLike(t, 400, "")
			}
		}},
		{says: "plik.md: a page has 50 results unless the request says otherwise", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			parallel(t, 52, func(int) { me.Call(t, "POST", "/me/token", nil) })
			page := pageOf[object](t, me, "/me/token")
			equal(t, "results", len(page.Results), 50)
			equal(t, "total", *page.Total, 52)
			equal(t, "all", len(pageOf[object](t, me, "/me/token?limit=1000").Results), 52)
		}},
		{says: "plik.md: uploads sort by size too, those without bytes are left out", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, id := g.someone(t, p)
			me.Create(t, nil)
			big, _ := me.Stored(t, nil, "a", nine+nine)
			small, _ := me.Stored(t, nil, "a", nine)
			op := g.operator(t, p)
			page := pageOf[harness.PlikUpload](t, op, "/uploads?sort=size&user="+url.QueryEscape(id))
			if len(page.Results) != 2 || page.Results[0].ID != big.ID || page.Results[1].ID != small.ID {
				t.Errorf("%+v", page.Results)
			}
			page = pageOf[harness.PlikUpload](t, op, "/uploads?sort=size&order=asc&limit=1&user="+url.QueryEscape(id))
			equal(t, "the smallest", page.Results[0].ID, small.ID)
			page = pageOf[harness.PlikUpload](t, op, "/uploads?sort=size&order=asc&limit=1&user="+url.QueryEscape(id)+"&after="+url.QueryEscape(*page.After))
			equal(t, "the next", page.Results[0].ID, big.ID)
			equal(t, "by another sort", len(pageOf[harness.PlikUpload](t, op, "/uploads?sort=nonsense&user="+url.QueryEscape(id)).Results), 3)
		}},
		{says: "plik.md: a creation without files answers files:[]", check: func(t *testing.T, g *ground) {
			r := g.plik(t).Call(t, "POST", "/upload", nil).Want(t, 200)
			if !strings.Contains(string(r.Body), `"files":[]`) || !strings.Contains(string(r.Body), `"uploadToken":"`) {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "plik.md: local users are Sluice accounts, known as local:login", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			me := g.plik(t).Login(t, c.Username, password(c.Username))
			var u plikUser
			me.Call(t, "GET", "/me", nil).Want(t, 200).JSON(t, &u)
			if u.ID != "local:"+c.Username || u.Provider != "local" || u.Login != c.Username || u.Email != c.Username+"@example.test" || u.Admin {
				t.Errorf("%+v", u)
			}
			name := uniqueLogin()
			g.operator(t, g.plik(t)).Call(t, "POST", "/user", object{"provider": "local", "login": name, "password": "long enough"}).Want(t, 200)
			c.Call(t, "POST", "/api/v1/login", object{"identifier": name, "password": "long enough"}).Want(t, 200)
		}},
		{says: "plik.md: a Plik token is an account token, and opens nothing else", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			token := userToken(t, me)
			guest := harness.Guest(t, g.w)
			for _, path := range []string{"/api/v1/account", "/api/v1/files", "/api/v1/account/tokens", "/api/v1/buckets"} {
				guest.Call(t, "GET", path, nil, "Authorization", "Bearer "+token.Token).Want(t, 401)
			}
			g.plik(t).Call(t, "GET", "/me", nil, "Cookie", "plik-session="+token.Token).Says(t, 403, "invalid session")
			token.Create(t, nil)
		}},
		{says: "plik.md: feature_authentication is enabled by default, the others are as Plik's", check: func(t *testing.T, g *ground) {
			var cfg map[string]any
			g.plik(t).Call(t, "GET", "/config", nil).Want(t, 200).JSON(t, &cfg)
			equal(t, "feature_authentication", cfg["feature_authentication"], any("enabled"))
			equal(t, "authentication", cfg["authentication"], any(true))
		}},
		{says: "plik.md: enhanced security changes downloads only; cookies are Secure only under TLS", check: func(t *testing.T, g *ground) {
			r := g.edges.domain.Call(t, "POST", "/auth/local/login", object{"login": "admin", "password": harness.AdminPassword}).OK(t)
			for _, name := range []string{"plik-session", "plik-xsrf"} {
				if c := cookie(t, r, name); c.Secure || c.Path != "/root" {
					t.Errorf("%+v", c)
				}
			}
			if h := g.edges.domain.Call(t, "GET", "/config", nil).Want(t, 200).Header; h.Get("X-Frame-Options") == "DENY" && strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%v", h)
			}
		}},
		{says: "plik.md: an account's plan may lower the limits", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			me := harness.NewPlik(t, g.tight.URL).Login(t, c.Username, password(c.Username))
			u := me.Create(t, object{"files": one("a")})
			r := me.Fill(t, u, u.Files[0], make([]byte, tightObject+1))
			if r.Status != 400 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			equal(t, "status", plikStatus(t, me, u, u.Files[0]), "deleted")
			me.Add(t, u, "b", make([]byte, tightObject)).Want(t, 200)
		}},
		{says: "plik.md: GET /file takes Range and If-* when they are sent, and else is 200 without traces of them", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			h := reads(t, p, u, f, nine).Header
			for _, name := range []string{"Etag", "Last-Modified", "Accept-Ranges", "Content-Range"} {
				if h.Get(name) != "" {
					t.Errorf("%s: %q", name, h.Get(name))
				}
			}
			r := p.Call(t, "GET", u.Path(f), nil, "Range", "bytes=2-4").Want(t, 206)
			equal(t, "part", string(r.Body), nine[2:5])
			equal(t, "range", r.Header.Get("Content-Range"), "bytes 2-4/9")
			etag := r.Header.Get("Etag")
			if etag == "" {
				etag = p.Call(t, "GET", u.Path(f), nil, "If-None-Match", `"x"`).Want(t, 200).Header.Get("Etag")
			}
			p.Call(t, "GET", u.Path(f), nil, "If-None-Match", etag).Want(t, 304)
			p.Call(t, "GET", u.Path(f), nil, "If-Match", `"x"`).Want(t, 412)
			p.Call(t, "GET", u.Path(f), nil, "Range", "bytes=99-").Want(t, 416)
			equal(t, "the last ones", string(p.Call(t, "GET", u.Path(f), nil, "Range", "bytes=-2").Want(t, 206).Body), nine[7:])
			equal(t, "nonsense", string(p.Call(t, "GET", u.Path(f), nil, "Range", "lines=1-2").Want(t, 200).Body), nine)
			equal(t, "another If-Range", string(p.Call(t, "GET", u.Path(f), nil, "Range", "bytes=2-4", "If-Range", `"x"`).Want(t, 200).Body), nine)
		}},
		{says: "plik.md: files are objects: they count for the account's usage, and are in no list of its files or buckets", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			me := g.plik(t).Login(t, c.Username, password(c.Username))
			used := func() int64 { return files(t, c.Lockr(), "").Usage.Used }
			u, _ := me.Stored(t, nil, "a", nine)
			eventually(t, "9 bytes used", func() bool { return used() == 9 })
			equal(t, "files", len(files(t, c.Lockr(), "").Files), 0)
			if r := c.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200); strings.Contains(string(r.Body), "plik") {
				t.Errorf("%s", r.Body)
			}
			c.Call(t, "GET", "/api/v1/buckets/.plik/objects", nil).Want(t, 404)
			c.Call(t, "PUT", "/api/v1/buckets/.plik/objects/x", "x").Want(t, 404)
			c.Call(t, "GET", "/api/v1/buckets/plik-"+c.Username, nil).Want(t, 404)
			me.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			eventually(t, "its space is given back", func() bool { return used() == 0 })
		}},
		{says: "plik.md: a stream's uploader and its reader may be on different edges", check: func(t *testing.T, g *ground) {
			here, there := g.plik(t), g.edges.people
			content := string(randomBytes(t, 3<<20))
			u := here.Create(t, object{"stream": true, "files": one("a")})
			done := meanwhile(t, there, u, u.Files[0], content)
			eventually(t, "it waits", func() bool { return plikStatus(t, here, u, u.Files[0]) == "uploading" })
			reads(t, here, u, u.Files[0], content)
			f := (<-done).Want(t, 200).PlikFile(t)
			if f.Status != "deleted" || f.Size != int64(len(content)) || f.MD5 != md5Hex(content) {
				t.Errorf("%+v", f)
			}
		}},
		{says: "plik.md: without builds in the clients folder /version lists null", check: func(t *testing.T, g *ground) {
			var v map[string]json.RawMessage
			g.plik(t).Call(t, "GET", "/version", nil).Want(t, 200).JSON(t, &v)
			equal(t, "clients", string(v["clients"]), "null")
		}},
		{says: "plik.md: downloads always have the security headers", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a.html", "<html>")
			for _, r := range []harness.Response{p.Call(t, "GET", u.Path(f), nil), p.Call(t, "HEAD", u.Path(f), nil), p.Call(t, "GET", "/archive/"+u.ID+"/a.zip", nil), p.Call(t, "GET", u.Path(f), nil, "Range", "bytes=0-1")} {
				csp := r.Header.Get("Content-Security-Policy")
				if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("X-Xss-Protection") != "1; mode=block" || r.Header.Get("X-Frame-Options") != "DENY" ||
					!strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") {
					t.Errorf("%d %v", r.Status, r.Header)
				}
			}
		}},
		{says: "plik.md: of a one-shot file only GET claims, and Range is ignored then", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"oneShot": true}, "a", nine)
			for range 2 {
				r := p.Call(t, "HEAD", u.Path(f), nil).Want(t, 200)
				equal(t, "length", r.Header.Get("Content-Length"), "9")
				p.Call(t, "HEAD", "/archive/"+u.ID+"/a.zip", nil).Want(t, 200)
			}
			reads(t, p, u, f, nine, "Range", "bytes=0-1", "If-None-Match", "*")
			p.Call(t, "GET", u.Path(f), nil).Want(t, 404)
		}},
		{says: "plik.md: /user/{id} is there for one's own id", check: func(t *testing.T, g *ground) {
			me, id := g.someone(t, g.plik(t))
			var u plikUser
			me.Call(t, "GET", "/user/"+id, nil).Want(t, 200).JSON(t, &u)
			equal(t, "id", u.ID, id)
			me.Call(t, "POST", "/user/"+id, object{"id": id, "name": "New Name"}).Want(t, 200).JSON(t, &u)
			equal(t, "name", u.Name, "New Name")
			me.Call(t, "DELETE", "/user/"+id, nil).OK(t)
		}},
		{says: "plik.md: unclean paths are redirected by 301 or 307", check: func(t *testing.T, g *ground) {
			for path, clean := range map[string]string{"//config": "/config", "/./config": "/config", "/upload/../config": "/config", "/file//x": "/file/x"} {
				r := g.plik(t).Call(t, "GET", path, nil)
				if r.Status != 301 && r.Status != 307 || r.Header.Get("Location") != clean {
					t.Errorf("%s: %d %q", path, r.Status, r.Header.Get("Location"))
				}
			}
		}},
		{says: "plik.md: HEAD on other routes and a name with an encoded slash are 404", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			for _, path := range []string{"/config", "/version", "/health", "/upload/" + u.ID, "/me", "/qrcode", "/users", "/auth/logout"} {
				equal(t, "HEAD "+path, p.Call(t, http.MethodHead, path, nil).Status, 404)
			}
			notFound(t, p.Call(t, "GET", "/file/"+u.ID+"/"+f.ID+"/x%2Fa", nil))
			notFound(t, p.Admin(u).Post(t, "/file/"+u.ID+"/"+f.ID+"/x%2Fa", "a", nine))
		}},
	}
}

// cookiesOf an answer, as a browser sends them back.
func cookiesOf(r harness.Response) string {
	var out []string
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if c.Value != "" {
			out = append(out, c.Name+"="+c.Value)
		}
	}
	return strings.Join(out, "; ")
}
