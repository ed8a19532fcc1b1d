package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// lock is a version in an object-lock bucket that retention or a hold may protect.
type lock struct {
	c                    *harness.Client
	bucket, key, version string
}

func (g *ground) lock(t *testing.T, headers ...string) lock {
	t.Helper()
	b := g.bucket(t, "objectLock", true)
	return lock{c: g.c, bucket: b, key: "k", version: g.put(t, b, "k", nine, headers...).VersionID}
}

func (l lock) retention(t *testing.T, method string, body any) harness.Response {
	t.Helper()
	return l.c.Call(t, method, harness.KeyPath(l.bucket, "object-retention", l.key)+"?versionId="+l.version, body)
}

func (l lock) retain(t *testing.T, mode, until string) harness.Response {
	t.Helper()
	return l.retention(t, http.MethodPut, object{"mode": mode, "retainUntil": until})
}

func (l lock) hold(t *testing.T, status string) harness.Response {
	t.Helper()
	return l.c.Call(t, http.MethodPut, harness.KeyPath(l.bucket, "object-legal-hold", l.key)+"?versionId="+l.version, object{"status": status})
}

// safe tries every way of removing the version; none may work.
func (l lock) safe(t *testing.T, why string) {
	t.Helper()
	remove(t, l.c, l.bucket, l.key, l.version).Is(t, 403, "object_locked")
	for _, r := range batch(t, l.c, l.bucket, object{"key": l.key, "versionId": l.version}) {
		if r.Deleted || r.Error.Code != "object_locked" {
			t.Errorf("%s: batchDelete %+v", why, r)
		}
	}
	l.c.Call(t, "DELETE", harness.BucketPath(l.bucket, ""), nil).Is(t, 409, "bucket_not_empty")
	l.c.Call(t, "PUT", harness.BucketPath(l.bucket, "/versioning"), object{"status": "Suspended"}).Is(t, 409, "object_lock_requires_versioning")
	mark(t, l.c, l.bucket, l.key) // hides it, no more
	l.c.Put(t, l.bucket, l.key, "over", nil)
	copyTo(t, l.c, l.bucket, l.key, l.bucket, l.key).Want(t, 201)
	if r := l.c.Call(t, "GET", harness.ObjectPath(l.bucket, l.key)+"?versionId="+l.version, nil); string(r.Body) != nine {
		t.Errorf("%s: %d %s", why, r.Status, r.Body)
	}
}

type retention struct {
	Mode        string
	RetainUntil time.Time
}

func (l lock) is(t *testing.T, mode, until string) {
	t.Helper()
	var r retention
	l.retention(t, http.MethodGet, nil).Want(t, 200).JSON(t, &r)
	if r.Mode != mode || r.RetainUntil.UTC().Format(time.RFC3339) != until {
		t.Errorf("%+v, want %s %s", r, mode, until)
	}
}

func wormRules() []rule {
	both := []string{"GOVERNANCE", "COMPLIANCE"}
	return []rule{
		{says: "PUT answers 200 with what is stored, GET gives it back", check: func(t *testing.T, g *ground) {
			for _, mode := range both {
				l, until := g.lock(t), in(time.Hour)
				var r retention
				l.retain(t, mode, until).Want(t, 200).JSON(t, &r)
				equal(t, "mode", r.Mode, mode)
				equal(t, "until", r.RetainUntil.UTC().Format(time.RFC3339), until)
				l.is(t, mode, until)
			}
		}},
		{says: "without retention GET is 404 no_retention", check: func(t *testing.T, g *ground) {
			g.lock(t).retention(t, "GET", nil).Is(t, 404, "no_retention")
		}},
		{says: "in a bucket without object lock all four are 400 object_lock_not_enabled", check: func(t *testing.T, g *ground) {
			for _, b := range []string{g.bucket(t), g.bucket(t, "versioning", true)} {
				l := lock{g.c, b, "k", g.put(t, b, "k", "x").VersionID}
				l.retention(t, "GET", nil).Is(t, 400, "object_lock_not_enabled")
				l.retain(t, "GOVERNANCE", in(time.Hour)).Is(t, 400, "object_lock_not_enabled")
				l.hold(t, "ON").Is(t, 400, "object_lock_not_enabled")
				g.c.Call(t, "GET", harness.KeyPath(b, "object-legal-hold", "k"), nil).Is(t, 400, "object_lock_not_enabled")
				remove(t, g.c, b, "k", l.version).Want(t, 204)
			}
		}},
		{says: "retention may be extended, in either mode", check: func(t *testing.T, g *ground) {
			for _, mode := range both {
				l, later := g.lock(t), in(2*time.Hour)
				l.retain(t, mode, in(time.Hour)).Want(t, 200)
				l.retain(t, mode, later).Want(t, 200)
				l.retain(t, mode, later).Want(t, 200) // the same again
				l.is(t, mode, later)
			}
		}},
		{says: "never shortened: 403 object_locked, in either mode", check: func(t *testing.T, g *ground) {
			for _, mode := range both {
				l, until := g.lock(t), in(2*time.Hour)
				l.retain(t, mode, until).Want(t, 200)
				l.retain(t, mode, in(time.Hour)).Is(t, 403, "object_locked")
				l.retain(t, "COMPLIANCE", in(time.Hour)).Is(t, 403, "object_locked")
				l.is(t, mode, until)
			}
		}},
		{says: "never weakened: COMPLIANCE to GOVERNANCE is 403, also with a later date; the other way is stricter", check: func(t *testing.T, g *ground) {
			l, until := g.lock(t), in(time.Hour)
			l.retain(t, "GOVERNANCE", until).Want(t, 200)
			l.retain(t, "COMPLIANCE", until).Want(t, 200)
			l.retain(t, "GOVERNANCE", in(9*time.Hour)).Is(t, 403, "object_locked")
			l.is(t, "COMPLIANCE", until)
		}},
		{says: "no header or parameter bypasses it, whoever asks", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			l.retain(t, "GOVERNANCE", in(time.Hour)).Want(t, 200)
			for _, h := range []string{"X-Lockwell-Bypass-Governance-Retention", "X-Lockwell-Bypass-Governance", "X-Amz-Bypass-Governance-Retention"} {
				g.c.Call(t, "DELETE", harness.ObjectPath(l.bucket, l.key)+"?versionId="+l.version+"&bypassGovernance=true", nil, h, "true").Is(t, 403, "object_locked")
				g.c.Call(t, "PUT", harness.KeyPath(l.bucket, "object-retention", l.key)+"?versionId="+l.version, object{"mode": "GOVERNANCE", "retainUntil": in(time.Minute)}, h, "true").Is(t, 403, "object_locked")
			}
			setPolicy(t, g.c, l.bucket, statement{Effect: "Allow", Actions: []string{"*"}})
			remove(t, g.c, l.bucket, l.key, l.version).Is(t, 403, "object_locked")
		}},
		{says: "retention cannot be taken away: DELETE is 405, empty values 400", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			l.retain(t, "GOVERNANCE", in(time.Hour)).Want(t, 200)
			l.retention(t, "DELETE", nil).Is(t, 405, "method_not_allowed")
			for _, body := range []string{`{}`, `{"mode":"","retainUntil":null}`, `{"mode":null}`} {
				l.retention(t, "PUT", body).Is(t, 400, "invalid_request")
			}
			l.retention(t, "GET", nil).Want(t, 200)
		}},
		{says: "a body of the wrong form is 400: modes, dates in the past or beyond 100 years", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			for _, body := range []string{
				``, `[]`, `{"mode":"GOVERNANCE"}`, `{"retainUntil":"` + in(time.Hour) + `"}`, `{"mode":"governance","retainUntil":"` + in(time.Hour) + `"}`, `{"mode":"X","retainUntil":"` + in(time.Hour) + `"}`,
				`{"mode":"GOVERNANCE","retainUntil":"tomorrow"}`, `{"mode":"GOVERNANCE","retainUntil":4102444800}`, `{"mode":"GOVERNANCE","retainUntil":"` + in(-time.Second) + `"}`,
				`{"mode":"GOVERNANCE","retainUntil":"` + in(101*366*24*time.Hour) + `"}`, `{"mode":"GOVERNANCE","retainUntil":"9999-99-99T00:00:00Z"}`, `{"mode":7,"retainUntil":"` + in(time.Hour) + `"}`,
			} {
				l.retention(t, "PUT", body).Is(t, 400, "invalid_request")
			}
			l.retention(t, "GET", nil).Is(t, 404, "no_retention")
		}},
		{says: "retention holds against DELETE, batchDelete, bucket delete, suspension, overwriting", check: func(t *testing.T, g *ground) {
			for _, mode := range both {
				l := g.lock(t)
				l.retain(t, mode, in(time.Hour)).Want(t, 200)
				l.safe(t, mode)
			}
		}},
		{says: "a legal hold holds against the same, until it is lifted", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			l.hold(t, "ON").Want(t, 200)
			l.safe(t, "legal hold")
			l.hold(t, "OFF").Want(t, 200)
			remove(t, g.c, l.bucket, l.key, l.version).Want(t, 204)
		}},
		{says: "legal hold: ON, OFF, answered and read back; OFF is the default", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			get := func() string {
				var s struct{ Status string }
				g.c.Call(t, "GET", harness.KeyPath(l.bucket, "object-legal-hold", l.key), nil).Want(t, 200).JSON(t, &s)
				return s.Status
			}
			equal(t, "default", get(), "OFF")
			for _, s := range []string{"ON", "ON", "OFF", "OFF"} {
				equal(t, "answer", string(l.hold(t, s).Want(t, 200).Body), `{"status":"`+s+`"}`+"\n")
				equal(t, "stored", get(), s)
			}
			for _, body := range []string{``, `{}`, `{"status":"on"}`, `{"status":true}`, `{"status":""}`, `[]`} {
				g.c.Call(t, "PUT", harness.KeyPath(l.bucket, "object-legal-hold", l.key), body).Is(t, 400, "invalid_request")
			}
		}},
		{says: "hold and retention are apart: lifting one leaves the other", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			l.retain(t, "GOVERNANCE", in(time.Hour)).Want(t, 200)
			l.hold(t, "ON").Want(t, 200)
			l.hold(t, "OFF").Want(t, 200)
			remove(t, g.c, l.bucket, l.key, l.version).Is(t, 403, "object_locked")
		}},
		{says: "retention ends with its date, and may then be set anew", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			l.retention(t, "PUT", object{"mode": "COMPLIANCE", "retainUntil": time.Now().Add(lead).UTC().Format(time.RFC3339Nano)}).Want(t, 200)
			other := lock{g.c, l.bucket, "other", g.put(t, l.bucket, "other", "x", "X-Lockwell-Retention-Mode", "COMPLIANCE", "X-Lockwell-Retain-Until", time.Now().Add(lead).UTC().Format(time.RFC3339Nano)).VersionID}
			remove(t, g.c, l.bucket, l.key, l.version).Is(t, 403, "object_locked")
			eventually(t, "the end of the retention", func() bool { return remove(t, g.c, l.bucket, l.key, l.version).Status == 204 })
			eventually(t, "a weaker one", func() bool { return other.retain(t, "GOVERNANCE", in(time.Hour)).Status == 200 })
			remove(t, g.c, l.bucket, other.key, other.version).Is(t, 403, "object_locked")
		}},
		{says: "a bucket's default retention protects every way of writing", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true, "defaultRetention", object{"mode": "GOVERNANCE", "days": 1})
			put := g.put(t, b, "put", nine)
			copied := copyTo(t, g.c, b, "put", b, "copy").Want(t, 201).Object(t)
			u := g.c.Multipart(t, b, "multi")
			multi := u.Complete(t, u.Parts(t, nine)).Want(t, 200).Object(t)
			g.c.Anonymous().Call(t, "PUT", g.c.Sign(t, "PUT", b, "signed"), nine).Want(t, 201)
			signed := g.get(t, b, "signed").Header.Get("X-Lockwell-Version-Id")
			for key, v := range map[string]string{"put": put.VersionID, "copy": copied.VersionID, "multi": multi.VersionID, "signed": signed} {
				h := g.get(t, b, key).Header
				until, _ := time.Parse(time.RFC3339, h.Get("X-Lockwell-Retain-Until"))
				if d := time.Until(until); h.Get("X-Lockwell-Retention-Mode") != "GOVERNANCE" || d < 23*time.Hour || d > 24*time.Hour {
					t.Errorf("%s: %s for %v", key, h.Get("X-Lockwell-Retention-Mode"), d)
				}
				remove(t, g.c, b, key, v).Is(t, 403, "object_locked")
			}
		}},
		{says: "retention headers on PUT go before the default", check: func(t *testing.T, g *ground) {
			b, until := g.bucket(t, "objectLock", true, "defaultRetention", object{"mode": "GOVERNANCE", "days": 1}), in(time.Hour)
			l := lock{g.c, b, "k", g.put(t, b, "k", "x", "X-Lockwell-Retention-Mode", "COMPLIANCE", "X-Lockwell-Retain-Until", until).VersionID}
			l.is(t, "COMPLIANCE", until)
		}},
		{says: "?versionId= protects that version, without it the current one", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			one, two := g.put(t, b, "k", "one").VersionID, g.put(t, b, "k", "two").VersionID
			g.c.Call(t, "PUT", harness.KeyPath(b, "object-retention", "k"), object{"mode": "GOVERNANCE", "retainUntil": in(time.Hour)}).Want(t, 200)
			remove(t, g.c, b, "k", two).Is(t, 403, "object_locked")
			remove(t, g.c, b, "k", one).Want(t, 204)
		}},
		{says: "of what is not there 404; of a delete marker 404 that says so", check: func(t *testing.T, g *ground) {
			l := g.lock(t)
			mark(t, g.c, l.bucket, l.key)
			for kind, body := range map[string]any{"object-retention": object{"mode": "GOVERNANCE", "retainUntil": in(time.Hour)}, "object-legal-hold": object{"status": "ON"}} {
				for m, body := range map[string]any{"GET": nil, "PUT": body} {
					g.c.Call(t, m, harness.KeyPath(l.bucket, kind, "nothing"), body).Is(t, 404, "not_found")
					g.c.Call(t, m, harness.KeyPath("no-such-bucket", kind, "k"), body).Is(t, 404, "not_found")
					equal(t, kind, g.c.Call(t, m, harness.KeyPath(l.bucket, kind, l.key), body).Is(t, 404, "not_found").Header.Get("X-Lockwell-Delete-Marker"), "true")
				}
			}
		}},
		{says: "a delete marker is never protected, the version below it stays so", check: func(t *testing.T, g *ground) {
			l := g.lock(t, "X-Lockwell-Legal-Hold", "ON")
			m := mark(t, g.c, l.bucket, l.key)
			remove(t, g.c, l.bucket, l.key, m).Want(t, 204)
			equal(t, "object", string(g.get(t, l.bucket, l.key).Body), nine)
		}},
		{says: "racing DELETE and retention: one of them decides", check: func(t *testing.T, g *ground) {
			for range 10 {
				l := g.lock(t)
				var deleted, retained int
				parallel(t, 2, func(i int) {
					if i == 0 {
						deleted = remove(t, g.c, l.bucket, l.key, l.version).Status
					} else {
						retained = l.retain(t, "COMPLIANCE", in(time.Hour)).Status
					}
				})
				if there := g.get(t, l.bucket, l.key).Status == 200; fmt.Sprint(deleted, retained, there) != "204 404 false" && fmt.Sprint(deleted, retained, there) != "403 200 true" {
					t.Errorf("DELETE %d, retention %d, there %v", deleted, retained, there)
				}
			}
		}},
		{says: "retention holds against the collector and disabling the account", check: func(t *testing.T, g *ground) {
			c := account(t, g.tight)
			b := newBucket(t, c, "objectLock", true)
			v := c.Put(t, b, "k", nine, http.Header{"X-Lockwell-Retention-Mode": {"COMPLIANCE"}, "X-Lockwell-Retain-Until": {in(time.Hour)}}).Object(t).VersionID
			steps := [][]string{{"account", "disable", c.Username}, {"account", "enable", c.Username}}
			if harness.Full() { // the collector waits a minute for commits in flight
				steps = slices.Insert(steps, 1, []string{"gc", "--now"})
			}
			for _, args := range steps {
				if out, err := g.tight.CLI(t.Context(), "", args...); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			c.Login(t)
			c.KeyID, c.Secret = c.NewKey(t, object{"scopes": []string{"read", "delete"}})
			eventually(t, "the account is back", func() bool { return mint(t, c, c.KeyID, c.Secret).Status == 200 })
			c.Mint(t)
			remove(t, c, b, "k", v).Is(t, 403, "object_locked")
			equal(t, "object", string(c.Get(t, b, "k", nil).Body), nine)
		}},
	}
}
