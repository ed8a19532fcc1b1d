package blob_test

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
)

// Any client of JetStream's object store can list, get and verify segments; what
// it gets is sealed.
func TestWriter_StockObjectStoreReadsSegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.Shards = 1 })
	small, large := random(1, 4096), random(2, 9<<20)
	for _, data := range [][]byte{small, large} {
		c := put(t, w.Store, blob.WriteOptions{}, data)
		for _, ref := range c.Manifest.Segments {
			os, err := w.js(t).ObjectStore(t.Context(), ref.Store)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.GetBytes(t.Context(), string(ref.ID)) // checks the digest
			if err != nil {
				t.Fatalf("getting a segment of %d chunks: %v", ref.Chunks, err)
			}
			if int64(len(got)) != ref.Stored {
				t.Errorf("%d bytes, want %d", len(got), ref.Stored)
			}
			if bytes.Contains(got, data[:64]) {
				t.Error("a segment is stored in the clear")
			}
			info, err := os.GetInfo(t.Context(), string(ref.ID))
			if err != nil {
				t.Fatal(err)
			}
			if info.NUID != ref.Token || int(info.Chunks) != ref.Chunks {
				t.Errorf("its info names %s and %d chunks, want %s and %d", info.NUID, info.Chunks, ref.Token, ref.Chunks)
			}
		}
	}
	os, err := w.js(t).ObjectStore(t.Context(), "sluice-local-000")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.List(t.Context())
	if err != nil || len(list) != 3 {
		t.Errorf("%d objects are listed (%v), want 3", len(list), err)
	}
}

// Stores are bounded and refuse what is too much; they never drop what they have.
func TestOpen_StoresAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) {
		c.Regions = []blob.Region{{Name: "local"}, {Name: "far", MaxBytes: 64 << 20}}
		c.Shards = 4
	})
	for region, want := range map[string]int64{"local": 1 << 40, "far": 16 << 20} {
		for _, n := range []string{"000", "001", "002", "003"} {
			s, err := w.js(t).Stream(t.Context(), "OBJ_sluice-"+region+"-"+n)
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			if cfg.MaxBytes != want || cfg.Discard != jetstream.DiscardNew || !cfg.AllowDirect {
				t.Errorf("%s: %d bytes, %v", cfg.Name, cfg.MaxBytes, cfg.Discard)
			}
		}
	}
}
