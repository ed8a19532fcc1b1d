package compose_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/upload/internal/compose"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func part(b []byte) compose.Part {
	s256, s1 := sha256.Sum256(b), sha1.Sum(b)
	return compose.Part{Size: int64(len(b)), Digests: map[blob.Algorithm][]byte{
		blob.SHA256: s256[:], blob.SHA1: s1[:], blob.CRC32: be32(crc32.ChecksumIEEE(b)), blob.CRC32C: be32(crc32.Checksum(b, castagnoli)), blob.CRC64NVME: nvme(b),
	}}
}

func be32(v uint32) []byte { return []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)} }

func nvme(b []byte) []byte {
	h := crc64nvme.New()
	_, _ = h.Write(b)
	return h.Sum(nil)
}

// split cuts data and composes the pieces.
func split(data []byte, at ...int) compose.Whole {
	var parts []compose.Part
	from := 0
	for _, to := range append(at, len(data)) {
		parts = append(parts, part(data[from:to]))
		from = to
	}
	return compose.Of(parts)
}

func wholeHolds(t testing.TB, data []byte, w compose.Whole) {
	t.Helper()
	direct := part(data)
	for _, a := range []blob.Algorithm{blob.CRC32, blob.CRC32C, blob.CRC64NVME} {
		if !bytes.Equal(w.Digests[a], direct.Digests[a]) {
			t.Errorf("%s of %d bytes: %x, directly %x", a, len(data), w.Digests[a], direct.Digests[a])
		}
	}
	if w.Size != direct.Size {
		t.Errorf("%d bytes, not %d", w.Size, direct.Size)
	}
}

func TestOf_Combines(t *testing.T) {
	t.Parallel()
	rnd := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 300_001)
	_, _ = rnd.Read(data)
	for _, at := range [][]int{{}, {0}, {1}, {7, 8}, {100_000, 200_000}, {100_000, 200_000, 300_000}, {299_999, 300_001}, {5, 5, 5}} {
		wholeHolds(t, data, split(data, at...))
	}
	wholeHolds(t, nil, split(nil))
	wholeHolds(t, make([]byte, 1000), split(make([]byte, 1000), 333, 334))
}

func TestOf_Composite(t *testing.T) {
	t.Parallel()
	a, b := part([]byte("hello ")), part([]byte("world"))
	w := compose.Of([]compose.Part{a, b})
	s256 := sha256.Sum256(append(bytes.Clone(a.Digests[blob.SHA256]), b.Digests[blob.SHA256]...))
	s1 := sha1.Sum(append(bytes.Clone(a.Digests[blob.SHA1]), b.Digests[blob.SHA1]...))
	if !bytes.Equal(w.Digests[blob.SHA256], s256[:]) || !bytes.Equal(w.Digests[blob.SHA1], s1[:]) || fmt.Sprint(w.Composite) != "[sha256 sha1]" {
		t.Errorf("%+v", w)
	}
	if w.ETag != fmt.Sprintf(`"%x-2"`, s256[:16]) || compose.PartETag(a.Digests[blob.SHA256]) != fmt.Sprintf(`"%x-1"`, a.Digests[blob.SHA256][:16]) {
		t.Errorf("entity tag %s", w.ETag)
	}
	// What one part lacks, the whole has not.
	for _, alg := range []blob.Algorithm{blob.SHA1, blob.CRC32, blob.CRC32C} {
		delete(b.Digests, alg)
	}
	if w = compose.Of([]compose.Part{a, b}); len(w.Digests) != 2 || fmt.Sprint(w.Composite) != "[sha256]" {
		t.Errorf("%+v", w)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := part([]byte("x")).Digests
	if err := compose.Check(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(map[blob.Algorithm][]byte){
		"no sha256": func(d map[blob.Algorithm][]byte) { delete(d, blob.SHA256) }, "no crc64nvme": func(d map[blob.Algorithm][]byte) { delete(d, blob.CRC64NVME) },
		"short": func(d map[blob.Algorithm][]byte) { d[blob.CRC32] = []byte{1} }, "unknown": func(d map[blob.Algorithm][]byte) { d["sum"] = []byte{1} },
		"empty": func(d map[blob.Algorithm][]byte) { d[blob.SHA256] = []byte{} },
	} {
		d := part([]byte("x")).Digests
		change(d)
		if compose.Check(d) == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// FuzzOf: however a content is cut, the whole's checksums are the content's.
func FuzzOf(f *testing.F) {
	f.Add([]byte("hello world"), uint16(3), uint16(5))
	f.Add([]byte{}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, x, y uint16) {
		a, b := int(x)%(len(data)+1), int(y)%(len(data)+1)
		wholeHolds(t, data, split(data, min(a, b), max(a, b)))
	})
}

// TestOf_Large: lengths that no test can hold in memory follow from zeros.
func TestOf_Large(t *testing.T) {
	t.Parallel()
	// 2³⁶ bytes as one part of that length must join like 2¹⁸ parts of 2¹⁸ bytes.
	zeros := part(make([]byte, 1<<18))
	parts := make([]compose.Part, 1<<9)
	for n := range parts {
		parts[n] = zeros
	}
	step := compose.Of(parts) // 2²⁷ bytes
	step.Digests[blob.SHA256] = zeros.Digests[blob.SHA256]
	big := make([]compose.Part, 1<<9)
	for n := range big {
		big[n] = compose.Part{Size: step.Size, Digests: step.Digests}
	}
	whole := compose.Of(big) // 2³⁶ bytes
	again := compose.Of(append([]compose.Part{part([]byte("a"))}, compose.Part{Size: whole.Size, Digests: whole.Digests}))
	single := compose.Of(append([]compose.Part{part([]byte("a"))}, big...))
	for _, a := range []blob.Algorithm{blob.CRC32, blob.CRC32C, blob.CRC64NVME} {
		if !bytes.Equal(again.Digests[a], single.Digests[a]) {
			t.Errorf("%s of %d bytes: %x and %x", a, again.Size, again.Digests[a], single.Digests[a])
		}
	}
}
