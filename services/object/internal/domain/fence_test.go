package domain_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// gate stops the first write of a head, before or after it happens.
type gate struct {
	domain.Heads
	before, after bool
	used          atomic.Bool
	reached, open chan struct{}
}

func (g *gate) Put(ctx context.Context, h domain.Head, rev int64, events ...domain.Event) error {
	if !g.used.CompareAndSwap(false, true) {
		return g.Heads.Put(ctx, h, rev, events...)
	}
	stop := func(here bool) {
		if here {
			close(g.reached)
			<-g.open
		}
	}
	stop(g.before)
	err := g.Heads.Put(ctx, h, rev, events...)
	stop(g.after)
	return err
}

func gated(t *testing.T, g *gate) (*env, objectv1.CommitPutRequest, chan error) {
	t.Helper()
	g.reached, g.open = make(chan struct{}), make(chan struct{})
	e := newEnv(t, envOptions{hasty: true, wrap: func(st domain.Store) domain.Store {
		g.Heads = st.Heads
		st.Heads = g
		return st
	}})
	e.bucket("files", false)
	ticket, err := e.begin("files", "k", 4)
	if err != nil {
		t.Fatal(err)
	}
	r := commitOf(alice, "files", "k", "body", ticket)
	done := make(chan error, 1)
	go func() {
		_, err := e.CommitPut(context.Background(), r)
		done <- err
	}()
	<-g.reached
	return e, r, done
}

func checkGone(t *testing.T, e *env) {
	t.Helper()
	_, err := e.stat("files", "k", "")
	wantErr(t, err, objectv1.ErrNotFound)
	e.advance(20 * time.Minute)
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := e.st.Contents.Between(t.Context(), "", "", 10)
	if u := e.usage(); err != nil || len(page) != 0 || u != (objectv1.Usage{}) || len(e.keys("files")) != 0 {
		t.Fatalf("contents %+v, usage %+v, %v", page, u, err)
	}
}

// The attempt has decided everything when its version is given up.
func TestFence_AbortedBeforeTheHeadMoves(t *testing.T) {
	t.Parallel()
	g := &gate{before: true}
	e, r, done := gated(t, g)
	a, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: r.Ticket.VersionID})
	if err != nil || a.Committed {
		t.Fatalf("abort %+v, %v", a, err)
	}
	close(g.open)
	if err := <-done; fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != "" {
		t.Fatalf("commit: %v", err)
	} else if err == nil {
		// Its version's document was gone already: it began again, which is as
		// if the abort had come first.
		if _, err := e.stat("files", "k", ""); err != nil {
			t.Fatal(err)
		}
		e.delete("files", "k", "")
		e.usage()
	}
	checkGone(t, e)
}

// The sweep gives a slow attempt up in the same place.
func TestFence_SweptBeforeTheHeadMoves(t *testing.T) {
	t.Parallel()
	g := &gate{before: true}
	e, _, done := gated(t, g)
	e.advance(16 * time.Minute)
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(g.open)
	wantErr(t, <-done, objectv1.ErrUploadGone)
	checkGone(t, e)
}

// A second attempt takes the version over; both answer, once is written.
func TestFence_TakenOver(t *testing.T) {
	t.Parallel()
	g := &gate{before: true}
	e, r, done := gated(t, g)
	e.advance(10 * time.Second)
	if _, err := e.CommitPut(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	e.put("files", "k", "newer")
	close(g.open)
	if err := <-done; err != nil {
		t.Fatalf("first attempt: %v", err)
	}
	if o, err := e.stat("files", "k", ""); err != nil || o.Size != 5 {
		t.Fatalf("the slow attempt came back: %+v, %v", o, err)
	}
	if u := e.usage(); u.Used != 5 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

// The head has moved when the version is given up: it stays.
func TestFence_AbortedAfterTheHeadMoved(t *testing.T) {
	t.Parallel()
	g := &gate{after: true}
	e, r, done := gated(t, g)
	e.advance(16 * time.Minute)
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: r.Ticket.VersionID})
	if err != nil || !a.Committed {
		t.Fatalf("abort %+v, %v", a, err)
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if o, err := e.stat("files", "k", ""); err != nil || o.Size != 4 {
		t.Fatalf("%+v, %v", o, err)
	}
	if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

// A bucket is deleted while a commit has written its version, but not its head.
func TestDeleteBucket_MeetsACommit(t *testing.T) {
	t.Parallel()
	g := &gate{before: true}
	e, _, done := gated(t, g)
	wantErr(t, e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}), objectv1.ErrBucketNotEmpty)
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := e.stat("files", "k", ""); err != nil {
		t.Fatal(err)
	}
}
