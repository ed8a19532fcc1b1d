package lockr_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockr"
)

// fake imitates the protocol of a Lockr server in memory.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	sessions map[string]*session // by secret
	files    map[string]*stored  // by id
	received int64               // bytes of all bodies of sessions
	requests []string            // method and path

	// What goes wrong; called with mu held, nil: nothing.
	cutAfter func() int64                      // bytes of a body of a session, or of a download, after which the connection breaks; < 0: none
	answer   func(r *http.Request) (int, bool) // answers at once
}

type session struct {
	name, typ, keyHash, region string
	size                       int64
	data                       []byte
	done                       string // id
	busy                       int    // requests that find another writer
}

type stored struct {
	file    lockr.File
	keyHash string
	data    []byte
	etag    string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{sessions: map[string]*session{}, files: map[string]*stored{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/login", f.login)
	mux.HandleFunc("GET /api/v1/account", f.account)
	mux.HandleFunc("POST /api/v1/logout", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /api/v1/upload/session", f.create)
	mux.HandleFunc("PUT /api/v1/upload/session/{secret}", f.put)
	mux.HandleFunc("DELETE /api/v1/upload/session/{secret}", f.cancel)
	mux.HandleFunc("POST /api/v1/upload", f.direct)
	mux.HandleFunc("GET /api/v1/files", f.list)
	mux.HandleFunc("POST /api/v1/files/register", f.register)
	mux.HandleFunc("POST /api/v1/files/{id}/key", f.setKey)
	mux.HandleFunc("DELETE /api/v1/files/{id}", f.remove)
	mux.HandleFunc("GET /api/v1/download/{id}", f.download)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.Path)
		answer := f.answer
		if answer != nil {
			if status, ok := answer(r); ok {
				f.mu.Unlock()
				problem(w, status, "fake")
				return
			}
		}
		f.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// took tells how many bytes of sessions came, and how many requests.
func (f *fake) took() (received int64, requests int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received, len(f.requests)
}

// client gives one that does not wait long.
func (f *fake) client(t *testing.T, token string) *lockr.Client {
	t.Helper()
	c, err := lockr.New(lockr.Config{Endpoint: f.URL + "/", Token: token, MaxWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func problem(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "a sentence", "code": code})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fake) authorized(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer token" {
		return true
	}
	problem(w, http.StatusUnauthorized, "unauthorized")
	return false
}

func (f *fake) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Identifier, Password string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	if in.Password != "right" {
		problem(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	reply(w, http.StatusOK, map[string]any{"token": "token", "tokenType": "Bearer", "account": map[string]any{"username": in.Identifier}})
}

func (f *fake) account(w http.ResponseWriter, r *http.Request) {
	if f.authorized(w, r) {
		reply(w, http.StatusOK, map[string]any{"username": "alice", "quota": 100, "used": 7})
	}
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name, Type, Key, KeyHash string
		Size                     int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Key != "" {
		problem(w, http.StatusBadRequest, "invalid_request")
		return
	}
	if in.KeyHash != "" && r.Header.Get("Authorization") == "" {
		problem(w, http.StatusForbidden, "guest_key")
		return
	}
	secret := rand.Text()
	f.mu.Lock()
	f.sessions[secret] = &session{name: in.Name, typ: in.Type, keyHash: in.KeyHash, size: in.Size, region: r.Header.Get("X-Upload-Region")}
	f.mu.Unlock()
	reply(w, http.StatusCreated, map[string]any{
		"id": "us_x_" + in.Name, "uploadUrl": f.URL + "/api/v1/upload/session/" + secret, "region": "us", "size": in.Size, "expiresAt": time.Now().Add(time.Hour),
	})
}

func (f *fake) put(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessions[r.PathValue("secret")]
	rng := r.Header.Get("Content-Range")
	var first, last, total int64
	_, scanned := fmt.Sscanf(rng, "bytes %d-%d/%d", &first, &last, &total)
	switch {
	case s == nil || r.Header.Get("Authorization") != "":
		problem(w, http.StatusGone, "session_gone")
		return
	case s.busy > 0:
		s.busy--
		problem(w, http.StatusConflict, "session_busy")
		return
	case s.done != "":
		reply(w, http.StatusCreated, f.files[s.done].file)
		return
	case scanned == nil && total != s.size:
		problem(w, http.StatusBadRequest, "size_mismatch")
		return
	case scanned == nil && first <= int64(len(s.data)):
		have := int64(len(s.data))
		if !f.receive(w, r, s, have-first) {
			return
		}
	}
	if int64(len(s.data)) == s.size && !strings.HasPrefix(rng, "bytes */") {
		s.done = f.store(s.name, s.data, s.typ, s.keyHash).ID
		reply(w, http.StatusCreated, f.files[s.done].file)
		return
	}
	if len(s.data) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(s.data)-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// receive takes the body of a request, as far as it comes, after skip bytes.
func (f *fake) receive(w http.ResponseWriter, r *http.Request, s *session, skip int64) bool {
	var body io.Reader = r.Body
	cut := int64(-1)
	if f.cutAfter != nil {
		if cut = f.cutAfter(); cut >= 0 {
			body = io.LimitReader(body, cut)
		}
	}
	data, _ := io.ReadAll(body)
	f.received += int64(len(data))
	s.data = append(s.data, data[min(skip, int64(len(data))):]...)
	if cut >= 0 {
		hangUp(w)
		return false
	}
	return true
}

// hangUp breaks the connection.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func (f *fake) store(name string, data []byte, typ, keyHash string) lockr.File {
	sum := sha256.Sum256(data)
	id := fmt.Sprintf("us_%d_%s", len(f.files)+1, name)
	file := lockr.File{ID: id, Name: name, Size: int64(len(data)), Type: typ, HasKey: keyHash != "", SHA256: hex.EncodeToString(sum[:]), URL: f.URL + "/download/" + id}
	f.files[id] = &stored{file: file, data: bytes.Clone(data), keyHash: keyHash, etag: fmt.Sprintf(`"%x"`, sum[:8])}
	return file
}

func (f *fake) cancel(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions[r.PathValue("secret")] == nil {
		problem(w, http.StatusGone, "session_gone")
		return
	}
	delete(f.sessions, r.PathValue("secret"))
	w.WriteHeader(http.StatusNoContent)
}

func (f *fake) direct(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	reply(w, http.StatusCreated, f.store(r.Header.Get("X-File-Name"), data, r.Header.Get("Content-Type"), r.Header.Get("X-Key-Hash")))
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	if !f.authorized(w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	out := map[string]any{"files": []lockr.File{}}
	if at < len(f.files) { // a page of one
		for id, s := range f.files {
			if strings.HasPrefix(id, fmt.Sprintf("us_%d_", at+1)) {
				out["files"] = []lockr.File{s.file}
			}
		}
		out["nextCursor"] = strconv.Itoa(at + 1)
	}
	reply(w, http.StatusOK, out)
}

func (f *fake) register(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.files[in.ID]; s != nil {
		reply(w, http.StatusOK, s.file)
		return
	}
	problem(w, http.StatusNotFound, "not_found")
}

func (f *fake) setKey(w http.ResponseWriter, r *http.Request) {
	in := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.files[r.PathValue("id")]
	if s == nil {
		problem(w, http.StatusNotFound, "not_found")
		return
	}
	s.keyHash, _ = in["keyHash"].(string)
	reply(w, http.StatusOK, map[string]any{"id": s.file.ID, "hasKey": s.keyHash != ""})
}

func (f *fake) remove(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[r.PathValue("id")] == nil {
		problem(w, http.StatusNotFound, "not_found")
		return
	}
	delete(f.files, r.PathValue("id"))
	reply(w, http.StatusOK, map[string]any{"deleted": true})
}

func (f *fake) download(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.files[r.PathValue("id")]
	switch hash := r.URL.Query().Get("keyHash"); {
	case s == nil:
		problem(w, http.StatusNotFound, "not_found")
		return
	case s.keyHash != "" && hash == "" && r.Header.Get("Authorization") == "":
		problem(w, http.StatusForbidden, "key_required")
		return
	case s.keyHash != "" && hash != s.keyHash && r.Header.Get("Authorization") == "":
		problem(w, http.StatusForbidden, "wrong_key")
		return
	}
	sum, _ := hex.DecodeString(s.file.SHA256)
	w.Header().Set("ETag", s.etag)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.file.Name}))
	w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	if f.cutAfter != nil && r.Method == http.MethodGet {
		if n := f.cutAfter(); n >= 0 {
			w = &cutting{ResponseWriter: w, left: n}
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.data))
}

// cutting breaks the connection within the body of an answer.
type cutting struct {
	http.ResponseWriter
	left int64
}

func (c *cutting) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	hangUp(c.ResponseWriter)
	return int(c.left), io.ErrClosedPipe
}
