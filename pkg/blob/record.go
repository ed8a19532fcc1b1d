package blob

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// record is a segment's meta message: the ObjectInfo of the object store's wire
// layout, whose metadata says the rest.
type record struct {
	id        SegmentID
	store     string
	token     string // NUID
	domain    string
	length    int64 // plain bytes
	stored    int64 // sealed bytes
	chunkSize int   // plain bytes of every chunk but the last
	chunks    int
	seqs      []uint64 // of the chunks, in order; none when there is one chunk
	packed    bool     // some chunk is compressed
	digest    string   // of the sealed bytes, for stock clients
	lease     time.Time
	condemned time.Time // zero: it is not
}

// objectInfo mirrors the JSON of jetstream.ObjectInfo.
type objectInfo struct {
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Opts     *objectOpts       `json:"options,omitempty"`
	Bucket   string            `json:"bucket"`
	NUID     string            `json:"nuid"`
	Size     uint64            `json:"size"`
	ModTime  time.Time         `json:"mtime"`
	Chunks   uint32            `json:"chunks"`
	Digest   string            `json:"digest,omitempty"`
	Deleted  bool              `json:"deleted,omitempty"`
}

type objectOpts struct {
	ChunkSize uint32 `json:"max_chunk_size,omitempty"`
}

// Keys of a record's metadata.
const (
	metaDomain    = "domain"
	metaLength    = "length"
	metaChunk     = "chunk"
	metaSeqs      = "seqs"
	metaLease     = "lease"
	metaCondemned = "condemned"
	metaPacked    = "zstd"
)

var errRecord = errors.New("the segment's record is malformed")

func (r *record) encode() ([]byte, error) {
	meta := map[string]string{
		metaDomain: r.domain,
		metaLength: strconv.FormatInt(r.length, 10),
		metaChunk:  strconv.Itoa(r.chunkSize),
		metaLease:  strconv.FormatInt(r.lease.Unix(), 10),
	}
	if len(r.seqs) > 0 {
		meta[metaSeqs] = encodeSeqs(r.seqs)
	}
	if r.packed {
		meta[metaPacked] = "1"
	}
	if !r.condemned.IsZero() {
		meta[metaCondemned] = strconv.FormatInt(r.condemned.Unix(), 10)
	}
	return json.Marshal(objectInfo{
		Name: string(r.id), Metadata: meta, Opts: &objectOpts{ChunkSize: uint32(r.chunkSize + chunkOverhead)},
		Bucket: r.store, NUID: r.token, Size: uint64(r.stored), Chunks: uint32(r.chunks), Digest: r.digest,
	})
}

// decodeRecord reads a meta message. It believes nothing: what it returns is
// consistent in itself, and opening the chunks proves the rest.
func decodeRecord(b []byte) (*record, error) {
	var in objectInfo
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	r := &record{
		id: SegmentID(in.Name), store: in.Bucket, token: in.NUID, domain: in.Metadata[metaDomain],
		stored: int64(in.Size), chunks: int(in.Chunks), packed: in.Metadata[metaPacked] != "", digest: in.Digest,
	}
	var err, first error
	num := func(key string) int64 {
		v, ok := in.Metadata[key]
		if !ok {
			return 0
		}
		n, perr := strconv.ParseInt(v, 10, 64)
		if perr != nil && first == nil {
			first = fmt.Errorf("%w: %s", errRecord, key)
		}
		return n
	}
	r.length = num(metaLength)
	chunk := num(metaChunk)
	r.lease = time.Unix(num(metaLease), 0).UTC()
	if n := num(metaCondemned); n != 0 {
		r.condemned = time.Unix(n, 0).UTC()
	}
	if first != nil {
		return nil, first
	}
	if r.seqs, err = decodeSeqs(in.Metadata[metaSeqs], r.chunks); err != nil {
		return nil, err
	}
	if chunk < 1 || chunk > maxChunkSize {
		return nil, fmt.Errorf("%w: chunks of %d bytes", errRecord, chunk)
	}
	r.chunkSize = int(chunk)
	return r, r.check(in.Deleted)
}

func (r *record) check(deleted bool) error {
	switch {
	case deleted, r.id == "", r.token == "", r.length < 1, r.stored < 1, r.chunks < 1:
		return fmt.Errorf("%w: no segment", errRecord)
	case int64(r.chunks) != chunksOf(r.length, r.chunkSize):
		return fmt.Errorf("%w: %d chunks of %d bytes for %d", errRecord, r.chunks, r.chunkSize, r.length)
	case r.chunks > 1 && len(r.seqs) != r.chunks:
		return fmt.Errorf("%w: %d sequences for %d chunks", errRecord, len(r.seqs), r.chunks)
	}
	return nil
}

func chunksOf(length int64, chunkSize int) int64 {
	return (length + int64(chunkSize) - 1) / int64(chunkSize)
}

// ref is how a manifest names the segment.
func (r *record) ref() SegmentRef {
	return SegmentRef{ID: r.id, Len: r.length, Domain: r.domain, Store: r.store, Token: r.token, Chunks: r.chunks, Stored: r.stored}
}

// encodeSeqs packs sequences as zig-zag varints of their differences: one or two
// bytes each, as chunks of a segment are near each other.
func encodeSeqs(seqs []uint64) string {
	b := make([]byte, 0, 2*len(seqs)+8)
	var prev uint64
	for _, s := range seqs {
		b = binary.AppendVarint(b, int64(s-prev))
		prev = s
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeSeqs(s string, chunks int) ([]uint64, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < chunks {
		return nil, fmt.Errorf("%w: sequences", errRecord)
	}
	seqs := make([]uint64, 0, chunks)
	var prev uint64
	for len(b) > 0 {
		d, n := binary.Varint(b)
		if n <= 0 || len(seqs) == chunks {
			return nil, fmt.Errorf("%w: sequences", errRecord)
		}
		prev += uint64(d)
		seqs, b = append(seqs, prev), b[n:]
	}
	return seqs, nil
}
