package lockwell_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// fake is a server of one bucket in memory, with a hook for bad behaviour.
type fake struct {
	url string

	mu      sync.Mutex
	hook    func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	mints   int
	seen    []string // method and raw path of each request but mints
	objects map[string][]byte
	uploads map[string]map[int][]byte // by upload id
	keys    map[string]string         // of the uploads
	aborted []string
}

func newFake(t *testing.T) (*fake, *lockwell.Client) {
	t.Helper()
	f := &fake{objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}, keys: map[string]string{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f, f.client(t, lockwell.Config{})
}

func (f *fake) client(t *testing.T, cfg lockwell.Config) *lockwell.Client {
	t.Helper()
	cfg.Endpoint, cfg.AccessKeyID, cfg.SecretKey = f.url, "LWAKTEST", "secret"
	c, err := lockwell.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// misbehave sets the hook.
func (f *fake) misbehave(hook func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// once is a hook for the first request that matches.
func once(match func(r *http.Request) bool, do http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	did := false
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		mine := !did && match(r)
		did = did || mine
		mu.Unlock()
		if mine {
			do(w, r)
		}
		return mine
	}
}

func method(m string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == m }
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q,"message":"it says no","status":%d,"requestId":"req_1"}`, code, status)
}

// cut breaks the connection off.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func (f *fake) requests(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// has reports whether a part of an upload has come whole.
func (f *fake) has(upload string, part int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.uploads[upload][part]
	return ok
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	hook := f.hook
	if r.URL.Path == "/api/v1/auth/token" {
		f.mints++
	} else {
		f.seen = append(f.seen, r.Method+" "+r.URL.EscapedPath())
	}
	mints := f.mints
	f.mu.Unlock()
	if hook != nil && hook(w, r) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	switch {
	case path == "/auth/token":
		fmt.Fprintf(w, `{"accessToken":"lwtk_%d","tokenType":"Bearer","expiresIn":3600}`, mints)
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer lwtk_"):
		problem(w, http.StatusUnauthorized, "unauthorized")
	case strings.HasPrefix(path, "/buckets/b/objects/"):
		f.object(w, r, strings.TrimPrefix(path, "/buckets/b/objects/"))
	case strings.HasPrefix(path, "/buckets/b/multipart"):
		f.multipart(w, r, strings.TrimPrefix(strings.TrimPrefix(path, "/buckets/b/multipart"), "/"))
	default:
		problem(w, http.StatusNotFound, "not_found")
	}
}

func etag(data []byte, parts int) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf(`"%x-%d"`, sum[:16], parts)
}

func crcOf(data []byte) uint64 {
	return crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
}

func b64crc(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crcOf(data)))
}

func b64sha(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (f *fake) object(w http.ResponseWriter, r *http.Request, key string) {
	if r.Method == http.MethodPut {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if want := r.Header.Get("X-Lockwell-Checksum-Sha256"); want != "" && want != b64sha(data) {
			problem(w, http.StatusBadRequest, "bad_digest")
			return
		}
		f.mu.Lock()
		f.objects[key] = data
		f.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"bucket":"b","key":%q,"versionId":"v1","etag":%q,"size":%d,"checksums":{"sha256":%q}}`, key, etag(data, 1), len(data), b64sha(data))
		return
	}
	f.mu.Lock()
	data, ok := f.objects[key]
	if r.Method == http.MethodDelete {
		delete(f.objects, key)
	}
	f.mu.Unlock()
	switch {
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		problem(w, http.StatusNotFound, "not_found")
	default:
		h := w.Header()
		h.Set("ETag", etag(data, 1))
		h.Set("X-Lockwell-Version-Id", "v1")
		h.Set("X-Lockwell-Checksum-Sha256", b64sha(data))
		h.Set("X-Lockwell-Checksum-Crc64nvme", b64crc(data))
		h.Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader(string(data)))
	}
}

func (f *fake) multipart(w http.ResponseWriter, r *http.Request, tail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, rest, _ := strings.Cut(tail, "/")
	verb, rest, _ := strings.Cut(rest, "/")
	switch {
	case r.Method == http.MethodGet && tail == "":
		type open struct {
			Key      string `json:"key"`
			UploadID string `json:"uploadId"`
		}
		list := []open{}
		for id, key := range f.keys {
			if strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
				list = append(list, open{key, id})
			}
		}
		slices.SortFunc(list, func(a, b open) int { return strings.Compare(a.Key+"\x00"+a.UploadID, b.Key+"\x00"+b.UploadID) })
		_ = json.NewEncoder(w).Encode(map[string]any{"uploads": list})
	case r.Method == http.MethodPost && !strings.HasPrefix(tail, "mpu_"):
		id := fmt.Sprintf("mpu_%d", len(f.uploads)+1)
		f.uploads[id], f.keys[id] = map[int][]byte{}, tail
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"uploadId":%q,"bucket":"b","key":%q}`, id, tail)
	case f.uploads[id] == nil:
		problem(w, http.StatusNotFound, "not_found")
	case r.Method == http.MethodPut:
		f.mu.Unlock()
		data, err := io.ReadAll(r.Body)
		f.mu.Lock()
		if err != nil || f.uploads[id] == nil { // aborted meanwhile
			return
		}
		number, _, _ := strings.Cut(rest, "/")
		n, _ := strconv.Atoi(number)
		f.uploads[id][n] = data
		fmt.Fprintf(w, `{"partNumber":%d,"etag":%q,"size":%d}`, n, etag(data, 1), len(data))
	case verb == "parts":
		f.parts(w, r, id)
	case verb == "complete":
		f.complete(w, r, id)
	case r.Method == http.MethodDelete:
		delete(f.uploads, id)
		delete(f.keys, id)
		f.aborted = append(f.aborted, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// parts answers two at a time, so that there are pages.
func (f *fake) parts(w http.ResponseWriter, r *http.Request, id string) {
	after, _ := strconv.Atoi(r.URL.Query().Get("partNumberMarker"))
	type part struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
		Size   int    `json:"size"`
	}
	list := []part{}
	for n, data := range f.uploads[id] {
		if n > after {
			list = append(list, part{n, etag(data, 1), len(data)})
		}
	}
	slices.SortFunc(list, func(a, b part) int { return a.Number - b.Number })
	page := map[string]any{"parts": list}
	if len(list) > 2 {
		page = map[string]any{"parts": list[:2], "isTruncated": true, "nextPartNumberMarker": list[1].Number}
	}
	_ = json.NewEncoder(w).Encode(page)
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request, id string) {
	var in struct {
		Parts []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, http.StatusBadRequest, "invalid_request")
		return
	}
	var whole, sums []byte
	for _, p := range in.Parts {
		data, ok := f.uploads[id][p.PartNumber]
		if !ok || etag(data, 1) != p.ETag {
			problem(w, http.StatusBadRequest, "invalid_part")
			return
		}
		sum := sha256.Sum256(data)
		whole, sums = append(whole, data...), append(sums, sum[:]...)
	}
	f.objects[f.keys[id]] = whole
	fmt.Fprintf(w, `{"bucket":"b","key":%q,"versionId":"v1","etag":%q,"size":%d,"checksums":{"sha256":%q,"crc64nvme":%q},"checksumType":{"sha256":"COMPOSITE"}}`,
		f.keys[id], etag(sums, len(in.Parts)), len(whole), b64sha(sums), b64crc(whole))
	delete(f.keys, id)
}
