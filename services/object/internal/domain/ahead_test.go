package domain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// tightUpload begins a write in parts of an account that may store so many bytes.
func (e *env) tightUpload(key string, limit int64) objectv1.Ticket {
	e.t.Helper()
	who := alice
	who.Limits.StorageBytes = limit
	t, err := e.BeginPut(e.t.Context(), objectv1.BeginPutRequest{Principal: who, Bucket: "files", Key: key, Size: -1, Hold: true, Staged: true, LeaseSeconds: 3600})
	if err != nil {
		e.t.Fatal(err)
	}
	return t
}

func (e *env) reserveAhead(t objectv1.Ticket, bytes int64) error {
	_, err := e.ReserveAhead(e.t.Context(), objectv1.ReserveAheadRequest{AccountID: t.AccountID, VersionID: t.VersionID, Bytes: bytes})
	return err
}

// stageAhead stages a unit of so many bytes, and says what is to stay reserved.
func (e *env) stageAhead(t objectv1.Ticket, bytes int, left int64, replaces string) (string, error) {
	r := partOf(t, strings.Repeat("x", bytes))
	r.Ahead, r.Replaces = &left, replaces
	_, err := e.StageContent(e.t.Context(), r)
	return r.ContentID, err
}

func TestAhead_ShrinksAsPartsCome(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	a, b := e.tightUpload("a", 100), e.tightUpload("b", 100)
	for range 2 {
		if err := e.reserveAhead(a, 60); err != nil {
			t.Fatal(err)
		}
	}
	e.wantUsage(0, 60)
	wantErr(t, e.reserveAhead(b, 41), objectv1.ErrQuotaExceeded)
	if err := e.reserveAhead(b, 40); err != nil {
		t.Fatal(err)
	}
	// The account is full: what is reserved ahead is there all the same.
	tail, err := e.stageAhead(a, 7, 53, "")
	if err != nil {
		t.Fatal(err)
	}
	e.wantUsage(0, 100)
	whole, err := e.stageAhead(a, 20, 40, tail)
	if err != nil {
		t.Fatal(err)
	}
	e.wantUsage(0, 107) // for a moment, as it may in place of another part
	if _, err := e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{AccountID: "alice", VersionID: a.VersionID, ContentIDs: []string{tail}}); err != nil {
		t.Fatal(err)
	}
	e.wantUsage(0, 100)
	_, err = e.stageAhead(a, 41, 0, "")
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	last, err := e.stageAhead(a, 40, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.StageContent(t.Context(), objectv1.StageContentRequest{AccountID: "alice", VersionID: a.VersionID, ContentID: last, Manifest: partOf(a, strings.Repeat("x", 40)).Manifest}); err != nil || got.Reserved != 60 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := e.CommitPut(t.Context(), completion(a, "files", "a", whole, last)); err != nil {
		t.Fatal(err)
	}
	e.wantUsage(60, 40)
	e.abort(b)
	e.wantUsage(60, 0)
	wantErr(t, e.reserveAhead(a, 1), objectv1.ErrUploadGone)
	wantErr(t, e.reserveAhead(b, 1), objectv1.ErrUploadGone)
	e.wantUsage(60, 0)
}

func TestAhead_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	wantErr(t, e.reserveAhead(ticket, -1), fault.ErrInvalid)
	wantErr(t, e.reserveAhead(ticket, 1<<30+1), objectv1.ErrTooLarge)
	_, err := e.stageAhead(ticket, 1, -1, "")
	wantErr(t, err, fault.ErrInvalid)
	other := ticket
	other.AccountID = "bob"
	wantErr(t, e.reserveAhead(other, 1), objectv1.ErrUploadGone)
	for _, seconds := range []int64{-1, int64(objectv1.MaxLease/time.Second) + 1} {
		_, err := e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID, LeaseSeconds: seconds})
		wantErr(t, err, fault.ErrInvalid)
	}
	e.wantUsage(0, 0)
}

// A writer that died has reserved nothing any more when its lease is over,
// whether somebody asks for room or the sweep comes by.
func TestAhead_Lapses(t *testing.T) {
	t.Parallel()
	for _, swept := range []bool{false, true} {
		e := newEnv(t, envOptions{})
		e.bucket("files", false)
		a, b := e.tightUpload("a", 100), e.tightUpload("b", 100)
		if err := e.reserveAhead(a, 60); err != nil {
			t.Fatal(err)
		}
		const soon = 30 * time.Second // the clock goes on, and on a busy machine fast
		e.advance(objectv1.AheadLease - soon)
		wantErr(t, e.reserveAhead(b, 60), objectv1.ErrQuotaExceeded)
		e.advance(soon + time.Second)
		if swept {
			if err := e.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			e.wantUsage(0, 0)
		}
		if err := e.reserveAhead(b, 60); err != nil {
			t.Fatal(err)
		}
		e.wantUsage(0, 60)
		// The first one may still have what is free, and reserves no more than that.
		if _, err := e.stageAhead(a, 30, 30, ""); err != nil {
			t.Fatal(err)
		}
		e.wantUsage(0, 90)
		_, err := e.stageAhead(a, 30, 0, "")
		wantErr(t, err, objectv1.ErrQuotaExceeded)
		e.abort(a)
		e.abort(b)
		e.wantUsage(0, 0)
	}
}

// TestAhead_Race: of two uploads of three fifths of the quota each, in many
// parts, one gets all of its own while the other is refused before its first
// byte, and gets there when the first object is gone.
func TestAhead_Race(t *testing.T) {
	t.Parallel()
	const parts = 30
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	send := func(key string) error {
		ticket := e.tightUpload(key, parts*5/3)
		if err := e.reserveAhead(ticket, parts); err != nil {
			_, aerr := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
			return errors.Join(err, aerr)
		}
		var ids []string
		for n := range parts {
			id, err := e.stageAhead(ticket, 1, int64(parts-n-1), "")
			if err != nil {
				return fmt.Errorf("part %d: %w", n, err)
			}
			ids = append(ids, id)
		}
		_, err := e.CommitPut(t.Context(), completion(ticket, "files", key, ids...))
		return err
	}
	for range 5 {
		var errs [2]error
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = send(fmt.Sprint(i)) })
		}
		wg.Wait()
		lost := 0
		if errs[0] == nil {
			lost = 1
		}
		if errs[1-lost] != nil || !errors.Is(errs[lost], objectv1.ErrQuotaExceeded) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
		e.wantUsage(parts, 0)
		for _, key := range []string{fmt.Sprint(1 - lost), fmt.Sprint(lost)} {
			if _, err := e.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: alice, Bucket: "files", Key: key}); err != nil {
				t.Fatal(err)
			}
			if key == fmt.Sprint(1-lost) {
				if err := send(fmt.Sprint(lost)); err != nil {
					t.Fatal(err)
				}
			}
		}
		e.wantUsage(0, 0)
	}
}

func TestBrokenOff_Ahead(t *testing.T) {
	t.Parallel()
	brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
		ticket := e.upload("files", key)
		defer e.abort(ticket)
		ctx, left := crash(), int64(12)
		_, err := e.ReserveAhead(ctx, objectv1.ReserveAheadRequest{AccountID: "alice", VersionID: ticket.VersionID, Bytes: 20})
		r := partOf(ticket, "12345678")
		if r.Ahead = &left; err == nil {
			_, err = e.StageContent(ctx, r)
		}
		if err == nil {
			_, err = e.ReserveAhead(ctx, objectv1.ReserveAheadRequest{AccountID: "alice", VersionID: ticket.VersionID})
		}
		died := errors.Is(err, errCrash)
		if !died && err != nil {
			t.Error(err)
		}
		e.settle()
		e.checkStaged(ticket)
		if got, err := e.StageContent(t.Context(), r); err != nil || got.Reserved != 8 {
			t.Errorf("repeat: %+v, %v", got, err)
		}
		e.settle()
		e.checkStaged(ticket)
		return died
	})
}
