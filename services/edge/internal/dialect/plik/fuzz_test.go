package plik_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// FuzzCreateUpload: a body makes an upload that keeps to the limits and can be read
// again as it was told, or is refused in Plik's words.
func FuzzCreateUpload(f *testing.F) {
	w := edgetest.New(f, settings(func(s *core.PlikSettings) { s.MaxFilePerUpload = 3 }))
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"ttl":60,"files":[{"fileName":"a","reference":"0"}]}`, `{"TTL":-1}`, `{"files":{"0":{"fileName":"a"}}}`, `{"Files":[null]}`, `{"files":{"a":null}}`,
		`{"files":[{"fileName":"a","fileSize":-1},{"fileName":"\u0000"}]}`, `{"comments":"\ud800<&>","login":":","password":"é"}`, `{"oneShot":true,"ONESHOT":false,"stream":true}`, "{\"comments\":\"\xff\"}", `{"files":[{"fileSize":1e3}]}`, `{"a":{}} {}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := ask(t, w, "POST", "/upload", body)
		if r.Status == 400 {
			if !strings.HasPrefix(r.Body, "unable to ") || !strings.HasSuffix(r.Body, "\n") {
				t.Fatalf("%q", r.Body)
			}
			return
		}
		var u struct {
			ID, UploadToken string
			TTL             int64
			Files           json.RawMessage
		}
		read(t, r, &u)
		if len(u.ID) != 16 || len(u.UploadToken) != 32 || u.TTL < 1 || u.TTL > 2592000 || strings.ContainsAny(r.Body, "\n\r") || !utf8.ValidString(r.Body) {
			t.Fatalf("%q makes %s", body, r.Body)
		}
		again := upload{ID: u.ID}.get(t, w, "X-UploadToken", u.UploadToken)
		if len(again.Files) > 3 || again.TTL != u.TTL {
			t.Fatalf("%+v", again)
		}
		for _, g := range again.Files {
			if g.FileName == "" || len(g.FileName) > 1024 || g.Status != "missing" || g.FileSize < 0 {
				t.Fatalf("%+v", g)
			}
		}
	})
}

// FuzzForm: of whatever is sent, what is stored can be downloaded under the name
// that the answer says, and a body that breaks off leaves nothing to read.
func FuzzForm(f *testing.F) {
	const typ = "multipart/form-data; boundary=x"
	for _, disposition := range []string{
		`form-data; name="file"; filename="a.txt"`, `form-data; name=file; filename=a`, `form-data; name="file"; filename="../../a"`, `form-data; name="file"; filename="a%2fb"`,
		`form-data; name="file"; filename*=UTF-8''%e2%82%ac`, `form-data; name="file"; filename="\""`, "form-data; name=\"file\"; filename=\"\xff\"", `form-data; name="file"; filename="."`, `attachment; name="file"; filename=".."`, ``,
	} {
		f.Add(typ, "--x\r\nContent-Disposition: "+disposition+"\r\n\r\nhello\r\n--x--\r\n")
		f.Add(typ, "--x\r\nContent-Disposition: "+disposition+"\r\n\r\nhello\r\n--x")
	}
	f.Add("multipart/form-data", "")
	f.Add("multipart/form-data; boundary=\"\"", "----")
	w := edgetest.New(f)
	f.Fuzz(func(t *testing.T, typ, body string) {
		if !plainHeader(typ) {
			t.Skip()
		}
		u := create(t, w, "{}")
		r := ask(t, w, "POST", "/file/"+u.ID, body, "Content-Type", typ, "X-UploadToken", u.UploadToken)
		files := u.get(t, w).Files
		switch r.Status {
		case 200:
			var got file
			read(t, r, &got)
			if len(files) != 1 || files[0] != got || got.Status != "uploaded" || got.FileName == "" || strings.Contains(got.FileName, "/") {
				t.Fatalf("%+v %+v", got, files)
			}
			if got.FileName == "." || got.FileName == ".." {
				return // its address is another's
			}
			if r := ask(t, w, "GET", u.path(got)+"?dl=1", ""); r.Status != 200 || int64(len(r.Body)) != got.FileSize || !strings.Contains(body, r.Body) || !plainHeader(r.Header.Get("Content-Disposition")) {
				t.Fatalf("%d %q of %q", r.Status, r.Body, body)
			}
		case 400, 500:
			if len(files) > 1 || len(files) == 1 && files[0].Status != "deleted" || !strings.HasSuffix(r.Body, "\n") {
				t.Fatalf("%d %q leaves %+v", r.Status, r.Body, files)
			}
		default:
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	})
}

// FuzzAuthorization: one header opens a protected upload, and nothing else does.
func FuzzAuthorization(f *testing.F) {
	w := edgetest.New(f)
	u := create(f, w, `{"login":"foo","password":"bar"}`)
	right := "Basic " + base64.StdEncoding.EncodeToString([]byte("foo:bar"))
	for _, h := range []string{right, "", " ", "Basic", "Basic ", right + " ", "basic " + right[6:], right + "=", "Basic Zm9vOmJheg==", "Bearer x", "Basic  " + right[6:], "Basic \t" + right[6:]} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h string) {
		if !plainHeader(h) || strings.TrimSpace(h) != h {
			t.Skip() // HTTP does not carry it as it is
		}
		r := ask(t, w, "GET", "/upload/"+u.ID, "", "Authorization", h)
		if (r.Status == http.StatusOK) != (h == right) || r.Status != http.StatusOK && r.Status != http.StatusUnauthorized {
			t.Fatalf("%q: %d %s", h, r.Status, r.Body)
		}
	})
}

// FuzzQRCode: a picture of the size that was asked for, or a sentence.
func FuzzQRCode(f *testing.F) {
	w := edgetest.New(f)
	for _, q := range [][2]string{{"", ""}, {"https://example.test", "300"}, {"x", "0"}, {"x", "-1"}, {"x", "1001"}, {"\xff\x00", "1000"}, {"x", "1e3"}, {"x", "10"}, {strings.Repeat("é", 500), "250"}} {
		f.Add(q[0], q[1])
	}
	f.Fuzz(func(t *testing.T, text, size string) {
		r := ask(t, w, "GET", "/qrcode?url="+url.QueryEscape(text)+"&size="+url.QueryEscape(size), "")
		switch r.Status {
		case 200:
			if !strings.HasPrefix(r.Body, "\x89PNG") {
				t.Fatalf("%q", r.Body)
			}
		case 400, 500:
		default:
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	})
}
