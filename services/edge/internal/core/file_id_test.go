package core_test

import (
	"mime"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

func TestFileID(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"whitepaper.pdf": "whitepaper.pdf", "a b  c.tar.gz": "a-b-c.tar.gz", "отчёт.pdf": "file.pdf", "отчёт": "file", ".bashrc": "bashrc", "..": "file", "a_b.txt": "a_b.txt", "x.": "x", "-x-": "x",
		"a/../../b.txt": "a-..-..-b.txt", "no extension at all, only a sentence. And more": "no-extension-at-all-only-a-sentence.And-more", strings.Repeat("x", 200) + ".jpeg": strings.Repeat("x", 75) + ".jpeg", "": "file",
	} {
		id := core.FileIDOf(objectv1.File{Region: "us-central1", NodeID: "k3v9x2m8q1t5w7z0", Name: name})
		if id.String() != "us-central1_k3v9x2m8q1t5w7z0_"+want {
			t.Errorf("%q: %s", name, id)
		}
		if back, err := core.ParseFileID(id.String()); err != nil || back != id {
			t.Errorf("%s is read as %+v, %v", id, back, err)
		}
	}
	for _, bad := range []string{"", "_", "__", "a_b_c", "us_k3v9x2m8q1t5w7z0", "us_k3v9x2m8q1t5w7z0_", "_k3v9x2m8q1t5w7z0_x", "us_K3V9X2M8Q1T5W7Z0_x", "us_k3v9x2m8q1t5w7z0_a b", "us_k3v9x2m8q1t5w7z0_a/b", "u s_k3v9x2m8q1t5w7z0_x", "us_k3v9x2m8q1t5w7z0_é", "us_" + strings.Repeat("a", 65) + "_x"} {
		if id, err := core.ParseFileID(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, id)
		}
	}
}

func FuzzParseFileID(f *testing.F) {
	for _, s := range []string{"us-central1_k3v9x2m8q1t5w7z0_whitepaper.pdf", "a_b_c", "__", "us_k3v9x2m8q1t5w7z0_a_b_c", "us_k3v9x2m8q1t5w7z0_.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := core.ParseFileID(s)
		if err != nil {
			return
		}
		if id.String() != s || url.PathEscape(s) != s || strings.Contains(id.Region, "_") || strings.Contains(id.NodeID, "_") || len(s) > 400 {
			t.Fatalf("%q is read as %+v", s, id)
		}
	})
}

func FuzzFileIDOf(f *testing.F) {
	for _, s := range []string{"whitepaper.pdf", "..", "a/b", "\xff.txt", "x.\u202e", strings.Repeat("é", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := core.FileIDOf(objectv1.File{Region: "us-central1", NodeID: "k3v9x2m8q1t5w7z0", Name: name})
		s := id.String()
		if back, err := core.ParseFileID(s); err != nil || back != id || url.PathEscape(s) != s || path.Clean("/"+id.Name) != "/"+id.Name || len(id.Name) > 80 {
			t.Fatalf("%q gave %q: %+v, %v", name, s, back, err)
		}
	})
}

func FuzzCleanFileName(f *testing.F) {
	for _, s := range []string{"a.txt", "..", "dir/a", "a\x00b", "\u202e", strings.Repeat("é", 300) + ".txt", "\xff", "///", " . ", "a/", "a/ "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := core.CleanFileName(s)
		if ok != utf8.ValidString(s) {
			t.Fatalf("%q: %v", s, ok)
		}
		if !ok {
			return
		}
		if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00\r\n") || !utf8.ValidString(name) {
			t.Fatalf("%q gave %q", s, name)
		}
		if again, _ := core.CleanFileName(name); again != name {
			t.Fatalf("%q gave %q, and that %q", s, name, again)
		}
	})
}

func FuzzDisposition(f *testing.F) {
	for _, s := range []string{"a.txt", `a"b\c%41.txt`, "résumé.pdf", "\xff", "a\r\nSet-Cookie: x", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		v := core.Disposition("attachment", name)
		kind, params, err := mime.ParseMediaType(v)
		if err != nil || kind != "attachment" || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%q gave %q: %v", name, v, err)
		}
		if want := strings.ToValidUTF8(name, "\uFFFD"); params["filename"] != want {
			t.Fatalf("%q gave %q, read as %q", name, v, params["filename"])
		}
	})
}
