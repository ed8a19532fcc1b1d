package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// statement of a bucket policy.
type statement struct {
	Effect       string   `json:"effect"`
	Actions      []string `json:"actions"`
	Prefixes     []string `json:"prefixes,omitempty"`
	AccessKeyIDs []string `json:"accessKeyIds,omitempty"`
}

// setPolicy does it as the account, which no policy binds.
func setPolicy(t *testing.T, c *harness.Client, bucket string, statements ...statement) harness.Response {
	t.Helper()
	if statements == nil {
		statements = []statement{}
	}
	return c.AsAccount().Call(t, http.MethodPut, harness.BucketPath(bucket, "/policy"), object{"statements": statements}).Want(t, 200)
}

func policyRules() []rule {
	deny := func(actions ...string) statement { return statement{Effect: "Deny", Actions: actions} }
	allow := func(actions ...string) statement { return statement{Effect: "Allow", Actions: actions} }
	return []rule{
		{says: "without a policy GET gives no statements and the scopes alone decide", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			r := g.c.Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Want(t, 200)
			equal(t, "policy", strings.TrimSpace(string(r.Body)), `{"statements":[]}`)
			g.get(t, b, k).Want(t, 200)
		}},
		{says: "PUT answers 200 with the policy, GET gives it back, DELETE is 204", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			full := statement{Effect: "Deny", Actions: []string{"deleteObject"}, Prefixes: []string{"keep/"}, AccessKeyIDs: []string{g.c.KeyID}}
			put := setPolicy(t, g.c, b, full, allow("*"))
			got := g.c.Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Want(t, 200)
			equal(t, "stored policy", string(got.Body), string(put.Body))
			var doc struct{ Statements []statement }
			got.JSON(t, &doc)
			if len(doc.Statements) != 2 || doc.Statements[0].Prefixes[0] != "keep/" || doc.Statements[0].AccessKeyIDs[0] != g.c.KeyID || doc.Statements[1].Effect != "Allow" {
				t.Errorf("%s", got.Body)
			}
			g.c.Call(t, "DELETE", harness.BucketPath(b, "/policy"), nil).Want(t, 204)
			g.c.Call(t, "DELETE", harness.BucketPath(b, "/policy"), nil).Want(t, 204)
			g.c.Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Want(t, 200).JSON(t, &doc)
			equal(t, "statements", len(doc.Statements), 0)
		}},
		{says: "PUT of an empty list clears", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			setPolicy(t, g.c, b, deny("getObject"))
			g.get(t, b, k).Is(t, 403, "access_denied")
			setPolicy(t, g.c, b)
			g.get(t, b, k).Want(t, 200)
		}},
		{says: "an explicit Deny refuses each action, and only that", check: func(t *testing.T, g *ground) {
			for _, denied := range []string{
				"getObject", "listObjects", "getBucket", "putObject", "putObjectTags", "deleteObject", "deleteVersion", "putObjectRetention", "putObjectLegalHold", "putVersioning", "notifications", "policy",
			} {
				s := newStage(t, g.c)
				setPolicy(t, g.c, s.bucket, deny(denied))
				for _, o := range operations() {
					// A copy and a policy's own change are about more than one action.
					if o.action == "" || o.route == "CopyObject" || o.route == "SetBucketPolicy" && denied != "policy" || o.route == "DeleteBucketPolicy" && denied != "policy" {
						continue
					}
					if r := o.do(t, g.c, s); o.action == denied {
						refused(t, o, r)
					} else if r.Status != o.ok {
						t.Errorf("%s while %s is denied: %d %s, want %d", o, denied, r.Status, r.Body, o.ok)
					}
				}
			}
		}},
		{says: "a denied lock is refused at the write that would set it, whatever its size, and at an upload's beginning", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			setPolicy(t, g.c, b, deny("putObjectLegalHold"))
			hold, until := []string{"X-Lockwell-Legal-Hold", "ON"}, []string{"X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(time.Hour)}
			for _, body := range []func() any{func() any { return "small" }, func() any { return unsized([]byte("long")) }} {
				g.c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), body(), hold...).Is(t, 403, "access_denied")
				g.c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), body(), append(hold, until...)...).Is(t, 403, "access_denied")
			}
			g.c.Call(t, "POST", harness.KeyPath(b, "multipart", "k"), nil, hold...).Is(t, 403, "access_denied")
			g.c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), "small", until...).Want(t, 201)
			setPolicy(t, g.c, b, deny("putObjectRetention"))
			g.c.Call(t, "PUT", harness.KeyPath(b, "objects", "k"), unsized([]byte("long")), until...).Is(t, 403, "access_denied")
		}},
		{says: "an explicit Deny wins over every Allow, in any order", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			setPolicy(t, g.c, b, allow("*"), deny("getObject"))
			g.get(t, b, k).Is(t, 403, "access_denied")
			setPolicy(t, g.c, b, deny("getObject"), allow("getObject"), allow("*"))
			g.get(t, b, k).Is(t, 403, "access_denied")
		}},
		{says: "accessKeyIds limit a statement to those keys", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			other := g.c.WithScopes(t, "read")
			st := deny("getObject")
			st.AccessKeyIDs = []string{other.KeyID}
			setPolicy(t, g.c, b, st)
			other.Get(t, b, k, nil).Is(t, 403, "access_denied")
			g.get(t, b, k).Want(t, 200)
		}},
		{says: "prefixes limit a statement to those keys", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "secret/k", "x")
			g.put(t, b, "secretive", "x")
			st := deny("getObject")
			st.Prefixes = []string{"secret/", "also/"}
			setPolicy(t, g.c, b, st)
			g.get(t, b, "secret/k").Is(t, 403, "access_denied")
			g.get(t, b, "also/not-there").Is(t, 403, "access_denied")
			g.get(t, b, "secretive").Want(t, 200)
			g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Want(t, 200)
		}},
		{says: "a listing that overlaps a denied prefix, either way, is refused", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "open/k", "x")
			st := deny("listObjects")
			st.Prefixes = []string{"secret/"}
			setPolicy(t, g.c, b, st)
			for _, what := range []string{"/objects?", "/versions?", "/multipart?"} {
				for _, prefix := range []string{"", "s", "secret", "secret/", "secret/x"} {
					g.c.Call(t, "GET", harness.BucketPath(b, what+"prefix="+prefix), nil).Is(t, 403, "access_denied")
				}
				g.c.Call(t, "GET", harness.BucketPath(b, what+"prefix=open/"), nil).Want(t, 200)
			}
		}},
		{says: "where there are Allow statements, one must match", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "pub/k", "x")
			g.put(t, b, "k", "x")
			st := allow("getObject", "listObjects")
			st.Prefixes = []string{"pub/"}
			setPolicy(t, g.c, b, st)
			g.get(t, b, "pub/k").Want(t, 200)
			g.get(t, b, "k").Is(t, 403, "access_denied")
			g.c.Call(t, "PUT", harness.ObjectPath(b, "pub/new"), "x").Is(t, 403, "access_denied")
			g.c.Call(t, "GET", harness.BucketPath(b, "/objects?prefix=pub/"), nil).Want(t, 200)
			g.c.Call(t, "GET", harness.BucketPath(b, "/objects?prefix=pu"), nil).Is(t, 403, "access_denied")
			g.c.Call(t, "GET", harness.BucketPath(b, ""), nil).Is(t, 403, "access_denied")
		}},
		{says: "a policy never widens a key's scopes", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			setPolicy(t, g.c, b, allow("*"))
			reader := g.c.WithScopes(t, "read")
			reader.Get(t, b, k, nil).Want(t, 200)
			reader.Call(t, "PUT", harness.ObjectPath(b, k), "y").Is(t, 403, "access_denied")
			reader.Call(t, "DELETE", harness.ObjectPath(b, k), nil).Is(t, 403, "access_denied")
		}},
		{says: "scope names and * stand for all their actions", check: func(t *testing.T, g *ground) {
			for _, word := range []string{"read", "write", "delete", "admin", "*"} {
				s := newStage(t, g.c)
				setPolicy(t, g.c, s.bucket, deny(word))
				for _, o := range operations() {
					// What two scopes open is refused when either word is denied.
					if o.action != "" && o.route != "CopyObject" && (word == "*" || strings.Contains(o.scopes, word)) {
						refused(t, o, o.do(t, g.c, s))
					}
				}
			}
		}},
		{says: "the account itself is not bound by a policy and can repair it", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			setPolicy(t, g.c, b, deny("*"))
			g.c.Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Is(t, 403, "access_denied")
			g.c.Call(t, "DELETE", harness.BucketPath(b, "/policy"), nil).Is(t, 403, "access_denied")
			g.c.AsAccount().Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Want(t, 200)
			g.c.AsAccount().Call(t, "DELETE", harness.BucketPath(b, "/policy"), nil).Want(t, 204)
			g.get(t, b, k).Want(t, 200)
		}},
		{says: "both buckets' policies bind a copy", check: func(t *testing.T, g *ground) {
			from, k := g.key(t, "x")
			to := g.bucket(t)
			cp := func() harness.Response {
				return g.c.Call(t, "POST", harness.KeyPath(to, "object-copy", "c"), object{"sourceBucket": from, "sourceKey": k})
			}
			setPolicy(t, g.c, from, deny("getObject"))
			cp().Is(t, 403, "access_denied")
			setPolicy(t, g.c, from)
			setPolicy(t, g.c, to, deny("putObject"))
			cp().Is(t, 403, "access_denied")
			setPolicy(t, g.c, to, deny("getObject"))
			cp().Want(t, 201)
		}},
		{says: "batchDelete is judged key by key", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "keep/k", "x")
			g.put(t, b, "k", "x")
			st := deny("deleteObject")
			st.Prefixes = []string{"keep/"}
			setPolicy(t, g.c, b, st)
			res := results(t, g.c.Call(t, "POST", harness.BucketPath(b, "/objects:batchDelete"), object{"objects": []object{{"key": "keep/k"}, {"key": "k"}}}))
			if len(res) != 2 || res[0].Error.Code != "access_denied" || res[0].Deleted || !res[1].Deleted {
				t.Errorf("%+v", res)
			}
			g.get(t, b, "keep/k").Want(t, 200)
		}},
		{says: "a policy of the wrong form is 400 and changes nothing", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			before := setPolicy(t, g.c, b, deny("deleteObject"))
			many := strings.TrimSuffix(strings.Repeat(`{"effect":"Deny","actions":["*"]},`, 101), ",")
			for _, body := range []string{
				``, `[]`, `{}`, `{"statements":{}}`, `{"statements":[{}]}`, `{"statements":[{"effect":"deny","actions":["*"]}]}`, `{"statements":[{"effect":"Deny"}]}`,
				`{"statements":[{"effect":"Deny","actions":[]}]}`, `{"statements":[{"effect":"Deny","actions":["fly"]}]}`, `{"statements":[{"effect":"Deny","actions":"*"}]}`,
				`{"statements":[{"effect":"Deny","actions":["*"],"accessKeyIds":["no key"]}]}`, `{"statements":[{"effect":"Deny","actions":["*"],"prefixes":[7]}]}`,
				`{"statements":[` + many + `]}`, `{"statements":[{"effect":"Deny","actions":["*"],"prefixes":["` + strings.Repeat("p", 1025) + `"]}]}`,
				`{"statements":[{"effect":"Deny","actions":["*"],"prefixes":[` + strings.TrimSuffix(strings.Repeat(`"p",`, 101), ",") + `]}]}`,
			} {
				if r := g.c.Call(t, "PUT", harness.BucketPath(b, "/policy"), body); r.Status != 400 || r.Code() != "invalid_request" {
					t.Errorf("%.80s: %d %s", body, r.Status, r.Body)
				}
			}
			equal(t, "policy", string(g.c.Call(t, "GET", harness.BucketPath(b, "/policy"), nil).Body), string(before.Body))
		}},
	}
}
