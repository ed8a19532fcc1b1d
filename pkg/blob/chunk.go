package blob

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress"
	"github.com/klauspost/compress/zstd"
)

// A sealed chunk is
//
//	codec (1) | key id (4, big-endian) | nonce (12) | AES-256-GCM of the body | tag (16)
//
// and its associated data names the very bytes that it holds: codec, key id,
// segment, offset and length within it, index, and whether it is the last one.
// So no chunk can stand in for another, nor an older key for a newer.
const (
	codecRaw  = 0x10
	codecZstd = 0x11

	nonceSize     = 12
	tagSize       = 16
	chunkHead     = 1 + 4 + nonceSize
	chunkOverhead = chunkHead + tagSize
)

// Compression is tried from this size on, and when a sample looks like it: below
// minEstimate (0 random … 1 trivial) it is not, and a chunk that shrinks by less
// than an eighth is kept as it was, because reading it would cost for nothing.
const (
	minCompress = 512
	sampleSize  = 32 << 10
	minEstimate = 0.15
)

var errChunk = errors.New("the chunk does not open")

// chunkAt says which plain bytes a chunk holds.
type chunkAt struct {
	id     SegmentID
	offset int64
	length int // plain bytes
	index  int
	last   bool
}

func (a chunkAt) aad(codec byte, keyID uint32) []byte {
	b := make([]byte, 0, 16+64+32)
	b = append(b, "sluice chunk 1\x00"...)
	b = append(b, codec)
	b = binary.BigEndian.AppendUint32(b, keyID)
	b = append(b, a.id...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(a.offset))
	b = binary.BigEndian.AppendUint32(b, uint32(a.length))
	b = binary.BigEndian.AppendUint32(b, uint32(a.index))
	if a.last {
		return append(b, 1)
	}
	return append(b, 0)
}

// packer compresses and seals chunks, and opens them again. It is safe for
// concurrent use.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newPacker(chunkSize int) (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("setting up zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(uint64(max(chunkSize, maxChunkSize))))
	if err != nil {
		return nil, fmt.Errorf("setting up zstd: %w", err)
	}
	return &packer{enc: enc, dec: dec}, nil
}

func (p *packer) close() {
	_ = p.enc.Close() // it has no stream to end
	p.dec.Close()
}

// seal appends the sealed chunk to dst, whose storage must not overlap plain's;
// scratch is for the compressor.
func (p *packer) seal(dst, scratch []byte, d Domain, at chunkAt, plain []byte, tryZstd bool) (sealed []byte, compressed bool, err error) {
	codec, body := byte(codecRaw), plain
	if tryZstd && worthTrying(plain) {
		if z := p.enc.EncodeAll(plain, scratch[:0]); len(z) <= len(plain)-len(plain)/8 {
			codec, body = codecZstd, z
		}
	}
	keyID, aead := d.Current()
	if aead.NonceSize() != nonceSize || aead.Overhead() != tagSize {
		return nil, false, errors.New("the domain's key is not of AES-256-GCM")
	}
	head := len(dst)
	dst = append(dst, codec)
	dst = binary.BigEndian.AppendUint32(dst, keyID)
	dst = append(dst, make([]byte, nonceSize)...)
	nonce := dst[head+5 : head+chunkHead]
	if _, err := rand.Read(nonce); err != nil {
		return nil, false, fmt.Errorf("making a nonce: %w", err)
	}
	return aead.Seal(dst, nonce, body, at.aad(codec, keyID)), codec == codecZstd, nil
}

func worthTrying(plain []byte) bool {
	return len(plain) >= minCompress && compress.Estimate(plain[:min(len(plain), sampleSize)]) >= minEstimate
}

// open gives the plain bytes that at names, in sealed's own storage or in new.
// Anything but exactly those bytes is errChunk.
func (p *packer) open(ctx context.Context, d Domain, at chunkAt, sealed []byte) ([]byte, error) {
	if len(sealed) < chunkOverhead {
		return nil, fmt.Errorf("%w: %d bytes", errChunk, len(sealed))
	}
	codec, keyID := sealed[0], binary.BigEndian.Uint32(sealed[1:])
	if codec != codecRaw && codec != codecZstd {
		return nil, fmt.Errorf("%w: codec %#x", errChunk, codec)
	}
	aead, err := d.AEAD(ctx, keyID)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", errChunk, err)
	}
	body := sealed[chunkHead:]
	plain, err := aead.Open(body[:0], sealed[5:chunkHead], body, at.aad(codec, keyID))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChunk, err)
	}
	if codec == codecZstd {
		if plain, err = p.dec.DecodeAll(plain, make([]byte, 0, at.length)); err != nil {
			return nil, fmt.Errorf("%w: %w", errChunk, err)
		}
	}
	if len(plain) != at.length {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", errChunk, len(plain), at.length)
	}
	return plain, nil
}
