package endpoint_test

import (
	"encoding/binary"
	"strings"
	"testing"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/fault"
)

// FuzzComplete gives an upload with parts 1, 2 (small) and 10000 lists of all
// kinds: what comes of it is what a plain reading of the rules says.
func FuzzComplete(f *testing.F) {
	for _, list := range [][]byte{
		nil, {0, 1, 0}, {0, 1, 0, 0, 2, 1}, {0, 2, 1, 0, 1, 0}, {0, 1, 0, 39, 16, 2}, {0, 1, 0, 0, 2, 1, 39, 16, 2}, {0, 3, 0}, {0, 0, 0}, {255, 255, 0}, {0, 1, 2}, {0, 1, 9},
	} {
		f.Add(list)
	}
	texts := []string{one, "small", two}
	sizes := map[int]int{1: len(one), 2: len("small"), 10000: len(two)}
	tags := map[int]string{1: etag(one), 2: etag("small"), 10000: etag(two)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := newWorld(t)
		u := w.create(t, "k")
		for n, number := range []int{1, 2, 10000} {
			if _, err := w.Service.CommitPart(t.Context(), part(u, number, texts[n])); err != nil {
				t.Fatal(err)
			}
		}
		var list []uploadv1.CompletedPart
		for ; len(raw) >= 3 && len(list) < 20; raw = raw[3:] {
			p := uploadv1.CompletedPart{Number: int(int16(binary.BigEndian.Uint16(raw))), ETag: string(raw[2:3])} //nolint:gosec // any number will do
			if k := int(raw[2]); k < len(texts) {
				p.ETag = etag(texts[k])
			}
			list = append(list, p)
		}
		want := ""
		ascends := true
		for n, p := range list {
			ascends = ascends && (n == 0 || p.Number > list[n-1].Number)
			if tags[p.Number] != p.ETag {
				want = "upload.invalid_part"
			} else if n < len(list)-1 && sizes[p.Number] < uploadv1test.MinPart && want == "" {
				want = "upload.part_too_small"
			}
		}
		if len(list) == 0 {
			want = "upload.invalid_part"
		} else if !ascends {
			want = "upload.invalid_part_order"
		}
		_, err := w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{MultipartRequest: u, Parts: list})
		got := ""
		if err != nil {
			got = fault.CodeOf(err)
		}
		if got != want {
			t.Fatalf("%+v: %q, want %q", list, got, want)
		}
	})
}

// FuzzUploadID: no id but that of the upload finds anything, and none does harm.
func FuzzUploadID(f *testing.F) {
	for _, id := range []string{"", "mpu_", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FA\x00", strings.Repeat("mpu_", 1000), "../mpu_01ARZ3NDEKTSV4RRFFQ69", "\xff"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		w := newWorld(t)
		u := w.create(t, "k")
		u.UploadID = id
		if _, err := w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, Limit: 1}); fault.CodeOf(err) != uploadv1.ErrNoSuchUpload.Code {
			t.Fatalf("%q: %v", id, err)
		}
		if _, err := w.Service.CommitPart(t.Context(), part(u, 1, one)); fault.CodeOf(err) != uploadv1.ErrNoSuchUpload.Code {
			t.Fatalf("%q: %v", id, err)
		}
	})
}
