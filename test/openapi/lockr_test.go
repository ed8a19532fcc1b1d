package openapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/test/harness"
)

// TestLockrOperations drives every operation of lockr's document against the
// embedded system, as TestOperations does for lockwell.
func TestLockrOperations(t *testing.T) {
	t.Parallel()
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_SECURITY_HASH_MEMORY=8MiB", "SLUICE_SECURITY_HASH_PASSES=1"}})
	ada := harness.NewClient(t, w, "ada")
	ada.Token = ada.Account
	l := lockrDriver{newDriver(load(t, openapi.Lockr()), ada)}
	t.Run("Account", func(t *testing.T) { l.account(t) })
	t.Run("Uploads", func(t *testing.T) { l.uploads(t) })
	t.Run("Sessions", func(t *testing.T) { l.sessions(t) })
	t.Run("Tus", func(t *testing.T) { l.tus(t) })
	t.Run("Files", func(t *testing.T) { l.files(t) })
	t.Run("Downloads", func(t *testing.T) { l.downloads(t) })
	t.Run("Farewell", func(t *testing.T) { l.farewell(t) })
	for _, what := range l.missing() {
		t.Errorf("not driven: %s", what)
	}
}

type lockrDriver struct{ *driver }

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func (l lockrDriver) upload(t testing.TB, bearer string, h http.Header) string {
	t.Helper()
	var f struct{ ID string }
	l.do(t, call{op: "upload", body: "0123456789", header: h, status: 201, bearer: bearer}).JSON(t, &f)
	return "id=" + f.ID
}

func (l lockrDriver) account(t *testing.T) {
	password := "correct horse ada"
	l.do(t, call{op: "login", body: m{"identifier": "ada", "password": password, "name": "driver"}, status: 200, bearer: "none"})
	l.do(t, call{op: "login", body: m{"identifier": "ada", "password": "wrong"}, status: 401, code: "unauthorized", bearer: "none"})
	l.do(t, call{op: "login", body: m{"identifier": 5, "password": "x"}, status: 400, code: "bad_json", bearer: "none", invalid: true})
	bob := m{"username": "bob", "email": "bob@example.test", "password": "correct horse bob"}
	l.do(t, call{op: "createAccount", body: bob, status: 201, bearer: "none"})
	l.do(t, call{op: "createAccount", body: bob, status: 409, code: "username_taken", bearer: "none"})
	l.do(t, call{op: "createAccount", body: m{"username": "No", "email": "x@example.test", "password": "correct horse"}, status: 400, bearer: "none", invalid: true})
	l.do(t, call{op: "getAccount", status: 200})
	l.do(t, call{op: "getAccount", status: 401, code: "unauthorized", bearer: "junk"})
	l.do(t, call{op: "updateAccount", body: m{"defaultRegion": "us-central1"}, status: 200})
	l.do(t, call{op: "updateAccount", body: m{"defaultRegion": "mars"}, status: 400, code: "unknown_region"})
	l.do(t, call{op: "listTokens", status: 200})
	l.do(t, call{op: "listTokens", status: 401, bearer: "none"})
	var made struct{ ID, Token string }
	l.do(t, call{op: "createToken", body: m{"name": "ci"}, status: 201}).JSON(t, &made)
	l.do(t, call{op: "createToken", body: m{"name": strings.Repeat("x", 65)}, status: 400, invalid: true})
	l.do(t, call{op: "revokeToken", at: []string{"id=" + made.ID}, status: 204})
	l.do(t, call{op: "revokeToken", at: []string{"id=" + made.ID}, status: 204})
	l.do(t, call{op: "revokeToken", at: []string{"id=tok_nothing"}, status: 404, code: "token_not_found"})
	l.do(t, call{op: "createToken", body: m{}, status: 201}).JSON(t, &made)
	l.do(t, call{op: "logout", status: 204, bearer: made.Token})
	l.do(t, call{op: "logout", status: 401, bearer: made.Token})
	l.do(t, call{op: "changePassword", body: m{"current": password, "new": "another horse"}, status: 204})
	l.do(t, call{op: "changePassword", body: m{"current": password, "new": "another horse"}, status: 401})
}

func (l lockrDriver) uploads(t *testing.T) {
	l.upload(t, "", headers("X-File-Name", "whitepaper.pdf", "Content-Type", "application/pdf", "X-Upload-Region", "us-central1", "X-Key-Hash", sha256Hex("open sesame")))
	l.upload(t, "none", nil)
	l.do(t, call{op: "upload", body: "x", header: headers("X-Upload-Region", "mars"), status: 400, code: "unknown_region"})
	l.do(t, call{op: "upload", body: "x", header: headers("X-Key-Hash", sha256Hex("x")), status: 403, code: "guest_key", bearer: "none"})
	l.do(t, call{op: "upload", body: "x", status: 401, code: "unauthorized", bearer: "junk"})
}

// open makes a session and gives its secret.
func (l lockrDriver) open(t testing.TB, body m) string {
	t.Helper()
	var s struct{ UploadURL string }
	l.do(t, call{op: "createSession", body: body, status: 201}).JSON(t, &s)
	return "secret=" + s.UploadURL[strings.LastIndex(s.UploadURL, "/")+1:]
}

func (l lockrDriver) sessions(t *testing.T) {
	l.do(t, call{op: "createSession", body: m{"size": 5}, status: 400, code: "invalid_request", invalid: true})
	l.do(t, call{op: "createSession", body: m{"name": "a", "key": "x"}, status: 403, code: "guest_key", bearer: "none"})
	at := []string{l.open(t, m{"name": "a.txt", "size": 10, "type": "text/plain", "key": "open sesame"})}
	l.do(t, call{op: "putSession", at: at, body: "01234", header: headers("Content-Range", "bytes 0-4/10"), status: 308, bearer: "none"})
	l.do(t, call{op: "putSession", at: at, header: headers("Content-Range", "bytes */10", "X-GUploader-No-308", "yes"), status: 200, bearer: "none"})
	l.do(t, call{op: "putSession", at: at, header: headers("Content-Range", "bytes */11"), status: 400, code: "size_mismatch", bearer: "none"})
	l.do(t, call{op: "headSession", at: at, status: 200, bearer: "none"})
	l.do(t, call{op: "sessionOptions", at: at, status: 204, bearer: "none"})
	l.do(t, call{op: "postSession", at: at, header: headers("Content-Range", "bytes */*"), status: 308, bearer: "none"})
	l.do(t, call{op: "postSession", at: at, header: headers("Content-Range", "bytes */*", "X-GUploader-No-308", "yes"), status: 200, bearer: "none"})
	l.do(t, call{op: "postSession", at: at, header: headers("Content-Range", "lines 1-2/3"), status: 400, bearer: "none"})
	l.do(t, call{op: "putSession", at: at, body: "56789", header: headers("Content-Range", "bytes 5-9/10"), status: 201, bearer: "none"})
	l.do(t, call{op: "postSession", at: at, header: headers("Content-Range", "bytes */10"), status: 201, bearer: "none"})
	l.do(t, call{op: "deleteSession", at: at, status: 409, code: "session_done", bearer: "none"})
	at = []string{l.open(t, m{"name": "c.txt", "size": 4})}
	l.do(t, call{op: "patchSession", at: at, body: "01", header: headers("Content-Range", "bytes 0-1/4"), status: 308, bearer: "none"})
	l.do(t, call{op: "patchSession", at: at, header: headers("Content-Range", "bytes */4", "X-GUploader-No-308", "yes"), status: 200, bearer: "none"})
	l.do(t, call{op: "patchSession", at: at, body: "23", header: headers("Content-Range", "bytes 2-3/4"), status: 201, bearer: "none"})
	at = []string{l.open(t, m{"name": "b.txt"})}
	l.do(t, call{op: "deleteSession", at: at, status: 204, bearer: "none"})
	l.do(t, call{op: "headSession", at: at, status: 410, bearer: "none"})
	l.do(t, call{op: "putSession", at: at, body: "x", status: 410, code: "session_gone", bearer: "none"})
}

func (l lockrDriver) tus(t *testing.T) {
	l.do(t, call{op: "tusOptions", status: 204, bearer: "none"})
	l.do(t, call{op: "createTusUpload", header: headers("Upload-Length", "5"), status: 412, code: "tus_version"})
	r := l.do(t, call{op: "createTusUpload", header: headers("Tus-Resumable", "1.0.0", "Upload-Length", "6", "Upload-Metadata", "filename YS50eHQ="), status: 201})
	at := []string{"secret=" + r.Header.Get("Location")[strings.LastIndex(r.Header.Get("Location"), "/")+1:]}
	piece := func(offset string) http.Header {
		return headers("Tus-Resumable", "1.0.0", "Upload-Offset", offset, "Content-Type", "application/offset+octet-stream")
	}
	l.do(t, call{op: "patchSession", at: at, body: "01", header: piece("0"), status: 204, bearer: "none"})
	l.do(t, call{op: "patchSession", at: at, body: "01", header: piece("0"), status: 409, code: "wrong_offset", bearer: "none"})
	h := piece("2")
	h.Set("X-HTTP-Method-Override", "PATCH")
	l.do(t, call{op: "postSession", at: at, body: "23", header: h, status: 204, bearer: "none"})
	h = piece("4")
	h.Set("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	l.do(t, call{op: "patchSession", at: at, body: "45", header: h, status: 460, code: "checksum_mismatch", bearer: "none"})
	l.do(t, call{op: "headSession", at: at, header: headers("Tus-Resumable", "1.0.0"), status: 200, bearer: "none"})
}

func (l lockrDriver) files(t *testing.T) {
	l.do(t, call{op: "listFiles", at: []string{"limit=1"}, status: 200})
	l.do(t, call{op: "listFiles", status: 200})
	l.do(t, call{op: "listFiles", at: []string{"limit=0"}, status: 400, code: "invalid_request", invalid: true})
	id := l.upload(t, "none", nil)
	_, name, _ := strings.Cut(id, "=")
	l.do(t, call{op: "registerFile", body: m{"id": name}, status: 200})
	l.do(t, call{op: "registerFile", body: m{"id": "nothing"}, status: 404, code: "not_found"})
	l.do(t, call{op: "setFileKey", at: []string{id}, body: m{"key": "open sesame"}, status: 200})
	l.do(t, call{op: "setFileKey", at: []string{id}, body: m{"key": nil}, status: 200})
	l.do(t, call{op: "setFileKey", at: []string{id}, body: m{}, status: 400})
	l.do(t, call{op: "deleteFile", at: []string{id}, status: 200})
	l.do(t, call{op: "deleteFile", at: []string{id}, status: 404, code: "not_found"})
}

func (l lockrDriver) downloads(t *testing.T) {
	id := l.upload(t, "", headers("X-Key-Hash", sha256Hex("open sesame"), "Content-Type", "text/plain"))
	for _, op := range []string{"download", "headDownload"} {
		r := l.do(t, call{op: op, at: []string{id}, status: 200})
		l.do(t, call{op: op, at: []string{id}, header: headers("Range", "bytes=2-4"), status: 206})
		l.do(t, call{op: op, at: []string{id}, header: headers("If-None-Match", r.Header.Get("Etag")), status: 304})
		l.do(t, call{op: op, at: []string{id, "signed=1"}, status: 302})
		l.do(t, call{op: op, at: []string{id, "keyHash=" + sha256Hex("open sesame"), "inline=1"}, status: 200, bearer: "none"})
		l.do(t, call{op: op, at: []string{id, "keyHash=wrong"}, status: 403, code: "wrong_key", bearer: "none"})
		l.do(t, call{op: op, at: []string{id}, status: 403, code: "key_required", bearer: "none"})
		l.do(t, call{op: op, at: []string{id, "expires=1", "signature=00"}, status: 403, code: "bad_link", bearer: "none"})
		l.do(t, call{op: op, at: []string{id}, header: headers("Range", "bytes=10-"), status: 416})
		l.do(t, call{op: op, at: []string{"id=nothing"}, status: 404, bearer: "none"})
	}
}

func (l lockrDriver) farewell(t *testing.T) {
	l.do(t, call{op: "deleteAccount", body: m{"password": "wrong"}, status: 401})
	l.do(t, call{op: "deleteAccount", body: m{"password": "another horse"}, status: 204})
	l.do(t, call{op: "getAccount", status: 401})
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
