package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// once is a PUT with an idempotency key and the digest of its body.
func once(t *testing.T, c *harness.Client, bucket, key, idempotency, body string, headers ...string) harness.Response {
	t.Helper()
	headers = append([]string{"Idempotency-Key", idempotency, "X-Lockwell-Checksum-SHA256", sha([]byte(body))}, headers...)
	return c.Call(t, http.MethodPut, harness.ObjectPath(bucket, key), body, headers...)
}

// replayed wants that an answer is the first one's, and says so.
func replayed(t *testing.T, first, again harness.Response) {
	t.Helper()
	again.Want(t, http.StatusCreated)
	equal(t, "Idempotent-Replayed", again.Header.Get("Idempotent-Replayed"), "true")
	if string(again.Body) != string(first.Body) || again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("X-Lockwell-Version-Id") != first.Header.Get("X-Lockwell-Version-Id") {
		t.Errorf("the replay answers %s, the first time it was %s", again.Body, first.Body)
	}
}

func idempotencyRules() []rule {
	return []rule{
		{says: "without a checksum header it is 400 idempotency_requires_checksum", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, name := range []string{"Idempotency-Key", "X-Lockwell-Idempotency-Key"} {
				g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "x", name, "key").Is(t, 400, "idempotency_requires_checksum")
			}
			absent(t, g.c, b, "k")
		}},
		{says: "each of the five checksums will do", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			for alg, sum := range nineSums(t) {
				put := func() harness.Response {
					return g.c.Call(t, "PUT", harness.ObjectPath(b, alg), nine, "Idempotency-Key", "key", "X-Lockwell-Checksum-"+alg, sum).Want(t, 201)
				}
				replayed(t, put(), put())
			}
		}},
		{says: "a replay gives the first answer, says so, and writes nothing", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			first := once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1").Want(t, 201)
			equal(t, "Idempotent-Replayed of the first", first.Header.Get("Idempotent-Replayed"), "")
			for range 3 {
				replayed(t, first, once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1"))
			}
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
			eventually(t, "one object's bytes", func() bool { n, size := g.c.Usage(t, b); return n == 1 && size == 9 })
		}},
		{says: "both header names are the same header; two different values are 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			sum := []string{"X-Lockwell-Checksum-SHA256", sha([]byte(nine))}
			put := func(h ...string) harness.Response {
				return g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine, append(h, sum...)...)
			}
			first := put("Idempotency-Key", "key").Want(t, 201)
			replayed(t, first, put("X-Lockwell-Idempotency-Key", "key"))
			replayed(t, first, put("X-Lockwell-Idempotency-Key", "key", "Idempotency-Key", "key"))
			put("X-Lockwell-Idempotency-Key", "key", "Idempotency-Key", "other").Is(t, 400, "invalid_request")
		}},
		{says: "the key is 1 to 255 visible ASCII characters, else 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, key := range []string{"", "a b", "a\tb", "é", "\x7f", strings.Repeat("k", 256)} {
				raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "bad"), "Content-Length", "9", "Expect", "100-continue", "Idempotency-Key", key, "X-Lockwell-Checksum-SHA256", sha([]byte(nine)))
				if a, ok := raw.Answer(); !ok || a.Status != 400 {
					t.Errorf("%.10q: %d %s", key, a.Status, a.Body)
				}
			}
			for i, key := range []string{"k", "!~", strings.Repeat("k", 255)} {
				once(t, g.c, b, fmt.Sprint(i), key, nine).Want(t, 201)
			}
			absent(t, g.c, b, "bad")
		}},
		{says: "the same key with other content is 409 idempotency_conflict", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			first := once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1").Want(t, 201)
			for _, again := range []harness.Response{
				once(t, g.c, b, "k", "key", "123456780", "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1"),
				once(t, g.c, b, "k", "key", nine+"0", "Content-Type", "text/plain", "X-Lockwell-Meta-A", "1"),
				once(t, g.c, b, "k", "key", nine, "Content-Type", "text/html", "X-Lockwell-Meta-A", "1"),
				once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain", "X-Lockwell-Meta-A", "2"),
				once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain", "X-Lockwell-Meta-B", "1"),
				once(t, g.c, b, "k", "key", nine, "Content-Type", "text/plain"),
				once(t, g.c, b, "k", "key", nine, "X-Lockwell-Meta-A", "1"),
			} {
				again.Is(t, 409, "idempotency_conflict")
			}
			equal(t, "object", g.get(t, b, "k").Header.Get("X-Lockwell-Version-Id"), first.Object(t).VersionID)
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
		}},
		{says: "the key is bound per account, bucket and object key", check: func(t *testing.T, g *ground) {
			other := account(t, g.w)
			a, b := g.bucket(t), g.bucket(t)
			other.Bucket(t, a)
			for _, r := range []harness.Response{
				once(t, g.c, a, "k", "key", "1"), once(t, g.c, a, "K", "key", "2"), once(t, g.c, b, "k", "key", "3"), once(t, other, a, "k", "key", "4"), once(t, g.c, a, "k", "KEY", "5"),
			} {
				equal(t, "replayed", r.Want(t, 201).Header.Get("Idempotent-Replayed"), "")
			}
		}},
		{says: "while the first runs it is 409 idempotency_in_progress", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "k"), "Content-Length", "9", "Expect", "100-continue", "Idempotency-Key", "key", "X-Lockwell-Checksum-SHA256", sha([]byte(nine)))
			if a, ok := raw.Answer(); !ok || a.Status != 100 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			once(t, g.c, b, "k", "key", nine).Is(t, 409, "idempotency_in_progress")
			once(t, g.c, b, "k", "key", "other").Is(t, 409, "idempotency_conflict")
			_, _ = io.WriteString(raw, nine)
			first, ok := raw.Answer()
			if !ok || first.Status != 201 {
				t.Fatalf("%d %s", first.Status, first.Body)
			}
			replayed(t, first, once(t, g.c, b, "k", "key", nine))
		}},
		{says: "of many at once one writes; the others get its answer or in_progress", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			answers := make([]harness.Response, 20)
			parallel(t, len(answers), func(i int) { answers[i] = once(t, g.c, b, "k", "key", nine) })
			made, version := 0, g.c.Get(t, b, "k", nil).Want(t, 200).Header.Get("X-Lockwell-Version-Id")
			for _, r := range answers {
				if r.Status == 409 {
					r.Is(t, 409, "idempotency_in_progress")
					continue
				}
				equal(t, "version", r.Want(t, 201).Object(t).VersionID, version)
				if r.Header.Get("Idempotent-Replayed") == "" {
					made++
				}
			}
			equal(t, "first answers", made, 1)
			equal(t, "versions", len(g.c.Versions(t, b, "").Versions), 1)
		}},
		{says: "a failure frees the key: bad digest, precondition, broken body", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.c.Call(t, "PUT", harness.ObjectPath(b, "digest"), "12345678X", "Idempotency-Key", "key", "X-Lockwell-Checksum-SHA256", sha([]byte(nine))).Is(t, 400, "bad_digest")
			equal(t, "after bad digest", once(t, g.c, b, "digest", "key", nine).Want(t, 201).Header.Get("Idempotent-Replayed"), "")
			once(t, g.c, b, "cond", "key", nine, "If-Match", `"x"`).Is(t, 412, "precondition_failed")
			once(t, g.c, b, "cond", "key", "other").Want(t, 201)
			raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "cut"), "Content-Length", "9", "Idempotency-Key", "key", "X-Lockwell-Checksum-SHA256", sha([]byte(nine)))
			_, _ = io.WriteString(raw, "123")
			if status := raw.CutOff(); status/100 == 2 {
				t.Errorf("cut: %d", status)
			}
			eventually(t, "the broken body freed the key", func() bool { return once(t, g.c, b, "cut", "key", "other").Status == 201 })
		}},
		{says: "a replay after overwrite and delete still gives the first answer", check: func(t *testing.T, g *ground) {
			for _, versioning := range []bool{true, false} {
				b := g.bucket(t, "versioning", versioning)
				first := once(t, g.c, b, "k", "key", nine).Want(t, 201)
				g.put(t, b, "k", "over")
				replayed(t, first, once(t, g.c, b, "k", "key", nine))
				equal(t, "object", string(g.get(t, b, "k").Body), "over")
				g.c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil)
				g.c.Call(t, "DELETE", harness.ObjectPath(b, "k")+"?versionId="+first.Object(t).VersionID, nil).Want(t, 204)
				replayed(t, first, once(t, g.c, b, "k", "key", nine))
				g.get(t, b, "k").Is(t, 404, "not_found")
			}
		}},
		{says: "a replay meets no condition and needs no body", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			first := once(t, g.c, b, "k", "key", nine, "If-None-Match", "*").Want(t, 201)
			replayed(t, first, once(t, g.c, b, "k", "key", nine, "If-None-Match", "*"))
			equal(t, "before the body", early(t, g.c, harness.ObjectPath(b, "k"), 9, "Idempotency-Key", "key", "X-Lockwell-Checksum-SHA256", sha([]byte(nine)), "If-None-Match", "*"), 201)
		}},
	}
}
