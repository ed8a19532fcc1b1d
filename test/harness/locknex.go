package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Locknex speaks locknex to an edge: as nobody, or with what its fields carry.
// Safe for concurrent use while they stay.
type Locknex struct {
	HTTP     *http.Client
	URL      string
	Username string // of the account, for what is not HTTP
	Key      string // X-API-Key
	Bearer   string // an account's token, or one of an access key
	// Headers go with every request, names and values in turn.
	Headers []string
}

// LocknexCreated is the documented answer to create.
type LocknexCreated struct {
	Success     bool   `json:"success"`
	ID          string `json:"container_id"`
	Title       string `json:"title"`
	URL         string `json:"container_url"`
	StatusAPI   string `json:"status_api"`
	UnlockAPI   string `json:"unlock_api"`
	BadgeSVG    string `json:"badge_svg"`
	BadgeWebP   string `json:"badge_webp"`
	Size        int    `json:"container_size"`
	CreatedAt   string `json:"created_at"`
	Index       int    `json:"index"` // of bulk
	Code, Error string // of bulk
}

// LocknexCounts says how many links of a container are what.
type LocknexCounts struct{ Online, Offline, Unknown int }

// LocknexStatus is the documented answer to status.
type LocknexStatus struct {
	Success     bool          `json:"success"`
	ID          string        `json:"container_id"`
	Title       string        `json:"title"`
	Status      string        `json:"status"`
	CreatedAt   string        `json:"created_at"`
	LastChecked *string       `json:"last_checked"`
	Size        int           `json:"container_size"`
	Hosts       []string      `json:"hosts"`
	Stats       LocknexCounts `json:"stats"`
}

// LocknexOwn is a container as its owner sees it.
type LocknexOwn struct {
	LocknexStatus
	NumericID  string        `json:"numeric_id"`
	UpdatedAt  string        `json:"updated_at"`
	Protected  bool          `json:"protected"`
	Captcha    bool          `json:"captcha"`
	AllowCNL   bool          `json:"allow_cnl"`
	AllowLinks bool          `json:"allow_links"`
	Group      string        `json:"group"`
	Links      []LocknexLink `json:"links"`
}

// LocknexLink is a link as its container's owner sees it; unlock gives the first
// three.
type LocknexLink struct {
	URL, Host, Status string
	Mirror            int
	Backup            bool
	LastChecked       *string `json:"last_checked"`
	HTTPStatus        *int    `json:"http_status"`
	Reason, Name      string
	Size              *int64
	Failures          int
	LastDefinite      string  `json:"last_definite"`
	LastDefiniteAt    *string `json:"last_definite_at"`
}

// LocknexClicks is the documented answer to stats.
type LocknexClicks struct {
	Success bool
	ID      string `json:"container_id"`
	Title   string
	Clicks  struct {
		Today     int `json:"today"`
		Yesterday int `json:"yesterday"`
		ThisMonth int `json:"this_month"`
		Total     int `json:"total"`
	}
	TopReferrers []struct {
		Domain string
		Clicks int
	} `json:"top_referrers"`
}

// NewLocknex speaks to base as nobody.
func NewLocknex(t testing.TB, base string) *Locknex {
	t.Helper()
	return &Locknex{HTTP: newHTTP(t), URL: base}
}

// Locknex is the client's account with a new API key; an old one ends.
func (c *Client) Locknex(t testing.TB) *Locknex {
	t.Helper()
	l := &Locknex{HTTP: c.HTTP, URL: c.URL, Username: c.Username, Bearer: c.Account}
	l.Key, l.Bearer = l.NewKey(t), ""
	return l
}

// NewKey regenerates the account's API key.
func (l *Locknex) NewKey(t testing.TB) string {
	t.Helper()
	var key struct{ APIKey string }
	l.Call(t, "POST", "/api/v1/account/api-key/regenerate", nil).Want(t, 200).JSON(t, &key)
	return key.APIKey
}

// With is the same with more headers on every request.
func (l *Locknex) With(headers ...string) *Locknex {
	k := *l
	k.Headers = append(slices.Clone(l.Headers), headers...)
	return &k
}

// At is the same at another edge.
func (l *Locknex) At(base string) *Locknex {
	k := *l
	k.URL = base
	return &k
}

// Nobody is the same without what it is known by.
func (l *Locknex) Nobody() *Locknex {
	k := *l
	k.Key, k.Bearer = "", ""
	return &k
}

// From is the same from another address of this machine, one of 127.0.0.0/8.
func (l *Locknex) From(t testing.TB, address string) *Locknex {
	t.Helper()
	k := *l
	k.HTTP = newHTTP(t)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	k.HTTP.Transport.(*http.Transport).DialContext = dialer.DialContext
	return &k
}

// Call sends a request; headers are names and values in turn. A path may be a whole
// URL of the edge. A body that is no string, []byte or io.Reader is sent as JSON.
func (l *Locknex) Call(t testing.TB, method, path string, body any, headers ...string) Response {
	t.Helper()
	r, err := l.Try(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// Try is Call for callers that expect failures.
func (l *Locknex) Try(ctx context.Context, method, path string, body any, headers ...string) (Response, error) {
	h := http.Header{}
	if l.Key != "" {
		h.Set("X-Api-Key", l.Key)
	}
	if l.Bearer != "" {
		h.Set("Authorization", "Bearer "+l.Bearer)
	}
	for _, pairs := range [][]string{l.Headers, headers} {
		for i := 0; i+1 < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
	}
	c := &Client{HTTP: l.HTTP, URL: l.URL}
	return c.Try(ctx, method, strings.TrimPrefix(path, l.URL), body, h)
}

// Create makes a container; more is members of the request beside its links.
func (l *Locknex) Create(t testing.TB, title string, links []string, more ...any) LocknexCreated {
	t.Helper()
	body := map[string]any{"title": title, "links": links}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	var c LocknexCreated
	l.Call(t, "POST", "/api/v1/container/create", body).Want(t, 200).JSON(t, &c)
	return c
}

// Status reads what everybody may know of a container.
func (l *Locknex) Status(t testing.TB, id string) LocknexStatus {
	t.Helper()
	var s LocknexStatus
	l.Call(t, "GET", "/api/v1/public/container/"+id+"/status", nil).Want(t, 200).JSON(t, &s)
	return s
}

// Clicks reads a container's statistics.
func (l *Locknex) Clicks(t testing.TB, id string) LocknexClicks {
	t.Helper()
	var s LocknexClicks
	l.Call(t, "GET", "/api/v1/public/container/"+id+"/stats", nil).Want(t, 200).JSON(t, &s)
	return s
}

// Own reads a container of the account's.
func (l *Locknex) Own(t testing.TB, id string) LocknexOwn {
	t.Helper()
	var c LocknexOwn
	l.Call(t, "GET", "/api/v1/container/"+id, nil).Want(t, 200).JSON(t, &c)
	return c
}

// Unlock asks for the links of a container, whatever the answer.
func (l *Locknex) Unlock(t testing.TB, id, password string, headers ...string) Response {
	t.Helper()
	return l.Call(t, "POST", "/api/v1/container/unlock", map[string]string{"container_id": id, "password": password}, headers...)
}

// Links are the addresses in an answer to unlock, in order.
func (r Response) Links(t testing.TB) []string {
	t.Helper()
	var u struct{ Links []LocknexLink }
	r.Want(t, 200).JSON(t, &u)
	out := make([]string, len(u.Links))
	for i, l := range u.Links {
		out[i] = l.URL
	}
	return out
}

// Badge is what a container's badge says on its right side.
func (l *Locknex) Badge(t testing.TB, id string) string {
	t.Helper()
	body := string(l.Nobody().Call(t, "GET", "/s/"+id+".svg", nil).Want(t, 200).Body)
	_, rest, _ := strings.Cut(body, "<title>links: ")
	says, _, _ := strings.Cut(rest, "</title>")
	return says
}

// Denies fails the test unless the answer is an error of that status and code in
// the one form that locknex's errors have.
func (r Response) Denies(t testing.TB, status int, code string) Response {
	t.Helper()
	r.Want(t, status)
	var e struct {
		Success *bool   `json:"success"`
		Error   *string `json:"error"`
		Code    *string `json:"code"`
	}
	r.strictly(t, &e)
	switch {
	case e.Success == nil || *e.Success || e.Error == nil || *e.Error == "" || e.Code == nil:
		t.Fatalf("no error of locknex: %s", r.Body)
	case *e.Code != code:
		t.Fatalf("code %s, want %s: %s", *e.Code, code, r.Body)
	case r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store":
		t.Fatalf("headers of %s: %v", r.Body, r.Header)
	case (status == 429 || status == 503) && r.Header.Get("Retry-After") == "":
		t.Fatalf("no Retry-After: %s", r.Body)
	}
	return r
}

// Shape lists the members of a JSON object and their types, sorted: "a:string
// b.c:number list[].d:bool". It tells neither an empty list's elements nor the
// order.
func (r Response) Shape(t testing.TB) string {
	t.Helper()
	var v any
	r.JSON(t, &v)
	var all []string
	shape(v, "", &all)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func shape(v any, at string, all *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			shape(member, strings.TrimPrefix(at+"."+name, "."), all)
		}
	case []any:
		if len(v) == 0 {
			*all = append(*all, at+"[]")
		}
		for _, e := range v {
			shape(e, at+"[]", all)
		}
	case string:
		*all = append(*all, at+":string")
	case bool:
		*all = append(*all, at+":bool")
	case nil:
		*all = append(*all, at+":null")
	default:
		*all = append(*all, at+":number")
	}
}

// LocknexLine is a container for `sluice container import`.
func LocknexLine(t testing.TB, fields map[string]any) string {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n", b)
}
