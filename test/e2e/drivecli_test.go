package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// driveCLI: log in, upload with a phrase, list, download, as a user with nothing
// but the binary; and an upload that is killed and goes on.
func driveCLI(t *testing.T, w *harness.World) {
	c := account(t, w)
	l := c.Lockr()
	s := newShell(t, c)
	dir := t.TempDir()
	if _, errs, code := s.run("", "files"); code == 0 || !strings.Contains(errs, "login") {
		t.Errorf("before the login: %d %s", code, errs)
	}
	if _, _, code := s.run("wrong\n", "login", l.Username); code == 0 {
		t.Error("logged in with a wrong password")
	}
	s.must(password(l.Username)+"\n", "login", l.Username)
	path := filepath.Join(dir, "film.bin")
	data := randomBytes(t, 96<<20)
	noError(t, "write a file", os.WriteFile(path, data, 0o600))

	_, before := w.Stored(t)
	cmd, _, _ := s.command("", "upload", path, "--key", "open sesame")
	noError(t, "start", cmd.Start())
	eventually(t, "some of it is durable", func() bool { _, now := w.Stored(t); return now > before+8<<20 })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	out := s.must("", "upload", path, "--key", "open sesame", "--json")
	var f harness.File
	noError(t, "decode", json.Unmarshal([]byte(out), &f))
	if len(files(t, l, "").Files) == 2 {
		t.Log("the upload was faster than the kill")
	} else if f.Name != "film.bin" {
		t.Errorf("the second run began anew: %s", out)
	}
	if f.Size != int64(len(data)) || !f.HasKey || f.SHA256 != sha256Hex(data) {
		t.Errorf("%s", out)
	}
	if out := s.must("", "files"); !strings.Contains(out, "film.bin") {
		t.Errorf("%q", out)
	}

	guest := newShell(t, &harness.Client{URL: w.URL})
	got := filepath.Join(dir, "got")
	if _, _, code := guest.run("", "download", f.URL, "-o", got); code == 0 {
		t.Error("a guest needed no phrase")
	}
	guest.must("", "download", f.URL, "--key", "open sesame", "-o", got)
	if b, err := os.ReadFile(got); err != nil || !bytes.Equal(b, data) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	s.must("", "files", "rm", f.ID)
	l.Download(t, f.ID, "").Refuses(t, 404, "")
}
