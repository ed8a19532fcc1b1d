package keystate_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/edge/internal/keystate"
)

// asker counts how often auth is asked.
type asker struct {
	asked atomic.Int64
	err   error
}

func (a *asker) KeyState(context.Context, authv1.KeyStateRequest) (authv1.KeyStateResponse, error) {
	a.asked.Add(1)
	return authv1.KeyStateResponse{Found: true, Key: authv1.KeyState{KeyID: "asked"}}, a.err
}

// bench is a cache over a real bucket with a clock of its own.
type bench struct {
	*keystate.Cache
	asker *asker
	kv    jetstream.KeyValue
	now   atomic.Int64 // Unix nanoseconds
	seq   uint64
	beat  func(seq uint64)
}

func setUp(t *testing.T, withBucket bool) *bench {
	t.Helper()
	srv := natstest.Start(t)
	nc := natstest.Conn(t, srv)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{asker: &asker{}}
	b.now.Store(time.Now().UnixNano())
	b.Cache = keystate.New(b.asker, func() time.Time { return time.Unix(0, b.now.Load()) }, slog.New(slog.DiscardHandler))
	b.beat = func(seq uint64) {
		data, _ := json.Marshal(authv1.Beat{Sequence: seq})
		b.Beat(data)
	}
	create := func() {
		if b.kv, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: authv1.KeyStateBucket}); err != nil {
			t.Fatal(err)
		}
	}
	if withBucket {
		create()
		b.put(t, true, 1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, nc, js) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if !withBucket {
		create()
	}
	return b
}

func (b *bench) put(t *testing.T, active bool, rev int64) {
	t.Helper()
	a, _ := json.Marshal(authv1.AccountState{AccountID: "acc", Active: true, Revision: rev})
	k, _ := json.Marshal(authv1.KeyState{KeyID: "K", AccountID: "acc", Active: active, Revision: rev})
	if _, err := b.kv.Put(t.Context(), "account.acc", a); err != nil {
		t.Fatal(err)
	}
	seq, err := b.kv.Put(t.Context(), "key.K", k)
	if err != nil {
		t.Fatal(err)
	}
	b.seq = seq
}

// local looks K up and reports whether the copy answered, and what.
func (b *bench) local(t *testing.T) (fromCopy, active bool) {
	t.Helper()
	before := b.asker.asked.Load()
	r, err := b.Lookup(t.Context(), "K")
	return err == nil && b.asker.asked.Load() == before, r.Key.Active
}

func (b *bench) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestCache_FreshOnlyWithBeats(t *testing.T) {
	t.Parallel()
	b := setUp(t, true)
	if fromCopy, _ := b.local(t); fromCopy {
		t.Fatal("a cold copy was trusted")
	}
	b.eventually(t, "the copy is loaded", func() bool { b.beat(b.seq); fromCopy, active := b.local(t); return fromCopy && active })

	b.now.Add(int64(authv1.BeatStale))
	if fromCopy, _ := b.local(t); fromCopy {
		t.Error("trusted without a beat")
	}
	b.beat(b.seq)
	if fromCopy, _ := b.local(t); !fromCopy {
		t.Error("not trusted after a beat")
	}
	b.beat(b.seq + 1) // auth has said something that did not come
	if fromCopy, _ := b.local(t); fromCopy {
		t.Error("trusted although behind")
	}
	b.put(t, false, 2)
	b.eventually(t, "the copy caught up", func() bool { b.beat(b.seq); fromCopy, active := b.local(t); return fromCopy && !active })
	b.beat(1) // an old beat changes nothing
	if fromCopy, active := b.local(t); !fromCopy || active {
		t.Error("an old beat")
	}
	b.put(t, true, 1) // an older state that comes again
	b.eventually(t, "the older one came", func() bool { b.beat(b.seq); fromCopy, _ := b.local(t); return fromCopy })
	if _, active := b.local(t); active {
		t.Error("an older revision won")
	}
}

func TestCache_AsksForTheUnknown(t *testing.T) {
	t.Parallel()
	b := setUp(t, true)
	b.eventually(t, "fresh", func() bool { b.beat(b.seq); return b.Fresh() })
	if r, err := b.Lookup(t.Context(), "other"); err != nil || r.Key.KeyID != "asked" {
		t.Errorf("%+v %v", r, err)
	}
	b.asker.err = fault.ErrUnavailable
	if _, err := b.Lookup(t.Context(), "other"); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}

func TestCache_UnreadableStateIsAsked(t *testing.T) {
	t.Parallel()
	b := setUp(t, true)
	b.eventually(t, "fresh", func() bool { b.beat(b.seq); return b.Fresh() })
	var err error
	if b.seq, err = b.kv.Put(t.Context(), "key.K", []byte("{")); err != nil {
		t.Fatal(err)
	}
	b.eventually(t, "fresh again", func() bool { b.beat(b.seq); return b.Fresh() })
	if fromCopy, _ := b.local(t); fromCopy {
		t.Error("a state that cannot be read was trusted")
	}
	b.Beat([]byte("nonsense"))
}

func TestCache_BucketComesLater(t *testing.T) {
	t.Parallel()
	b := setUp(t, false)
	b.beat(0)
	if fromCopy, _ := b.local(t); fromCopy {
		t.Fatal("trusted without a bucket")
	}
	b.put(t, true, 1)
	b.eventually(t, "the bucket is found", func() bool { b.beat(b.seq); fromCopy, _ := b.local(t); return fromCopy })
}
