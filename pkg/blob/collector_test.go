package blob_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
)

// clock is the real one plus what a test adds.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func manifests(all ...blob.Manifest) blob.Contents {
	return func(_ context.Context, yield func(blob.Manifest) error) error {
		for _, m := range all {
			if err := yield(m); err != nil {
				return err
			}
		}
		return nil
	}
}

var quick = blob.CollectOptions{Grace: time.Millisecond, PurgeAfter: time.Hour}

func messages(t *testing.T, s *blob.Store) (n uint64) {
	t.Helper()
	use, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range use {
		n += u.Messages
	}
	return n
}

// The model check runs on a fake; this is the same life on JetStream.
func TestCollect_OnJetStream(t *testing.T) {
	t.Parallel()
	var c clock
	w := newWorld(t, func(cfg *blob.Config) {
		cfg.ChunkSize, cfg.SegmentSize, cfg.Clock, cfg.CacheBytes = 512, 1024, c.now, -1
	})
	touched := false
	collect := func(want blob.Report, keep ...blob.Manifest) {
		t.Helper()
		got, err := w.Collect(t.Context(), manifests(keep...), quick)
		if err != nil {
			t.Fatal(err)
		}
		want.Contents, want.FreedBytes = int64(len(keep)), got.FreedBytes
		if touched { // the part of gone that is shared may have been renewed before the rest failed
			want.Leased = got.Leased
		}
		if got != want {
			t.Fatalf("collected\n%+v, want\n%+v", got, want)
		}
	}
	data := random(1, 3000)
	kept := put(t, w.Store, blob.WriteOptions{}, data).Manifest                                        // 3 segments of 2 chunks
	gone := put(t, w.Store, blob.WriteOptions{}, append(data[:1024:1024], random(2, 500)...)).Manifest // shares the first; 1 of its own
	long := put(t, w.Store, blob.WriteOptions{}, random(3, 400*1024)).Manifest                         // 400, and a list
	lists := int64(len(long.Indirect))
	all := 3 + 1 + 400 + lists

	collect(blob.Report{Segments: all, Leased: all})
	c.advance(25 * time.Hour)
	// A writer that crashed left chunks without a record; their age is real, not of our clock.
	if _, err := w.js(t).Publish(t.Context(), "$O.sluice-local-000.C.crashedcrashedcrashed1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	dry, err := w.Collect(t.Context(), manifests(kept, long), blob.CollectOptions{Grace: time.Millisecond, DryRun: true})
	if err != nil || dry.Condemned != 1 || dry.Orphans != 1 {
		t.Fatalf("a dry run gave %+v, %v", dry, err)
	}
	collect(blob.Report{Segments: all, Condemned: 1, Orphans: 1}, kept, long)
	if err := w.Touch(t.Context(), gone); !errors.Is(err, blob.ErrExpired) {
		t.Errorf("touching what is condemned gave %v", err)
	}
	touched = true
	collect(blob.Report{Segments: all}, kept, long) // condemned, but not for long enough
	c.advance(2 * time.Hour)
	collect(blob.Report{Segments: all, Purged: 1}, kept, long)
	wantRead(t, w.Store, kept, 0, -1, data)
	wantRead(t, w.Store, long, 0, -1, random(3, 400*1024))
	if _, err := read(t.Context(), w.Store, gone, 0, -1); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("reading what is gone gave %v", err)
	}
	again := put(t, w.Store, blob.WriteOptions{}, random(2, 500))
	if again.Deduped != 0 {
		t.Error("a purged segment was shared")
	}
	c.advance(30 * time.Hour)
	collect(blob.Report{Segments: all, Condemned: all})
	c.advance(2 * time.Hour)
	collect(blob.Report{Segments: all, Purged: all})
	if n := messages(t, w.Store); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestCollect_CondemnedIsReplacedNotShared(t *testing.T) {
	t.Parallel()
	var c clock
	w := newWorld(t, func(cfg *blob.Config) { smallChunks(cfg); cfg.Clock = c.now })
	data := random(1, 3500)
	old := put(t, w.Store, blob.WriteOptions{}, data).Manifest
	c.advance(25 * time.Hour)
	if _, err := w.Collect(t.Context(), manifests(), quick); err != nil {
		t.Fatal(err)
	}
	fresh := put(t, w.Store, blob.WriteOptions{}, data)
	if fresh.Deduped != 0 || fresh.Manifest.Segments[0].Token == old.Segments[0].Token {
		t.Fatal("a condemned segment was shared")
	}
	c.advance(2 * time.Hour)
	if _, err := w.Collect(t.Context(), manifests(fresh.Manifest), quick); err != nil {
		t.Fatal(err)
	}
	wantRead(t, w.open(t), fresh.Manifest, 0, -1, data)
	c.advance(30 * time.Hour) // now the old chunks, whose record was replaced, are old enough
	rep, err := w.Collect(t.Context(), manifests(fresh.Manifest), quick)
	if err != nil || rep.Condemned != 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	wantRead(t, w.open(t), fresh.Manifest, 0, -1, data)
	if n := messages(t, w.Store); n != 5 {
		t.Errorf("%d messages are left, want a record and four chunks", n)
	}
}

func TestCollect_TouchKeeps(t *testing.T) {
	t.Parallel()
	var c clock
	w := newWorld(t, func(cfg *blob.Config) { smallChunks(cfg); cfg.Clock = c.now })
	m := put(t, w.Store, blob.WriteOptions{}, random(1, 9000)).Manifest
	for range 5 {
		c.advance(20 * time.Hour)
		if err := w.Touch(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		rep, err := w.Collect(t.Context(), manifests(), quick)
		if err != nil || rep.Condemned != 0 || rep.Leased != 3 {
			t.Fatalf("%+v, %v", rep, err)
		}
	}
}

func TestCollect_OneAtATime(t *testing.T) {
	t.Parallel()
	var c clock
	w := newWorld(t, func(cfg *blob.Config) { cfg.Clock = c.now })
	other := w.open(t)
	_, err := w.Collect(t.Context(), func(ctx context.Context, _ func(blob.Manifest) error) error {
		if _, err := other.Collect(ctx, manifests(), quick); !errors.Is(err, blob.ErrBusy) {
			t.Errorf("a second collection gave %v", err)
		}
		return nil
	}, quick)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Collect(t.Context(), manifests(), quick); err != nil {
		t.Errorf("after the first had ended: %v", err)
	}
	// One that sleeps through its lease finds another in its place.
	_, err = w.Collect(t.Context(), func(ctx context.Context, yield func(blob.Manifest) error) error {
		c.advance(time.Hour)
		if _, err := other.Collect(ctx, manifests(), quick); err != nil {
			t.Errorf("taking over a lease that ran out: %v", err)
		}
		return yield(blob.Manifest{})
	}, quick)
	if !errors.Is(err, blob.ErrBusy) {
		t.Errorf("the one that slept ended with %v", err)
	}
}

func TestCollect_AnErrorOfContentsCondemnsNothing(t *testing.T) {
	t.Parallel()
	var c clock
	w := newWorld(t, func(cfg *blob.Config) { smallChunks(cfg); cfg.Clock = c.now })
	long := put(t, w.Store, blob.WriteOptions{}, random(1, 2_000_000)).Manifest
	if len(long.Indirect) == 0 {
		t.Fatal("the list is inline")
	}
	c.advance(50 * time.Hour)
	away := errors.New("the owner of contents is away")
	rep, err := w.Collect(t.Context(), func(context.Context, func(blob.Manifest) error) error { return away }, quick)
	if !errors.Is(err, away) || rep.Condemned != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	ref := long.Indirect[0]
	os, err := w.js(t).ObjectStore(t.Context(), ref.Store)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Delete(t.Context(), string(ref.ID)); err != nil {
		t.Fatal(err)
	}
	rep, err = w.open(t).Collect(t.Context(), manifests(long), quick)
	if !errors.Is(err, blob.ErrDamaged) || rep.Condemned != 0 {
		t.Errorf("with a list that is gone: %+v, %v", rep, err)
	}
}
