package endpoint_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
)

const unit = uploadv1.SessionUnit

// errDone says that the session is gone, as it should be.
var errDone = errors.New("done")

// sender is a client with its edge: it brings the bytes of an object up to each
// of the offsets in steps, and then the end. After a kill it goes away, repeats
// the call that was cut off, or begins again where the session is.
type sender struct {
	w      world
	then   string // "goes away", "repeats", "resumes"
	end    string // "finish", "cancel"
	killed bool
	left   bool // it went away

	secret string
	fence  int64
	asked  bool                // for the end
	sent   map[string][2]int64 // from and to, by content id
	obj    objectv1.Object
}

func newSender(w world, then, end string) *sender {
	return &sender{w: w, then: then, end: end, sent: map[string][2]int64{}}
}

// steps are offsets where the bytes stop for a while: with a tail, with a longer
// one in its place, after whole units, at the end.
func steps() []int64 { return []int64{unit + 1000, unit + 2000, 3 * unit, 5*unit + 5} }

// call makes one call, again when it was cut off and the client is of that kind.
// False asks to resume.
func (s *sender) call(t *testing.T, what string, f func() error) bool {
	t.Helper()
	err := f()
	if err == nil {
		return true
	}
	if errors.Is(err, errDone) {
		return false
	}
	if s.killed || !errors.Is(err, killtest.ErrKilled) {
		t.Errorf("%s: %v", what, err)
		s.left = true
		return false
	}
	s.killed = true
	s.w.killer.Mend()
	switch s.then {
	case "goes away":
		s.left = true
		return false
	case "repeats":
		return s.call(t, what, f)
	}
	return false
}

func (s *sender) create(t *testing.T) bool {
	t.Helper()
	return s.call(t, "create", func() error {
		r := uploadv1.CreateSessionRequest{Principal: who, Bucket: "b", Key: "k", Size: -1}
		if s.end == "finish" { // then it reserves ahead, too
			r.Size, r.Principal.Limits.StorageBytes = steps()[len(steps())-1], 1<<30
		}
		c, err := s.w.Service.CreateSession(t.Context(), r)
		s.secret = c.Secret
		return err
	})
}

// acquire waits for the lease that a lost answer left behind.
func (s *sender) acquire(t *testing.T) (l uploadv1.SessionLease, ok bool) {
	t.Helper()
	ok = s.call(t, "acquire", func() (err error) {
		if s.killed {
			s.w.Clock.Advance(uploadv1.SessionLeaseTime)
		}
		l, err = s.w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.secret, Size: -1})
		if s.asked && s.end == "cancel" && errors.Is(err, uploadv1.ErrSessionGone) {
			return errDone
		}
		return err
	})
	s.fence = l.Fence
	return l, ok
}

func (s *sender) append(t *testing.T, l *uploadv1.SessionLease, to int64) bool {
	t.Helper()
	from := l.Offset
	if l.Tail != nil {
		from -= l.Tail.Manifest.Size
	}
	r := uploadv1.AppendSessionRequest{Secret: s.secret, Fence: s.fence, Offset: from, Midstate: fmt.Append(nil, to)}
	for at := from; at < to; at += unit {
		end := min(at+unit, to)
		c := uploadv1.SessionContent{ContentID: objectv1.NewContentID(), Manifest: blob.Manifest{Size: end - at, Domain: "acc"}}
		s.sent[c.ContentID] = [2]int64{at, end}
		r.Contents = append(r.Contents, c)
	}
	return s.call(t, fmt.Sprintf("append %d–%d", from, to), func() error {
		got, err := s.w.Service.AppendSession(t.Context(), r)
		if err == nil {
			*l = got
			if got.Offset != to || string(got.Midstate) != fmt.Sprint(to) {
				t.Errorf("after %d: %+v", to, got)
			}
		}
		return err
	})
}

func (s *sender) finish(t *testing.T) bool {
	t.Helper()
	last := steps()[len(steps())-1]
	return s.call(t, "finish", func() (err error) {
		s.obj, err = s.w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.secret, Fence: s.fence, Size: last, Digests: part(uploadv1.MultipartRequest{}, 1, "x").Digests})
		return err
	})
}

func (s *sender) cancel(t *testing.T) bool {
	t.Helper()
	return s.call(t, "cancel", func() error {
		_, err := s.w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: s.secret})
		if s.killed && errors.Is(err, uploadv1.ErrSessionGone) {
			return nil // the first one did it
		}
		return err
	})
}

// turn is one request's work; false asks for another one.
func (s *sender) turn(t *testing.T) bool {
	t.Helper()
	if s.secret == "" && !s.create(t) {
		return false
	}
	l, ok := s.acquire(t)
	if !ok {
		return s.asked && s.end == "cancel" && !s.left
	}
	if l.Result != nil {
		s.obj = *l.Result
		return true
	}
	for _, to := range steps() {
		if to <= l.Offset {
			continue
		}
		if !s.append(t, &l, to) {
			return false
		}
		if to == 3*unit {
			if !s.call(t, "release", func() error {
				_, err := s.w.Service.ReleaseSession(t.Context(), uploadv1.ReleaseSessionRequest{Secret: s.secret, Fence: s.fence})
				return err
			}) {
				return false
			}
			if l, ok = s.acquire(t); !ok {
				return false
			}
		}
	}
	if !s.asked {
		s.w.onlyItsOwn(t, s)
	}
	s.asked = true
	if s.end == "cancel" {
		return s.cancel(t)
	}
	return s.finish(t)
}

// onlyItsOwn wants that nothing is staged but what is the session's: whatever a
// kill left behind was given back by those who came later.
func (w world) onlyItsOwn(t *testing.T, s *sender) {
	t.Helper()
	if w.killer.Armed() {
		return // the kill is still to come
	}
	at := int64(0)
	staged := w.Objects.Staged()
	slices.SortFunc(staged, func(a, b string) int { return int(s.sent[a][0] - s.sent[b][0]) })
	for _, id := range staged {
		if s.sent[id][0] != at {
			t.Errorf("%v is staged behind %d", s.sent[id], at)
		}
		at = s.sent[id][1]
	}
	if ahead := w.Objects.Ahead(); at != steps()[len(steps())-1] || ahead != 0 {
		t.Errorf("%d bytes are staged, %d reserved ahead", at, ahead)
	}
}

// sessionDocuments counts what is left of sessions and pages.
func (w world) sessionDocuments(t *testing.T) int {
	t.Helper()
	due, err := w.pages.DueSessions(t.Context(), w.Clock.Now().Add(100*24*time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(due) + w.count(t, "session_pages")
}

// settleSessions lets time pass until everything must have come to an end.
func (w world) settleSessions(t *testing.T) {
	t.Helper()
	for _, d := range []time.Duration{0, 5 * time.Minute, uploadv1test.Expiry, time.Hour, time.Hour, 25 * time.Hour} {
		w.Clock.Advance(d)
		if _, err := w.sess.Sweep(t.Context()); err != nil && !errors.Is(err, killtest.ErrKilled) {
			t.Error(err)
		}
		w.killer.Mend()
		w.Objects.Expire()
	}
}

// TestSession_KilledAnywhere breaks the service off before and after each write
// and each call of a session that is finished, and of one that is cancelled. A
// client that repeats the call, or comes back and asks how far the session is,
// gets what it wanted, and until then the space of what was lost is free again;
// whether it does or not, nothing is left in the end but the object.
func TestSession_KilledAnywhere(t *testing.T) {
	t.Parallel()
	for end, clients := range map[string][]string{"finish": {"repeats", "resumes", "goes away"}, "cancel": {"repeats", "goes away"}} {
		for _, then := range clients {
			t.Run(end+"/"+then, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for n := range sessionKilledAt(t, w, then, end, 0, false) {
					for _, after := range []bool{false, true} {
						t.Run(fmt.Sprintf("%d/after=%v", n+1, after), func(t *testing.T) { sessionKilledAt(t, w, then, end, n+1, after) })
					}
				}
			})
		}
	}
}

// sessionKilledAt runs one session with a kill and returns how many steps it took.
func sessionKilledAt(t *testing.T, w world, then, end string, n int, after bool) int {
	t.Helper()
	s, before := newSender(w, then, end), w.Objects.Versions()
	w.killer.Arm(n, after)
	for done := false; !done && !s.left; {
		done = s.turn(t)
	}
	if !s.killed {
		_, _ = w.sess.Sweep(t.Context()) // a kill may as well come while it cleans up
	}
	taken := w.killer.Count()
	w.killer.Mend()
	if end == "finish" && !s.left {
		at := int64(0)
		for _, id := range w.Objects.Took(s.obj.VersionID) {
			if s.sent[id][0] != at {
				t.Errorf("%v is behind %d", s.sent[id], at)
			}
			at = s.sent[id][1]
		}
		if last := steps()[len(steps())-1]; s.obj.Size != last || at != last || w.Objects.Versions() != before+1 {
			t.Errorf("%d versions, %+v of contents up to %d", w.Objects.Versions()-before, s.obj, at)
		}
		got, err := w.Service.GetSession(t.Context(), uploadv1.SessionRequest{Secret: s.secret})
		if err != nil || got.Offset != got.Size {
			t.Errorf("%+v, %v", got, err)
		}
	}
	w.settleSessions(t)
	if got := w.Objects.Staged(); len(got) != 0 || w.Objects.Held() != 0 {
		t.Errorf("%v are staged, %d tickets held", got, w.Objects.Held())
	}
	if n := w.sessionDocuments(t); n != 0 {
		t.Errorf("%d documents stayed", n)
	}
	if w.Objects.Versions() > before+1 || end == "cancel" && w.Objects.Versions() != before {
		t.Errorf("%d objects", w.Objects.Versions()-before)
	}
	return taken
}

// TestCreate_BrokenOff breaks off between the ticket and the document, and between
// the document and the longer lease of the ticket: object ends the ticket after
// minutes, not after days, so that its bucket can be deleted.
func TestCreate_BrokenOff(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(w world) error{
		"session": func(w world) error {
			_, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: who, Bucket: "b", Key: "k", Size: -1})
			return err
		},
		"multipart": func(w world) error {
			_, err := w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: who, Bucket: "b", Key: "k"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, after := range map[int]bool{1: true, 2: true, 3: false} {
				w := newWorld(t)
				w.killer.Arm(n, after)
				if err := create(w); !errors.Is(err, killtest.ErrKilled) || w.Objects.Held() != 1 {
					t.Fatalf("step %d: %v, %d tickets", n, err, w.Objects.Held())
				}
				w.killer.Mend()
				w.Clock.Advance(uploadv1test.HoldLease + time.Second)
				if w.Objects.Expire(); w.Objects.Held() != 0 {
					t.Errorf("step %d: the ticket stays", n)
				}
			}
			w := newWorld(t)
			if err := create(w); err != nil {
				t.Fatal(err)
			}
			w.Clock.Advance(uploadv1test.Expiry)
			if w.Objects.Expire(); w.Objects.Held() != 1 {
				t.Error("a ticket ended before its upload")
			}
			w.Objects.Break("RenewPut", true, errors.New("no answer"))
			if err := create(w); err == nil || w.Objects.Held() != 1 {
				t.Errorf("%v, %d tickets", err, w.Objects.Held())
			}
		})
	}
}
