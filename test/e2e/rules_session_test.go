package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// downloads wants that a file reads back as b.
func downloads(t *testing.T, l *harness.Lockr, f harness.File, b []byte) {
	t.Helper()
	r := l.Download(t, f.ID, "").Want(t, 200)
	if !bytes.Equal(r.Body, b) {
		t.Fatalf("%s reads as %d other bytes of %d", f.ID, len(r.Body), len(b))
	}
	equal(t, "size", f.Size, int64(len(b)))
	equal(t, "sha256", f.SHA256, sha256Hex(b))
}

func sessionRules() []rule {
	return []rule{
		{says: "a session gives id, URLs, size, region and an expiry in seven days", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "white paper.pdf", 9, "type", "application/pdf")
			if !strings.HasPrefix(s.UploadURL, g.w.URL+"/api/v1/upload/session/") || !strings.Contains(s.DownloadURL, "/api/v1/download/"+s.ID) || *s.Size != 9 || s.Region != "us-central1" {
				t.Errorf("%+v", s)
			}
			if d := time.Until(s.ExpiresAt); d < 7*24*time.Hour-time.Hour || d > 7*24*time.Hour+time.Minute {
				t.Errorf("expires in %v", d)
			}
			if parts := strings.SplitN(s.ID, "_", 3); len(parts) != 3 || parts[0] != "us-central1" || strings.ContainsAny(s.ID, " /?#%") {
				t.Errorf("id %q", s.ID)
			}
			l.Download(t, s.ID, "").Refuses(t, 404, "")
			f := harness.Guest(t, g.w).Call(t, "PUT", s.UploadURL, nine, "Content-Type", "application/pdf").Want(t, 201).File(t)
			equal(t, "id", f.ID, s.ID)
			equal(t, "type", f.Type, "application/pdf")
			equal(t, "name", f.Name, "white paper.pdf")
			downloads(t, l, f, []byte(nine))
		}},
		{says: "partial PUTs answer 308 with what is durable, the last one 201", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 2_000_001)
			s := l.Session(t, "parts", len(b))
			equal(t, "nothing yet", l.Query(t, s, int64(len(b))).Stored(t), 0)
			off := int64(0)
			for _, n := range []int{1, 524_288, 99_999} {
				r := l.Chunk(t, s, off, b[off:off+int64(n)], int64(len(b)))
				off += int64(n)
				equal(t, "stored", r.Stored(t), off)
				equal(t, "the 308's body", len(r.Body), 0)
				equal(t, "asked", l.Query(t, s, int64(len(b))).Stored(t), off)
			}
			f := l.Chunk(t, s, off, b[off:], int64(len(b))).Want(t, 201).File(t)
			downloads(t, l, f, b)
		}},
		{says: "the finished answer repeats, to the query and to the last chunk", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "again", 9)
			f := l.Chunk(t, s, 0, []byte(nine), 9).Want(t, 201).File(t)
			for _, r := range []harness.Response{l.Query(t, s, 9), l.Query(t, s, -1), l.Chunk(t, s, 0, []byte(nine), 9), l.Chunk(t, s, 5, []byte(nine[5:]), 9)} {
				equal(t, "id", r.Want(t, 201).File(t).ID, f.ID)
			}
			l.Call(t, "DELETE", s.UploadURL, nil).Refuses(t, 409, "")
			downloads(t, l, f, []byte(nine))
		}},
		{says: "the total may be * until the last chunk, or until a query names it", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 300_000)
			s := l.Session(t, "stream", nil)
			l.Chunk(t, s, 0, b[:100_000], -1).Want(t, 308)
			l.Chunk(t, s, 100_000, b[100_000:200_000], -1).Want(t, 308)
			downloads(t, l, l.Chunk(t, s, 200_000, b[200_000:], int64(len(b))).Want(t, 201).File(t), b)
			s = l.Session(t, "stream", nil)
			l.Chunk(t, s, 0, b, -1).Want(t, 308)
			downloads(t, l, l.Query(t, s, int64(len(b))).Want(t, 201).File(t), b)
		}},
		{says: "a body of unknown length ends the object", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 200_000)
			s := l.Session(t, "chunked", nil)
			downloads(t, l, l.Call(t, "PUT", s.UploadURL, unsized(b)).Want(t, 201).File(t), b)
		}},
		{says: "overlaps are skipped, whatever they say", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 100_000)
			s := l.Session(t, "overlap", len(b))
			l.Chunk(t, s, 0, b[:60_000], 100_000).Want(t, 308)
			equal(t, "wholly old", l.Chunk(t, s, 0, bytes.Repeat([]byte("x"), 30_000), 100_000).Stored(t), 60_000)
			downloads(t, l, l.Chunk(t, s, 50_000, append(bytes.Repeat([]byte("x"), 10_000), b[60_000:]...), 100_000).Want(t, 201).File(t), b)
		}},
		{says: "a gap writes nothing and answers where the bytes end", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 100_000)
			s := l.Session(t, "gap", len(b))
			equal(t, "at once", l.Chunk(t, s, 1, b[1:], 100_000).Stored(t), 0)
			l.Chunk(t, s, 0, b[:10], 100_000).Want(t, 308)
			equal(t, "later", l.Chunk(t, s, 11, b[11:], 100_000).Stored(t), 10)
			downloads(t, l, l.Chunk(t, s, 10, b[10:], 100_000).Want(t, 201).File(t), b)
		}},
		{says: "more than the size is 413, another total 400, nonsense 400; nothing is harmed", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "strict", 9)
			l.Chunk(t, s, 0, []byte(nine[:4]), 9).Want(t, 308)
			l.Call(t, "PUT", s.UploadURL, nine+"x").Refuses(t, 413, "")
			l.Chunk(t, s, 4, []byte(nine[4:]+"x"), -1).Refuses(t, 413, "")
			l.Chunk(t, s, 4, []byte(nine[4:]), 10).Refuses(t, 400, "")
			l.Query(t, s, 10).Refuses(t, 400, "")
			for _, h := range []string{"bytes", "bytes 4-8", "bytes 8-4/9", "bytes -4/9", "items 0-1/9", "bytes 0-1/x", "bytes 0-99999999999999999999/9", "bytes 4-8/9, 4-8/9", "bytes */-1", "bytes 4-6/9"} {
				l.Call(t, "PUT", s.UploadURL, nine[4:], "Content-Range", h).Refuses(t, 400, "")
			}
			equal(t, "stored", l.Query(t, s, 9).Stored(t), 4)
			downloads(t, l, l.Chunk(t, s, 4, []byte(nine[4:]), 9).Want(t, 201).File(t), []byte(nine))
		}},
		{says: "a connection that breaks keeps what arrived", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 3<<20)
			s := l.Session(t, "broken", len(b))
			anonymous := harness.Guest(t, g.w)
			if r, err := anonymous.Try(t.Context(), "PUT", s.UploadURL, harness.Cut(bytes.NewReader(b), 2<<20), "Content-Range", harness.ContentRange(0, len(b), int64(len(b))), "Content-Length", fmt.Sprint(len(b))); err == nil {
				t.Fatalf("an answer: %d", r.Status)
			}
			var off int64
			eventually(t, "what arrived", func() bool {
				r := l.Query(t, s, int64(len(b)))
				if r.Status == 409 {
					return false
				}
				off = r.Stored(t)
				return off > 0
			})
			if off > 2<<20 {
				t.Fatalf("%d bytes are said to be there", off)
			}
			var rest harness.Response
			eventually(t, "the broken writer's turn is over", func() bool {
				rest = l.Chunk(t, s, off, b[off:], int64(len(b)))
				return rest.Status != 409
			})
			downloads(t, l, rest.Want(t, 201).File(t), b)
		}},
		{says: "DELETE cancels: 204, then 410 for everything", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "cancel", 9)
			l.Chunk(t, s, 0, []byte(nine[:4]), 9).Want(t, 308)
			l.Call(t, "DELETE", s.UploadURL, nil).Want(t, 204)
			l.Query(t, s, 9).Refuses(t, 410, "")
			l.Chunk(t, s, 4, []byte(nine[4:]), 9).Refuses(t, 410, "")
			l.Download(t, s.ID, "").Refuses(t, 404, "")
			l.Call(t, "PUT", g.w.URL+"/api/v1/upload/session/"+strings.Repeat("A", 43), nine).Refuses(t, 410, "")
			l.Call(t, "PUT", g.w.URL+"/api/v1/upload/session/short", nine)
			eventually(t, "its space is given back", func() bool {
				var me struct{ Used int64 }
				l.Call(t, "GET", "/api/v1/account", nil).Want(t, 200).JSON(t, &me)
				return me.Used == 0
			})
		}},
		{says: "an expired session is 410", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			s := l.Session(t, "late", 9)
			l.Chunk(t, s, 0, []byte(nine[:4]), 9).Want(t, 308)
			eventually(t, "the expiry", func() bool { return l.Query(t, s, 9).Status == 410 })
		}},
		{says: "of two clients one writes, the other gets 409 session_busy", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 1<<20)
			s := l.Session(t, "two", len(b))
			r, w := io.Pipe()
			done := make(chan harness.Response, 1)
			go func() {
				got, _ := harness.Guest(t, g.w).Try(t.Context(), "PUT", s.UploadURL, r, "Expect", "100-continue", "Content-Range", harness.ContentRange(0, len(b), int64(len(b))), "Content-Length", fmt.Sprint(len(b)))
				done <- got
			}()
			if _, err := w.Write(b[:100_000]); err != nil {
				t.Fatal(err)
			}
			var busy harness.Response
			eventually(t, "the writer has it", func() bool {
				busy = l.Chunk(t, s, 0, b[:10], int64(len(b)))
				return busy.Status == 409
			})
			busy.Refuses(t, 409, "session_busy")
			if busy.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if _, err := w.Write(b[100_000:]); err != nil {
				t.Fatal(err)
			}
			w.Close()
			(<-done).Want(t, 201)
		}},
		{says: "X-GUploader-No-308: 200 with X-Http-Status-Code-Override instead", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "google", 9)
			r := l.Call(t, "PUT", s.UploadURL, nine[:4], "Content-Range", "bytes 0-3/9", "X-GUploader-No-308", "yes").Want(t, 200)
			equal(t, "override", r.Header.Get("X-Http-Status-Code-Override"), "308")
			equal(t, "range", r.Header.Get("Range"), "bytes=0-3")
		}},
		{says: "an empty file", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "empty", 0)
			downloads(t, l, l.Call(t, "PUT", s.UploadURL, "").Want(t, 201).File(t), nil)
			s = l.Session(t, "empty", 0)
			downloads(t, l, l.Query(t, s, 0).Want(t, 201).File(t), nil)
		}},
		{says: "bad sessions are refused: 400, 403 for a guest's key, 413 before quota", check: func(t *testing.T, g *ground) {
			l, guest := lockr(t, g.tight), harness.Guest(t, g.tight)
			for _, bad := range []any{
				object{}, object{"name": ""}, object{"name": 1, "size": 1}, object{"name": "x", "size": -1}, object{"name": "x", "size": 1.5}, object{"name": "x", "size": "9"},
				object{"name": "x", "size": 1, "keyHash": "zz"}, object{"name": "x", "size": 1, "type": "a\nb"}, `{"name":"x"`, `[]`, "",
			} {
				l.Call(t, "POST", "/api/v1/upload/session", bad, "Content-Type", "application/json").Refuses(t, 400, "")
			}
			guest.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": 1, "key": "phrase"}).Refuses(t, 403, "")
			guest.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": tightGuest + 1}).Refuses(t, 413, "")
			guest.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": tightGuest}).Want(t, 201)
			l.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": tightObject + 1}).Refuses(t, 413, "")
			l.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": int64(1) << 60}).Refuses(t, 413, "")
			r := l.Call(t, "POST", "/api/v1/upload/session", object{"name": "x", "size": 1}, "x-upload-region", "mars").Refuses(t, 400, "")
			if !strings.Contains(string(r.Body), "us-central1") || !strings.Contains(string(r.Body), "eu-west1") {
				t.Errorf("the known regions are not named: %s", r.Body)
			}
		}},
		{says: "the region is in the id and in the listing", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			f := l.Upload(t, "a", nine, "x-upload-region", "eu-west1")
			if f.Region != "eu-west1" || !strings.HasPrefix(f.ID, "eu-west1_") {
				t.Errorf("%+v", f)
			}
			downloads(t, l, f, []byte(nine))
		}},
		{says: "two uploads that together exceed the quota: exactly one commits", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			l.Upload(t, "half", randomBytes(t, tightObject))
			big := tightObject - 1000
			b := [][]byte{randomBytes(t, big), randomBytes(t, big)}
			var answers [2]harness.Response
			parallel(t, 2, func(i int) {
				answers[i] = l.Call(t, "POST", "/api/v1/upload", unsized(b[i]), "x-file-name", fmt.Sprint(i))
			})
			if a, z := answers[0].Status, answers[1].Status; a+z != 201+403 {
				t.Fatalf("%d %s, %d %s", a, answers[0].Body, z, answers[1].Body)
			}
			for _, r := range answers {
				if r.Status != 201 {
					r.Refuses(t, 403, "quota_exceeded")
				}
			}
		}},
		{says: "two sessions that together exceed the quota: one writes, the other is told at once and goes on when there is room", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			kept := l.Upload(t, "kept", randomBytes(t, tightObject))
			big := tightObject - 1000
			b := randomBytes(t, big)
			one, two := l.Session(t, "one", big), l.Session(t, "two", big)
			r, w := io.Pipe()
			done := make(chan harness.Response, 1)
			go func() {
				got, _ := harness.Guest(t, g.tight).Try(t.Context(), "PUT", one.UploadURL, r, "Expect", "100-continue", "Content-Range", harness.ContentRange(0, big, int64(big)), "Content-Length", fmt.Sprint(big))
				done <- got
			}()
			if _, err := w.Write(b[:1000]); err != nil { // it is asked for when the session is taken
				t.Fatal(err)
			}
			l.Chunk(t, two, 0, b[:1], int64(big)).Refuses(t, 403, "quota_exceeded")
			equal(t, "stored of the refused one", l.Query(t, two, int64(big)).Stored(t), 0)
			if _, err := w.Write(b[1000:]); err != nil {
				t.Fatal(err)
			}
			w.Close()
			downloads(t, l, (<-done).Want(t, 201).File(t), b)
			l.Chunk(t, two, 0, b, int64(big)).Refuses(t, 403, "quota_exceeded")
			l.Call(t, "DELETE", "/api/v1/files/"+kept.ID, nil).Want(t, 200)
			var last harness.Response
			eventually(t, "there is room", func() bool {
				if last = l.Chunk(t, two, 0, b, int64(big)); last.Status == 410 { // sessions are short here, and this machine slow
					two = l.Session(t, "three", big)
					return false
				}
				return last.Status != 403
			})
			downloads(t, l, last.Want(t, 201).File(t), b)
		}},
		{says: "cut at random, resumed at random: the bytes are the same", check: func(t *testing.T, g *ground) {
			l, b := lockr(t, g.w), randomBytes(t, 20<<20)
			rnd := rand.New(rand.NewPCG(4, 2))
			s := l.Session(t, "random", len(b))
			anonymous := harness.Guest(t, g.w)
			for cuts := 0; ; {
				var off int64
				var done *harness.Response
				eventually(t, "the state", func() bool {
					r := l.Query(t, s, int64(len(b)))
					switch r.Status {
					case 201:
						done = &r
					case 308:
						off = r.Stored(t)
					default:
						return false
					}
					return true
				})
				if done != nil {
					downloads(t, l, done.File(t), b)
					return
				}
				rest := b[off:]
				body, total := io.Reader(bytes.NewReader(rest)), fmt.Sprint(len(rest))
				if cuts < 12 {
					cuts++
					body = harness.Cut(body, rnd.Int64N(4<<20))
				}
				_, _ = anonymous.Try(t.Context(), "PUT", s.UploadURL, body, "Content-Range", harness.ContentRange(off, len(rest), int64(len(b))), "Content-Length", total)
			}
		}},
	}
}

// tus sends a request of tus 1.0.0.
func tus(t *testing.T, l *harness.Lockr, method, path string, body any, headers ...string) harness.Response {
	t.Helper()
	return l.Call(t, method, path, body, append([]string{"Tus-Resumable", "1.0.0"}, headers...)...)
}

func tusRules() []rule {
	meta := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	create := func(t *testing.T, l *harness.Lockr, headers ...string) string {
		t.Helper()
		r := tus(t, l, "POST", "/api/v1/upload/tus", nil, headers...).Want(t, 201)
		return r.Header.Get("Location")
	}
	patch := func(t *testing.T, l *harness.Lockr, url string, off int, body string, headers ...string) harness.Response {
		t.Helper()
		return tus(t, l, "PATCH", url, body, append([]string{"Upload-Offset", fmt.Sprint(off), "Content-Type", "application/offset+octet-stream"}, headers...)...)
	}
	return []rule{
		{says: "OPTIONS tells version and extensions", check: func(t *testing.T, g *ground) {
			r := harness.Guest(t, g.w).Call(t, "OPTIONS", "/api/v1/upload/tus", nil)
			equal(t, "status", r.Status, 204)
			equal(t, "version", r.Header.Get("Tus-Version"), "1.0.0")
			for _, x := range []string{"creation", "termination", "checksum", "expiration"} {
				if !strings.Contains(r.Header.Get("Tus-Extension"), x) {
					t.Errorf("%q lacks %s", r.Header.Get("Tus-Extension"), x)
				}
			}
		}},
		{says: "create, patch, ask, patch: a file", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			url := create(t, l, "Upload-Length", "9", "Upload-Metadata", "filename "+meta("näme.txt")+",filetype "+meta("text/plain")+",empty")
			anonymous := harness.Guest(t, g.w)
			r := patch(t, anonymous, url, 0, nine[:4]).Want(t, 204)
			equal(t, "offset", r.Header.Get("Upload-Offset"), "4")
			equal(t, "resumable", r.Header.Get("Tus-Resumable"), "1.0.0")
			h := tus(t, anonymous, "HEAD", url, nil)
			if h.Status != 200 && h.Status != 204 {
				t.Fatalf("HEAD: %d", h.Status)
			}
			equal(t, "offset", h.Header.Get("Upload-Offset"), "4")
			equal(t, "length", h.Header.Get("Upload-Length"), "9")
			equal(t, "cache", h.Header.Get("Cache-Control"), "no-store")
			if _, err := http.ParseTime(h.Header.Get("Upload-Expires")); err != nil && r.Header.Get("Upload-Expires") == "" {
				t.Errorf("Upload-Expires: %v", err)
			}
			patch(t, anonymous, url, 4, nine[4:]).Want(t, 204)
			var list struct{ Files []harness.File }
			l.Call(t, "GET", "/api/v1/files", nil).Want(t, 200).JSON(t, &list)
			if len(list.Files) != 1 || list.Files[0].Name != "näme.txt" || list.Files[0].Type != "text/plain" {
				t.Fatalf("%+v", list)
			}
			downloads(t, l, list.Files[0], []byte(nine))
		}},
		{says: "a wrong offset is 409, a wrong type 415, an unknown version 412; nothing is harmed", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			url := create(t, l, "Upload-Length", "9")
			patch(t, l, url, 5, "x").Want(t, 409)
			tus(t, l, "PATCH", url, "x", "Upload-Offset", "0", "Content-Type", "text/plain").Want(t, 415)
			r := l.Call(t, "PATCH", url, "x", "Tus-Resumable", "0.2.2", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream").Want(t, 412)
			equal(t, "Tus-Version", r.Header.Get("Tus-Version"), "1.0.0")
			equal(t, "offset", tus(t, l, "HEAD", url, nil).Header.Get("Upload-Offset"), "0")
			patch(t, l, url, 0, nine).Want(t, 204)
		}},
		{says: "a bad checksum is 460 and the chunk is discarded", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			url := create(t, l, "Upload-Length", "9")
			sum := sha256.Sum256([]byte(nine[:4]))
			good := "sha256 " + base64.StdEncoding.EncodeToString(sum[:])
			patch(t, l, url, 0, "nope", "Upload-Checksum", good).Want(t, 460)
			equal(t, "offset", tus(t, l, "HEAD", url, nil).Header.Get("Upload-Offset"), "0")
			patch(t, l, url, 0, nine[:4], "Upload-Checksum", good).Want(t, 204)
			patch(t, l, url, 4, nine[4:], "Upload-Checksum", "rot13 eA==").Want(t, 400)
			patch(t, l, url, 4, nine[4:]).Want(t, 204)
		}},
		{says: "termination: DELETE is 204, then the upload is gone", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			url := create(t, l, "Upload-Length", "9")
			tus(t, l, "DELETE", url, nil).Want(t, 204)
			if r := tus(t, l, "HEAD", url, nil); r.Status != 404 && r.Status != 410 {
				t.Errorf("HEAD: %d", r.Status)
			}
		}},
		{says: "deferred length, method override, an empty upload", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			url := create(t, l, "Upload-Defer-Length", "1")
			equal(t, "deferred", tus(t, l, "HEAD", url, nil).Header.Get("Upload-Defer-Length"), "1")
			tus(t, l, "POST", url, nine[:4], "X-HTTP-Method-Override", "PATCH", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream").Want(t, 204)
			patch(t, l, url, 4, nine[4:], "Upload-Length", "9").Want(t, 204)
			create(t, l, "Upload-Length", "0", "Upload-Metadata", "filename "+meta("empty"))
			var list struct{ Files []harness.File }
			l.Call(t, "GET", "/api/v1/files", nil).Want(t, 200).JSON(t, &list)
			equal(t, "files", len(list.Files), 2)
		}},
		{says: "creation: too large is 413, no length or bad metadata 400", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.tight)
			tus(t, l, "POST", "/api/v1/upload/tus", nil, "Upload-Length", fmt.Sprint(tightObject+1)).Want(t, 413)
			for _, h := range [][]string{{}, {"Upload-Length", "-1"}, {"Upload-Length", "x"}, {"Upload-Length", "1", "Upload-Defer-Length", "1"}, {"Upload-Defer-Length", "2"}, {"Upload-Length", "1", "Upload-Metadata", "filename !"}} {
				tus(t, l, "POST", "/api/v1/upload/tus", nil, h...).Want(t, 400)
			}
		}},
		{says: "one session speaks both protocols", check: func(t *testing.T, g *ground) {
			l := lockr(t, g.w)
			s := l.Session(t, "both", 9)
			l.Chunk(t, s, 0, []byte(nine[:2]), 9).Want(t, 308)
			patch(t, l, s.UploadURL, 2, nine[2:5]).Want(t, 204)
			downloads(t, l, l.Chunk(t, s, 5, []byte(nine[5:]), 9).Want(t, 201).File(t), []byte(nine))
		}},
	}
}
