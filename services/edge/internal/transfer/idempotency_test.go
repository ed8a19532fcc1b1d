package transfer_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

func once(size int64, body io.Reader) transfer.Put {
	in := put(size, body)
	in.Idempotency = &objectv1.Idempotency{Key: "once", Fingerprint: []byte{1}}
	return in
}

// slow gives a byte and lets time pass before the next one.
type slow struct {
	left  int
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	<-time.After(s.pause)
	s.left--
	p[0] = 'x'
	return 1, nil
}

// sizes are of a body that holds nothing and of one that has an ingest.
func sizes() map[string]int64 { return map[string]int64{"small": 5, "held": -1} }

func TestPut_Replayed(t *testing.T) {
	t.Parallel()
	for name, size := range sizes() {
		e, o, _ := engine(t)
		first, err := e.Put(t.Context(), once(size, strings.NewReader("hello")))
		if err != nil || first.Replayed {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		again, err := e.Put(t.Context(), once(size, broken{})) // its body is not read
		if err != nil || !again.Replayed || again.VersionID != first.VersionID || again.ETag != first.ETag {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
		other := once(size, broken{})
		other.Idempotency = &objectv1.Idempotency{Key: "once", Fingerprint: []byte{2}}
		if _, err := e.Put(t.Context(), other); !errors.Is(err, objectv1.ErrIdempotencyConflict) {
			t.Errorf("%s: another content: %v", name, err)
		}
		if o.Held() != 0 || o.Called("CommitPut") != 1 {
			t.Errorf("%s: %d held, %d commits", name, o.Held(), o.Called("CommitPut"))
		}
	}
}

// TestPut_KeyIsFreedByFailure: the client may correct itself at once.
func TestPut_KeyIsFreedByFailure(t *testing.T) {
	t.Parallel()
	for name, size := range sizes() {
		e, o, _ := engine(t)
		if _, err := e.Put(t.Context(), once(size, io.MultiReader(strings.NewReader("he"), broken{}))); !errors.Is(err, errBroken) {
			t.Fatalf("%s: %v", name, err)
		}
		o.SetFail("CommitPut", objectv1.ErrPrecondition)
		if _, err := e.Put(t.Context(), once(size, strings.NewReader("hello"))); !errors.Is(err, objectv1.ErrPrecondition) {
			t.Fatalf("%s: %v", name, err)
		}
		o.SetFail("CommitPut", nil)
		if out, err := e.Put(t.Context(), once(size, strings.NewReader("hello"))); err != nil || out.Replayed {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
}

// TestPut_KeyIsKept: the lease is renewed for as long as the body takes, and an
// object service that is away for a while takes nothing.
func TestPut_KeyIsKept(t *testing.T) {
	t.Parallel()
	for name, size := range sizes() {
		synctest.Test(t, func(t *testing.T) {
			e, o, _ := engine(t)
			o.Lease = time.Hour
			o.SetFail("KeepIdempotency", fault.ErrUnavailable)
			time.AfterFunc(12*time.Second, func() { o.SetFail("KeepIdempotency", nil) })
			in := once(size, &slow{left: 5, pause: 10 * time.Second})
			if out, err := e.Put(t.Context(), in); err != nil || out.Size != 5 {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
			if n := o.Called("KeepIdempotency"); n < 9 || n > 10 { // 50 s, every 5 s
				t.Errorf("%s: kept %d times", name, n)
			}
		})
	}
}

// TestPut_KeyIsLost: what belongs to another attempt now is left alone.
func TestPut_KeyIsLost(t *testing.T) {
	t.Parallel()
	for name, size := range sizes() {
		synctest.Test(t, func(t *testing.T) {
			e, o, _ := engine(t)
			o.Lease = time.Hour
			time.AfterFunc(12*time.Second, func() { o.SetFail("KeepIdempotency", objectv1.ErrIdempotencyBusy) })
			_, err := e.Put(t.Context(), once(size, &slow{left: 5, pause: 10 * time.Second}))
			if !errors.Is(err, objectv1.ErrIdempotencyBusy) {
				t.Errorf("%s: %v", name, err)
			}
			if o.Called("CommitPut")+o.Called("AbortPut")+o.Called("End") != 0 {
				t.Errorf("%s: it touched the version: %v", name, o.Calls)
			}
		})
	}
	// Only the commit tells.
	for name, size := range sizes() {
		e, o, _ := engine(t)
		o.SetFail("CommitPut", objectv1.ErrIdempotencyBusy)
		if _, err := e.Put(t.Context(), once(size, strings.NewReader("hello"))); !errors.Is(err, objectv1.ErrIdempotencyBusy) || o.Called("AbortPut")+o.Called("End") != 0 {
			t.Errorf("%s: %v, %v", name, err, o.Calls)
		}
	}
}

// TestPut_TicketOutlivedWithKey: the new ticket has the key as well.
func TestPut_TicketOutlivedWithKey(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	o.Lease = time.Millisecond
	if _, err := e.Put(t.Context(), once(5, strings.NewReader("hello"))); err != nil || o.Called("BeginPut") != 2 {
		t.Fatalf("%v, %d tickets", err, o.Called("BeginPut"))
	}
	if again, err := e.Put(t.Context(), once(5, broken{})); err != nil || !again.Replayed {
		t.Errorf("%+v, %v", again, err)
	}
}
