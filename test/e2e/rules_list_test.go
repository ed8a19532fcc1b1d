package e2e_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// pages reads a listing page by page, in the order that it came, prefixes with
// a mark in front.
func pages(t *testing.T, c *harness.Client, bucket, query string, size int) (keys []string, n int) {
	t.Helper()
	query = fmt.Sprintf("%s&maxKeys=%d", query, size)
	token := ""
	for {
		l := c.List(t, bucket, query+token)
		page := slices.Clone(l.CommonPrefixes)
		for i := range page {
			page[i] = "+" + page[i]
		}
		for _, o := range l.Objects {
			page = append(page, o.Key)
		}
		slices.SortFunc(page, func(a, b string) int { return strings.Compare(strings.TrimPrefix(a, "+"), strings.TrimPrefix(b, "+")) })
		if len(page) > size || l.KeyCount != len(page) || l.IsTruncated != (l.NextContinuationToken != "") || l.IsTruncated && len(page) == 0 {
			t.Fatalf("a page of %d, keyCount %d, truncated %v", len(page), l.KeyCount, l.IsTruncated)
		}
		keys, n = append(keys, page...), n+1
		if !l.IsTruncated {
			return keys, n
		}
		token = "&continuationToken=" + url.QueryEscape(l.NextContinuationToken)
	}
}

// flat is what a listing with prefix and delimiter must give of keys.
func flat(keys []string, prefix, delimiter, after string) (out []string) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) {
			continue
		}
		item := k
		if i := strings.Index(k[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			item = "+" + k[:len(prefix)+i+len(delimiter)]
		}
		if k <= after {
			continue
		}
		if len(out) == 0 || out[len(out)-1] != item {
			out = append(out, item)
		}
	}
	return out
}

func listRules() []rule {
	fill := func(t *testing.T, g *ground, keys []string) string {
		t.Helper()
		b := g.bucket(t)
		parallel(t, len(keys), func(i int) { g.put(t, b, keys[i], "x") })
		return b
	}
	tree := []string{"a", "a/", "a/b", "a/b/c", "a/c", "a//", "a//x", "a0", "b/1", "b/2", "b/3", "b0/1", "z", "é/1", "é/2", "ö", "文/件", "🪣/x", "/", "//", "/x", "\u007f", "A"}
	return []rule{
		{says: "an entry has key, size, etag, lastModified, versionId, storageClass, contentType", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			o := g.put(t, b, "k", nine, "Content-Type", "text/plain")
			r := g.c.Call(t, "GET", harness.BucketPath(b, "/objects"), nil).Want(t, 200)
			var l struct {
				Objects []struct {
					Key, ETag, VersionID, StorageClass, ContentType string
					Size                                            int64
					LastModified                                    time.Time
				}
			}
			r.JSON(t, &l)
			e := l.Objects[0]
			if e.Key != "k" || e.Size != 9 || e.ETag != o.ETag || e.VersionID != o.VersionID || e.StorageClass != "STANDARD" || e.ContentType != "text/plain" || e.LastModified.Unix() != o.CreatedAt.Unix() {
				t.Errorf("%s", r.Body)
			}
		}},
		{says: "an empty listing has empty lists, not null, and no token", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, q := range []string{"", "prefix=nothing", "delimiter=/", "startAfter=zzz"} {
				var l object
				g.c.Call(t, "GET", harness.BucketPath(b, "/objects?"+q), nil).Want(t, 200).JSON(t, &l)
				if l["objects"] == nil || l["commonPrefixes"] == nil || l["keyCount"] != 0.0 || l["isTruncated"] != false || l["nextContinuationToken"] != nil {
					t.Errorf("%s: %v", q, l)
				}
			}
		}},
		{says: "keys come in the order of their bytes, on pages of every size", check: func(t *testing.T, g *ground) {
			b := fill(t, g, tree)
			for _, size := range []int{1, 2, 7, 1000} {
				if got, n := pages(t, g.c, b, "", size); !slices.Equal(got, flat(tree, "", "", "")) || n != (len(tree)+size-1)/size {
					t.Errorf("pages of %d: %d pages\n%q", size, n, got)
				}
			}
		}},
		{says: "prefix and delimiter, any text of unicode, on pages of every size", check: func(t *testing.T, g *ground) {
			b := fill(t, g, tree)
			for _, prefix := range []string{"", "a", "a/", "a//", "b", "b/", "é", "文", "/", "nothing"} {
				for _, delimiter := range []string{"/", "//", "b", "é", "件", "0/"} {
					for _, size := range []int{1, 3, 1000} {
						q := "prefix=" + url.QueryEscape(prefix) + "&delimiter=" + url.QueryEscape(delimiter)
						if got, _ := pages(t, g.c, b, q, size); !slices.Equal(got, flat(tree, prefix, delimiter, "")) {
							t.Errorf("%q %q in pages of %d:\n%q, want\n%q", prefix, delimiter, size, got, flat(tree, prefix, delimiter, ""))
						}
					}
				}
			}
		}},
		{says: "startAfter begins behind a key, whether it is there or not", check: func(t *testing.T, g *ground) {
			b := fill(t, g, tree)
			for _, after := range []string{"", "a", "a/b", "a/zzz", "b/1", "zzzz", "🪣/x", "🪣🪣", "!"} {
				if got, _ := pages(t, g.c, b, "startAfter="+url.QueryEscape(after), 3); !slices.Equal(got, flat(tree, "", "", after)) {
					t.Errorf("%q: %q", after, got)
				}
			}
			if got, _ := pages(t, g.c, b, "startAfter=b/2&prefix=b/", 1); !slices.Equal(got, []string{"b/3"}) {
				t.Errorf("with a prefix: %q", got)
			}
			if got, _ := pages(t, g.c, b, "startAfter=b/3&delimiter=/&prefix=b", 1); !slices.Equal(got, []string{"+b0/"}) {
				t.Errorf("with a delimiter: %q", got)
			}
		}},
		{says: "keyCount is objects plus common prefixes, what maxKeys counts", check: func(t *testing.T, g *ground) {
			b := fill(t, g, tree)
			l := g.c.List(t, b, "delimiter=/&maxKeys=5")
			if l.KeyCount != 5 || len(l.Objects)+len(l.CommonPrefixes) != 5 || !l.IsTruncated {
				t.Errorf("%+v", l)
			}
		}},
		{says: "maxKeys is 1 to 1000, else 400; 1000 is the default", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, n := range []string{"0", "1001", "-1", "x", "", "1.5", "1e2", "99999999999999999999", "%00"} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/objects?maxKeys="+n), nil).Is(t, 400, "invalid_request")
				g.c.Call(t, "GET", harness.BucketPath(b, "/versions?maxKeys="+n), nil).Is(t, 400, "invalid_request")
			}
			g.c.List(t, b, "maxKeys=1000")
		}},
		{says: "1001 objects are two pages", check: func(t *testing.T, g *ground) {
			if !harness.Full() {
				t.Skip("1001 PUTs; make test-all runs it (SLUICE_TEST_FULL=1)")
			}
			b := g.bucket(t)
			for start := 0; start < 1001; start += 50 {
				parallel(t, min(50, 1001-start), func(i int) { g.put(t, b, fmt.Sprintf("%05d", start+i), "x") })
			}
			l := g.c.List(t, b, "")
			equal(t, "first page", len(l.Objects), 1000)
			equal(t, "all", len(g.c.ListAll(t, b)), 1001)
		}},
		{says: "a token that was made up, cut or altered is 400", check: func(t *testing.T, g *ground) {
			b := fill(t, g, tree)
			token := g.c.List(t, b, "maxKeys=2").NextContinuationToken
			for _, bad := range []string{"zzz", "\x00", "\xff", token + "A", token[:len(token)-1], token[1:], strings.Repeat("A", 5000), "../../x", "=", "e30"} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/objects?maxKeys=2&continuationToken="+url.QueryEscape(bad)), nil).Is(t, 400, "invalid_request")
			}
		}},
		{says: "a token of another bucket or tenant shows nothing that is not theirs", check: func(t *testing.T, g *ground) {
			b, other := fill(t, g, tree), account(t, g.w)
			own := g.bucket(t)
			g.put(t, own, "zz-own", "x")
			other.Bucket(t, b)
			other.Put(t, b, "zz-own", "x", nil)
			token := "/objects?maxKeys=2&continuationToken=" + url.QueryEscape(g.c.List(t, b, "maxKeys=2").NextContinuationToken)
			for _, r := range []harness.Response{g.c.Call(t, "GET", harness.BucketPath(own, token), nil), other.Call(t, "GET", harness.BucketPath(b, token), nil)} {
				if r.Status == 200 {
					var l harness.Listing
					r.JSON(t, &l)
					for _, o := range l.Objects {
						equal(t, "key", o.Key, "zz-own")
					}
				} else {
					r.Is(t, 400, "invalid_request")
				}
			}
		}},
		{says: "pages that follow see what was put and deleted meanwhile, nothing twice", check: func(t *testing.T, g *ground) {
			b := fill(t, g, []string{"a", "b", "c", "d", "e"})
			l := g.c.List(t, b, "maxKeys=2")
			g.put(t, b, "aa", "behind the page")
			g.put(t, b, "cc", "before it")
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "b"), nil).Want(t, 204) // the last one listed
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "d"), nil).Want(t, 204)
			var got []string
			for _, o := range g.c.List(t, b, "continuationToken="+url.QueryEscape(l.NextContinuationToken)).Objects {
				got = append(got, o.Key)
			}
			if !slices.Equal(got, []string{"c", "cc", "e"}) {
				t.Errorf("%v", got)
			}
		}},
		{says: "parameters of the wrong form are 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, q := range []string{"prefix=%ff", "prefix=a%00b", "prefix=" + strings.Repeat("p", 1025), "delimiter=%00", "startAfter=%ff", "prefix=%zz", "prefix=a&prefix=b", "maxKeys=1&maxKeys=1"} {
				g.c.Call(t, "GET", harness.BucketPath(b, "/objects?"+q), nil).Is(t, 400, "invalid_request")
			}
			g.c.Call(t, "GET", harness.BucketPath("no-such-bucket", "/objects"), nil).Is(t, 404, "not_found")
		}},
		{says: "only current objects are listed, the newest version of each", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			g.put(t, b, "gone", "x")
			g.put(t, b, "k", "old")
			v := g.put(t, b, "k", "newer").VersionID
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "gone"), nil).Want(t, 200)
			l := g.c.List(t, b, "")
			if len(l.Objects) != 1 || l.Objects[0].Key != "k" || l.Objects[0].VersionID != v || l.Objects[0].Size != 5 {
				t.Errorf("%+v", l)
			}
		}},
		{says: "?fields=full adds checksums, encryption, compression, retention, legalHold", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "objectLock", true)
			g.put(t, b, "k", nine, "X-Lockwell-Legal-Hold", "ON", "X-Lockwell-Retention-Mode", "GOVERNANCE", "X-Lockwell-Retain-Until", in(time.Hour))
			var l struct {
				Objects []struct {
					Checksums               map[string]string
					Encryption, Compression string
					Retention               *struct{ Mode, RetainUntil string }
					LegalHold               any
				}
			}
			r := g.c.Call(t, "GET", harness.BucketPath(b, "/objects?fields=full"), nil).Want(t, 200)
			r.JSON(t, &l)
			e := l.Objects[0]
			if e.Checksums["sha256"] != nineSums(t)["SHA256"] || e.Encryption != "AES256" || e.Compression != "none" || e.Retention == nil || e.Retention.Mode != "GOVERNANCE" || e.Retention.RetainUntil == "" || e.LegalHold == nil {
				t.Errorf("%s", r.Body)
			}
			if body := string(g.c.Call(t, "GET", harness.BucketPath(b, "/objects"), nil).Body); strings.Contains(body, "checksums") {
				t.Errorf("without fields=full: %s", body)
			}
			g.c.Call(t, "GET", harness.BucketPath(b, "/objects?fields=some"), nil).Is(t, 400, "invalid_request")
		}},
		{says: "a delimiter skips whole prefixes: its cost is the page's, not the bucket's", check: func(t *testing.T, g *ground) {
			if !harness.Full() {
				t.Skip("2,000 PUTs; make test-all runs it (SLUICE_TEST_FULL=1)")
			}
			b := g.bucket(t)
			g.put(t, b, "few/1", "x")
			for start := 0; start < 2000; start += 50 {
				parallel(t, 50, func(i int) { g.put(t, b, fmt.Sprintf("many/%05d", start+i), "x") })
			}
			took := func(q string) time.Duration { return quickest(20, func() { g.c.List(t, b, q) }) }
			if skipping, reading := took("delimiter=/"), took("maxKeys=1000"); skipping > reading/2 {
				t.Errorf("two prefixes take %v, 1000 keys %v", skipping, reading)
			}
		}},
	}
}
