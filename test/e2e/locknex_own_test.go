package e2e_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// lnOwnShape is what the owner sees of a container that was checked, but its links.
const lnOwnShape = "allow_cnl:bool allow_links:bool badge_svg:string badge_webp:string captcha:bool container_id:string container_size:number container_url:string created_at:string group:string " +
	"hosts[]:string last_checked:string numeric_id:string protected:bool stats.offline:number stats.online:number stats.unknown:number status:string status_api:string title:string updated_at:string"

// lnList is a page of the list.
type lnList struct {
	Success       bool
	Containers    []harness.LocknexOwn
	Total         int
	After, Before string
}

func listed(t *testing.T, l *harness.Locknex, query string) (ids []string, page lnList) {
	t.Helper()
	l.Call(t, "GET", lnContainer+"/list?"+query, nil).Want(t, 200).JSON(t, &page)
	for _, c := range page.Containers {
		ids = append(ids, c.ID)
	}
	return ids, page
}

func locknexOwnRules() []rule {
	put := func(t *testing.T, l *harness.Locknex, id string, body any) harness.LocknexOwn {
		t.Helper()
		var c harness.LocknexOwn
		l.Call(t, "PUT", lnContainer+"/"+id, body).Want(t, 200).JSON(t, &c)
		return c
	}
	return []rule{
		{says: "GET /container/{id}: the container with its links and what is known of each", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			c := l.Create(t, "own", site.Links("a", "gone"), "group", "g")
			own := checked(t, l, c.ID)
			r := l.Call(t, "GET", lnContainer+"/"+c.ID, nil).Want(t, 200)
			for field := range strings.FieldsSeq(lnOwnShape + " success:bool links[].url:string links[].host:string links[].status:string links[].mirror:number links[].backup:bool links[].last_checked:string links[].reason:string links[].http_status:number links[].failures:number links[].last_definite:string links[].last_definite_at:string") {
				if !slices.Contains(strings.Fields(r.Shape(t)), field) {
					t.Errorf("%s is missing: %s", field, r.Shape(t))
				}
			}
			k := own.Links[1]
			if k.Status != "offline" || k.HTTPStatus == nil || *k.HTTPStatus != 404 || k.Reason == "" || k.LastDefinite != "offline" || !lnStamp.MatchString(*k.LastChecked) || !lnStamp.MatchString(*k.LastDefiniteAt) {
				t.Errorf("%+v", k)
			}
			if own.Status != "partial" || !lnStamp.MatchString(own.UpdatedAt) || own.Group != "g" {
				t.Errorf("%+v", own)
			}
		}},
		{says: "GET /container/list: one's own, newest first, in pages", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.w), g.links.Site(t)
			var all []string
			for i := range 5 {
				all = append([]string{l.Create(t, fmt.Sprint("t", i), site.Links("a")).ID}, all...)
			}
			ids, page := listed(t, l, "")
			equal(t, "ids", fmt.Sprint(ids), fmt.Sprint(all))
			if page.Total != 5 || page.After != "" || page.Before != "" {
				t.Errorf("%+v", page)
			}
			var got []string
			after := ""
			for range 5 {
				ids, page := listed(t, l, "limit=2&after="+url.QueryEscape(after))
				got = append(got, ids...)
				if after = page.After; after == "" {
					break
				}
			}
			equal(t, "page by page", fmt.Sprint(got), fmt.Sprint(all))
			ids, _ = listed(t, l, "order=asc&limit=1")
			equal(t, "oldest", ids[0], all[4])
			ids, _ = listed(t, l, "offset=4")
			equal(t, "by offset", fmt.Sprint(ids), fmt.Sprint(all[4:]))
		}},
		{says: "the list by group and by status", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.w), g.links.Site(t)
			site.Becomes("gone", harness.Status(404))
			a := l.Create(t, "a", site.Links("a"), "group", "iso ä")
			b := l.Create(t, "b", site.Links("gone"))
			recorded(t, l, a.ID, "online")
			recorded(t, l, b.ID, "offline")
			for query, want := range map[string]string{
				"group=iso+%C3%A4": a.ID, "status=offline": b.ID, "status=online": a.ID, "status=partial": "", "group=none": "", "group=iso+%C3%A4&status=offline": "",
			} {
				ids, _ := listed(t, l, query)
				equal(t, query, strings.Join(ids, " "), want)
			}
		}},
		{says: "a list that cannot be asked for is 400", check: func(t *testing.T, g *ground) {
			for _, q := range []string{"limit=0", "limit=101", "limit=x", "limit=-1", "offset=-1", "status=broken", "order=sideways", "after=rubbish", "after=1&before=2", "limit=1&limit=2", "%zz", "limit=99999999999999999999"} {
				if r := g.locknex().Call(t, "GET", lnContainer+"/list?"+q, nil); r.Status != 400 {
					t.Errorf("%s: %d %s", q, r.Status, r.Body)
				} else {
					r.Denies(t, 400, r.Code())
				}
			}
		}},
		{says: "PUT renames, and leaves the rest", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "before", site.Links("a", "b"), "password", "p", "group", "g")
			own := put(t, l, c.ID, object{"title": "after", "password": nil, "links": nil})
			if own.Title != "after" || !own.Protected || own.Size != 2 || own.Group != "g" || own.CreatedAt != c.CreatedAt {
				t.Errorf("%+v", own)
			}
			equal(t, "public title", g.anyone(t).Status(t, c.ID).Title, "after")
			g.anyone(t).Unlock(t, c.ID, "p").Want(t, 200)
		}},
		{says: "PUT replaces links, and what is new is checked", check: func(t *testing.T, g *ground) {
			l, site, other := g.locknex(), g.links.Site(t), g.links.Site(t)
			other.Becomes("x", harness.Status(404))
			c := l.Create(t, "links", site.Links("a", "b"))
			recorded(t, l, c.ID, "online")
			put(t, l, c.ID, object{"links": append(other.Links("x"), site.Link("b"))})
			s := recorded(t, l, c.ID, "partial")
			equal(t, "hosts", strings.Join(s.Hosts, " "), other.Name+" "+site.Name)
			equal(t, "links", fmt.Sprint(g.anyone(t).Unlock(t, c.ID, "").Links(t)), fmt.Sprint(append(other.Links("x"), site.Link("b"))))
			equal(t, "requests about the one that stayed", site.Asked("b"), site.Asked("a"))
		}},
		{says: "PUT changes the password: the old one is wrong at once, an empty one opens", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "password", g.links.Site(t).Links("a"), "password", "old")
			put(t, l, c.ID, object{"password": "new"})
			g.anyone(t).Unlock(t, c.ID, "old").Denies(t, 403, "wrong_password")
			g.anyone(t).Unlock(t, c.ID, "new").Want(t, 200)
			equal(t, "protected", put(t, l, c.ID, object{"password": ""}).Protected, false)
			g.anyone(t).Unlock(t, c.ID, "").Want(t, 200)
		}},
		{says: "PUT of switches, mirrors and the group", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "switches", site.Links("a"))
			own := put(t, l, c.ID, object{"captcha": true, "allow_links": false})
			own2 := put(t, l, c.ID, object{"allow_cnl": false, "group": "g", "mirrors": []object{{"links": site.Links("a")}, {"links": site.Links("b")}}})
			if !own.Captcha || own.AllowLinks || !own.AllowCNL || !own2.Captcha || own2.AllowLinks || own2.AllowCNL || own2.Group != "g" || own2.Links[1].Mirror != 1 {
				t.Errorf("%+v %+v", own, own2)
			}
			equal(t, "group", put(t, l, c.ID, object{"group": ""}).Group, "")
		}},
		{says: "a PUT that is refused changes nothing", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "kept", site.Links("a"), "password", "p")
			checked(t, l, c.ID)
			before := string(l.Call(t, "GET", lnContainer+"/"+c.ID, nil).Want(t, 200).Body)
			for _, bad := range []any{
				object{}, object{"title": ""}, object{"title": "x", "links": []string{"bad"}}, object{"title": "x", "links": []string{}}, object{"title": strings.Repeat("x", 201), "password": ""},
				object{"links": site.Links("b"), "mirrors": []object{}}, object{"captcha": "yes"}, "", "[]", `{"title":"x"`, `{"title":"x","title":"y"}`, object{"password": strings.Repeat("p", 1025)},
			} {
				r := l.Call(t, "PUT", lnContainer+"/"+c.ID, bad)
				if r.Status != 400 {
					t.Errorf("%v: %d %s", bad, r.Status, r.Body)
				}
			}
			equal(t, "after", string(l.Call(t, "GET", lnContainer+"/"+c.ID, nil).Want(t, 200).Body), before)
		}},
		{says: "DELETE ends a container under both its ids, once", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			c := l.Create(t, "ended", g.links.Site(t).Links("a"))
			n := l.Own(t, c.ID).NumericID
			r := l.Call(t, "DELETE", lnContainer+"/"+c.ID, nil).Want(t, 200)
			equal(t, "fields", r.Shape(t), "container_id:string success:bool")
			for _, id := range []string{c.ID, n} {
				l.Call(t, "GET", lnContainer+"/"+id, nil).Denies(t, 404, "container_not_found")
				l.Call(t, "PUT", lnContainer+"/"+id, object{"title": "x"}).Denies(t, 404, "container_not_found")
				l.Call(t, "DELETE", lnContainer+"/"+id, nil).Denies(t, 404, "container_not_found")
				g.anyone(t).Unlock(t, id, "").Denies(t, 404, "container_not_found")
				g.anyone(t).Call(t, "GET", lnPublic+id+"/stats", nil).Denies(t, 404, "container_not_found")
			}
		}},
		{says: "what is no id is 404 or 405, never a look-up", check: func(t *testing.T, g *ground) {
			l := g.locknex()
			for _, k := range []struct{ method, path, allow string }{
				{"GET", "/create", "POST"}, {"GET", "/bulk", "POST"}, {"GET", "/unlock", "POST"}, {"DELETE", "/list", "GET, HEAD"}, {"POST", "/list", "GET, HEAD"}, {"PUT", "/create", "POST"}, {"POST", "/abcdefghijk", "DELETE, GET, HEAD, PUT"},
			} {
				equal(t, "Allow", l.Call(t, k.method, lnContainer+k.path, nil).Denies(t, 405, "method_not_allowed").Header.Get("Allow"), k.allow)
			}
			for _, path := range []string{"", "/", "/short", "/ABCDEFGHIJK", "/abcdefghijk/links", "/0", "/1234567890123456789", "/create/", "/..%2fadmin", "/" + strings.Repeat("a", 5000)} {
				l.Call(t, "GET", lnContainer+path, nil).Denies(t, 404, "not_found")
			}
		}},
		{says: "editing at once loses nothing but what was overwritten", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			c := l.Create(t, "raced", site.Links("a"))
			parallel(t, 8, func(i int) {
				body := object{"title": fmt.Sprint("title ", i)}
				if i%2 == 0 {
					body = object{"links": site.Links(fmt.Sprint(i), "x")}
				}
				if r, err := l.Try(t.Context(), "PUT", lnContainer+"/"+c.ID, body); err != nil || r.Status != 200 && r.Status != 409 && r.Status != 503 {
					t.Errorf("%d %s %v", r.Status, r.Body, err)
				}
			})
			own := checked(t, l, c.ID)
			if own.Size != len(own.Links) || own.Stats.Online != own.Size || own.Status != "online" {
				t.Errorf("%+v", own)
			}
		}},
	}
}

func locknexBulkRules() []rule {
	return []rule{
		{says: "create: a result for each, in order, a bad one fails alone", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			a := bulk(t, l, "create", object{"title": "one", "links": site.Links("a")}, object{"title": "", "links": site.Links("a")}, 5, object{"title": "x", "links": []string{"ftp://x"}}, object{"title": "two", "links": site.Links("b"), "password": "p"})
			equal(t, "succeeded", a.Succeeded, 2)
			equal(t, "codes", a.Results[1].Code+" "+a.Results[2].Code+" "+a.Results[3].Code, "bad_title bad_json bad_link")
			equal(t, "title", a.Results[4].Title, "two")
			g.anyone(t).Unlock(t, a.Results[4].ID, "p").Want(t, 200)
			equal(t, "badge", a.Results[0].BadgeSVG, g.w.URL+"/s/"+a.Results[0].ID+".svg")
		}},
		{says: "status and delete by either id; somebody's own are deleted only", check: func(t *testing.T, g *ground) {
			l, site := g.locknex(), g.links.Site(t)
			mine, theirs := l.Create(t, "mine", site.Links("a")), owner(t, g.w).Create(t, "theirs", site.Links("a"))
			n := l.Own(t, mine.ID).NumericID
			a := bulk(t, l, "status", object{"container_id": n}, object{"container_id": theirs.ID}, object{"container_id": "zzzzzzzzzzz"}, object{})
			equal(t, "succeeded", a.Succeeded, 2)
			equal(t, "id", a.Results[0].ID, mine.ID)
			a = bulk(t, l, "delete", object{"container_id": n}, object{"container_id": theirs.ID})
			equal(t, "deleted", a.Succeeded, 1)
			equal(t, "code", a.Results[1].Code, "container_not_found")
			equal(t, "again", bulk(t, l, "delete", object{"container_id": mine.ID}).Results[0].Code, "container_not_found")
			g.anyone(t).Status(t, theirs.ID)
		}},
		{says: "500 at most, and all of them are made", check: func(t *testing.T, g *ground) {
			l, site := owner(t, g.w), g.links.Site(t) // of its own: 500 is also the plan's bound for a day
			items := make([]any, 30)
			if harness.Full() {
				items = make([]any, 500)
			}
			for i := range items {
				items[i] = object{"title": fmt.Sprint("bulk ", i), "links": site.Links("a")}
			}
			a := bulk(t, l, "create", items...)
			equal(t, "made", a.Succeeded, len(items))
			ids := map[string]bool{}
			names := make([]any, len(items))
			for i, r := range a.Results {
				ids[r.ID], names[i] = true, object{"container_id": r.ID}
				equal(t, "title", r.Title, fmt.Sprint("bulk ", i))
			}
			equal(t, "ids", len(ids), len(items))
			equal(t, "deleted", bulk(t, l, "delete", names...).Succeeded, len(items))
			l.Call(t, "POST", lnContainer+"/bulk", `{"action":"status","items":[`+strings.Repeat(`{"container_id":"zzzzzzzzzzz"},`, 500)+`{}]}`).Denies(t, 400, "invalid_request")
		}},
		{says: "what is no bulk request is refused whole", check: func(t *testing.T, g *ground) {
			for body, code := range map[string]string{
				``: "bad_json", `{}`: "invalid_request", `{"action":"unlock","items":[{}]}`: "invalid_request", `{"action":"status"}`: "invalid_request", `{"action":"status","items":[]}`: "invalid_request",
				`{"action":"status","items":{}}`: "bad_json", `{"action":"delete","items":"all"}`: "bad_json", `{"action":["create"],"items":[1]}`: "bad_json", `{"items":[{}]`: "bad_json",
			} {
				g.locknex().Call(t, "POST", lnContainer+"/bulk", body).Denies(t, 400, code)
			}
			g.locknex().Call(t, "POST", lnContainer+"/bulk", `{"action":"create","items":["`+strings.Repeat("x", 8<<20)+`"]}`).Denies(t, 413, "body_too_large")
			g.anyone(t).Call(t, "POST", lnContainer+"/bulk", object{"action": "status", "items": []object{{"container_id": "zzzzzzzzzzz"}}}).Denies(t, 401, "unauthorized")
		}},
		{says: "the plan's bounds hold in bulk, item by item", check: func(t *testing.T, g *ground) {
			today(t)
			l, site := owner(t, g.tight), g.links.Site(t)
			items := make([]any, tightContainers+2)
			for i := range items {
				items[i] = object{"title": "x", "links": site.Links("a")}
			}
			a := bulk(t, l, "create", items...)
			equal(t, "made", a.Succeeded, tightContainers)
			for _, r := range a.Results {
				if !r.Success && r.Code != "quota_exceeded" {
					t.Errorf("%+v", r)
				}
			}
		}},
	}
}
