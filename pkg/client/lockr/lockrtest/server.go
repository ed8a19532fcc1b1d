// Package lockrtest imitates a server of the Lockr API in memory, for tests of
// its clients.
package lockrtest

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

// Server is the imitation. Its fields are to be used within With, or before the
// first request.
type Server struct {
	*httptest.Server
	mu       sync.Mutex
	Sessions map[string]*Session // by secret
	Files    map[string]*Stored  // by id
	received int64               // bytes of all bodies of sessions
	requests []string            // method and path

	// What goes wrong; called with mu held, nil: nothing.
	CutAfter func() int64                      // bytes of a body of a session, or of a download, after which the connection breaks; < 0: none
	Answer   func(r *http.Request) (int, bool) // answers at once
}

// Session is an upload under way.
type Session struct {
	Name, Type, KeyHash, Region string
	Size                        int64
	Data                        []byte
	Done                        string // id of the file that it became
	Busy                        int    // how many requests find another writer
}

// Stored is a file.
type Stored struct {
	File    lockr.File
	KeyHash string
	Data    []byte
	ETag    string
}

// New starts a server that the test stops. It knows one token, "token", and one
// password, "right".
func New(t *testing.T) *Server {
	t.Helper()
	f := &Server{Sessions: map[string]*Session{}, Files: map[string]*Stored{}}
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
	mux.HandleFunc("GET /api/v1/download/{id}", f.Download)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.Path)
		answer := f.Answer
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

// Took tells how many bytes of sessions came, and how many requests.
func (f *Server) Took() (received int64, requests int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received, len(f.requests)
}

// With lets a test look and change while no request does.
func (f *Server) With(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func problem(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "a sentence", "code": code})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer token" {
		return true
	}
	problem(w, http.StatusUnauthorized, "unauthorized")
	return false
}

func (f *Server) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Identifier, Password string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	if in.Password != "right" {
		problem(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	reply(w, http.StatusOK, map[string]any{"token": "token", "tokenType": "Bearer", "account": map[string]any{"username": in.Identifier}})
}

func (f *Server) account(w http.ResponseWriter, r *http.Request) {
	if f.authorized(w, r) {
		reply(w, http.StatusOK, map[string]any{"username": "alice", "quota": 100, "used": 7})
	}
}

func (f *Server) create(w http.ResponseWriter, r *http.Request) {
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
	f.Sessions[secret] = &Session{Name: in.Name, Type: in.Type, KeyHash: in.KeyHash, Size: in.Size, Region: r.Header.Get("X-Upload-Region")}
	f.mu.Unlock()
	reply(w, http.StatusCreated, map[string]any{
		"id": "us_x_" + in.Name, "uploadUrl": f.URL + "/api/v1/upload/session/" + secret, "region": "us", "size": in.Size, "expiresAt": time.Now().Add(time.Hour),
	})
}

func (f *Server) put(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.Sessions[r.PathValue("secret")]
	rng := r.Header.Get("Content-Range")
	var first, last, total int64
	_, scanned := fmt.Sscanf(rng, "bytes %d-%d/%d", &first, &last, &total)
	switch {
	case s == nil || r.Header.Get("Authorization") != "":
		problem(w, http.StatusGone, "session_gone")
		return
	case s.Busy > 0:
		s.Busy--
		problem(w, http.StatusConflict, "session_busy")
		return
	case s.Done != "":
		reply(w, http.StatusCreated, f.Files[s.Done].File)
		return
	case scanned == nil && total != s.Size:
		problem(w, http.StatusBadRequest, "size_mismatch")
		return
	case scanned == nil && first <= int64(len(s.Data)):
		have := int64(len(s.Data))
		if !f.receive(w, r, s, have-first) {
			return
		}
	}
	if int64(len(s.Data)) == s.Size && !strings.HasPrefix(rng, "bytes */") {
		s.Done = f.Store(s.Name, s.Data, s.Type, s.KeyHash).ID
		reply(w, http.StatusCreated, f.Files[s.Done].File)
		return
	}
	if len(s.Data) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(s.Data)-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// receive takes the body of a request, as far as it comes, after skip bytes.
func (f *Server) receive(w http.ResponseWriter, r *http.Request, s *Session, skip int64) bool {
	var body io.Reader = r.Body
	cut := int64(-1)
	if f.CutAfter != nil {
		if cut = f.CutAfter(); cut >= 0 {
			body = io.LimitReader(body, cut)
		}
	}
	data, _ := io.ReadAll(body)
	f.received += int64(len(data))
	s.Data = append(s.Data, data[min(skip, int64(len(data))):]...)
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

// Store adds a file.
func (f *Server) Store(name string, data []byte, typ, keyHash string) lockr.File {
	sum := sha256.Sum256(data)
	id := fmt.Sprintf("us_%d_%s", len(f.Files)+1, name)
	file := lockr.File{ID: id, Name: name, Size: int64(len(data)), Type: typ, HasKey: keyHash != "", SHA256: hex.EncodeToString(sum[:]), URL: f.URL + "/download/" + id}
	f.Files[id] = &Stored{File: file, Data: bytes.Clone(data), KeyHash: keyHash, ETag: fmt.Sprintf(`"%x"`, sum[:8])}
	return file
}

func (f *Server) cancel(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Sessions[r.PathValue("secret")] == nil {
		problem(w, http.StatusGone, "session_gone")
		return
	}
	delete(f.Sessions, r.PathValue("secret"))
	w.WriteHeader(http.StatusNoContent)
}

func (f *Server) direct(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	reply(w, http.StatusCreated, f.Store(r.Header.Get("X-File-Name"), data, r.Header.Get("Content-Type"), r.Header.Get("X-Key-Hash")))
}

func (f *Server) list(w http.ResponseWriter, r *http.Request) {
	if !f.authorized(w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	out := map[string]any{"files": []lockr.File{}}
	if at < len(f.Files) { // a page of one
		for id, s := range f.Files {
			if strings.HasPrefix(id, fmt.Sprintf("us_%d_", at+1)) {
				out["files"] = []lockr.File{s.File}
			}
		}
		out["nextCursor"] = strconv.Itoa(at + 1)
	}
	reply(w, http.StatusOK, out)
}

func (f *Server) register(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.Files[in.ID]; s != nil {
		reply(w, http.StatusOK, s.File)
		return
	}
	problem(w, http.StatusNotFound, "not_found")
}

func (f *Server) setKey(w http.ResponseWriter, r *http.Request) {
	in := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.Files[r.PathValue("id")]
	if s == nil {
		problem(w, http.StatusNotFound, "not_found")
		return
	}
	s.KeyHash, _ = in["keyHash"].(string)
	reply(w, http.StatusOK, map[string]any{"id": s.File.ID, "hasKey": s.KeyHash != ""})
}

func (f *Server) remove(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Files[r.PathValue("id")] == nil {
		problem(w, http.StatusNotFound, "not_found")
		return
	}
	delete(f.Files, r.PathValue("id"))
	reply(w, http.StatusOK, map[string]any{"deleted": true})
}

// Download answers a download.
func (f *Server) Download(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.Files[r.PathValue("id")]
	switch hash := r.URL.Query().Get("keyHash"); {
	case s == nil:
		problem(w, http.StatusNotFound, "not_found")
		return
	case s.KeyHash != "" && hash == "" && r.Header.Get("Authorization") == "":
		problem(w, http.StatusForbidden, "key_required")
		return
	case s.KeyHash != "" && hash != s.KeyHash && r.Header.Get("Authorization") == "":
		problem(w, http.StatusForbidden, "wrong_key")
		return
	}
	sum, _ := hex.DecodeString(s.File.SHA256)
	w.Header().Set("ETag", s.ETag)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.File.Name}))
	w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	if f.CutAfter != nil && r.Method == http.MethodGet {
		if n := f.CutAfter(); n >= 0 {
			w = &cutting{ResponseWriter: w, left: n}
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.Data))
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
