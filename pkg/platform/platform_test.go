package platform_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/platform/documents"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are those of a data directory of the test.
func settings(t *testing.T) platform.Settings {
	t.Helper()
	s := platform.Default()
	s.DataDir, s.NATS.Addr = t.TempDir(), "127.0.0.1:0"
	return s
}

// server starts the nats-server of s, as sluice does: with the operator and the
// service "test", who may do everything here too.
func server(t *testing.T, s platform.Settings) *natsd.Server {
	t.Helper()
	users, _, err := platform.EnsureUsers(s.CredsPath(), []string{"test"})
	if err != nil {
		t.Fatal(err)
	}
	var list []natsd.User
	for _, c := range users {
		list = append(list, natsd.User{Name: c.User, Password: c.Password})
	}
	srv, err := natsd.Start(t.Context(), natsd.Options{StoreDir: s.NATSDir(), Addr: s.NATS.Addr, Users: list})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	if err := users.SetURL(s.CredsPath(), srv.URL()); err != nil {
		t.Fatal(err)
	}
	return srv
}

func open(t *testing.T, s platform.Settings, o platform.Options) *platform.Platform {
	t.Helper()
	o.Service, o.Tel, o.Declare = "test", telemetry.Nop(), true
	p, err := platform.Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// dialed gives the settings of a server that runs, and what connects service "test".
func dialed(t *testing.T) (platform.Settings, platform.Dial) {
	t.Helper()
	s := settings(t)
	server(t, s)
	dial, err := s.Dialer("test")
	if err != nil {
		t.Fatal(err)
	}
	return s, dial
}

func TestOpen_GivesAServiceWhatItStandsOn(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	stream := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"evt.>"}}
	consumer := bus.Consumer{Stream: "EVENTS", Durable: "who", Subjects: []string{"evt.x"}}
	p := open(t, s, platform.Options{Declared: bus.Declaration{Streams: []jetstream.StreamConfig{stream}, Consumers: []bus.Consumer{consumer}}})
	if _, err := p.JS.Consumer(t.Context(), "EVENTS", "who"); err != nil {
		t.Error("the declared consumer is missing:", err)
	}
	db, err := documents.Open(t.Context(), p, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	store, err := p.Blobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Blobs(t.Context()); err != nil || again != store {
		t.Errorf("a second blob store: %v", err)
	}
	if st, err := os.Stat(s.KeyPath()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", st, err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if p.Connected() || !p.Events.IsClosed() || db.Ping(t.Context()) == nil {
		t.Error("something is still open")
	}
	open(t, s, platform.Options{}) // finds everything
}

func TestOpen_WaitsForItsServer(t *testing.T) {
	t.Parallel()
	s := settings(t)
	log, tel := logged()
	opened := make(chan error, 1)
	go func() {
		p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: tel})
		if err == nil {
			err = p.Close(context.Background())
		}
		opened <- err
	}()
	log.wait(t, "waiting for the nats-server")
	server(t, s)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestOpen_RefusesWhenTheKeyIsLost(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	p := open(t, s, platform.Options{})
	ring, err := p.Ring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Domain(t.Context(), "acc"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.KeyPath()); err != nil {
		t.Fatal(err)
	}
	_, err = platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: telemetry.Nop()})
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(s.KeyPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("made a new key over sealed data")
	}
}

func TestOpen_RefusesWrongCredentials(t *testing.T) {
	t.Parallel()
	s := settings(t)
	srv := server(t, s)
	file := platform.CredentialsPath(s.CredsPath(), "test")
	if err := platform.SaveCredentials(file, platform.Credentials{User: "test", Password: "wrong", URL: srv.URL()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := platform.Open(ctx, s, platform.Options{Service: "test", Tel: telemetry.Nop()}); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("error %v", err)
	}
}

// TestOpen_WaitsForANewPassword: the nats-server takes up what was changed a moment
// before a process starts, which says meanwhile what it waits for.
func TestOpen_WaitsForANewPassword(t *testing.T) {
	t.Parallel()
	s, dial := dialed(t)
	var first time.Time
	log, tel := logged()
	p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: tel, Dial: func(opts ...nats.Option) (*nats.Conn, error) {
		if first.IsZero() {
			first = time.Now()
		}
		if time.Since(first) < time.Second { // however few attempts a busy machine makes meanwhile
			return nil, nats.ErrAuthorization
		}
		return dial(opts...)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	log.wait(t, "waiting for the nats-server")
}

func TestBulk_ConnectionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	p := open(t, s, platform.Options{})
	conns, err := p.Bulk(t.Context(), 3)
	if err != nil || len(conns) != 3 {
		t.Fatalf("%d connections, %v", len(conns), err)
	}
	for _, nc := range conns {
		if nc == p.Events || !nc.IsConnected() {
			t.Error("not a connection of its own")
		}
	}
}

func TestDialer_ForeignServer(t *testing.T) {
	t.Parallel()
	s := settings(t)
	srv, err := natsd.Start(t.Context(), natsd.Options{StoreDir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	s.NATS.URL = srv.URL()
	dial, err := s.Dialer("test")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	for _, password := range []string{"hunter2", "hunter2%ZZ"} { // the second makes an address that cannot be read
		s.NATS.URL = "nats://user:" + password + "@" + freeAddr(t)
		if dial, err = s.Dialer("test"); err != nil {
			t.Fatal(err)
		}
		if _, err := dial(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v", err)
		}
	}
}

func TestSettings_Validate(t *testing.T) {
	t.Parallel()
	if err := platform.Default().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*platform.Settings){
		"durability": func(s *platform.Settings) { s.Durability = "none" },
		"regions":    func(s *platform.Settings) { s.Regions = nil },
		"shards":     func(s *platform.Settings) { s.Blob.Shards = 0 },
		"addr":       func(s *platform.Settings) { s.NATS.Addr = "localhost" },
		"replicas":   func(s *platform.Settings) { s.NATS.Replicas = 0 },
		"data_dir":   func(s *platform.Settings) { s.DataDir = "" },

		"placement's form":      func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1"} },
		"placement of nothing":  func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1="} },
		"placement's region":    func(s *platform.Settings) { s.Blob.Placement = []string{"mars=tag:us"} },
		"placement twice":       func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=tag:a", "us-central1=tag:b"} },
		"placement's kind":      func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=node:a"} },
		"placement's tag":       func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=tag:"} },
		"placement's two words": func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=tag:a b"} },
		"placement's clusters":  func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=cluster:a;cluster:b"} },
		"placement's same tag":  func(s *platform.Settings) { s.Blob.Placement = []string{"us-central1=tag:a;tag:a"} },
	} {
		s := platform.Default()
		change(&s)
		if s.Validate() == nil {
			t.Errorf("bad %s is taken", name)
		}
	}
	placed := platform.Default()
	placed.Regions = []string{"us-central1", "eu-west1", "asia"}
	placed.Blob.Placement = []string{" us-central1=tag:region:us", "eu-west1=cluster:c2;tag:eu;tag:ssd"}
	if err := placed.Validate(); err != nil {
		t.Error(err)
	}
}

func TestBlobs_AreMadeWhereTheirRegionIsPlaced(t *testing.T) {
	t.Parallel()
	s := settings(t)
	s.Blob.Shards, s.Regions, s.Blob.Placement = 1, []string{"us", "eu"}, []string{"eu=cluster:c2;tag:region:eu"}
	server(t, s)
	p := open(t, s, platform.Options{})
	if _, err := p.Blobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*jetstream.Placement{"us": nil, "eu": {Cluster: "c2", Tags: []string{"region:eu"}}} {
		st, err := p.JS.Stream(t.Context(), "OBJ_sluice-"+name+"-000")
		if err != nil || !reflect.DeepEqual(st.CachedInfo().Config.Placement, want) {
			t.Errorf("region %s: %+v, %v", name, st.CachedInfo().Config.Placement, err)
		}
	}
}

func TestSocketPath_TooLongIsSaidClearly(t *testing.T) {
	t.Parallel()
	if err := platform.CheckSocketPath("/" + strings.Repeat("d", 200)); err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("error %v", err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
