package platform_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

func TestEnsureUsers_SameForAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.json")
	if _, err := platform.ReadCredentials(path); !errors.Is(err, platform.ErrNoCredentials) {
		t.Fatalf("error %v", err)
	}
	var wg sync.WaitGroup
	got := make([]platform.Users, 16)
	for i := range got {
		wg.Go(func() {
			users, migrated, err := platform.EnsureUsers(path, []string{"auth", "edge"})
			if err != nil || migrated {
				t.Error(migrated, err)
			}
			got[i] = users
		})
	}
	wg.Wait()
	passwords := map[string]bool{}
	for _, users := range got {
		if !slices.Equal(users, got[0]) || len(users) != 3 {
			t.Fatalf("%d users, and others for others", len(users))
		}
		for _, c := range users {
			if len(c.Password) < 32 {
				t.Errorf("the password of %s is short", c.User)
			}
			passwords[c.Password] = true
		}
	}
	if len(passwords) != 3 {
		t.Errorf("%d passwords", len(passwords))
	}
	for _, name := range []string{"nats.json", "nats-auth.json", "nats-edge.json"} {
		st, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	if rest, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".nats-*")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// TestEnsureUsers_Migrates: the file of the only user that there was becomes the
// operator's, and no password of before opens anything.
func TestEnsureUsers_Migrates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.json")
	old := platform.Credentials{User: "sluice", Password: "the-one-of-all", URL: "nats://127.0.0.1:4222"}
	if err := platform.SaveCredentials(path, old); err != nil {
		t.Fatal(err)
	}
	users, migrated, err := platform.EnsureUsers(path, []string{"edge"})
	if err != nil || !migrated {
		t.Fatal(migrated, err)
	}
	for _, c := range users {
		if c.User == old.User || c.Password == old.Password {
			t.Errorf("%s is what it was", c.User)
		}
	}
	if op, ok := users.Of(rpc.Operator); !ok || op.URL != old.URL {
		t.Errorf("the operator: %+v", op)
	}
	again, migrated, err := platform.EnsureUsers(path, []string{"edge"})
	if err != nil || migrated || !slices.Equal(again, users) {
		t.Errorf("once more: %v, %v", migrated, err)
	}
}

// TestEnsureUsers_MigratesAfterAKill between any two files: what was made stays, and
// the migration is reported until it is through.
func TestEnsureUsers_MigratesAfterAKill(t *testing.T) {
	t.Parallel()
	services := []string{"auth", "edge"}
	for made := range len(services) + 1 {
		path := filepath.Join(t.TempDir(), "nats.json")
		if err := platform.SaveCredentials(path, platform.Credentials{User: "sluice", Password: "the-one-of-all"}); err != nil {
			t.Fatal(err)
		}
		for _, name := range services[:made] {
			if err := platform.SaveCredentials(platform.CredentialsPath(path, name), platform.Credentials{User: name, Password: "made-before"}); err != nil {
				t.Fatal(err)
			}
		}
		users, migrated, err := platform.EnsureUsers(path, services)
		if err != nil || !migrated || len(users) != 3 || users[0].User != rpc.Operator {
			t.Fatalf("after %d files: %v, %v", made, migrated, err)
		}
		for i, name := range services {
			if c, ok := users.Of(name); !ok || (c.Password == "made-before") != (i < made) {
				t.Errorf("after %d files: %s has another password", made, name)
			}
		}
	}
}

// TestEnsureUsers_MigratesLast: while a service's file cannot be made, the old one is
// still there.
func TestEnsureUsers_MigratesLast(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.json")
	old := platform.Credentials{User: "sluice", Password: "the-one-of-all"}
	if err := errors.Join(
		platform.SaveCredentials(path, old),
		platform.SaveCredentials(platform.CredentialsPath(path, "edge"), platform.Credentials{User: "auth", Password: "p"}),
	); err != nil {
		t.Fatal(err)
	}
	if _, migrated, err := platform.EnsureUsers(path, []string{"auth", "edge"}); err == nil || migrated {
		t.Fatal(migrated, err)
	}
	if now, err := platform.ReadCredentials(path); err != nil || now != old {
		t.Errorf("the old file is gone: %v", err)
	}
}

// TestEnsureUsers_LeavesSomebodysFileAlone: only the user of before becomes the
// operator; a service's own file, or one of another nats-server, stays as it is.
func TestEnsureUsers_LeavesSomebodysFileAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "creds.json")
	for _, user := range []string{"edge", "somebody"} {
		own := platform.Credentials{User: user, Password: "p", URL: "nats://n1:4222"}
		if err := platform.SaveCredentials(path, own); err != nil {
			t.Fatal(err)
		}
		if _, migrated, err := platform.EnsureUsers(path, []string{"auth"}); err == nil || migrated || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", user, migrated, err)
		}
		if now, err := platform.ReadCredentials(path); err != nil || now != own {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// TestUsers_SetURL writes what can be read again, and undoes no change of a password.
func TestUsers_SetURL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.json")
	users, _, err := platform.EnsureUsers(path, []string{"edge"})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(users)
	if err := platform.NewPassword(path, "edge"); err != nil { // by somebody else, meanwhile
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"n1:4222,n2:4222": "nats://n1:4222,nats://n2:4222", "nats://op:secret@n1:4222, tls://n2": "nats://n1:4222,tls://n2", "": "",
	} {
		if err := users.SetURL(path, url); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		now, err := platform.ReadUsers(path, []string{"edge"})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		for i, c := range now {
			if c.URL != want || users[i].URL != want || users[i].Password != before[i].Password {
				t.Errorf("%s: %s, want %s", url, c.URL, want)
			}
			if changed := c.Password != before[i].Password; changed != (c.User == "edge") {
				t.Errorf("the password of %s: changed %v", c.User, changed)
			}
		}
	}
	if err := users.SetURL(path, "nats://bad address%ZZ"); err == nil {
		t.Error("an address that cannot be read was written")
	}
	if _, err := platform.ReadUsers(path, []string{"edge"}); err != nil {
		t.Error(err)
	}
}

func TestEnsureUsers_RefusesAMixUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.json")
	if _, _, err := platform.EnsureUsers(path, []string{"edge", "auth"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edge := platform.CredentialsPath(path, "edge")
	if err := os.WriteFile(edge, b, 0o600); err != nil { // the operator's, given to an edge
		t.Fatal(err)
	}
	if _, _, err := platform.EnsureUsers(path, []string{"edge", "auth"}); err == nil || !strings.Contains(err.Error(), edge) {
		t.Errorf("error %v", err)
	}
}

// dialer is how a user reaches a server, or why it does not.
func dialer(t *testing.T, s platform.Settings, user string) (*nats.Conn, error) {
	t.Helper()
	dial, err := s.Dialer(user)
	if err != nil {
		return nil, err
	}
	nc, err := dial(nats.ReconnectWait(time.Millisecond))
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// TestDialer_EachWithItsOwnFile: a service takes its own file, wherever the files
// are, and never the operator's; a host that has only that file is enough.
func TestDialer_EachWithItsOwnFile(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	for _, user := range []string{rpc.Operator, "test"} {
		nc, err := dialer(t, s, user)
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		if !strings.HasPrefix(nc.NewInbox(), rpc.InboxPrefix(user)+".") {
			t.Errorf("%s gets answers on %s", user, nc.NewInbox())
		}
	}
	if _, err := dialer(t, s, "edge"); !errors.Is(err, platform.ErrNoCredentials) || !strings.Contains(err.Error(), "nats-edge.json") {
		t.Errorf("a service without a file: %v", err)
	}
	own, err := os.ReadFile(platform.CredentialsPath(s.CredsPath(), "test"))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"beside": "nats-test.json", "named": "whatever.json"} {
		there := settings(t)
		path := filepath.Join(there.DataDir, file)
		if err := os.WriteFile(path, own, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "named" {
			there.NATS.CredsFile = path
		}
		if _, err := dialer(t, there, "test"); err != nil {
			t.Errorf("a host that has only %s: %v", file, err)
		}
		if _, err := dialer(t, there, rpc.Operator); name == "beside" && !errors.Is(err, platform.ErrNoCredentials) {
			t.Errorf("an operator without a file: %v", err)
		}
	}
}

// TestOpen_RefusesADamagedFile at once, and says which one it is.
func TestOpen_RefusesADamagedFile(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	path := platform.CredentialsPath(s.CredsPath(), "test")
	for name, text := range map[string]string{
		"empty": "", "no password": `{"user":"test"}`, "another line": `{"user":"test","password":"a\nPING"}`, "a list": `[]`,
		"a password in the address": `{"user":"test","password":"p","url":"nats://u:p@127.0.0.1:1"}`, "huge": strings.Repeat(" ", 1<<20) + `{"user":"test","password":"p"}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // less than what is waited for
		_, err := platform.Open(ctx, s, platform.Options{Service: "test", Tel: telemetry.Nop()})
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// TestNewPassword_UnderARunningProcess: who is connected stays a user, by what its
// file says when the connection comes back.
func TestNewPassword_UnderARunningProcess(t *testing.T) {
	t.Parallel()
	s := settings(t)
	srv := server(t, s)
	nc, err := dialer(t, s, "test")
	if err != nil {
		t.Fatal(err)
	}
	back := nc.StatusChanged(nats.CONNECTED)
	if err := platform.NewPassword(s.CredsPath(), "test"); err != nil {
		t.Fatal(err)
	}
	users, err := platform.ReadUsers(s.CredsPath(), []string{"test"})
	if err != nil {
		t.Fatal(err)
	}
	var list []natsd.User
	for _, c := range users {
		list = append(list, natsd.User{Name: c.User, Password: c.Password})
	}
	if err := srv.SetUsers(list); err != nil {
		t.Fatal(err)
	}
	select {
	case <-back:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not come back")
	}
	if err := platform.NewPassword(s.CredsPath(), "nobody"); !errors.Is(err, platform.ErrNoCredentials) {
		t.Errorf("a password for nobody: %v", err)
	}
}

// TestDialer_SingleUserOfBefore: while the nats-server is that of an older version,
// services of this one use its only user.
func TestDialer_SingleUserOfBefore(t *testing.T) {
	t.Parallel()
	srv := natstest.StartWith(t, natsd.Options{Users: []natsd.User{{Name: "sluice", Password: "p"}}})
	s := settings(t)
	if err := platform.SaveCredentials(s.CredsPath(), platform.Credentials{User: "sluice", Password: "p", URL: srv.URL()}); err != nil {
		t.Fatal(err)
	}
	if _, err := dialer(t, s, "edge"); err != nil {
		t.Error(err)
	}
}

// FuzzReadCredentials: whatever the file holds, reading it does not panic, and
// what is taken can go into the protocol: a user, a password, and addresses.
func FuzzReadCredentials(f *testing.F) {
	for _, s := range []string{
		"", "{}", `{"user":"a","password":"b","url":"nats://x"}`, `{"user":1}`, "null", `{"user":"a","password":"b"}x`,
		`{"user":"a\r\nPUB x 1","password":"b"}`, `{"user":"a","password":"b","url":"nats://u:p@x,nats://y"}`, `{"user":"a","password":"b","url":"x"}`,
		`{"user":"a b","password":"c"}`, `{"user":"` + strings.Repeat("u", 2000) + `","password":"c"}`, `[{"user":"a","password":"b"}]`,
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "c.json")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := platform.ReadCredentials(path)
		if err != nil {
			if errors.Is(err, platform.ErrNoCredentials) {
				t.Fatalf("a file that is there is none: %v", err)
			}
			return
		}
		for _, s := range []string{c.User, c.Password} {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Fatalf("took %+v", c)
			}
		}
		for part := range strings.SplitSeq(c.URL, ",") {
			if u, err := url.Parse(part); c.URL != "" && (err != nil || u.Host == "" || u.User != nil) {
				t.Fatalf("took %+v", c)
			}
		}
	})
}
