package e2e_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// jsonKeys of an answer that is a JSON object, sorted, with those that an absent value
// may leave out.
func jsonKeys(t *testing.T, r harness.Response) string {
	t.Helper()
	var m map[string]json.RawMessage
	r.JSON(t, &m)
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// plikAPIRules: plik-wire.md 1 to 5, but for what is marked must.
func plikAPIRules() []rule {
	return []rule{
		{says: "1: errors are a line of plain text", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "GET", "/upload/x", nil).Says(t, 404, "upload x not found")
		}},
		{says: "1: short successes are ok without a newline, /health with one", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			p.Admin(u).Call(t, "DELETE", u.Path(f), nil).OK(t)
			p.Admin(u).Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			equal(t, "/health", string(p.Call(t, "GET", "/health", nil).Want(t, 200).Body), "ok\n")
		}},
		{says: "1: browsers are redirected from failed downloads, programs are not", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			wrong := f
			wrong.Name = "b"
			for _, path := range []string{"/file/x/y/z", "/stream/x/y/z", "/archive/x/y.zip", "/archive/" + u.ID + "/a", u.Path(wrong), "/auth/google/callback", "/auth/ovh/callback"} {
				for _, agent := range []string{"Mozilla/5.0", "", "xcurl", "libwww-perl/6"} {
					r := p.Call(t, "GET", path, nil, "User-Agent", agent).Want(t, 301)
					if !strings.HasPrefix(r.Header.Get("Location"), "/#/?err=") {
						t.Errorf("%s %q: %q", path, agent, r.Header.Get("Location"))
					}
				}
				for _, agent := range []string{"curl/8.5.0", "Wget/1.21", "python-urllib/3", "LIBWWWW-PERL/6", "PHP", "PycURL/7", "Go-http-client/2.0", "plik_client/1.3.8"} {
					if r := p.Call(t, "GET", path, nil, "User-Agent", agent); r.Status != 400 && r.Status != 404 {
						t.Errorf("%s %q: %d", path, agent, r.Status)
					}
				}
			}
			p.Call(t, "HEAD", "/file/x/y/z", nil, "User-Agent", "Mozilla/5.0").Want(t, 301)
			p.Call(t, "GET", "/upload/x", nil, "User-Agent", "Mozilla/5.0").Want(t, 404)
		}},
		{says: "1: a missing password is a plain 401 for browsers too", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, object{"password": "p"}, "a", nine)
			r := p.Call(t, "GET", u.Path(f), nil, "User-Agent", "Mozilla/5.0").Want(t, 401)
			equal(t, "challenge", r.Header.Get("Www-Authenticate"), `Basic realm="plik"`)
		}},
		{says: "1: a slash at the end is another path", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u, f := p.Stored(t, nil, "a", nine)
			for _, path := range []string{"/upload/" + u.ID + "/", u.Path(f) + "/", "/config/", "/archive/" + u.ID + "/a.zip/"} {
				p.Call(t, "GET", path, nil).Want(t, 404)
			}
		}},
		{says: "1: names with special characters work percent-encoded", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			for _, name := range []string{"a b.txt", "a?b", "a#b", "100%", "100%25", `"q'`, `back\slash`, "ünï✓", "a+b&c=d", ";:@,", "a%2Fb", "..."} {
				u := p.Create(t, object{"files": one(name)})
				equal(t, "name", u.Files[0].Name, name)
				// A form's name cannot hold a backslash without being cut there by some.
				if strings.ContainsAny(name, `"\`) {
					continue
				}
				f := p.Fill(t, u, u.Files[0], nine).Want(t, 200).PlikFile(t)
				reads(t, p, u, f, nine)
			}
		}},
		{says: "1: a wrong method is 404 with the page, 405 with an empty body without", check: func(t *testing.T, g *ground) {
			for _, ask := range [][2]string{{"PUT", "/upload"}, {"POST", "/config"}, {"PATCH", "/upload/x"}, {"DELETE", "/stream/a/b/c"}, {"GET", "/upload"}, {"DELETE", "/config"}, {"PUT", "/file/a/b/c"}} {
				notFound(t, g.plik(t).Call(t, ask[0], ask[1], nil))
				if r := g.edges.domain.Call(t, ask[0], ask[1], nil); r.Status != 405 || len(r.Body) != 0 {
					t.Errorf("%v: %d %q", ask, r.Status, r.Body)
				}
			}
			g.edges.domain.Call(t, "HEAD", "/config", nil).Want(t, 405)
			notFound(t, g.edges.domain.Call(t, "GET", "/nothing", nil))
		}},
		{says: "1: with a path all is below it, and the path itself leads there", check: func(t *testing.T, g *ground) {
			p := g.edges.domain
			outside := *p
			outside.URL = strings.TrimSuffix(p.URL, "/root")
			p.Call(t, "GET", "/config", nil).Want(t, 200)
			notFound(t, outside.Call(t, "GET", "/config", nil))
			notFound(t, outside.Call(t, "POST", "/upload", nil))
			equal(t, "Location", outside.Call(t, "GET", "/root", nil).Want(t, 301).Header.Get("Location"), "/root/")
			r := p.Call(t, "GET", "/file/x/y/z", nil, "User-Agent", "Mozilla/5.0").Want(t, 301)
			if !strings.HasPrefix(r.Header.Get("Location"), "/root/#/?err=") || !strings.Contains(r.Header.Get("Location"), "uri=%2Froot%2Ffile%2Fx%2Fy%2Fz") {
				t.Errorf("%q", r.Header.Get("Location"))
			}
		}},
		{says: "1: a JSON body may have 1 MiB", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			p.Call(t, "POST", "/upload", `{"unknown":"`+strings.Repeat("a", 1<<20-15)+`"}`).Want(t, 200)
			p.Call(t, "POST", "/upload", `{"unknown":"`+strings.Repeat("a", 1<<20)+`"}`).SaysLike(t, 400, "unable to read request body : http: request body too large")
		}},
		{says: "1: ids and tokens have their lengths and letters", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			u, f := me.Stored(t, nil, "a", nine)
			id, secret := regexp.MustCompile(`^[a-zA-Z0-9]{16}$`), regexp.MustCompile(`^[a-zA-Z0-9]{32}$`)
			uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
			if !id.MatchString(u.ID) || !id.MatchString(f.ID) || !secret.MatchString(u.UploadToken) || !uuid.MatchString(me.XSRF) || !uuid.MatchString(userToken(t, me).Token) {
				t.Errorf("%+v %+v %q", u, f, me.XSRF)
			}
		}},
		{says: "2: /qrcode is a PNG of the size asked for; bad sizes are refused", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			link := url.QueryEscape("https://example.test/#/?id=0123456789abcdef")
			for query, side := range map[string]int{"url=" + link: 250, "url=" + link + "&size=x": 250, "url=" + link + "&size=400": 400, "size=1000&url=x": 1000, "": 250} {
				r := p.Call(t, "GET", "/qrcode?"+query, nil).Want(t, 200)
				img, err := png.Decode(bytes.NewReader(r.Body))
				if err != nil || r.Header.Get("Content-Type") != "image/png" || img.Bounds().Dx() != side || img.Bounds().Dy() != side {
					t.Errorf("%s: %v %q", query, err, r.Header.Get("Content-Type"))
				}
			}
			p.Call(t, "GET", "/qrcode?url=x&size=0", nil).Says(t, 400, "QRCode size must be positive")
			p.Call(t, "GET", "/qrcode?url=x&size=-3", nil).Says(t, 400, "QRCode size must be positive")
			p.Call(t, "GET", "/qrcode?url=x&size=1001", nil).Says(t, 400, "QRCode size must be lower than 1000")
			if r := p.Call(t, "GET", "/qrcode?url="+link+"&size=10", nil); r.Status != 500 && r.Status != 400 {
				t.Errorf("too small: %d", r.Status)
			}
			if r := p.Call(t, "GET", "/qrcode?url="+strings.Repeat("a", 4000), nil); r.Status != 500 && r.Status != 400 {
				t.Errorf("too much: %d", r.Status)
			}
		}},
		{says: "2: /me and /user look at cookies only", check: func(t *testing.T, g *ground) {
			me, id := g.someone(t, g.plik(t))
			token := userToken(t, me)
			for _, path := range []string{"/me", "/me/token", "/me/uploads", "/me/stats", "/user/" + id, "/users", "/uploads", "/stats"} {
				token.Call(t, "GET", path, nil).Says(t, 401, "you must be authenticated, please login first")
			}
		}},
		{says: "3: the upload's secret is a header only, and tokens in queries are nothing", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			r := p.Call(t, "GET", "/upload/"+u.ID+"?uploadToken="+u.UploadToken, nil).Want(t, 200).PlikUpload(t)
			if r.Admin || r.UploadToken != "" {
				t.Errorf("%+v", r)
			}
			got := p.Admin(u).Get(t, u.ID)
			if !got.Admin || got.UploadToken != u.UploadToken || got.UploadIP != "" {
				t.Errorf("%+v", got)
			}
		}},
		{says: "3: no CORS headers", check: func(t *testing.T, g *ground) {
			for name := range g.plik(t).Call(t, "GET", "/config", nil, "Origin", "http://evil.test").Want(t, 200).Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s", name)
				}
			}
		}},
		{says: "3: a session is two cookies, of which script may read one", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			r := g.plik(t).Call(t, "POST", "/auth/local/login", object{"login": c.Username, "password": password(c.Username)}).OK(t)
			session, xsrf := cookie(t, r, "plik-session"), cookie(t, r, "plik-xsrf")
			const year = 365 * 24 * 3600
			if !session.HttpOnly || xsrf.HttpOnly || session.Path != "/" || xsrf.Path != "/" || session.MaxAge != year || xsrf.MaxAge != year || session.Secure || session.Domain != "" {
				t.Errorf("%+v %+v", session, xsrf)
			}
			r = g.plik(t).Call(t, "GET", "/auth/logout", nil).Want(t, 200)
			for _, name := range []string{"plik-session", "plik-xsrf"} {
				if c := cookie(t, r, name); c.Value != "" || c.MaxAge >= 0 || c.Path != "/" {
					t.Errorf("%+v", c)
				}
			}
			equal(t, "body", string(r.Body), "")
		}},
		{says: "4.1: /version has its keys; enhanced security keeps some back", check: func(t *testing.T, g *ground) {
			got := jsonKeys(t, g.plik(t).Call(t, "GET", "/version", nil).Want(t, 200))
			for key := range strings.FieldsSeq("version date isRelease isMint clients releases") {
				if !strings.Contains(" "+got+" ", " "+key+" ") {
					t.Errorf("no %s: %s", key, got)
				}
			}
			r := g.edges.domain.Call(t, "GET", "/version", nil).Want(t, 200)
			equal(t, "kept back", jsonKeys(t, r), "clients date isMint isRelease releases version")
			var v struct {
				Version           string
				Date              int64
				IsRelease, IsMint bool
			}
			r.JSON(t, &v)
			if v.Version == "" || v.Date != 0 || v.IsRelease || v.IsMint {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "4.2: an upload has its keys, in creation and reading, for its admin and for others", check: func(t *testing.T, g *ground) {
			const always = "admin comments createdAt downloadDomain expireAt extend_ttl files id oneShot protectedByPassword removable stream ttl"
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", object{"login": "l", "password": "p"}).Want(t, 200)
			equal(t, "created", jsonKeys(t, r), always+" uploadToken")
			u := r.PlikUpload(t)
			equal(t, "its admin's", jsonKeys(t, p.Admin(u).Call(t, "GET", "/upload/"+u.ID, nil)), always+" uploadToken")
			equal(t, "others'", jsonKeys(t, p.Call(t, "GET", "/upload/"+u.ID, nil, "Authorization", r.Header.Get("Authorization"))), always)
			equal(t, "createdAt", p.Admin(u).Get(t, u.ID).CreatedAt, u.CreatedAt)
			me, _ := g.someone(t, p)
			mine := me.Call(t, "POST", "/upload", nil)
			equal(t, "a user's", jsonKeys(t, mine), always+" uploadToken")
			equal(t, "an administrator's", jsonKeys(t, g.operator(t, p).Call(t, "GET", "/upload/"+u.ID, nil)), always+" uploadToken")
		}},
		{says: "4.2: the download domain is filled in", check: func(t *testing.T, g *ground) {
			p := g.edges.domain
			u := p.Create(t, nil)
			equal(t, "created", u.DownloadDomain, "https://dl.example.test:8443")
			equal(t, "read", p.Get(t, u.ID).DownloadDomain, "https://dl.example.test:8443")
		}},
		{says: "4.3: a file has its keys", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			u := p.Create(t, nil)
			equal(t, "keys", jsonKeys(t, p.Add(t, u, "a", nine)), "createdAt fileMd5 fileName fileSize fileType id reference status")
		}},
		{says: "4.4: a user has its keys", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			got := jsonKeys(t, me.Call(t, "GET", "/me", nil).Want(t, 200))
			equal(t, "keys", strings.Replace(got, " name ", " ", 1), "admin createdAt email id login maxFileSize maxTTL maxUserSize provider")
		}},
		{says: "4.5, 14.2: a token has its keys", check: func(t *testing.T, g *ground) {
			me, _ := g.someone(t, g.plik(t))
			equal(t, "keys", jsonKeys(t, me.Call(t, "POST", "/me/token", object{"comment": "c"}).Want(t, 200)), "comment createdAt token")
			equal(t, "without a comment", jsonKeys(t, me.Call(t, "POST", "/me/token", nil).Want(t, 200)), "createdAt token")
		}},
		{says: "4.6: statistics have their keys, and count what is uploaded", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			me, _ := g.someone(t, p)
			u, f := me.Stored(t, object{"files": one("missing")}, "a", nine)
			me.Add(t, u, "b", nine).Want(t, 200)
			me.Create(t, nil)
			equal(t, "mine", string(me.Call(t, "GET", "/me/stats", nil).Want(t, 200).Body), `{"uploads":2,"files":2,"totalSize":18}`)
			me.Call(t, "DELETE", u.Path(f), nil).OK(t)
			equal(t, "one less", string(me.Call(t, "GET", "/me/stats", nil).Want(t, 200).Body), `{"uploads":2,"files":1,"totalSize":9}`)
			me.Call(t, "DELETE", "/upload/"+u.ID, nil).OK(t)
			equal(t, "none", string(me.Call(t, "GET", "/me/stats", nil).Want(t, 200).Body), `{"uploads":1,"files":0,"totalSize":0}`)
			r := g.operator(t, p).Call(t, "GET", "/stats", nil).Want(t, 200)
			equal(t, "all", jsonKeys(t, r), "anonymousTotalSize anonymousUploads files totalSize uploads users")
		}},
		{says: "4.8: the old format has its keys and files by id", check: func(t *testing.T, g *ground) {
			p := g.plik(t)
			r := p.Call(t, "POST", "/upload", `{"files":{"x":{"fileName":"a","reference":"0"},"y":{"fileName":"b"}},"oneShot":true,"ttl":60,"comments":"c","login":"l","password":"p"}`).Want(t, 200)
			equal(t, "keys", jsonKeys(t, r), "admin comments downloadDomain files id oneShot protectedByPassword protectedByYubikey removable stream ttl uploadDate uploadToken")
			var u struct {
				ID, UploadToken                    string
				UploadDate                         int64
				TTL                                int
				OneShot, ProtectedByPassword, Yubi bool
				Files                              map[string]harness.PlikFile
				ProtectedByYubikey                 bool
			}
			r.JSON(t, &u)
			if len(u.Files) != 2 || u.TTL != 60 || !u.OneShot || !u.ProtectedByPassword || u.UploadDate == 0 {
				t.Errorf("%s", r.Body)
			}
			for id, f := range u.Files {
				if f.ID != id {
					t.Errorf("%s is under %s", f.ID, id)
				}
				up := harness.PlikUpload{ID: u.ID, UploadToken: u.UploadToken}
				p.Fill(t, up, f, nine).Want(t, 200)
			}
		}},
		{says: "5: /config has all its keys with Plik's defaults", check: func(t *testing.T, g *ground) {
			var got map[string]any
			g.plik(t).Call(t, "GET", "/config", nil).Want(t, 200).JSON(t, &got)
			want := map[string]any{
				"maxFileSize": 1e10, "maxUserSize": -1., "maxFilePerUpload": 1000., "defaultTTL": 2592000., "maxTTL": 2592000., "downloadDomain": "", "downloadDomainAlias": nil, "abuseContact": "",
				"feature_authentication": "enabled", "feature_one_shot": "enabled", "feature_removable": "enabled", "feature_stream": "enabled", "feature_password": "enabled", "feature_comments": "enabled",
				"feature_set_ttl": "enabled", "feature_extend_ttl": "disabled", "feature_clients": "enabled", "feature_github": "enabled", "feature_text": "enabled",
				"authentication": true, "noAnonymousUploads": false, "oneShot": true, "removable": true, "stream": true, "protectedByPassword": true,
				"googleAuthentication": false, "ovhAuthentication": false, "ovhApiEndpoint": "https://eu.api.ovh.com/1.0", "oidcAuthentication": false,
			}
			sameObject(t, got, want)
		}},
		{says: "5: /config follows the settings", check: func(t *testing.T, g *ground) {
			get := func(p *harness.Plik) (m map[string]any) {
				p.Call(t, "GET", "/config", nil).Want(t, 200).JSON(t, &m)
				return m
			}
			part := func(got, want map[string]any) {
				t.Helper()
				for k := range got {
					if _, ok := want[k]; !ok {
						delete(got, k)
					}
				}
				sameObject(t, got, want)
			}
			part(get(g.edges.off), map[string]any{
				"feature_authentication": "disabled", "feature_stream": "disabled", "feature_clients": "disabled", "feature_github": "disabled", "feature_text": "disabled", "authentication": false,
				"noAnonymousUploads": false, "oneShot": false, "removable": false, "stream": false, "protectedByPassword": false, "defaultTTL": 7200., "maxTTL": 3600.,
			})
			part(get(g.edges.forced), map[string]any{
				"feature_authentication": "forced", "feature_extend_ttl": "forced", "authentication": true, "noAnonymousUploads": true, "oneShot": true, "stream": true,
			})
			part(get(g.edges.tight), map[string]any{
				"maxFileSize": float64(tightFile), "maxUserSize": float64(tightUser), "maxFilePerUpload": float64(tightEntries), "defaultTTL": 1800., "maxTTL": float64(tightTTL), "feature_extend_ttl": "enabled",
			})
			part(get(g.edges.domain), map[string]any{
				"downloadDomain": "https://dl.example.test:8443", "downloadDomainAlias": []any{"http://alias.example.test"}, "abuseContact": "abuse@example.test",
			})
			part(get(g.edges.people), map[string]any{"googleAuthentication": true, "ovhAuthentication": true, "oidcAuthentication": true, "ovhApiEndpoint": g.edges.idp.URL})
		}},
	}
}

// sameObject compares two JSON objects.
func sameObject(t *testing.T, got, want map[string]any) {
	t.Helper()
	for k := range want {
		if _, ok := got[k]; !ok {
			t.Errorf("no %s", k)
		}
	}
	for k, v := range got {
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(want[k])
		if !bytes.Equal(a, b) {
			t.Errorf("%s: got %s, want %s", k, a, b)
		}
	}
}
