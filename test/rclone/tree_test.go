package rclone_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// awkward are names that file systems have and URLs, XML or shells trip over.
func awkward() []string {
	return []string{
		"with space", " leading space", "trailing dot.", "100%", "%41 is not A", "%2F", "a+b&c=d;e", "what?", "#hash", "semi;colon", "colon:name", "back\\slash",
		"quote\"s'", "<tag>&amp;", "star*", "pipe|", "new\nline", "tab\tstop", "bell\a", "~tilde", "@at", "[brackets]", "{curly}", "$dollar", "`tick`", "-dash", "--flag=x",
		"ümläut", "u\u0308 decomposed", "\u00fc composed", "日本語", "emoji 🦀", "עברית", "zero\u200bwidth", "ﬁ ligature", ".hidden", "...", "name.", "UPPER", "upper",
		strings.Repeat("long", 60),
	}
}

// plant makes a tree of n small files and one of big bytes; it gives the number of
// files. Times are of any year, with parts of a second.
func plant(t *testing.T, root string, n int, big int64, rng *rand.Rand) int {
	t.Helper()
	files := 0
	add := func(path string, size int64) {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		fill(t, full, size, rng)
		files++
	}
	for _, name := range awkward() {
		add("awkward/"+name+"/"+name, rng.Int64N(200))
	}
	deep := "deep"
	for i := range 40 {
		deep += fmt.Sprintf("/level %d", i)
	}
	add(deep+"/bottom.txt", 10)
	add("big.bin", big)
	for i := range n {
		size := rng.Int64N(4 << 10)
		if i%10 == 0 {
			size = 0
		}
		add(fmt.Sprintf("dir-%02d/sub %d/file-%04d.txt", i%20, i%3, i), size)
	}
	return files
}

// fill writes a file that is not like any other.
func fill(t *testing.T, path string, size int64, rng *rand.Rand) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rng.Uint32())
	}
	if _, err := io.CopyN(f, rand.NewChaCha8(seed), size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	mod := time.Unix(rng.Int64N(1_700_000_000), rng.Int64N(1e9))
	if err := os.Chtimes(path, mod, mod); err != nil {
		t.Fatal(err)
	}
}

// entry is what a file is compared by.
type entry struct {
	sum  [sha256.Size]byte
	mod  int64 // seconds: WebDAV has no finer times
	size int64
}

func read(t *testing.T, root string) map[string]entry {
	t.Helper()
	out := map[string]entry{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		st, err2 := f.Stat()
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		out[rel] = entry{sum: [sha256.Size]byte(h.Sum(nil)), mod: st.ModTime().Unix(), size: n}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// equal wants the same names, contents and times in both directories.
func equal(t *testing.T, want, got string) {
	t.Helper()
	a, b := read(t, want), read(t, got)
	for name, e := range a {
		if other, there := b[name]; !there || other != e {
			t.Errorf("%q: %v there, %d bytes of %d, time %d of %d", name, there, other.size, e.size, other.mod, e.mod)
		}
	}
	for name := range b {
		if _, there := a[name]; !there {
			t.Errorf("%q came out of nowhere", name)
		}
	}
}

// source is where a test's choices come from.
func source(t *testing.T) *rand.Rand {
	seed := harness.Seed(t)
	return rand.New(rand.NewPCG(seed, seed))
}
