package blob

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The stored form of a long segment list:
//
//	"SLS1" | strings (stores and domains): count, then length and bytes of each |
//	references: count, then of each: id (32) | token: length, bytes |
//	store, domain (indices) | plain bytes | chunks | stored bytes
//
// all numbers as unsigned varints.
const listMagic = "SLS1"

// maxListed bounds what a decoder believes: 2^24 segments are 128 TiB.
const maxListed = 1 << 24

var errList = errors.New("the list of segments is malformed")

func encodeList(refs []SegmentRef) ([]byte, error) {
	w := newListWriter()
	for _, r := range refs {
		if err := w.add(r); err != nil {
			return nil, err
		}
	}
	return w.bytes(), nil
}

// listWriter encodes a list of segments as they come.
type listWriter struct {
	index map[string]uint64
	names []string
	body  []byte
	count int
}

func newListWriter() *listWriter { return &listWriter{index: map[string]uint64{}} }

func (w *listWriter) name(s string) uint64 {
	i, ok := w.index[s]
	if !ok {
		i = uint64(len(w.names))
		w.index[s], w.names = i, append(w.names, s)
	}
	return i
}

func (w *listWriter) add(r SegmentRef) error {
	id, err := hex.DecodeString(string(r.ID))
	if err != nil || len(id) != 32 {
		return fmt.Errorf("segment id %q is not 64 hex digits", r.ID)
	}
	w.body = appendString(append(w.body, id...), r.Token)
	for _, n := range []uint64{w.name(r.Store), w.name(r.Domain), uint64(r.Len), uint64(r.Chunks), uint64(r.Stored)} {
		w.body = binary.AppendUvarint(w.body, n)
	}
	w.count++
	return nil
}

func (w *listWriter) bytes() []byte {
	out := binary.AppendUvarint([]byte(listMagic), uint64(len(w.names)))
	for _, n := range w.names {
		out = appendString(out, n)
	}
	out = binary.AppendUvarint(out, uint64(w.count))
	return append(out, w.body...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// listReader reads varints and strings until something is wrong; then ok is false.
type listReader struct {
	b  []byte
	ok bool
}

func (r *listReader) bytes(n uint64) []byte {
	if !r.ok || n > uint64(len(r.b)) {
		r.ok = false
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *listReader) num(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if !r.ok || n <= 0 || v > limit {
		r.ok = false
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *listReader) str() string { return string(r.bytes(r.num(1 << 10))) }

func decodeList(b []byte) ([]SegmentRef, error) {
	r := &listReader{b: b, ok: true}
	if string(r.bytes(uint64(len(listMagic)))) != listMagic {
		return nil, errList
	}
	names := make([]string, r.num(1<<16))
	for i := range names {
		names[i] = r.str()
	}
	n := r.num(maxListed)
	if !r.ok || n > uint64(len(r.b)) { // a reference takes far more than a byte
		return nil, errList
	}
	refs := make([]SegmentRef, 0, n)
	name := func() string {
		i := r.num(uint64(len(names)))
		if i >= uint64(len(names)) {
			r.ok = false
			return ""
		}
		return names[i]
	}
	for range n {
		refs = append(refs, SegmentRef{
			ID: SegmentID(hex.EncodeToString(r.bytes(32))), Token: r.str(), Store: name(), Domain: name(),
			Len: int64(r.num(1 << 40)), Chunks: int(r.num(1 << 20)), Stored: int64(r.num(1 << 40)),
		})
		if !r.ok {
			return nil, errList
		}
	}
	if len(r.b) > 0 {
		return nil, errList
	}
	return refs, nil
}

// fitsInline reports whether the list may stand in the manifest itself.
func fitsInline(refs []SegmentRef) (bool, error) {
	const least = 100 // bytes of a reference as JSON, at the very least
	if len(refs)*least > MaxInlineManifest {
		return false, nil
	}
	total := 1
	for _, r := range refs {
		n, err := inlineSize(r)
		if err != nil {
			return false, err
		}
		total += n
	}
	return total <= MaxInlineManifest, nil
}

// inlineSize is what a reference takes in a manifest, with the comma.
func inlineSize(r SegmentRef) (int, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("encoding a manifest: %w", err)
	}
	return len(b) + 1, nil
}

// Segments gives the content's segments in order, reading the list from its own
// segments when it is not inline. The result is not to be changed.
func (s *Store) Segments(ctx context.Context, m Manifest) ([]SegmentRef, error) {
	if len(m.Indirect) == 0 {
		return m.Segments, nil
	}
	// A list is its segments' bytes, so their tokens name it.
	var key strings.Builder
	for _, r := range m.Indirect {
		key.WriteString(r.Token)
		key.WriteByte('/')
	}
	c, err := s.load(ctx, chunkKey{key.String(), listIndex}, func(ctx context.Context) (cached, error) {
		refs, err := s.readList(ctx, m)
		return cached{refs: refs}, err
	})
	return c.refs, err
}

// readList is Segments past the cache: who walks through all contents would
// flush what is read often.
func (s *Store) readList(ctx context.Context, m Manifest) ([]SegmentRef, error) {
	if len(m.Indirect) == 0 {
		return m.Segments, nil
	}
	var size int64
	for _, r := range m.Indirect {
		size += r.Len
	}
	r, err := s.Reader(ctx, Manifest{Size: size, Segments: m.Indirect}, 0, -1)
	if err != nil {
		return nil, fmt.Errorf("reading a list of segments: %w", err)
	}
	defer func() { _ = r.Close() }()
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("reading a list of segments: %w", err)
	}
	refs, err := decodeList(b)
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return refs, nil
}
