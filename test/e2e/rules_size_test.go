package e2e_test

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// tenant is an account of the tight World with a bucket: tightStorage bytes in
// all, tightObject in one object.
func (g *ground) tenant(t *testing.T, options ...any) (*harness.Client, string) {
	t.Helper()
	c := account(t, g.tight)
	return c, newBucket(t, c, options...)
}

func sizeRules() []rule {
	const mib = 1 << 20
	fill := func(t *testing.T, c *harness.Client, b, key string, n int) {
		t.Helper()
		c.Put(t, b, key, randomBytes(t, n), nil)
	}
	// fits puts an object as soon as there is room for it.
	fits := func(t *testing.T, c *harness.Client, b, key string, n int) {
		t.Helper()
		eventually(t, "room for what was given back", func() bool {
			r := c.Call(t, "PUT", harness.ObjectPath(b, key), make([]byte, n))
			if r.Status == 507 {
				return false
			}
			r.Want(t, 201)
			return true
		})
	}
	// room wants that exactly n more bytes fit.
	room := func(t *testing.T, c *harness.Client, b string, n int) {
		t.Helper()
		fits(t, c, b, "room", n)
		c.Call(t, "PUT", harness.ObjectPath(b, "more-room"), "x").Is(t, 507, "quota_exceeded")
	}
	return []rule{
		{says: "an object may have the account's limit and no byte more: 413", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			data := randomBytes(t, tightObject+1)
			c.Put(t, b, "k", data[:tightObject], nil)
			c.Call(t, "PUT", harness.ObjectPath(b, "over"), data).Is(t, 413, "too_large")
			absent(t, c, b, "over")
		}},
		{says: "too large by its Content-Length is 413 before the body", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			equal(t, "status", early(t, c, harness.ObjectPath(b, "k"), tightObject+1), 413)
			equal(t, "a terabyte", early(t, g.c, harness.ObjectPath(g.bucket(t), "k"), 1<<40), 413)
		}},
		{says: "a body of unknown length is cut at the limit: 413, and nothing stays", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			c.Put(t, b, "fits", unsized(randomBytes(t, tightObject)), nil)
			c.Call(t, "PUT", harness.ObjectPath(b, "k"), unsized(randomBytes(t, tightObject+1))).Is(t, 413, "too_large")
			absent(t, c, b, "k")
			room(t, c, b, tightStorage-tightObject)
		}},
		{says: "over quota is 507 quota_exceeded before the body", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			fill(t, c, b, "a", tightObject)
			fill(t, c, b, "b", tightObject-1000)
			equal(t, "status", early(t, c, harness.ObjectPath(b, "k"), 1001), 507)
			c.Call(t, "PUT", harness.ObjectPath(b, "k"), randomBytes(t, 1001)).Is(t, 507, "quota_exceeded")
			absent(t, c, b, "k")
			fill(t, c, b, "k", 1000)
		}},
		{says: "a body of unknown length over quota is 507, and nothing stays reserved", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			fill(t, c, b, "a", tightObject)
			fill(t, c, b, "b", mib)
			c.Call(t, "PUT", harness.ObjectPath(b, "k"), unsized(randomBytes(t, mib+1000))).Is(t, 507, "quota_exceeded")
			absent(t, c, b, "k")
			room(t, c, b, mib)
		}},
		{says: "the quota counts every version, and a removed one no more", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t, "versioning", true)
			v := c.Put(t, b, "k", randomBytes(t, tightObject), nil).Object(t).VersionID
			fill(t, c, b, "k", tightObject)
			c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil).Want(t, 200) // a marker frees nothing
			c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x").Is(t, 507, "quota_exceeded")
			c.Call(t, "DELETE", harness.ObjectPath(b, "k")+"?versionId="+v, nil).Want(t, 204)
			room(t, c, b, tightObject)
		}},
		{says: "what is overwritten or deleted is given back", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			fill(t, c, b, "a", tightObject)
			c.Put(t, b, "a", "small", nil)
			c.Call(t, "DELETE", harness.ObjectPath(b, "a"), nil).Want(t, 204)
			fits(t, c, b, "b", tightObject)
			room(t, c, b, tightObject)
		}},
		{says: "of two uploads that together exceed the quota exactly one is stored", check: func(t *testing.T, g *ground) {
			for _, chunked := range []bool{false, true} {
				c, b := g.tenant(t)
				fill(t, c, b, "a", tightObject)
				status, data := make([]int, 2), randomBytes(t, 3*mib/2)
				parallel(t, 2, func(i int) {
					var body any = data
					if chunked {
						body = unsized(data)
					}
					status[i] = c.Call(t, "PUT", harness.ObjectPath(b, string(rune('x'+i))), body).Status
				})
				slices.Sort(status)
				if status[0] != 201 || status[1] != 507 {
					t.Errorf("chunked %v: %v", chunked, status)
				}
				equal(t, "objects", len(c.ListAll(t, b)), 2)
			}
		}},
		{says: "a copy counts like any other object: 507", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			fill(t, c, b, "a", 3*mib/2)
			cp := func(key string) harness.Response {
				return c.Call(t, "POST", harness.KeyPath(b, "object-copy", key), object{"sourceBucket": b, "sourceKey": "a"})
			}
			cp("b").Want(t, 201)
			cp("c").Is(t, 507, "quota_exceeded")
			absent(t, c, b, "c")
		}},
		{says: "parts count as they come; abort gives them back", check: func(t *testing.T, g *ground) {
			c, b := g.tenant(t)
			u := c.Multipart(t, b, "k")
			u.Part(t, 1, randomBytes(t, mib))
			u.Part(t, 2, randomBytes(t, mib/2))
			u.Part(t, 2, randomBytes(t, mib/2)) // in place of the other
			fill(t, c, b, "a", tightObject)
			u.Send(t, 3, randomBytes(t, mib)).Is(t, 507, "quota_exceeded")
			u.Abort(t).Want(t, 204)
			room(t, c, b, tightStorage-tightObject)
		}},
	}
}
