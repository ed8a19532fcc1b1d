package domain_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// completion is the commit of an upload.
func completion(t objectv1.Ticket, bucket, key string, parts ...string) objectv1.CommitPutRequest {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts)))
	return objectv1.CommitPutRequest{
		Principal: alice, Ticket: t, Bucket: bucket, Key: key, Parts: parts, ETag: fmt.Sprintf(`"%x-%d"`, sum[:16], len(parts)),
		Digests:   map[blob.Algorithm][]byte{blob.SHA256: sum[:]},
		Composite: []blob.Algorithm{blob.SHA256}, Operation: objectv1.OperationComplete,
	}
}

func TestCommitParts_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	a := e.part(ticket, "aaaa")
	other := e.upload("files", "o")
	foreign := e.part(other, "b")
	held, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "h", Size: 3, Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	lying := held
	lying.Staged = true
	for name, r := range map[string]objectv1.CommitPutRequest{
		"none":          completion(ticket, "files", "k"),
		"twice":         completion(ticket, "files", "k", a, a),
		"foreign":       completion(ticket, "files", "k", a, foreign),
		"never was":     completion(ticket, "files", "k", objectv1.NewContentID()),
		"no id":         completion(ticket, "files", "k", ""),
		"not staged":    completion(held, "files", "h", a),
		"lying ticket":  completion(lying, "files", "h", a),
		"without parts": commitOf(alice, "files", "k", "body", ticket),
	} {
		if _, err := e.CommitPut(t.Context(), r); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := completion(ticket, "files", "k", a)
	bad.Operation = "Steal"
	_, err = e.CommitPut(t.Context(), bad)
	wantErr(t, err, fault.ErrInvalid)
	if _, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", a)); err != nil {
		t.Fatal(err)
	}
}

// A refused commit leaves the upload as it was.
func TestCommitParts_RefusedAndAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.bucket("files", false)
	e.put("files", "k", "old")
	ticket := e.upload("files", "k")
	a := e.part(ticket, "aaaa")
	r := completion(ticket, "files", "k", a)
	r.Conditions.IfNoneMatchAny = true
	_, err := e.CommitPut(t.Context(), r)
	wantErr(t, err, objectv1.ErrPrecondition)
	b := e.part(ticket, "b")
	e.wantUsage(3, 5)
	e.delete("files", "k", "")
	r.Parts = []string{a, b}
	if o, err := e.CommitPut(t.Context(), r); err != nil || o.Size != 5 {
		t.Fatalf("%+v, %v", o, err)
	}
	e.settle()
	e.wantUsage(5, 0)
	if n := e.contents(); n != 1 {
		t.Fatalf("%d contents", n)
	}
}

// The condition turns false when everything is written: the version goes back to
// being an upload, and its content away.
func TestCommitParts_RefusedAtTheHead(t *testing.T) {
	t.Parallel()
	g := &gate{before: true, reached: make(chan struct{}), open: make(chan struct{})}
	e := newEnv(t, envOptions{hasty: true, wrap: func(st domain.Store) domain.Store {
		g.Heads = st.Heads
		st.Heads = g
		return st
	}})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	a := e.part(ticket, "aaaa")
	r := completion(ticket, "files", "k", a)
	r.Conditions.IfNoneMatchAny = true
	done := make(chan error, 1)
	go func() {
		_, err := e.CommitPut(context.Background(), r)
		done <- err
	}()
	<-g.reached
	e.put("files", "k", "fast")
	close(g.open)
	wantErr(t, <-done, objectv1.ErrPrecondition)
	e.wantUsage(4, 4)
	if n := e.contents(); n != 2 {
		t.Fatalf("%d contents", n)
	}
	r.Conditions = objectv1.Conditions{}
	if _, err := e.CommitPut(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	e.settle()
	e.wantUsage(4, 0)
}

// The answer is remembered as long as the upload would have lasted.
func TestCommitParts_RepeatedLongAfter(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	a := e.part(ticket, "aaaa")
	e.advance(5 * time.Hour)
	first, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", a))
	if err != nil {
		t.Fatal(err)
	}
	e.put("files", "k", "newer")
	e.settle()
	e.advance(24 * time.Hour)
	e.settle()
	again, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", a))
	if err != nil || again.ETag != first.ETag || again.Size != first.Size || !again.CreatedAt.Equal(first.CreatedAt) {
		t.Fatalf("%+v, %v", again, err)
	}
	if o, err := e.stat("files", "k", ""); err != nil || o.Size != 5 {
		t.Fatalf("%+v, %v", o, err)
	}
	e.advance(8 * 24 * time.Hour)
	e.settle()
	_, err = e.CommitPut(t.Context(), completion(ticket, "files", "k", a))
	wantErr(t, err, objectv1.ErrUploadGone)
	e.wantUsage(5, 0)
}

// A single put that is overwritten at once is remembered from its commit on, even
// if its ticket was long over.
func TestCommit_RepeatedAfterALongUpload(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: 4, Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 30 { // an hour
		e.advance(100 * time.Second)
		if _, err := e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Bytes: 4}); err != nil {
			t.Fatal(err)
		}
	}
	r := commitOf(alice, "files", "k", "body", ticket)
	if _, err := e.CommitPut(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	e.put("files", "k", "newer")
	e.usage()
	if o, err := e.CommitPut(t.Context(), r); err != nil || o.VersionID != ticket.VersionID {
		t.Fatalf("%+v, %v", o, err)
	}
	if o, err := e.stat("files", "k", ""); err != nil || o.Size != 5 {
		t.Fatalf("%+v, %v", o, err)
	}
}

// Parts come from many at once; the answer does not wait for what is left of them.
func TestStage_ManyParts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("size, not concurrency: make test has it without the race detector")
	}
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	parts := make([]string, rounds(200, 2_500, 10_000))
	began := time.Now()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < len(parts); i += 8 {
				parts[i] = e.part(ticket, "x")
			}
		})
	}
	wg.Wait()
	t.Logf("%d parts staged in %v", len(parts), time.Since(began))
	began = time.Now()
	o, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", parts...))
	if err != nil || o.Size != int64(len(parts)) {
		t.Fatalf("%d bytes, %v", o.Size, err)
	}
	t.Logf("committed in %v", time.Since(began))
	began = time.Now()
	for e.contents() > 1 || e.usage() != (objectv1.Usage{Used: o.Size}) {
		if time.Since(began) > patience {
			t.Fatalf("usage %+v, %d contents", e.usage(), e.contents())
		}
	}
	t.Logf("parts released within %v", time.Since(began))
	e.checkStaged()
}

// A part is dropped when its bytes are in the composition already: that one comes
// to nothing, for the collector may have passed.
func TestCommitParts_PartGoesInBetween(t *testing.T) {
	t.Parallel()
	var e *env
	var drop func()
	e = newEnv(t, envOptions{composed: func() { drop() }})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	a, b := e.part(ticket, "aaaa"), e.part(ticket, "bb")
	drop = func() {
		if _, err := e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{
			AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: []string{a},
		}); err != nil {
			t.Error(err)
		}
	}
	_, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", a, b))
	wantErr(t, err, fault.ErrInvalid)
	e.wantUsage(0, 2)
	if n := e.contents(); n != 1 {
		t.Fatalf("%d contents", n)
	}
	if _, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", b)); err != nil {
		t.Fatal(err)
	}
}
