package domain_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func TestPut_ShowsAndCounts(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	b := e.bucket("files", false)
	o := e.put("files", "a//../b %2F+ü", "hello")
	if o.ETag == "" || o.Size != 5 || o.VersionID == "" || o.BucketID != b.ID {
		t.Fatalf("answer %+v", o)
	}
	got, err := e.stat("files", "a//../b %2F+ü", "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(o, got); d != "" {
		t.Fatalf("stat differs from the answer: %s", d)
	}
	if u := e.usage(); u.Used != 5 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	e.put("files", "a//../b %2F+ü", "hello again")
	if u := e.usage(); u.Used != 11 || u.Reserved != 0 {
		t.Fatalf("usage after an overwrite %+v", u)
	}
	view, err := e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"})
	if err != nil || view.ObjectCount != 1 || view.Bytes != 11 {
		t.Fatalf("bucket %+v, %v", view, err)
	}
	e.delete("files", "a//../b %2F+ü", "")
	_, err = e.stat("files", "a//../b %2F+ü", "")
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = e.stat("files", "a//../b %2F+ü", o.VersionID)
	wantErr(t, err, objectv1.ErrNotFound)
	if u := e.usage(); u.Used != 0 || u.Reserved != 0 {
		t.Fatalf("usage after the delete %+v", u)
	}
	if keys := e.keys("files"); len(keys) != 0 {
		t.Fatalf("listed %q", keys)
	}
	if err := e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}); err != nil {
		t.Fatal(err)
	}
	_, err = e.stat("files", "x", "")
	wantErr(t, err, objectv1.ErrBucketNotFound)
}

func TestPut_Conditions(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	never := objectv1.Conditions{IfNoneMatchAny: true}
	o, err := e.tryPut("files", "k", "1", never)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.tryPut("files", "k", "2", never)
	wantErr(t, err, objectv1.ErrPrecondition)
	_, err = e.tryPut("files", "k", "2", objectv1.Conditions{IfMatch: []string{`"other"`}})
	wantErr(t, err, objectv1.ErrPrecondition)
	_, err = e.tryPut("files", "absent", "2", objectv1.Conditions{IfMatch: []string{"*"}})
	wantErr(t, err, objectv1.ErrPrecondition)
	if _, err = e.tryPut("files", "k", "2", objectv1.Conditions{IfMatch: []string{o.ETag}}); err != nil {
		t.Fatal(err)
	}
	if u := e.usage(); u.Used != 1 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func TestPut_RaceOfCreators(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		ticket, err := e.begin("files", "k", 4)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r := commitOf(alice, "files", "k", "body", ticket)
			r.Conditions.IfNoneMatchAny = true
			_, err := e.CommitPut(t.Context(), r)
			switch fault.KindOf(err) {
			case "":
				won.Add(1)
			case fault.Precondition:
				lost.Add(1)
			default:
				t.Errorf("unexpected: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 99 {
		t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
	}
	if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func TestPut_RepeatedCommit(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket, err := e.begin("files", "k", 4)
	if err != nil {
		t.Fatal(err)
	}
	r := commitOf(alice, "files", "k", "body", ticket)
	r.Conditions.IfNoneMatchAny = true
	answers := make([]objectv1.Object, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = e.CommitPut(t.Context(), r); err != nil {
				t.Errorf("attempt: %v", err)
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		if d := cmp.Diff(answers[0], a); d != "" {
			t.Fatalf("answers differ: %s", d)
		}
	}
	if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	// Also when the version was overwritten since.
	e.put("files", "k", "other")
	e.usage()
	again, err := e.CommitPut(t.Context(), r)
	if err != nil || again.VersionID != ticket.VersionID {
		t.Fatalf("answer %+v, %v", again, err)
	}
	if o, err := e.stat("files", "k", ""); err != nil || o.Size != 5 {
		t.Fatalf("the old commit came back: %+v, %v", o, err)
	}
	e.advance(20 * time.Minute)
	_, err = e.CommitPut(t.Context(), r)
	if err != nil {
		t.Fatalf("before the sweep: %v", err)
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = e.CommitPut(t.Context(), r)
	wantErr(t, err, objectv1.ErrUploadGone)
}

func TestPut_Quota(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	small := alice
	small.Limits.StorageBytes, small.Limits.ObjectBytes = 10, 8
	begin := func(size int64) (objectv1.Ticket, error) {
		return e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: small, Bucket: "files", Key: "k", Size: size})
	}
	_, err := begin(9)
	wantErr(t, err, objectv1.ErrTooLarge)
	ticket, err := begin(8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.CommitPut(t.Context(), commitOf(small, "files", "k", "12345678", ticket)); err != nil {
		t.Fatal(err)
	}
	_, err = begin(3)
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	// A ticket of before does not help either.
	ticket.VersionID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	_, err = e.CommitPut(t.Context(), commitOf(small, "files", "k2", "12345678", ticket))
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	if u := e.usage(); u.Used != 8 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	if keys := e.keys("files"); len(keys) != 1 {
		t.Fatalf("listed %q", keys)
	}
}

func TestHold_RenewCommitAbort(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	hold := func() objectv1.Ticket {
		ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: -1, Hold: true})
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	ticket := hold()
	if ticket.Reserved != objectv1.ReservationStep || !ticket.Held {
		t.Fatalf("ticket %+v", ticket)
	}
	wantErr(t, e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}), objectv1.ErrBucketNotEmpty)
	ticket, err := e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Bytes: 2 * objectv1.ReservationStep})
	if err != nil || ticket.Reserved != 2*objectv1.ReservationStep || e.usage().Reserved != 2*objectv1.ReservationStep {
		t.Fatalf("ticket %+v, %v, usage %+v", ticket, err, e.usage())
	}
	if _, err := e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", ticket)); err != nil {
		t.Fatal(err)
	}
	if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	a, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
	if err != nil || !a.Committed {
		t.Fatalf("abort after the commit: %+v, %v", a, err)
	}

	ticket = hold()
	for range 2 {
		a, err = e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
		if err != nil || a.Committed {
			t.Fatalf("abort: %+v, %v", a, err)
		}
	}
	_, err = e.CommitPut(t.Context(), commitOf(alice, "files", "k", "late", ticket))
	wantErr(t, err, objectv1.ErrUploadGone)
	ticket = hold()
	e.advance(3 * time.Minute)
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
	wantErr(t, err, objectv1.ErrUploadGone)
	if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func TestVersions_MarkersAndRemoval(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	v1 := e.put("files", "k", "1")
	v2 := e.put("files", "k", "22")
	if u := e.usage(); u.Used != 3 {
		t.Fatalf("usage %+v", u)
	}
	if o, err := e.stat("files", "k", v1.VersionID); err != nil || o.Size != 1 {
		t.Fatalf("old version: %+v, %v", o, err)
	}
	marker := e.delete("files", "k", "")
	if !marker.DeleteMarker || marker.VersionID == "" {
		t.Fatalf("delete %+v", marker)
	}
	_, err := e.stat("files", "k", "")
	wantErr(t, err, objectv1.ErrDeleteMarker)
	if len(e.keys("files")) != 0 {
		t.Fatal("a marked object is listed")
	}
	if again := e.delete("files", "k", ""); again.DeleteMarker {
		t.Fatalf("a second marker %+v", again)
	}
	e.delete("files", "k", marker.VersionID)
	if o, err := e.stat("files", "k", ""); err != nil || o.VersionID != v2.VersionID {
		t.Fatalf("after the marker was removed: %+v, %v", o, err)
	}
	e.delete("files", "k", v2.VersionID)
	if o, err := e.stat("files", "k", ""); err != nil || o.VersionID != v1.VersionID {
		t.Fatalf("after the newest was removed: %+v, %v", o, err)
	}
	_, err = e.stat("files", "k", v2.VersionID)
	wantErr(t, err, objectv1.ErrNotFound)
	view, err := e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"})
	if err != nil || view.ObjectCount != 1 || view.Bytes != 1 {
		t.Fatalf("bucket %+v, %v", view, err)
	}
	wantErr(t, e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}), objectv1.ErrBucketNotEmpty)
	e.delete("files", "k", v1.VersionID)
	e.delete("files", "k", v1.VersionID)
	if err := e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}); err != nil {
		t.Fatal(err)
	}
	if u := e.usage(); u.Used != 0 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func TestRetention_ProtectsAVersion(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	_, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{
		Principal: alice, Name: "vault", ObjectLock: true, DefaultRetention: &objectv1.DefaultRetention{Mode: "COMPLIANCE", Days: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := e.put("vault", "k", "1")
	_, err = e.tryDelete("vault", "k", o.VersionID)
	wantErr(t, err, objectv1.ErrObjectLocked)
	e.advance(25 * time.Hour)
	e.delete("vault", "k", o.VersionID)
}

func TestWrites_RefusedBehindABacklog(t *testing.T) {
	t.Parallel()
	var backlog atomic.Int64
	e := newEnv(t, envOptions{backlog: backlog.Load})
	e.bucket("files", false)
	backlog.Store(11)
	_, err := e.tryPut("files", "k", "1", objectv1.Conditions{})
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("put: %v", err)
	}
	if _, err := e.tryDelete("files", "k", ""); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("delete: %v", err)
	}
}

func TestKeys_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	for _, key := range []string{"", strings.Repeat("x", 1025), "a\x00b", "\xff"} {
		_, err := e.tryPut("files", key, "1", objectv1.Conditions{})
		wantErr(t, err, objectv1.ErrInvalidKey)
	}
}
