package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/pkg/client/lockr/lockrtest"
	"github.com/sluicehq/sluice/services/sluice/internal/files"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// user is somebody at the command line, with a profile and a folder of his own.
type user struct {
	srv  *lockrtest.Server
	dir  string
	env  map[string]string
	name string // of the profile
}

func newUser(t *testing.T) *user {
	t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	u := &user{srv: lockrtest.New(t), dir: t.TempDir(), name: name}
	u.env = map[string]string{profile.EnvEndpoint: u.srv.URL, profile.EnvToken: "token"}
	return u
}

func (u *user) run(ctx context.Context, stdin string, args ...string) (out, errs string, err error) {
	root := &cobra.Command{Use: "sluice", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(files.Commands(func(name string) string { return u.env[name] })...)
	var o, e bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&o)
	root.SetErr(&e)
	err = root.ExecuteContext(ctx)
	return o.String(), e.String(), err
}

func (u *user) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, errs, err := u.run(t.Context(), stdin, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs)
	}
	return out
}

// file makes a file of n random bytes.
func (u *user) file(t *testing.T, name string, n int) (path string, data []byte) {
	t.Helper()
	data = make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(data)
	path = filepath.Join(u.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

func (u *user) stored(url string) *lockrtest.Stored {
	var s *lockrtest.Stored
	u.srv.With(func() { s = u.srv.Files[url[strings.LastIndex(url, "/")+1:]] })
	return s
}

// cutOnce breaks a transfer off after n bytes, and calls stop when it goes on.
func (u *user) cutOnce(n int64, stop func()) {
	u.srv.With(func() {
		u.srv.CutAfter = func() int64 {
			u.srv.CutAfter = func() int64 { stop(); return 0 }
			return n
		}
	})
}

func TestDrive_ThereAndBack(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, data := u.file(t, "film.mkv", 300_000)
	other, _ := u.file(t, "notes.txt", 0)
	links := strings.Fields(u.must(t, "", "upload", path, other))
	if len(links) != 2 || !bytes.Equal(u.stored(links[0]).Data, data) || u.stored(links[1]).File.Type != "text/plain; charset=utf-8" {
		t.Fatalf("%q", links)
	}
	keyed := strings.TrimSpace(u.must(t, "", "upload", path, "--key", "sesame", "--name", "other.bin", "--region", "eu", "--type", "x/y"))
	if s := u.stored(keyed); s.KeyHash != lockr.KeyHash("sesame") || s.File.Name != "other.bin" || s.File.Type != "x/y" {
		t.Errorf("%+v", s)
	}
	var file lockr.File
	if err := json.Unmarshal([]byte(u.must(t, "from a pipe", "upload", "-", "--name", "piped", "--json")), &file); err != nil || file.Size != 11 {
		t.Errorf("%+v, %v", file, err)
	}
	lines := strings.Split(strings.TrimSpace(u.must(t, "", "files")), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "ID ") || !strings.Contains(lines[3], "other.bin") || !strings.Contains(lines[3], "yes") {
		t.Errorf("%q", lines)
	}
	if out := u.must(t, "", "files", "--json"); strings.Count(out, "\n") != 4 || !strings.Contains(out, `"id":"us_1_film.mkv"`) {
		t.Error(out)
	}
	u.env[profile.EnvToken] = "" // as somebody else
	into := filepath.Join(u.dir, "into")
	if out := u.must(t, "", "download", links[0], "-o", into+"/"); strings.TrimSpace(out) != filepath.Join(into, "film.mkv") {
		t.Errorf("%q", out)
	}
	u.must(t, "", "download", keyed, "--key", "sesame", "-o", filepath.Join(into, "named"))
	for _, name := range []string{"film.mkv", "named"} {
		if got, err := os.ReadFile(filepath.Join(into, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got := tree(t, into); len(got) != 2 {
		t.Errorf("something is left beside them: %d files", len(got))
	}
	if out := u.must(t, "", "download", file.ID, "-o", "-"); out != "from a pipe" {
		t.Errorf("%q", out)
	}
	u.env[profile.EnvToken] = "token"
	u.must(t, "", "files", "key", file.ID, "--key", "new")
	if s := u.stored(file.ID); s.KeyHash != lockr.KeyHash("new") {
		t.Errorf("%+v", s)
	}
	u.must(t, "", "files", "key", file.URL, "--clear")
	u.must(t, "", "files", "rm", file.ID, links[1])
	if u.stored(file.ID) != nil || u.stored(links[1]) != nil || u.stored(links[0]) == nil {
		t.Error("rm removed something else")
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.env = map[string]string{profile.EnvProfile: u.name}
	path, err := profile.Path(u.name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Save(u.name, profile.Profile{Endpoint: u.srv.URL, AccessKeyID: "LWAK", SecretKey: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.run(t.Context(), "", "files"); files.ExitCode(err) != 2 || !strings.Contains(err.Error(), "sluice login") {
		t.Errorf("not logged in: %v", err)
	}
	if _, _, err := u.run(t.Context(), "wrong\n", "login", "alice"); files.ExitCode(err) != 4 {
		t.Errorf("wrong password: %v", err)
	}
	if out := u.must(t, "right\n", "login", "alice"); !strings.Contains(out, "as alice") || strings.Contains(out, "token") || !strings.Contains(out, path) {
		t.Errorf("%q", out)
	}
	p, err := profile.Load(u.name)
	if err != nil || p.Token != "token" || p.Username != "alice" || p.AccessKeyID != "LWAK" || p.SecretKey != "s" {
		t.Errorf("%+v, %v", p, err)
	}
	u.must(t, "", "files")
	if _, _, err := u.run(t.Context(), "", "files", "--endpoint", "http://127.0.0.1:1"); files.ExitCode(err) != 2 {
		t.Errorf("the token goes to another server: %v", err)
	}
	if _, _, err := u.run(t.Context(), "right\n", "login", "alice", "--endpoint", "http://127.0.0.1:1"); files.ExitCode(err) != 2 || !strings.Contains(err.Error(), "--profile") {
		t.Errorf("another server's token beside this key: %v", err)
	}
	u.must(t, "", "logout")
	if p, err = profile.Load(u.name); err != nil || p.Token != "" || p.Username != "" || p.AccessKeyID != "LWAK" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, _, err := u.run(t.Context(), "no\n", "login", "--token-stdin"); files.ExitCode(err) != 4 {
		t.Errorf("a wrong token: %v", err)
	}
	u.must(t, "token\n", "login", "--token-stdin")
	u.must(t, "", "files")
}

func TestDrive_Refuses(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, _ := u.file(t, "a", 10)
	var keyed, plain lockr.File
	u.srv.With(func() {
		keyed = u.srv.Store("keyed", []byte("x"), "", lockr.KeyHash("right"))
		plain = u.srv.Store("plain", []byte("x"), "", "")
		u.srv.Files[u.srv.Store("nameless", []byte("x"), "", "").ID].File.Name = ""
		u.srv.Files[u.srv.Store("bad", []byte("x"), "", "").ID].File.Name = "../../escaped"
		u.srv.Files[u.srv.Store("torn", []byte("x"), "", "").ID].Data = []byte("y")
	})
	for name, c := range map[string]struct {
		args  []string
		guest bool
		code  int
		want  string
	}{
		"upload nothing":        {[]string{"upload"}, false, 2, "upload FILE"},
		"upload what is not":    {[]string{"upload", filepath.Join(u.dir, "none")}, false, 1, "no such file"},
		"upload a folder":       {[]string{"upload", u.dir}, false, 2, "is a folder"},
		"a pipe without a name": {[]string{"upload", "-"}, false, 2, "--name"},
		"one name for two":      {[]string{"upload", path, path, "--name", "x"}, false, 2, "single"},
		"a guest's key":         {[]string{"upload", path, "--key", "x"}, true, 2, "sluice login"},
		"a guest's list":        {[]string{"files"}, true, 2, "sluice login"},
		"a guest removes":       {[]string{"files", "rm", plain.ID}, true, 2, "sluice login"},
		"a guest's logout":      {[]string{"logout"}, true, 2, "nobody is logged in"},
		"list with words":       {[]string{"files", "x"}, false, 2, ""},
		"no id":                 {[]string{"download", "x"}, false, 2, "neither"},
		"another scheme":        {[]string{"download", "ftp://x/download/us_a_b"}, false, 2, "neither"},
		"remove no id":          {[]string{"files", "rm", "../x"}, false, 2, "neither"},
		"remove unknown":        {[]string{"files", "rm", "us_9_x"}, false, 3, "not_found"},
		"key and clear":         {[]string{"files", "key", plain.ID, "--key", "x", "--clear"}, false, 2, "either"},
		"neither":               {[]string{"files", "key", plain.ID}, false, 2, "either"},
		"unknown":               {[]string{"download", "us_9_x"}, true, 3, "not_found"},
		"no key":                {[]string{"download", keyed.ID}, true, 4, "key_required"},
		"wrong key":             {[]string{"download", keyed.ID, "--key", "wrong"}, true, 4, "wrong_key"},
		"into what is not":      {[]string{"download", plain.ID, "-o", filepath.Join(u.dir, "none", "x")}, true, 1, "none"},
		"onto a folder":         {[]string{"download", plain.ID, "-o", filepath.Join(u.dir, "a", "x")}, true, 1, ""},
		"a name that climbs":    {[]string{"download", "us_4_bad", "-o", u.dir}, true, 2, "-o"},
		"no name":               {[]string{"download", "us_3_nameless", "-o", u.dir}, true, 2, "-o"},
		"other bytes":           {[]string{"download", "us_5_torn", "-o", filepath.Join(u.dir, "torn")}, true, 1, "checksum"},
		"a name that is there":  {[]string{"download", plain.ID, "-o", u.dir}, true, 0, ""},
		"an endpoint of none":   {[]string{"files", "--endpoint", "nonsense"}, false, 2, "endpoint"},
		"a profile that climbs": {[]string{"files", "--profile", "../x"}, false, 2, "no name"},
		"login without a name":  {[]string{"login"}, false, 2, "login NAME"},
		"login without secret":  {[]string{"login", "alice"}, false, 2, "password"},
	} {
		env := map[string]string{profile.EnvEndpoint: u.srv.URL, profile.EnvToken: "token"}
		if c.guest {
			env[profile.EnvToken] = ""
		}
		one := &user{srv: u.srv, env: env}
		_, errs, err := one.run(t.Context(), "", c.args...)
		if files.ExitCode(err) != c.code || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: exit %d, %v\n%s", name, files.ExitCode(err), err, errs)
		}
	}
	if _, _, err := u.run(t.Context(), "", "download", plain.ID, "-o", u.dir); files.ExitCode(err) != 2 || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("the second time: %v", err)
	}
	if got := tree(t, u.dir); len(got) != 2 { // a and plain
		t.Errorf("refusals leave %q", got)
	}
}

func TestUpload_GoesOn(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, data := u.file(t, "film.mkv", 2<<20)
	ctx, cancel := context.WithCancel(t.Context())
	u.cutOnce(1_500_000, cancel)
	_, _, err := u.run(ctx, "", "upload", path, "--profile", "")
	if files.ExitCode(err) != 130 || !strings.Contains(err.Error(), "goes on with it") {
		t.Fatalf("interrupted: %d, %v", files.ExitCode(err), err)
	}
	u.srv.With(func() { u.srv.CutAfter = nil })
	have, _ := u.srv.Took()
	// Other attributes are another upload.
	u.must(t, "", "upload", path, "--key", "sesame")
	before, _ := u.srv.Took()
	out, errs, err := u.run(t.Context(), "", "upload", path)
	if err != nil || !strings.Contains(errs, "going on") || !bytes.Equal(u.stored(strings.TrimSpace(out)).Data, data) {
		t.Fatalf("%q %q, %v", out, errs, err)
	}
	if n, _ := u.srv.Took(); n-before != int64(len(data))-have || have == 0 {
		t.Errorf("%d bytes were sent after %d", n-before, have)
	}
	// It is done: the next one is a new upload.
	if _, errs, err := u.run(t.Context(), "", "upload", path); err != nil || strings.Contains(errs, "going on") {
		t.Errorf("%q, %v", errs, err)
	}
}

func TestUpload_FileChangedMeanwhile(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, _ := u.file(t, "film.mkv", 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	u.cutOnce(500_000, cancel)
	if _, _, err := u.run(ctx, "", "upload", path); err == nil {
		t.Fatal("it was not interrupted")
	}
	u.srv.With(func() { u.srv.CutAfter = nil })
	path, data := u.file(t, "film.mkv", 1<<20+1)
	out, errs, err := u.run(t.Context(), "", "upload", path)
	if err != nil || strings.Contains(errs, "going on") || !bytes.Equal(u.stored(strings.TrimSpace(out)).Data, data) {
		t.Errorf("%q %q, %v", out, errs, err)
	}
	u.srv.With(func() {
		if len(u.srv.Sessions) != 1 {
			t.Errorf("%d sessions: the one of the old file is not cancelled", len(u.srv.Sessions))
		}
	})
}

// TestUpload_Killed kills the command itself, several times.
func TestUpload_Killed(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, data := u.file(t, "film.mkv", 4<<20)
	config := t.TempDir()
	child := func(ctx context.Context) ([]byte, error) {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childArgs+"=upload\n"+path, profile.EnvEndpoint+"="+u.srv.URL, profile.EnvToken+"=token", "XDG_CONFIG_HOME="+config)
		return cmd.Output()
	}
	for range 3 {
		ctx, kill := context.WithCancel(t.Context())
		u.cutOnce(1_000_000, kill)
		if out, err := child(ctx); err == nil {
			t.Fatalf("it was not killed: %s", out)
		}
	}
	u.srv.With(func() { u.srv.CutAfter = nil })
	out, err := child(t.Context())
	if err != nil || !bytes.Equal(u.stored(strings.TrimSpace(string(out))).Data, data) {
		t.Fatalf("%s, %v", out, err)
	}
	if n, _ := u.srv.Took(); n != int64(len(data)) {
		t.Errorf("%d bytes were sent for %d", n, len(data))
	}
	if left, err := filepath.Glob(filepath.Join(config, "sluice", "uploads", "*")); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestUpload_OneAtATime(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	path, _ := u.file(t, "film.mkv", 1<<20)
	begun, done := make(chan struct{}), make(chan error)
	u.srv.With(func() {
		u.srv.Answer = func(r *http.Request) (int, bool) {
			if r.Method == http.MethodPut {
				u.srv.Answer = nil
				close(begun)
				return http.StatusServiceUnavailable, true
			}
			return 0, false
		}
	})
	go func() {
		_, _, err := u.run(t.Context(), "", "upload", path)
		done <- err
	}()
	<-begun
	release, err := files.HoldUpload(u.srv.URL, "token", path, "other.mkv")
	if err != nil {
		t.Fatalf("another name is another upload: %v", err)
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if release, err = files.HoldUpload(u.srv.URL, "token", path, "film.mkv"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.run(t.Context(), "", "upload", path); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("two at once: %v", err)
	}
	release()
	u.must(t, "", "upload", path)
}

func TestDownload_GoesOn(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	_, data := u.file(t, "source", 2<<20)
	var file lockr.File
	ctx, cancel := context.WithCancel(t.Context())
	u.srv.With(func() { file = u.srv.Store("film.mkv", data, "", "") })
	u.cutOnce(1_500_000, cancel)
	into := t.TempDir()
	if _, _, err := u.run(ctx, "", "download", file.ID, "-o", into); files.ExitCode(err) != 130 || !strings.Contains(err.Error(), "goes on with it") {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(into, "film.mkv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it has its name before it is whole: %v", err)
	}
	ranges := []string{}
	u.srv.With(func() {
		u.srv.CutAfter = nil
		u.srv.Answer = func(r *http.Request) (int, bool) {
			if r.Method == http.MethodGet {
				ranges = append(ranges, r.Header.Get("Range"))
			}
			return 0, false
		}
	})
	u.must(t, "", "download", file.URL, "-o", into)
	got, err := os.ReadFile(filepath.Join(into, "film.mkv"))
	if err != nil || !bytes.Equal(got, data) || len(ranges) != 1 || ranges[0] == "" || ranges[0] == "bytes=0-" {
		t.Errorf("%d bytes, %v, by %q", len(got), err, ranges)
	}
	if got := tree(t, into); len(got) != 1 {
		t.Errorf("something is left: %d files", len(got))
	}
}
