package objectv1test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// upload begins a write in parts.
func (w world) upload(t *testing.T, bucket, key string) objectv1.Ticket {
	t.Helper()
	ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{
		Principal: w.who, Bucket: bucket, Key: key, Size: -1, Hold: true, Staged: true, LeaseSeconds: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// part is a staging of so many bytes.
func (w world) part(ticket objectv1.Ticket, size int64) objectv1.StageContentRequest {
	return objectv1.StageContentRequest{
		AccountID: w.who.AccountID, VersionID: ticket.VersionID, ContentID: objectv1.NewContentID(),
		Manifest: blob.Manifest{Size: size, Region: ticket.Region, Domain: ticket.KeyDomain},
	}
}

func (w world) complete(bucket, key string, ticket objectv1.Ticket, parts ...string) objectv1.CommitPutRequest {
	sum := sha256.Sum256([]byte(strings.Join(parts, ",")))
	return objectv1.CommitPutRequest{
		Principal: w.who, Ticket: ticket, Bucket: bucket, Key: key, Parts: parts, ETag: `"composed-2"`,
		Digests: map[blob.Algorithm][]byte{blob.SHA256: sum[:]}, Composite: []blob.Algorithm{blob.SHA256},
		Operation: objectv1.OperationComplete,
	}
}

func staged(t *testing.T, w world) {
	w.bucket(t, "files", true)
	ticket := w.upload(t, "files", "big")
	if !ticket.Staged || ticket.Reserved != 0 || w.used(t) != (objectv1.Usage{}) {
		t.Fatalf("ticket %+v", ticket)
	}
	_, err := w.DeleteBucket(t.Context(), w.bucketRequest("files"))
	wantErr(t, err, objectv1.ErrBucketNotEmpty)
	a, b, c := w.part(ticket, 10), w.part(ticket, 20), w.part(ticket, 5)
	for _, r := range []objectv1.StageContentRequest{a, b, c, a} {
		if _, err := w.StageContent(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := w.StageContent(t.Context(), b); err != nil || got.Reserved != 35 || w.used(t).Reserved != 35 {
		t.Fatalf("%+v, %v", got, err)
	}
	for range 2 {
		_, err = w.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{
			AccountID: w.who.AccountID, VersionID: ticket.VersionID, ContentIDs: []string{c.ContentID, "none"},
		})
		if err != nil || w.used(t).Reserved != 30 {
			t.Fatalf("%+v, %v", w.used(t), err)
		}
	}
	_, err = w.CommitPut(t.Context(), w.complete("files", "big", ticket, a.ContentID, c.ContentID))
	wantErr(t, err, fault.ErrInvalid)
	refused := w.complete("files", "big", ticket, b.ContentID, a.ContentID)
	refused.Conditions.IfMatch = []string{`"x"`}
	_, err = w.CommitPut(t.Context(), refused)
	wantErr(t, err, objectv1.ErrPrecondition)
	for range 2 {
		o, err := w.CommitPut(t.Context(), w.complete("files", "big", ticket, b.ContentID, a.ContentID))
		if err != nil || o.Size != 30 || o.VersionID != ticket.VersionID || o.ETag != `"composed-2"` || len(o.Composite) != 1 || o.Manifest.Size != 30 {
			t.Fatalf("%+v, %v", o, err)
		}
	}
	if w.used(t) != (objectv1.Usage{Used: 30}) {
		t.Fatalf("usage %+v", w.used(t))
	}
	_, err = w.StageContent(t.Context(), w.part(ticket, 1))
	wantErr(t, err, objectv1.ErrUploadGone)
}

func stagedAborted(t *testing.T, w world) {
	w.bucket(t, "files", false)
	ticket := w.upload(t, "files", "big")
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 4 { // two of them fit into the account's 1000 bytes
		wg.Go(func() {
			_, err := w.StageContent(t.Context(), w.part(ticket, 400))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, objectv1.ErrQuotaExceeded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 2 || w.used(t).Reserved != 800 {
		t.Fatalf("%d parts, %+v", won.Load(), w.used(t))
	}
	_, err := w.StageContent(t.Context(), w.part(ticket, 501))
	wantErr(t, err, objectv1.ErrTooLarge)
	for range 2 {
		r, err := w.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID})
		if err != nil || r.Committed || w.used(t) != (objectv1.Usage{}) {
			t.Fatalf("%+v, %+v, %v", r, w.used(t), err)
		}
	}
	if _, err := w.DeleteBucket(t.Context(), w.bucketRequest("files")); err != nil {
		t.Fatal(err)
	}
}

func copies(t *testing.T, w world) {
	w.bucket(t, "files", false)
	w.bucket(t, "kept", true)
	src := w.put(t, "files", "src", "0123456789")
	r := objectv1.CopyObjectRequest{
		Principal: w.who, Bucket: "kept", Key: "dst", SourceBucket: "files", SourceKey: "src", VersionID: objectv1.NewVersionID(),
	}
	for range 2 {
		o, err := w.CopyObject(t.Context(), r)
		if err != nil || o.VersionID != r.VersionID || o.ETag != src.ETag || o.Size != 10 || o.Metadata.User["mood"] != "fine" {
			t.Fatalf("%+v, %v", o, err)
		}
	}
	if w.used(t) != (objectv1.Usage{Used: 20}) {
		t.Fatalf("usage %+v", w.used(t))
	}
	w.delete(t, "files", "src", "")
	if o, err := w.stat(t, "kept", "dst", ""); err != nil || o.Size != 10 {
		t.Fatalf("%+v, %v", o, err)
	}
	if o, err := w.CopyObject(t.Context(), r); err != nil || o.VersionID != r.VersionID {
		t.Fatalf("repeat without its source: %+v, %v", o, err)
	}
	fresh := func(change func(*objectv1.CopyObjectRequest)) error {
		r := r
		r.SourceBucket, r.SourceKey, r.VersionID = "kept", "dst", objectv1.NewVersionID()
		change(&r)
		_, err := w.CopyObject(t.Context(), r)
		return err
	}
	wantErr(t, fresh(func(r *objectv1.CopyObjectRequest) { r.SourceKey = "none" }), objectv1.ErrNotFound)
	wantErr(t, fresh(func(r *objectv1.CopyObjectRequest) { r.Bucket = "none" }), objectv1.ErrBucketNotFound)
	wantErr(t, fresh(func(r *objectv1.CopyObjectRequest) { r.Conditions.IfNoneMatchAny = true }), objectv1.ErrPrecondition)
	wantErr(t, fresh(func(r *objectv1.CopyObjectRequest) { r.SourceConditions.IfNoneMatch = []string{src.ETag} }), objectv1.ErrPrecondition)
	if err := fresh(func(r *objectv1.CopyObjectRequest) { r.Metadata = &objectv1.Metadata{ContentType: "text/new"} }); err != nil {
		t.Fatal(err)
	}
	if o, err := w.stat(t, "kept", "dst", ""); err != nil || o.Metadata.ContentType != "text/new" || o.Metadata.User != nil {
		t.Fatalf("onto itself: %+v, %v", o, err)
	}
}

func idempotency(t *testing.T, w world) {
	w.bucket(t, "files", true)
	begin := func(fingerprint string) (objectv1.Ticket, error) {
		return w.BeginPut(t.Context(), objectv1.BeginPutRequest{
			Principal: w.who, Bucket: "files", Key: "k", Size: 4,
			Idempotency: &objectv1.Idempotency{Key: "once", Fingerprint: []byte(fingerprint)},
		})
	}
	ticket, err := begin("a")
	if err != nil || ticket.Idempotency == nil {
		t.Fatalf("%+v, %v", ticket, err)
	}
	_, err = begin("a")
	wantErr(t, err, objectv1.ErrIdempotencyBusy)
	_, err = begin("b")
	wantErr(t, err, objectv1.ErrIdempotencyConflict)
	kept, err := w.KeepIdempotency(t.Context(), objectv1.KeepIdempotencyRequest{AccountID: w.who.AccountID, Ticket: *ticket.Idempotency})
	if err != nil || kept.LeaseTill.Before(ticket.Idempotency.LeaseTill) {
		t.Fatalf("%+v, %v", kept, err)
	}
	stranger := *ticket.Idempotency
	stranger.Owner = "x"
	_, err = w.KeepIdempotency(t.Context(), objectv1.KeepIdempotencyRequest{AccountID: w.who.AccountID, Ticket: stranger})
	wantErr(t, err, objectv1.ErrIdempotencyBusy)
	abort := objectv1.AbortPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID, Idempotency: ticket.Idempotency}
	if _, err := w.AbortPut(t.Context(), abort); err != nil {
		t.Fatal(err)
	}
	if ticket, err = begin("b"); err != nil {
		t.Fatalf("after a failure: %v", err)
	}
	first, err := w.CommitPut(t.Context(), w.commit("files", "k", "body", ticket))
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "files", "k", "newer")
	w.delete(t, "files", "k", first.VersionID)
	if ticket, err = begin("b"); err != nil || ticket.Replayed == nil || ticket.Replayed.VersionID != first.VersionID ||
		ticket.Replayed.ETag != first.ETag || !ticket.Replayed.CreatedAt.Equal(first.CreatedAt) {
		t.Fatalf("replay %+v, %v", ticket, err)
	}
	_, err = begin("a")
	wantErr(t, err, objectv1.ErrIdempotencyConflict)
}

// ahead: what is still to come is reserved, and becomes what is staged.
func ahead(t *testing.T, w world) {
	w.bucket(t, "files", false)
	a, b := w.upload(t, "files", "a"), w.upload(t, "files", "b")
	reserve := func(ticket objectv1.Ticket, bytes int64) error {
		_, err := w.ReserveAhead(t.Context(), objectv1.ReserveAheadRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID, Bytes: bytes})
		return err
	}
	for range 2 { // of the account's 1000 bytes
		if err := reserve(a, 500); err != nil || w.used(t).Reserved != 500 {
			t.Fatalf("%+v, %v", w.used(t), err)
		}
	}
	wantErr(t, reserve(a, 501), objectv1.ErrTooLarge)
	wantErr(t, reserve(a, -1), fault.ErrInvalid)
	if err := reserve(b, 500); err != nil {
		t.Fatal(err)
	}
	left := int64(100)
	r := w.part(a, 400)
	r.Ahead = &left
	if got, err := w.StageContent(t.Context(), r); err != nil || got.Reserved != 400 || w.used(t).Reserved != 1000 {
		t.Fatalf("%+v, %+v, %v", got, w.used(t), err)
	}
	wantErr(t, reserve(a, 101), objectv1.ErrQuotaExceeded)
	if err := reserve(a, 0); err != nil || w.used(t).Reserved != 900 {
		t.Fatalf("%+v, %v", w.used(t), err)
	}
	for _, ticket := range []objectv1.Ticket{a, b} {
		if _, err := w.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID}); err != nil {
			t.Fatal(err)
		}
		wantErr(t, reserve(ticket, 1), objectv1.ErrUploadGone)
	}
	if w.used(t) != (objectv1.Usage{}) {
		t.Errorf("%+v", w.used(t))
	}
}
