package sluice_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/sluice"
)

// olderDirectory makes a data directory as a version did that knew one user only:
// its credentials, its streams, a KV bucket, and object stores, more than the
// settings ask for today.
func olderDirectory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	set := platform.Default()
	set.DataDir = dir
	if err := set.MakeDataDir(); err != nil {
		t.Fatal(err)
	}
	if err := platform.SaveCredentials(set.CredsPath(), platform.Credentials{User: "sluice", Password: "of-everybody"}); err != nil {
		t.Fatal(err)
	}
	srv, err := natsd.Start(t.Context(), natsd.Options{StoreDir: set.NATSDir(), Addr: natsd.Off, Users: []natsd.User{{Name: "sluice", Password: "of-everybody"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Shutdown()
	nc := natstest.Conn(t, srv)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Reconcile(t.Context(), js, streams.All(1), streams.Consumers()); err != nil {
		t.Fatal(err)
	}
	cfg := blob.Config{Conns: []*nats.Conn{nc}, Shards: 10, Regions: []blob.Region{{Name: set.Regions[0]}}}
	if err := blob.Declare(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "evt.links.v1.container.created", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	// A timer, on the subject that it had then; it falls due under the new version.
	timer := nats.NewMsg("sched.webhook=2Eold")
	timer.Header["Nats-Schedule"] = []string{"@at " + time.Now().Add(2*time.Second).UTC().Format(time.RFC3339Nano)}
	timer.Header["Nats-Schedule-Target"] = []string{streams.DueWebhook + ".old"}
	if _, err := js.PublishMsg(t.Context(), timer); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestUp_OnAnOlderDirectory: the only user of before is gone, what was there is
// still there, and every service uses all object stores that it finds.
func TestUp_OnAnOlderDirectory(t *testing.T) {
	t.Parallel()
	dir := olderDirectory(t)
	s := up(t, dir, "--nats-addr", "127.0.0.1:0", "--durability", "process")
	defer s.stop()
	creds := readCreds(t, filepath.Join(dir, "nats.json"))
	if creds.User != rpc.Operator || creds.Password == "of-everybody" {
		t.Errorf("the operator: %s", creds.User)
	}
	if _, err := nats.Connect(creds.URL, nats.UserInfo("sluice", "of-everybody")); err == nil {
		t.Error("the user of before is still one")
	}
	for i := range 24 { // content falls on any of the object stores
		s.put(t, "k"+string(rune('a'+i)), strings.Repeat(string(rune('a'+i)), 100))
	}
	if out := s.must("", "account", "list"); !strings.Contains(out, "admin") {
		t.Errorf("account list: %s", out)
	}
	timerTaken(t, creds)
	// A service's user on the same server: what is another's is refused.
	edge := readCreds(t, filepath.Join(dir, "nats-edge.json"))
	refused := make(chan error, 8)
	nc, err := nats.Connect(edge.URL, nats.UserInfo(edge.User, edge.Password), nats.Timeout(30*time.Second), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish("$JS.API.STREAM.DELETE.EVENTS", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-refused:
		if !strings.Contains(err.Error(), "STREAM.DELETE.EVENTS") {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the edge's user may delete streams")
	}
}

// timerTaken waits until the only timer has fallen due and webhook has taken it.
func timerTaken(t *testing.T, operator platform.Credentials) {
	t.Helper()
	nc, err := nats.Connect(operator.URL, nats.UserInfo(operator.User, operator.Password), nats.Timeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the timer of before is taken", func() bool {
		due, err := js.Consumer(t.Context(), streams.Timers, streams.WebhookDue().Durable)
		if err != nil {
			t.Fatal(err)
		}
		return due.CachedInfo().AckFloor.Consumer > 0 // it may have come more than once
	})
}

// TestBus_SaysThatItTookOverAnOlderDirectory, once, with what to do about it.
func TestBus_SaysThatItTookOverAnOlderDirectory(t *testing.T) {
	t.Parallel()
	set := platform.Default()
	set.DataDir = t.TempDir()
	if err := platform.SaveCredentials(set.CredsPath(), platform.Credentials{User: "sluice", Password: "of-everybody"}); err != nil {
		t.Fatal(err)
	}
	for _, times := range []int{1, 0} {
		var out bytes.Buffer
		tel := telemetry.Nop()
		tel.Log = slog.New(slog.NewTextHandler(&out, nil))
		if err := sluice.BusCredentials(t.Context(), set, tel); err != nil {
			t.Fatal(err)
		}
		said := out.String()
		if n := strings.Count(said, "level=WARN"); n != times || n > 0 && (!strings.Contains(said, set.CredsPath()) || !strings.Contains(said, "on other hosts")) {
			t.Errorf("%d lines, want %d: %s", n, times, said)
		}
		for _, user := range append([]string{rpc.Operator}, access.Services()...) {
			if strings.Contains(said, readCreds(t, platform.CredentialsPath(set.CredsPath(), user)).Password) {
				t.Errorf("the log has the password of %s", user)
			}
		}
	}
}

func readCreds(t *testing.T, path string) platform.Credentials {
	t.Helper()
	c, err := platform.ReadCredentials(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put stores an object as the account admin, in a bucket that it makes when it is
// missing, and reads it back.
func (s *system) put(t *testing.T, key, data string) {
	t.Helper()
	if s.token == "" {
		basic := strings.TrimSpace(s.must("", "key", "create", "--account", "admin", "--scopes", "read,write,admin", "--basic"))
		id, secret, _ := strings.Cut(basic, ":")
		body, _ := json.Marshal(map[string]string{"accessKeyId": id, "secretKey": secret})
		code, answer := post(t, s.url+"/api/v1/auth/token", string(body))
		var minted struct{ AccessToken string }
		if err := json.Unmarshal([]byte(answer), &minted); err != nil || code != http.StatusOK {
			t.Fatalf("a token: %d %s", code, answer)
		}
		s.token = minted.AccessToken
		s.call(t, http.MethodPost, "/api/v1/buckets", `{"name":"box"}`, http.StatusCreated)
	}
	s.call(t, http.MethodPut, "/api/v1/buckets/box/objects/"+key, data, http.StatusOK, http.StatusCreated)
	if got := s.call(t, http.MethodGet, "/api/v1/buckets/box/objects/"+key, "", http.StatusOK); got != data {
		t.Errorf("%s came back as %.40q", key, got)
	}
}

// TestUp_TakesUpANewPassword while it runs: the service whose password it is loses
// nothing but a moment.
func TestUp_TakesUpANewPassword(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := up(t, dir, "--nats-addr", "127.0.0.1:0", "--durability", "process")
	defer s.stop()
	s.put(t, "before", "x")
	was := readCreds(t, filepath.Join(dir, "nats-edge.json"))
	for _, user := range []string{"edge", "object", rpc.Operator} {
		s.must("", "bus", "users", "--rotate", user)
	}
	if now := readCreds(t, filepath.Join(dir, "nats-edge.json")); now.Password == was.Password {
		t.Fatal("the password is what it was")
	}
	eventually(t, "the old password opens nothing", func() bool {
		nc, err := nats.Connect(was.URL, nats.UserInfo(was.User, was.Password), nats.Timeout(30*time.Second))
		if err == nil {
			nc.Close()
		}
		return errors.Is(err, nats.ErrAuthorization)
	})
	// The server has cut the connections of before; they come back within a moment.
	eventually(t, "the edge and object are back", func() bool {
		status, _ := s.try(t, http.MethodGet, "/api/v1/buckets/box/objects/before", "")
		return status == http.StatusOK
	})
	s.put(t, "after", "y")
	if out := s.must("", "bus", "dead", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("as the operator: %s", out)
	}
	if _, err := s.cli("", "bus", "users", "--rotate", "nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a password for nobody: %v", err)
	}
	if out := s.must("", "bus", "declare"); !strings.Contains(out, "declared") {
		t.Errorf("declaring what is there: %s", out)
	}
}

// TestBusUsers_ForACluster writes what hosts and nats-servers need, and no more
// the second time.
func TestBusUsers_ForACluster(t *testing.T) {
	t.Parallel()
	s := &system{t: t, dir: t.TempDir()}
	dir := filepath.Join(t.TempDir(), "creds")
	// What is there may be open to others, or lead somewhere else.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := errors.Join(
		os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, access.PasswordsFile), nil, 0o644), //nolint:gosec // to be closed
		os.WriteFile(elsewhere, nil, 0o600), os.Symlink(elsewhere, filepath.Join(dir, "users.conf")),
	); err != nil {
		t.Fatal(err)
	}
	args := []string{"bus", "users", "--dir", dir, "--nats-url", "nats://n1:4222,nats://n2:4222", "--regions", "a,b", "--blob-shards", "3"}
	out := s.must("", args...)
	first := map[string]platform.Credentials{}
	for _, user := range append([]string{rpc.Operator}, access.Services()...) {
		path := platform.CredentialsPath(filepath.Join(dir, "nats.json"), user)
		first[user] = readCreds(t, path)
		if first[user].User != user || first[user].URL != "nats://n1:4222,nats://n2:4222" || !strings.Contains(out, path) {
			t.Errorf("%s: %+v", user, first[user])
		}
	}
	for name, want := range map[string]string{"users.conf": "OBJ_sluice-b-002", access.PasswordsFile: "SLUICE_EDGE = \"$2a$"} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s: %v", name, want, err)
		}
		for user, c := range first {
			if strings.Contains(string(b), c.Password) {
				t.Errorf("%s holds the password of %s", name, user)
			}
		}
		if st, err := os.Lstat(path); err != nil || st.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	if b, err := os.ReadFile(elsewhere); err != nil || len(b) > 0 {
		t.Errorf("written through a link: %d bytes, %v", len(b), err)
	}
	s.must("", append(args, "--rotate", "stats")...)
	for user, c := range first {
		now := readCreds(t, platform.CredentialsPath(filepath.Join(dir, "nats.json"), user))
		if changed := now.Password != c.Password; changed != (user == "stats") {
			t.Errorf("%s: changed %v", user, changed)
		}
	}
}
