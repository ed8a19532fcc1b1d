package sluice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/cli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is a writer that tests can wait on.
type output struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{}
}

func newOutput() *output { return &output{wrote: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() {
		select {
		case o.wrote <- struct{}{}:
		default:
		}
	}()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// system is a 'sluice up' inside the test.
type system struct {
	t      *testing.T
	dir    string
	url    string
	token  string // of put
	out    *output
	cancel context.CancelFunc
	result chan error
}

// up runs 'sluice up' on dir until the test stops it, and waits until it is ready.
func up(t *testing.T, dir string, args ...string) *system {
	t.Helper()
	s := &system{t: t, dir: dir, out: newOutput(), result: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	args = append([]string{"up", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--log-level", "error"}, args...)
	go func() { s.result <- cli.Run(ctx, args, strings.NewReader(""), s.out, io.Discard) }()
	t.Cleanup(func() { cancel() })
	timeout := time.After(time.Minute)
	for !strings.Contains(s.out.String(), "is ready") {
		select {
		case err := <-s.result:
			t.Fatalf("it ended: %v\n%s", err, s.out)
		case <-timeout:
			t.Fatalf("not ready: %s", s.out)
		case <-s.out.wrote:
		}
	}
	s.url = regexp.MustCompile(`http://[0-9.:]+`).FindString(s.out.String())
	return s
}

// stop ends it as Ctrl-C does.
func (s *system) stop() {
	s.t.Helper()
	s.cancel()
	select {
	case err := <-s.result:
		if err != nil {
			s.t.Errorf("stopping: %v", err)
		}
	case <-time.After(time.Minute):
		s.t.Fatal("it does not stop")
	}
}

// cli runs a command against the system.
func (s *system) cli(stdin string, args ...string) (string, error) {
	s.t.Helper()
	var out bytes.Buffer
	err := cli.Run(s.t.Context(), append(args, "--data-dir", s.dir), strings.NewReader(stdin), &out, io.Discard)
	return out.String(), err
}

func (s *system) must(stdin string, args ...string) string {
	s.t.Helper()
	out, err := s.cli(stdin, args...)
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return out
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(time.Minute); !holds(); {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// call does a request with the token, and gives the body of an answer that is wanted.
func (s *system) call(t *testing.T, method, path, body string, want ...int) string {
	t.Helper()
	status, answer := s.try(t, method, path, body)
	if !slices.Contains(want, status) {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// try does a request with the token, whatever the answer is.
func (s *system) try(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, b, err)
	}
	return resp.StatusCode, string(b)
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestUp_FirstStartThenAgain is the life of an installation in one test, since
// each start costs time: first start, the CLI, a second process, a restart with
// the nats-server inside the process only.
func TestUp_FirstStartThenAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := up(t, dir, "--nats-addr", "127.0.0.1:0", "--durability", "process")
	out := s.out.String()
	m := regexp.MustCompile(`shown this once:\n\n    (\S+)\n`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no password in\n%s", out)
	}
	if strings.Count(out, "curl ") != 4 || !strings.Contains(out, "NATS  nats://127.0.0.1:") {
		t.Errorf("welcome:\n%s", out)
	}
	login := fmt.Sprintf(`{"identifier":"admin","password":%q}`, m[1])
	if code, body := post(t, s.url+"/api/v1/login", login); code != http.StatusOK {
		t.Errorf("the printed password: %d %s", code, body)
	}
	if err := cli.Run(t.Context(), []string{"up", "--data-dir", dir}, nil, io.Discard, io.Discard); !errors.Is(err, sluice.ErrInUse) ||
		!strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second process: %v", err)
	}
	operate(t, s)
	s.stop()
	if _, err := s.cli("", "account", "list"); err == nil {
		t.Error("a command works on a stopped system")
	}

	s = up(t, dir, "--nats-addr", "off")
	if strings.Contains(s.out.String(), "First start") {
		t.Errorf("a second first start:\n%s", s.out)
	}
	if code, body := post(t, s.url+"/api/v1/login", login); code != http.StatusOK {
		t.Errorf("the password after a restart: %d %s", code, body)
	}
	if out := s.must("", "account", "list"); !strings.Contains(out, "alice") {
		t.Errorf("account list through the socket: %s", out)
	}
	s.stop()
}

// operate is an operator's round through the commands.
func operate(t *testing.T, s *system) {
	t.Helper()
	s.must("a long pass phrase\n", "account", "create", "alice", "--email", "alice@example.test", "--password-stdin")
	if _, err := s.cli("a long pass phrase\n", "account", "create", "alice", "--email", "b@example.test", "--password-stdin"); err == nil ||
		!strings.Contains(err.Error(), "auth.username_taken") {
		t.Errorf("the same name again: %v", err)
	}
	var key struct {
		AccessKeyID, SecretKey string
		Scopes                 []string
	}
	if err := json.Unmarshal([]byte(s.must("", "key", "create", "--account", "alice", "--scopes", "read,write", "--json")), &key); err != nil || len(key.Scopes) != 2 {
		t.Fatalf("key %+v, %v", key, err)
	}
	mint := fmt.Sprintf(`{"accessKeyId":%q,"secretKey":%q}`, key.AccessKeyID, key.SecretKey)
	if code, body := post(t, s.url+"/api/v1/auth/token", mint); code != http.StatusOK {
		t.Errorf("minting: %d %s", code, body)
	}
	if out := s.must("", "key", "list", "--account", "alice"); !strings.Contains(out, key.AccessKeyID) || strings.Contains(out, key.SecretKey) {
		t.Errorf("key list: %s", out)
	}
	s.must("", "key", "revoke", key.AccessKeyID, "--account", "alice")
	if code, _ := post(t, s.url+"/api/v1/auth/token", mint); code != http.StatusUnauthorized {
		t.Errorf("minting with a revoked key: %d", code)
	}
	if out := s.must("", "audit", "query", "--action", "MintToken", "--result", "denied"); strings.Count(out, "\n") != 1 {
		t.Errorf("audit query: %q", out)
	}
	if out := s.must("", "bus", "dead", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("dead letters: %s", out)
	}
	for _, line := range []string{"bus dead list --consumer nobody", "bus dead replay --all nobody", "bus dead list --limit 0", "bus consumers --stream NONE"} {
		if out, err := s.cli("", strings.Fields(line)...); err == nil {
			t.Errorf("%s says nothing is wrong: %s", line, out)
		}
	}
	if out := s.must("", "bus", "dead", "replay", "--all", "webhook-objects"); out != "replayed 0\n" {
		t.Errorf("replaying none: %s", out)
	}
	if out := s.must("", "webhook", "list", "--json"); !strings.Contains(out, "deliveries") {
		t.Errorf("deliveries: %s", out)
	}
	if _, err := s.cli("", "webhook", "secret", "--bucket", "none", "--id", "none"); err == nil {
		t.Error("a secret of nothing")
	}
	operateAccounts(t, s)
	s.must("", "account", "disable", "alice")
}

// operateAccounts is what an operator does to the account alice.
func operateAccounts(t *testing.T, s *system) {
	t.Helper()
	var tokens []struct{ ID, Kind string }
	if err := json.Unmarshal([]byte(s.must("", "account", "tokens", "alice", "--json")), &tokens); err != nil || len(tokens) != 1 || tokens[0].Kind != "api" {
		t.Fatalf("tokens %+v, %v", tokens, err)
	}
	s.must("", "account", "revoke-token", "alice", tokens[0].ID)
	if out := s.must("", "account", "tokens", "alice"); strings.Contains(out, tokens[0].ID) {
		t.Errorf("a revoked token is listed: %s", out)
	}
	if out := s.must("", "account", "set-plan", "alice", "standard"); !strings.Contains(out, "standard") {
		t.Errorf("set-plan: %s", out)
	}
	for _, c := range [][2]string{{"grant-admin", "is an administrator"}, {"revoke-admin", "is no administrator"}} {
		if out := s.must("", "account", c[0], "alice"); !strings.Contains(out, c[1]) {
			t.Errorf("%s: %s", c[0], out)
		}
		if out := s.must("", "account", "list", "--json"); strings.Count(out, `"admin": true`) != 2-strings.Count(c[0], "revoke") {
			t.Errorf("after %s: %s", c[0], out)
		}
	}
	s.must("another pass phrase\n", "account", "set-password", "alice", "--password-stdin")
	for password, want := range map[string]int{"a long pass phrase": http.StatusUnauthorized, "another pass phrase": http.StatusOK} {
		if code, body := post(t, s.url+"/api/v1/login", fmt.Sprintf(`{"identifier":"alice","password":%q}`, password)); code != want {
			t.Errorf("login by %q: %d %s", password, code, body)
		}
	}
	s.must("a long pass phrase\n", "account", "create", "bob", "--email", "bob@example.test", "--password-stdin")
	s.must("", "account", "delete", "bob", "--yes")
	s.must("a long pass phrase\n", "account", "create", "bob", "--email", "bob@example.test", "--password-stdin")
	for want, args := range map[string][]string{
		"auth.unknown_plan":      {"account", "set-plan", "alice", "gold"},
		"auth.account_not_found": {"account", "set-plan", "nobody", "standard"},
		"auth.token_not_found":   {"account", "revoke-token", "alice", "tok_none"},
		"give --yes":             {"account", "delete", "alice"},
		"--password-stdin":       {"account", "set-password", "alice"},
	} {
		if _, err := s.cli("", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

func TestUp_PortTakenIsSaidClearly(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	err = cli.Run(t.Context(), []string{"up", "--data-dir", t.TempDir(), "--nats-addr", l.Addr().String(), "--log-level", "error"}, nil, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--nats-addr") {
		t.Errorf("error %v", err)
	}
}

func TestCLI_Refuses(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":      {[]string{"upp"}, "unknown command"},
		"unknown service":      {[]string{"run", "mail", "--data-dir", empty}, "there is no service"},
		"unknown flag":         {[]string{"up", "--speed", "9"}, "unknown flag"},
		"bad setting":          {[]string{"up", "--durability", "none"}, "power or process"},
		"missing settings":     {[]string{"up", "--config", filepath.Join(empty, "absent")}, "reading settings"},
		"nothing runs":         {[]string{"account", "list", "--data-dir", empty}, "is 'sluice up'"},
		"password as argument": {[]string{"account", "create", "x", "--email", "e", "--data-dir", empty}, ""},
		"foreign nats":         {[]string{"up", "--nats-url", "nats://127.0.0.1:1", "--data-dir", empty}, "sluice run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := cli.Run(t.Context(), c.args, strings.NewReader(""), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestConfig_PrintLoadsBack(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	args := []string{"config", "print", "--http-addr", "127.0.0.1:9999", "--outbound-allow", "127.0.0.0/8,::1/128"}
	if err := cli.Run(t.Context(), args, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := cli.Run(t.Context(), []string{"config", "diff", "--config", file}, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "127.0.0.1:9999") || strings.Count(got, "\n") > 6 {
		t.Errorf("diff:\n%s", got)
	}
}

// TestConfig_FixedNames holds the names that others' scripts rely on.
func TestConfig_FixedNames(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := cli.Run(t.Context(), []string{"config", "table"}, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"`SLUICE_HTTP_ADDR` | `--http-addr` | `127.0.0.1:8080`", "`SLUICE_DATA_DIR` | `--data-dir` | `./data`", "`SLUICE_ADMIN_ADDR` | `--admin-addr`",
		"`SLUICE_NATS_ADDR` | `--nats-addr` | `127.0.0.1:4222`", "`SLUICE_ADMIN_PASSWORD`", "`SLUICE_OUTBOUND_ALLOW`", "`SLUICE_PUBLIC_URL`",
		"`SLUICE_NATS_URL`", "`SLUICE_KEY_FILE`", "`durability` | `SLUICE_DURABILITY` | `--durability` | `power`",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %s", want)
		}
	}
}
