package lockr_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestDownload_RangesAndConditions(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "0123456789", guest("X-File-Name", "d.txt", "Content-Type", "text/plain"))
	at := api + "/download/" + f.ID
	whole := w.Want(t, 200, "GET", at, "", guest())
	h := whole.Header
	if whole.Body != "0123456789" || h.Get("Content-Type") != "text/plain" || h.Get("Content-Disposition") != `attachment; filename="d.txt"` || h.Get("Etag") == "" || h.Get("Accept-Ranges") != "bytes" ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "sandbox" || h.Get("Content-Length") != "10" || h.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v %s", h, whole.Body)
	}
	head := w.Want(t, 200, "HEAD", at, "", guest())
	if head.Body != "" || head.Header.Get("Content-Length") != "10" || head.Header.Get("Etag") != h.Get("Etag") {
		t.Errorf("%v", head.Header)
	}
	for _, k := range []struct {
		h      http.Header
		status int
		body   string
	}{
		{guest("Range", "bytes=0-3"), 206, "0123"}, {guest("Range", "bytes=-3"), 206, "789"}, {guest("Range", "bytes=5-"), 206, "56789"},
		{guest("Range", "bytes=0-3", "If-Range", h.Get("Etag")), 206, "0123"}, {guest("Range", "bytes=0-3", "If-Range", `"other"`), 200, "0123456789"},
		{guest("If-None-Match", h.Get("Etag")), 304, ""}, {guest("If-Modified-Since", h.Get("Last-Modified")), 304, ""},
	} {
		if r := w.Do(t, "GET", at, "", k.h); r.Status != k.status || r.Body != k.body {
			t.Errorf("%v: %d %s", k.h, r.Status, r.Body)
		}
	}
	r := w.Do(t, "GET", at, "", guest("Range", "bytes=10-"))
	refused(t, r, 416, "range_not_satisfiable")
	if r.Header.Get("Content-Range") != "bytes */10" || r.Header.Get("Content-Disposition") != "" {
		t.Errorf("%v", r.Header)
	}
	refused(t, w.Do(t, "GET", at, "", guest("If-Match", `"other"`)), 412, "precondition_failed")
}

// TestDownload_Damaged: half an answer is cut, so that nobody takes it for whole.
func TestDownload_Damaged(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "0123456789", guest())
	w.Blobs.Damaged = true
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.DownloadURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.Server.Client().Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d %q", resp.StatusCode, b)
	}
}

func TestDownload_Key(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, edgetest.Still, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestRate = 5 })
	bob := signUp(t, w, "bob")
	f := upload(t, w, "secret", ada(w, "X-Key-Hash", sha("phrase")))
	if !f.HasKey {
		t.Error("no key")
	}
	at := api + "/download/" + f.ID
	refused(t, w.Do(t, "GET", at, "", guest()), 403, "key_required")
	refused(t, w.Do(t, "GET", at, "", header("Authorization", "Bearer "+bob)), 403, "key_required")
	if r := w.Do(t, "HEAD", at, "", guest()); r.Status != 403 || r.Body != "" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	w.Want(t, 200, "GET", at+"?keyHash="+sha("phrase"), "", guest())
	w.Want(t, 200, "HEAD", at+"?keyHash="+sha("phrase"), "", guest())
	w.Want(t, 200, "GET", at, "", ada(w)) // the owner needs none
	w.Want(t, 200, "GET", at+"?keyHash=wrong", "", ada(w))
	w.Want(t, 200, "GET", at, "", guest("Cookie", cookie(w.Account)))
	for _, k := range []string{"phrase", sha("other"), strings.ToUpper(sha("phrase")), sha("phrase") + "0", "%00"} {
		refused(t, w.Do(t, "GET", at+"?keyHash="+k, "", guest()), 403, "wrong_key")
	}
	// Who tries too many waits, with the right one too.
	r := w.Do(t, "GET", at+"?keyHash="+sha("phrase"), "", guest())
	refused(t, r, 429, "rate_limited")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.Want(t, 200, "GET", at, "", ada(w))
	if strings.Contains(w.Audit.Text(), sha("phrase")) {
		t.Error("the audit trail has a key in it")
	}
}

func TestDownload_SignedLinks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Now = func() time.Time { return now } })
	f := upload(t, w, "secret", ada(w, "X-Key-Hash", sha("phrase"), "X-File-Name", "a.txt"))
	other := upload(t, w, "other", ada(w, "X-Key-Hash", sha("phrase")))
	link := path(w, list(t, w, "", ada(w)).Files[1].SignedURL)
	if !strings.HasPrefix(link, api+"/download/"+f.ID+"?") {
		t.Fatal(link)
	}
	for range 2 {
		if r := w.Want(t, 200, "GET", link, "", guest()); r.Body != "secret" {
			t.Error(r.Body)
		}
	}
	w.Want(t, 206, "GET", link, "", guest("Range", "bytes=0-0"))
	u, _ := url.Parse(link)
	q := u.Query()
	for _, bad := range []string{
		api + "/download/" + other.ID + "?" + u.RawQuery, strings.Replace(link, "expires=", "expires=1", 1), link[:len(link)-1], link + "00",
		api + "/download/" + f.ID + "?signature=" + q.Get("signature"), api + "/download/" + f.ID + "?expires=" + q.Get("expires"), api + "/download/" + f.ID + "?expires=x&signature=y",
		api + "/download/" + f.ID + "?expires=99999999999999999999&signature=" + q.Get("signature"),
	} {
		refused(t, w.Do(t, "GET", bad, "", guest()), 403, "bad_link")
	}
	// Handed on: to a link that needs nothing else.
	noFollow := *w.Server.Client()
	noFollow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+api+"/download/"+f.ID+"?signed=1", nil)
	req.Header.Set("Authorization", "Bearer "+w.Account)
	resp, err := noFollow.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	to := resp.Header.Get("Location")
	if resp.StatusCode != 302 || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	if r := w.Want(t, 200, "GET", path(w, to), "", guest()); r.Body != "secret" {
		t.Error(r.Body)
	}
	refused(t, w.Do(t, "GET", api+"/download/"+f.ID+"?signed=1", "", guest()), 403, "key_required")
	now = now.Add(15 * time.Minute)
	refused(t, w.Do(t, "GET", link, "", guest()), 403, "bad_link")
	refused(t, w.Do(t, "GET", link, "", ada(w)), 403, "bad_link")
	if ends, _ := strconv.ParseInt(q.Get("expires"), 10, 64); now.Unix()-ends > 1 {
		t.Errorf("it held for another time than %s", q.Get("expires"))
	}
}

// TestDownload_NeverAPage: what somebody uploaded cannot act as our origin.
func TestDownload_NeverAPage(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for typ, inline := range map[string]string{
		"text/html": "", "image/svg+xml": "", "application/xhtml+xml": "", "text/xml": "", "application/javascript": "", "text/html; charset=utf-8": "", "multipart/x-mixed-replace; boundary=x": "", "message/rfc822": "", "text/css": "",
		"image/png": "image/png", "image/jpeg; x=y": "image/jpeg", "video/mp4": "video/mp4", "audio/mpeg": "audio/mpeg", "application/pdf": "application/pdf", "TEXT/PLAIN; charset=latin1": "text/plain; charset=utf-8",
		"application/json": "text/plain; charset=utf-8", "text/markdown": "text/plain; charset=utf-8",
	} {
		f := upload(t, w, "<script>alert(1)</script>", guest("X-File-Name", "x", "Content-Type", typ))
		for _, query := range []string{"", "?inline=1", "?inline=0"} {
			h := w.Want(t, 200, "GET", api+"/download/"+f.ID+query, "", guest()).Header
			shown := query == "?inline=1" && inline != ""
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "sandbox" || strings.HasPrefix(h.Get("Content-Disposition"), "inline") != shown {
				t.Errorf("%s%s: %v", typ, query, h)
			}
			if shown && h.Get("Content-Type") != inline || !shown && h.Get("Content-Type") != typ {
				t.Errorf("%s%s: as %s", typ, query, h.Get("Content-Type"))
			}
		}
	}
}

func TestDownload_Counted(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "0123456789", ada(w))
	at := api + "/download/" + f.ID
	etag := w.Want(t, 200, "GET", at, "", guest()).Header.Get("Etag") // one
	w.Want(t, 206, "GET", at, "", guest("Range", "bytes=0-3"))        // two
	w.Want(t, 200, "HEAD", at, "", guest())
	w.Want(t, 206, "GET", at, "", guest("Range", "bytes=4-"))
	w.Want(t, 206, "GET", at, "", guest("Range", "bytes=-3"))
	w.Want(t, 304, "GET", at, "", guest("If-None-Match", etag))
	w.Want(t, 416, "GET", at, "", guest("Range", "bytes=99-"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // tells what is there, and ends
	w.Downloads.Run(ctx)
	if l := list(t, w, "", ada(w)); l.Files[0].Downloads != 2 || w.Object.Called("CountDownloads") != 1 {
		t.Errorf("%d downloads in %d calls", l.Files[0].Downloads, w.Object.Called("CountDownloads"))
	}
}

func TestDownload_Hostile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "x", guest())
	for _, id := range []string{"x", "us-central1_aaaaaaaaaaaaaaaa_x", "%2e%2e%2fetc", "us-central1_aaaaaaaaaaaaaaaa_..%2f..", strings.Repeat("a", 5000), "%00", "us-central1__x", "__"} {
		refused(t, w.Do(t, "GET", api+"/download/"+id, "", guest()), 404, "not_found")
	}
	for _, q := range []string{"?keyHash=%zz", "?keyHash=a&keyHash=b", "?inline=%ff"} {
		if r := w.Do(t, "GET", api+"/download/"+f.ID+q, "", guest()); r.Status != 400 {
			t.Errorf("%s: %d %s", q, r.Status, r.Body)
		}
	}
	refused(t, w.Do(t, "GET", api+"/download/a/b", "", guest()), 404, "not_found")
	if r := w.Do(t, "POST", api+"/download/"+f.ID, "", guest()); r.Status != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	// Region and name say nothing: the node id does.
	_, rest, _ := strings.Cut(f.ID, "_")
	node, _, _ := strings.Cut(rest, "_")
	w.Want(t, 200, "GET", api+"/download/elsewhere_"+node+"_another-name.html", "", guest())
}

// TestDownload_Encoded: a content that was stored compressed says so.
func TestDownload_Encoded(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	w.Want(t, 201, "PUT", api+"/buckets/drive/objects/a.txt", "not gzip", http.Header{"Content-Encoding": {"gzip"}, "Content-Disposition": {"inline"}, "Cache-Control": {"public"}})
	o := list(t, w, "", ada(w)).Files[0]
	r := w.Do(t, "GET", api+"/download/"+o.ID, "", ada(w, "Accept-Encoding", "identity"))
	if r.Status != 200 || r.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") || r.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
}
