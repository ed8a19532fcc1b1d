package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

func auditRules() []rule {
	// recorded asks until every request has its record, and gives them by id.
	recorded := func(t *testing.T, g *ground, ids []string, flags ...string) map[string][]harness.AuditRecord {
		t.Helper()
		byID := map[string][]harness.AuditRecord{}
		eventually(t, "every request's record", func() bool {
			recs, _ := g.w.Audit(t, flags...)
			clear(byID)
			for _, r := range recs {
				byID[r.RequestID] = append(byID[r.RequestID], r)
			}
			return !slices.ContainsFunc(ids, func(id string) bool { return len(byID[id]) == 0 })
		})
		return byID
	}
	return []rule{
		{says: "every operation leaves one record: who, what, where, how it went", check: func(t *testing.T, g *ground) {
			s := newStage(t, g.c)
			did, ids := map[string]operation{}, []string{}
			status := map[string]int{}
			for _, o := range operations() {
				r := o.do(t, g.c, s)
				did[r.ID()], status[r.ID()], ids = o, r.Status, append(ids, r.ID())
			}
			for id, recs := range recorded(t, g, ids, "--key", g.c.KeyID) {
				o, mine := did[id]
				if !mine {
					continue
				}
				if len(recs) != 1 || recs[0].Action != o.route || recs[0].Result != "ok" || recs[0].Status != status[id] || recs[0].KeyID != g.c.KeyID || recs[0].AccountID == "" || recs[0].Source != "127.0.0.1" || recs[0].Dialect != "lockwell" {
					t.Errorf("%s: %+v", o, recs)
				}
				if strings.Contains(o.path(s), s.bucket) && recs[0].Bucket != s.bucket {
					t.Errorf("%s: bucket %q", o, recs[0].Bucket)
				}
			}
		}},
		{says: "denials leave one each: 401 without a key, 403 with it", check: func(t *testing.T, g *ground) {
			s, none := newStage(t, g.c), g.c.WithKey(t, object{"scopes": []string{"read", "write", "delete", "admin"}, "buckets": []string{"nothing-of-this"}})
			did, ids := map[string]operation{}, []string{}
			for _, o := range operations() {
				for _, c := range []*harness.Client{none, g.c.Anonymous()} {
					if r := o.do(t, c, s); r.Status == 401 || r.Status == 403 {
						did[r.ID()], ids = o, append(ids, r.ID())
					}
				}
			}
			if len(ids) < len(operations()) {
				t.Errorf("%d denials of %d operations", len(ids), len(operations()))
			}
			for id, recs := range recorded(t, g, ids, "--result", "denied") {
				if o, mine := did[id]; mine && (len(recs) != 1 || recs[0].Action != o.route || recs[0].Code == "" || recs[0].Status != 401 && recs[0].Status != 403 || recs[0].Status == 403 && recs[0].KeyID != none.KeyID) {
					t.Errorf("%s: %+v", o, recs)
				}
			}
		}},
		{says: "minting a token is audited, success and failure, never the secret", check: func(t *testing.T, g *ground) {
			good, bad := mint(t, g.c, g.c.KeyID, g.c.Secret).Want(t, 200), mint(t, g.c, g.c.KeyID, "a-wrong-secret-that-nobody-may-see").Want(t, 401)
			odd := mint(t, g.c, "my secret in the wrong field", "x").Want(t, 401)
			by := recorded(t, g, []string{good.ID(), bad.ID(), odd.ID()}, "--action", "MintToken")
			if r := by[good.ID()]; len(r) != 1 || r[0].Result != "ok" || r[0].KeyID != g.c.KeyID || r[0].AccountID == "" {
				t.Errorf("%+v", r)
			}
			if r := by[bad.ID()]; len(r) != 1 || r[0].Result != "denied" || r[0].KeyID != g.c.KeyID {
				t.Errorf("%+v", r)
			}
			_, out := g.w.Audit(t)
			for _, secret := range []string{g.c.Secret, g.c.Token, "a-wrong-secret-that", "my secret in the wrong", g.c.Account} {
				if strings.Contains(out, secret) {
					t.Errorf("the audit trail holds %.12s…", secret)
				}
			}
		}},
		{says: "signed URLs are audited under the signer's key, never the token", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			path := g.c.Sign(t, "PUT", b, "k")
			put, denied := g.c.Anonymous().Call(t, "PUT", path, nine).Want(t, 201), g.c.Anonymous().Call(t, "GET", path, nil).Want(t, 403)
			bad := g.c.Anonymous().Call(t, "GET", strings.Split(path, "?")[0], nil).Want(t, 401)
			by := recorded(t, g, []string{put.ID(), denied.ID(), bad.ID()}, "--bucket", b)
			if r := by[put.ID()]; len(r) != 1 || r[0].Action != "PutSigned" || r[0].KeyID != g.c.KeyID || r[0].Key != "k" || r[0].Result != "ok" || r[0].AccountID == "" {
				t.Errorf("%+v", r)
			}
			if r := by[denied.ID()]; len(r) != 1 || r[0].Result != "denied" || r[0].Status != 403 {
				t.Errorf("%+v", r)
			}
			if _, out := g.w.Audit(t); strings.Contains(out, "lwurl_") || strings.Contains(out, strings.SplitN(path, "token=", 2)[1]) {
				t.Error("the audit trail holds a signed URL's token")
			}
		}},
		{says: "failures and unknown routes are audited as such", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			missing, noRoute := g.get(t, b, "nothing").Want(t, 404), g.c.Call(t, "GET", "/api/v1/no/such/route", nil).Want(t, 404)
			digest := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", "X-Lockwell-Checksum-SHA256", sha([]byte(nine))).Want(t, 400)
			by := recorded(t, g, []string{missing.ID(), noRoute.ID(), digest.ID()}, "--result", "failed")
			for id, want := range map[string]string{missing.ID(): "GetObject 404", noRoute.ID(): "NoRoute 404", digest.ID(): "PutObject 400"} {
				if r := by[id]; len(r) != 1 || fmt.Sprint(r[0].Action, " ", r[0].Status) != want || r[0].Code == "" {
					t.Errorf("%+v, want %s", r, want)
				}
			}
		}},
		{says: "the records stand in a JetStream stream of their own, readable by account, key, bucket, id", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			b := newBucket(t, c)
			id := c.Call(t, http.MethodPut, harness.ObjectPath(b, "k"), "x").Want(t, 201).ID()
			by := recorded(t, g, []string{id}, "--request-id", id)
			if len(by) != 1 || by[id][0].Bucket != b {
				t.Fatalf("%+v", by)
			}
			for _, flags := range [][]string{{"--bucket", b}, {"--key", c.KeyID}, {"--account-id", by[id][0].AccountID}, {"--since", "10m"}} {
				recs, _ := g.w.Audit(t, flags...)
				mine := slices.ContainsFunc(recs, func(r harness.AuditRecord) bool { return r.RequestID == id })
				foreign := slices.ContainsFunc(recs, func(r harness.AuditRecord) bool { return r.AccountID != by[id][0].AccountID })
				if !mine || flags[0] != "--since" && foreign {
					t.Errorf("%v: own %v, foreign %v", flags, mine, foreign)
				}
			}
			s, err := g.w.JetStream(t).Stream(t.Context(), "AUDIT")
			if err != nil || s.CachedInfo().State.Msgs == 0 || time.Since(s.CachedInfo().State.LastTime) > time.Hour {
				t.Errorf("stream AUDIT: %v", err)
			}
		}},
	}
}
