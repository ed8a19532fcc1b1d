package lockr_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/pkg/client/lockr/lockrtest"
)

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func wantFile(t *testing.T, f *os.File, size int64, want []byte) {
	t.Helper()
	got := make([]byte, size)
	if _, err := f.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestDownload_Whole(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	data := random(1 << 20)
	keyed := f.Store("ä \"b\".txt", data, "", lockr.KeyHash("sesame"))
	empty := f.Store("empty", nil, "", "")
	for name, c := range map[string]struct {
		token string
		id    string
		a     lockr.Access
		want  []byte
		err   error
	}{
		"by key":        {"", keyed.ID, lockr.Access{Key: "sesame"}, data, nil},
		"by hash":       {"", keyed.ID, lockr.Access{KeyHash: lockr.KeyHash("sesame")}, data, nil},
		"by query":      {"", keyed.ID, lockr.Access{Query: map[string][]string{"keyHash": {lockr.KeyHash("sesame")}}}, data, nil},
		"as owner":      {"token", keyed.ID, lockr.Access{}, data, nil},
		"without a key": {"", keyed.ID, lockr.Access{}, nil, lockr.ErrKeyRequired},
		"wrong key":     {"", keyed.ID, lockr.Access{Key: "simsim"}, nil, lockr.ErrWrongKey},
		"unknown":       {"", "us_9_x", lockr.Access{}, nil, lockr.ErrNotFound},
		"empty":         {"", empty.ID, lockr.Access{}, nil, nil},
	} {
		file := tempFile(t)
		info, err := client(t, f, c.token).Download(t.Context(), c.id, file, &lockr.DownloadOptions{Access: c.a})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		wantFile(t, file, info.Size, c.want)
		if c.want != nil && info.Name != "ä \"b\".txt" {
			t.Errorf("%s: %+v", name, info)
		}
		head, err := client(t, f, c.token).Head(t.Context(), c.id, &c.a)
		if !errors.Is(err, c.err) || err == nil && (head.Size != int64(len(c.want)) || head.ETag != info.ETag || head.SHA256 == nil) {
			t.Errorf("%s, HEAD: %+v, %v", name, head, err)
		}
	}
}

func TestDownload_CutAgainAndAgain(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	data := random(4 << 20)
	id := f.Store("a", data, "", "").ID
	cuts := 30
	f.CutAfter = func() int64 {
		if cuts--; cuts < 0 {
			return -1
		}
		return rand.Int64N(100_000) + 1
	}
	file := tempFile(t)
	info, err := client(t, f, "").Download(t.Context(), id, file, nil)
	if err != nil || info.Size != int64(len(data)) {
		t.Fatalf("%+v, %v", info, err)
	}
	wantFile(t, file, info.Size, data)
	if cuts >= 0 {
		t.Errorf("%d cuts were not made", cuts)
	}
}

func TestDownload_Resume(t *testing.T) {
	t.Parallel()
	data := random(1 << 20)
	for name, c := range map[string]struct {
		damage func(f *lockrtest.Server, id string, file *os.File)
		sent   int64 // of the first byte that may come again
		err    error
	}{
		"as it was":    {func(*lockrtest.Server, string, *os.File) {}, 500_000, nil},
		"another file": {func(f *lockrtest.Server, id string, _ *os.File) { f.Files[id].ETag = `"other"` }, 0, nil},
		"damaged here": {func(_ *lockrtest.Server, _ string, file *os.File) { _, _ = file.WriteAt([]byte("!"), 7) }, 500_000, lockr.ErrChecksum},
		"shorter there": {func(f *lockrtest.Server, id string, _ *os.File) {
			f.Files[id].ETag = `"other"`
			f.Files[id].Data = data[:100]
		}, 0, lockr.ErrChecksum},
	} {
		f := lockrtest.New(t)
		id := f.Store("a", data, "", "").ID
		state, err := client(t, f, "").Head(t.Context(), id, nil)
		if err != nil {
			t.Fatal(err)
		}
		file := tempFile(t)
		if _, err := file.Write(data[:500_000]); err != nil {
			t.Fatal(err)
		}
		c.damage(f, id, file)
		first := int64(-1)
		saved := 0
		info, err := client(t, f, "").Download(t.Context(), id, file, &lockr.DownloadOptions{
			Offset: 500_000, State: &state, Save: func(lockr.Info) error { saved++; return nil },
			Progress: func(done, _ int64) {
				if first < 0 {
					first = done
				}
			},
		})
		if !errors.Is(err, c.err) || first != c.sent || (saved == 0) != (c.sent > 0) {
			t.Errorf("%s: %v, from %d, saved %d times", name, err, first, saved)
		}
		if err == nil {
			wantFile(t, file, info.Size, data)
		}
	}
}

func TestDownload_Refuses(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"another range": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
		},
		"no range": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPartialContent) },
		"a loop":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
	} {
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		c, err := lockr.New(lockr.Config{Endpoint: srv.URL, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		var answer *lockr.Error
		if _, err := c.Download(t.Context(), "us_1_a", tempFile(t), nil); !errors.As(err, &answer) || answer.Code != lockr.ErrUnexpectedAnswer {
			t.Errorf("%s: %v", name, err)
		}
		c.CloseIdleConnections()
	}
}

func TestDownload_TokenStaysWithItsServer(t *testing.T) {
	t.Parallel()
	f := lockrtest.New(t)
	id := f.Store("a", []byte("bytes"), "", "").ID
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		f.Download(w, r)
	}))
	t.Cleanup(elsewhere.Close)
	near := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://localhost:"+elsewhere.URL[len("http://127.0.0.1:"):]+"/"+id)
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(near.Close)
	c, err := lockr.New(lockr.Config{Endpoint: near.URL, Token: "token", MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Download(t.Context(), id, tempFile(t), nil)
	if len(seen) != 1 || seen[0] != "" || !errors.Is(err, lockr.ErrNotFound) {
		t.Errorf("another server was shown %q, %v", seen, err)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "sha-256=:", "sha-256=::", "md5=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", "bytes 0-1/2", "bytes */2", "bytes -1-2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if sum := lockr.DigestOf(s); sum != nil && len(sum) != 32 {
			t.Fatalf("%q: %x", s, sum)
		}
		if n, ok := lockr.FirstByte(s); ok && n < 0 {
			t.Fatalf("%q: %d", s, n)
		}
	})
}
