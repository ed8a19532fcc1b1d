package badge_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
)

// watched is a bench with a bucket that it watches.
type watched struct {
	*bench
	srv *natsd.Server
	js  jetstream.JetStream
	kv  jetstream.KeyValue
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{bench: setUp(t), srv: natstest.Start(t)}
	nc := natstest.Conn(t, w.srv, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	var err error
	if w.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	w.makeBucket(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, w.js) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.eventually(t, "the watch stands", w.Fresh)
	return w
}

func (w *watched) makeBucket(t *testing.T) {
	t.Helper()
	var err error
	if w.kv, err = w.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: linksv1.BadgeBucket, History: 4}); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) put(t *testing.T, x linksv1.Badge) {
	t.Helper()
	data, _ := json.Marshal(x) // numbers and strings
	if _, err := w.kv.Put(t.Context(), linksv1.BadgeKey(x.ID), data); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) eventually(t *testing.T, what string, ok func() bool) {
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

// warm shows the container until the watch vouches for it beyond the time that a
// state holds alone.
func (w *watched) warm(t *testing.T) {
	t.Helper()
	w.eventually(t, "the watch vouches for what was asked", func() bool {
		w.kind(t, id)
		w.kind(t, numeric)
		w.clock.pass(time.Minute)
		w.eventually(t, "the bucket's word", w.Fresh)
		_, asked := w.kind(t, id)
		_, askedToo := w.kind(t, numeric)
		return !asked && !askedToo
	})
}

func TestWatch_WarmIsNotAsked(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.links.set(linksv1.Counts{Online: 2}, 1)
	w.warm(t)
	before := w.links.asked.Load()

	next := w.links.set(linksv1.Counts{Online: 1, Offline: 1}, 2)
	w.put(t, next)
	for _, id := range []string{id, numeric} {
		w.eventually(t, "the change shows", func() bool { k, _ := w.kind(t, id); return k == badge.Partial })
	}
	old := next
	old.Revision, old.Counts, old.Status = 1, linksv1.Counts{Online: 2}, linksv1.Online
	w.put(t, old) // what was published again late
	gone := next
	gone.Revision, gone.Gone, gone.ID = 9, true, "another0000"
	gone.NumericID = "1"
	w.put(t, gone)
	if _, err := w.kv.Put(t.Context(), linksv1.BadgeKey(id), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := w.kv.Purge(t.Context(), linksv1.BadgeKey(id)); err != nil {
		t.Fatal(err)
	}
	next.Revision, next.Counts, next.Status = 3, linksv1.Counts{Offline: 2}, linksv1.Offline
	w.put(t, next)
	w.eventually(t, "the change shows", func() bool {
		k, _ := w.kind(t, id)
		if k == badge.Online || k == badge.NotFound {
			t.Fatalf("%v: an older state, another's or an operator's doing was taken", k)
		}
		return k == badge.Offline
	})
	if n := w.links.asked.Load() - before; n > 0 {
		t.Errorf("linkchecker was asked %d times", n)
	}
	w.links.remove()
	next.Revision, next.Gone = 4, true
	w.put(t, next)
	w.eventually(t, "the end shows", func() bool { k, _ := w.kind(t, numeric); return k == badge.NotFound })
}

// TestWatch_ChangeWhileAsked: what the watch brings while an older answer is on
// its way counts.
func TestWatch_ChangeWhileAsked(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.links.set(linksv1.Counts{Online: 1}, 1)
	w.links.fail(nil, func() {
		w.links.fail(nil, nil)
		w.put(t, w.links.set(linksv1.Counts{Offline: 1}, 2))
		w.kind(t, "otherid0000") // and back again, over the bucket
		w.put(t, linksv1.Badge{ID: "otherid0000", NumericID: "77", Status: linksv1.Online, Counts: linksv1.Counts{Online: 1}, Revision: 1})
		w.eventually(t, "the watch came so far", func() bool { k, _ := w.kind(t, "otherid0000"); return k == badge.Online })
	})
	if k, _ := w.kind(t, id); k != badge.Offline {
		t.Errorf("%v", k)
	}
}

// TestWatch_Silent: without the bucket's word each state holds a few seconds.
func TestWatch_Silent(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.links.set(linksv1.Counts{Online: 1}, 1)
	w.warm(t)
	w.srv.Shutdown()
	w.links.set(linksv1.Counts{Offline: 1}, 2) // nobody hears of it
	w.clock.pass(5 * time.Second)
	if k, asked := w.kind(t, id); k != badge.Offline || !asked {
		t.Errorf("5 s later: %v, asked %v", k, asked)
	}
}

// TestWatch_BucketMadeAnew: what was known before is not vouched for by another
// bucket.
func TestWatch_BucketMadeAnew(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.links.set(linksv1.Counts{Online: 1}, 1)
	for range 3 { // so that the sequences fall
		w.put(t, linksv1.Badge{ID: "otherid0000", NumericID: "77", Status: linksv1.Online, Revision: 1})
	}
	w.warm(t)
	if err := w.js.DeleteKeyValue(t.Context(), linksv1.BadgeBucket); err != nil {
		t.Fatal(err)
	}
	w.makeBucket(t)
	next := w.links.set(linksv1.Counts{Offline: 1}, 2)
	w.clock.pass(5 * time.Second)
	w.eventually(t, "the change shows", func() bool { k, _ := w.kind(t, id); return k == badge.Offline })
	w.warm(t)
	next.Revision, next.Counts, next.Status = 3, linksv1.Counts{Online: 1}, linksv1.Online
	w.put(t, next)
	w.eventually(t, "the new bucket is watched", func() bool { k, asked := w.kind(t, id); return k == badge.Online && !asked })
}
