package blob_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

// inOrder gives manifests as Compose takes them.
func inOrder(parts ...blob.Manifest) blob.Contents {
	return func(_ context.Context, yield func(blob.Manifest) error) error {
		for _, m := range parts {
			if err := yield(m); err != nil {
				return err
			}
		}
		return nil
	}
}

// memory is a store over a server in memory.
func memory(t testing.TB, change ...func(*blob.Config)) (*blob.Store, *blob.FakeClient) {
	t.Helper()
	cfg := blob.Config{Ring: blob.Keys(keystest.Ring(t)), Shards: 2, ChunkSize: 256, SegmentSize: 768}
	for _, c := range change {
		c(&cfg)
	}
	client := &blob.FakeClient{Server: blob.NewFakeServer(time.Now)}
	s, err := blob.OpenFake(t.Context(), cfg, client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

func TestCompose_ReadsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, smallChunks)
	var parts []blob.Manifest
	var data []byte
	var stored int64
	for i, n := range []int{4001, 0, 1, 12345, 4000, 999} {
		b := random(uint64(i), n)
		c := put(t, w.Store, blob.WriteOptions{Compress: i%2 == 0}, b)
		parts, data, stored = append(parts, c.Manifest), append(data, b...), stored+c.Manifest.Stored
	}
	m, err := w.Compose(t.Context(), inOrder(parts...))
	if err != nil {
		t.Fatal(err)
	}
	if m.Size != int64(len(data)) || m.Stored != stored || m.Region != parts[0].Region || m.Domain != "tenant-a" || len(m.Segments) != 9 || m.Indirect != nil {
		t.Fatalf("composed %+v", m)
	}
	wantRead(t, w.Store, m, 0, -1, data)
	wantRead(t, w.Store, m, 4000, 5, data[4000:4005])
	again, err := w.Compose(t.Context(), inOrder(m, parts[2], m))
	if err != nil {
		t.Fatal(err)
	}
	wantRead(t, w.Store, again, 0, -1, slices.Concat(data, data[4001:4002], data))
}

// A list that does not fit is stored, and lists of parts are read.
func TestCompose_LongLists(t *testing.T) {
	t.Parallel()
	s, _ := memory(t)
	short, err := write(t.Context(), s, blob.WriteOptions{Domain: "d"}, random(1, 100))
	if err != nil {
		t.Fatal(err)
	}
	data := random(2, 768*500)
	long, err := write(t.Context(), s, blob.WriteOptions{Domain: "d"}, data)
	if err != nil || len(long.Manifest.Indirect) == 0 {
		t.Fatalf("%d indirect, %v", len(long.Manifest.Indirect), err)
	}
	m, err := s.Compose(t.Context(), inOrder(long.Manifest, short.Manifest, long.Manifest))
	if err != nil || len(m.Indirect) == 0 || m.Segments != nil {
		t.Fatalf("%d inline, %d indirect, %v", len(m.Segments), len(m.Indirect), err)
	}
	want := slices.Concat(data, random(1, 100), data)
	wantRead(t, s, m, 0, -1, want)
	for _, at := range []int{0, 767, len(data) - 1, len(data), len(data) + 99, len(data) + 100, len(want) - 1} {
		n := min(3, len(want)-at)
		wantRead(t, s, m, int64(at), int64(n), want[at:at+n])
	}
	if err := s.Touch(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func TestCompose_Nothing(t *testing.T) {
	t.Parallel()
	s, _ := memory(t)
	empty, err := write(t.Context(), s, blob.WriteOptions{Domain: "d"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]blob.Manifest{nil, {empty.Manifest}, {empty.Manifest, empty.Manifest}} {
		m, err := s.Compose(t.Context(), inOrder(parts...))
		if err != nil || m.Size != 0 || m.Segments != nil || m.Indirect != nil {
			t.Fatalf("%+v, %v", m, err)
		}
		wantRead(t, s, m, 0, -1, []byte{})
	}
}

func TestCompose_Refused(t *testing.T) {
	t.Parallel()
	s, client := memory(t)
	part := func(domain string, n int) blob.Manifest {
		c, err := write(t.Context(), s, blob.WriteOptions{Domain: domain}, random(3, n))
		if err != nil {
			t.Fatal(err)
		}
		return c.Manifest
	}
	good := part("d", 1000)
	shorter, longer, far := good, good, good
	shorter.Size--
	longer.Size++
	far.Region = "far"
	lying := good
	lying.Segments = slices.Clone(good.Segments)
	lying.Segments[0].Len = -1
	huge := good
	huge.Size = 1<<63 - 1
	for name, parts := range map[string][]blob.Manifest{
		"domains": {good, part("e", 10)}, "regions": {good, far}, "size": {good, shorter}, "size too": {longer},
		"negative": {lying}, "overflow": {good, huge},
	} {
		if m, err := s.Compose(t.Context(), inOrder(parts...)); fault.KindOf(err) != fault.Internal || m.Size != 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	stop := errors.New("stop")
	_, err := s.Compose(t.Context(), func(context.Context, func(blob.Manifest) error) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("the parts' own error came back as %v", err)
	}
	long := part("d", 768*500)
	client.Before = func(op string) error {
		if op == "publish" {
			return blob.ErrFull
		}
		return nil
	}
	if _, err := s.Compose(t.Context(), inOrder(long, good)); !errors.Is(err, blob.ErrFull) {
		t.Errorf("a full store gave %v", err)
	}
	lost := long
	lost.Indirect = slices.Clone(long.Indirect)
	lost.Indirect[0].Token = "none"
	if _, err := s.Compose(t.Context(), inOrder(lost)); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("a lost list gave %v", err)
	}
}

// Ten thousand parts cost their list: no part is looked at, and a range of the
// whole costs its own chunks only.
func TestCompose_TenThousandParts(t *testing.T) {
	t.Parallel()
	s, client := memory(t)
	data := random(4, 500)
	c, err := write(t.Context(), s, blob.WriteOptions{Domain: "d"}, data)
	if err != nil {
		t.Fatal(err)
	}
	parts := slices.Repeat([]blob.Manifest{c.Manifest}, 10_000)
	var count atomic.Int64
	client.Before = func(string) error { count.Add(1); return nil }
	began := time.Now()
	m, err := s.Compose(t.Context(), inOrder(parts...))
	if err != nil || m.Size != 5_000_000 {
		t.Fatalf("%+v, %v", m.Size, err)
	}
	ops := int(count.Swap(0))
	t.Logf("composed in %v with %d operations on the server", time.Since(began), ops)
	var list int64
	for _, r := range m.Indirect {
		list += r.Len
	}
	if most := int(list/256) * 4; ops > most {
		t.Errorf("%d operations for a list of %d bytes", ops, list)
	}
	wantRead(t, s, m, 4_999_990, 10, data[490:])
	count.Store(0)
	for i := range 50 {
		wantRead(t, s, m, int64(i)*90_000+7, 20, data[7:27])
	}
	if n := count.Load(); n > 10 {
		t.Errorf("%d operations for ranges of one segment whose list is known", n)
	}
}

func FuzzCompose_Ranges(f *testing.F) {
	s, _ := memory(f)
	var pieces []blob.Manifest
	var data [][]byte
	for i, n := range []int{0, 1, 255, 256, 257, 768, 769, 2000} {
		b := random(uint64(100+i), n)
		c, err := write(f.Context(), s, blob.WriteOptions{Domain: "d"}, b)
		if err != nil {
			f.Fatal(err)
		}
		pieces, data = append(pieces, c.Manifest), append(data, b)
	}
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}, uint32(256), uint32(3000))
	f.Add([]byte{0}, uint32(0), uint32(0))
	f.Add(bytes.Repeat([]byte{1}, 400), uint32(399), uint32(1))
	f.Add(bytes.Repeat([]byte{7, 4, 1}, 100), uint32(2001), uint32(1<<20))
	f.Fuzz(func(t *testing.T, which []byte, off, n uint32) {
		var parts []blob.Manifest
		var want []byte
		for _, b := range which[:min(len(which), 500)] {
			parts, want = append(parts, pieces[b%8]), append(want, data[b%8]...)
		}
		m, err := s.Compose(t.Context(), inOrder(parts...))
		if err != nil || m.Size != int64(len(want)) {
			t.Fatalf("%d bytes of %d, %v", m.Size, len(want), err)
		}
		from := int(off) % (len(want) + 1)
		to := from + int(n)%(len(want)-from+1)
		wantRead(t, s, m, int64(from), int64(to-from), want[from:to])
	})
}
