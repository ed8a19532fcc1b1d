package uploadv1test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"slices"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// The settings of multipart uploads in a World.
const (
	MinPart = 10 // bytes
	Expiry  = 7 * 24 * time.Hour
)

// nvmeSum is CRC-64/NVME, computed by the standard library: no parts are joined.
func nvmeSum(b []byte) []byte {
	h := crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5))
	_, _ = h.Write(b)
	return h.Sum(nil)
}

func owner() authv1.Principal { return authv1.Principal{AccountID: "acc"} }

func (w World) create(t testing.TB, key string) uploadv1.MultipartRequest {
	t.Helper()
	m, err := w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: owner(), Bucket: "photos", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return uploadv1.MultipartRequest{Principal: owner(), Bucket: "photos", Key: key, UploadID: m.UploadID}
}

// partOf is the commit of a part with these bytes.
func partOf(u uploadv1.MultipartRequest, n int, data string) uploadv1.CommitPartRequest {
	sum := sha256.Sum256([]byte(data))
	return uploadv1.CommitPartRequest{
		MultipartRequest: u, Number: n, ContentID: objectv1.NewContentID(),
		Manifest: blob.Manifest{Size: int64(len(data)), Segments: []blob.SegmentRef{{ID: blob.SegmentID(data), Len: int64(len(data))}}},
		Digests:  map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: nvmeSum([]byte(data))},
	}
}

func (w World) put(t testing.TB, u uploadv1.MultipartRequest, n int, data string) uploadv1.CompletedPart {
	t.Helper()
	p, err := w.Service.CommitPart(t.Context(), partOf(u, n, data))
	if err != nil {
		t.Fatalf("part %d: %v", n, err)
	}
	return uploadv1.CompletedPart{Number: p.Number, ETag: p.ETag}
}

func (w World) complete(t testing.TB, u uploadv1.MultipartRequest, parts ...uploadv1.CompletedPart) (objectv1.Object, error) {
	t.Helper()
	return w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{MultipartRequest: u, Parts: parts})
}

func (w World) parts(t testing.TB, u uploadv1.MultipartRequest) []int {
	t.Helper()
	r, err := w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, Limit: uploadv1.MaxPartsPage})
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, p := range r.Parts {
		out = append(out, p.Number)
	}
	return out
}

func (w World) open(t testing.TB) []string {
	t.Helper()
	r, err := w.Service.ListMultiparts(t.Context(), uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(r.Uploads))
	for n, u := range r.Uploads {
		out[n] = u.UploadID
	}
	return out
}

func multipartCreate(t *testing.T, w World) {
	u := w.create(t, "a/ä")
	r, err := w.Service.ListMultiparts(t.Context(), uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", Limit: 10})
	if err != nil || len(r.Uploads) != 1 || r.More {
		t.Fatalf("%+v, %v", r, err)
	}
	m := r.Uploads[0]
	if m.UploadID != u.UploadID || len(m.UploadID) != 30 || m.Key != "a/ä" || m.Bucket != "photos" ||
		!m.InitiatedAt.Equal(w.Clock.Now()) || !m.ExpiresAt.Equal(w.Clock.Now().Add(Expiry)) {
		t.Errorf("%+v", m)
	}
	if w.Objects.Held() != 1 {
		t.Error("nothing holds the bucket")
	}
	_, err = w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: owner(), Bucket: "missing", Key: "k"})
	wantCode(t, "no bucket", err, objectv1.ErrBucketNotFound)
	reader := authv1.Principal{AccountID: "acc", KeyID: "k", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}}
	_, err = w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: reader, Bucket: "photos", Key: "k"})
	wantCode(t, "a key that may only read", err, objectv1.ErrAccessDenied)
}

func multipartParts(t *testing.T, w World) {
	u := w.create(t, "k")
	ticket, err := w.Service.BeginPart(t.Context(), uploadv1.BeginPartRequest{MultipartRequest: u, Number: 1, Size: -1})
	if err != nil || ticket.KeyDomain != "acc" || ticket.Region != "local" || ticket.MaxSize == 0 {
		t.Errorf("%+v, %v", ticket, err)
	}
	for _, n := range []int{10000, 3, 1, 500} {
		w.put(t, u, n, fmt.Sprint("part ", n))
	}
	if got := w.parts(t, u); !slices.Equal(got, []int{1, 3, 500, 10000}) {
		t.Errorf("parts %v", got)
	}
	page, err := w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, After: 1, Limit: 2})
	if err != nil || len(page.Parts) != 2 || !page.More || page.Parts[0].Number != 3 || page.Parts[1].Size != 8 || page.Parts[0].Digests[blob.SHA256] == nil {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err = w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, After: 500, Limit: 1}); err != nil || page.More || len(page.Parts) != 1 {
		t.Errorf("the last page: %+v, %v", page, err)
	}
	if page, err = w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, After: 1 << 40, Limit: 1}); err != nil || len(page.Parts) != 0 {
		t.Errorf("behind the last: %+v, %v", page, err)
	}
}

func multipartCompletes(t *testing.T, w World) {
	w.Clock.Advance(time.Hour)
	until := w.Clock.Now().Add(24 * time.Hour)
	m, err := w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{
		Principal: owner(), Bucket: "photos", Key: "k", Metadata: objectv1.Metadata{ContentType: "text/plain", User: map[string]string{"a": "b"}},
		Retention: &objectv1.Retention{Mode: objectv1.Governance, Until: until}, LegalHold: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	u := uploadv1.MultipartRequest{Principal: owner(), Bucket: "photos", Key: "k", UploadID: m.UploadID}
	second := w.put(t, u, 7, "and so on, and")
	w.put(t, u, 5, "not in the list")
	first := w.put(t, u, 2, "once upon a time")
	third := w.put(t, u, 9, "end")
	obj, err := w.complete(t, u, first, second, third)
	if err != nil {
		t.Fatal(err)
	}
	whole := "once upon a timeand so on, andend"
	var sums []byte
	for _, s := range []string{"once upon a time", "and so on, and", "end"} {
		sum := sha256.Sum256([]byte(s))
		sums = append(sums, sum[:]...)
	}
	sum := sha256.Sum256(sums)
	if obj.Size != int64(len(whole)) || obj.ETag != fmt.Sprintf(`"%x-3"`, sum[:16]) || !bytes.Equal(obj.Digests[blob.SHA256], sum[:]) ||
		!bytes.Equal(obj.Digests[blob.CRC64NVME], nvmeSum([]byte(whole))) || !slices.Equal(obj.Composite, []blob.Algorithm{blob.SHA256}) {
		t.Errorf("%+v", obj)
	}
	if obj.Metadata.User["a"] != "b" || obj.Metadata.ContentType != "text/plain" || !obj.LegalHold || obj.Retention == nil || !obj.Retention.Until.Equal(until) {
		t.Errorf("what was asked for at the beginning: %+v", obj)
	}
	if sum := sha256.Sum256([]byte("end")); third.ETag != `"`+hex.EncodeToString(sum[:16])+`-1"` {
		t.Errorf("the part's entity tag is %s", third.ETag)
	}
	if l := w.open(t); len(l) != 0 {
		t.Errorf("still listed: %v", l)
	}
	w.swept(t, "the part that was not in the list", func() bool { return len(w.Objects.Staged()) == 0 })
	for what, err := range w.all(t, u, first) {
		wantCode(t, what+" after the completion", err, uploadv1.ErrNoSuchUpload)
	}
}

// all tries everything that needs an open upload.
func (w World) all(t *testing.T, u uploadv1.MultipartRequest, p uploadv1.CompletedPart) map[string]error {
	t.Helper()
	ctx := t.Context()
	_, begin := w.Service.BeginPart(ctx, uploadv1.BeginPartRequest{MultipartRequest: u, Number: 1, Size: 1})
	_, commit := w.Service.CommitPart(ctx, partOf(u, 1, "late"))
	_, list := w.Service.ListParts(ctx, uploadv1.ListPartsRequest{MultipartRequest: u, Limit: 1})
	_, complete := w.complete(t, u, p)
	_, abort := w.Service.AbortMultipart(ctx, u)
	return map[string]error{"BeginPart": begin, "CommitPart": commit, "ListParts": list, "CompleteMultipart": complete, "AbortMultipart": abort}
}

func multipartList(t *testing.T, w World) {
	u := w.create(t, "k")
	a, b := w.put(t, u, 1, "the first part"), w.put(t, u, 2, "the second part")
	other := uploadv1.CompletedPart{Number: 2, ETag: a.ETag}
	for what, c := range map[string]struct {
		list []uploadv1.CompletedPart
		want *fault.Error
	}{
		"empty":               {nil, uploadv1.ErrInvalidPart},
		"descending":          {[]uploadv1.CompletedPart{b, a}, uploadv1.ErrInvalidPartOrder},
		"twice":               {[]uploadv1.CompletedPart{a, a}, uploadv1.ErrInvalidPartOrder},
		"order before parts":  {[]uploadv1.CompletedPart{{Number: 9, ETag: "x"}, a}, uploadv1.ErrInvalidPartOrder},
		"not uploaded":        {[]uploadv1.CompletedPart{a, b, {Number: 3, ETag: a.ETag}}, uploadv1.ErrInvalidPart},
		"between":             {[]uploadv1.CompletedPart{{Number: 0, ETag: a.ETag}, a}, uploadv1.ErrInvalidPart},
		"negative":            {[]uploadv1.CompletedPart{{Number: -1, ETag: a.ETag}, a}, uploadv1.ErrInvalidPart},
		"too high":            {[]uploadv1.CompletedPart{a, {Number: 10001, ETag: a.ETag}}, uploadv1.ErrInvalidPart},
		"another entity tag":  {[]uploadv1.CompletedPart{a, other}, uploadv1.ErrInvalidPart},
		"no entity tag":       {[]uploadv1.CompletedPart{{Number: 1}}, uploadv1.ErrInvalidPart},
		"without the quotes":  {[]uploadv1.CompletedPart{{Number: 1, ETag: a.ETag[1 : len(a.ETag)-1]}}, uploadv1.ErrInvalidPart},
		"hostile entity tags": {[]uploadv1.CompletedPart{{Number: 1, ETag: a.ETag + "\n2 \"x\""}, b}, uploadv1.ErrInvalidPart},
	} {
		_, err := w.complete(t, u, c.list...)
		wantCode(t, what, err, c.want)
	}
	if _, err := w.complete(t, u, a, b); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func multipartSizes(t *testing.T, w World) {
	u := w.create(t, "k")
	small, large, none := w.put(t, u, 1, "123456789"), w.put(t, u, 2, "1234567890"), w.put(t, u, 3, "")
	_, err := w.complete(t, u, small, large)
	wantCode(t, "a small part that is not the last", err, uploadv1.ErrPartTooSmall)
	_, err = w.complete(t, u, none)
	if err != nil {
		t.Errorf("one empty part: %v", err)
	}
	u = w.create(t, "k")
	large, small = w.put(t, u, 1, "1234567890"), w.put(t, u, 2, "x")
	if _, err = w.complete(t, u, large, small); err != nil {
		t.Errorf("a small last part: %v", err)
	}
}

func multipartReplaced(t *testing.T, w World) {
	u := w.create(t, "k")
	first := partOf(u, 1, "the first try of it")
	old, err := w.Service.CommitPart(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Service.CommitPart(t.Context(), first); err != nil || again.ETag != old.ETag {
		t.Errorf("a repeat: %+v, %v", again, err)
	}
	second := partOf(u, 1, "the second try of it")
	now, err := w.Service.CommitPart(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Objects.Staged(); !slices.Equal(got, []string{second.ContentID}) {
		t.Errorf("staged are %v", got)
	}
	// A repeat of the first that was long on its way is not the last commit.
	if late, err := w.Service.CommitPart(t.Context(), first); err != nil || late.ETag != old.ETag {
		t.Errorf("a late repeat: %+v, %v", late, err)
	}
	if got := w.Objects.Staged(); !slices.Equal(got, []string{second.ContentID}) {
		t.Errorf("staged after it are %v", got)
	}
	_, err = w.complete(t, u, uploadv1.CompletedPart{Number: 1, ETag: old.ETag})
	wantCode(t, "the replaced one", err, uploadv1.ErrInvalidPart)
	obj, err := w.complete(t, u, uploadv1.CompletedPart{Number: 1, ETag: now.ETag})
	if err != nil || !slices.Equal(w.Objects.Took(obj.VersionID), []string{second.ContentID}) {
		t.Errorf("%v, %v", w.Objects.Took(obj.VersionID), err)
	}
}
