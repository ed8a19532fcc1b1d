package lockr_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const nine = "123456789"

// opened is a session as a client sees it.
type opened struct {
	ID, UploadURL, DownloadURL, Region string
	Size                               *int64
	ExpiresAt                          time.Time
	w                                  *edgetest.World
	path                               string
}

func (s opened) secret() string { return s.path[strings.LastIndex(s.path, "/")+1:] }

// put sends bytes; an empty Content-Range is none.
func (s opened) put(t *testing.T, body, contentRange string, more ...string) edgetest.Response {
	t.Helper()
	h := guest(more...)
	if contentRange != "" {
		h.Set("Content-Range", contentRange)
	}
	return s.w.Do(t, http.MethodPut, s.path, body, h)
}

func open(t *testing.T, w *edgetest.World, body string) opened {
	t.Helper()
	r := w.Want(t, http.StatusCreated, http.MethodPost, "/api/v1/upload/session", body, ada(w))
	s := opened{w: w}
	if err := json.Unmarshal([]byte(r.Body), &s); err != nil {
		t.Fatal(err)
	}
	if s.path = strings.TrimPrefix(s.UploadURL, w.URL); s.path == s.UploadURL || r.Header.Get("Location") != s.UploadURL {
		t.Fatalf("uploadUrl %s, Location %s", s.UploadURL, r.Header.Get("Location"))
	}
	return s
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// says fails the test unless an answer is 308 with that many bytes.
func says(t *testing.T, r edgetest.Response, stored int) {
	t.Helper()
	want := ""
	if stored > 0 {
		want = fmt.Sprintf("bytes=0-%d", stored-1)
	}
	if got := strings.Join(r.Header["Range"], ";"); r.Status != 308 || got != want || r.Body != "" {
		t.Fatalf("%d, Range %q, want 308 with %q: %s", r.Status, got, want, r.Body)
	}
}

// done fails the test unless an answer is 201 with a file that reads as content.
func done(t *testing.T, w *edgetest.World, r edgetest.Response, content string) {
	t.Helper()
	var f struct {
		ID, DownloadURL, SHA256 string
		Size                    int64
	}
	if err := json.Unmarshal([]byte(r.Body), &f); err != nil || r.Status != 201 || f.Size != int64(len(content)) || f.SHA256 != sha256Hex(content) {
		t.Fatalf("%d %v %s", r.Status, err, r.Body)
	}
	got := w.Want(t, 200, http.MethodGet, strings.TrimPrefix(f.DownloadURL, w.URL), "", guest())
	if got.Body != content {
		t.Fatalf("the file reads as %d bytes %.40q", len(got.Body), got.Body)
	}
}

func TestCreateSession(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"dir/white paper.pdf","size":9,"type":"application/pdf","somethingNew":1}`)
	if *s.Size != 9 || s.Region == "" || !strings.HasPrefix(s.ID, s.Region+"_") || !strings.HasSuffix(s.ID, "_white-paper.pdf") || s.DownloadURL != w.URL+"/api/v1/download/"+s.ID || time.Until(s.ExpiresAt) < time.Hour {
		t.Errorf("%+v", s)
	}
	if len(s.secret()) != 43 {
		t.Errorf("secret %q", s.secret())
	}
	if s := open(t, w, `{"name":"x","size":null}`); s.Size != nil {
		t.Errorf("size %d of an unknown one", *s.Size)
	}
	for body, status := range map[string]int{
		`{}`: 400, `{"name":""}`: 400, `{"name":1,"size":1}`: 400, `{"name":"x","size":-1}`: 400, `{"name":"x","size":1.5}`: 400, `{"name":"x","size":"9"}`: 400,
		`{"name":"x","keyHash":"zz"}`: 400, `{"name":"x","type":"a\nb"}`: 400, `{"name":"x"`: 400, `[]`: 400, ``: 400, `{"name":"x","size":1e30}`: 400,
		`{"name":"x","size":200000000000}`: 413, `{"name":"x","size":9000000000000000000}`: 413, `{"name":"x","key":"a","keyHash":"` + sha256Hex("a") + `"}`: 400,
		`{"name":"x","size":0}`: 201, `{"name":"x","key":"a"}`: 201, `{"name":"x","keyHash":"` + sha256Hex("a") + `"}`: 201, `{"name":"x","key":null,"type":""}`: 201,
	} {
		if r := w.Do(t, http.MethodPost, "/api/v1/upload/session", body, ada(w)); r.Status != status {
			t.Errorf("%s: %d, want %d: %s", body, r.Status, status, r.Body)
		}
	}
	w.Want(t, 201, http.MethodPost, "/api/v1/upload/session", `{"name":"x"}`, guest())
	if r := w.Do(t, http.MethodPost, "/api/v1/upload/session", `{"name":"x","key":"a"}`, guest()); r.Status != 403 {
		t.Errorf("a guest's key: %d %s", r.Status, r.Body)
	}
	if r := w.Do(t, http.MethodPost, "/api/v1/upload/session", `{"name":"x","size":5000000001}`, guest()); r.Status != 413 {
		t.Errorf("a guest's size: %d %s", r.Status, r.Body)
	}
	if r := w.Do(t, http.MethodPost, "/api/v1/upload/session", `{"name":"x"}`, header("Authorization", "Bearer acct_nobody")); r.Status != 401 {
		t.Errorf("a bad token: %d %s", r.Status, r.Body)
	}
}

func TestSession_Pieces(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a.txt","size":9}`)
	says(t, s.put(t, "", "bytes */9"), 0)
	says(t, s.put(t, "", "bytes */*"), 0)
	says(t, s.put(t, nine[:4], "bytes 0-3/9"), 4)
	says(t, s.put(t, "", "bytes */9"), 4)
	says(t, s.put(t, nine[6:], "bytes 6-8/9"), 4) // a gap
	says(t, s.put(t, "xx", "bytes 1-2/*"), 4)     // wholly there
	says(t, s.put(t, "xx56", "bytes 2-5/9"), 6)   // overlaps
	says(t, s.put(t, "7", "BYTES  6-6/*"), 7)
	r := s.put(t, nine[7:], "bytes 7-8/*")
	done(t, w, r, nine)
	for _, again := range []edgetest.Response{s.put(t, "", "bytes */9"), s.put(t, "", "bytes */*"), s.put(t, nine[7:], "bytes 7-8/9"), s.put(t, nine, "")} {
		done(t, w, again, nine)
		if again.Body != r.Body {
			t.Errorf("the answer became %s", again.Body)
		}
	}
	if r := s.put(t, "", "bytes */10"); r.Status != 400 {
		t.Errorf("another total of what is finished: %d", r.Status)
	}
	if r := w.Do(t, http.MethodDelete, s.path, "", guest()); r.Status != 409 || r.Code() != "session_done" {
		t.Errorf("cancelling what is finished: %d %s", r.Status, r.Body)
	}
}

func TestSession_UnknownTotal(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for name, last := range map[string]func(s opened) edgetest.Response{
		"the last chunk names it": func(s opened) edgetest.Response { return s.put(t, nine[4:], "bytes 4-8/9") },
		"a question names it":     func(s opened) edgetest.Response { s.put(t, nine[4:], "bytes 4-8/*"); return s.put(t, "", "bytes */9") },
		"the whole body":          func(s opened) edgetest.Response { return s.put(t, nine, "") },
		"an empty question at last": func(s opened) edgetest.Response {
			s.put(t, nine[4:7], "bytes 4-6/9")
			return s.put(t, "89", "bytes 7-8/*")
		},
	} {
		s := open(t, w, `{"name":"a.txt"}`)
		says(t, s.put(t, nine[:4], "bytes 0-3/*"), 4)
		says(t, s.put(t, "", "bytes */*"), 4)
		says(t, s.put(t, "", "bytes */9"), 4)
		if r := s.put(t, "", "bytes */3"); r.Status != 400 || r.Code() != "size_mismatch" {
			t.Errorf("%s: less than there is: %d %s", name, r.Status, r.Body)
		}
		done(t, w, last(s), nine)
	}
	s := open(t, w, `{"name":"a"}`)
	if r := s.put(t, nine[:4], "bytes 0-3/9"); r.Status != 308 {
		t.Fatal(r)
	}
	if r := s.put(t, nine[4:], "bytes 4-8/10"); r.Status != 400 || r.Code() != "size_mismatch" {
		t.Errorf("a total that changes: %d %s", r.Status, r.Body)
	}
}

func TestSession_Empty(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, body := range []string{`{"name":"a","size":0}`, `{"name":"a"}`} {
		done(t, w, open(t, w, body).put(t, "", ""), "")
		done(t, w, open(t, w, body).put(t, "", "bytes */0"), "")
	}
	if r := open(t, w, `{"name":"a","size":9}`).put(t, "", ""); r.Status != 400 {
		t.Errorf("no bytes for nine: %d %s", r.Status, r.Body)
	}
}

func TestSession_Refusals(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a","size":9}`)
	says(t, s.put(t, nine[:4], "bytes 0-3/9"), 4)
	for _, c := range []struct {
		body, contentRange string
		status             int
		code               string
	}{
		{nine + "0", "", 413, "too_large"},
		{nine[:8], "", 400, "size_mismatch"},
		{"567890", "bytes 4-9/*", 413, "too_large"},
		{"567890", "bytes 4-9/9", 413, "too_large"},
		{"56789", "bytes 4-8/10", 400, "size_mismatch"},
		{"", "bytes */10", 400, "size_mismatch"},
		{"5", "bytes */9", 400, "invalid_request"},
		{"56", "bytes 4-6/9", 400, "invalid_request"},
		{"", "bytes 4-6/9", 400, "invalid_request"},
		{"5", "bytes 4-3/9", 400, ""},
		{"5", "bytes 4/9", 400, ""},
		{"5", "bytes 4-4", 400, ""},
		{"5", "bytes -4/9", 400, ""},
		{"5", "items 4-4/9", 400, ""},
		{"5", "bytes 4-4/x", 400, ""},
		{"5", "bytes 4-+4/9", 400, ""},
		{"5", "bytes 4-99999999999999999999/9", 400, ""},
		{"5", "bytes 9223372036854775807-9223372036854775807/*", 400, ""},
		{"5", "bytes 4-4/9, 5-5/9", 400, ""},
		{"5", "bytes", 400, ""},
	} {
		r := s.put(t, c.body, c.contentRange)
		if r.Status != c.status || r.Code() == "" || c.code != "" && r.Code() != c.code {
			t.Errorf("%q %q: %d %s", c.body, c.contentRange, r.Status, r.Body)
		}
		if r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%q %q: a page cannot read why", c.body, c.contentRange)
		}
	}
	says(t, s.put(t, "", "bytes */9"), 4)
	if w.Object.Leased() {
		t.Error("a refusal keeps the session taken")
	}
	for _, h := range []http.Header{guest("Content-Range", "bytes 4-4/9", "Content-Range", "bytes 5-5/9"), guest("X-HTTP-Method-Override", "BREW"), guest("X-HTTP-Method-Override", "GET")} {
		if r := w.Do(t, http.MethodPost, s.path, "5", h); r.Status != 400 {
			t.Errorf("%v: %d %s", h, r.Status, r.Body)
		}
	}
	if r := w.Do(t, http.MethodGet, s.path, "", guest()); r.Status != 405 || !strings.Contains(r.Header.Get("Allow"), "PATCH") {
		t.Errorf("GET: %d %s", r.Status, r.Header.Get("Allow"))
	}
	done(t, w, s.put(t, nine[4:], "bytes 4-8/9"), nine)
}

// A body without a length ends the object only where that is the object's size.
func TestSession_Chunked(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	send := func(s opened, body, contentRange string) edgetest.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.UploadURL, struct{ *strings.Reader }{strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		if contentRange != "" {
			req.Header.Set("Content-Range", contentRange)
		}
		return s.w.Send(t, req)
	}
	done(t, w, send(open(t, w, `{"name":"a"}`), nine, ""), nine)
	done(t, w, send(open(t, w, `{"name":"a","size":9}`), nine, ""), nine)
	done(t, w, send(open(t, w, `{"name":"a"}`), "", ""), "")
	s := open(t, w, `{"name":"a","size":9}`)
	says(t, send(s, nine[:4], ""), 4)
	says(t, send(s, nine[4:6], "bytes 4-7/9"), 6) // less than the range says
	if r := send(s, nine+"0", ""); r.Status != 413 {
		t.Errorf("more than the size: %d %s", r.Status, r.Body)
	}
	if r := send(s, "789", "bytes 6-7/*"); r.Status != 400 || r.Code() != "invalid_request" {
		t.Errorf("more than the range says: %d %s", r.Status, r.Body)
	}
	if r := send(s, "7", "bytes */9"); r.Status != 400 {
		t.Errorf("a question with a body: %d %s", r.Status, r.Body)
	}
	says(t, send(s, "", "bytes */9"), 6) // nothing of what came too much
	done(t, w, send(s, nine[6:], "bytes 6-8/9"), nine)
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	gone := func(path string) {
		t.Helper()
		for _, m := range []string{"PUT", "POST", "PATCH", "HEAD"} {
			if r := w.Do(t, m, path, "", guest("Content-Range", "bytes */9")); r.Status != 410 || m != "HEAD" && r.Code() != "session_gone" {
				t.Errorf("%s %s: %d %s", m, path, r.Status, r.Body)
			}
		}
	}
	s := open(t, w, `{"name":"a","size":9}`)
	says(t, s.put(t, nine[:4], "bytes 0-3/9"), 4)
	w.Want(t, 204, http.MethodDelete, s.path, "", guest())
	gone(s.path)
	if w.Object.Held() != 0 {
		t.Error("a cancelled session keeps its space")
	}
	gone("/api/v1/upload/session/" + strings.Repeat("A", 43))
	gone("/api/v1/upload/session/short")
	gone("/api/v1/upload/session/" + strings.Repeat("%00", 43))
	s = open(t, w, `{"name":"a","size":9}`)
	w.Object.ExpireSessions()
	gone(s.path)
}

func TestSession_GoogleClients(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a","size":9}`)
	r := s.put(t, nine[:4], "bytes 0-3/9", "X-GUploader-No-308", "yes")
	if r.Status != 200 || r.Header.Get("X-Http-Status-Code-Override") != "308" || r.Header.Get("Range") != "bytes=0-3" || r.Body != "" {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
	}
	// POST stands for PUT, and PATCH without a version of tus as well.
	says(t, w.Do(t, http.MethodPost, s.path, nine[4:5], guest("Content-Range", "bytes 4-4/9")), 5)
	says(t, w.Do(t, http.MethodPost, s.path, nine[5:6], guest("Content-Range", "bytes 5-5/9", "X-HTTP-Method-Override", "PUT")), 6)
	says(t, w.Do(t, http.MethodPatch, s.path, nine[6:7], guest("Content-Range", "bytes 6-6/9")), 7)
	done(t, w, s.put(t, nine[7:], "bytes 7-8/9", "X-GUploader-No-308", "yes"), nine)
}

// Of two writers the first has the session.
func TestSession_Busy(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	s := open(t, w, `{"name":"a","size":9}`)
	stream := w.Stream(t, http.MethodPut, s.path, 9, guest())
	stream.Write(t, nine[:4])
	edgetest.Eventually(t, w.Object.Leased)
	r := s.put(t, nine[:4], "bytes 0-3/9")
	if r.Status != 409 || r.Code() != "session_busy" || r.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
	}
	says(t, s.put(t, "", "bytes */9"), 0) // questions disturb nobody
	stream.Write(t, nine[4:])
	done(t, w, stream.Response(t), nine)

	// A writer that was silent for too long gives way, and is told so.
	s = open(t, w, `{"name":"a","size":9}`)
	stream = w.Stream(t, http.MethodPut, s.path, 9, guest())
	stream.Write(t, nine[:4])
	edgetest.Eventually(t, w.Object.Leased)
	w.Object.ExpireLeases()
	says(t, s.put(t, nine[:5], "bytes 0-4/9"), 5)
	stream.Write(t, nine[4:])
	if r := stream.Response(t); r.Status != 409 || r.Code() != "session_busy" || r.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
	}
	says(t, s.put(t, "", "bytes */9"), 5)
	done(t, w, s.put(t, nine[5:], "bytes 5-8/9"), nine)
}

// What came before a connection broke is there.
func TestSession_Breaks(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, contentRange := range []string{"", "bytes 0-8/9"} {
		s := open(t, w, `{"name":"a","size":9}`)
		stream := w.Stream(t, http.MethodPut, s.path, 9, guest("Content-Range", contentRange))
		stream.Write(t, nine[:4])
		edgetest.Eventually(t, w.Object.Leased)
		stream.Cut()
		edgetest.Eventually(t, func() bool { return w.Object.Durable(s.secret()) == 4 && !w.Object.Leased() })
		says(t, s.put(t, "", "bytes */9"), 4)
		done(t, w, s.put(t, nine[4:], "bytes 4-8/9"), nine)
	}
}

// A client that stalls is cut, and keeps what arrived.
func TestSession_SlowBody(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.HTTP.StallTimeout = 2 * time.Second })
	s := open(t, w, `{"name":"a","size":9}`)
	stream := w.Stream(t, http.MethodPut, s.path, 9, guest())
	stream.Write(t, nine[:4])
	if r := stream.Response(t); r.Status != 408 || r.Code() != "slow_body" || !strings.Contains(r.Body, "kept") {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	says(t, s.put(t, "", "bytes */9"), 4)
	done(t, w, s.put(t, nine[4:], "bytes 4-8/9"), nine)
}

// A crash, or an upload service that is away, between the last bytes and the
// commit leaves a session with all its bytes: whatever comes next finishes it.
func TestSession_FinishedLater(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(w *edgetest.World, s opened) edgetest.Response{
		"a question":      func(_ *edgetest.World, s opened) edgetest.Response { return s.put(t, "", "bytes */*") },
		"the chunk again": func(_ *edgetest.World, s opened) edgetest.Response { return s.put(t, nine[4:], "bytes 4-8/9") },
		"tus": func(w *edgetest.World, s opened) edgetest.Response {
			r := w.Want(t, 200, http.MethodHead, s.path, "", guest("Tus-Resumable", "1.0.0"))
			if r.Header.Get("Upload-Offset") != "9" {
				t.Errorf("%v", r.Header)
			}
			return s.put(t, "", "bytes */9")
		},
	} {
		w := edgetest.New(t)
		s := open(t, w, `{"name":"a","size":9}`)
		says(t, s.put(t, nine[:4], "bytes 0-3/9"), 4)
		w.Object.SetFail("FinishSession", uploadv1.ErrWrongOffset) // whatever is not repeated
		if r := s.put(t, nine[4:], "bytes 4-8/9"); r.Status != 409 {
			t.Fatalf("%s: %d %s", name, r.Status, r.Body)
		}
		w.Object.SetFail("FinishSession", nil)
		done(t, w, next(w, s), nine)
	}
}
