package edgetest

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"

	"github.com/minio/crc64nvme"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// Blobs keeps contents in memory.
type Blobs struct {
	mu       sync.Mutex
	contents map[blob.SegmentID][]byte
	Damaged  bool // readers fail half way
	Discard  bool // count bytes and forget them
	FailNew  error
	Aborted  int
}

// NewBlobs makes an empty store.
func NewBlobs() *Blobs { return &Blobs{contents: map[blob.SegmentID][]byte{}} }

type writer struct {
	b    *Blobs
	o    blob.WriteOptions
	buf  bytes.Buffer
	size int64
	done bool
}

// NewWriter implements transfer.Blobs.
func (b *Blobs) NewWriter(_ context.Context, o blob.WriteOptions) (transfer.Writer, error) {
	if b.FailNew != nil {
		return nil, b.FailNew
	}
	return &writer{b: b, o: o}, nil
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var to io.Writer = &w.buf
	if w.b.Discard {
		to = io.Discard
	}
	n, err := io.Copy(to, r)
	w.size += n
	if err == nil && w.o.MaxSize > 0 && w.size > w.o.MaxSize {
		return n, blob.ErrTooLarge
	}
	return n, err
}

func (w *writer) Size() int64 { return w.size }

func (w *writer) Abort() {
	if !w.done {
		w.b.mu.Lock()
		w.b.Aborted++
		w.b.mu.Unlock()
	}
}

func (w *writer) Finish(context.Context) (blob.Content, error) {
	w.done = true
	data := w.buf.Bytes()
	c := blob.Content{Digests: map[blob.Algorithm][]byte{}}
	for _, alg := range append([]blob.Algorithm{blob.SHA256, blob.CRC64NVME}, w.o.Digests...) {
		var h hash.Hash
		switch alg {
		case blob.SHA256:
			h = sha256.New()
		case blob.SHA1:
			h = sha1.New()
		case blob.MD5:
			h = md5.New()
		case blob.CRC32:
			h = crc32.NewIEEE()
		case blob.CRC32C:
			h = crc32.New(crc32.MakeTable(crc32.Castagnoli))
		case blob.CRC64NVME:
			h = crc64nvme.New()
		}
		h.Write(data)
		c.Digests[alg] = h.Sum(nil)
	}
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	id := blob.SegmentID(fmt.Sprintf("s%d", len(w.b.contents)))
	w.b.contents[id] = data
	c.Manifest = blob.Manifest{Size: w.size, Segments: []blob.SegmentRef{{ID: id, Len: int64(len(data))}}}
	return c, nil
}

type reader struct {
	data    []byte
	damaged bool
}

// Reader implements transfer.Blobs.
func (b *Blobs) Reader(_ context.Context, m blob.Manifest, off, n int64) (transfer.Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var data []byte
	for _, s := range m.Segments {
		part, ok := b.contents[s.ID]
		if !ok {
			return nil, blob.ErrRange
		}
		data = append(data, part...)
	}
	if off < 0 || n < 0 || off+n > int64(len(data)) {
		return nil, blob.ErrRange
	}
	return &reader{data: data[off : off+n], damaged: b.Damaged}, nil
}

func (r *reader) WriteTo(w io.Writer) (int64, error) {
	if r.damaged {
		n, _ := w.Write(r.data[:len(r.data)/2])
		return int64(n), blob.ErrDamaged
	}
	n, err := w.Write(r.data)
	return int64(n), err
}

func (r *reader) Close() error { return nil }

// Compose implements transfer.Blobs.
func (b *Blobs) Compose(_ context.Context, parts ...blob.Manifest) (blob.Manifest, error) {
	var m blob.Manifest
	for _, p := range parts {
		m.Size += p.Size
		m.Segments = append(m.Segments, p.Segments...)
	}
	return m, nil
}
