package blob_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

func smallChunks(c *blob.Config) { c.ChunkSize, c.SegmentSize = 1000, 4000 }

func TestWriter_Digests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	data := random(1, 12345)
	c := put(t, w.Store, blob.WriteOptions{Digests: []blob.Algorithm{blob.MD5, blob.SHA1, blob.CRC32, blob.CRC32C, blob.SHA256}}, data)
	m5, s1 := md5.Sum(data), sha1.Sum(data)
	be := func(v uint32) []byte { return []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)} }
	for a, want := range map[blob.Algorithm][]byte{
		blob.MD5: m5[:], blob.SHA1: s1[:], blob.CRC32: be(crc32.ChecksumIEEE(data)),
		blob.CRC32C: be(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))),
	} {
		if !bytes.Equal(c.Digests[a], want) {
			t.Errorf("%s is %x, want %x", a, c.Digests[a], want)
		}
	}
	if len(c.Digests) != 6 {
		t.Errorf("%d digests, want 6", len(c.Digests))
	}
	if _, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d", Digests: []blob.Algorithm{"rot13"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown digest gave %v", err)
	}
}

func TestWriter_ReadFromAnyReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	data := random(1, 9001)
	for name, r := range map[string]io.Reader{
		"whole":      bytes.NewReader(data),
		"single":     iotest.OneByteReader(bytes.NewReader(data)),
		"halves":     iotest.HalfReader(bytes.NewReader(data)),
		"eof beside": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		bw, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d", SizeHint: int64(len(data))})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := bw.ReadFrom(r); err != nil || n != int64(len(data)) || bw.Size() != n {
			t.Fatalf("%s: took %d bytes: %v", name, n, err)
		}
		c, err := bw.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantRead(t, w.Store, c.Manifest, 0, -1, data)
	}
	bw, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bw.ReadFrom(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(data)))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the source's error came back as %v", err)
	}
	bw.Abort()
}

func TestWriter_Compress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.Shards = 1 })
	text := []byte(strings.Repeat("2026-11-21T01:35:00Z level=info msg=\"request\" status=200 bytes=1234\n", 40_000))
	on := put(t, w.Store, blob.WriteOptions{Domain: "on", Compress: true}, text)
	off := put(t, w.Store, blob.WriteOptions{Domain: "off"}, text)
	noise := put(t, w.Store, blob.WriteOptions{Domain: "on", Compress: true}, random(1, 3<<20))
	if !on.Compressed || on.Manifest.Stored > int64(len(text))/10 {
		t.Errorf("text: compressed %v, %d bytes of %d", on.Compressed, on.Manifest.Stored, len(text))
	}
	if off.Compressed || off.Manifest.Stored < int64(len(text)) {
		t.Errorf("compression was off: %v, %d bytes of %d", off.Compressed, off.Manifest.Stored, len(text))
	}
	if noise.Compressed {
		t.Error("noise was compressed")
	}
	wantRead(t, w.Store, on.Manifest, 0, -1, text)
	wantRead(t, w.Store, on.Manifest, 1<<20, 4321, text[1<<20:1<<20+4321])
	again := put(t, w.Store, blob.WriteOptions{Domain: "on"}, text)
	if !again.Compressed || again.Deduped != int64(len(text)) {
		t.Errorf("the shared segment: compressed %v, %d bytes known", again.Compressed, again.Deduped)
	}
}

func TestWriter_SharesInsideADomainAndRegionOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks, func(c *blob.Config) { c.Regions = []blob.Region{{Name: "eu"}, {Name: "us"}} })
	data := random(1, 5000)
	first := put(t, w.Store, blob.WriteOptions{Domain: "a"}, data)
	for _, c := range []struct {
		o    blob.WriteOptions
		want int64
	}{
		{blob.WriteOptions{Domain: "a"}, 5000},
		{blob.WriteOptions{Domain: "a", Region: "eu"}, 5000},
		{blob.WriteOptions{Domain: "a", Region: "us"}, 0},
		{blob.WriteOptions{Domain: "b"}, 0},
	} {
		got := put(t, w.Store, c.o, data)
		if got.Deduped != c.want {
			t.Errorf("%+v: %d bytes were known, want %d", c.o, got.Deduped, c.want)
		}
		if c.want == 0 && got.Manifest.Segments[0].Token == first.Manifest.Segments[0].Token {
			t.Errorf("%+v: shares a segment", c.o)
		}
	}
	if _, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "a", Region: "mars"}); !errors.Is(err, blob.ErrRegion) {
		t.Errorf("an unknown region gave %v", err)
	}
}

func TestWriter_MaxSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	put(t, w.Store, blob.WriteOptions{MaxSize: 5000}, random(1, 5000))
	if _, err := write(t.Context(), w.Store, blob.WriteOptions{Domain: "d", MaxSize: 5000}, random(1, 5001)); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("one byte too many gave %v", err)
	}
	if _, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d", MaxSize: 5000, SizeHint: 5001}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("an announced byte too many gave %v", err)
	}
}

func TestWriter_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	ctx, cancel := context.WithCancel(t.Context())
	bw, err := w.NewWriter(ctx, blob.WriteOptions{Domain: "d"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bw.Write(random(1, 9000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := bw.Write(random(1, 9000)); fault.KindOf(err) != fault.Canceled {
		t.Errorf("writing after the end of its context gave %v", err)
	}
	if _, err := bw.Finish(t.Context()); fault.KindOf(err) != fault.Canceled {
		t.Errorf("finishing after the end of its context gave %v", err)
	}
	bw.Abort()
	if _, err := bw.Finish(t.Context()); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("finishing twice gave %v", err)
	}
}

func TestWriter_FullStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) {
		c.Shards, c.Regions = 1, []blob.Region{{Name: "local", MaxBytes: 3 << 20}}
	})
	kept := put(t, w.Store, blob.WriteOptions{}, random(1, 1<<20))
	for _, n := range []int{4 << 20, 20 << 20} {
		_, err := write(t.Context(), w.Store, blob.WriteOptions{Domain: "d"}, random(2, n))
		if !errors.Is(err, blob.ErrFull) || fault.KindOf(err) != fault.QuotaExceeded {
			t.Errorf("%d bytes into a full store gave %v", n, err)
		}
	}
	wantRead(t, w.Store, kept.Manifest, 0, -1, random(1, 1<<20))
	// Nothing of the refused ones stays behind.
	put(t, w.Store, blob.WriteOptions{}, random(3, 1<<20))
	use, err := w.Usage(t.Context())
	if err != nil || len(use) != 1 || use[0].Bytes > 5<<19 || use[0].MaxBytes != 3<<20 || use[0].Region != "local" {
		t.Errorf("usage is %+v, %v", use, err)
	}
}

func TestWriter_RacesOnOneContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	data := random(1, 4500) // a segment of four chunks and one of one
	stores := []*blob.Store{w.Store, w.open(t)}
	var wg sync.WaitGroup
	got := make([]blob.Content, 16)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = write(t.Context(), stores[i%2], blob.WriteOptions{Domain: "d"}, data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, c := range got {
		for i, ref := range c.Manifest.Segments {
			if ref != got[0].Manifest.Segments[i] {
				t.Errorf("segment %d has two places", i)
			}
		}
		wantRead(t, w.Store, c.Manifest, 0, -1, data)
	}
	// Losers clear up after themselves: a record and the chunks of each segment.
	var msgs uint64
	use, err := w.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range use {
		msgs += u.Messages
	}
	if msgs != 2+4+1 {
		t.Errorf("%d messages are stored, want 7", msgs)
	}
}

func TestWriter_LongListsAreIndirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.ChunkSize, c.SegmentSize = 512, 1024 })
	data := random(1, 400*1024+17)
	c := put(t, w.Store, blob.WriteOptions{}, data)
	if len(c.Manifest.Segments) != 0 || len(c.Manifest.Indirect) == 0 {
		t.Fatalf("%d segments inline, %d indirect", len(c.Manifest.Segments), len(c.Manifest.Indirect))
	}
	refs, err := w.Segments(t.Context(), c.Manifest)
	if err != nil || len(refs) != 401 {
		t.Fatalf("%d segments, %v", len(refs), err)
	}
	wantRead(t, w.Store, c.Manifest, 0, -1, data)
	wantRead(t, w.Store, c.Manifest, 200_000, 3000, data[200_000:203_000])
	if err := w.Touch(t.Context(), c.Manifest); err != nil {
		t.Error(err)
	}
	os, err := w.js(t).ObjectStore(t.Context(), c.Manifest.Indirect[0].Store)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Delete(t.Context(), string(c.Manifest.Indirect[0].ID)); err != nil {
		t.Fatal(err)
	}
	fresh := w.open(t)
	if _, err := fresh.Reader(t.Context(), c.Manifest, 0, -1); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("a lost list gave %v", err)
	}
}

func TestOpen_StoresMayGrow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	data := random(1, 30_000)
	before := put(t, w.Store, blob.WriteOptions{}, data)
	w.cfg.Shards = 5
	grown := w.open(t)
	wantRead(t, grown, before.Manifest, 0, -1, data)
	used := map[string]bool{}
	for i := range 40 {
		c := put(t, grown, blob.WriteOptions{}, random(uint64(100+i), 100))
		used[c.Manifest.Segments[0].Store] = true
		wantRead(t, w.Store, c.Manifest, 0, -1, random(uint64(100+i), 100))
	}
	if len(used) < 4 {
		t.Errorf("40 contents went to %d of 5 stores", len(used))
	}
	w.cfg.Shards = 1 // never shrinks
	use, err := w.open(t).Usage(t.Context())
	if err != nil || len(use) != 5 {
		t.Errorf("%d stores, %v", len(use), err)
	}
}

func TestReader_Ranges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	data := random(1, 10_500)
	m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
	for _, c := range [][2]int64{{-1, 1}, {10_501, 0}, {10_501, -1}, {0, 10_501}, {10_500, 1}, {1 << 62, 1 << 62}, {5, 1<<63 - 1}} {
		if _, err := w.Reader(t.Context(), m, c[0], c[1]); !errors.Is(err, blob.ErrRange) {
			t.Errorf("range %v gave %v", c, err)
		}
	}
	for off := int64(0); off <= 10_500; off += 487 {
		for _, n := range []int64{0, 1, 999, 1000, 1001, 4000, 10_500} {
			n = min(n, 10_500-off)
			wantRead(t, w.Store, m, off, n, data[off:off+n])
		}
	}
	var out bytes.Buffer
	r, err := w.Reader(t.Context(), m, 10, 5000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(&out, struct{ io.Reader }{r}, 7); err != nil {
		t.Fatal(err)
	}
	if n, err := r.WriteTo(&out); err != nil || n != 4993 || !bytes.Equal(out.Bytes(), data[10:5010]) {
		t.Errorf("the rest is %d bytes, %v", n, err)
	}
	_ = r.Close()
}

// Only the chunks that a range needs are read: the others may be gone.
func TestReader_RangeReadsOnlyItsChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks, func(c *blob.Config) { c.Shards = 1 })
	data := random(1, 4000)
	m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
	for _, i := range []int{3, 0} { // from the end, as chunks wants all of them
		s := w.stream(t, m.Segments[0])
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteMsg(t.Context(), info.State.FirstSeq+uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantRead(t, w.open(t), m, 1000, 2000, data[1000:3000])
	wantRead(t, w.open(t), m, 1999, 2, data[1999:2001])
}

func TestReader_CloseEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	m := put(t, w.Store, blob.WriteOptions{}, random(1, 50_000)).Manifest
	r, err := w.Reader(t.Context(), m, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := io.ReadAll(r); fault.KindOf(err) != fault.Canceled {
		t.Errorf("reading on gave %v", err)
	}
}

func TestStore_CacheServesRepeatedReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks, func(c *blob.Config) { c.Shards = 1 })
	data := random(1, 700)
	m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
	wantRead(t, w.Store, m, 0, -1, data)
	if err := w.js(t).DeleteStream(t.Context(), "OBJ_"+m.Segments[0].Store); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantRead(t, w.Store, m, 0, -1, data)
	}
	wantRead(t, w.Store, m, 5, 17, data[5:22])
}
