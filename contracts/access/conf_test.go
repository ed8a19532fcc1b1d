package access_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// TestConf_OnANatsServer: the configuration is read by nats-server itself, lets
// every user in by its password, and gives each the rights of the table.
func TestConf_OnANatsServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	passwords, err := access.Passwords(func(user string) (string, error) { return natsd.Hash("p-" + user) })
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nats.conf": "listen: 127.0.0.1:-1\ninclude ./users.conf\n", "users.conf": string(access.Conf(stores())), access.PasswordsFile: string(passwords),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	for _, user := range append([]string{rpc.Operator}, access.Services()...) {
		nc, err := nats.Connect(srv.ClientURL(), nats.UserInfo(user, "p-"+user), nats.Timeout(30*time.Second))
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		nc.Close()
		if _, err := nats.Connect(srv.ClientURL(), nats.UserInfo(user, "wrong"), nats.Timeout(30*time.Second)); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s with a wrong password: %v", user, err)
		}
	}
	for _, u := range o.Users {
		if u.Username == rpc.Operator {
			if u.Permissions != nil {
				t.Error("the operator is restricted")
			}
			continue
		}
		want := access.Of(u.Username, stores())
		if u.Permissions == nil || len(u.Permissions.Publish.Allow) != len(want.Publish) || len(u.Permissions.Subscribe.Allow) != len(want.Subscribe) {
			t.Errorf("%s: %+v", u.Username, u.Permissions)
		}
	}
}

func TestPasswords_TellsWhatFailed(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if _, err := access.Passwords(func(string) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
