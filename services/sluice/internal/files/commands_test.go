package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/services/sluice/internal/files"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// The test binary is also the command that gets killed: with this variable set
// it runs the command line that it holds.
const childArgs = "SLUICE_TEST_FILES_CHILD"

func TestMain(m *testing.M) {
	if line := os.Getenv(childArgs); line != "" {
		root := &cobra.Command{Use: "sluice"}
		root.AddCommand(files.Commands(os.Getenv)...)
		root.SetArgs(strings.Split(line, "\n"))
		_ = root.ExecuteContext(context.Background())
		os.Exit(0)
	}
	// Profiles and uploads under way are kept here, not where the user has them.
	dir, err := os.MkdirTemp("", "sluice-files-test-")
	if err == nil {
		err = errors.Join(os.Setenv("XDG_CONFIG_HOME", dir), os.Setenv("HOME", dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// server is a bucket b in memory; it may hold keys that no real one takes.
type server struct {
	url string

	mu      sync.Mutex
	objects map[string]string
	locked  map[string]bool
	copies  []string
}

func newServer(t *testing.T, objects map[string]string) *server {
	t.Helper()
	s := &server{objects: objects, locked: map[string]bool{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, isObject := strings.CutPrefix(r.URL.Path, "/api/v1/buckets/b/objects/")
	to, isCopy := strings.CutPrefix(r.URL.Path, "/api/v1/buckets/b/object-copy/")
	switch {
	case r.URL.Path == "/api/v1/auth/token":
		if _, secret, _ := r.BasicAuth(); secret == "" && !strings.Contains(read(r), `"secret"`) {
			http.Error(w, `{"code":"unauthorized","message":"unknown key or wrong secret"}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"accessToken":"lwtk_x","expiresIn":3600}`)
	case r.URL.Path == "/api/v1/buckets/b/objects":
		s.list(w, r)
	case r.URL.Path == "/api/v1/buckets/b/objects:batchDelete":
		s.remove(w, r)
	case isCopy:
		var in struct{ SourceKey string }
		_ = json.Unmarshal([]byte(read(r)), &in)
		s.copies = append(s.copies, in.SourceKey+" "+to)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{}`)
	case isObject && r.Method == http.MethodPut:
		s.objects[key] = read(r)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{}`)
	case isObject && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		body, ok := s.objects[key]
		if !ok {
			http.Error(w, `{"code":"not_found","message":"no such object","requestId":"req_1"}`, http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(body)))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
	default:
		http.Error(w, `{"code":"access_denied","message":"not yours"}`, http.StatusForbidden)
	}
}

func read(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		Key  string `json:"key"`
		Size int    `json:"size"`
	}
	list := []entry{}
	prefixes := []string{}
	prefix, delimiter := r.URL.Query().Get("prefix"), r.URL.Query().Get("delimiter")
	for k, v := range s.objects {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if head, _, cut := strings.Cut(rest, delimiter); cut && delimiter != "" {
			if p := prefix + head + delimiter; !slices.Contains(prefixes, p) {
				prefixes = append(prefixes, p)
			}
			continue
		}
		list = append(list, entry{k, len(v)})
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	slices.Sort(prefixes)
	_ = json.NewEncoder(w).Encode(map[string]any{"objects": list, "commonPrefixes": prefixes})
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	var in struct{ Objects []struct{ Key string } }
	_ = json.Unmarshal([]byte(read(r)), &in)
	results := []any{}
	for _, o := range in.Objects {
		if s.locked[o.Key] {
			results = append(results, map[string]any{"key": o.Key, "error": map[string]string{"code": "object_locked", "message": "it is held"}})
			continue
		}
		delete(s.objects, o.Key)
		results = append(results, map[string]any{"key": o.Key, "deleted": true})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
}

// run executes a command and gives what it wrote.
func (s *server) run(t *testing.T, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	env := map[string]string{profile.EnvEndpoint: s.url, profile.EnvAccessKeyID: "LWAKTEST", profile.EnvSecretKey: "secret"}
	root := &cobra.Command{Use: "sluice", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(files.Commands(func(name string) string { return env[name] })...)
	var o, e bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&o)
	root.SetErr(&e)
	err = root.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func (s *server) must(t *testing.T, stdin string, args ...string) (out, errs string) {
	t.Helper()
	out, errs, err := s.run(t, stdin, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs)
	}
	return out, errs
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		got[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestCp_HostileKeys: nothing that a bucket holds gets out of the folder, and
// what cannot be a file is told.
func TestCp_HostileKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{
		"in/good": "1", "in/dir/also good": "2", "in/../escaped": "3", "in//abs": "4", "in/a/../../../x": "5", "in/nul\x00": "6", "in/esc\x1b[2J": "7",
		"in/folder/": "", "in/.sluice-1.part": "8", "in/link/through": "9", "other": "no",
	})
	outside := t.TempDir()
	dir := filepath.Join(outside, "target")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skipf("this file system has no symbolic links: %v", err)
	}
	_, errs, err := s.run(t, "", "cp", "-r", "lw://b/in", dir)
	if err == nil {
		t.Error("skipped keys are no success")
	}
	if err := os.Remove(filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	same(t, "target and what is beside it", tree(t, outside), map[string]string{"target/good": "1", "target/dir/also good": "2", "target/esc\x1b[2J": "7"})
	for _, want := range []string{"skipped lw://b/in/../escaped", "skipped lw://b/in//abs", `skipped lw://b/in/nul\x00`, ".sluice-1.part: the name", "link/through"} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing says %q:\n%s", want, errs)
		}
	}
	if strings.Contains(errs, "\x1b") {
		t.Errorf("an escape sequence goes to the terminal: %q", errs)
	}
}

func TestCp_BothWays(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{})
	dir := t.TempDir()
	want := map[string]string{"a.txt": "A", "sub/b c+d%": "B", "sub/deep/e": ""}
	for name, body := range want {
		path := filepath.Join(dir, "src", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "src", "link")); err != nil {
		t.Fatal(err)
	}
	_, errs := s.must(t, "", "cp", "-r", filepath.Join(dir, "src"), "lw://b/up")
	same(t, "bucket", s.objects, map[string]string{"up/a.txt": "A", "up/sub/b c+d%": "B", "up/sub/deep/e": ""})
	if !strings.Contains(errs, "skipped") || !strings.Contains(errs, "sent ") {
		t.Error(errs)
	}
	s.must(t, "", "cp", "-r", "-q", "lw://b/up/", filepath.Join(dir, "back"))
	same(t, "folder", tree(t, filepath.Join(dir, "back")), want)

	s.must(t, "", "cp", filepath.Join(dir, "src", "a.txt"), "lw://b")
	s.must(t, "", "cp", filepath.Join(dir, "src", "a.txt"), "lw://b/named")
	s.must(t, "from a pipe", "cp", "-", "lw://b/piped")
	if s.objects["a.txt"] != "A" || s.objects["named"] != "A" || s.objects["piped"] != "from a pipe" {
		t.Errorf("%q", s.objects)
	}
	s.must(t, "", "cp", "lw://b/piped", dir)
	s.must(t, "", "cp", "lw://b/piped", filepath.Join(dir, "other name"))
	s.must(t, "", "cp", "lw://b/piped", filepath.Join(dir, "new folder")+"/")
	for _, name := range []string{"piped", "other name", "new folder/piped"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != "from a pipe" {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if out, _ := s.must(t, "", "cp", "lw://b/piped", "-"); out != "from a pipe" {
		t.Errorf("%q", out)
	}
	if out, _ := s.must(t, "", "cat", "--range", "5-5", "lw://b/piped"); out != "a" {
		t.Errorf("%q", out)
	}
	s.must(t, "", "cp", "lw://b/named", "lw://b/copied/")
	s.must(t, "", "cp", "-r", "lw://b/up/sub", "lw://b/mirror")
	slices.Sort(s.copies)
	if fmt.Sprint(s.copies) != "[named copied/named up/sub/b c+d% mirror/b c+d% up/sub/deep/e mirror/deep/e]" {
		t.Errorf("%q", s.copies)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", ".sluice-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCp_TwoToTheSamePlace: the second says so; what the first left is taken up.
func TestCp_TwoToTheSamePlace(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{"k": "whole"})
	dir := t.TempDir()
	release, err := files.HoldPartial(dir, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.run(t, "", "cp", "lw://b/k", dir); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("%v", err)
	}
	release()
	s.must(t, "", "cp", "lw://b/k", dir)
	same(t, "folder", tree(t, dir), map[string]string{"k": "whole"})
}

func TestLs_Forms(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{"dir/a": "12", "dir/sub/b": "", "dirt\x1b": "x", "z": ""})
	for _, k := range []struct{ args, want string }{
		{"ls lw://b", "dir/\ndirt\\x1b\nz\n"},
		{"ls lw://b/dir/", "dir/a\ndir/sub/\n"},
		{"ls -r lw://b/dir/", "dir/a\ndir/sub/b\n"},
		{"ls -l lw://b/dir/", "           2  0001-01-01T00:00:00Z  dir/a\n           -                     -  dir/sub/\n"},
	} {
		if out, _ := s.must(t, "", strings.Fields(k.args)...); out != k.want {
			t.Errorf("%s:\n%s", k.args, out)
		}
	}
	out, _ := s.must(t, "", "ls", "--json", "lw://b/dir/")
	for line := range strings.Lines(out) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil || doc["key"] == nil && doc["prefix"] == nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestRm_Recursive(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{"in/a": "", "in/b": "", "in/held": "", "inner": ""})
	s.locked["in/held"] = true
	_, errs, err := s.run(t, "", "rm", "-r", "lw://b/in")
	if err == nil || files.ExitCode(err) != 4 || !strings.Contains(errs, "delete b/in/held: it is held (object_locked)") || !strings.Contains(errs, "removed 2 below") {
		t.Errorf("%v (exit code %d)\n%s", err, files.ExitCode(err), errs)
	}
	same(t, "bucket", s.objects, map[string]string{"in/held": "", "inner": ""})
}

func TestExitCodes_Table(t *testing.T) {
	t.Parallel()
	s := newServer(t, map[string]string{"k": "v"})
	dir := t.TempDir()
	for _, k := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"ls", "lw://b/k"}, 0, ""},
		{[]string{"ls", "lw://b/absent"}, 3, "nothing is there"},
		{[]string{"cat", "lw://b/absent"}, 3, "no such object (not_found, request req_1)"},
		{[]string{"cp", "lw://b/absent", dir}, 3, "not found"},
		{[]string{"cp", "-r", "lw://b/absent", dir}, 3, "nothing is there"},
		{[]string{"ls", "lw://other"}, 4, "not yours"},
		{[]string{"mb", "lw://other"}, 4, "not yours"},
		{[]string{"cat"}, 2, "sluice cat lw://BUCKET/KEY"},
		{[]string{"cat", "lw://b"}, 2, "names a bucket"},
		{[]string{"cat", "--range", "x", "lw://b/k"}, 2, "no range"},
		{[]string{"cp", "a", "b"}, 2, "neither"},
		{[]string{"cp", "a"}, 2, "cp SOURCE"},
		{[]string{"cp", "a", "b", "lw://b/one"}, 2, "several sources"},
		{[]string{"cp", dir, "lw://b/"}, 2, "-r copies"},
		{[]string{"cp", "lw://b", dir}, 2, "-r copies"},
		{[]string{"cp", "-", "lw://b/"}, 2, "no name"},
		{[]string{"cp", "-r", "lw://b/x", "lw://b/x/y"}, 2, "lies within"},
		{[]string{"cp", filepath.Join(dir, "absent"), "lw://b/"}, 1, "no such file"},
		{[]string{"rm", "lw://b"}, 2, "names a bucket"},
		{[]string{"rm", "--versions", "lw://b/k"}, 2, "--versions"},
		{[]string{"rb", "lw://b/k"}, 2, "names an object"},
		{[]string{"sign", "--method", "POST", "lw://b/k"}, 2, "GET or PUT"},
		{[]string{"sign", "lw://b/"}, 2, "names a bucket"},
		{[]string{"ls", "--access-key-id", "LWAKOTHER", "--endpoint", "nonsense"}, 2, "nonsense"},
		{[]string{"configure", "secret-as-argument"}, 2, "never as an argument"},
		{[]string{"configure"}, 2, "both needed"},
	} {
		_, _, err := s.run(t, "", k.args...)
		if files.ExitCode(err) != k.code || k.code != 0 && !strings.Contains(err.Error(), k.says) {
			t.Errorf("%v: %d, %v", k.args, files.ExitCode(err), err)
		}
	}
	if code := files.ExitCode(fmt.Errorf("wrapped: %w", context.Canceled)); code != 130 {
		t.Error(code)
	}
	if code := files.ExitCode(errors.New("anything")); code != 1 {
		t.Error(code)
	}
}

func TestConfigure_KeepsWhatWorks(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	s := newServer(t, map[string]string{})
	args := []string{"configure", "--endpoint", s.url, "--access-key-id", "LWAKTEST", "--profile", "p"}
	if _, _, err := s.run(t, "wrong\n", args...); files.ExitCode(err) != 4 || !strings.Contains(err.Error(), "not kept") {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, _, err := s.run(t, "", args...); files.ExitCode(err) != 2 {
		t.Errorf("no secret: %v", err)
	}
	out, _ := s.must(t, "secret\n", args...)
	p, err := profile.Load("p")
	if err != nil || p.SecretKey != "secret" || p.Endpoint != s.url || strings.Contains(out, `"secret"`) {
		t.Errorf("%+v %v", p, err)
	}
}
