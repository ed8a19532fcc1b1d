package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// lnRefused wants an error of the dialect and nothing of the inside in it.
func lnRefused(t *testing.T, name string, r harness.Response) {
	t.Helper()
	var e struct {
		Success     *bool
		Error, Code string
	}
	if err := json.Unmarshal(r.Body, &e); err != nil || r.Status < 400 || r.Status >= 500 || e.Success == nil || *e.Success || e.Error == "" || e.Code == "" || len(r.Body) > 2000 {
		t.Errorf("%s: %d %.500s", name, r.Status, r.Body)
	}
	for _, inside := range []string{"goroutine", ".go:", "runtime error", "nats:", "mongo", "v1.", "0x"} {
		if strings.Contains(string(r.Body), inside) {
			t.Errorf("%s shows the inside: %s", name, r.Body)
		}
	}
}

// lnBodies are bodies that no JSON route takes, by name.
func lnBodies() map[string]string {
	return map[string]string{
		"nothing": "", "white": " \r\n\t", "null": "null", "list": "[]", "text": `"x"`, "number": "5", "cut": `{"title":"a","links":["https://a.example/`, "twice": `{} {}`, "behind": `{"title":"a"} x`, "comment": `{/**/}`, "single": `{'title':'a'}`,
		"trailing": `{"title":"a",}`, "not UTF-8": "{\"title\":\"\xff\xfe\"}", "half a surrogate": `{"title":"\ud800"}`, "BOM": "\ufeff{\"title\":[]}", "UTF-16": "{\x00\"\x00t\x00", "NUL": "\x00", "form": "title=a&links=b", "XML": "<title>a</title>",
		"deep": strings.Repeat("[", 100_000), "deep object": strings.Repeat(`{"a":`, 100_000), "wrong types": `{"title":{},"links":{},"container_id":[],"password":{},"url":[],"action":{},"items":{},"delivery_id":7}`, "same name": `{"title":"a","title":"b","container_id":"a","container_id":"b","url":"a","url":"b","action":"a","action":"b","delivery_id":"a","delivery_id":"b"}`,
		"huge number": `{"title":1e999999,"container_id":1e999999,"url":1e999999,"action":1e999999,"delivery_id":1e999999}`,
	}
}

func locknexInputRules() []rule {
	return []rule{
		{says: "what is no body of a route is an error of the dialect, on each that takes one", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			id := l.Create(t, "input", g.links.Site(t).Links("a")).ID
			h := hook(t, l, "http://127.0.0.1:9/hook", "events", []string{"container.deleted"})
			for name, body := range lnBodies() {
				for _, route := range [][2]string{
					{"POST", lnContainer + "/create"}, {"PUT", lnContainer + "/" + id}, {"POST", lnContainer + "/unlock"}, {"POST", lnContainer + "/bulk"}, {"POST", lnHooks}, {"PUT", lnHooks + "/" + h.ID}, {"POST", lnHooks + "/" + h.ID + "/replay"},
				} {
					lnRefused(t, strings.Join(route[:], " ")+" "+name, l.Call(t, route[0], route[1], body, "Content-Type", "application/json"))
				}
			}
			equal(t, "title", l.Own(t, id).Title, "input")
		}},
		{says: "every field of create with every wrong type is 400 and names it", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			values := map[string]any{"text": "x", "number": 7, "fraction": 1.5, "bool": true, "list": []any{}, "object": object{}, "list of lists": []any{[]any{}}, "list of null": []any{nil}, "list of numbers": []any{1}}
			fits := map[string]string{"title": "text", "password": "text", "captcha": "bool", "allow_cnl": "bool", "allow_links": "bool", "group": "text", "links": "", "mirrors": ""}
			for field, fit := range fits {
				for kind, v := range values {
					if kind == fit {
						continue
					}
					body := object{"title": "a", "links": g.links.One("typed"), field: v}
					r := l.Call(t, "POST", lnContainer+"/create", body)
					lnRefused(t, field+" is a "+kind, r)
					if r.Status != 400 || r.Code() == "bad_json" && !strings.Contains(string(r.Body), field) && !strings.Contains(string(r.Body), "null") {
						t.Errorf("%s is a %s: %d %s", field, kind, r.Status, r.Body)
					}
				}
			}
		}},
		{says: "a body beyond the bound is 413, without being read whole", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			l.Call(t, "POST", lnContainer+"/create", `{"title":"a","x":"`+strings.Repeat("x", 4<<20)+`"}`).Denies(t, 413, "body_too_large")
			c := *g.c
			c.Token = c.Account
			for _, route := range []string{lnContainer + "/create", lnContainer + "/unlock", lnHooks} {
				raw := c.Raw(t, "POST", route, "Content-Type", "application/json", "Content-Length", "9000000000", "Expect", "100-continue")
				if a, ok := raw.Answer(); !ok || a.Status != 413 {
					t.Errorf("%s: %d %s", route, a.Status, a.Body)
				}
			}
			lnRefused(t, "unlock", g.anyone(t).Call(t, "POST", lnContainer+"/unlock", `{"container_id":"`+strings.Repeat("x", 4<<20)+`"}`))
		}},
		{says: "a body that breaks off makes nothing", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			l := c.Locknex(t)
			_, err := l.Try(t.Context(), "POST", lnContainer+"/create", harness.Cut(strings.NewReader(`{"title":"broken off","links":["https://a.example/"]}`), 40))
			if err == nil {
				t.Error("it was answered")
			}
			raw := c.Raw(t, "POST", lnContainer+"/create", "X-API-Key", l.Key, "Content-Length", "500")
			if _, err := io.WriteString(raw, `{"title":"broken off","links":["https://a.example/"]}`); err != nil {
				t.Fatal(err)
			}
			if status := raw.CutOff(); status != 0 && status != 400 {
				t.Errorf("status %d", status)
			}
			_, page := listed(t, l, "")
			equal(t, "containers", page.Total, 0)
		}},
		{says: "chunked bodies, an empty one and HTTP/1.0 are understood", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			body := fmt.Sprintf(`{"title":"chunked","links":[%q]}`, g.links.One("chunked")[0])
			l.Call(t, "POST", lnContainer+"/create", io.MultiReader(strings.NewReader(body))).Want(t, 200)
			l.Call(t, "POST", lnContainer+"/create", io.MultiReader(strings.NewReader(""))).Denies(t, 400, "bad_json")
			raw := g.c.Dial(t)
			fmt.Fprintf(raw, "POST %s/create HTTP/1.0\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n%s", lnContainer, l.Key, len(body), body)
			if a, ok := raw.Answer(); !ok || a.Status != 200 {
				t.Errorf("HTTP/1.0: %d %s", a.Status, a.Body)
			}
		}},
		{says: "text of every script comes back as it was sent", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			for _, title := range []string{"Ærøskøbing", "日本語", "עברית", "e\u0301", "👩‍👩‍👧", `\"'<>&;--{{.}}%s$1`, "A\u2028B", "\U0010FFFD"} {
				r := l.Call(t, "POST", lnContainer+"/create", object{"title": title, "links": g.links.One("text"), "group": "ü"})
				if r.Status == 400 {
					r.Denies(t, 400, "bad_title") // what no line of text may hold
					continue
				}
				var c harness.LocknexCreated
				r.Want(t, 200).JSON(t, &c)
				equal(t, "title", g.anyone(t).Status(t, c.ID).Title, title)
				g.anyone(t).Call(t, "GET", "/container/"+c.ID, nil).Want(t, 200)
			}
		}},
		{says: "headers twice, long or strange are refused or harmless", check: func(t *testing.T, g *ground) {
			l := owner(t, g.w)
			for name, head := range map[string]string{
				"two keys": "X-API-Key: " + l.Key + "\r\nX-API-Key: " + l.Key, "two bearers": "Authorization: Bearer a\r\nAuthorization: Bearer b", "a key with a NUL": "X-API-Key: a\x00b", "a long one": "X-API-Key: " + strings.Repeat("x", 200_000),
				"two lengths": "Content-Length: 1\r\nContent-Length: 2", "both": "Transfer-Encoding: chunked\r\nContent-Length: 3",
			} {
				raw := g.c.Dial(t)
				fmt.Fprintf(raw, "GET %s/list HTTP/1.1\r\nHost: x\r\n%s\r\nConnection: close\r\n\r\n", lnContainer, head)
				if a, ok := raw.Answer(); ok && (a.Status < 400 || a.Status >= 500) {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
			}
		}},
		{says: "forms of the pages: wrong types, twice, huge, without a form", check: func(t *testing.T, g *ground) {
			id := g.locknex().Create(t, "forms", g.links.One("forms"), "password", "p").ID
			for name, k := range map[string]struct {
				body   string
				header []string
				status int
			}{
				"JSON": {`{"password":"p"}`, []string{"Content-Type", "application/json"}, 400}, "nothing": {"", nil, 400}, "twice": {"password=p&password=p", asForm(), 400}, "malformed": {"password=%zz", asForm(), 400}, "not text": {"password=%ff%fe", asForm(), 400},
				"huge": {"password=" + strings.Repeat("x", 2<<20), asForm(), 413}, "multipart": {"--x\r\n\r\n", []string{"Content-Type", "multipart/form-data; boundary=x"}, 400},
			} {
				r := g.anyone(t).Call(t, "POST", "/container/"+id, k.body, k.header...)
				if r.Status != k.status || !strings.Contains(r.Header.Get("Content-Type"), "text/html") {
					t.Errorf("%s: %d %.200s", name, r.Status, r.Body)
				}
				silent(t, r, "CNL_LINKS", "goroutine")
			}
		}},
		{says: "methods that nothing has are 405 with Allow, unknown paths 404", check: func(t *testing.T, g *ground) {
			for _, r := range g.w.Routes(t) {
				if r.Dialect != "locknex" || strings.HasPrefix(r.Path, "/s/") {
					continue
				}
				path := strings.ReplaceAll(r.Path, "{id}", "abcdefghijk")
				for _, method := range []string{"PATCH", "OPTIONS", "PROPFIND", "BREW"} {
					a := g.locknex().Call(t, method, path, nil)
					if a.Status != 405 || a.Header.Get("Allow") == "" {
						t.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
					}
				}
			}
			for _, path := range []string{"/api/v1/public", "/api/v1/public/container", "/api/v1/public/container/abcdefghijk", "/api/v1/public/container/abcdefghijk/links", "/api/v1/oauth", "/api/v1/oauth/authorize", "/api/v1/container/a/b/c"} {
				g.locknex().Call(t, "GET", path, nil).Denies(t, 404, "not_found")
			}
		}},
	}
}
