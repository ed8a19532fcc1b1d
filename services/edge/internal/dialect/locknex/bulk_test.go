package locknex_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// results of a bulk request.
type results struct {
	Success           bool
	Succeeded, Failed int
	Results           []struct {
		Index   int
		Success bool
		ID      string `json:"container_id"`
		Code    string
		Error   string
	}
}

func bulk(t testing.TB, w *edgetest.World, by http.Header, action string, items ...string) results {
	t.Helper()
	var out results
	read(t, w.Want(t, 200, "POST", container+"/bulk", `{"action":"`+action+`","items":[`+strings.Join(items, ",")+`]}`, by), &out)
	if !out.Success || len(out.Results) != len(items) || out.Succeeded+out.Failed != len(items) {
		t.Fatalf("%d items: %+v", len(items), out)
	}
	for i, r := range out.Results {
		if r.Index != i || r.Success == (r.Code != "") || r.Success == (r.Error != "") {
			t.Errorf("item %d: %+v", i, r)
		}
	}
	return out
}

func nameOf(id string) string { return `{"container_id":"` + id + `"}` }

// TestBulk makes 500, asks for them, and ends them, with bad ones among them.
func TestBulk(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	items := make([]string, 500)
	for i := range items {
		items[i] = fmt.Sprintf(`{"title":"t%d","links":["https://a.example/%d"]}`, i, i)
	}
	items[3], items[9], items[11], items[20] = `{"title":"","links":["https://a.example/"]}`, `5`, `{"title":"a","links":["x"]}`, `{"title":7}`
	made := bulk(t, w, by, "create", items...)
	if made.Succeeded != 496 || made.Results[3].Code != "bad_title" || made.Results[9].Code != "bad_json" || made.Results[11].Code != "bad_link" || made.Results[20].Code != "bad_json" {
		t.Errorf("%+v", made)
	}
	names, ids := make([]string, 500), map[string]bool{}
	for i, r := range made.Results {
		names[i] = nameOf(r.ID)
		ids[r.ID] = true
	}
	names[3], names[9], names[11], names[20] = nameOf("abcdefghijk"), nameOf("x"), `{}`, `"c0008000001"`
	if len(ids) != 497 { // the failed ones share ""
		t.Errorf("%d ids", len(ids))
	}
	for _, action := range []string{"status", "delete", "delete"} {
		out := bulk(t, w, by, action, names...)
		if out.Results[3].Code != "container_not_found" || out.Results[9].Code != "container_not_found" || out.Results[11].Code != "invalid_request" || out.Results[20].Code != "bad_json" {
			t.Errorf("%s: %+v", action, out)
		}
	}
	if out := bulk(t, w, by, "status", names...); out.Succeeded != 0 {
		t.Errorf("%d are left", out.Succeeded)
	}
}

func TestBulk_Fields(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	item := func(fields string) string {
		return "success succeeded failed results results[].index results[]." + strings.ReplaceAll(fields, " ", " results[].")
	}
	r := w.Want(t, 200, "POST", container+"/bulk", `{"action":"create","items":[{"title":"a",`+twoLinks+`}]}`, by)
	holdFields(t, r.Body, item(createdFields))
	var out results
	read(t, r, &out)
	of := nameOf(out.Results[0].ID)
	holdFields(t, w.Want(t, 200, "POST", container+"/bulk", `{"action":"status","items":[`+of+`]}`, by).Body, item(statusFields))
	holdFields(t, w.Want(t, 200, "POST", container+"/bulk", `{"action":"delete","items":[`+of+`]}`, by).Body, item("success container_id"))
	holdFields(t, w.Want(t, 200, "POST", container+"/bulk", `{"action":"delete","items":[`+of+`]}`, by).Body, item("success error code"))
}

func TestBulk_Refused(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	many := strings.TrimSuffix(strings.Repeat(`{"container_id":"abcdefghijk"},`, 501), ",")
	for body, k := range map[string]struct {
		status int
		code   string
	}{
		``:                                   {400, "bad_json"},
		`{}`:                                 {400, "invalid_request"},
		`{"action":"unlock","items":[{}]}`:   {400, "invalid_request"},
		`{"action":"status"}`:                {400, "invalid_request"},
		`{"action":"status","items":[]}`:     {400, "invalid_request"},
		`{"action":"status","items":{}}`:     {400, "bad_json"},
		`{"action":"status","items":[null]}`: {400, "bad_json"},
		`{"action":"status","items":[{"container_id":"a","container_id":"b"}]}`: {400, "bad_json"},
		`{"action":"status","items":[` + many + `]}`:                            {400, "invalid_request"},
		`{"action":"create","items":["` + strings.Repeat("x", 8<<20) + `"]}`:    {413, "body_too_large"},
	} {
		refused(t, w.Do(t, "POST", container+"/bulk", body, by), k.status, k.code)
	}
	refused(t, w.Do(t, "POST", container+"/bulk", `{"action":"status","items":[{"container_id":"abcdefghijk"}]}`, header()), 401, "unauthorized")
	w.Links.Down(fault.ErrUnavailable)
	if out := bulk(t, w, by, "status", nameOf("abcdefghijk"), nameOf("7541014")); out.Results[0].Code != "unavailable" || out.Results[1].Code != "unavailable" {
		t.Errorf("%+v", out)
	}
}

// TestRates: an account has its own rate whatever it is known by, an address the
// public one, and a bulk request counts as one for each ten items.
func TestRates(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := edgetest.New(t, func(c *edge.Config, d *edge.Deps) {
		c.Locknex = edge.Locknex{Rate: 60, PublicRate: 3}
		d.Now = func() time.Time { return now }
	})
	by, bob := keyOf(t, w, "ada"), keyOf(t, w, "bob")
	left := func(r edgetest.Response, limit, remaining, reset int) {
		t.Helper()
		h := r.Header
		if h.Get("X-RateLimit-Limit") != strconv.Itoa(limit) || h.Get("X-RateLimit-Remaining") != strconv.Itoa(remaining) || h.Get("X-RateLimit-Reset") != strconv.Itoa(1_800_000_000+reset) {
			t.Errorf("%d: %v, want %d of %d until +%d", r.Status, h, remaining, limit, reset)
		}
	}
	left(w.Do(t, "GET", container+"/list", "", by), 60, 59, 1)
	left(w.Do(t, "GET", container+"/list", "", bearer(w.Account)), 60, 58, 2)
	left(w.Do(t, "GET", container+"/abcdefghijk", "", by), 60, 57, 3)
	left(w.Do(t, "GET", container+"/list", "", bob), 60, 59, 1)
	left(w.Do(t, "POST", container+"/bulk", `{"action":"status","items":[`+strings.TrimSuffix(strings.Repeat(`{"container_id":"abcdefghijk"},`, 500), ",")+`]}`, by), 60, 7, 53)
	r := w.Do(t, "POST", container+"/bulk", `{"action":"status","items":[`+strings.TrimSuffix(strings.Repeat(`{"container_id":"abcdefghijk"},`, 100), ",")+`]}`, by)
	refused(t, r, 429, "rate_limited")
	left(r, 60, 6, 54)
	for range 6 {
		w.Want(t, 200, "GET", container+"/list", "", by)
	}
	r = w.Do(t, "GET", container+"/list", "", by)
	refused(t, r, 429, "rate_limited")
	left(r, 60, 0, 60)
	if r.Header.Get("Retry-After") != "1" {
		t.Errorf("retry after %s", r.Header.Get("Retry-After"))
	}
	w.Want(t, 200, "GET", container+"/list", "", bob)

	left(w.Do(t, "GET", public+"/abcdefghijk/status", "", by), 3, 2, 20)
	left(w.Do(t, "GET", container+"/nothing/here", "", header()), 3, 1, 40)
	left(w.Do(t, "POST", container+"/unlock", `{"container_id":"abcdefghijk"}`, header()), 3, 0, 60)
	refused(t, w.Do(t, "GET", public+"/abcdefghijk/stats", "", header()), 429, "rate_limited")
	if r := w.Do(t, "POST", api+"/oauth/token", "grant_type=client_credentials", header("Content-Type", "application/x-www-form-urlencoded")); r.Status != 429 || !strings.Contains(r.Body, `"error":"temporarily_unavailable"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	// Credentials that do not hold have a rate of their own: who guesses waits.
	for i := range 3 {
		left(w.Do(t, "GET", container+"/list", "", header("X-API-Key", "guess")), 3, 2-i, 20*(i+1))
	}
	refused(t, w.Do(t, "GET", container+"/list", "", bob), 429, "rate_limited")
}

func TestRates_None(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Locknex = edge.Locknex{} })
	if r := w.Want(t, 404, "GET", public+"/abcdefghijk/status", "", header()); r.Header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("%v", r.Header)
	}
}

// TestErrors_EveryKind: each kind of fault has its status, a sentence and a code
// without the service's name, and shows nothing of its cause.
func TestErrors_EveryKind(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409, fault.Precondition: 412, fault.TooLarge: 413,
		fault.QuotaExceeded: 429, fault.RateLimited: 429, fault.Unimplemented: 501, fault.Unavailable: 503, fault.Timeout: 503, fault.Canceled: 499, fault.Internal: 500,
	}
	for _, kind := range fault.Kinds() {
		w.Links.Down(fault.New(kind, "links.some_code", "the message").Because(fmt.Errorf("/var/lib/secret.go:12")))
		r := w.Do(t, "GET", public+"/abcdefghijk/status", "", header())
		var e struct {
			Success     *bool
			Error, Code string
		}
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil || r.Status != want[kind] || e.Success == nil || *e.Success || e.Error == "" || e.Code == "" || strings.Contains(e.Code, ".") || strings.Contains(r.Body, "secret") {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
		if (r.Status == 429 || r.Status == 503) && r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", kind)
		}
	}
	w.Links.Down(nil)
	w.Stats.Down(fault.ErrUnavailable)
	id := create(t, w, keyOf(t, w, "ada"), `{"title":"a",`+twoLinks+`}`)
	refused(t, w.Do(t, "GET", public+"/"+id+"/stats", "", header()), 503, "unavailable")
}

// TestStale: a look at a container that was checked more than an hour ago asks
// for a check, one at a fresh or a new one does not.
func TestStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		c, links := newCore(t)
		id := made(t, c)
		look := func(want int) {
			t.Helper()
			if _, err := c.Container(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if got := links.Asked(id); got != want {
				t.Errorf("%v after: %d checks asked for, want %d", time.Since(at), got, want)
			}
		}
		look(0)
		checked(t, links, "https://a.example/1")
		look(0)
		time.Sleep(time.Hour)
		look(0)
		time.Sleep(time.Second)
		look(1)
		if _, err := c.UnlockContainer(t.Context(), id, "", core.View{}); err != nil || links.Asked(id) != 2 {
			t.Errorf("%v, %d", err, links.Asked(id))
		}
	})
}
