package natsd_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

func TestServer_KeepsStreamsAcrossRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish := func(create bool) uint64 {
		s, err := natsd.Start(t.Context(), natsd.Options{StoreDir: dir, Addr: natsd.Off})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown()
		if s.URL() != "" {
			t.Errorf("a server that is off listens on %s", s.URL())
		}
		js, err := jetstream.New(natstest.Conn(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if create {
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
				t.Fatal(err)
			}
		}
		ack, err := js.Publish(t.Context(), "s", nil)
		if err != nil {
			t.Fatal(err)
		}
		return ack.Sequence
	}
	if a, b := publish(true), publish(false); a != 1 || b != 2 {
		t.Errorf("sequences %d, %d; want 1, 2", a, b)
	}
}

// patient gives a busy machine more than the 2 s that the library gives a server.
var patient = nats.Timeout(30 * time.Second)

func TestServer_AsksForCredentials(t *testing.T) {
	t.Parallel()
	s := natstest.StartWith(t, natsd.Options{Users: []natsd.User{{Name: "u", Password: "p"}}})
	if _, err := nats.Connect(s.URL(), patient); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := nats.Connect(s.URL(), patient, nats.UserInfo("u", "q")); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := s.ConnectAs("nobody"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("as nobody: %v", err)
	}
	natstest.Conn(t, s)
}

// hears says which of the subjects a connection gets, in the order of sending.
func hears(t *testing.T, from, to *nats.Conn, subjects ...string) []string {
	t.Helper()
	got := []string{}
	for _, subject := range subjects {
		sub, err := to.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := from.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := from.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := to.Flush(); err != nil {
			t.Fatal(err)
		}
		if n, _, err := sub.Pending(); err == nil && n == 1 {
			got = append(got, subject)
		}
		_ = sub.Unsubscribe()
	}
	return got
}

func TestServer_UsersDoWhatTheyMay(t *testing.T) {
	t.Parallel()
	s := natstest.StartWith(t, natsd.Options{Users: []natsd.User{
		{Name: "all", Password: "1"},
		{Name: "some", Password: "2", Publish: []string{"a.*", "b"}, Subscribe: []string{"c.>"}},
		{Name: "none", Password: "3", Publish: []string{}, Subscribe: []string{}},
	}})
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // refusals are what this is about
	as := func(name string) *nats.Conn {
		nc, err := s.ConnectAs(name, quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	all, some, none := as("all"), as("some"), as("none")
	subjects := []string{"a.x", "a.x.y", "b", "c", "c.x.y"}
	for _, c := range []struct {
		name     string
		from, to *nats.Conn
		want     string
	}{
		{"all to all", all, all, "[a.x a.x.y b c c.x.y]"},
		{"some to all", some, all, "[a.x b]"},
		{"all to some", all, some, "[c.x.y]"},
		{"none to all", none, all, "[]"},
		{"all to none", all, none, "[]"},
	} {
		if got := fmt.Sprint(hears(t, c.from, c.to, subjects...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestServer_SetUsers: a new password cuts off its user alone, who comes back; new
// rights hold for connections that stand.
func TestServer_SetUsers(t *testing.T) {
	t.Parallel()
	users := []natsd.User{{Name: "op", Password: "1"}, {Name: "a", Password: "2", Publish: []string{"x"}}, {Name: "b", Password: "3"}}
	for name, addr := range map[string]string{"listening": "127.0.0.1:0", "inside": natsd.Off} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.StartWith(t, natsd.Options{Users: users, Addr: addr})
			op, url := natstest.Conn(t, s), s.URL()
			back := make(chan struct{}, 1)
			a, err := s.ConnectAs("a", nats.ReconnectWait(time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }),
				nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(a.Close)
			b, err := s.ConnectAs("b", nats.NoReconnect())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(b.Close)
			next := slices.Clone(users)
			next[1].Publish = []string{"x", "y"}
			if err := s.SetUsers(next); err != nil {
				t.Fatal(err)
			}
			if got := hears(t, a, op, "x", "y", "z"); fmt.Sprint(got) != "[x y]" {
				t.Errorf("with new rights, a may send %v", got)
			}
			next[1].Password = "4"
			if err := s.SetUsers(next); err != nil {
				t.Fatal(err)
			}
			select {
			case <-back:
			case <-time.After(30 * time.Second):
				t.Fatal("a does not come back")
			}
			if got := hears(t, a, op, "y"); len(got) != 1 {
				t.Error("a came back without its rights")
			}
			if !b.IsConnected() || !op.IsConnected() || s.URL() != url {
				t.Errorf("others were cut off: b %v, op %v, %s", b.Status(), op.Status(), s.URL())
			}
		})
	}
}

func TestStart_BadAddr(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"nonsense", "127.0.0.1:http", "127.0.0.1:70000"} {
		if _, err := natsd.Start(t.Context(), natsd.Options{StoreDir: t.TempDir(), Addr: addr}); err == nil || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
