package natsd_test

import (
	"errors"
	"strings"
	"testing"

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

func TestServer_AsksForCredentials(t *testing.T) {
	t.Parallel()
	s := natstest.StartWith(t, natsd.Options{User: "u", Password: "p"})
	if _, err := nats.Connect(s.URL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without credentials: %v", err)
	}
	natstest.Conn(t, s)
}

func TestStart_BadAddr(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"nonsense", "127.0.0.1:http", "127.0.0.1:70000"} {
		if _, err := natsd.Start(t.Context(), natsd.Options{StoreDir: t.TempDir(), Addr: addr}); err == nil || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
