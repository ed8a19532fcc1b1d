package blob_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

// A writer may be held up for longer than a lease between a chunk and its
// record: a laptop that sleeps, a process that is stopped. A collection that
// comes first takes the chunk for a crashed writer's. What the writer then says
// must be that it failed, never that it has stored something.
func TestWriter_HeldUpBeforeItsRecord(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"one chunk": 200, "several chunks": 700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1_800_000_000, 0)
			cfg := blob.Config{
				Ring: blob.Keys(keystest.Ring(t)), Shards: 1, ChunkSize: 256, SegmentSize: 768, CacheBytes: -1,
				Lease: modelLease, Clock: func() time.Time { return now },
			}
			srv := blob.NewFakeServer(cfg.Clock)
			open := func(c *blob.FakeClient) *blob.Store {
				s, err := blob.OpenFake(t.Context(), cfg, c, func(_ context.Context, d time.Duration) error {
					now = now.Add(d)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			held := false
			writer := open(&blob.FakeClient{Server: srv, After: func(op string) error {
				if op != "publish" || held {
					return nil
				}
				held = true
				now = now.Add(modelLease + time.Hour)
				_, err := open(&blob.FakeClient{Server: srv}).Collect(t.Context(), manifests(), blob.CollectOptions{})
				return err
			}})
			data := random(1, size)
			out, err := write(t.Context(), writer, blob.WriteOptions{Domain: "d"}, data)
			if err == nil {
				got, rerr := read(t.Context(), open(&blob.FakeClient{Server: srv}), out.Manifest, 0, -1)
				t.Fatalf("the content was acknowledged; reading it gave %t, %v", slices.Equal(got, data), rerr)
			}
			if !errors.Is(err, blob.ErrExpired) {
				t.Errorf("writing gave %v", err)
			}
			if records, chunks := srv.Left(); records != 0 || len(chunks) != 0 {
				t.Errorf("%d records and chunks of %v are left", records, chunks)
			}
		})
	}
}
