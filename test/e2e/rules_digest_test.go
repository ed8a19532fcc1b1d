package e2e_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

func putCheckRules() []rule {
	return []rule{
		{says: "If-None-Match: * is 412 when there is a current version, and leaves it", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			g.put(t, b, "k", "one", "If-None-Match", "*")
			g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "two", "If-None-Match", "*").Is(t, 412, "precondition_failed")
			equal(t, "object", string(g.get(t, b, "k").Body), "one")
		}},
		{says: "of 100 racing If-None-Match: * exactly one wins", check: race100},
		{says: "If-Match is 412 when the tag differs or the key is absent", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			p := harness.ObjectPath(b, "k")
			for _, v := range []string{`"0123"`, "*"} {
				g.c.Call(t, "PUT", p, "x", "If-Match", v).Is(t, 412, "precondition_failed")
			}
			one := g.put(t, b, "k", "one").ETag
			g.c.Call(t, "PUT", p, "no", "If-Match", `"0123", "4567"`).Is(t, 412, "precondition_failed")
			g.c.Call(t, "PUT", p, "no", "If-Match", "W/"+one).Is(t, 412, "precondition_failed")
			two := g.put(t, b, "k", "two", "If-Match", `"0123", `+one).ETag
			g.c.Call(t, "PUT", p, "no", "If-Match", one).Is(t, 412, "precondition_failed")
			g.put(t, b, "k", "three", "If-Match", two)
			equal(t, "object", string(g.get(t, b, "k").Body), "three")
		}},
		{says: "of many racing If-Match with the same tag exactly one wins", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			etag, won := g.put(t, b, "k", "start").ETag, make([]bool, 20)
			parallel(t, len(won), func(i int) {
				r := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), fmt.Sprint(i), "If-Match", etag)
				won[i] = r.Status == 201
				if !won[i] {
					r.Is(t, 412, "precondition_failed")
				}
			})
			if i := slices.Index(won, true); i < 0 || slices.Contains(won[i+1:], true) || string(g.get(t, b, "k").Body) != fmt.Sprint(i) {
				t.Errorf("%v, object %s", won, g.get(t, b, "k").Body)
			}
		}},
		{says: "after a delete marker there is no current version", check: func(t *testing.T, g *ground) {
			b := g.bucket(t, "versioning", true)
			etag := g.put(t, b, "k", "one").ETag
			g.c.Call(t, "DELETE", harness.ObjectPath(b, "k"), nil).Want(t, 200)
			g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), "two", "If-Match", etag).Is(t, 412, "precondition_failed")
			g.put(t, b, "k", "two", "If-None-Match", "*")
		}},
		{says: "conditions of another form are 400", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			for _, h := range [][]string{{"If-None-Match", `"x"`}, {"If-None-Match", `*, "x"`}, {"If-None-Match", ""}, {"If-Match", "unquoted"}, {"If-Match", `"open`}, {"If-Match", ""}} {
				g.c.Call(t, "PUT", harness.ObjectPath(b, k), "y", h...).Is(t, 400, "invalid_request")
			}
			equal(t, "object", string(g.get(t, b, k).Body), "x")
		}},
		{says: "each of the five checksums is checked: a mismatch is 400 bad_digest", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for alg, good := range nineSums(t) {
				g.put(t, b, "good", nine, "X-Lockwell-Checksum-"+alg, good)
				g.c.Call(t, "PUT", harness.ObjectPath(b, "bad"), "12345678X", "X-Lockwell-Checksum-"+alg, good).Is(t, 400, "bad_digest")
				g.c.Call(t, "PUT", harness.ObjectPath(b, "bad"), unsized([]byte(nine+"0")), "X-Lockwell-Checksum-"+alg, good).Is(t, 400, "bad_digest")
				g.c.Call(t, "PUT", harness.ObjectPath(b, "bad"), "", "X-Lockwell-Checksum-"+alg, good).Is(t, 400, "bad_digest")
			}
			absent(t, g.c, b, "bad")
		}},
		{says: "SHA256 and CRC64NVME are always stored, the others when sent", check: func(t *testing.T, g *ground) {
			b, sums := g.bucket(t), nineSums(t)
			o := g.put(t, b, "k", nine)
			if want := map[string]string{"sha256": sums["SHA256"], "crc64nvme": sums["CRC64NVME"]}; !maps.Equal(o.Checksums, want) {
				t.Errorf("%v", o.Checksums)
			}
			var headers []string
			for alg, sum := range sums {
				headers = append(headers, "X-Lockwell-Checksum-"+alg, sum)
			}
			o = g.put(t, b, "k", nine, headers...)
			h := g.get(t, b, "k").Header
			for alg, sum := range sums {
				equal(t, alg, o.Checksums[strings.ToLower(alg)], sum)
				equal(t, alg+" of GET", h.Get("X-Lockwell-Checksum-"+alg), sum)
			}
		}},
		{says: "a checksum that is no base64 of its length, or unknown, is 400", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for alg, good := range nineSums(t) {
				for _, bad := range []string{"", "!", "AAA", "AAAA" + good, strings.TrimRight(good, "="), good + "\tx", strings.NewReplacer("+", "-", "/", "_").Replace(good) + "-"} {
					if r := g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine, "X-Lockwell-Checksum-"+alg, bad); bad != good && r.Status != 400 {
						t.Errorf("%s %q: %d", alg, bad, r.Status)
					}
				}
				g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine, "X-Lockwell-Checksum-"+alg, good, "X-Lockwell-Checksum-"+alg, good).Is(t, 400, "")
			}
			g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine, "X-Lockwell-Checksum-Crc65", "AAAA").Is(t, 400, "invalid_request")
		}},
		{says: "Content-MD5 is checked too", check: func(t *testing.T, g *ground) {
			b, sum := g.bucket(t), md5.Sum([]byte(nine))
			good := base64.StdEncoding.EncodeToString(sum[:])
			g.put(t, b, "k", nine, "Content-MD5", good)
			g.c.Call(t, "PUT", harness.ObjectPath(b, "bad"), nine+"0", "Content-MD5", good).Is(t, 400, "bad_digest")
			g.c.Call(t, "PUT", harness.ObjectPath(b, "bad"), nine, "Content-MD5", hex.EncodeToString(sum[:])).Is(t, 400, "")
			absent(t, g.c, b, "bad")
		}},
		{says: "of several digests every one must hold", check: func(t *testing.T, g *ground) {
			b, sums := g.bucket(t), nineSums(t)
			g.c.Call(t, "PUT", harness.ObjectPath(b, "k"), nine, "X-Lockwell-Checksum-SHA256", sums["SHA256"], "X-Lockwell-Checksum-CRC32", sums["CRC32C"]).Is(t, 400, "bad_digest")
			absent(t, g.c, b, "k")
		}},
		{says: "a bad digest leaves the old object, also behind a long body", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "old")
			for _, n := range []int{10, 9 << 20} {
				g.c.Call(t, "PUT", harness.ObjectPath(b, k), randomBytes(t, n), "X-Lockwell-Checksum-SHA256", nineSums(t)["SHA256"]).Is(t, 400, "bad_digest")
			}
			equal(t, "object", string(g.get(t, b, k).Body), "old")
			eventually(t, "the bytes are given back", func() bool { n, size := g.c.Usage(t, b); return n == 1 && size == 3 })
		}},
		{says: "a body that ends early leaves nothing, at whatever byte", check: func(t *testing.T, g *ground) {
			b, data := g.bucket(t), randomBytes(t, 9<<20)
			for _, n := range []int{0, 10, 1 << 20, len(data)} {
				raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "cut"), "Content-Length", strconv.Itoa(16<<20))
				_, _ = raw.Write(data[:n])
				if status := raw.CutOff(); status/100 == 2 {
					t.Errorf("cut at %d: %d", n, status)
				}
			}
			absent(t, g.c, b, "cut")
			eventually(t, "the bytes are given back", func() bool { n, size := g.c.Usage(t, b); return n == 0 && size == 0 })
		}},
		{says: "a chunked body that ends early or is malformed leaves nothing", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			for _, body := range []string{"", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n5\r\nwo", "z\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\nx", "5\r\nhelloXX0\r\n\r\n"} {
				raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "cut"), "Transfer-Encoding", "chunked")
				_, _ = io.WriteString(raw, body)
				if status := raw.CutOff(); status/100 == 2 {
					t.Errorf("%q: %d", body, status)
				}
			}
			absent(t, g.c, b, "cut")
		}},
		{says: "an unknown bucket is 404 before the body is asked for", check: func(t *testing.T, g *ground) {
			equal(t, "status", early(t, g.c, harness.ObjectPath("no-such-bucket", "k"), 1<<20), 404)
			g.c.Call(t, "PUT", harness.ObjectPath("no-such-bucket", "k"), "x").Is(t, 404, "not_found")
		}},
		{says: "a precondition that fails already is 412 before the body is asked for", check: func(t *testing.T, g *ground) {
			b, k := g.key(t, "x")
			equal(t, "If-None-Match", early(t, g.c, harness.ObjectPath(b, k), 1<<20, "If-None-Match", "*"), 412)
			equal(t, "If-Match", early(t, g.c, harness.ObjectPath(b, k), 1<<20, "If-Match", `"other"`), 412)
			equal(t, "no condition", early(t, g.c, harness.ObjectPath(b, k), 1<<20), http.StatusContinue)
		}},
		{says: "a client that waits for 100 Continue gets it, then 201", check: func(t *testing.T, g *ground) {
			b := g.bucket(t)
			raw := g.c.Raw(t, "PUT", harness.ObjectPath(b, "k"), "Content-Length", "9", "Expect", "100-continue")
			if a, ok := raw.Answer(); !ok || a.Status != 100 {
				t.Fatalf("%d", a.Status)
			}
			_, _ = io.WriteString(raw, nine)
			if a, ok := raw.Answer(); !ok || a.Status != 201 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			equal(t, "object", string(g.get(t, b, "k").Body), nine)
		}},
	}
}

// race100 is the issue's: of 100 racing PUTs that want to be the first, one is.
func race100(t *testing.T, g *ground) {
	b := g.bucket(t)
	const racers = 100
	status := make([]int, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			r, err := g.c.Try(t.Context(), http.MethodPut, harness.ObjectPath(b, "the key"), fmt.Sprintf("racer %d", i), http.Header{"If-None-Match": {"*"}})
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
			status[i] = r.Status
		})
	}
	close(start)
	wg.Wait()
	won := slices.Index(status, http.StatusCreated)
	lost := 0
	for _, s := range status {
		if s == http.StatusPreconditionFailed {
			lost++
		}
	}
	if won < 0 || lost != racers-1 {
		t.Fatalf("want one 201 and %d times 412, got %v", racers-1, status)
	}
	if r := g.c.Get(t, b, "the key", nil); string(r.Body) != fmt.Sprintf("racer %d", won) {
		t.Errorf("racer %d won, but the object says %q", won, r.Body)
	}
}

// early announces a body, does not send it, and gives the first status.
func early(t *testing.T, c *harness.Client, path string, length int64, headers ...string) int {
	t.Helper()
	raw := c.Raw(t, http.MethodPut, path, append(headers, "Content-Length", strconv.FormatInt(length, 10), "Expect", "100-continue")...)
	a, ok := raw.Answer()
	if !ok {
		t.Error("no answer")
	}
	return a.Status
}
