package blob

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

// fuzzDomain is a domain with one key.
type fuzzDomain struct{ aead cipher.AEAD }

func newFuzzDomain(t testing.TB) fuzzDomain {
	t.Helper()
	b, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	g, err := cipher.NewGCM(b)
	if err != nil {
		t.Fatal(err)
	}
	return fuzzDomain{g}
}

func (d fuzzDomain) Current() (uint32, cipher.AEAD) { return 1, d.aead }

func (d fuzzDomain) AEAD(_ context.Context, id uint32) (cipher.AEAD, error) {
	if id != 1 {
		return nil, errors.New("no such key")
	}
	return d.aead, nil
}

func (d fuzzDomain) HashID(sum [32]byte) string {
	s := sha256.Sum256(append(sum[:], "key"...))
	return hex.EncodeToString(s[:])
}

func FuzzDecodeRecord(f *testing.F) {
	id := SegmentID(newFuzzDomain(f).HashID([32]byte{1}))
	for _, r := range []record{
		{id: id, store: "s", token: "t", domain: "d", length: 5, stored: 38, chunkSize: 1000, chunks: 1, lease: time.Unix(1e9, 0)},
		{id: id, store: "s", token: "t", domain: "d", length: 2500, stored: 2600, chunkSize: 1000, chunks: 3, seqs: []uint64{9, 7, 1 << 40}, packed: true, condemned: time.Unix(1e9, 0)},
	} {
		b, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"name":"a","nuid":"b","size":1,"chunks":1,"metadata":{"length":"1","chunk":"1","lease":"x"}}`))
	f.Add([]byte(`{"name":"a","nuid":"b","size":1,"chunks":4294967295,"metadata":{"length":"9223372036854775807","chunk":"1","seqs":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		var sum int64
		for i := range min(r.chunks, 1000) {
			p := r.piece(i)
			if p.at.length < 1 || p.at.length > r.chunkSize || p.at.offset != sum {
				t.Fatalf("chunk %d is %+v", i, p)
			}
			sum += int64(p.at.length)
		}
		if r.chunks <= 1000 && sum != r.length {
			t.Fatalf("chunks have %d bytes of %d", sum, r.length)
		}
		again, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRecord(again); err != nil {
			t.Fatalf("what was decoded does not survive: %v", err)
		}
	})
}

func FuzzOpenChunk(f *testing.F) {
	p, err := newPacker(1000)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.close)
	d := newFuzzDomain(f)
	plain := bytes.Repeat([]byte("sluice "), 120)
	at := chunkAt{id: "id", offset: 1000, length: len(plain), index: 1, last: true}
	good := map[string]bool{}
	for _, zstd := range []bool{false, true} {
		sealed, packed, err := p.seal(nil, nil, d, at, plain, zstd)
		if err != nil || packed != zstd {
			f.Fatalf("sealing: compressed %v, %v", packed, err)
		}
		good[string(sealed)] = true
		f.Add(sealed)
		f.Add(sealed[:len(sealed)-1])
		f.Add(sealed[:chunkHead])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		got, err := p.open(t.Context(), d, at, in)
		switch {
		case err == nil && !bytes.Equal(got, plain): // workers have seeds of other processes, so good is not all
			t.Fatal("a forged chunk opened")
		case err != nil && !errors.Is(err, errChunk):
			t.Fatalf("an error of another kind: %v", err)
		case err != nil && good[string(b)]:
			t.Fatalf("a good chunk did not open: %v", err)
		}
	})
}

// A chunk opens at its own place only.
func TestOpen_OnlyAtItsPlace(t *testing.T) {
	t.Parallel()
	p, err := newPacker(1000)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	d := newFuzzDomain(t)
	at := chunkAt{id: "id", offset: 1000, length: 500, index: 1}
	sealed, _, err := p.seal(nil, nil, d, at, make([]byte, 500), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]chunkAt{
		"segment": {id: "ie", offset: 1000, length: 500, index: 1},
		"offset":  {id: "id", offset: 0, length: 500, index: 1},
		"length":  {id: "id", offset: 1000, length: 499, index: 1},
		"index":   {id: "id", offset: 1000, length: 500, index: 2},
		"last":    {id: "id", offset: 1000, length: 500, index: 1, last: true},
	} {
		if _, err := p.open(t.Context(), d, other, bytes.Clone(sealed)); !errors.Is(err, errChunk) {
			t.Errorf("another %s gave %v", name, err)
		}
	}
	if _, err := p.open(t.Context(), d, at, bytes.Clone(sealed)); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeList(f *testing.F) {
	d := newFuzzDomain(f)
	refs := []SegmentRef{
		{ID: SegmentID(d.HashID([32]byte{1})), Len: 10, Domain: "a", Store: "s-000", Token: "t1", Chunks: 1, Stored: 43},
		{ID: SegmentID(d.HashID([32]byte{2})), Len: 8 << 20, Domain: "b", Store: "s-000", Token: "t2", Chunks: 9, Stored: 9 << 20},
	}
	for i := range refs {
		b, err := encodeList(refs[:i+1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte(listMagic + "\x00\xff\xff\xff\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeList(b)
		if err != nil {
			if !errors.Is(err, errList) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := encodeList(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeList(again)
		if err != nil || len(back) != len(got) {
			t.Fatalf("what was decoded does not survive: %d of %d, %v", len(back), len(got), err)
		}
		for i := range back {
			if back[i] != got[i] {
				t.Fatalf("reference %d changed: %+v, %+v", i, got[i], back[i])
			}
		}
	})
}

func FuzzDecodeSeqs(f *testing.F) {
	f.Add(encodeSeqs([]uint64{1, 2, 3}), uint32(3))
	f.Add(encodeSeqs([]uint64{1 << 63, 0, 5}), uint32(3))
	f.Fuzz(func(t *testing.T, s string, n uint32) {
		if seqs, err := decodeSeqs(s, int(n)); err == nil && s != "" && len(seqs) > int(n) {
			t.Fatalf("%d sequences for %d chunks", len(seqs), n)
		}
	})
}
