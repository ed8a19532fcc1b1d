package lockr_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func b64(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }

// tusOpen makes an upload by tus and gives its path.
func tusOpen(t *testing.T, w *edgetest.World, h http.Header) (string, edgetest.Response) {
	t.Helper()
	h.Set("Tus-Resumable", "1.0.0")
	r := w.Want(t, 201, http.MethodPost, api+"/upload/tus", "", h)
	if !strings.HasPrefix(r.Header.Get("Location"), w.URL+api+"/upload/session/") || r.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Fatalf("%v", r.Header)
	}
	return path(w, r.Header.Get("Location")), r
}

func tusPatch(t *testing.T, w *edgetest.World, path string, offset int, body string, pairs ...string) edgetest.Response {
	t.Helper()
	h := guest(append([]string{"Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(offset), "Content-Type", "application/offset+octet-stream"}, pairs...)...)
	return w.Do(t, http.MethodPatch, path, body, h)
}

func tusHead(t *testing.T, w *edgetest.World, path string) edgetest.Response {
	t.Helper()
	return w.Do(t, http.MethodHead, path, "", guest("Tus-Resumable", "1.0.0"))
}

// at fails the test unless an answer has that status and offset.
func at(t *testing.T, r edgetest.Response, status, offset int) {
	t.Helper()
	if r.Status != status || r.Header.Get("Upload-Offset") != fmt.Sprint(offset) || r.Header.Get("Tus-Resumable") != "1.0.0" || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v, want %d at %d: %s", r.Status, r.Header, status, offset, r.Body)
	}
}

func TestTus_Upload(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	meta := "filename " + b64("näme.txt") + ",filetype " + b64("text/plain") + ",empty"
	p, r := tusOpen(t, w, ada(w, "Upload-Length", "9", "Upload-Metadata", meta+", key "+b64("phrase")))
	for _, r := range []edgetest.Response{r, tusHead(t, w, p), tusPatch(t, w, p, 0, nine[:4])} {
		if e, err := http.ParseTime(r.Header.Get("Upload-Expires")); err != nil || time.Until(e) < time.Hour {
			t.Errorf("Upload-Expires %v %q", err, r.Header.Get("Upload-Expires"))
		}
	}
	r = tusHead(t, w, p)
	at(t, r, 200, 4)
	if r.Header.Get("Upload-Length") != "9" || r.Header.Get("Upload-Metadata") != meta || r.Header.Get("Upload-Defer-Length") != "" {
		t.Errorf("%v", r.Header)
	}
	at(t, tusPatch(t, w, p, 4, ""), 204, 4)
	at(t, tusPatch(t, w, p, 4, nine[4:]), 204, 9)
	at(t, tusPatch(t, w, p, 9, ""), 204, 9)
	at(t, tusHead(t, w, p), 200, 9)
	if r := tusPatch(t, w, p, 9, "x"); r.Status != 413 {
		t.Errorf("behind the end: %d %s", r.Status, r.Body)
	}
	r = w.Do(t, http.MethodPut, p, "", guest("Content-Range", "bytes */9"))
	var f file
	if read(t, r, &f); f.Name != "näme.txt" || f.Type != "text/plain" || !f.HasKey {
		t.Errorf("%s", r.Body)
	}
}

func TestTus_Refusals(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	p, _ := tusOpen(t, w, ada(w, "Upload-Length", "9"))
	at(t, tusPatch(t, w, p, 0, nine[:4]), 204, 4)
	tus := []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "4", "Content-Type", "application/offset+octet-stream"}
	with := func(pairs ...string) http.Header {
		h := guest(tus...)
		for i := 0; i < len(pairs); i += 2 {
			if h.Del(pairs[i]); pairs[i+1] != "" {
				h.Set(pairs[i], pairs[i+1])
			}
		}
		return h
	}
	for _, c := range []struct {
		h      http.Header
		body   string
		status int
	}{
		{with("Upload-Offset", "5"), "x", 409}, {with("Upload-Offset", "3"), "x", 409}, {with("Upload-Offset", "0"), "", 409},
		{with("Upload-Offset", ""), "x", 400}, {with("Upload-Offset", "-4"), "x", 400}, {with("Upload-Offset", "4.0"), "x", 400}, {with("Upload-Offset", "99999999999999999999"), "x", 400},
		{with("Content-Type", "text/plain"), "x", 415}, {with("Content-Type", ""), "x", 415},
		{with("Tus-Resumable", ""), "x", 412}, {with("Tus-Resumable", "0.2.2"), "x", 412}, {with("Tus-Resumable", "1.0.0, 1.0.0"), "x", 412},
		{with("Upload-Length", "10"), "x", 400}, {with("Upload-Length", "x"), "x", 400}, {with(), "567890", 413},
		{with("Upload-Checksum", "rot13 eA=="), "x", 400}, {with("Upload-Checksum", "sha1"), "x", 400}, {with("Upload-Checksum", "sha1 !"), "x", 400}, {with("Upload-Checksum", "sha1 eA=="), "x", 400},
	} {
		r := w.Do(t, http.MethodPatch, p, c.body, c.h)
		if r.Status != c.status || r.Code() == "" || r.Header.Get("Tus-Resumable") != "1.0.0" || r.Status == 412 && r.Header.Get("Tus-Version") != "1.0.0" || r.Header.Get("Upload-Offset") != "" {
			t.Errorf("%v: %d %v %s", c.h, r.Status, r.Header, r.Body)
		}
	}
	if r := w.Do(t, http.MethodPut, p, "x", with()); r.Status != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("PUT by tus: %d %s", r.Status, r.Body)
	}
	at(t, tusHead(t, w, p), 200, 4)
	if r := w.Do(t, http.MethodHead, p, "", guest("Tus-Resumable", "0.2.2")); r.Status != 412 || r.Header.Get("Upload-Offset") != "" {
		t.Errorf("HEAD of another version: %d %v", r.Status, r.Header)
	}
	if r := w.Do(t, http.MethodHead, p, "", guest("X-HTTP-Method-Override", "DELETE")); r.Status != 400 {
		t.Errorf("HEAD that would delete: %d", r.Status)
	}
	at(t, w.Do(t, http.MethodPost, p, nine[4:], with("X-HTTP-Method-Override", "patch")), 204, 9)
}

func TestTus_Creation(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, c := range []struct {
		pairs  []string
		status int
	}{
		{nil, 400}, {[]string{"Upload-Length", "-1"}, 400}, {[]string{"Upload-Length", "x"}, 400}, {[]string{"Upload-Length", ""}, 400}, {[]string{"Upload-Length", "1", "Upload-Defer-Length", "1"}, 400},
		{[]string{"Upload-Defer-Length", "2"}, 400}, {[]string{"Upload-Length", "200000000000"}, 413}, {[]string{"Upload-Length", "1", "Upload-Concat", "partial"}, 400},
		{[]string{"Upload-Length", "1", "Upload-Metadata", "filename !"}, 400}, {[]string{"Upload-Length", "1", "Upload-Metadata", "a,a"}, 400}, {[]string{"Upload-Length", "1", "Upload-Metadata", "a," + b64("\xff")}, 201},
		{[]string{"Upload-Length", "1", "Upload-Metadata", "filename " + b64("\xff")}, 400}, {[]string{"Upload-Length", "1", "Upload-Metadata", "filetype " + b64("a\nb")}, 400},
		{[]string{"Upload-Length", "1", "Upload-Metadata", "a " + strings.Repeat("A", 8<<10)}, 400}, {[]string{"Upload-Length", "1", "X-Upload-Region", "mars"}, 400}, {[]string{"Upload-Length", "1", "Tus-Resumable", "2"}, 412}, {[]string{"Upload-Length", "1"}, 201},
	} {
		h := ada(w, "Tus-Resumable", "1.0.0")
		for i := 0; i < len(c.pairs); i += 2 {
			h.Set(c.pairs[i], c.pairs[i+1])
		}
		if r := w.Do(t, http.MethodPost, api+"/upload/tus", "", h); r.Status != c.status || r.Header.Get("Tus-Resumable") != "1.0.0" {
			t.Errorf("%v: %d %v %s", c.pairs, r.Status, r.Header, r.Body)
		}
	}
	if r := w.Do(t, http.MethodPost, api+"/upload/tus", "", guest("Upload-Length", "1")); r.Status != 412 {
		t.Errorf("without a version: %d %s", r.Status, r.Body)
	}
	tusOpen(t, w, guest("Upload-Length", "1"))
	tusOpen(t, w, header("Authorization", basic("ada", "right"), "Upload-Length", "1"))
	refused(t, w.Do(t, http.MethodPost, api+"/upload/tus", "", header("Authorization", basic("ada", "wrong"), "Tus-Resumable", "1.0.0", "Upload-Length", "1")), 401, "unauthorized")
	refused(t, w.Do(t, http.MethodPost, api+"/upload/tus", "", guest("Tus-Resumable", "1.0.0", "Upload-Length", "1", "Upload-Metadata", "key "+b64("phrase"))), 403, "guest_key")

	// An empty upload is complete at once.
	p, r := tusOpen(t, w, ada(w, "Upload-Length", "0"))
	if r.Header.Get("Upload-Expires") != "" {
		t.Errorf("%v", r.Header)
	}
	at(t, tusHead(t, w, p), 200, 0)
	done(t, w, w.Do(t, http.MethodPut, p, "", guest("Content-Range", "bytes */0")), "")
}

func TestTus_CreationWithBytes(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	sum := sha256.Sum256([]byte(nine))
	for _, c := range []struct {
		body           string
		pairs          []string
		status, offset int
	}{
		{nine, []string{"Upload-Length", "9"}, 201, 9}, {nine[:4], []string{"Upload-Length", "9"}, 201, 4}, {nine[:4], []string{"Upload-Defer-Length", "1"}, 201, 4}, {"", []string{"Upload-Length", "0"}, 201, 0},
		{nine, []string{"Upload-Length", "9", "Upload-Checksum", "sha256 " + b64(string(sum[:]))}, 201, 9},
		{nine, []string{"Upload-Length", "8"}, 413, 0}, {nine[:8], []string{"Upload-Length", "9", "Upload-Checksum", "sha256 " + b64(string(sum[:]))}, 460, 0},
	} {
		r := w.Do(t, http.MethodPost, api+"/upload/tus", c.body, ada(w, append(c.pairs, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream")...))
		if r.Status != c.status || r.Status == 201 && r.Header.Get("Upload-Offset") != fmt.Sprint(c.offset) {
			t.Errorf("%q %v: %d %v %s", c.body, c.pairs, r.Status, r.Header, r.Body)
		}
		if r.Status == 201 {
			at(t, tusHead(t, w, path(w, r.Header.Get("Location"))), 200, c.offset)
		}
	}
}

func TestTus_DeferredLength(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for name, last := range map[string]func(p string){
		"with the last bytes": func(p string) { at(t, tusPatch(t, w, p, 4, nine[4:], "Upload-Length", "9"), 204, 9) },
		"before them":         func(p string) { tusPatch(t, w, p, 4, nine[4:6], "Upload-Length", "9"); tusPatch(t, w, p, 6, nine[6:]) },
		"after them": func(p string) {
			tusPatch(t, w, p, 4, nine[4:])
			at(t, tusPatch(t, w, p, 9, "", "Upload-Length", "9"), 204, 9)
		},
	} {
		p, _ := tusOpen(t, w, ada(w, "Upload-Defer-Length", "1"))
		at(t, tusPatch(t, w, p, 0, nine[:4]), 204, 4)
		if r := tusHead(t, w, p); r.Header.Get("Upload-Defer-Length") != "1" || r.Header.Get("Upload-Length") != "" {
			t.Errorf("%s: %v", name, r.Header)
		}
		last(p)
		if r := tusHead(t, w, p); r.Header.Get("Upload-Length") != "9" || r.Header.Get("Upload-Defer-Length") != "" {
			t.Errorf("%s: %v", name, r.Header)
		}
		done(t, w, w.Do(t, http.MethodPut, p, "", guest("Content-Range", "bytes */9")), nine)
	}
}

func TestTus_Checksum(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	one, two, three := sha1.Sum([]byte(nine)), sha256.Sum256([]byte(nine)), md5.Sum([]byte(nine))
	for alg, sum := range map[string]string{
		"sha1": string(one[:]), "sha256": string(two[:]), "md5": string(three[:]),
		"crc32": string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(nine)))),
	} {
		p, _ := tusOpen(t, w, ada(w, "Upload-Length", "18"))
		if r := tusPatch(t, w, p, 0, "12345678X", "Upload-Checksum", alg+" "+b64(sum)); r.Status != 460 || r.Code() != "checksum_mismatch" {
			t.Errorf("%s: %d %s", alg, r.Status, r.Body)
		}
		at(t, tusHead(t, w, p), 200, 0)
		at(t, tusPatch(t, w, p, 0, nine, "Upload-Checksum", alg+" "+b64(sum)), 204, 9)
		if r := tusPatch(t, w, p, 9, nine[:8], "Upload-Checksum", alg+" "+b64(sum)); r.Status != 460 {
			t.Errorf("%s: %d %s", alg, r.Status, r.Body)
		}
		at(t, tusPatch(t, w, p, 9, nine, "Upload-Checksum", alg+" "+b64(sum)), 204, 18)
		done(t, w, w.Do(t, http.MethodPut, p, "", guest("Content-Range", "bytes */18")), nine+nine)
	}
}

// A break keeps what arrived, but for a chunk whose checksum nobody could check.
func TestTus_Breaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	sum := sha256.Sum256([]byte(nine))
	for checksum, kept := range map[string]int{"": 4, "sha256 " + b64(string(sum[:])): 0} {
		p, _ := tusOpen(t, w, ada(w, "Upload-Length", "9"))
		s := w.Stream(t, http.MethodPatch, p, 9, guest("Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream", "Upload-Checksum", checksum))
		s.Write(t, nine[:4])
		edgetest.Eventually(t, w.Object.Leased)
		s.Cut()
		edgetest.Eventually(t, func() bool { return !w.Object.Leased() })
		at(t, tusHead(t, w, p), 200, kept)
	}
}

func TestTus_Termination(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	p, _ := tusOpen(t, w, ada(w, "Upload-Length", "9"))
	r := w.Do(t, http.MethodDelete, p, "", guest("Tus-Resumable", "1.0.0"))
	if r.Status != 204 || r.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	if r := tusHead(t, w, p); r.Status != 410 || r.Header.Get("Upload-Offset") != "" || r.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
}

// Any page may use a session whose URL it has, and ask before what it may.
func TestSession_OtherOrigins(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a","size":9}`)
	for _, p := range []string{s.path, api + "/upload/tus", api + "/upload/session/nonsense"} {
		r := w.Do(t, http.MethodOptions, p, "", guest("Origin", "https://elsewhere.test", "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "tus-resumable"))
		h := r.Header
		if r.Status != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Upload-Offset") ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Tus-Version") != "1.0.0" || h.Get("Tus-Checksum-Algorithm") != "sha1,sha256,md5,crc32" {
			t.Errorf("%s: %d %v", p, r.Status, h)
		}
		for _, x := range []string{"creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination"} {
			if !strings.Contains(","+h.Get("Tus-Extension")+",", ","+x+",") {
				t.Errorf("%q lacks %s", h.Get("Tus-Extension"), x)
			}
		}
	}
	for _, r := range []edgetest.Response{s.put(t, nine[:4], "bytes 0-3/9"), tusPatch(t, w, s.path, 4, nine[4:6]), tusHead(t, w, s.path), s.put(t, nine[6:], "bytes 6-8/9"), s.put(t, "", "nonsense")} {
		if r.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Upload-Offset") || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Range") {
			t.Errorf("%d %v", r.Status, r.Header)
		}
	}
	// Nothing of that for the routes around it.
	if r := w.Do(t, http.MethodPost, api+"/upload/session", `{"name":"a"}`, ada(w, "Origin", "https://elsewhere.test")); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", r.Header)
	}
}

// The trail names whose session it was, and never the secret.
func TestSession_Audit(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a.txt","size":9}`)
	r := s.put(t, nine[:4], "bytes 0-3/9", "X-Request-Id", "req-put")
	if rec := w.Audit.Of("req-put"); r.Status != 308 || len(rec) != 1 || rec[0].AccountID != "acc-ada" || rec[0].Action != "PutSession" || rec[0].Key != "a.txt" || rec[0].Bucket != "drive" || rec[0].Result != "ok" {
		b, _ := json.Marshal(rec)
		t.Errorf("%d %s", r.Status, b)
	}
	s.put(t, nine[4:], "bytes 4-8/9")
	if strings.Contains(w.Audit.Text(), s.secret()) {
		t.Error("a secret is in the trail")
	}
}
