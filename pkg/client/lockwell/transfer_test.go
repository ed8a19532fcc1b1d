package lockwell_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = rng.Read(b)
	return b
}

func read(t *testing.T, r *lockwell.Reader, err error) ([]byte, error) {
	t.Helper()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestGet_GoesOnAfterACut(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	data := random(1 << 20)
	f.objects["k"] = data
	var cuts atomic.Int64
	f.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || cuts.Add(1) > 3 {
			return false
		}
		// A piece less than was announced, then the connection breaks.
		f.object(&breaksOff{ResponseWriter: w, left: 200_000}, r, "k")
		panic(http.ErrAbortHandler)
	})
	var last int64
	r, err := c.Get(t.Context(), "b", "k", &lockwell.GetOptions{Progress: func(done, _ int64) { last = done }})
	if got, err := read(t, r, err); err != nil || !bytes.Equal(got, data) || last != int64(len(data)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n := f.requests("GET "); n != 4 {
		t.Errorf("%d requests", n)
	}
}

// breaksOff lets only so many bytes out.
type breaksOff struct {
	http.ResponseWriter
	left int
}

func (b *breaksOff) Write(p []byte) (int, error) {
	n, err := b.ResponseWriter.Write(p[:min(len(p), b.left)])
	b.left -= n
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

func TestGet_ChangedAfterACut(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = random(1 << 20)
	f.misbehave(once(method(http.MethodGet), func(w http.ResponseWriter, r *http.Request) {
		f.object(&breaksOff{ResponseWriter: w, left: 200_000}, r, "k")
		f.mu.Lock()
		f.objects["k"] = random(1<<20 + 1)
		f.mu.Unlock()
		panic(http.ErrAbortHandler)
	}))
	r, err := c.Get(t.Context(), "b", "k", nil)
	if _, err := read(t, r, err); !errors.Is(err, lockwell.ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestGet_NeverWhole(t *testing.T) {
	t.Parallel()
	f := &fake{objects: map[string][]byte{"k": random(1 << 20)}}
	c := inBubble(t, lockwell.Config{MaxAttempts: 2}, func(r *http.Request) (*http.Response, error) {
		resp := answer(200, "abc", "ETag", `"e"`)
		resp.ContentLength = int64(len(f.objects["k"]))
		if r.Header.Get("Range") != "" {
			return nil, errors.New("connection refused")
		}
		return resp, nil
	})
	r, err := c.Get(t.Context(), "b", "k", nil)
	if got, err := read(t, r, err); err == nil || string(got) != "abc" || !strings.Contains(err.Error(), "get b/k") {
		t.Errorf("%q %v", got, err)
	}
}

func TestGet_WrongBytes(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = []byte("what is stored")
	damage := func(composite string) {
		f.misbehave(once(method(http.MethodGet), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Lockwell-Checksum-Sha256", b64sha(f.objects["k"]))
			w.Header().Set("X-Lockwell-Checksum-Crc64nvme", b64crc(f.objects["k"]))
			w.Header().Set("X-Lockwell-Checksum-Type", composite)
			_, _ = w.Write([]byte("what is st0red"))
		}))
	}
	for _, kind := range []string{"", "sha256=COMPOSITE, crc64nvme=FULL_OBJECT"} {
		damage(kind)
		r, err := c.Get(t.Context(), "b", "k", nil)
		if _, err := read(t, r, err); !errors.Is(err, lockwell.ErrChecksum) {
			t.Errorf("%q: %v", kind, err)
		}
	}
	damage("")
	r, err := c.Get(t.Context(), "b", "k", &lockwell.GetOptions{SkipVerify: true})
	if got, err := read(t, r, err); err != nil || len(got) != 14 {
		t.Errorf("%q %v", got, err)
	}
	f.misbehave(once(method(http.MethodGet), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		w.Header().Set("X-Lockwell-Checksum-Sha256", "!!!")
		_, _ = w.Write([]byte("more")[:4])
	}))
	r, err = c.Get(t.Context(), "b", "k", nil)
	if got, err := read(t, r, err); err != nil || string(got) != "more" {
		t.Errorf("a checksum that cannot be read: %q %v", got, err)
	}
}

func TestGet_Ranges(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = []byte("0123456789")
	for _, k := range []struct {
		r    lockwell.Range
		want string
	}{{lockwell.Range{Offset: 2, Length: 3}, "234"}, {lockwell.Range{Offset: 7}, "789"}, {lockwell.Range{Offset: -4}, "6789"}, {lockwell.Range{Length: 100}, "0123456789"}} {
		r, err := c.Get(t.Context(), "b", "k", &lockwell.GetOptions{Range: &k.r})
		if got, err := read(t, r, err); err != nil || string(got) != k.want || r.Size != 10 {
			t.Errorf("%+v: %q %v", k.r, got, err)
		}
	}
	if _, err := c.Get(t.Context(), "b", "k", &lockwell.GetOptions{Range: &lockwell.Range{Offset: 10}}); !errors.Is(err, lockwell.ErrRangeNotSatisfiable) {
		t.Errorf("%v", err)
	}
	info, err := c.Head(t.Context(), "b", "k", nil)
	if err != nil || info.Size != 10 {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "b", "k", &lockwell.GetOptions{IfNoneMatch: info.ETag}); !errors.Is(err, lockwell.ErrNotModified) {
		t.Errorf("%v", err)
	}
	if _, err := c.Head(t.Context(), "b", "none", nil); !errors.Is(err, lockwell.ErrNotFound) {
		t.Errorf("HEAD has no body to say so: %v", err)
	}
}

// small are options that make several parts of little data; parts on the
// server below the API's least size are not taken up, so tests of resuming
// use MinPartSize.
func small(o lockwell.UploadOptions) *lockwell.UploadOptions {
	o.PartSize, o.Threshold = 1000, 1000
	return &o
}

func TestUpload_Bodies(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 999, 1000, 1001, 3000, 12345} {
		data := random(n)
		for name, body := range map[string]func() io.Reader{
			"file":   func() io.Reader { return bytes.NewReader(data) },
			"stream": func() io.Reader { return io.MultiReader(bytes.NewReader(data)) },
			"buffer": func() io.Reader { return bytes.NewBuffer(bytes.Clone(data)) },
		} {
			t.Run(name+strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				f, c := newFake(t)
				var last, total int64
				o, err := c.Upload(t.Context(), "b", "dir/k", body(), small(lockwell.UploadOptions{Progress: func(d, n int64) { last, total = d, n }}))
				if err != nil || o.Size != int64(n) || !bytes.Equal(f.objects["dir/k"], data) {
					t.Fatalf("%v: %d bytes", err, len(f.objects["dir/k"]))
				}
				if n > 0 && (last != int64(n) || total != int64(n) && total != -1) {
					t.Errorf("progress ended with %d of %d", last, total)
				}
				if n > 1000 && f.requests("PUT ") != (n+999)/1000 {
					t.Errorf("%d parts", f.requests("PUT "))
				}
			})
		}
	}
}

func TestUpload_Fails(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	refuse := func(w http.ResponseWriter, r *http.Request) bool {
		third := strings.Contains(r.URL.Path, "/parts/3/")
		if third {
			for !f.has(strings.Split(r.URL.Path, "/")[6], 1) && r.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			problem(w, http.StatusInsufficientStorage, "quota_exceeded")
		}
		return third
	}
	f.misbehave(refuse)
	_, err := c.Upload(t.Context(), "b", "k", bytes.NewReader(random(9999)), small(lockwell.UploadOptions{}))
	var stopped *lockwell.InterruptedError
	if !errors.Is(err, lockwell.ErrQuotaExceeded) || !errors.As(err, &stopped) || stopped.UploadID != "" || len(f.aborted) != 1 {
		t.Errorf("%v, aborted %v", err, f.aborted)
	}
	_, err = c.Upload(t.Context(), "b", "k", bytes.NewReader(random(9999)), small(lockwell.UploadOptions{Keep: true}))
	if !errors.As(err, &stopped) || stopped.UploadID == "" || len(f.aborted) != 1 {
		t.Errorf("%v, aborted %v", err, f.aborted)
	}
	// The same id again sends what is missing.
	f.misbehave(nil)
	first := "PUT /api/v1/buckets/b/multipart/" + stopped.UploadID + "/parts/1/"
	before := f.requests(first)
	o, err := c.Upload(t.Context(), "b", "k", bytes.NewReader(random(9999)), small(lockwell.UploadOptions{UploadID: stopped.UploadID}))
	if err != nil || o.Size != 9999 || !bytes.Equal(f.objects["k"], random(9999)) {
		t.Fatalf("%v", err)
	}
	if n := f.requests(first); n != before {
		t.Errorf("the first part was sent %d times, and %d times before", n, before)
	}
	if _, err := c.Upload(t.Context(), "b", "k", bytes.NewReader(random(9999)), small(lockwell.UploadOptions{UploadID: "mpu_gone"})); !errors.Is(err, lockwell.ErrNotFound) {
		t.Errorf("an upload that is gone: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.misbehave(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/parts/2/") {
			cancel()
		}
		return false
	})
	if _, err := c.Upload(ctx, "b", "k", bytes.NewReader(random(9999)), small(lockwell.UploadOptions{})); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(f.aborted) != 2 {
		t.Errorf("a cancelled upload is aborted nevertheless: %v", f.aborted)
	}
}

func TestUpload_ResumesWhatIsThere(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	const part = lockwell.MinPartSize
	data := random(3*part + 77)
	// An older upload of another body, one of this body with two of four parts, of
	// which one was changed since, and one of a key that begins like it.
	f.uploads["mpu_a"], f.keys["mpu_a"] = map[int][]byte{1: random(part)[1:]}, "k"
	f.uploads["mpu_b"], f.keys["mpu_b"] = map[int][]byte{1: data[:part], 3: append([]byte{data[2*part] ^ 1}, data[2*part+1:3*part]...)}, "k"
	f.uploads["mpu_c"], f.keys["mpu_c"] = map[int][]byte{1: data[:part]}, "k2"
	var last int64
	o, err := c.Upload(t.Context(), "b", "k", bytes.NewReader(data), &lockwell.UploadOptions{Resume: true, Threshold: part, Progress: func(d, _ int64) { last = d }})
	if err != nil || !bytes.Equal(f.objects["k"], data) || last != int64(len(data)) || !o.Composite {
		t.Fatalf("%v, progress %d", err, last)
	}
	if n := f.requests("PUT "); n != 3 || f.requests("PUT /api/v1/buckets/b/multipart/mpu_b/parts/1/") != 0 {
		t.Errorf("%d parts were sent: %v", n, f.seen)
	}
}

func TestUpload_PartArrivesWrong(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.misbehave(once(method(http.MethodPut), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"partNumber":1,"etag":%q,"size":1000}`, etag([]byte("other"), 1))
	}))
	if _, err := c.Upload(t.Context(), "b", "k", bytes.NewReader(random(5000)), small(lockwell.UploadOptions{})); !errors.Is(err, lockwell.ErrChecksum) {
		t.Errorf("%v", err)
	}
}

func TestUpload_BodyShrinks(t *testing.T) {
	t.Parallel()
	_, c := newFake(t)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, random(5000), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c2 := c
	o := small(lockwell.UploadOptions{Concurrency: 1})
	o.Progress = func(done, _ int64) {
		if done >= 1000 {
			_ = os.Truncate(path, 1500)
		}
	}
	if _, err := c2.Upload(t.Context(), "b", "k", file, o); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

func target(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestDownload_Sizes(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	for _, n := range []int{0, 1, 1000, 1001, 54321} {
		data := random(n)
		f.objects["k"] = data
		out := target(t)
		var last int64
		if _, err := c.Download(t.Context(), "b", "k", out, &lockwell.DownloadOptions{PartSize: 1000, Progress: func(d, _ int64) { last = d }}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(out.Name()); err != nil || !bytes.Equal(got, data) || last != int64(n) {
			t.Errorf("%d: %d bytes, progress %d, %v", n, len(got), last, err)
		}
	}
}

func TestDownload_GoesOn(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	data := random(10_000)
	f.objects["k"] = data
	out := target(t)
	var kept []byte
	save := func(s lockwell.DownloadState) (err error) { kept, err = json.Marshal(s); return err }
	f.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		refuse := strings.HasPrefix(r.Header.Get("Range"), "bytes=6000-")
		if refuse {
			problem(w, http.StatusForbidden, "access_denied")
		}
		return refuse
	})
	if _, err := c.Download(t.Context(), "b", "k", out, &lockwell.DownloadOptions{PartSize: 1000, Concurrency: 1, Save: save}); !errors.Is(err, lockwell.ErrAccessDenied) {
		t.Fatal(err)
	}
	f.misbehave(nil)
	var state lockwell.DownloadState
	if err := json.Unmarshal(kept, &state); err != nil || len(state.Parts) != 6 {
		t.Fatalf("%v: %s", err, kept)
	}
	if _, err := out.WriteAt([]byte("damage"), 2100); err != nil {
		t.Fatal(err)
	}
	before := f.requests("GET ")
	if _, err := c.Download(t.Context(), "b", "k", out, &lockwell.DownloadOptions{PartSize: 333, State: &state}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out.Name()); !bytes.Equal(got, data) || f.requests("GET ")-before != 5 {
		t.Errorf("%d bytes after %d requests", len(got), f.requests("GET ")-before)
	}
	// Another object by now: the state is of no use.
	f.objects["k"] = random(4000)
	before = f.requests("GET ")
	if _, err := c.Download(t.Context(), "b", "k", out, &lockwell.DownloadOptions{PartSize: 1000, State: &state}); err != nil || f.requests("GET ")-before != 4 {
		t.Errorf("%v after %d requests", err, f.requests("GET ")-before)
	}
}

func TestDownload_Refuses(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = random(5000)
	f.misbehave(once(method(http.MethodGet), func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.objects["k"] = random(6000)
		f.mu.Unlock()
		f.object(w, r, "k")
	}))
	if _, err := c.Download(t.Context(), "b", "k", target(t), &lockwell.DownloadOptions{PartSize: 1000}); !errors.Is(err, lockwell.ErrChanged) {
		t.Errorf("changed: %v", err)
	}
	f, c = newFake(t) // the first one's may still be answering
	f.objects["k"] = random(6000)
	f.misbehave(once(method(http.MethodGet), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", etag(f.objects["k"], 1))
		w.Header().Set("Content-Range", "bytes 0-999/6000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 1000))
	}))
	if _, err := c.Download(t.Context(), "b", "k", target(t), &lockwell.DownloadOptions{PartSize: 1000, Concurrency: 1}); !errors.Is(err, lockwell.ErrChecksum) {
		t.Errorf("wrong bytes: %v", err)
	}
	if _, err := c.Download(t.Context(), "b", "none", target(t), nil); !errors.Is(err, lockwell.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	full := errors.New("disk full")
	if _, err := c.Download(t.Context(), "b", "k", writerAt(func([]byte, int64) (int, error) { return 0, full }), nil); !errors.Is(err, full) {
		t.Errorf("a file that takes nothing: %v", err)
	}
}

type writerAt func(p []byte, off int64) (int, error)

func (f writerAt) WriteAt(p []byte, off int64) (int, error) { return f(p, off) }
