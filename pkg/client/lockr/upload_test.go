package lockr_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/pkg/client/lockr/lockrtest"
)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func upload(t *testing.T, c *lockr.Client, data []byte, o *lockr.UploadOptions) (lockr.File, error) {
	t.Helper()
	return c.Upload(t.Context(), "film.mkv", bytes.NewReader(data), int64(len(data)), o)
}

func TestUpload_Whole(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1 << 20} {
		f := lockrtest.New(t)
		data := random(n)
		var last, total int64
		file, err := upload(t, client(t, f, "token"), data, &lockr.UploadOptions{
			Attributes: lockr.Attributes{Type: "video/x-matroska", Key: "open sesame", Region: "eu"},
			Progress:   func(done, of int64) { last, total = done, of },
		})
		if err != nil || file.Size != int64(n) || !bytes.Equal(f.Files[file.ID].Data, data) {
			t.Fatalf("%d bytes: %+v, %v", n, file, err)
		}
		if last != int64(n) || total != int64(n) {
			t.Errorf("progress ends at %d of %d", last, total)
		}
		for _, s := range f.Sessions {
			if s.KeyHash != lockr.KeyHash("open sesame") || s.Type != "video/x-matroska" || s.Region != "eu" || s.Name != "film.mkv" {
				t.Errorf("%+v", s)
			}
		}
	}
}

func TestUpload_CutAgainAndAgain(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	cuts := 40
	f.CutAfter = func() int64 {
		if cuts--; cuts < 0 {
			return -1
		}
		return rand.Int64N(100_000) + 1
	}
	data := random(8 << 20)
	file, err := upload(t, client(t, f, ""), data, nil)
	if err != nil || !bytes.Equal(f.Files[file.ID].Data, data) {
		t.Fatalf("%+v, %v", file, err)
	}
	if n, _ := f.Took(); n != int64(len(data)) {
		t.Errorf("%d bytes were taken for %d", n, len(data))
	}
}

func TestUpload_Failures(t *testing.T) {
	t.Parallel()
	failing := func(times int, status int, method string) func(*http.Request) (int, bool) {
		return func(r *http.Request) (int, bool) {
			if r.Method != method || times == 0 {
				return 0, false
			}
			times--
			return status, true
		}
	}
	for name, c := range map[string]struct {
		answer func(*http.Request) (int, bool)
		cut    int64 // always; 0: never
		want   error // nil: it succeeds
	}{
		"creation away for a while": {failing(3, http.StatusServiceUnavailable, "POST"), 0, nil},
		"creation refused":          {failing(-1, http.StatusForbidden, "POST"), 0, lockr.Code("fake")},
		"bytes away for a while":    {failing(4, http.StatusBadGateway, "PUT"), 0, nil},
		"internal error, once":      {failing(1, http.StatusInternalServerError, "PUT"), 0, nil},
		"slow body, once":           {failing(1, http.StatusRequestTimeout, "PUT"), 0, nil},
		"bytes refused":             {failing(-1, http.StatusRequestEntityTooLarge, "PUT"), 0, lockr.Code("fake")},
		"away for ever":             {failing(-1, http.StatusServiceUnavailable, "PUT"), 0, lockr.Code("fake")},
		"cut for ever":              {nil, -1, io.EOF},
	} {
		f := lockrtest.New(t)
		f.Answer = c.answer
		if c.cut < 0 {
			f.CutAfter = func() int64 { return 0 }
		}
		file, err := upload(t, client(t, f, "token"), random(100_000), nil)
		if (c.want == nil) != (err == nil) || c.want != nil && c.cut == 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, file, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "upload film.mkv: ") && !strings.HasPrefix(err.Error(), "look for the upload") {
			t.Errorf("%s: the error does not say what was being done: %v", name, err)
		}
	}
}

func TestUpload_Resume(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	c := client(t, f, "")
	data := random(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	var kept lockr.Session
	f.CutAfter = func() int64 { cancel(); return 700_000 }
	_, err := c.Upload(ctx, "film.mkv", bytes.NewReader(data), int64(len(data)), &lockr.UploadOptions{Save: func(s lockr.Session) error { kept = s; return nil }})
	if !errors.Is(err, context.Canceled) || kept.UploadURL == "" {
		t.Fatalf("%+v, %v", kept, err)
	}
	before, _ := f.Took()
	f.With(func() { f.CutAfter = nil })
	first := int64(-1)
	file, err := upload(t, c, data, &lockr.UploadOptions{
		Session: &kept, Save: func(lockr.Session) error { return errors.New("a second session") },
		Progress: func(done, _ int64) {
			if first < 0 {
				first = done
			}
		},
	})
	if err != nil || !bytes.Equal(f.Files[file.ID].Data, data) || first != before {
		t.Fatalf("%v: %d before, progress from %d", err, before, first)
	}
	if n, _ := f.Took(); n != int64(len(data)) {
		t.Errorf("%d bytes were taken for %d", n, len(data))
	}
	// The answer was lost: the finished session tells it again.
	again, err := upload(t, c, data, &lockr.UploadOptions{Session: &kept})
	if err != nil || again.ID != file.ID {
		t.Errorf("%+v, %v", again, err)
	}
	// Other bytes under the same session are noticed.
	if _, err := upload(t, c, random(1<<20 + 1)[:1<<20], &lockr.UploadOptions{Session: &kept}); !errors.Is(err, lockr.ErrChecksum) {
		t.Errorf("other bytes: %v", err)
	}
	// A session that is gone begins anew.
	if err := c.Cancel(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	var fresh lockr.Session
	file, err = upload(t, c, data, &lockr.UploadOptions{Session: &kept, Save: func(s lockr.Session) error { fresh = s; return nil }})
	if err != nil || fresh.UploadURL == "" || fresh.UploadURL == kept.UploadURL || !bytes.Equal(f.Files[file.ID].Data, data) {
		t.Errorf("%+v, %v", file, err)
	}
	if err := c.Cancel(t.Context(), kept); !errors.Is(err, lockr.ErrSessionGone) {
		t.Errorf("cancelled twice: %v", err)
	}
}

func TestUpload_Busy(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	c, err := lockr.New(lockr.Config{Endpoint: f.URL, MaxAttempts: 3, MaxWait: 1200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	data := random(1000)
	s, err := c.CreateSession(t.Context(), "a", 1000, lockr.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	for _, session := range f.Sessions {
		session.Data = data[:10]
	}
	begin := true
	f.Answer = func(r *http.Request) (int, bool) {
		if r.Method == http.MethodPut && !strings.Contains(r.Header.Get("Content-Range"), "*") && begin {
			begin = false
			for _, session := range f.Sessions {
				session.Busy = 1
			}
		}
		return 0, false
	}
	file, err := c.Upload(t.Context(), "a", bytes.NewReader(data), 1000, &lockr.UploadOptions{Session: &s})
	if err != nil || !bytes.Equal(f.Files[file.ID].Data, data) {
		t.Errorf("%+v, %v", file, err)
	}
}

// shrinking is a file that has fewer bytes than it had.
type shrinking struct{ *bytes.Reader }

func TestUpload_SourceFails(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	c := client(t, f, "")
	_, err := c.Upload(t.Context(), "a", shrinking{bytes.NewReader(random(10))}, 20, nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "10 bytes, 20 were announced") {
		t.Errorf("a short file: %v", err)
	}
	if _, n := f.Took(); n > 4 {
		t.Errorf("%d requests for a file that cannot be read", n)
	}
	if _, err := c.Upload(t.Context(), "a", bytes.NewReader(nil), 1, &lockr.UploadOptions{Save: func(lockr.Session) error { return io.ErrShortWrite }}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a state that cannot be kept: %v", err)
	}
}

func TestUpload_GuestKeyIsRefused(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	if _, err := upload(t, client(t, f, ""), random(1), &lockr.UploadOptions{Attributes: lockr.Attributes{Key: "x"}}); !errors.Is(err, lockr.ErrGuestKey) {
		t.Error(err)
	}
}

func TestUploadStream(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	data := random(300_000)
	for _, size := range []int64{-1, int64(len(data))} {
		file, err := client(t, f, "token").UploadStream(t.Context(), "ä b%.txt", io.MultiReader(bytes.NewReader(data)), size, lockr.Attributes{Type: "text/plain", Key: "k"})
		s := f.Files[file.ID]
		if err != nil || !bytes.Equal(s.Data, data) || s.File.Name != "%C3%A4%20b%25.txt" || s.KeyHash != lockr.KeyHash("k") || s.File.Type != "text/plain" {
			t.Errorf("%+v, %v", file, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(data), errReader{})
	if _, err := client(t, f, "").UploadStream(t.Context(), "x", broken, -1, lockr.Attributes{}); err == nil || len(f.Files) != 2 {
		t.Errorf("a stream that breaks off is stored: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the pipe broke") }

func FuzzDurable(f *testing.F) {
	for _, s := range []string{"", "bytes=0-0", "bytes=0-99", "bytes=1-2", "bytes=0--1", "bytes=0-9223372036854775807", "bytes=0-99999999999999999999", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := lockr.Durable(s); n < 0 || err != nil && n != 0 || err == nil && n == 0 && s != "" {
			t.Fatalf("%q: %d, %v", s, n, err)
		}
	})
}
