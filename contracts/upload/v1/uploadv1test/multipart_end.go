package uploadv1test

import (
	"fmt"
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
