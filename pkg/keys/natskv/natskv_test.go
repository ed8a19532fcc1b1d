package natskv_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

func open(t *testing.T, srv *natsd.Server) *natskv.Store {
	t.Helper()
	js, err := jetstream.New(natstest.Conn(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), natskv.Config(1)); err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
		t.Fatal(err)
	}
	s, err := natskv.Find(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	keystest.RunStore(t, func(t *testing.T) (keys.Store, keys.Store) {
		srv := natstest.Start(t)
		return open(t, srv), open(t, srv)
	})
}

func TestFind_MakesNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	js, err := jetstream.New(natstest.Conn(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := natskv.Find(t.Context(), js); !errors.Is(err, keys.ErrNotFound) {
			t.Fatalf("error %v", err)
		}
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: natskv.Bucket, History: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := natskv.Find(t.Context(), js); err != nil {
		t.Errorf("a bucket with other settings: %v", err)
	}
}

func TestStore_EmptyListAndLostServer(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), natskv.Config(1)); err != nil {
		t.Fatal(err)
	}
	s, err := natskv.Find(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := s.List(t.Context()); err != nil || len(names) != 0 {
		t.Fatalf("%v, %v", names, err)
	}
	nc.Close()
	if _, err := s.Get(t.Context(), "domain.a"); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("a closed connection is %s: %v", fault.KindOf(err), err)
	}
}
