package domain_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func (e *env) close(ctx context.Context, account string) error {
	_, err := e.CloseAccount(ctx, objectv1.CloseAccountRequest{AccountID: account})
	return err
}

// as does what puts of one account need.
func (e *env) putAs(ctx context.Context, p authv1.Principal, bucket, key, body string, alter func(*objectv1.CommitPutRequest)) (objectv1.Object, error) {
	ticket, err := e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: p, Bucket: bucket, Key: key, Size: int64(len(body))})
	if err != nil {
		return objectv1.Object{}, err
	}
	r := commitOf(p, bucket, key, body, ticket)
	if alter != nil {
		alter(&r)
	}
	return e.CommitPut(ctx, r)
}

func (e *env) bucketOf(p authv1.Principal, r objectv1.CreateBucketRequest) {
	e.t.Helper()
	r.Principal = p
	if _, err := e.CreateBucket(e.t.Context(), r); err != nil {
		e.t.Fatal(err)
	}
}

// fill gives an account something of everything.
func (e *env) fill(p authv1.Principal) {
	e.t.Helper()
	ctx := e.t.Context()
	e.bucketOf(p, objectv1.CreateBucketRequest{Name: "plain"})
	e.bucketOf(p, objectv1.CreateBucketRequest{Name: "kept", Versioning: true})
	e.bucketOf(p, objectv1.CreateBucketRequest{Name: "vault", ObjectLock: true})
	for _, b := range []string{"plain", "kept", "vault", drive} {
		for _, key := range []string{"a", "a", "b", "c/d"} {
			if _, err := e.putAs(ctx, p, b, key, "body", nil); err != nil {
				e.t.Fatal(err)
			}
		}
		if _, err := e.DeleteObject(ctx, objectv1.DeleteObjectRequest{Principal: p, Bucket: b, Key: "b"}); err != nil {
			e.t.Fatal(err)
		}
	}
	system := p
	system.System = true
	if _, err := e.putAs(ctx, system, objectv1.PlikBucket, "upload/file", "body", nil); err != nil {
		e.t.Fatal(err)
	}
	hold := objectv1.BeginPutRequest{Principal: p, Bucket: "kept", Key: "up", Size: -1, Hold: true}
	if _, err := e.BeginPut(ctx, hold); err != nil {
		e.t.Fatal(err)
	}
	hold.Staged, hold.LeaseSeconds = true, 7*24*3600
	ticket, err := e.BeginPut(ctx, hold)
	if err != nil {
		e.t.Fatal(err)
	}
	part := partOf(ticket, "part")
	part.AccountID = p.AccountID
	if _, err := e.StageContent(ctx, part); err != nil {
		e.t.Fatal(err)
	}
}

// nothingOf checks that an account left nothing behind.
func (e *env) nothingOf(account string) {
	e.t.Helper()
	if all, err := e.st.Buckets.List(e.t.Context(), account); err != nil || len(all) > 0 {
		e.t.Fatalf("%d buckets are left, %v", len(all), err)
	}
	u, err := e.st.Accounts.Get(e.t.Context(), account)
	if err != nil || u.Used != 0 || u.Total != 0 || len(u.Buckets) > 0 {
		e.t.Fatalf("usage %+v, %v", u, err)
	}
}

func TestClose_RemovesEverything(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} {
		e := newEnv(t, envOptions{idle: idle})
		bob := owner("bob")
		e.fill(alice)
		e.bucketOf(bob, objectv1.CreateBucketRequest{Name: "plain"})
		if _, err := e.putAs(t.Context(), bob, "plain", "k", "bob's", nil); err != nil {
			t.Fatal(err)
		}
		ticket, err := e.begin("plain", "late", 4)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.close(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(when string) {
			t.Helper()
			_, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: alice, Name: "another"})
			wantErr(t, err, objectv1.ErrAccountClosed)
			if _, err := e.CommitPut(t.Context(), commitOf(alice, "plain", "late", "late", ticket)); err == nil {
				t.Fatalf("a commit %s", when)
			}
		}
		refused("before the sweep")
		_, err = e.begin("plain", "k", 1)
		wantErr(t, err, objectv1.ErrAccountClosed)
		_, err = e.tryDelete("kept", "a", "")
		wantErr(t, err, objectv1.ErrAccountClosed)
		e.settle()
		e.nothingOf("alice")
		refused("behind the sweep")
		system := alice
		system.System = true
		_, err = e.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: system, Bucket: objectv1.PlikBucket, Key: "upload/file"})
		wantErr(t, err, objectv1.ErrAccountClosed)
		if n := e.contents(); n != 1 {
			t.Fatalf("%d contents are left, want bob's", n)
		}
		e.advance(8 * 24 * time.Hour)
		e.settle()
		if _, err := e.st.Accounts.Get(t.Context(), "alice"); !errors.Is(err, domain.ErrNoDocument) {
			t.Fatalf("the usage document: %v", err)
		}
		if o, err := e.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: bob, Bucket: "plain", Key: "k"}); err != nil || o.Size != 5 {
			t.Fatalf("bob's: %+v, %v", o, err)
		}
	}
}

func TestClose_Locked(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.fill(alice)
	closes := func(want error) {
		t.Helper()
		if err := e.close(t.Context(), "alice"); !errors.Is(err, want) || want == nil && err != nil {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	// An old version, not the current one.
	o := e.put("vault", "locked", "1")
	e.put("vault", "locked", "2")
	e.delete("vault", "locked", "")
	hold := objectv1.SetLegalHoldRequest{Principal: alice, Bucket: "vault", Key: "locked", VersionID: o.VersionID, On: true}
	if _, err := e.SetLegalHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	closes(objectv1.ErrObjectLocked)
	e.put("plain", "still", "open")
	e.settle()
	e.put("plain", "still", "open")
	retain := objectv1.SetRetentionRequest{
		Principal: alice, Bucket: "vault", Key: "locked", VersionID: o.VersionID,
		Retention: objectv1.Retention{Mode: objectv1.Governance, Until: time.Now().Add(time.Duration(e.ahead.Load())).Add(time.Hour)},
	}
	if _, err := e.SetRetention(t.Context(), retain); err != nil {
		t.Fatal(err)
	}
	hold.On = false
	if _, err := e.SetLegalHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	closes(objectv1.ErrObjectLocked)
	e.advance(2 * time.Hour)
	closes(nil)
	_, err := e.SetRetention(t.Context(), retain)
	if err == nil {
		t.Fatal("a lock behind the closing")
	}
	e.settle()
	e.nothingOf("alice")
}

func TestClose_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for _, account := range []string{"", objectv1.GuestAccount} {
		if err := e.close(t.Context(), account); fault.KindOf(err) != fault.Invalid {
			t.Errorf("closing %q: %v", account, err)
		}
	}
	if err := e.close(t.Context(), "never-seen"); err != nil {
		t.Fatal(err)
	}
	_, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: owner("never-seen"), Name: "files"})
	wantErr(t, err, objectv1.ErrAccountClosed)
}

// The closing dies at each of its writes, and then the sweep does.
func TestClose_BrokenOff(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{wrap: crashing, idle: true})
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			p := owner(fmt.Sprintf("acc-%d-%t", n, after))
			e.bucketOf(p, objectv1.CreateBucketRequest{Name: "vault", ObjectLock: true})
			if _, err := e.putAs(t.Context(), p, "vault", "k", "body", nil); err != nil {
				t.Fatal(err)
			}
			ctx, _ := crashAt(t.Context(), n, after)
			died := e.close(ctx, p.AccountID)
			if died != nil && !errors.Is(died, errCrash) {
				t.Fatal(died)
			}
			e.advance(2 * time.Minute)
			if err := e.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := e.putAs(t.Context(), p, "vault", "k", "again", nil)
			if _, stat := e.st.Accounts.Get(t.Context(), p.AccountID); stat != nil {
				t.Fatal(stat)
			}
			if err == nil {
				if died == nil {
					t.Fatal("a write behind the closing")
				}
				if err := e.close(t.Context(), p.AccountID); err != nil {
					t.Fatal(err)
				}
				e.advance(2 * time.Minute)
				if err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			e.nothingOf(p.AccountID)
			if died == nil {
				break
			}
			if n == 20 {
				t.Fatal("it never comes through")
			}
		}
	}
}

func TestClose_BrokenOffSweep(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	for _, after := range []bool{false, true} {
		e := newEnv(t, envOptions{wrap: crashing, idle: true})
		e.fill(alice)
		if err := e.close(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		for n := 1; ; n += 3 {
			ctx, c := crashAt(t.Context(), n, after)
			_ = e.Sweep(ctx) // it reports what it met
			if !c.dead.Load() {
				break
			}
			if n == 400 {
				t.Fatal("it never comes through")
			}
			e.advance(2 * time.Minute)
		}
		e.settle()
		e.nothingOf("alice")
		if n := e.contents(); n != 0 {
			t.Fatalf("%d contents are left", n)
		}
	}
}

// A lock that was acknowledged keeps its account from being closed.
func TestClose_RacesLocks(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for n := range 16 {
		p := owner(fmt.Sprint("racer-", n))
		e.bucketOf(p, objectv1.CreateBucketRequest{Name: "vault", ObjectLock: true})
		o, err := e.putAs(t.Context(), p, "vault", "k", "body", nil)
		if err != nil {
			t.Fatal(err)
		}
		var closed, retained, put error
		var wg sync.WaitGroup
		wg.Go(func() { closed = e.close(t.Context(), p.AccountID) })
		if n%2 == 0 {
			wg.Go(func() {
				_, retained = e.SetRetention(t.Context(), objectv1.SetRetentionRequest{
					Principal: p, Bucket: "vault", Key: "k", VersionID: o.VersionID,
					Retention: objectv1.Retention{Mode: objectv1.Compliance, Until: time.Now().Add(time.Duration(e.ahead.Load())).Add(time.Hour)},
				})
			})
		} else {
			wg.Go(func() {
				_, put = e.putAs(t.Context(), p, "vault", "other", "body", func(r *objectv1.CommitPutRequest) { r.LegalHold = true })
			})
		}
		wg.Wait()
		lock := errors.Join(retained, put)
		switch {
		case closed == nil && lock == nil:
			t.Fatal("closed over a lock that was acknowledged")
		case closed != nil && !errors.Is(closed, objectv1.ErrObjectLocked):
			t.Fatalf("closing: %v", closed)
		case lock != nil && fault.KindOf(lock) != fault.Unavailable && !errors.Is(lock, objectv1.ErrAccountClosed):
			t.Fatalf("locking: %v", lock)
		}
		if closed == nil {
			continue
		}
		_, err = e.putAs(t.Context(), p, "vault", "third", "body", nil)
		if err != nil {
			t.Fatalf("nothing was changed: %v", err)
		}
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}
