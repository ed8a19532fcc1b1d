package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// webhookConfig is a config as the wire answers it.
type webhookConfig struct {
	ID, Target, URL, Prefix, Suffix string
	Events                          []string
	HasSecret                       bool
}

func setHooks(t *testing.T, c *harness.Client, bucket string, configs ...object) harness.Response {
	t.Helper()
	if configs == nil {
		configs = []object{}
	}
	return c.Call(t, http.MethodPut, harness.BucketPath(bucket, "/notifications"), object{"configs": configs})
}

func hooksOf(t *testing.T, r harness.Response) []webhookConfig {
	t.Helper()
	var l struct{ Configs []webhookConfig }
	if r.Want(t, 200).JSON(t, &l); l.Configs == nil {
		t.Fatalf("configs is null: %s", r.Body)
	}
	return l.Configs
}

// heard gives the keys that a receiver has been told of, in the order of their names.
func heard(hooks []harness.Hook) (keys []string) {
	for _, h := range hooks {
		var ev cloudEvent
		if json.Unmarshal(h.Body, &ev) == nil {
			for _, r := range ev.Data.Records {
				keys = append(keys, r.S3.Object.Key+" "+strings.TrimPrefix(r.EventName, "s3:"))
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys) // a delivery may come twice
}

func notifyRules() []rule {
	const url = "http://127.0.0.1:9/hook"
	created := []string{"object-created"}
	get := func(t *testing.T, g *ground, b string) harness.Response {
		t.Helper()
		return g.c.Call(t, "GET", harness.BucketPath(b, "/notifications"), nil)
	}
	return []rule{
		{says: "an unset config reads as an empty list, not 404", check: func(t *testing.T, g *ground) {
			equal(t, "body", strings.TrimSpace(string(get(t, g, g.bucket(t)).Want(t, 200).Body)), `{"configs":[]}`)
			get(t, g, "no-such-bucket").Is(t, 404, "not_found")
		}},
		{says: "PUT answers the configs with id and hasSecret; GET gives the same", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := setHooks(t, g.c, b, object{"url": url, "events": []string{"object-created", "object-removed"}, "prefix": "in/", "suffix": ".jpg"}, object{"id": "mine", "target": "webhook", "url": url, "events": created})
			l := hooksOf(t, r)
			if len(l) != 2 || l[0].ID == "" || l[0].Target != "webhook" || l[0].URL != url || l[0].Prefix != "in/" || l[0].Suffix != ".jpg" || !l[0].HasSecret || len(l[0].Events) != 2 || l[1].ID != "mine" {
				t.Errorf("%s", r.Body)
			}
			equal(t, "GET", string(get(t, g, b).Body), string(r.Body))
		}},
		{says: "PUT replaces all; an empty list clears; DELETE is 204 and clears", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			hooksOf(t, setHooks(t, g.c, b, object{"id": "a", "url": url, "events": created}))
			l := hooksOf(t, setHooks(t, g.c, b, object{"id": "b", "url": url, "events": created}))
			if len(l) != 1 || l[0].ID != "b" {
				t.Errorf("%+v", l)
			}
			equal(t, "cleared", len(hooksOf(t, setHooks(t, g.c, b))), 0)
			equal(t, "cleared", len(hooksOf(t, get(t, g, b))), 0)
			hooksOf(t, setHooks(t, g.c, b, object{"id": "c", "url": url, "events": created}))
			for range 2 {
				g.c.Call(t, "DELETE", harness.BucketPath(b, "/notifications"), nil).Want(t, 204)
			}
			equal(t, "cleared", len(hooksOf(t, get(t, g, b))), 0)
		}},
		{says: "target sns, sqs, lambda or an arn: url is 501 not_implemented", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, target := range []string{"sns", "sqs", "lambda"} {
				setHooks(t, g.c, b, object{"target": target, "url": "arn:aws:" + target + ":us-east-1:1:q", "events": created}).Is(t, 501, "not_implemented")
				setHooks(t, g.c, b, object{"target": target, "url": url, "events": created}).Is(t, 501, "not_implemented")
				setHooks(t, g.c, b, object{"url": "arn:aws:" + target + ":us-east-1:1:q", "events": created}).Is(t, 501, "not_implemented")
			}
			equal(t, "configs", len(hooksOf(t, get(t, g, b))), 0)
		}},
		{says: "http and https only", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, u := range []string{"", "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "javascript:alert(1)", "example.com/hook", "//example.com/", "http://", "https://", "http:///x", "http://a b/", "://x", "http://[::1", "http://example.com:99999/", "http://user:pass@/"} {
				setHooks(t, g.c, b, object{"url": u, "events": created}).Is(t, 400, "invalid_request")
			}
		}},
		{says: "the address must pass the outbound policy", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, u := range []string{
				"http://169.254.169.254/latest", "http://10.1.2.3/", "http://192.168.0.1/", "http://172.16.0.1/", "http://[::1]/", "http://[fe80::1]/", "http://[fc00::1]/", "http://0.0.0.0/", "http://100.64.0.1/", "http://[::ffff:10.1.2.3]/", "http://2130706433.example/..", "http://0x0a010203/", "http://10.257/",
			} {
				if r := setHooks(t, g.c, b, object{"url": u, "events": created}); u != "http://2130706433.example/.." && r.Status != 400 {
					t.Errorf("%s: %d %s", u, r.Status, r.Body)
				}
			}
		}},
		{says: "at most 100 configs", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			var configs []object
			for i := range 101 {
				configs = append(configs, object{"id": fmt.Sprint(i), "url": url, "events": created})
			}
			setHooks(t, g.c, b, configs...).Is(t, 400, "invalid_request")
			equal(t, "configs", len(hooksOf(t, setHooks(t, g.c, b, configs[:100]...))), 100)
		}},
		{says: "a config of the wrong form is 400, and the old ones stay", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			before := setHooks(t, g.c, b, object{"id": "kept", "url": url, "events": created}).Want(t, 200)
			for _, c := range []string{
				`{"url":"` + url + `"}`, `{"url":"` + url + `","events":[]}`, `{"url":"` + url + `","events":["object-eaten"]}`, `{"url":"` + url + `","events":"object-created"}`, `{"url":7,"events":["object-created"]}`,
				`{"target":"pigeon","url":"` + url + `","events":["object-created"]}`, `{"id":"a","url":"` + url + `","events":["object-created"]},{"id":"a","url":"` + url + `","events":["object-created"]}`,
				`{"url":"` + url + `","events":["object-created"],"prefix":"` + strings.Repeat("p", 1025) + `"}`, `{"id":"` + strings.Repeat("i", 65) + `","url":"` + url + `","events":["object-created"]}`, `7`,
			} {
				g.c.Call(t, "PUT", harness.BucketPath(b, "/notifications"), `{"configs":[`+c+`]}`).Is(t, 400, "invalid_request")
			}
			for _, body := range []string{``, `[]`, `{}`, `{"configs":null}`, `{"configs":{}}`} {
				g.c.Call(t, "PUT", harness.BucketPath(b, "/notifications"), body).Is(t, 400, "invalid_request")
			}
			equal(t, "configs", string(get(t, g, b).Body), string(before.Body))
		}},
		{says: "the signing secret is never on the wire, and cannot be set", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			r := setHooks(t, g.c, b, object{"id": "a", "url": url, "events": created}).Want(t, 200)
			setHooks(t, g.c, b, object{"id": "a", "url": url, "events": created, "secret": "whsec_mine"}).Is(t, 400, "invalid_request")
			out, err := g.w.CLI(t.Context(), "", "webhook", "secret", "--account", g.c.Username, "--bucket", b, "--id", "a")
			secret := strings.TrimSpace(out)
			if err != nil || !strings.HasPrefix(secret, "whsec_") || secret == "whsec_mine" {
				t.Fatalf("%q %v", out, err)
			}
			for _, body := range []string{string(r.Body), string(get(t, g, b).Body), string(g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Body)} {
				if strings.Contains(body, "whsec_") || strings.Contains(body, secret[6:]) || strings.Contains(body, `"secret"`) {
					t.Errorf("%s", body)
				}
			}
			inNoFile(t, g.w.DataDir, secret[6:])
			if !hooksOf(t, r)[0].HasSecret {
				t.Error("hasSecret is false")
			}
		}},
		{says: "a config that keeps its id keeps its secret", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			secret := func() string {
				out, err := g.w.CLI(t.Context(), "", "webhook", "secret", "--account", g.c.Username, "--bucket", b, "--id", "a")
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			setHooks(t, g.c, b, object{"id": "a", "url": url, "events": created}).Want(t, 200)
			one := secret()
			setHooks(t, g.c, b, object{"id": "a", "url": url + "/2", "events": created}, object{"url": url, "events": created}).Want(t, 200)
			equal(t, "secret", secret(), one)
			setHooks(t, g.c, b).Want(t, 200)
			setHooks(t, g.c, b, object{"id": "a", "url": url, "events": created}).Want(t, 200)
			if secret() == one {
				t.Error("a new config has the secret of one that was removed")
			}
		}},
		{says: "prefix, suffix and events decide what is told", check: func(t *testing.T, g *ground) {
			b, r := g.bucket(t), harness.NewReceiver(t, nil)
			setHooks(t, g.c, b, object{"url": r.URL, "events": created, "prefix": "in/", "suffix": ".jpg"}).Want(t, 200)
			for _, k := range []string{"in/a.jpg", "out/a.jpg", "in/a.png", "in/.jpg", "in", "xin/a.jpg", "in/z.jpg"} {
				g.put(t, b, k, "x")
				remove(t, g.c, b, k, "").Want(t, 204)
			}
			hooks := r.Wait(t, time.Minute, "three keys", func(h []harness.Hook) bool { return len(heard(h)) >= 3 })
			if got := heard(hooks); !slices.Equal(got, []string{"in%2F.jpg ObjectCreated:Put", "in%2Fa.jpg ObjectCreated:Put", "in%2Fz.jpg ObjectCreated:Put"}) && !slices.Equal(got, []string{"in/.jpg ObjectCreated:Put", "in/a.jpg ObjectCreated:Put", "in/z.jpg ObjectCreated:Put"}) {
				t.Errorf("%q", got)
			}
		}},
		{says: "copies, completions, markers and removed versions are told by their own names", check: func(t *testing.T, g *ground) {
			b, r := g.bucket(t, "versioning", true), harness.NewReceiver(t, nil)
			setHooks(t, g.c, b, object{"url": r.URL, "events": []string{"object-created", "object-removed"}}).Want(t, 200)
			v := g.put(t, b, "put", "x").VersionID
			copyTo(t, g.c, b, "put", b, "copy").Want(t, 201)
			u := g.c.Multipart(t, b, "multi")
			u.Complete(t, u.Parts(t, "x")).Want(t, 200)
			mark(t, g.c, b, "copy")
			remove(t, g.c, b, "put", v).Want(t, 204)
			batch(t, g.c, b, object{"key": "multi"})
			want := []string{
				"copy ObjectCreated:Copy", "copy ObjectRemoved:DeleteMarkerCreated", "multi ObjectCreated:CompleteMultipartUpload", "multi ObjectRemoved:DeleteMarkerCreated", "put ObjectCreated:Put", "put ObjectRemoved:Delete",
			}
			hooks := r.Wait(t, time.Minute, "six events", func(h []harness.Hook) bool { return len(heard(h)) >= len(want) })
			if got := heard(hooks); !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		}},
		{says: "what wrote nothing tells nothing: refusals, replays, absent keys", check: func(t *testing.T, g *ground) {
			b, r := g.bucket(t), harness.NewReceiver(t, nil)
			setHooks(t, g.c, b, object{"url": r.URL, "events": []string{"object-created", "object-removed"}}).Want(t, 200)
			g.c.Call(t, "PUT", harness.ObjectPath(b, "refused"), "x", "If-Match", `"x"`).Is(t, 412, "")
			g.c.Call(t, "PUT", harness.ObjectPath(b, "digest"), "x", "X-Lockwell-Checksum-SHA256", sha([]byte(nine))).Is(t, 400, "bad_digest")
			remove(t, g.c, b, "absent", "").Want(t, 204)
			for range 3 {
				once(t, g.c, b, "once", "key", nine).Want(t, 201)
			}
			g.put(t, b, "zz-last", "x")
			hooks := r.Wait(t, time.Minute, "two events", func(h []harness.Hook) bool { return len(heard(h)) >= 2 })
			if got := heard(hooks); !slices.Equal(got, []string{"once ObjectCreated:Put", "zz-last ObjectCreated:Put"}) {
				t.Errorf("%q", got)
			}
		}},
	}
}
