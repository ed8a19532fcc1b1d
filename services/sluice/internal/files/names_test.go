package files_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/sluice/internal/files"
)

// hostile are keys that must not become a path.
func hostile() []string {
	return []string{
		"", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//x", "a//b", "a/", "/", "a/./b", "nul\x00", "a/\x00/b", "not utf8 \xff",
		".sluice-0011.part", "dir/.sluice-0011.part.json", ".sluice-x.part/below",
	}
}

func TestLocalName_Hostile(t *testing.T) {
	t.Parallel()
	for _, key := range hostile() {
		if got, err := files.LocalName(key); err == nil {
			t.Errorf("%q became %q", key, got)
		}
	}
	for _, key := range []string{"a", "dir/b", "a b+c%2F", "ключ", "...", "..a", "a..", "-rf", ".sluice-profile", "~", "a\nb"} {
		if got, err := files.LocalName(key); err != nil || got != filepath.FromSlash(key) {
			t.Errorf("%q became %q, %v", key, got, err)
		}
	}
}

func FuzzLocalName(f *testing.F) {
	for _, k := range hostile() {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got, err := files.LocalName(key)
		if err != nil {
			return
		}
		if !filepath.IsLocal(got) || filepath.Clean(got) != got || strings.ContainsRune(got, 0) || filepath.ToSlash(got) != key {
			t.Fatalf("%q became %q", key, got)
		}
	})
}

func TestParseAddress_Table(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"lw://b": {"b", ""}, "lw://b/": {"b", ""}, "lw://b/k": {"b", "k"}, "lw://b//k/": {"b", "/k/"}, "lw://b/../%2F?x#y": {"b", "../%2F?x#y"},
	} {
		if b, k, err := files.ParseAddress(in); err != nil || b != want[0] || k != want[1] {
			t.Errorf("%s: %q %q %v", in, b, k, err)
		}
	}
	for _, in := range []string{"", "lw:", "lw://", "lw:///k", "s3://b/k", "b/k", "LW://b/k"} {
		if _, _, err := files.ParseAddress(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestParseRange_Table(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0-99": "bytes=0-99", "5-5": "bytes=5-5", "100-": "bytes=100-", "-50": "bytes=-50"} {
		if r, err := files.ParseRange(in); err != nil || r.String() != want {
			t.Errorf("%s: %s %v", in, r, err)
		}
	}
	for _, in := range []string{"", "-", "5", "9-5", "a-b", "--5", "-0", "+1-2", "1-2-3", "1-+2", "0-9223372036854775807", "99999999999999999999-"} {
		if r, err := files.ParseRange(in); err == nil {
			t.Errorf("%q became %s", in, r)
		}
	}
}

func TestSize_Table(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{"5": 5, "5B": 5, "64MiB": 64 << 20, "64M": 64 << 20, "1GiB": 1 << 30, "7K": 7 << 10} {
		if n, err := files.ParseSize(in); err != nil || n != want {
			t.Errorf("%s: %d %v", in, n, err)
		}
	}
	for _, in := range []string{"", "0", "-5", "MiB", "5TB", "1e3", "5 MiB", "999999999999GiB", "05M"} {
		if n, err := files.ParseSize(in); err == nil {
			t.Errorf("%q became %d", in, n)
		}
	}
}

func TestShow_HarmlessForATerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"plain ключ": "plain ключ", "a\x1b[2Jb": `a\x1b[2Jb`, "a\nb": `a\nb`, "\u202e": `\u202e`} {
		if got := files.Show(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestBar_Line(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name        string
		files       int
		done, total int64
		unknown     bool
		since       time.Duration
		width       int
		want        string
	}{
		{"film.mkv", 1, 0, 10 << 20, false, 0, 80, "film.mkv  [--------------------]   0%  0 B/10.0 MiB"},
		{"film.mkv", 1, 5 << 20, 10 << 20, false, 5 * time.Second, 80, "film.mkv  [##########----------]  50%  5.0 MiB/10.0 MiB  1.0 MiB/s  5s left"},
		{"x", 3, 1 << 30, 1 << 30, false, time.Second, 80, "3 files  [####################] 100%  1.0 GiB/1.0 GiB  1.0 GiB/s"},
		{"standard input", 1, 1536, -1, true, 0, 80, "standard input  1.5 KiB"},
		{"a very long name of a film.mkv", 1, 0, 100, false, 0, 50, "a very l…  [--------------------]   0%  0 B/100 B"},
		{"x", 1, 0, 100, false, 0, 10, "  [------"},
	} {
		got := files.BarLine(k.name, k.files, k.done, k.total, k.unknown, k.since, k.width)
		if got != k.want || utf8.RuneCountInString(got) >= k.width {
			t.Errorf("%q, want %q", got, k.want)
		}
	}
}
