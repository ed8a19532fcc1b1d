package yetishare_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const (
	api     = "/api/v2"
	ada     = "acc-ada"
	reauth  = "Could not validate access_token and account_id, please reauthenticate or try again."
	refused = "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins."
	noFile  = "Could not find file based on file_id."
	noDir   = "Could not find folder based on folder_id."
)

// world is an edge with somebody who has authorized.
type world struct {
	*edgetest.World
	who url.Values // access_token and account_id
}

// unmetered takes the rates away.
func unmetered(c *edge.Config, _ *edge.Deps) { c.Yetishare.Rate, c.Yetishare.PublicRate = 0, 0 }

func newWorld(t testing.TB, change ...func(*edge.Config, *edge.Deps)) *world {
	t.Helper()
	w := &world{World: edgetest.New(t, append([]func(*edge.Config, *edge.Deps){unmetered}, change...)...)}
	w.who = w.authorize(t, "ada")
	return w
}

// authorize gives the credentials of an account, which is made where it is not there.
func (w *world) authorize(t testing.TB, name string) url.Values {
	t.Helper()
	if _, err := w.Auth.GetAccount(t.Context(), authv1.GetAccountRequest{Username: name}); err != nil {
		if _, err := w.Auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: name, Email: name + "@example.test"}); err != nil {
			t.Fatal(err)
		}
	}
	var a struct {
		Data map[string]string
	}
	read(t, w.post(t, "/authorize", values("username", name, "password", "right")), &a)
	if len(a.Data["access_token"]) != 128 || !regexp.MustCompile(`^\d+$`).MatchString(a.Data["account_id"]) {
		t.Fatalf("authorized as %v", a.Data)
	}
	return values("access_token", a.Data["access_token"], "account_id", a.Data["account_id"])
}

// values makes parameters of pairs of names and values.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// plus is a set of parameters with more.
func plus(v url.Values, pairs ...string) url.Values {
	out := maps.Clone(v)
	maps.Copy(out, values(pairs...))
	return out
}

func header(pairs ...string) http.Header {
	h := http.Header{"Authorization": nil}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = []string{pairs[i+1]}
	}
	return h
}

// post sends parameters as most clients do.
func (w *world) post(t testing.TB, path string, v url.Values) edgetest.Response {
	t.Helper()
	return w.Do(t, "POST", api+path, v.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
}

// ask is post by the World's account.
func (w *world) ask(t testing.TB, path string, pairs ...string) edgetest.Response {
	t.Helper()
	return w.post(t, path, plus(w.who, pairs...))
}

func read(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		t.Fatalf("%v: %d %s", err, r.Status, r.Body)
	}
}

// data gives the data of a success, as objects have it.
func data(t testing.TB, r edgetest.Response) map[string]any {
	t.Helper()
	var a struct {
		Data   map[string]any
		Status string `json:"_status"`
	}
	read(t, r, &a)
	if r.Status != 200 || a.Status != "success" || a.Data == nil {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	return a.Data
}

// part is one of a form.
type part struct {
	name, filename, kind, value string
	file                        bool
}

func field(name, value string) part { return part{name: name, value: value} }

func fileOf(filename, content string) part {
	return part{name: "upload_file", filename: filename, value: content, kind: "application/octet-stream", file: true}
}

// formOf writes parts as a form.
func formOf(t testing.TB, parts ...part) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"`, p.name))
		if p.file {
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, p.name, strings.NewReplacer("\\", "\\\\", `"`, "\\\"").Replace(p.filename)))
			if p.kind != "" {
				h.Set("Content-Type", p.kind)
			}
		}
		w, err := m.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p.value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), m.FormDataContentType()
}

// credentials are the World's account's as parts of a form.
func (w *world) credentials() []part {
	return []part{field("access_token", w.who.Get("access_token")), field("account_id", w.who.Get("account_id"))}
}

// send posts a form.
func (w *world) send(t testing.TB, path string, parts ...part) edgetest.Response {
	t.Helper()
	body, kind := formOf(t, parts...)
	return w.Do(t, "POST", api+path, body, header("Content-Type", kind))
}

// upload stores a file and gives the one element of the answer's data.
func (w *world) upload(t testing.TB, name, content string, more ...part) map[string]any {
	t.Helper()
	r := w.send(t, "/file/upload", append(append(w.credentials(), more...), fileOf(name, content))...)
	var a struct{ Data []map[string]any }
	read(t, r, &a)
	if r.Status != 200 || len(a.Data) != 1 {
		t.Fatalf("uploading %q: %d %s", name, r.Status, r.Body)
	}
	return a.Data[0]
}

// folder makes a folder and gives its id.
func (w *world) folder(t testing.TB, name, parent string) string {
	t.Helper()
	return fmt.Sprint(data(t, w.ask(t, "/folder/create", "folder_name", name, "parent_id", parent))["id"])
}

var stampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// refusal insists on an error in the dialect's form.
func refusal(t testing.TB, r edgetest.Response, status int, sentence string) {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal([]byte(r.Body), &e); err != nil || r.Status != status || e["status"] != "error" || e["_status"] != "error" || e["response"] != sentence ||
		len(e) != 4 || !stampForm.MatchString(fmt.Sprint(e["_datetime"])) || r.Header.Get("X-Request-Id") == "" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s, want %d %q", r.Status, r.Body, status, sentence)
	}
	if (status == 429 || status == 503) && r.Header.Get("Retry-After") == "" {
		t.Errorf("%d without Retry-After", status)
	}
}

// keysOf lists the names of an object and of the objects in it, in their order, each
// with the type of its value: "data.id:string". Of a list the first element counts.
func keysOf(t testing.TB, body string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	var out []string
	var walk func(at string, keep bool)
	walk = func(at string, keep bool) {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		kind := "string"
		switch tok.(type) {
		case nil:
			kind = "null"
		case float64:
			kind = "number"
		case bool:
			kind = "bool"
		case json.Delim:
			kind = "nested"
		}
		if keep && at != "" {
			out = append(out, at+":"+kind)
		}
		switch tok {
		case json.Delim('{'):
			for d.More() {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				walk(strings.TrimPrefix(at+"."+fmt.Sprint(name), "."), keep)
			}
			_, _ = d.Token()
		case json.Delim('['):
			for i := 0; d.More(); i++ {
				walk(at+"[]", keep && i == 0)
			}
			_, _ = d.Token()
		}
	}
	walk("", true)
	return out
}
