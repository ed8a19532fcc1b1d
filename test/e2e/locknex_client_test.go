package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// Exit codes of sluice-client.
const (
	clientUsage    = 2
	clientNotFound = 3
	clientDenied   = 4
)

// client is sluice-client of a user, who has logged in by what login is given.
func client(t *testing.T, w *harness.World, secret string, login ...string) *harness.SluiceClient {
	t.Helper()
	c := harness.NewSluiceClient(t, w.URL)
	if secret != "" {
		runs(t, c, secret+"\n", append([]string{"login", "--server", w.URL}, login...)...)
	}
	return c
}

// runs wants that a command succeeds, and gives what it printed.
func runs(t *testing.T, c *harness.SluiceClient, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := c.Run(t.Context(), stdin, args...)
	if code != 0 {
		t.Fatalf("sluice-client %s: %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// endsWith wants that a command ends with a code and says something on standard error.
func endsWith(t *testing.T, c *harness.SluiceClient, code int, says string, args ...string) {
	t.Helper()
	out, errs, got := c.Run(t.Context(), "", args...)
	if got != code || !strings.Contains(errs, says) || !strings.HasPrefix(errs, "sluice-client: ") {
		t.Errorf("sluice-client %s: %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, out, errs)
	}
}

// lifeByClient drives a container through its life.
func lifeByClient(t *testing.T, g *ground, c *harness.SluiceClient) {
	t.Helper()
	site := g.links.Site(t)
	list := filepath.Join(c.Home, "links.txt")
	if err := os.WriteFile(list, []byte("# mine\r\n"+site.Link("b")+"\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(runs(t, c, "", "container", "create", "--title", "By client ä", "--password", "pw", "--group", "g", site.Link("a"), list))
	id, ok := strings.CutPrefix(url, g.w.URL+"/container/")
	if !ok {
		t.Fatalf("create printed %q", url)
	}
	recorded(t, g.anyone(t), id, "online")
	out := runs(t, c, "", "container", "status", url)
	for _, s := range []string{id, "By client ä", "online", "2 online, 0 offline, 0 unknown", site.Name} {
		if !strings.Contains(out, s) {
			t.Errorf("status does not say %s:\n%s", s, out)
		}
	}
	equal(t, "unlock", runs(t, c, "pw\n", "container", "unlock", id, "--password", "-"), site.Link("a")+"\n"+site.Link("b")+"\n")
	endsWith(t, c, clientDenied, "wrong_password", "container", "unlock", id, "--password", "x")
	runs(t, c, "", "container", "edit", id, "--title", "Edited", "--password", "", "--captcha", site.Link("c"))
	equal(t, "links", runs(t, c, "", "container", "unlock", id), site.Link("c")+"\n")
	if out := runs(t, c, "", "container", "list", "--group", "g"); !strings.Contains(out, id) || !strings.Contains(out, "Edited") || strings.Count(out, "\n") != 1 {
		t.Errorf("list printed\n%s", out)
	}
	var s harness.LocknexStatus
	if err := json.Unmarshal([]byte(runs(t, c, "", "--json", "container", "status", id)), &s); err != nil || s.ID != id || s.Title != "Edited" {
		t.Errorf("%v %+v", err, s)
	}
	equal(t, "BBCode", runs(t, c, "", "container", "badge", id), "[url="+url+"][img]"+g.w.URL+"/s/"+id+".svg[/img][/url]\n")
	picture := filepath.Join(c.Home, "badge.png")
	runs(t, c, "", "container", "badge", id, "-o", picture, "--scale", "2")
	b, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
	runs(t, c, "", "container", "delete", url)
	endsWith(t, c, clientNotFound, "container_not_found", "container", "status", id)
	endsWith(t, c, clientNotFound, "container_not_found", "container", "delete", id)
}

func locknexClientRules() []rule {
	return []rule{
		{says: "login by API key, then create, status, unlock, edit, list, badge, delete", check: func(t *testing.T, g *ground) {
			c := client(t, g.w, owner(t, g.w).Key)
			file := filepath.Join(c.Home, "config", "sluice", "default.json")
			if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
				t.Fatalf("%v %v", st, err)
			}
			lifeByClient(t, g, c)
		}},
		{says: "the same by client credentials", check: func(t *testing.T, g *ground) {
			k := account(t, g.w)
			lifeByClient(t, g, client(t, g.w, k.Secret, "--client-id", k.KeyID))
		}},
		{says: "the same by SLUICE_API_KEY alone, which leaves no file", check: func(t *testing.T, g *ground) {
			c := client(t, g.w, "")
			c.Env = []string{"SLUICE_API_KEY=" + owner(t, g.w).Key}
			lifeByClient(t, g, c)
			if _, err := os.Stat(filepath.Join(c.Home, "config")); !os.IsNotExist(err) {
				t.Errorf("%v", err)
			}
		}},
		{says: "a wrong key is not kept, an old one is denied", check: func(t *testing.T, g *ground) {
			k := account(t, g.w)
			l := k.Locknex(t)
			c := client(t, g.w, "")
			for _, args := range [][]string{{"login"}, {"login", "--client-id", k.KeyID}, {"login", "--client-id", "LWAKAAAAAAAAAAAAAAAA"}} {
				out, errs, code := c.Run(t.Context(), "not-the-secret\n", args...)
				if code != clientDenied || !strings.Contains(errs, "was not kept") || strings.Contains(out+errs, "not-the-secret") {
					t.Errorf("%v: %d %s%s", args, code, out, errs)
				}
			}
			endsWith(t, c, clientDenied, "sluice-client login", "container", "list")
			runs(t, c, l.Key+"\n", "login")
			runs(t, c, "", "container", "list")
			k.Locknex(t) // regenerates
			endsWith(t, c, clientDenied, "unauthorized", "container", "list")
			runs(t, c, "", "logout")
			endsWith(t, c, clientDenied, "sluice-client login", "container", "list")
		}},
		{says: "what cannot be said right is refused before the server is asked", check: func(t *testing.T, g *ground) {
			c := client(t, g.w, owner(t, g.w).Key)
			for _, args := range [][]string{
				{"container", "create"}, {"container", "create", "https://a.example/"}, {"container", "create", "--title", "x", "no-such-file"}, {"container", "status"}, {"container", "status", "../../etc"}, {"container", "status", "https://a.example/other/x"},
				{"container", "frobnicate"}, {"frobnicate"}, {"container", "badge", "zzzzzzzzzzz", "--as", "x"}, {"container", "edit", "zzzzzzzzzzz"}, {"--server", "ftp://x", "container", "list"}, {"--nonsense"}, {"--profile", "../x", "container", "list"},
			} {
				endsWith(t, c, clientUsage, "", args...)
			}
		}},
		{says: "the server's refusals are told in its words", check: func(t *testing.T, g *ground) {
			l := owner(t, g.tight)
			c := client(t, g.tight, l.Key)
			endsWith(t, c, 1, "link 2", "container", "create", "--title", "x", "https://a.example/", "https://u:p@b.example/")
			endsWith(t, c, 1, "bad_title", "container", "create", "--title", "", "https://a.example/")
			var links []string
			for i := range tightLinks + 1 {
				links = append(links, fmt.Sprintf("https://203.0.113.9:9/%d", i))
			}
			endsWith(t, c, 1, "quota_exceeded", append([]string{"container", "create", "--title", "x"}, links...)...)
			endsWith(t, c, clientNotFound, "container_not_found", "container", "edit", "zzzzzzzzzzz", "--title", "x")
		}},
		{says: "a kept key goes to its server only, and no redirect takes it along", check: func(t *testing.T, g *ground) {
			key := owner(t, g.w).Key
			c := client(t, g.w, key)
			seen := make(chan string, 16)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen <- fmt.Sprint(r.Header)
				http.Redirect(w, r, g.w.URL+r.URL.Path, http.StatusTemporaryRedirect)
			}))
			t.Cleanup(s.Close)
			_, errs, code := c.Run(t.Context(), "", "--server", s.URL, "container", "list")
			if code == 0 {
				t.Error("it went along")
			}
			if strings.Contains(errs, key) {
				t.Errorf("%s", errs)
			}
			close(seen)
			for h := range seen {
				if strings.Contains(h, key) {
					t.Errorf("the key went to another server: %s", h)
				}
			}
		}},
		{says: "a server that is not there, or is none, is said in a line", check: func(t *testing.T, g *ground) {
			c := client(t, g.w, "")
			c.Env = []string{"SLUICE_API_KEY=x"}
			endsWith(t, c, 1, "", "--server", "http://127.0.0.1:1", "container", "status", "zzzzzzzzzzz")
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\x1b[31mhello") }))
			t.Cleanup(s.Close)
			_, errs, code := c.Run(t.Context(), "", "--server", s.URL, "container", "status", "zzzzzzzzzzz")
			if code != 1 || strings.Contains(errs, "\x1b") || strings.Count(errs, "\n") != 1 {
				t.Errorf("%d %q", code, errs)
			}
		}},
	}
}
