package domain_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// beginOnce asks for a ticket with an idempotency key.
func (e *env) beginOnce(ctx context.Context, key, fingerprint string, hold bool) (objectv1.Ticket, error) {
	return e.BeginPut(ctx, objectv1.BeginPutRequest{
		Principal: alice, Bucket: "files", Key: key, Size: 4, Hold: hold,
		Idempotency: &objectv1.Idempotency{Key: "once", Fingerprint: []byte(fingerprint)},
	})
}

// once writes key under an idempotency key.
func (e *env) once(ctx context.Context, key string, hold bool) (objectv1.Object, error) {
	ticket, err := e.beginOnce(ctx, key, "print", hold)
	if err != nil {
		return objectv1.Object{}, err
	}
	if ticket.Replayed != nil {
		return *ticket.Replayed, nil
	}
	return e.CommitPut(ctx, commitOf(alice, "files", key, "body", ticket))
}

// created gives the events of creation of a key that wait to be published.
func (e *env) created(key string) []objectv1.ObjectEvent {
	e.t.Helper()
	pending, err := e.db.PendingOutbox(e.t.Context(), 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	var out []objectv1.ObjectEvent
	for _, p := range pending {
		var ids []string
		for _, msg := range p.Messages {
			var env objectv1.ObjectEvent
			if err := json.Unmarshal(msg.Data, &env); err != nil {
				e.t.Fatal(err)
			}
			if strings.HasSuffix(msg.Subject, "created") && env.Key == key {
				out = append(out, env)
			}
			ids = append(ids, msg.ID)
		}
		if err := e.db.ClearOutbox(e.t.Context(), p.Collection, p.ID, ids); err != nil {
			e.t.Fatal(err)
		}
	}
	return out
}

func (e *env) bindings() []domain.Binding {
	e.t.Helper()
	all, err := e.st.Bindings.Due(e.t.Context(), time.Now().Add(1000*time.Hour), 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	return all
}

func TestIdempotency_Replay(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket, err := e.beginOnce(t.Context(), "k", "print", false)
	if err != nil || ticket.Idempotency == nil || ticket.Replayed != nil {
		t.Fatalf("%+v, %v", ticket, err)
	}
	_, err = e.beginOnce(t.Context(), "k", "print", false)
	wantErr(t, err, objectv1.ErrIdempotencyBusy)
	_, err = e.beginOnce(t.Context(), "k", "another", false)
	wantErr(t, err, objectv1.ErrIdempotencyConflict)
	first, err := e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", ticket))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, err := e.once(t.Context(), "k", false)
		if err != nil || got.VersionID != first.VersionID || got.ETag != first.ETag || got.Size != 4 || !got.CreatedAt.Equal(first.CreatedAt) ||
			got.Metadata.ContentType != "text/plain" || len(got.Digests) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err = e.beginOnce(t.Context(), "k", "another", false)
	wantErr(t, err, objectv1.ErrIdempotencyConflict)
	if other, err := e.once(t.Context(), "other", false); err != nil || other.VersionID == first.VersionID {
		t.Fatalf("another object's: %+v, %v", other, err)
	}
	e.delete("files", "other", "")
	e.checkOnce("k", first)
	e.advance(25 * time.Hour)
	e.settle()
	if all := e.bindings(); len(all) != 0 {
		t.Fatalf("bindings %+v", all)
	}
	if again, err := e.once(t.Context(), "k", false); err != nil || again.VersionID == first.VersionID {
		t.Fatalf("a day later: %+v, %v", again, err)
	}
}

// Conditions were decided by the first write, and are not again.
func TestIdempotency_ReplayPassesConditions(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	begin := func() (objectv1.Ticket, error) {
		return e.BeginPut(t.Context(), objectv1.BeginPutRequest{
			Principal: alice, Bucket: "files", Key: "k", Size: 4, Conditions: objectv1.Conditions{IfNoneMatchAny: true},
			Idempotency: &objectv1.Idempotency{Key: "once", Fingerprint: []byte("print")},
		})
	}
	ticket, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	r := commitOf(alice, "files", "k", "body", ticket)
	r.Conditions.IfNoneMatchAny = true
	if _, err := e.CommitPut(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if ticket, err = begin(); err != nil || ticket.Replayed == nil {
		t.Fatalf("%+v, %v", ticket, err)
	}
}

func TestIdempotency_FailureFreesTheKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	for _, hold := range []bool{false, true} {
		ticket, err := e.beginOnce(t.Context(), "k", "one", hold)
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency})
		if err != nil || a.Committed {
			t.Fatalf("%+v, %v", a, err)
		}
		_, err = e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", ticket)) // the broken body's own commit comes late
		if !errors.Is(err, objectv1.ErrIdempotencyBusy) && !errors.Is(err, objectv1.ErrUploadGone) {
			t.Fatal(err)
		}
		if ticket, err = e.beginOnce(t.Context(), "k", "two", hold); err != nil {
			t.Fatal(err)
		}
		if _, err := e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", ticket)); err != nil {
			t.Fatal(err)
		}
		a, err = e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency})
		if err != nil || !a.Committed {
			t.Fatalf("%+v, %v", a, err)
		}
		if ticket, err = e.beginOnce(t.Context(), "k", "two", hold); err != nil || ticket.Replayed == nil {
			t.Fatalf("%+v, %v", ticket, err)
		}
		e.advance(25 * time.Hour)
		e.settle()
	}
	_, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{
		Principal: alice, Bucket: "files", Key: "k", Size: 4, Conditions: objectv1.Conditions{IfNoneMatchAny: true},
		Idempotency: &objectv1.Idempotency{Key: "once", Fingerprint: []byte("one")},
	})
	wantErr(t, err, objectv1.ErrPrecondition)
	if all := e.bindings(); len(all) != 0 {
		t.Fatalf("bindings %+v", all)
	}
}

func TestIdempotency_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	for name, i := range map[string]objectv1.Idempotency{
		"empty":          {Fingerprint: []byte("x")},
		"long":           {Key: strings.Repeat("k", 256), Fingerprint: []byte("x")},
		"blank":          {Key: "a b", Fingerprint: []byte("x")},
		"control":        {Key: "a\x7f", Fingerprint: []byte("x")},
		"unicode":        {Key: "schlüssel", Fingerprint: []byte("x")},
		"no fingerprint": {Key: "k"},
		"long print":     {Key: "k", Fingerprint: make([]byte, 65)},
	} {
		_, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: 4, Idempotency: &i})
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ticket, err := e.beginOnce(t.Context(), "k", "x", false)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]objectv1.KeepIdempotencyRequest{
		"other account": {AccountID: "bob", Ticket: *ticket.Idempotency},
		"other owner":   {AccountID: "alice", Ticket: objectv1.IdempotencyTicket{ID: ticket.Idempotency.ID, Owner: "x"}},
		"none":          {AccountID: "alice"},
		"long":          {AccountID: "alice", Ticket: objectv1.IdempotencyTicket{ID: strings.Repeat("x", 5000)}},
	} {
		if _, err := e.KeepIdempotency(t.Context(), r); !errors.Is(err, objectv1.ErrIdempotencyBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A stranger's abort frees nothing.
	stranger := objectv1.AbortPutRequest{AccountID: "bob", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency}
	if _, err := e.AbortPut(t.Context(), stranger); err != nil || len(e.bindings()) != 1 {
		t.Fatal(err)
	}
}

func TestIdempotency_LeaseIsKept(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket, err := e.beginOnce(t.Context(), "k", "x", false)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // of a lease of 15 s; what is left of it is the test's own
		e.advance(5 * time.Second)
		if _, err := e.KeepIdempotency(t.Context(), objectv1.KeepIdempotencyRequest{AccountID: "alice", Ticket: *ticket.Idempotency}); err != nil {
			t.Fatal(err)
		}
		_, err := e.beginOnce(t.Context(), "k", "x", false)
		wantErr(t, err, objectv1.ErrIdempotencyBusy)
	}
	e.advance(16 * time.Second)
	next, err := e.beginOnce(t.Context(), "k", "x", false)
	if err != nil || next.VersionID != ticket.VersionID || next.Idempotency.Owner == ticket.Idempotency.Owner {
		t.Fatalf("%+v, %v", next, err)
	}
	_, err = e.KeepIdempotency(t.Context(), objectv1.KeepIdempotencyRequest{AccountID: "alice", Ticket: *ticket.Idempotency})
	wantErr(t, err, objectv1.ErrIdempotencyBusy)
	// The first attempt comes too late, and does the second no harm.
	_, err = e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", ticket))
	wantErr(t, err, objectv1.ErrIdempotencyBusy)
	if _, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency}); err != nil {
		t.Fatal(err)
	}
	o, err := e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", next))
	if err != nil {
		t.Fatal(err)
	}
	e.checkOnce2("k", o)
}

// checkOnce2 is checkOnce for the fingerprint of the tests above.
func (e *env) checkOnce2(key string, o objectv1.Object) {
	e.t.Helper()
	if ticket, err := e.beginOnce(e.t.Context(), key, "x", false); err != nil || ticket.Replayed == nil || ticket.Replayed.VersionID != o.VersionID {
		e.t.Fatalf("%+v, %v", ticket, err)
	}
}

// A held upload is taken over with its version, and the first attempt's
// reservation is gone.
func TestIdempotency_HeldIsTakenOver(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	if _, err := e.beginOnce(t.Context(), "k", "x", true); err != nil {
		t.Fatal(err)
	}
	e.advance(16 * time.Second)
	next, err := e.beginOnce(t.Context(), "k", "x", true)
	if err != nil {
		t.Fatal(err)
	}
	e.wantUsage(0, 4)
	if _, err := e.CommitPut(t.Context(), commitOf(alice, "files", "k", "body", next)); err != nil {
		t.Fatal(err)
	}
	e.wantUsage(4, 0)
}

// Of many at once one writes; the others are told to wait, or get its answer.
func TestIdempotency_Race(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.bucket("files", true)
	var answered, busy atomic.Int64
	ids := sync.Map{}
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			o, err := e.once(t.Context(), "k", false)
			switch {
			case err == nil:
				answered.Add(1)
				ids.Store(o.VersionID, true)
			case errors.Is(err, objectv1.ErrIdempotencyBusy):
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 1 || len(e.created("k")) != 1 {
		t.Fatalf("%d versions; %d answered, %d busy", n, answered.Load(), busy.Load())
	}
}

// The attempts of a key take it over from each other while they are still alive:
// every lease is over at once.
func TestIdempotency_EveryoneIsSlow(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.bucket("files", true)
	for round := range 10 {
		key := "k" + string(rune('0'+round))
		var wg sync.WaitGroup
		ids := sync.Map{}
		for range 6 {
			wg.Go(func() {
				ticket, err := e.beginOnce(t.Context(), key, "print", round%2 == 0)
				e.advance(20 * time.Second)
				if err != nil {
					return
				}
				if ticket.Replayed != nil {
					ids.Store(ticket.Replayed.VersionID, true)
					return
				}
				if o, err := e.CommitPut(t.Context(), commitOf(alice, "files", key, "body", ticket)); err == nil {
					ids.Store(o.VersionID, true)
				} else if _, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{
					AccountID: "alice", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency,
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		o, err := e.once(t.Context(), key, false)
		for tries := 0; err != nil && tries < 5; tries++ {
			e.advance(20 * time.Second)
			o, err = e.once(t.Context(), key, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids.Store(o.VersionID, true)
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		if made := e.created(key); n != 1 || len(made) != 1 {
			t.Fatalf("round %d: %d versions answered, %d made", round, n, len(made))
		}
	}
	e.settle()
	e.wantUsage(40, 0)
}

// An id comes again with its idempotency key: what is late for its first document
// leaves the second one alone.
func TestVersions_DropKnowsItsDocument(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	v := domain.Version{ID: "v", Account: "alice", Bucket: "b", Key: "k", Live: "b", State: domain.VersionDropping, Reservation: "v_1"}
	next := v
	next.Reservation = "v_2"
	if err := e.st.Versions.Insert(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := e.st.Versions.Drop(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := e.st.Versions.Get(t.Context(), "v"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.st.Versions.Update(t.Context(), "v", func(v *domain.Version) error { v.State = domain.VersionPending; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.st.Versions.Drop(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := e.st.Versions.Get(t.Context(), "v"); err != nil {
		t.Fatal(err)
	}
}
