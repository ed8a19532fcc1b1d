package wholefile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/pkg/wholefile"
)

// alone fails the test unless path is the only file of its folder, of mode 0600.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Fatalf("in the folder: %v", entries)
	}
	if st, err := entries[0].Info(); err != nil || st.Mode() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil { //nolint:gosec // open to others, as it must not stay
		t.Fatal(err)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := wholefile.Replace(path, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "after" {
		t.Errorf("%q, %v", b, err)
	}
	b := make([]byte, 10)
	if n, _ := open.Read(b); string(b[:n]) != "before" {
		t.Errorf("who had it open reads %q", b[:n])
	}
	alone(t, path)
}

// TestReplace_Readers reads while it is replaced: each sees one of the contents.
func TestReplace_Readers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	content := func(i int) []byte { return bytes.Repeat([]byte(strconv.Itoa(i%10)), 3000) }
	if err := wholefile.Replace(path, content(0)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 50 {
				if err := wholefile.Replace(path, content(i)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				b, err := os.ReadFile(path)
				if err != nil || len(b) != 3000 || !bytes.Equal(b, bytes.Repeat(b[:1], 3000)) {
					t.Errorf("%d bytes, %.20q…, %v", len(b), b, err)
				}
			}
		})
	}
	wg.Wait()
	alone(t, path)
}

func TestCreate_OneOfMany(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	won := make(chan int, 8)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch err := wholefile.Create(path, []byte(strconv.Itoa(i))); {
			case err == nil:
				won <- i
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	winner := <-won
	if again, two := <-won; two {
		t.Errorf("%d and %d have made it", winner, again)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != strconv.Itoa(winner) {
		t.Errorf("%q, %v, want %d", b, err, winner)
	}
	alone(t, path)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, write := range []func(string, []byte) error{wholefile.Replace, wholefile.Create} {
		if err := write(filepath.Join(dir, "none", "f"), nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a folder that is missing: %v", err)
		}
	}
	path := filepath.Join(dir, "d", "f")
	if err := os.MkdirAll(filepath.Join(path, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Replace(path, nil); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if err := wholefile.Create(path, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("where a folder is: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
