package endpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

func (w world) openSession(t testing.TB, size int64) uploadv1.CreatedSession {
	t.Helper()
	s, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: who, Bucket: "b", Key: "k", Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contentsOf(sizes ...int64) []uploadv1.SessionContent {
	out := make([]uploadv1.SessionContent, len(sizes))
	for n, size := range sizes {
		out[n] = uploadv1.SessionContent{ContentID: objectv1.NewContentID(), Manifest: blob.Manifest{Size: size, Domain: "acc"}}
	}
	return out
}

func sums() map[blob.Algorithm][]byte { return part(uploadv1.MultipartRequest{}, 1, "x").Digests }

// TestSession_NotRecordedIsGivenBack: nobody hears of a session that cannot be
// recorded, so its ticket goes.
func TestSession_NotRecordedIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pages.insert = errors.New("the disk is full")
	_, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: who, Bucket: "b", Key: "k", Size: 1})
	if !errors.Is(err, w.pages.insert) || w.Objects.Held() != 0 {
		t.Errorf("%v, %d tickets held", err, w.Objects.Held())
	}
}

// TestSession_SecretIsNotStored: what the store has does not give the secret away.
func TestSession_SecretIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openSession(t, 1)
	c, err := docstore.Open[map[string]any](t.Context(), w.db, docstore.Spec{Name: "sessions", Indexes: []docstore.Index{
		{Name: "due", Fields: []string{"due_at"}}, {Name: "open", Fields: []string{"open_in"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Scan(t.Context(), docstore.Query{})
	if err != nil || len(p.Docs) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	b, err := json.Marshal(p.Docs)
	if err != nil || !bytes.Contains(b, []byte(s.ID)) {
		t.Fatalf("%s, %v", b, err)
	}
	for n := range len(s.Secret) - 8 {
		if piece := s.Secret[n : n+8]; bytes.Contains(b, []byte(piece)) {
			t.Errorf("%q of the secret is in %s", piece, b)
		}
	}
}

// TestSession_StaleWriter stops a writer between each two steps of an append,
// while another one takes the session and goes on: what the first one does then
// harms nothing, and nothing of it stays.
func TestSession_StaleWriter(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"announced", "paged", "staged"} {
		for _, more := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("%s/%d", point, more), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.openSession(t, -1)
				acquire := func() int64 {
					l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: -1})
					if err != nil {
						t.Fatal(err)
					}
					return l.Fence
				}
				var kept []string
				at, fence := int64(0), acquire()
				send := func() {
					c := contentsOf(unit)
					if _, err := w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: fence, Offset: at, Contents: c}); err != nil {
						t.Fatal(err)
					}
					kept, at = append(kept, c[0].ContentID), at+unit
				}
				for range page + 1 { // so that the next one writes a page
					send()
				}
				stale := uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: fence, Offset: at, Contents: contentsOf(unit, 10)}
				w.pages.pause(point, func() {
					w.Clock.Advance(uploadv1.SessionLeaseTime)
					fence = acquire()
					for range more {
						send()
					}
				})
				_, err := w.Service.AppendSession(t.Context(), stale)
				if !errors.Is(err, uploadv1.ErrSessionBusy) {
					t.Errorf("the stale writer: %v", err)
				}
				if got := w.Objects.Staged(); !slices.Equal(got, kept) {
					t.Errorf("staged %v, want %v", got, kept)
				}
				send()
				obj, err := w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.Secret, Fence: fence, Size: at, Digests: sums()})
				if err != nil || !slices.Equal(w.Objects.Took(obj.VersionID), kept) {
					t.Errorf("%v; took %v, want %v", err, w.Objects.Took(obj.VersionID), kept)
				}
			})
		}
	}
}

// TestSession_LateRepeat: a repeat of an append, held up until the session is
// pages further on, takes nothing away.
func TestSession_LateRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.openSession(t, -1)
	l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	send := func(r uploadv1.AppendSessionRequest) int64 {
		l, err := w.Service.AppendSession(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return l.Offset
	}
	first := uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: l.Fence, Contents: contentsOf(unit, 7)}
	w.pages.pause("staged", func() {
		at := send(first) - 7 // the tail goes with the next one
		for range 3 * page {
			at = send(uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: l.Fence, Offset: at, Contents: contentsOf(unit)})
		}
	})
	if _, err := w.Service.AppendSession(t.Context(), first); err == nil {
		t.Error("the late one was taken")
	}
	obj, err := w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.Secret, Fence: l.Fence, Size: (3*page + 1) * unit, Digests: sums()})
	if took := w.Objects.Took(obj.VersionID); err != nil || len(took) != 3*page+1 || took[0] != first.Contents[0].ContentID {
		t.Errorf("%v; took %v", err, took)
	}
}

// TestSession_Races lets writers, ends and cancellations of one session run over
// each other: what is committed is the bytes in order, and nothing stays staged.
func TestSession_Races(t *testing.T) {
	t.Parallel()
	rounds := 20
	if os.Getenv("SLUICE_SOAK") != "" {
		rounds = 2000
	}
	w := newWorld(t)
	for round := range rounds {
		raceSession(t, w, round%2 == 0)
	}
	w.settleSessions(t)
	if n := w.sessionDocuments(t); n != 0 || len(w.Objects.Staged()) != 0 || w.Objects.Held() != 0 {
		t.Errorf("%d documents, %v staged, %d held", n, w.Objects.Staged(), w.Objects.Held())
	}
}

func raceSession(t *testing.T, w world, cancels bool) {
	t.Helper()
	const total = 6*unit + 5
	s := w.openSession(t, total)
	var mu sync.Mutex
	sent := map[string][2]int64{}
	won := map[string]bool{}
	allowed := func(what string, err error) {
		t.Helper()
		codes := []string{"", "upload.session_gone", "upload.session_busy", "upload.session_done", "upload.wrong_offset", "unavailable"}
		if err != nil && !slices.Contains(codes, fault.CodeOf(err)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	write := func() (done bool) {
		w.Clock.Advance(uploadv1.SessionLeaseTime)
		l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: total})
		allowed("acquiring", err)
		if err != nil || l.Result != nil {
			return errors.Is(err, uploadv1.ErrSessionGone) || err == nil
		}
		if l.Offset == total {
			obj, err := w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.Secret, Fence: l.Fence, Size: total, Digests: sums()})
			allowed("finishing", err)
			if err == nil {
				mu.Lock()
				won[obj.VersionID] = true
				mu.Unlock()
			}
			return err == nil
		}
		at := l.Offset
		if l.Tail != nil {
			at -= l.Tail.Manifest.Size
		}
		size := min(unit, total-at)
		if l.Offset == 2*unit { // a tail for the next one
			size = 9
		}
		c := contentsOf(size)
		mu.Lock()
		sent[c[0].ContentID] = [2]int64{at, at + size}
		mu.Unlock()
		_, err = w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: l.Fence, Offset: at, Contents: c})
		allowed("appending", err)
		return false
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; n < 100 && !write(); n++ {
			}
		})
	}
	cancelled := false
	if cancels {
		wg.Go(func() {
			for n := 0; n < 3; n++ {
				write()
			}
			_, err := w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: s.Secret})
			allowed("cancelling", err)
			cancelled = err == nil
		})
	}
	wg.Wait()
	for n := 0; n < 20 && !write(); n++ {
	}
	if cancelled && len(won) > 0 || !cancelled && len(won) != 1 {
		t.Errorf("cancelled %v, and finished as %v", cancelled, won)
	}
	for id := range won {
		at := int64(0)
		for _, c := range w.Objects.Took(id) {
			if sent[c][0] != at {
				t.Errorf("%v is behind %d", sent[c], at)
			}
			at = sent[c][1]
		}
		if at != total {
			t.Errorf("%d bytes", at)
		}
	}
}

// TestSession_ManyContents: a session's document does not grow with the object.
func TestSession_ManyContents(t *testing.T) {
	t.Parallel()
	n := 1200
	if os.Getenv("SLUICE_SOAK") != "" {
		n = uploadv1.MaxSessionContents
	}
	w := newWorldOf(t, domain.PageContents)
	w.Objects.SetQuota(1 << 60)
	s := w.openSession(t, -1)
	l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	began, at := time.Now(), int64(0)
	send := func(sizes ...int64) error {
		c := contentsOf(sizes...)
		l, err := w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: l.Fence, Offset: at, Contents: c, Midstate: make([]byte, 200)})
		if err == nil {
			at = l.Offset
			for _, c := range c {
				want = append(want, c.ContentID)
			}
		}
		return err
	}
	for len(want) < n {
		if err := send(slices.Repeat([]int64{unit}, min(uploadv1.MaxAppend, n-len(want)))...); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("appended %d contents in %s", n, time.Since(began))
	size, err := w.documentSize(t, s)
	if err != nil || size > 16<<10 {
		t.Errorf("the document has %d bytes, %v", size, err)
	}
	t.Logf("the document has %d bytes", size)
	if n == uploadv1.MaxSessionContents {
		if err := send(1); !errors.Is(err, objectv1.ErrTooLarge) {
			t.Errorf("one more: %v", err)
		}
	}
	began = time.Now()
	obj, err := w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.Secret, Fence: l.Fence, Size: at, Digests: sums()})
	if err != nil || !slices.Equal(w.Objects.Took(obj.VersionID), want) {
		t.Fatalf("%d contents, %v", len(w.Objects.Took(obj.VersionID)), err)
	}
	t.Logf("finished in %s", time.Since(began))
	w.settleSessions(t)
	if n := w.sessionDocuments(t); n != 0 {
		t.Errorf("%d documents stayed", n)
	}
}

// documentSize is that of the session's own document, as JSON.
func (w world) documentSize(t *testing.T, s uploadv1.CreatedSession) (int, error) {
	t.Helper()
	due, err := w.pages.DueSessions(t.Context(), w.Clock.Now().Add(100*24*time.Hour), 100)
	if err != nil || len(due) != 1 || due[0].ID != s.ID {
		t.Fatalf("%d documents, %v", len(due), err)
	}
	b, err := json.Marshal(due[0])
	return len(b), err
}

func TestSession_Counted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, end := range []string{"finish", "cancel", "nothing"} {
		s := newSender(w, "goes away", end)
		if end == "nothing" {
			s.create(t)
			continue
		}
		if !s.turn(t) {
			t.Fatal(end)
		}
	}
	if n, err := w.pages.CountOpenSessions(t.Context()); n != 1 || err != nil {
		t.Errorf("%d are open, %v", n, err)
	}
	w.Clock.Advance(uploadv1test.Expiry)
	w.settleSessions(t)
	e := w.meter.sessionEnded
	if w.meter.sessionBegan != 3 || e[domain.Committed] != 1 || e[domain.Aborted] != 1 || e[domain.Abandoned] != 1 {
		t.Errorf("%d begun, ended %v", w.meter.sessionBegan, e)
	}
}
