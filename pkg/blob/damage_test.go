package blob_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// stream gives the JetStream stream behind a segment, for harm.
func (w *world) stream(t testing.TB, ref blob.SegmentRef) jetstream.Stream {
	t.Helper()
	s, err := w.js(t).Stream(t.Context(), "OBJ_"+ref.Store)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// chunks gives the chunk messages of a segment, in order.
func (w *world) chunks(t testing.TB, ref blob.SegmentRef) []*jetstream.RawStreamMsg {
	t.Helper()
	s := w.stream(t, ref)
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []*jetstream.RawStreamMsg
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(m.Subject, ".C."+ref.Token) {
			out = append(out, m)
		}
	}
	if len(out) != ref.Chunks {
		t.Fatalf("%d chunks are stored, want %d", len(out), ref.Chunks)
	}
	return out
}

// rewrite replaces a segment's chunks by others, and its record by one that
// knows their sequences.
func (w *world) rewrite(t testing.TB, ref blob.SegmentRef, bodies [][]byte) {
	t.Helper()
	js := w.js(t)
	if err := w.stream(t, ref).Purge(t.Context(), jetstream.WithPurgeSubject("$O."+ref.Store+".C."+ref.Token)); err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for _, b := range bodies {
		ack, err := js.Publish(t.Context(), "$O."+ref.Store+".C."+ref.Token, b)
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, ack.Sequence)
	}
	if ref.Chunks == 1 {
		return
	}
	subject := blob.RecordSubject(ref.Store, ref.ID)
	m, err := w.stream(t, ref).GetLastMsgForSubject(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg(subject)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if msg.Data, err = blob.WithSeqs(m.Data, seqs); err != nil {
		t.Fatal(err)
	}
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
}

func bodies(ms []*jetstream.RawStreamMsg) [][]byte {
	var out [][]byte
	for _, m := range ms {
		out = append(out, bytes.Clone(m.Data))
	}
	return out
}

// Whatever is done to what is stored, a read gives the right bytes or
// blob.damaged, and never a wrong byte before that.
func TestReader_Damage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		size int
		harm func(t *testing.T, w *world, m blob.Manifest) blob.Manifest
	}{
		{"bit of the only chunk", 700, flip(0, 100)},
		{"codec of the only chunk", 700, flip(0, 0)},
		{"key id of the only chunk", 700, flip(0, 4)},
		{"nonce of the only chunk", 700, flip(0, 7)},
		{"bit of the last chunk's tag", 3500, flip(3, -1)},
		{"first of more chunks", 3500, flip(0, 500)},
		{"only chunk gone", 700, deleteChunk(0)},
		{"chunk gone", 3500, deleteChunk(2)},
		{"chunks swapped", 3500, exchange(func(b [][]byte) [][]byte { b[0], b[1] = b[1], b[0]; return b })},
		{"chunk twice", 3500, exchange(func(b [][]byte) [][]byte { b[1] = b[0]; return b })},
		{"chunk truncated", 3500, exchange(func(b [][]byte) [][]byte { b[1] = b[1][:len(b[1])/2]; return b })},
		{"chunk empty", 3500, exchange(func(b [][]byte) [][]byte { b[1] = nil; return b })},
		{"only chunk truncated", 700, exchange(func(b [][]byte) [][]byte { b[0] = b[0][:20]; return b })},
		{"record gone", 3500, func(t *testing.T, w *world, m blob.Manifest) blob.Manifest {
			ref := m.Segments[0]
			if err := w.stream(t, ref).Purge(t.Context(), jetstream.WithPurgeSubject(blob.RecordSubject(ref.Store, ref.ID))); err != nil {
				t.Fatal(err)
			}
			return m
		}},
		{"record is nonsense", 3500, func(t *testing.T, w *world, m blob.Manifest) blob.Manifest {
			ref := m.Segments[0]
			if _, err := w.js(t).Publish(t.Context(), blob.RecordSubject(ref.Store, ref.ID), []byte(`{"name":17}`)); err != nil {
				t.Fatal(err)
			}
			return m
		}},
		{"segments swapped", 7000, func(_ *testing.T, _ *world, m blob.Manifest) blob.Manifest {
			m.Segments[0].Token, m.Segments[1].Token = m.Segments[1].Token, m.Segments[0].Token
			m.Segments[0].Store, m.Segments[1].Store = m.Segments[1].Store, m.Segments[0].Store
			return m
		}},
		{"segment of another length", 3500, func(_ *testing.T, _ *world, m blob.Manifest) blob.Manifest {
			m.Segments[0].Len++
			m.Size++
			return m
		}},
		{"manifest too short for its size", 3500, func(_ *testing.T, _ *world, m blob.Manifest) blob.Manifest {
			m.Size += 10
			return m
		}},
		{"segment of another domain", 700, func(_ *testing.T, _ *world, m blob.Manifest) blob.Manifest {
			m.Segments[0].Domain = "tenant-b"
			return m
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *blob.Config) { c.ChunkSize, c.SegmentSize, c.Shards = 1000, 4000, 1 })
			data := random(9, c.size)
			put(t, w.Store, blob.WriteOptions{}, random(8, 5000)) // a neighbour
			m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
			m = c.harm(t, w, m)
			wantDamaged(t, w.open(t), m, data)
		})
	}
}

func wantDamaged(t *testing.T, s *blob.Store, m blob.Manifest, data []byte) {
	t.Helper()
	var got []byte
	r, err := s.Reader(t.Context(), m, 0, -1)
	if err == nil {
		got, err = io.ReadAll(r)
		_ = r.Close()
	}
	if !errors.Is(err, blob.ErrDamaged) || fault.KindOf(err) != fault.Internal {
		t.Fatalf("got %d bytes and %v, want blob.damaged", len(got), err)
	}
	if !bytes.HasPrefix(data, got) {
		t.Fatal("wrong bytes were given out")
	}
}

func flip(chunk, at int) func(*testing.T, *world, blob.Manifest) blob.Manifest {
	return exchange(func(b [][]byte) [][]byte {
		i := at
		if i < 0 {
			i += len(b[chunk])
		}
		b[chunk][i] ^= 0x01
		return b
	})
}

func exchange(f func([][]byte) [][]byte) func(*testing.T, *world, blob.Manifest) blob.Manifest {
	return func(t *testing.T, w *world, m blob.Manifest) blob.Manifest {
		ref := m.Segments[0]
		w.rewrite(t, ref, f(bodies(w.chunks(t, ref))))
		return m
	}
}

func deleteChunk(i int) func(*testing.T, *world, blob.Manifest) blob.Manifest {
	return func(t *testing.T, w *world, m blob.Manifest) blob.Manifest {
		ref := m.Segments[0]
		if err := w.stream(t, ref).DeleteMsg(t.Context(), w.chunks(t, ref)[i].Sequence); err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// Untouched messages under new sequences are fine: the harm above is in the
// bytes, not in the way it was done.
func TestReader_RewrittenAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.ChunkSize, c.SegmentSize, c.Shards = 1000, 4000, 1 })
	for _, n := range []int{700, 3500} {
		data := random(9, n)
		m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
		exchange(func(b [][]byte) [][]byte { return b })(t, w, m)
		wantRead(t, w.open(t), m, 0, -1, data)
	}
}

// A content that is sent again does not take over damage: a single chunk is read
// back before it is shared.
func TestWriter_DoesNotShareDamage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *blob.Config) { c.ChunkSize, c.SegmentSize, c.Shards = 1000, 4000, 1 })
	data := random(9, 700)
	m := put(t, w.Store, blob.WriteOptions{}, data).Manifest
	deleteChunk(0)(t, w, m)
	again := put(t, w.Store, blob.WriteOptions{}, data)
	if again.Deduped != 0 {
		t.Error("a lost chunk was shared")
	}
	wantRead(t, w.Store, again.Manifest, 0, -1, data)
}
