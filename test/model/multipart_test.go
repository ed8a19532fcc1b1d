package model_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/harness"
)

// leastPart is upload.min_part_size of the system under test, in bytes: small,
// so that most sizes will do.
const leastPart = 4 << 10

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// upload gives one of the bucket's uploads, the open ones first; nil: none.
func (b *bucket) upload(which int) *upload {
	if len(b.uploads) == 0 {
		return nil
	}
	u := b.uploads[which%len(b.uploads)]
	if u.done != nil && which%5 > 0 {
		u = b.uploads[len(b.uploads)-1]
	}
	return u
}

func (b *bucket) uploadPath(u *upload, kind string) string {
	if kind != "" {
		kind = "/" + kind
	}
	return harness.KeyPath(b.name, "multipart/"+u.id+kind, u.key)
}

func (r *runner) create(b *bucket, key string, o op) error {
	u := &upload{key: key, parts: map[int]part{}}
	h := http.Header{}
	r.describe(h, &u.like, b, o.How)
	a, err := r.want(http.MethodPost, harness.KeyPath(b.name, "multipart", key), nil, h, http.StatusCreated, "")
	if err != nil {
		return err
	}
	var got struct{ UploadID, Bucket, Key string }
	if json.Unmarshal(a.Body, &got) != nil || got.Bucket != b.name || got.Key != key || len(got.UploadID) != 30 {
		return differs("an upload of %s/%s was made as %s", b.name, key, a.Body)
	}
	u.id = got.UploadID
	b.uploads = append(b.uploads, u)
	return nil
}

// part sends a part, or one again.
func (r *runner) part(b *bucket, _ string, o op) error {
	u := b.upload(o.Which)
	if u == nil {
		return nil
	}
	n, size := 1+o.How%4, sizes[o.Size%len(sizes)]
	if size > 0 && o.How%3 > 0 {
		size += leastPart
	}
	body := r.body(size)
	path := b.uploadPath(u, fmt.Sprintf("parts/%d", n))
	if u.done != nil {
		_, err := r.want(http.MethodPut, path, body, nil, http.StatusNotFound, "not_found")
		return err
	}
	if o.How%9 == 0 {
		_, err := r.want(http.MethodPut, path, body, http.Header{"X-Lockwell-Checksum-Sha256": {checksum(append(body, 1))}}, http.StatusBadRequest, "bad_digest")
		return err
	}
	a, err := r.want(http.MethodPut, path, body, http.Header{"X-Lockwell-Checksum-Sha256": {checksum(body)}}, http.StatusOK, "")
	if err != nil {
		return err
	}
	var got harness.Part
	p := part{body: body, etag: etag(body)}
	if json.Unmarshal(a.Body, &got) != nil || got.PartNumber != n || got.ETag != p.etag || got.Size != int64(size) {
		return differs("part %d of %d bytes was answered %s", n, size, a.Body)
	}
	u.parts[n] = p
	return nil
}

// complete tries some or all of the parts, in order or not.
func (r *runner) complete(b *bucket, _ string, o op) error {
	u := b.upload(o.Which)
	if u == nil {
		return nil
	}
	chosen := slices.Sorted(maps.Keys(u.parts))
	if u.done != nil {
		chosen = u.done
	} else if len(chosen) > 1 && o.How%3 == 0 {
		chosen = slices.Delete(chosen, o.How%len(chosen), o.How%len(chosen)+1)
	}
	list := make([]harness.Part, len(chosen))
	for i, n := range chosen {
		list[i] = harness.Part{PartNumber: n, ETag: u.parts[n].etag}
	}
	path := b.uploadPath(u, "complete")
	send := func(h http.Header, status int, code string) (harness.Response, error) {
		return r.want(http.MethodPost, path, map[string]any{"parts": wire(list)}, h, status, code)
	}
	if u.done != nil {
		a, err := send(nil, http.StatusOK, "")
		if err == nil && string(a.Body) != u.answer {
			return differs("completing again answered %s, at first %s", a.Body, u.answer)
		}
		return err
	}
	if status, code := u.refused(list, o.How); status != 0 {
		_, err := send(nil, status, code)
		return err
	}
	h, holds := b.conditions(u.key, o.How/3)
	if !holds {
		_, err := send(h, http.StatusPreconditionFailed, "precondition_failed")
		return err
	}
	a, err := send(h, http.StatusOK, "")
	if err != nil {
		return err
	}
	v := u.like
	var bodies [][]byte
	for _, n := range chosen {
		bodies = append(bodies, u.parts[n].body)
		v.body = append(v.body, u.parts[n].body...)
	}
	v.etag = composite(bodies)
	if err := r.made(b, u.key, &v, a); err != nil {
		return err
	}
	u.done, u.answer = chosen, string(a.Body)
	return nil
}

func wire(list []harness.Part) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, p := range list {
		out[i] = map[string]any{"partNumber": p.PartNumber, "etag": p.ETag}
	}
	return out
}

// refused spoils the list in some ways, and says what must come of it.
func (u *upload) refused(list []harness.Part, how int) (status int, code string) {
	switch {
	case len(list) == 0:
		return http.StatusBadRequest, "invalid_part"
	case how%7 == 0:
		list[0].ETag = `"00000000000000000000000000000000-1"`
		return http.StatusBadRequest, "invalid_part"
	case how%7 == 1 && len(list) > 1:
		slices.Reverse(list)
		return http.StatusBadRequest, "invalid_part_order"
	case how%7 == 2:
		list[len(list)-1].PartNumber += 100
		return http.StatusBadRequest, "invalid_part"
	}
	for i, p := range list {
		last := i == len(list)-1
		size := len(u.parts[p.PartNumber].body)
		if !last && size < leastPart {
			return http.StatusBadRequest, "part_too_small"
		}
	}
	return 0, ""
}

func (r *runner) abort(b *bucket, _ string, o op) error {
	u := b.upload(o.Which)
	if u == nil || u.done != nil {
		return nil
	}
	return r.drop(b, u)
}

func (r *runner) drop(b *bucket, u *upload) error {
	_, err := r.want(http.MethodDelete, b.uploadPath(u, ""), nil, nil, http.StatusNoContent, "")
	if err == nil {
		b.uploads = slices.DeleteFunc(b.uploads, func(o *upload) bool { return o == u })
	}
	return err
}

func (r *runner) parts(b *bucket, _ string, o op) error {
	u := b.upload(o.Which)
	if u == nil || u.done != nil {
		return nil
	}
	var got []harness.Part
	size := 1 + o.How%3
	for marker := 0; ; {
		a, err := r.want(http.MethodGet, b.uploadPath(u, "parts")+fmt.Sprintf("?maxParts=%d&partNumberMarker=%d", size, marker), nil, nil, http.StatusOK, "")
		if err != nil {
			return err
		}
		var page struct {
			Parts                []harness.Part
			IsTruncated          bool
			NextPartNumberMarker int
		}
		if json.Unmarshal(a.Body, &page) != nil || len(page.Parts) > size {
			return differs("a page of %d parts: %s", size, a.Body)
		}
		got = append(got, page.Parts...)
		if !page.IsTruncated {
			break
		}
		if marker = page.NextPartNumberMarker; len(got) > len(u.parts) {
			return differs("parts without end: %v", got)
		}
	}
	var want []harness.Part
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		want = append(want, harness.Part{PartNumber: n, ETag: u.parts[n].etag, Size: int64(len(u.parts[n].body))})
	}
	if !slices.Equal(got, want) {
		return differs("parts %v, want %v", got, want)
	}
	return nil
}

func (r *runner) openUploads(b *bucket, _ string, _ op) error {
	a, err := r.want(http.MethodGet, harness.BucketPath(b.name, "/multipart"), nil, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	var got struct {
		Uploads []struct{ Key, UploadID string }
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return differs("uploads: %s", a.Body)
	}
	want := slices.DeleteFunc(slices.Clone(b.uploads), func(u *upload) bool { return u.done != nil })
	slices.SortStableFunc(want, func(x, y *upload) int { // by key, the oldest first
		return strings.Compare(x.key, y.key)
	})
	if len(got.Uploads) != len(want) {
		return differs("uploads %s, want %d", a.Body, len(want))
	}
	for i, u := range got.Uploads {
		if u.Key != want[i].key || u.UploadID != want[i].id {
			return differs("upload %d is %v, want %s %s", i, u, want[i].key, want[i].id)
		}
	}
	return nil
}
