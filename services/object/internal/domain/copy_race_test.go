package domain_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func TestCopy_Repeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.bucket("files", false)
	e.put("files", "src", "source")
	r := e.copyOf("files", "src", "files", "dst")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if o, err := e.CopyObject(t.Context(), r); err != nil || o.VersionID != r.VersionID || o.Size != 6 {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	wg.Wait()
	if ev := e.created("dst"); len(ev) != 1 {
		t.Fatalf("events %+v", ev)
	}
	e.wantUsage(12, 0)
	e.delete("files", "src", "")
	e.put("files", "dst", "newer")
	e.usage()
	if o, err := e.CopyObject(t.Context(), r); err != nil || o.VersionID != r.VersionID || o.Size != 6 {
		t.Fatalf("%+v, %v", o, err)
	}
	if o, err := e.stat("files", "dst", ""); err != nil || o.Size != 5 {
		t.Fatalf("%+v, %v", o, err)
	}
	other := r
	other.Key = "another"
	_, err := e.CopyObject(t.Context(), other)
	wantErr(t, err, fault.ErrInvalid)
	e.settle()
	e.wantUsage(5, 0)
	if n := e.contents(); n != 1 {
		t.Fatalf("%d contents", n)
	}
}

// holdGate stops the first hold of a copy.
type holdGate struct {
	domain.Contents
	after         bool
	once          sync.Once
	reached, open chan struct{}
}

func (g *holdGate) Hold(ctx context.Context, id, hold string, sweepAt time.Time) error {
	stop := func() {
		g.once.Do(func() {
			close(g.reached)
			<-g.open
		})
	}
	if !g.after {
		stop()
	}
	err := g.Contents.Hold(ctx, id, hold, sweepAt)
	stop()
	return err
}

// A copy of an old content holds it, and has no version yet, when the sweep looks.
func TestCopy_SweptWhileUnderWay(t *testing.T) {
	t.Parallel()
	g := &holdGate{after: true, reached: make(chan struct{}), open: make(chan struct{})}
	e := newEnv(t, envOptions{wrap: func(st domain.Store) domain.Store {
		g.Contents = st.Contents
		st.Contents = g
		return st
	}})
	e.bucket("files", false)
	e.put("files", "src", "source")
	e.advance(11 * time.Minute)
	r := e.copyOf("files", "src", "files", "dst")
	done := make(chan error, 1)
	go func() {
		_, err := e.CopyObject(context.Background(), r)
		done <- err
	}()
	<-g.reached
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	e.delete("files", "src", "")
	e.settle()
	if o, err := e.stat("files", "dst", ""); err != nil || o.Manifest.Size != 6 {
		t.Fatalf("%+v, %v", o, err)
	}
	e.wantUsage(6, 0)
}

// The source is removed, or replaced, when the copy has chosen it.
func TestCopy_SourceGoesInBetween(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		g := &holdGate{reached: make(chan struct{}), open: make(chan struct{})}
		e := newEnv(t, envOptions{wrap: func(st domain.Store) domain.Store {
			g.Contents = st.Contents
			st.Contents = g
			return st
		}})
		e.bucket("files", false)
		e.put("files", "src", "source")
		done := make(chan error, 1)
		go func() {
			_, err := e.CopyObject(context.Background(), e.copyOf("files", "src", "files", "dst"))
			done <- err
		}()
		<-g.reached
		if replaced {
			e.put("files", "src", "next")
		} else {
			e.delete("files", "src", "")
		}
		e.usage() // the old content is gone by now
		close(g.open)
		err := <-done
		if replaced {
			if o, serr := e.stat("files", "dst", ""); err != nil || serr != nil || o.Size != 4 {
				t.Fatalf("%+v, %v, %v", o, err, serr)
			}
			e.wantUsage(8, 0)
			continue
		}
		wantErr(t, err, objectv1.ErrNotFound)
		e.settle()
		e.wantUsage(0, 0)
		if n := e.contents(); n != 0 {
			t.Fatalf("%d contents", n)
		}
	}
}

// Copies, overwrites and deletions of few keys at once leave no hold too many and
// none too few.
func TestCopy_Race(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.bucket("files", false)
	e.bucket("kept", true)
	keys := []string{"a", "b", "c"}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 30 {
				from, to := keys[(w+i)%3], keys[(w*i+1)%3]
				buckets := []string{"files", "kept"}
				b, c := buckets[i%2], buckets[(i/2)%2]
				switch (w + i) % 4 {
				case 0:
					_, _ = e.tryPut(b, from, "some body", objectv1.Conditions{})
				case 1:
					_, _ = e.tryDelete(b, from, "")
				default:
					_, err := e.CopyObject(t.Context(), e.copyOf(b, from, c, to))
					if err != nil && !errors.Is(err, objectv1.ErrNotFound) && fault.KindOf(err) != fault.Unavailable {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	e.settle()
	e.checkStaged()
	for _, bucket := range []string{"files", "kept"} {
		for _, key := range e.keys(bucket) {
			if _, err := e.stat(bucket, key, ""); err != nil {
				t.Errorf("%s/%s: %v", bucket, key, err)
			}
		}
		b, err := e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: bucket})
		if err != nil {
			t.Fatal(err)
		}
		live, err := e.st.Versions.Live(t.Context(), b.ID, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range live {
			if v.Marker {
				continue
			}
			if c, err := e.st.Contents.Get(t.Context(), v.Content); err != nil || len(c.Holds) == 0 {
				t.Errorf("version %s: %v", v.ID, err)
			}
			e.delete(bucket, v.Key, v.ID)
		}
	}
	e.settle()
	if n := e.contents(); n != 0 {
		t.Fatalf("%d contents are left", n)
	}
	e.wantUsage(0, 0)
}
