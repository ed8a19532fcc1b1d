package lockr_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "hello", ada(w, "X-File-Name", "whitepaper.pdf", "Content-Type", "application/pdf", "X-Upload-Region", "eu-west1"))
	sum := sha256.Sum256([]byte("hello"))
	if f.Name != "whitepaper.pdf" || f.Size != 5 || f.Type != "application/pdf" || f.Region != "eu-west1" || f.HasKey || f.SHA256 != hex.EncodeToString(sum[:]) ||
		f.CreatedAt == "" || f.ExpiresAt != "" || f.SignedURL != "" || f.Path != "" || !strings.HasPrefix(f.ID, "eu-west1_") || !strings.HasSuffix(f.ID, "_whitepaper.pdf") ||
		f.DownloadURL != w.URL+api+"/download/"+f.ID || f.URL != w.URL+"/download/"+f.ID {
		t.Errorf("%+v", f)
	}
	if r := w.Want(t, 200, "GET", path(w, f.DownloadURL), "", guest()); r.Body != "hello" {
		t.Error(r.Body)
	}
	// The same name again is another file beside it.
	again := upload(t, w, "other", ada(w, "X-File-Name", "whitepaper.pdf"))
	if again.ID == f.ID || again.Name != "whitepaper (2).pdf" || again.Region != "us-central1" || again.Type != "application/octet-stream" {
		t.Errorf("%+v", again)
	}
	empty := upload(t, w, "", ada(w))
	if empty.Name != "file" || empty.Size != 0 {
		t.Errorf("%+v", empty)
	}
}

func TestUpload_Names(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for in, want := range map[string]string{
		"a.txt": "a.txt", "r%C3%A9sum%C3%A9.pdf": "résumé.pdf", "résumé.txt": "résumé.txt", "100%25 sure.txt": "100% sure.txt", "dir/sub/b.txt": "b.txt", "%2Fetc%2Fpasswd": "passwd",
		"..": "file", "%2e%2e%2f%2e%2e": "file", "%00a%0Ab.txt": "ab.txt", "%20%20": "file", "%E2%80%AEgpj.exe": "gpj.exe", `a"b\c.txt`: `a"b\c.txt`,
		strings.Repeat("n", 300) + ".tar": strings.Repeat("n", 251) + ".tar", "-": "-", "%F0%9F%98%80.png": "😀.png",
	} {
		f := upload(t, w, "x", guest("X-File-Name", in))
		if f.Name != want || strings.ContainsAny(f.ID, `/\"% `) || len(f.ID) > 200 {
			t.Errorf("%q: %q, %s", in, f.Name, f.ID)
		}
		if r := w.Want(t, 200, "GET", path(w, f.DownloadURL), "", guest()); r.Body != "x" {
			t.Errorf("%q: %s", in, r.Body)
		}
	}
	for _, bad := range []string{"%ff%fe", "\xff", "%zz", "100%", "%"} {
		refused(t, w.Do(t, "POST", api+"/upload", "x", guest("X-File-Name", bad)), 400, "invalid_request")
	}
	refused(t, w.Do(t, "POST", api+"/upload", "x", guest("X-File-Name", "a", "X-File-Name", "b")), 400, "invalid_request")
	refused(t, w.Do(t, "POST", api+"/upload", "x", guest("X-File-Name", strings.Repeat("x", 5000))), 400, "invalid_request")
}

func TestUpload_Guest(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) {
		c.Lockr.GuestObjectBytes = 10
		c.Lockr.GuestTTL = time.Hour
	})
	f := upload(t, w, "0123456789", guest("X-File-Name", "a.txt"))
	ends, err := time.Parse(time.RFC3339, f.ExpiresAt)
	if err != nil || time.Until(ends) > time.Hour || time.Until(ends) < 55*time.Minute {
		t.Errorf("%v %s", err, f.ExpiresAt)
	}
	same := upload(t, w, "other", guest("X-File-Name", "a.txt"))
	if same.Name != "a.txt" || same.ID == f.ID {
		t.Errorf("guests' files meet: %+v", same)
	}
	refused(t, w.Do(t, "POST", api+"/upload", "01234567890", guest()), 413, "too_large")
	refused(t, w.Do(t, "POST", api+"/upload", "x", guest("X-Key-Hash", strings.Repeat("a", 64))), 403, "guest_key")
	if n := len(w.Object.Keys(objectv1.GuestAccount, objectv1.DriveBucket)); n != 2 {
		t.Errorf("%d files", n)
	}
	w.Object.ExpireFiles()
	refused(t, w.Do(t, "GET", path(w, f.DownloadURL), "", guest()), 404, "not_found")
}

// TestUpload_Chunked sends bodies without a length, over and under the limit.
func TestUpload_Chunked(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestObjectBytes = 1000 })
	for n, status := range map[int]int{0: 201, 1000: 201, 1001: 413, 5000: 413} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+api+"/upload", io.MultiReader(strings.NewReader(strings.Repeat("x", n))))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = -1
		resp, err := w.Server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%d bytes: %d %s", n, resp.StatusCode, body)
		}
	}
	if n := len(w.Object.Keys(objectv1.GuestAccount, objectv1.DriveBucket)); n != 2 || w.Object.Held() != 0 {
		t.Errorf("%d files, %d held", n, w.Object.Held())
	}
}

// TestUpload_Expect: what is refused is refused before the body is asked for.
func TestUpload_Expect(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestObjectBytes = 10 })
	for _, k := range []struct {
		size  int
		first string
	}{{5, "HTTP/1.1 100"}, {11, "HTTP/1.1 413"}} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST %s/upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", api, k.size)
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, k.first) {
			t.Errorf("%d bytes: %q %v", k.size, line, err)
		}
		c.Close()
	}
}

func TestUpload_LimitsAndQuota(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	w.Auth.SetLimits("acc-ada", authv1.Limits{ObjectBytes: 8, StorageBytes: 10})
	upload(t, w, "123456", ada(w))
	refused(t, w.Do(t, "POST", api+"/upload", "123456", ada(w)), 403, "quota_exceeded")
	refused(t, w.Do(t, "POST", api+"/upload", "123456789", ada(w)), 413, "too_large") // before the quota
	upload(t, w, "1234", ada(w))
	refused(t, w.Do(t, "POST", api+"/upload", "1", ada(w)), 403, "quota_exceeded")
}

// TestUpload_Broken: a body that ends early leaves nothing.
func TestUpload_Broken(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST %s/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", api)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	if strings.HasPrefix(string(b), "HTTP/1.1 2") {
		t.Errorf("%s", b)
	}
	if keys := w.Object.Keys(objectv1.GuestAccount, objectv1.DriveBucket); len(keys) != 0 {
		t.Errorf("%v", keys)
	}
}

func TestUpload_Hostile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, k := range []struct {
		h    http.Header
		code string
	}{
		{ada(w, "X-Upload-Region", "mars"), "unknown_region"},
		{ada(w, "X-Upload-Region", strings.Repeat("x", 1000)), "invalid_request"},
		{ada(w, "X-Upload-Region", "a", "X-Upload-Region", "b"), "invalid_request"},
		{ada(w, "X-Key-Hash", "secret"), "invalid_request"},
		{ada(w, "X-Key-Hash", strings.Repeat("A", 64)), "invalid_request"},
		{ada(w, "X-Key-Hash", strings.Repeat("a", 65)), "invalid_request"},
		{ada(w, "Content-Type", "no type at all"), "invalid_request"},
		{ada(w, "Content-Type", "text/plain; x="+strings.Repeat("y", 300)), "invalid_request"},
	} {
		r := w.Do(t, "POST", api+"/upload", "x", k.h)
		refused(t, r, 400, k.code)
		if k.code == "unknown_region" && (!strings.Contains(r.Body, "us-central1") || !strings.Contains(r.Body, "eu-west1")) {
			t.Errorf("the known regions are not named: %s", r.Body)
		}
	}
	for _, m := range []string{"GET", "PUT", "DELETE", "PATCH"} {
		if r := w.Want(t, 405, m, api+"/upload", "", ada(w)); r.Header.Get("Allow") == "" || !strings.Contains(r.Body, `"code":"method_not_allowed"`) {
			t.Errorf("%s: %v %s", m, r.Header, r.Body)
		}
	}
	if keys := w.Object.Keys("acc-ada", objectv1.DriveBucket); len(keys) != 0 {
		t.Errorf("%v", keys)
	}
}

func TestUpload_Throttled(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, edgetest.Still, func(c *edge.Config, _ *edge.Deps) { c.Lockr.GuestRate, c.Lockr.UploadRate = 2, 3 })
	for range 2 {
		upload(t, w, "x", guest())
	}
	r := w.Do(t, "POST", api+"/upload", "x", guest())
	refused(t, r, 429, "rate_limited")
	if s := r.Header.Get("Retry-After"); s != "30" {
		t.Errorf("Retry-After %q", s)
	}
	for range 3 {
		upload(t, w, "x", ada(w)) // its own share
	}
	refused(t, w.Do(t, "POST", api+"/upload", "x", ada(w)), 429, "rate_limited")
}
