package uploadv1test

import (
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// every tries everything that needs a session.
func (w writer) every(t *testing.T) map[string]error {
	t.Helper()
	ctx := t.Context()
	_, get := w.Service.GetSession(ctx, uploadv1.SessionRequest{Secret: w.secret})
	_, acquire := w.Service.AcquireSession(ctx, uploadv1.AcquireSessionRequest{Secret: w.secret, Size: -1})
	_, appended := w.try(t, 0, contentsOf(1)...)
	_, finish := w.finish(t, 0)
	return map[string]error{"GetSession": get, "AcquireSession": acquire, "AppendSession": appended, "FinishSession": finish}
}

func (w writer) cancel(t *testing.T) error {
	t.Helper()
	_, err := w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: w.secret})
	return err
}

func (w writer) isGone(t *testing.T, when string) {
	t.Helper()
	for what, err := range w.every(t) {
		wantCode(t, what+" "+when, err, uploadv1.ErrSessionGone)
	}
	w.release(t) // is no error
}

func sessionEmpty(t *testing.T, w World) {
	for _, size := range []int64{-1, 0} {
		a := w.writer(t, size)
		// Object's answer to each of its calls is lost once.
		for _, call := range []string{"StageContent", "CommitPut"} {
			w.Objects.Break(call, true, fault.ErrTimeout)
			_, err := a.finish(t, 0)
			wantCode(t, call+" is lost", err, fault.ErrTimeout)
		}
		obj, err := a.finish(t, 0)
		if err != nil || obj.Size != 0 || len(w.Objects.Took(obj.VersionID)) != 1 {
			t.Errorf("%+v, %v", obj, err)
		}
		if got := w.at(t, a.secret); got.Result == nil || got.Size != 0 {
			t.Errorf("%+v", got)
		}
	}
	w.swept(t, "the rest", func() bool { return len(w.Objects.Staged()) == 0 && w.Objects.Held() == 0 })
}

// sessionFinishFails: whatever object says, what is there stays, and who asks
// again gets the one object.
func sessionFinishFails(t *testing.T, w World) {
	for _, c := range []struct {
		after bool
		err   *fault.Error
	}{{false, objectv1.ErrPrecondition}, {false, objectv1.ErrQuotaExceeded}, {false, fault.ErrUnavailable}, {true, fault.ErrUnavailable}, {true, fault.ErrTimeout}} {
		before := w.Objects.Versions()
		a := w.writer(t, -1)
		a.append(t, 0, contentsOf(unit, 10)...)
		for range 3 {
			w.Objects.Break("CommitPut", c.after, c.err)
			_, err := a.finish(t, unit+10)
			wantCode(t, "refused", err, c.err)
			w.Clock.Advance(20 * time.Minute)
			w.Sweep()
		}
		if got := w.at(t, a.secret); got.Offset != unit+10 || got.Size != unit+10 || got.Result != nil {
			t.Errorf("%+v", got)
		}
		_, err := a.try(t, unit+10, contentsOf(1)...)
		wantCode(t, "more than was finished", err, objectv1.ErrTooLarge)
		b := writer{w, a.secret, w.acquire(t, a.secret, unit+10).Fence}
		_, err = a.finish(t, unit+10)
		wantCode(t, "the old writer", err, uploadv1.ErrSessionBusy)
		obj, err := b.finish(t, unit+10)
		if err != nil || obj.Size != unit+10 || w.Objects.Versions() != before+1 {
			t.Errorf("%+v, %v", obj, err)
		}
	}
}

func sessionFinishAtOnce(t *testing.T, w World) {
	a := w.writer(t, 10)
	a.append(t, 0, contentsOf(10)...)
	ids := make([]string, 6)
	var wg sync.WaitGroup
	for n := range ids {
		wg.Go(func() {
			obj, err := a.finish(t, 10)
			if err != nil {
				t.Error(err)
			}
			ids[n] = obj.VersionID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || w.Objects.Versions() != 1 {
			t.Errorf("%v, %d versions", ids, w.Objects.Versions())
		}
	}
}

func sessionCancels(t *testing.T, w World) {
	a := w.writer(t, -1)
	a.append(t, 0, contentsOf(unit, 10)...)
	for range 2 { // it is idempotent
		if err := a.cancel(t); err != nil {
			t.Fatal(err)
		}
		if w.Objects.Held() != 0 || len(w.Objects.Staged()) != 0 {
			t.Errorf("%d held, staged %v", w.Objects.Held(), w.Objects.Staged())
		}
	}
	a.isGone(t, "after the cancellation")
	w.Clock.Advance(time.Hour)
	w.swept(t, "the documents", func() bool { return fault.CodeOf(a.cancel(t)) == uploadv1.ErrSessionGone.Code })
	a.isGone(t, "after the sweep")
	if len(w.Objects.Staged()) != 0 {
		t.Error("staged again")
	}

	done := w.writer(t, -1)
	if _, err := done.finish(t, 0); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a finished one", done.cancel(t), uploadv1.ErrSessionDone)
	if got := w.at(t, done.secret); got.Result == nil {
		t.Error("the result is gone")
	}
}

// sessionCancelLate: the object was committed, but nobody heard of it.
func sessionCancelLate(t *testing.T, w World) {
	a := w.writer(t, -1)
	a.append(t, 0, contentsOf(10)...)
	w.Objects.Break("CommitPut", true, fault.ErrTimeout)
	_, err := a.finish(t, 10)
	wantCode(t, "unsure", err, fault.ErrTimeout)
	w.Objects.Break("AbortPut", false, fault.ErrUnavailable)
	wantCode(t, "when object is away", a.cancel(t), fault.ErrUnavailable)
	w.Clock.Advance(time.Minute)
	w.swept(t, "the truth", func() bool {
		_, err := w.Service.GetSession(t.Context(), uploadv1.SessionRequest{Secret: a.secret})
		return err == nil
	})
	if got := w.at(t, a.secret); got.Result == nil || got.Result.Size != 10 {
		t.Errorf("%+v", got)
	}
	wantCode(t, "then", a.cancel(t), uploadv1.ErrSessionDone)

	b := w.writer(t, -1)
	b.append(t, 0, contentsOf(10)...)
	w.Objects.Break("CommitPut", true, fault.ErrTimeout)
	_, _ = b.finish(t, 10)
	wantCode(t, "at once", b.cancel(t), uploadv1.ErrSessionDone)
}

func sessionCancelAway(t *testing.T, w World) {
	a := w.writer(t, -1)
	a.append(t, 0, contentsOf(10)...)
	w.Objects.Break("AbortPut", false, fault.ErrUnavailable)
	if err := a.cancel(t); err != nil {
		t.Fatal(err)
	}
	a.isGone(t, "before object knows")
	w.Clock.Advance(time.Minute)
	w.swept(t, "the cancellation", func() bool { return w.Objects.Held() == 0 && len(w.Objects.Staged()) == 0 })
}

func sessionExpires(t *testing.T, w World) {
	old := w.writer(t, -1)
	old.append(t, 0, contentsOf(unit, 10)...)
	unsure := w.writer(t, -1)
	unsure.append(t, 0, contentsOf(5)...)
	w.Objects.Break("CommitPut", true, fault.ErrTimeout)
	_, _ = unsure.finish(t, 5)
	done := w.writer(t, 0)
	if _, err := done.finish(t, 0); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(4 * 24 * time.Hour)
	young := w.writer(t, -1)
	young.append(t, 0, contentsOf(10)...)
	if _, err := done.finish(t, 0); err != nil {
		t.Errorf("the answer after four days: %v", err)
	}
	w.Clock.Advance(3*24*time.Hour + time.Minute)
	for _, s := range []writer{old, unsure, done} {
		s.isGone(t, "after its time")
		wantCode(t, "cancelled after its time", s.cancel(t), uploadv1.ErrSessionGone)
	}
	w.swept(t, "the old ones", func() bool { return w.Objects.Held() == 1 && len(w.Objects.Staged()) == 1 })
	if got := w.at(t, young.secret); got.Offset != 10 {
		t.Errorf("the young one: %+v", got)
	}
	if w.Objects.Versions() != 2 {
		t.Errorf("%d versions", w.Objects.Versions())
	}
}

// sessionLost: object does not know the ticket any more.
func sessionLost(t *testing.T, w World) {
	a, b := w.writer(t, -1), w.writer(t, -1)
	b.append(t, 0, contentsOf(10)...)
	for _, version := range []string{"v000001", "v000002"} {
		w.Objects.Lose(version)
	}
	_, err := a.try(t, 0, contentsOf(1)...)
	wantCode(t, "appending", err, uploadv1.ErrSessionGone)
	_, err = b.finish(t, 10)
	wantCode(t, "finishing", err, uploadv1.ErrSessionGone)
	a.isGone(t, "after its ticket")
	b.isGone(t, "after its ticket")
}

func sessionMalformed(t *testing.T, w World) {
	ctx := t.Context()
	a := w.writer(t, -1)
	for what, change := range map[string]func(*uploadv1.CreateSessionRequest){
		"no account": func(r *uploadv1.CreateSessionRequest) { r.Principal.AccountID = "" }, "size": func(r *uploadv1.CreateSessionRequest) { r.Size = -2 },
		"extra": func(r *uploadv1.CreateSessionRequest) {
			r.Extra = map[string]string{"a": strings.Repeat("b", uploadv1.MaxSessionExtra)}
		},
		"metadata": func(r *uploadv1.CreateSessionRequest) { r.Metadata.ContentType = strings.Repeat("b", 65<<10) },
	} {
		r := uploadv1.CreateSessionRequest{Principal: owner(), Bucket: "photos", Key: "k", Size: 1}
		change(&r)
		_, err := w.Service.CreateSession(ctx, r)
		wantCode(t, what, err, fault.ErrInvalid)
	}
	for what, change := range map[string]func(*uploadv1.AppendSessionRequest){
		"nothing": func(r *uploadv1.AppendSessionRequest) { r.Contents = nil }, "offset": func(r *uploadv1.AppendSessionRequest) { r.Offset = -1 },
		"too many": func(r *uploadv1.AppendSessionRequest) {
			r.Contents = contentsOf(make([]int64, uploadv1.MaxAppend+1)...)
		},
		"no id":          func(r *uploadv1.AppendSessionRequest) { r.Contents[0].ContentID = "" },
		"a long id":      func(r *uploadv1.AppendSessionRequest) { r.Contents[0].ContentID = strings.Repeat("x", 10_000) },
		"twice":          func(r *uploadv1.AppendSessionRequest) { r.Contents[1].ContentID = r.Contents[0].ContentID },
		"empty":          func(r *uploadv1.AppendSessionRequest) { r.Contents[1].Manifest.Size = 0 },
		"negative":       func(r *uploadv1.AppendSessionRequest) { r.Contents[1].Manifest.Size = -unit },
		"over a unit":    func(r *uploadv1.AppendSessionRequest) { r.Contents[1].Manifest.Size = unit + 1 },
		"short before":   func(r *uploadv1.AppendSessionRequest) { r.Contents[0].Manifest.Size = unit - 1 },
		"large midstate": func(r *uploadv1.AppendSessionRequest) { r.Midstate = make([]byte, 1<<20/2) },
	} {
		r := uploadv1.AppendSessionRequest{Secret: a.secret, Fence: a.fence, Contents: contentsOf(unit, 5)}
		change(&r)
		_, err := w.Service.AppendSession(ctx, r)
		wantCode(t, what, err, fault.ErrInvalid)
	}
	_, err := w.Service.AcquireSession(ctx, uploadv1.AcquireSessionRequest{Secret: a.secret, Size: -2})
	wantCode(t, "size", err, fault.ErrInvalid)
	_, err = a.finish(t, -1)
	wantCode(t, "size", err, fault.ErrInvalid)
	for what, digests := range map[string]map[blob.Algorithm][]byte{"none": nil, "short": {blob.SHA256: {1}, blob.CRC64NVME: {1}}} {
		_, err = w.Service.FinishSession(ctx, uploadv1.FinishSessionRequest{Secret: a.secret, Fence: a.fence, Digests: digests})
		wantCode(t, what+" digests", err, fault.ErrInvalid)
	}
	for _, secret := range []string{
		"", "x", a.secret[:42], a.secret + "A", a.secret[:42] + "=", a.secret[:42] + "\x00", "../" + a.secret[3:], strings.Repeat("ä", 22)[:43], strings.Repeat("A", 43),
		strings.Repeat("A", 1<<16), a.secret[:42] + "\n", " " + a.secret[1:],
	} {
		b := a
		b.secret = secret
		b.isGone(t, "of a strange secret")
		wantCode(t, "cancelling a strange secret", b.cancel(t), uploadv1.ErrSessionGone)
	}
	if got := w.at(t, a.secret); got.Offset != 0 || len(w.Objects.Staged()) != 0 {
		t.Errorf("%+v, staged %v", got, w.Objects.Staged())
	}
}
