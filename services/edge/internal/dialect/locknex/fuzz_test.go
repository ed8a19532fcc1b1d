package locknex_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/locknex"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// FuzzContainerBody: a body is refused with a sentence, or gives 1 to 1000
// different links that linkchecker takes, no backup in front.
func FuzzContainerBody(f *testing.F) {
	for _, s := range []string{
		curlBody, `{"title":"a","links":["https://a.example/","HTTPS://A.example:443"]}`, `{"title":null}`, `{"title":"a","links":[""]}`,
		`{"title":"a","mirrors":[{"links":["https://a.example/1","https://a.example/1"],"backups":["https://b.example/","x"]},{"links":["https://c.example/"]}]}`,
		`{"title":"a","mirrors":[{"links":["https://a.example/"],"backups":["",""]}]}`, `{"links":5}`, `[]`, ``, `{"title":"\ud800","links":["https://\u0000"]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, links, err := locknex.Wished(body)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid || fault.From(err).Message == "" {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		seen := map[string]bool{}
		for i, l := range links {
			a, err := linksv1.ParseURL(l.URL)
			if err != nil || a.URL != l.URL || seen[a.Key] || l.Mirror < 0 || l.Mirror >= linksv1.MaxLinks || l.Backup && (i == 0 || links[i-1].Mirror != l.Mirror) {
				t.Fatalf("%q: link %d is %+v, %v", body, i, l, err)
			}
			seen[a.Key] = true
		}
		if len(links) == 0 || len(links) > linksv1.MaxLinks {
			t.Fatalf("%q gave %d links", body, len(links))
		}
	})
}

// FuzzListQuery: a query is refused, or asks for a page of a bounded size.
func FuzzListQuery(f *testing.F) {
	for _, s := range []string{"limit=2&after=x", "limit=-1", "limit=1e3", "offset=99999999999999999999", "order=asc&status=partial", "group=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		ask, err := locknex.ListOf(q)
		if err == nil && (ask.Page.Limit < 1 || ask.Page.Limit > paging.MaxLimit || ask.Page.Offset < 0) || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %+v, %v", query, ask, err)
		}
	})
}

// FuzzBodies: whatever a body is, every route with one answers in the form of the
// API, and nothing breaks.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"container_id":"abcdefghijk","password":"x"}`, `{"action":"create","items":[{},{"title":"a","links":["https://a.example/"]}]}`, `{"action":"delete","items":[{"container_id":"1"}]}`,
		`{"url":"https://hooks.example/","events":["container.created"]}`, `{"since":"2026-05-07 15:35:17"}`, `{"title":{"title":1}}`, `{"items":[[[[[[`, "\xff", `null`,
	} {
		f.Add([]byte(s))
	}
	w := edgetest.New(f, unmetered)
	by := bearer(w.Account)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"POST " + container + "/create", "POST " + container + "/unlock", "POST " + container + "/bulk", "PUT " + container + "/abcdefghijk", "POST " + hooks, "PUT " + hooks + "/whk_00000000000000000000000000", "POST " + hooks + "/whk_00000000000000000000000000/replay"} {
			method, path, _ := strings.Cut(path, " ")
			r := w.Do(t, method, path, string(body), by)
			var e struct {
				Success     *bool
				Error, Code string
			}
			if err := json.Unmarshal([]byte(r.Body), &e); err != nil || e.Success == nil || r.Status >= 500 || (r.Status == 200) != *e.Success || r.Status != 200 && (e.Error == "" || e.Code == "") {
				t.Errorf("%s %q: %d %s", path, body, r.Status, r.Body)
			}
		}
	})
}
