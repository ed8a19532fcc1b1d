package transfer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

var who = authv1.Principal{AccountID: "acc"}

func engine(t *testing.T) (*transfer.Engine, *edgetest.Object, *edgetest.Blobs) {
	t.Helper()
	o, b := edgetest.NewObject(), edgetest.NewBlobs()
	if _, err := o.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: who, Name: "box"}); err != nil {
		t.Fatal(err)
	}
	return &transfer.Engine{Blobs: b, Objects: o, Uploads: edgetest.Upload{O: o}, Log: slog.New(slog.DiscardHandler), Now: time.Now}, o, b
}

func put(size int64, body io.Reader) transfer.Put {
	return transfer.Put{Principal: who, Bucket: "box", Key: "k", Size: size, Body: body}
}

// zeros gives n bytes and counts what was asked of it.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// gone checks that nothing of a failed PUT is left.
func gone(t *testing.T, o *edgetest.Object) {
	t.Helper()
	if keys := o.Keys("acc", "box"); len(keys) != 0 {
		t.Errorf("visible: %v", keys)
	}
	if n := o.Held(); n != 0 {
		t.Errorf("%d reservations stayed", n)
	}
}

func TestPut_SmallHoldsNothing(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	obj, err := e.Put(t.Context(), put(5, strings.NewReader("hello")))
	if err != nil || obj.Size != 5 || o.Called("End") != 0 {
		t.Fatalf("%+v %v", obj, err)
	}
}

func TestPut_HeldEnds(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{transfer.SmallMax + 1, -1} {
		e, o, b := engine(t)
		b.Discard = true
		obj, err := e.Put(t.Context(), put(size, zeros(transfer.SmallMax+1)))
		if err != nil || obj.Size != transfer.SmallMax+1 || o.Called("End") != 1 || o.Held() != 0 {
			t.Fatalf("size %d: %+v %v", size, obj.Size, err)
		}
	}
}

func TestPut_UnknownLengthGrows(t *testing.T) {
	t.Parallel()
	e, o, b := engine(t)
	b.Discard = true
	if _, err := e.Put(t.Context(), put(-1, zeros(100<<20))); err != nil {
		t.Fatal(err)
	}
	if n := o.Called("Renew"); n != 2 { // 64 MiB and 128 MiB
		t.Errorf("%d renewals", n)
	}
	// Where the quota ends, smaller steps use what is left of it.
	e, o, b = engine(t)
	b.Discard = true
	o.Quota = 70 << 20
	if _, err := e.Put(t.Context(), put(-1, zeros(69<<20))); err != nil {
		t.Errorf("69 of 70 MiB: %v", err)
	}
	e, o, b = engine(t)
	b.Discard = true
	o.Quota = 70 << 20
	if _, err := e.Put(t.Context(), put(-1, zeros(80<<20))); fault.KindOf(err) != fault.QuotaExceeded {
		t.Errorf("80 of 70 MiB: %v", err)
	}
	gone(t, o)
	e, o, b = engine(t)
	b.Discard = true
	o.MaxSize = 10 << 20
	if _, err := e.Put(t.Context(), put(-1, zeros(11<<20))); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("over the limit: %v", err)
	}
	gone(t, o)
}

func TestPut_LeaseLost(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	o.Lease = 60 * time.Millisecond
	o.SetFail("Renew", uploadv1.ErrGone)
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() {
		for {
			if _, err := pw.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	}()
	_, err := e.Put(t.Context(), put(1<<40-1, pr))
	pr.Close()
	if !errors.Is(err, uploadv1.ErrGone) {
		t.Fatal(err)
	}
	gone(t, o)
}

func TestPut_LeaseIsRenewed(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	o.Lease = 90 * time.Millisecond
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := e.Put(t.Context(), put(transfer.SmallMax+1, pr))
		done <- err
	}()
	_, _ = pw.Write(make([]byte, 100))
	deadline := time.After(time.Minute)
	for o.Called("Renew") < 6 { // several leases long
		select {
		case <-deadline:
			t.Fatal("no renewals")
		case <-time.After(5 * time.Millisecond):
		}
	}
	go func() {
		_, _ = pw.Write(make([]byte, transfer.SmallMax+1-100))
		pw.Close()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestPut_ShortAndWrong(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		in   transfer.Put
		want error
	}{
		"short":        {put(10, strings.NewReader("hello")), transfer.ErrShortBody},
		"short, held":  {put(transfer.SmallMax+10, zeros(transfer.SmallMax)), transfer.ErrShortBody},
		"digest":       {transfer.Put{Principal: who, Bucket: "box", Key: "k", Size: 5, Body: strings.NewReader("hello"), Want: map[blob.Algorithm][]byte{blob.MD5: make([]byte, 16)}}, transfer.ErrBadDigest},
		"broken":       {put(10, io.MultiReader(strings.NewReader("abc"), broken{})), errBroken},
		"broken, held": {put(-1, io.MultiReader(strings.NewReader("abc"), broken{})), errBroken},
	} {
		e, o, b := engine(t)
		if _, err := e.Put(t.Context(), k.in); !errors.Is(err, k.want) {
			t.Errorf("%s: %v", name, err)
		}
		gone(t, o)
		if name[:5] == "short" && b.Aborted != 1 {
			t.Errorf("%s: the content was not given up", name)
		}
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// flaky lets some commits fail before or after they happened.
type flaky struct {
	*edgetest.Object
	fails atomic.Int32
	after bool // the commit happens, its answer does not come
	err   error
}

func (f *flaky) CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	if f.fails.Add(-1) >= 0 {
		if f.after {
			_, _ = f.Object.CommitPut(ctx, r)
		}
		return objectv1.Object{}, f.err
	}
	return f.Object.CommitPut(ctx, r)
}

func TestPut_CommitIsRepeated(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		e, o, _ := engine(t)
		f := &flaky{Object: o, after: after, err: fault.ErrTimeout}
		f.fails.Store(2)
		e.Objects = f
		in := put(5, strings.NewReader("hello"))
		in.Conditions.IfNoneMatchAny = true // a repetition must not meet itself
		if obj, err := e.Put(t.Context(), in); err != nil || obj.Size != 5 {
			t.Errorf("after %v: %v", after, err)
		}
	}
	// What is decided is not repeated, and its leftovers are taken back.
	e, o, _ := engine(t)
	f := &flaky{Object: o, err: objectv1.ErrPrecondition}
	f.fails.Store(1)
	e.Objects = f
	if _, err := e.Put(t.Context(), put(5, strings.NewReader("hello"))); !errors.Is(err, objectv1.ErrPrecondition) || o.Called("AbortPut") != 1 {
		t.Errorf("%v, %d aborts", err, o.Called("AbortPut"))
	}
	gone(t, o)
}

func TestPut_TicketOutlived(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	o.Lease = time.Millisecond
	if _, err := e.Put(t.Context(), put(5, strings.NewReader("hello"))); err != nil || o.Called("BeginPut") != 2 {
		t.Errorf("%v, %d tickets", err, o.Called("BeginPut"))
	}
}

// TestPut_ClientGone: the body is here, so its commit does not hang on the client.
func TestPut_ClientGone(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	in := put(5, io.MultiReader(strings.NewReader("hello"), leaving{cancel}))
	if _, err := e.Put(ctx, in); err != nil {
		t.Fatal(err)
	}
	if len(o.Keys("acc", "box")) != 1 {
		t.Error("not committed")
	}
}

// leaving ends the context with the body.
type leaving struct{ cancel func() }

func (l leaving) Read([]byte) (int, error) { l.cancel(); return 0, io.EOF }
