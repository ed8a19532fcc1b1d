package uploadv1test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"slices"
	"sync"
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

func multipartTwice(t *testing.T, w World) {
	u := w.create(t, "k")
	a, b := w.put(t, u, 1, "the first part"), w.put(t, u, 2, "the second part")
	first, err := w.complete(t, u, a, b)
	if err != nil {
		t.Fatal(err)
	}
	w.Sweep()
	for range 3 {
		w.Clock.Advance(40 * time.Hour)
		w.Sweep()
		again, err := w.complete(t, u, a, b)
		if err != nil || again.VersionID != first.VersionID || again.ETag != first.ETag || !again.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("the same list: %+v, %v", again, err)
		}
		_, err = w.complete(t, u, a)
		wantCode(t, "another list", err, uploadv1.ErrNoSuchUpload)
	}
	w.Clock.Advance(60 * time.Hour)
	_, err = w.complete(t, u, a, b)
	wantCode(t, "after it would have expired", err, uploadv1.ErrNoSuchUpload)
	if w.Objects.Versions() != 1 {
		t.Errorf("%d versions", w.Objects.Versions())
	}
}

func multipartRefused(t *testing.T, w World) {
	u := w.create(t, "taken")
	a := w.put(t, u, 1, "the first part")
	r := uploadv1.CompleteMultipartRequest{MultipartRequest: u, Parts: []uploadv1.CompletedPart{a}, Conditions: objectv1.Conditions{IfNoneMatchAny: true}}
	_, err := w.Service.CompleteMultipart(t.Context(), r)
	wantCode(t, "a condition", err, objectv1.ErrPrecondition)
	b := w.put(t, u, 1, "a better first part") // it takes parts again
	if got := w.Objects.Staged(); len(got) != 1 {
		t.Errorf("staged are %v", got)
	}
	w.Objects.Break("CommitPut", false, objectv1.ErrQuotaExceeded)
	_, err = w.complete(t, u, b)
	wantCode(t, "no space", err, objectv1.ErrQuotaExceeded)
	if _, err = w.complete(t, u, b); err != nil {
		t.Error(err)
	}
}

func multipartUnsure(t *testing.T, w World) {
	for _, after := range []bool{false, true} {
		u := w.create(t, fmt.Sprint("k", after))
		a, b := w.put(t, u, 1, "the first part"), w.put(t, u, 2, "the second part")
		w.Objects.Break("CommitPut", after, fault.ErrTimeout)
		_, err := w.complete(t, u, a, b)
		wantCode(t, "no answer", err, fault.ErrTimeout)
		_, err = w.complete(t, u, a)
		wantCode(t, "another list meanwhile", err, uploadv1.ErrCompleting)
		_, err = w.Service.CommitPart(t.Context(), partOf(u, 3, "one more"))
		wantCode(t, "a part meanwhile", err, uploadv1.ErrCompleting)
		if got := w.parts(t, u); len(got) != 2 {
			t.Errorf("parts meanwhile: %v", got)
		}
		if _, err := w.complete(t, u, a, b); err != nil {
			t.Errorf("the same list: %v", err)
		}
		// Nobody asks again: the sweep finds out.
		u = w.create(t, fmt.Sprint("l", after))
		a, b = w.put(t, u, 1, "the first part"), w.put(t, u, 2, "the second part")
		w.Objects.Break("CommitPut", after, fault.ErrTimeout)
		_, err = w.complete(t, u, a, b)
		wantCode(t, "no answer", err, fault.ErrTimeout)
		w.Clock.Advance(4 * time.Minute)
		want := map[bool]*fault.Error{true: uploadv1.ErrNoSuchUpload, false: uploadv1.ErrInvalidPart}[after]
		w.swept(t, "the unsure completion", func() bool {
			_, err := w.complete(t, u, uploadv1.CompletedPart{Number: 4})
			return fault.CodeOf(err) == want.Code
		})
		if _, err := w.complete(t, u, a, b); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
	if n := w.Objects.Versions(); n != 4 {
		t.Errorf("%d versions", n)
	}
}

func multipartAborts(t *testing.T, w World) {
	u := w.create(t, "k")
	a := w.put(t, u, 1, "the first part")
	for range 2 { // it is idempotent
		if _, err := w.Service.AbortMultipart(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if w.Objects.Held() != 0 || len(w.Objects.Staged()) != 0 || len(w.open(t)) != 0 {
			t.Errorf("%d held, staged %v, open %v", w.Objects.Held(), w.Objects.Staged(), w.open(t))
		}
	}
	check := func(when string) {
		for what, err := range w.all(t, u, a) {
			if what != "AbortMultipart" {
				wantCode(t, what+when, err, uploadv1.ErrNoSuchUpload)
			}
		}
	}
	check(" after the abort")
	w.Clock.Advance(time.Hour)
	w.Sweep()
	check(" after the sweep")
	if len(w.Objects.Staged()) != 0 {
		t.Error("staged again")
	}
	w.swept(t, "the documents", func() bool {
		_, err := w.Service.AbortMultipart(t.Context(), u)
		return fault.CodeOf(err) == uploadv1.ErrNoSuchUpload.Code
	})
}

func multipartAbortAway(t *testing.T, w World) {
	u := w.create(t, "k")
	w.put(t, u, 1, "the first part")
	w.Objects.Break("AbortPut", false, fault.ErrUnavailable)
	if _, err := w.Service.AbortMultipart(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if len(w.open(t)) != 0 {
		t.Error("still listed")
	}
	w.Clock.Advance(time.Minute)
	w.swept(t, "the abort", func() bool { return w.Objects.Held() == 0 })
}

func multipartExpires(t *testing.T, w World) {
	old := w.create(t, "old")
	a := w.put(t, old, 1, "the first part")
	w.Clock.Advance(4 * 24 * time.Hour)
	young := w.create(t, "young")
	w.put(t, young, 1, "another one")
	w.Clock.Advance(3*24*time.Hour + time.Minute)
	_, err := w.complete(t, old, a)
	wantCode(t, "completing what expired", err, uploadv1.ErrNoSuchUpload)
	w.swept(t, "the old one", func() bool { return w.Objects.Held() == 1 && len(w.Objects.Staged()) == 1 })
	if got := w.open(t); !slices.Equal(got, []string{young.UploadID}) {
		t.Errorf("open are %v", got)
	}
	if got := w.parts(t, young); !slices.Equal(got, []int{1}) {
		t.Errorf("the young one has %v", got)
	}
}

func multipartStrangers(t *testing.T, w World) {
	u := w.create(t, "k")
	a := w.put(t, u, 1, "the first part")
	mallory := u
	mallory.Principal.AccountID = "other"
	bucket, key, id := u, u, u
	bucket.Bucket, key.Key, id.UploadID = "other", "other", uploadv1.UploadIDPrefix+"01ARZ3NDEKTSV4RRFFQ69G5FAV"
	for who, r := range map[string]uploadv1.MultipartRequest{"account": mallory, "bucket": bucket, "key": key, "id": id} {
		for what, err := range w.all(t, r, a) {
			wantCode(t, what+" of another "+who, err, uploadv1.ErrNoSuchUpload)
		}
	}
	reader := u
	reader.Principal.KeyID, reader.Principal.Grant.Scopes = "key", []authv1.Scope{authv1.ScopeRead}
	for what, err := range w.all(t, reader, a) {
		if what == "ListParts" {
			if err != nil {
				t.Errorf("reading the list: %v", err)
			}
			continue
		}
		wantCode(t, what+" with a key that may only read", err, objectv1.ErrAccessDenied)
	}
	if got := w.parts(t, u); len(got) != 1 {
		t.Errorf("parts %v", got)
	}
}

func multipartListPages(t *testing.T, w World) {
	var want []string
	for _, key := range []string{"a", "b/1", "b/1", "b/1", "b/2", "ba", "c"} {
		want = append(want, w.create(t, key).UploadID)
	}
	for _, c := range []struct {
		prefix string
		limit  int
		want   []string
	}{{"", 1, want}, {"", 2, want}, {"", 1000, want}, {"b/", 2, want[1:5]}, {"b/1", 1, want[1:4]}, {"d", 3, nil}, {"a", 1, want[:1]}} {
		var got []string
		r := uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", Prefix: c.prefix, Limit: c.limit}
		for range 10 {
			p, err := w.Service.ListMultiparts(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range p.Uploads {
				got = append(got, u.UploadID)
				r.AfterKey, r.AfterUploadID = u.Key, u.UploadID
			}
			if !p.More {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("prefix %q by %d: %v, want %v", c.prefix, c.limit, got, c.want)
		}
	}
	// Without an upload id the whole key is behind the marker.
	p, err := w.Service.ListMultiparts(t.Context(), uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", AfterKey: "b/1", Limit: 10})
	if err != nil || len(p.Uploads) != 3 || p.More {
		t.Errorf("behind the key: %+v, %v", p, err)
	}
	if p, err = w.Service.ListMultiparts(t.Context(), uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "empty", Limit: 10}); err != nil || len(p.Uploads) != 0 {
		t.Errorf("another bucket: %+v, %v", p, err)
	}
}

func multipartMalformed(t *testing.T, w World) {
	ctx := t.Context()
	u := w.create(t, "k")
	_, err := w.Service.CreateMultipart(ctx, uploadv1.CreateMultipartRequest{Bucket: "photos", Key: "k"})
	wantCode(t, "no account", err, fault.ErrInvalid)
	for _, n := range []int{0, -1, 10001, 1 << 40} {
		_, err = w.Service.BeginPart(ctx, uploadv1.BeginPartRequest{MultipartRequest: u, Number: n, Size: 1})
		wantCode(t, "number", err, uploadv1.ErrInvalidPartNumber)
		_, err = w.Service.CommitPart(ctx, partOf(u, n, "x"))
		wantCode(t, "number", err, uploadv1.ErrInvalidPartNumber)
	}
	_, err = w.Service.BeginPart(ctx, uploadv1.BeginPartRequest{MultipartRequest: u, Number: 1, Size: -2})
	wantCode(t, "size", err, fault.ErrInvalid)
	for what, change := range map[string]func(*uploadv1.CommitPartRequest){
		"no content": func(r *uploadv1.CommitPartRequest) { r.ContentID = "" }, "no digests": func(r *uploadv1.CommitPartRequest) { r.Digests = nil },
		"size": func(r *uploadv1.CommitPartRequest) { r.Manifest.Size = -1 }, "digest": func(r *uploadv1.CommitPartRequest) { r.Digests[blob.SHA256] = []byte("x") },
		"algorithm": func(r *uploadv1.CommitPartRequest) { r.Digests["rot13"] = []byte("x") },
	} {
		r := partOf(u, 1, "x")
		change(&r)
		_, err = w.Service.CommitPart(ctx, r)
		wantCode(t, what, err, fault.ErrInvalid)
	}
	for _, id := range []string{"", "mpu_", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FA", "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAVX", "mpu_01ARZ3NDEKTSV4RRFFQ69G5F/0", "MPU_01ARZ3NDEKTSV4RRFFQ69G5FAV", "mpu_ääääääääääääää", "mpu_01ARZ3NDEKTSV4RRFFQ69G5F\x00V"} {
		r := u
		r.UploadID = id
		for what, err := range w.all(t, r, uploadv1.CompletedPart{Number: 1}) {
			wantCode(t, what+" of "+id, err, uploadv1.ErrNoSuchUpload)
		}
	}
	for _, limit := range []int{0, -1, 1001} {
		_, err = w.Service.ListParts(ctx, uploadv1.ListPartsRequest{MultipartRequest: u, Limit: limit})
		wantCode(t, "limit", err, fault.ErrInvalid)
		_, err = w.Service.ListMultiparts(ctx, uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", Limit: limit})
		wantCode(t, "limit", err, fault.ErrInvalid)
	}
	_, err = w.Service.ListMultiparts(ctx, uploadv1.ListMultipartsRequest{Principal: owner(), Bucket: "photos", AfterUploadID: "x", Limit: 1})
	wantCode(t, "an id without a key", err, fault.ErrInvalid)
}

// multipartConcurrent has many clients at one upload: parts at once and over each
// other, then completions at once.
func multipartConcurrent(t *testing.T, w World) {
	u := w.create(t, "k")
	const numbers, writers = 8, 4
	var wg sync.WaitGroup
	for n := range numbers {
		for k := range writers {
			wg.Go(func() {
				if _, err := w.Service.CommitPart(t.Context(), partOf(u, n+1, fmt.Sprintf("part %d of writer %d", n, k))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := w.Objects.Staged(); len(got) != numbers {
		t.Errorf("%d contents are staged for %d parts", len(got), numbers)
	}
	l, err := w.Service.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, Limit: 100})
	if err != nil || len(l.Parts) != numbers {
		t.Fatalf("%+v, %v", l, err)
	}
	list := make([]uploadv1.CompletedPart, numbers)
	for n, p := range l.Parts {
		list[n] = uploadv1.CompletedPart{Number: p.Number, ETag: p.ETag}
	}
	etags := make([]string, 6)
	for k := range etags {
		wg.Go(func() {
			obj, err := w.complete(t, u, list...)
			if err != nil {
				t.Errorf("completing at once: %v", err)
			}
			etags[k] = obj.ETag + obj.VersionID
		})
	}
	wg.Wait()
	if slices.Sort(etags); etags[0] != etags[len(etags)-1] || w.Objects.Versions() != 1 {
		t.Errorf("answers %v, %d versions", etags, w.Objects.Versions())
	}
}

func multipartQuota(t *testing.T, w World) {
	u := w.create(t, "k")
	limited := u
	limited.Principal.Limits.StorageBytes = 1000
	if _, err := w.Service.BeginPart(t.Context(), uploadv1.BeginPartRequest{MultipartRequest: limited, Number: 1, Size: 1000}); err != nil {
		t.Error(err)
	}
	w.put(t, u, 1, "1234567890")
	_, err := w.Service.BeginPart(t.Context(), uploadv1.BeginPartRequest{MultipartRequest: limited, Number: 1, Size: 1000})
	wantCode(t, "over the quota before it is sent", err, objectv1.ErrQuotaExceeded)
	_, err = w.Service.BeginPart(t.Context(), uploadv1.BeginPartRequest{MultipartRequest: u, Number: 1, Size: 2 << 40})
	wantCode(t, "larger than an object", err, objectv1.ErrTooLarge)
	big := partOf(u, 2, "x")
	big.Manifest.Size = 2 << 30
	_, err = w.Service.CommitPart(t.Context(), big)
	wantCode(t, "over the quota", err, objectv1.ErrQuotaExceeded)
	if got := w.parts(t, u); !slices.Equal(got, []int{1}) {
		t.Errorf("parts %v", got)
	}
}

// replayed: a write that was done before is nothing on its way.
func replayed(t *testing.T, w World) {
	r := request("k", -1)
	r.Put.Idempotency = &objectv1.Idempotency{Key: "once", Fingerprint: []byte{1}}
	i, err := w.Service.Begin(t.Context(), r)
	if err != nil || i.Ticket.Replayed == nil || i.Ticket.Replayed.VersionID != "first" || len(w.listed(t)) != 0 {
		t.Errorf("%+v, %v", i, err)
	}
}
