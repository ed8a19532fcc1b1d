package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
	"github.com/sluicehq/sluice/test/harness"
)

// shell runs the binary as a user with an access key does.
type shell struct {
	t   *testing.T
	bin string
	env []string
}

func newShell(t *testing.T, c *harness.Client) *shell {
	t.Helper()
	dir := t.TempDir()
	return &shell{t: t, bin: harness.Binary(t), env: append(os.Environ(),
		"HOME="+dir, "XDG_CONFIG_HOME="+dir, "SLUICE_ENDPOINT="+c.URL, "SLUICE_ACCESS_KEY_ID="+c.KeyID, "SLUICE_SECRET_KEY="+c.Secret)}
}

func (s *shell) command(stdin string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.CommandContext(s.t.Context(), s.bin, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env, strings.NewReader(stdin), &out, &errs
	return cmd, &out, &errs
}

func (s *shell) run(stdin string, args ...string) (out, errs string, code int) {
	s.t.Helper()
	cmd, o, e := s.command(stdin, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func (s *shell) must(stdin string, args ...string) string {
	s.t.Helper()
	out, errs, code := s.run(stdin, args...)
	if code != 0 {
		s.t.Fatalf("sluice %v: exit code %d\n%s", args, code, errs)
	}
	return out
}

// filesCLI: the tour of a user with nothing but the binary and a key.
func filesCLI(t *testing.T, w *harness.World) {
	c := account(t, w)
	s := newShell(t, c)
	dir := t.TempDir()
	write := func(name, body string) {
		path := filepath.Join(dir, name)
		noError(t, "make a folder", os.MkdirAll(filepath.Dir(path), 0o700))
		noError(t, "write a file", os.WriteFile(path, []byte(body), 0o600))
	}
	s.must("", "mb", "lw://media", "--versioning")
	write("src/a.txt", "A")
	write("src/sub/b +%.txt", "B")
	s.must("", "cp", "-r", filepath.Join(dir, "src"), "lw://media/up")
	if out := s.must("", "ls", "-r", "lw://media"); out != "up/a.txt\nup/sub/b +%.txt\n" {
		t.Errorf("%q", out)
	}
	s.must("", "cp", "-r", "lw://media/up", filepath.Join(dir, "back"))
	if b, err := os.ReadFile(filepath.Join(dir, "back", "sub", "b +%.txt")); err != nil || string(b) != "B" {
		t.Errorf("%q %v", b, err)
	}
	s.must("", "cp", "lw://media/up/a.txt", "lw://media/copy/")
	if out := s.must("", "cat", "lw://media/copy/a.txt"); out != "A" {
		t.Errorf("%q", out)
	}
	// What no local file may be called stays where it is.
	s.must("out", "cp", "-", "lw://media/up/../../escape")
	_, errs, code := s.run("", "cp", "-r", "lw://media/up", filepath.Join(dir, "back"))
	if code != 1 || !strings.Contains(errs, "skipped lw://media/up/../../escape") {
		t.Errorf("%d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "..", "escape")); err == nil {
		t.Error("a key got out of the folder")
	}
	signed := strings.TrimSpace(s.must("", "sign", "--method", "PUT", "lw://media/by url"))
	if !strings.HasPrefix(signed, w.URL+"/api/v1/signed/media/by%20url?token=lwurl_") {
		t.Errorf("%q", signed)
	}
	s.must("", "rm", "lw://media/copy/a.txt")
	if _, errs, code := s.run("", "cat", "lw://media/copy/a.txt"); code != 3 || !strings.Contains(errs, "not_found") {
		t.Errorf("%d %s", code, errs)
	}
	if out := s.must("", "ls", "--versions", "--json", "lw://media/copy/"); strings.Count(out, "\n") != 2 || !strings.Contains(out, `"deleteMarker":true`) {
		t.Errorf("%s", out)
	}
	if _, _, code := s.run("", "rb", "lw://media"); code != 1 {
		t.Errorf("rb of a full bucket: %d", code)
	}
	s.must("", "rb", "--force", "lw://media")
	if out := s.must("", "ls"); out != "" {
		t.Errorf("%q", out)
	}
	filesLocked(t, s)
	filesProfile(t, w, c)
	filesKilled(t, c, s)
}

// filesLocked: --force does not remove what is locked.
func filesLocked(t *testing.T, s *shell) {
	t.Helper()
	s.must("", "mb", "lw://vault", "--retention", "COMPLIANCE:1", "--object-lock")
	s.must("kept", "cp", "-", "lw://vault/k")
	_, errs, code := s.run("", "rb", "--force", "lw://vault")
	if code != 4 || !strings.Contains(errs, "object_locked") {
		t.Errorf("%d %s", code, errs)
	}
	if out := s.must("", "cat", "lw://vault/k"); out != "kept" {
		t.Errorf("%q", out)
	}
}

// filesProfile: an operator's key goes straight into a profile.
func filesProfile(t *testing.T, w *harness.World, c *harness.Client) {
	t.Helper()
	s := newShell(t, c)
	var env []string
	for _, kv := range s.env {
		if !strings.HasPrefix(kv, "SLUICE_ENDPOINT=") && !strings.HasPrefix(kv, "SLUICE_ACCESS_KEY_ID=") && !strings.HasPrefix(kv, "SLUICE_SECRET_KEY=") {
			env = append(env, kv)
		}
	}
	s.env = append(w.Env(), env...)
	if _, errs, code := s.run("", "ls"); code != 2 || !strings.Contains(errs, "sluice configure") {
		t.Errorf("without a key: %d %s", code, errs)
	}
	out := s.must("", "key", "create", "--account", c.Username, "--scopes", "read", "--save")
	if strings.Contains(out, "secret") || !strings.Contains(out, w.URL) {
		t.Errorf("%s", out)
	}
	if out := s.must("", "ls", "lw://vault"); out != "k\n" {
		t.Errorf("%q", out)
	}
	if _, errs, code := s.run("", "rm", "lw://vault/k"); code != 4 || !strings.Contains(errs, "access_denied") {
		t.Errorf("%d %s", code, errs)
	}
	s.must(c.Secret+"\n", "configure", "--endpoint", c.URL, "--access-key-id", c.KeyID, "--profile", "full")
	s.must("", "ls", "--profile", "full")
}

// filesKilled: a copy that was killed goes on where it was.
func filesKilled(t *testing.T, c *harness.Client, s *shell) {
	t.Helper()
	sdk, _ := sdkClient(t, c)
	s.must("", "mb", "lw://big")
	data := randomBytes(t, 66<<20)
	path := filepath.Join(t.TempDir(), "film")
	noError(t, "write a file", os.WriteFile(path, data, 0o600))
	args := []string{"cp", "--part-size", "5MiB", "--parallel", "1", path, "lw://big/"}
	cmd, _, _ := s.command("", args...)
	noError(t, "start", cmd.Start())
	parts := func() (m lockwell.Multipart, n int) {
		for m, err := range sdk.ListMultipart(t.Context(), "big", "") {
			noError(t, "list uploads", err)
			for range sdk.ListParts(t.Context(), m) {
				n++
			}
			return m, n
		}
		return m, 0
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	eventually(t, "two parts are there, or all are", func() bool { _, n := parts(); return n >= 2 || closed(ended) })
	_ = cmd.Process.Kill()
	<-ended
	m, n := parts()
	if m.UploadID == "" || n >= 14 {
		t.Logf("the copy was faster than the kill: %d parts", n)
		return
	}
	s.must("", args...)
	head, err := sdk.Head(t.Context(), "big", "film", nil)
	if err != nil || head.Size != int64(len(data)) {
		t.Errorf("%+v %v", head, err)
	}
	for m, err := range sdk.ListMultipart(t.Context(), "big", "") {
		t.Errorf("the second run began anew: %+v %v", m, err)
	}
	got := filepath.Join(t.TempDir(), "got")
	s.must("", "cp", "lw://big/film", got)
	if b, err := os.ReadFile(got); err != nil || !bytes.Equal(b, data) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// closed reports whether a channel is.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// auditQueries: the trail by account, key, object, request, result and time.
func auditQueries(t *testing.T, w *harness.World) {
	c, other := account(t, w), account(t, w)
	c.Bucket(t, "audited")
	other.Bucket(t, "audited")
	put := c.Put(t, "audited", "a key", "x", nil).Header.Get("X-Request-Id")
	other.Get(t, "audited", "absent", nil)
	query := func(args ...string) (out []struct{ RequestID, Action, AccountID, KeyID, Bucket, Key, Result string }) {
		t.Helper()
		text, err := w.CLI(t.Context(), "", append([]string{"audit", "query", "--json"}, args...)...)
		noError(t, "audit query", err)
		for line := range strings.Lines(text) {
			out = append(out, struct{ RequestID, Action, AccountID, KeyID, Bucket, Key, Result string }{})
			noError(t, "decode "+line, json.Unmarshal([]byte(line), &out[len(out)-1]))
		}
		return out
	}
	eventually(t, "the records, which two edges may have made", func() bool {
		return len(query("--account", other.Username, "--action", "GetObject", "--result", "failed")) == 1 && len(query("--request-id", put)) == 1
	})
	for _, args := range [][]string{
		{"--request-id", put}, {"--key", c.KeyID, "--action", "PutObject"}, {"--account", c.Username, "--bucket", "audited", "--object", "a key", "--since", "10m"},
		{"--account", c.Username, "--limit", "1", "--since", "2020-01-01", "--result", "ok", "--action", "PutObject"},
	} {
		if got := query(args...); len(got) != 1 || got[0].RequestID != put || got[0].Key != "a key" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"--request-id", put, "--until", "1h", "--since", "2h"}, {"--request-id", "req_none"}, {"--request-id", put, "--result", "denied"}} {
		if got := query(args...); len(got) != 0 {
			t.Errorf("%v: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"--account", "nobody-at-all"}, {"--result", "good"}, {"--since", "soon"}, {"--limit", "0"}} {
		if out, err := w.CLI(t.Context(), "", append([]string{"audit", "query"}, args...)...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// webhookSecrets: buckets of several accounts may be called the same.
func webhookSecrets(t *testing.T, w *harness.World) {
	a, b := account(t, w), account(t, w)
	for _, c := range []*harness.Client{a, b} {
		sdk, _ := sdkClient(t, c)
		_, err := sdk.CreateBucket(t.Context(), lockwell.NewBucket{Name: "twice"})
		noError(t, "make a bucket", err)
		_, err = sdk.SetNotifications(t.Context(), "twice", lockwell.Notification{ID: "hook-1", URL: "http://127.0.0.1:9/", Events: []string{lockwell.ObjectCreated}})
		noError(t, "set notifications", err)
	}
	secret := func(args ...string) (string, error) {
		out, err := w.CLI(t.Context(), "", append([]string{"webhook", "secret", "--bucket", "twice"}, args...)...)
		return strings.TrimSpace(out), err
	}
	if out, err := secret("--id", "hook-1"); err == nil || out != "" || !strings.Contains(err.Error(), a.Username) || !strings.Contains(err.Error(), b.Username) {
		t.Errorf("of which account? %q %v", out, err)
	}
	ofA, err := secret("--id", "hook-1", "--account", a.Username)
	noError(t, "secret of the first", err)
	ofB, err := secret("--id", "hook-1", "--account", b.Username)
	noError(t, "secret of the second", err)
	if !strings.HasPrefix(ofA, "whsec_") || !strings.HasPrefix(ofB, "whsec_") || ofA == ofB {
		t.Error("two configs have no secret each of their own")
	}
	if out, err := secret("--id", "hook-2"); err == nil || out != "" {
		t.Errorf("of a config that is not there: %q %v", out, err)
	}
}
