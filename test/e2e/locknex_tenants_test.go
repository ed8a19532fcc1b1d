package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// linkTrespass is a try at somebody else's container or webhook. It has a twin
// about what nobody has. Whoever knows a container's id may see its title, status
// and clicks, and its links with the password; the rest is its owner's.
type linkTrespass struct {
	route  string // dialect and name in /-/routes
	method string
	path   func(p linkPrey) string
	body   func(p linkPrey) any
	status int
	told   bool // what exists has another answer than what does not
}

type linkPrey struct{ id, number, hook, delivery string }

func linkTrespasses() []linkTrespass {
	var all []linkTrespass
	// Each row that names a container stands for both its ids.
	both := func(route, method, before, after string, body func(p linkPrey) any, status int, told bool) {
		all = append(all,
			linkTrespass{route, method, func(p linkPrey) string { return before + p.id + after }, body, status, told},
			linkTrespass{route, method, func(p linkPrey) string { return before + p.number + after }, body, status, told})
	}
	hooks := func(route, method, after string, body func(p linkPrey) any) {
		all = append(all, linkTrespass{route, method, func(p linkPrey) string { return lnHooks + "/" + p.hook + after }, body, 404, false})
	}
	at := func(path string) func(linkPrey) string { return func(linkPrey) string { return path } }
	sends := func(body any) func(linkPrey) any { return func(linkPrey) any { return body } }
	both("locknex GetContainer", "GET", lnContainer+"/", "", nil, 404, false)
	both("locknex GetContainer", "HEAD", lnContainer+"/", "", nil, 404, false)
	both("locknex UpdateContainer", "PUT", lnContainer+"/", "", sends(object{"title": "mine"}), 404, false)
	both("locknex UpdateContainer", "PUT", lnContainer+"/", "", sends(object{"password": ""}), 404, false)
	both("locknex UpdateContainer", "PUT", lnContainer+"/", "", sends(object{"captcha": true}), 404, false)
	both("locknex UpdateContainer", "PUT", lnContainer+"/", "", sends(object{"links": []string{"https://a.example/"}}), 404, false)
	both("locknex DeleteContainer", "DELETE", lnContainer+"/", "", nil, 404, false)
	both("locknex ContainerStatus", "GET", lnPublic, "/status", nil, 200, true)
	both("locknex ContainerStats", "GET", lnPublic, "/stats", nil, 200, true)
	both("locknex GetBadge", "GET", "/s/", ".svg", nil, 200, true)
	hooks("locknex GetWebhook", "GET", "", nil)
	hooks("locknex UpdateWebhook", "PUT", "", sends(object{"enabled": false}))
	hooks("locknex UpdateWebhook", "PUT", "", sends(object{"new_secret": true}))
	hooks("locknex DeleteWebhook", "DELETE", "", nil)
	hooks("locknex ListDeliveries", "GET", "/deliveries", nil)
	hooks("locknex ReplayWebhook", "POST", "/replay", func(p linkPrey) any { return object{"delivery_id": p.delivery} })
	hooks("locknex ReplayWebhook", "POST", "/replay", sends(object{"since": "2020-01-01 00:00:00"}))
	all = append(all, linkTrespass{"locknex UnlockContainer", "POST", at(lnContainer + "/unlock"), func(p linkPrey) any { return object{"container_id": p.id, "password": "guess"} }, 403, true},
		linkTrespass{"locknex BulkContainers", "POST", at(lnContainer + "/bulk"), func(p linkPrey) any {
			return object{"action": "delete", "items": []object{{"container_id": p.id}, {"container_id": p.number}}}
		}, 200, false})
	// The pages, by the intruder's own session.
	both("pages ShowContainer", "GET", "/container/", "", nil, 200, true)
	both("pages UnlockContainer", "POST", "/container/", "", sends("password=guess"), 200, true)
	both("pages GetLinksText", "GET", "/container/", "/links.txt", nil, 403, true)
	both("pages GetMetalink", "GET", "/container/", "/links.meta4", nil, 403, true)
	both("pages ShowOwnContainer", "GET", "/containers/", "", nil, 404, false)
	both("pages SaveContainer", "POST", "/containers/", "", sends("title=mine&links=https%3A%2F%2Fa.example%2F"), 404, false)
	both("pages DeleteContainer", "POST", "/containers/", "/delete", nil, 404, false)
	both("pages CheckContainer", "POST", "/containers/", "/check", nil, 404, false)
	return all
}

// nothingOfAnothersInLocknex are the routes that name nothing of another's.
const nothingOfAnothersInLocknex = "CreateContainer ListContainers IssueToken ListWebhooks CreateWebhook RegenerateAPIKey"

// nothingOfAnothersOnLinkPages are those of the pages; what streams tell is what
// their pages do.
const nothingOfAnothersOnLinkPages = "GetCaptcha ShowAPIKey RegenerateAPIKey ListContainers CreateContainer WatchContainers WatchContainer"

// tenantsOfLinks: another account's containers and webhooks are neither changed
// nor, beyond what their ids give, read; by the API or the pages, by an account, an
// access key or nobody.
func tenantsOfLinks(t *testing.T, w *harness.World) {
	victim, intruder := account(t, w), account(t, w)
	g := &ground{w: w}
	v := victim.Locknex(t)
	r := harness.NewReceiver(t, nil)
	h := hook(t, v, r.URL)
	const secret = "secret-name.example"
	c := v.Create(t, "the victim's title", []string{"https://203.0.113.9:9/" + secret}, "password", "p", "group", "private-group")
	told := r.Wait(t, time.Minute, "its creation is told", func(h []harness.Hook) bool { return len(h) > 0 })
	own := checked(t, v, c.ID)
	real := linkPrey{id: c.ID, number: own.NumericID, hook: h.ID, delivery: told[0].ID}
	nobodys := linkPrey{id: "zzzzzzzzzzz", number: "999999999999", hook: "whk_" + strings.Repeat("0", 26), delivery: "msg_none"}
	before := belongingsOf(t, v, c.ID)

	session := signedIn(t, g, intruder.Username)
	access := &harness.Locknex{HTTP: intruder.HTTP, URL: w.URL, Bearer: intruder.Token}
	callers := map[string]*harness.Locknex{"an API key": intruder.Locknex(t), "an access key": access, "an account": {HTTP: intruder.HTTP, URL: w.URL, Bearer: intruder.Account}, "nobody": harness.NewLocknex(t, w.URL)}
	covered := map[string]bool{}
	for route := range strings.FieldsSeq(nothingOfAnothersInLocknex) {
		covered["locknex "+route] = true
	}
	try := func(l *harness.Locknex, x linkTrespass, p linkPrey) harness.Response {
		t.Helper()
		var body any
		if x.body != nil {
			body = x.body(p)
		}
		if strings.HasPrefix(x.route, "pages") {
			return l.Call(t, x.method, x.path(p), body, asForm()...)
		}
		return l.Call(t, x.method, x.path(p), body)
	}
	for _, x := range linkTrespasses() {
		covered[x.route] = true
		by := callers
		if strings.HasPrefix(x.route, "pages") {
			by = map[string]*harness.Locknex{"a session": session, "nobody": callers["nobody"].With("Origin", w.URL)}
		}
		for who, l := range by {
			name := fmt.Sprintf("%s %s by %s", x.method, x.path(real), who)
			theirs, none := try(l, x, real), try(l, x, nobodys)
			silent(t, theirs, secret, "private-group", h.Secret, "CNL_LINKS")
			if who != "nobody" && theirs.Status != x.status {
				t.Errorf("%s: %d %s, want %d", name, theirs.Status, theirs.Body, x.status)
			}
			if !x.told {
				silent(t, theirs, "the victim")
				sameAnswer(t, name, withoutNamesOf(theirs, real), withoutNamesOf(none, nobodys))
			}
		}
	}
	for _, r := range w.Routes(t) {
		if r.Dialect == "locknex" && !covered["locknex "+r.Name()] {
			t.Errorf("%s %s (%s) has no row in linkTrespasses()", r.Method, r.Path, r.Name())
		}
	}
	for _, l := range []*harness.Locknex{callers["an API key"], access} {
		for _, path := range []string{lnContainer + "/list", lnContainer + "/list?group=private-group"} {
			silent(t, l.Call(t, "GET", path, nil).Want(t, 200), c.ID, "the victim")
		}
	}
	silent(t, callers["an account"].Call(t, "GET", lnHooks, nil).Want(t, 200), h.ID, r.URL)
	silent(t, session.Call(t, "GET", "/containers", nil).Want(t, 200), c.ID, "the victim")
	if after := belongingsOf(t, v, c.ID); after != before {
		t.Errorf("the intruder changed something:\n%s\n%s", before, after)
	}
	callers["nobody"].From(t, "127.7.0.1").Unlock(t, c.ID, "p").Want(t, 200)
}

// belongingsOf is what the victim has, without what changes by itself.
func belongingsOf(t *testing.T, v *harness.Locknex, id string) string {
	t.Helper()
	c := v.Own(t, id)
	c.LastChecked = nil
	for i := range c.Links {
		c.Links[i] = harness.LocknexLink{URL: c.Links[i].URL}
	}
	return fmt.Sprintf("%+v %s", c, v.Nobody().With("X-API-Key", v.Key).Call(t, "GET", lnHooks, nil).Want(t, 200).Body)
}

// withoutNamesOf takes out of an answer what it repeats of the question, and what
// differs from request to request by nature.
func withoutNamesOf(r harness.Response, p linkPrey) harness.Response {
	body := string(r.Body)
	for _, s := range []string{p.id, p.number, p.hook, p.delivery} {
		body = strings.ReplaceAll(body, s, "…")
	}
	r.Body = []byte(body)
	r.Header = r.Header.Clone()
	for _, name := range []string{"X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		r.Header.Del(name)
	}
	return r
}
