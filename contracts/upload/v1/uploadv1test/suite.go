// Package uploadv1test holds what every implementation of uploadv1.Service has to
// keep, as a suite: run on the endpoint and through NATS.
package uploadv1test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Clock is a clock that only moves when it is told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// Now reads it.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// World is an upload service and what stands around it. Its lease is two minutes.
type World struct {
	Service uploadv1.Service
	Objects *Objects // what Service calls
	Clock   *Clock   // what Service reads
	// Sweep sweeps now, or does nothing where sweeps come by themselves.
	Sweep func()
}

// Run runs the suite; open makes a fresh World for each case.
func Run(t *testing.T, open func(t *testing.T) World) {
	for name, f := range map[string]func(*testing.T, World){
		"BeginHoldsAndRecords": beginHolds, "BeginPassesFaultsOn": beginFaults, "RenewExtendsAndGrows": renew, "RenewPassesFaultsOn": renewFaults,
		"CommittedIsForgotten": committed, "AbortedReleases": aborted, "EndIsIdempotent": endTwice, "AbandonedIsSwept": abandoned,
		"SweepSparesTheCommitted": spares, "SweepWaitsForObject": objectAway, "ForeignAccountsAreStrangers": strangers,
		"ListPages": listPages, "MalformedIsRefused": malformed, "ReplayedIsNoIngest": replayed,

		"MultipartCreate": multipartCreate, "MultipartParts": multipartParts, "MultipartCompletes": multipartCompletes,
		"MultipartListIsChecked": multipartList, "MultipartSizesAreChecked": multipartSizes, "MultipartPartsAreReplaced": multipartReplaced,
		"MultipartCompleteIsIdempotent": multipartTwice, "MultipartRefusedReopens": multipartRefused, "MultipartUnsureIsFound": multipartUnsure,
		"MultipartAborts": multipartAborts, "MultipartAbortOutlivesObject": multipartAbortAway, "MultipartExpires": multipartExpires,
		"MultipartStrangers": multipartStrangers, "MultipartListPages": multipartListPages, "MultipartMalformed": multipartMalformed,
		"MultipartConcurrent": multipartConcurrent, "MultipartQuota": multipartQuota,

		"SessionCreate": sessionCreate, "SessionWrites": sessionWrites, "SessionHasOneWriter": sessionOneWriter, "SessionRepeats": sessionRepeats,
		"SessionOffsetsAreChecked": sessionOffsets, "SessionSizesAreChecked": sessionSizes, "SessionQuota": sessionQuota, "SessionAhead": sessionAhead, "SessionPages": sessionPages,
		"SessionConcurrent": sessionConcurrent, "SessionEmpty": sessionEmpty, "SessionFinishFails": sessionFinishFails,
		"SessionFinishAtOnce": sessionFinishAtOnce, "SessionCancels": sessionCancels, "SessionCancelIsLate": sessionCancelLate,
		"SessionCancelOutlivesObject": sessionCancelAway, "SessionExpires": sessionExpires, "SessionLosesItsTicket": sessionLost, "SessionMalformed": sessionMalformed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

func request(key string, size int64) uploadv1.BeginRequest {
	return uploadv1.BeginRequest{Put: objectv1.BeginPutRequest{
		Principal: authv1.Principal{AccountID: "acc"}, Bucket: "photos", Key: key, Size: size,
	}}
}

func (w World) begin(t *testing.T, key string) uploadv1.Ingest {
	t.Helper()
	i, err := w.Service.Begin(t.Context(), request(key, -1))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (w World) renew(t *testing.T, i uploadv1.Ingest, bytes int64) (uploadv1.Ingest, error) {
	t.Helper()
	return w.Service.Renew(t.Context(), uploadv1.RenewRequest{AccountID: "acc", VersionID: i.Ticket.VersionID, Bytes: bytes})
}

func (w World) end(t *testing.T, i uploadv1.Ingest, committed bool) {
	t.Helper()
	r := uploadv1.EndRequest{AccountID: "acc", VersionID: i.Ticket.VersionID, Committed: committed}
	if _, err := w.Service.End(t.Context(), r); err != nil {
		t.Fatalf("ending: %v", err)
	}
}

func (w World) listed(t *testing.T) []uploadv1.Ingest {
	t.Helper()
	r, err := w.Service.List(t.Context(), uploadv1.ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Ingests
}

func (w World) swept(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute) // only a failure takes it
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for w.Sweep(); !ok(); w.Sweep() {
		if time.Now().After(end) {
			t.Fatalf("not swept: %s", what)
		}
		<-tick.C
	}
}

func wantCode(t *testing.T, what string, err error, want *fault.Error) {
	t.Helper()
	if fault.CodeOf(err) != want.Code || fault.KindOf(err) != want.Kind {
		t.Errorf("%s: got %v, want %s", what, err, want.Code)
	}
}

func beginHolds(t *testing.T, w World) {
	i := w.begin(t, "a/ä")
	if w.Objects.Fate(i.Ticket.VersionID) != "held" || !i.Ticket.Held || i.Ticket.Reserved != objectv1.ReservationStep {
		t.Errorf("the ticket is not held: %+v", i)
	}
	if !i.StartedAt.Equal(w.Clock.Now()) || !i.LeaseTill.Equal(w.Clock.Now().Add(2*time.Minute)) || i.Bucket != "photos" || i.Key != "a/ä" {
		t.Errorf("the ingest is %+v", i)
	}
	l := w.listed(t)
	if len(l) != 1 || l[0] != i {
		t.Errorf("listed %+v, begun %+v", l, i)
	}
}

func beginFaults(t *testing.T, w World) {
	r := request("k", 1)
	r.Put.Bucket = "missing"
	_, err := w.Service.Begin(t.Context(), r)
	wantCode(t, "no bucket", err, objectv1.ErrBucketNotFound)
	_, err = w.Service.Begin(t.Context(), request("k", 2<<30))
	wantCode(t, "over quota", err, objectv1.ErrQuotaExceeded)
	w.Objects.Down(fault.ErrUnavailable)
	_, err = w.Service.Begin(t.Context(), request("k", 1))
	wantCode(t, "object away", err, fault.ErrUnavailable)
	if l := w.listed(t); len(l) != 0 {
		t.Errorf("recorded all the same: %+v", l)
	}
}

func renew(t *testing.T, w World) {
	i := w.begin(t, "k")
	for n := range 5 {
		w.Clock.Advance(90 * time.Second)
		w.Sweep()
		bytes := int64(n+1) * objectv1.ReservationStep
		got, err := w.renew(t, i, bytes)
		if err != nil {
			t.Fatalf("renewal %d: %v", n, err)
		}
		if !got.LeaseTill.Equal(w.Clock.Now().Add(2*time.Minute)) || got.Ticket.Reserved != bytes || !got.StartedAt.Equal(i.StartedAt) {
			t.Errorf("renewal %d: %+v", n, got)
		}
	}
	got, err := w.renew(t, i, 0)
	if err != nil || got.Ticket.Reserved != 5*objectv1.ReservationStep {
		t.Errorf("a renewal shrank the reservation: %+v, %v", got, err)
	}
}

func renewFaults(t *testing.T, w World) {
	i := w.begin(t, "k")
	_, err := w.renew(t, i, 2<<30)
	wantCode(t, "over quota", err, objectv1.ErrQuotaExceeded)
	if _, err := w.renew(t, i, 1); err != nil {
		t.Errorf("a refused renewal ended the ingest: %v", err)
	}
	w.Objects.Lose(i.Ticket.VersionID)
	_, err = w.renew(t, i, 1)
	wantCode(t, "object lost it", err, uploadv1.ErrGone)
	if l := w.listed(t); len(l) != 0 {
		t.Errorf("a lost ingest is still listed: %+v", l)
	}
	_, err = w.Service.Renew(t.Context(), uploadv1.RenewRequest{AccountID: "acc", VersionID: "none"})
	wantCode(t, "unknown", err, uploadv1.ErrGone)
}

func committed(t *testing.T, w World) {
	i := w.begin(t, "k")
	w.Objects.Commit(i.Ticket.VersionID)
	w.end(t, i, true)
	if l := w.listed(t); len(l) != 0 || w.Objects.Fate(i.Ticket.VersionID) != "committed" || w.Objects.Aborts() != 0 {
		t.Errorf("listed %+v, fate %s, %d aborts", l, w.Objects.Fate(i.Ticket.VersionID), w.Objects.Aborts())
	}
}

func aborted(t *testing.T, w World) {
	i := w.begin(t, "k")
	w.end(t, i, false)
	if l := w.listed(t); len(l) != 0 || w.Objects.Fate(i.Ticket.VersionID) != "aborted" {
		t.Errorf("listed %+v, fate %s", l, w.Objects.Fate(i.Ticket.VersionID))
	}
	_, err := w.renew(t, i, 1)
	wantCode(t, "after the end", err, uploadv1.ErrGone)
}

func endTwice(t *testing.T, w World) {
	i := w.begin(t, "k")
	for range 3 {
		w.end(t, i, false)
	}
	j := w.begin(t, "l")
	w.Objects.Commit(j.Ticket.VersionID)
	w.end(t, j, false) // an edge that did not hear the answer of its commit
	w.end(t, j, true)
	if f := w.Objects.Fate(j.Ticket.VersionID); f != "committed" {
		t.Errorf("a committed version is %s", f)
	}
	w.end(t, uploadv1.Ingest{Ticket: objectv1.Ticket{VersionID: "none"}}, true)
}

func abandoned(t *testing.T, w World) {
	old := w.begin(t, "old")
	w.Clock.Advance(90 * time.Second)
	fresh := w.begin(t, "fresh")
	w.Clock.Advance(60 * time.Second)
	w.swept(t, "the old one", func() bool { return w.Objects.Fate(old.Ticket.VersionID) == "aborted" && len(w.listed(t)) == 1 })
	if w.Objects.Fate(fresh.Ticket.VersionID) != "held" {
		t.Error("the fresh one was swept too")
	}
	_, err := w.renew(t, old, 1)
	wantCode(t, "after the sweep", err, uploadv1.ErrGone)
	if _, err := w.renew(t, fresh, 1); err != nil {
		t.Errorf("the fresh one: %v", err)
	}
}

func spares(t *testing.T, w World) {
	i := w.begin(t, "k")
	w.Objects.Commit(i.Ticket.VersionID) // and the edge dies before End
	w.Clock.Advance(3 * time.Minute)
	w.swept(t, "the record", func() bool { return len(w.listed(t)) == 0 })
	if f := w.Objects.Fate(i.Ticket.VersionID); f != "committed" {
		t.Errorf("the committed version is %s", f)
	}
}

func objectAway(t *testing.T, w World) {
	a, b := w.begin(t, "a"), w.begin(t, "b")
	w.Objects.Down(fault.ErrUnavailable)
	w.end(t, a, false) // is promised, and kept later
	_, err := w.renew(t, a, 1)
	wantCode(t, "renewing what is being aborted", err, uploadv1.ErrGone)
	w.Clock.Advance(3 * time.Minute)
	w.Sweep()
	if n := len(w.listed(t)); n != 2 {
		t.Errorf("%d records while object is away, want both", n)
	}
	w.Objects.Down(nil)
	w.Clock.Advance(time.Minute)
	w.swept(t, "both", func() bool { return w.Objects.Held() == 0 && len(w.listed(t)) == 0 })
	if w.Objects.Fate(b.Ticket.VersionID) != "aborted" {
		t.Error("the abandoned one is not aborted")
	}
}

func strangers(t *testing.T, w World) {
	i := w.begin(t, "k")
	_, err := w.Service.Renew(t.Context(), uploadv1.RenewRequest{AccountID: "other", VersionID: i.Ticket.VersionID})
	wantCode(t, "another account's renewal", err, uploadv1.ErrGone)
	for _, c := range []bool{true, false} {
		if _, err := w.Service.End(t.Context(), uploadv1.EndRequest{AccountID: "other", VersionID: i.Ticket.VersionID, Committed: c}); err != nil {
			t.Error(err)
		}
	}
	if w.Objects.Fate(i.Ticket.VersionID) != "held" || len(w.listed(t)) != 1 {
		t.Error("another account ended it")
	}
}

func listPages(t *testing.T, w World) {
	const n = 25
	for k := range n {
		w.begin(t, fmt.Sprint("k", k))
	}
	seen := map[string]bool{}
	r := uploadv1.ListRequest{Limit: 10}
	for range n {
		p, err := w.Service.List(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Ingests {
			if i.Ticket.VersionID <= r.After || seen[i.Ticket.VersionID] {
				t.Errorf("%s after %s", i.Ticket.VersionID, r.After)
			}
			seen[i.Ticket.VersionID] = true
			r.After = i.Ticket.VersionID
		}
		if !p.More {
			break
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d listed", len(seen), n)
	}
}

func malformed(t *testing.T, w World) {
	ctx := t.Context()
	_, err := w.Service.Begin(ctx, uploadv1.BeginRequest{})
	wantCode(t, "no account", err, fault.ErrInvalid)
	for what, r := range map[string]uploadv1.RenewRequest{
		"nothing": {}, "no account": {VersionID: "v"}, "no version": {AccountID: "a"}, "negative": {AccountID: "a", VersionID: "v", Bytes: -1},
	} {
		_, err := w.Service.Renew(ctx, r)
		wantCode(t, what, err, fault.ErrInvalid)
	}
	_, err = w.Service.End(ctx, uploadv1.EndRequest{AccountID: "a"})
	wantCode(t, "end of nothing", err, fault.ErrInvalid)
	for _, limit := range []int{-1, uploadv1.MaxListLimit + 1} {
		_, err = w.Service.List(ctx, uploadv1.ListRequest{Limit: limit})
		wantCode(t, "limit", err, fault.ErrInvalid)
	}
}
