package blob_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

// The rare turns that the model check takes too seldom, each on its own.
type crashWorld struct {
	t   *testing.T
	now time.Time
	srv *blob.FakeServer
	cfg blob.Config
}

func newCrashWorld(t *testing.T) *crashWorld {
	w := &crashWorld{t: t, now: time.Unix(1_800_000_000, 0)}
	clock := func() time.Time { return w.now }
	w.srv = blob.NewFakeServer(clock)
	w.cfg = blob.Config{Ring: blob.Keys(keystest.Ring(t)), Shards: 1, ChunkSize: 256, SegmentSize: 768, CacheBytes: -1, Lease: modelLease, Clock: clock}
	return w
}

// process opens a Store; hook is called before its n-th operation of a kind, from 1.
func (w *crashWorld) process(hook func(c *blob.FakeClient, op string, n int) error) *blob.Store {
	w.t.Helper()
	c := &blob.FakeClient{Server: w.srv}
	s, err := blob.OpenFake(w.t.Context(), w.cfg, c, func(_ context.Context, d time.Duration) error {
		w.now = w.now.Add(d)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if hook == nil { // readers fetch ahead, in goroutines of their own
		return s
	}
	count := map[string]int{}
	c.Before = func(op string) error {
		count[op]++
		return hook(c, op, count[op])
	}
	return s
}

func (w *crashWorld) collect(keep ...blob.Manifest) {
	w.t.Helper()
	o := blob.CollectOptions{Grace: modelGrace, PurgeAfter: modelPurge}
	for range 2 {
		if _, err := w.process(nil).Collect(w.t.Context(), manifests(keep...), o); err != nil {
			w.t.Fatal(err)
		}
		w.now = w.now.Add(2 * modelPurge)
	}
}

// The chunk was refused, its record was not, and the writer died before it could
// take that back.
func TestWriter_RecordWithoutItsChunkIsNotShared(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	data := random(1, 200)
	_, err := write(t.Context(), w.process(func(c *blob.FakeClient, op string, n int) error {
		if op == "publish" && n == 1 {
			return blob.ErrFull
		}
		if op == "purge" {
			c.Crash()
		}
		return nil
	}), blob.WriteOptions{Domain: "d"}, data)
	if err == nil {
		t.Fatal("a refused chunk was taken for stored")
	}
	if records, chunks := w.srv.Left(); records != 1 || len(chunks) != 0 {
		t.Fatalf("%d records and %d sets of chunks are left; the scene is not set", records, len(chunks))
	}
	c := put(t, w.process(nil), blob.WriteOptions{Domain: "d"}, data)
	wantRead(t, w.process(nil), c.Manifest, 0, -1, data)
}

// The answer to the record got lost, and the writer lives on: what it wrote may
// be shared by others by then, so it must not clear up.
func TestWriter_LostAnswerPurgesNothing(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"one chunk": 200, "more chunks": 700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t)
			data := random(1, size)
			chunks := (size + 255) / 256
			var other blob.Content
			ctx, cancel := context.WithCancel(t.Context())
			_, err := write(ctx, w.process(func(_ *blob.FakeClient, op string, n int) error {
				if op == "wait" && n == chunks+1 {
					other = put(t, w.process(nil), blob.WriteOptions{Domain: "d"}, data)
					cancel()
					return blob.ErrUnavailable
				}
				return nil
			}), blob.WriteOptions{Domain: "d"}, data)
			if err == nil || other.Deduped != int64(size) {
				t.Fatalf("%v, %d bytes shared; the scene is not set", err, other.Deduped)
			}
			wantRead(t, w.process(nil), other.Manifest, 0, -1, data)
		})
	}
}

// A transfer that takes most of a lease renews its first segments at its end.
func TestWriter_FinishRenewsWhatIsOld(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	data := random(1, 1500)
	bw, err := w.process(nil).NewWriter(t.Context(), blob.WriteOptions{Domain: "d"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bw.Write(data[:800]); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(modelLease * 5 / 6)
	if _, err := bw.Write(data[800:]); err != nil {
		t.Fatal(err)
	}
	c, err := bw.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(modelLease/2 - 5*modelPurge)
	w.collect() // it is not committed yet
	wantRead(t, w.process(nil), c.Manifest, 0, -1, data)
	if err := w.process(nil).Touch(t.Context(), c.Manifest); err != nil {
		t.Error(err)
	}
}

// The machine slept between the chunks and their record, and a collection took
// the chunks for those of a crashed writer: no record may name them then.
func TestWriter_GivesUpWhatTookTooLong(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	data := random(1, 700)
	_, err := write(t.Context(), w.process(func(_ *blob.FakeClient, op string, n int) error {
		if op == "wait" && n == 3 {
			w.now = w.now.Add(modelLease + time.Hour)
			w.collect()
		}
		return nil
	}), blob.WriteOptions{Domain: "d"}, data)
	if !errors.Is(err, blob.ErrExpired) {
		t.Errorf("a segment whose chunks are gone: %v", err)
	}
	c := put(t, w.process(nil), blob.WriteOptions{Domain: "d"}, data)
	wantRead(t, w.process(nil), c.Manifest, 0, -1, data)
}
