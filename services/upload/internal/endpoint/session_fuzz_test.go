package endpoint_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// plain is a session as a plain reading of the contract has it.
type plain struct {
	offset, tail, size int64
	fence, next        int64
	busy               bool
	end                string // of the session: "", "done", "gone"
}

func (p *plain) acquire(size int64) string {
	switch {
	case p.end == "gone":
		return "upload.session_gone"
	case p.end == "done" && size >= 0 && size != p.size:
		return "upload.size_mismatch"
	case p.end == "done":
		return ""
	case p.busy:
		return "upload.session_busy"
	case size >= 0 && (p.size >= 0 && size != p.size || size < p.offset):
		return "upload.size_mismatch"
	}
	if size >= 0 {
		p.size = size
	}
	p.next++
	p.fence, p.busy = p.next, true
	return ""
}

func (p *plain) mayWrite(fence int64) string {
	switch {
	case p.end == "gone":
		return "upload.session_gone"
	case p.end == "done":
		return "upload.session_done"
	case fence != p.fence || fence == 0:
		return "upload.session_busy"
	}
	return ""
}

func (p *plain) append(fence, at int64, sizes ...int64) string {
	if code := p.mayWrite(fence); code != "" {
		return code
	}
	p.busy = true
	sum, last := int64(0), int64(0)
	for _, size := range sizes {
		sum, last = sum+size, size
	}
	switch {
	case at != p.offset && (p.tail == 0 || at != p.offset-p.tail):
		return "upload.wrong_offset"
	case p.size >= 0 && at+sum > p.size:
		return "object.too_large"
	case at+sum <= p.offset:
		return "upload.wrong_offset"
	}
	p.offset, p.tail = at+sum, 0
	if last < unit {
		p.tail = last
	}
	return ""
}

func (p *plain) finish(fence, size int64) string {
	if p.end == "done" {
		if size != p.size {
			return "upload.size_mismatch"
		}
		return ""
	}
	if code := p.mayWrite(fence); code != "" {
		return code
	}
	switch {
	case p.size >= 0 && size != p.size, size < p.offset:
		return "upload.size_mismatch"
	case size > p.offset:
		return "upload.wrong_offset"
	}
	p.size, p.end = size, "done"
	return ""
}

// FuzzSession runs calls of all kinds, in any order, at one session: each answers
// what a plain reading of the contract says.
func FuzzSession(f *testing.F) {
	for _, calls := range []string{
		"", "a\x00w\x00w\x01f\x00", "a\x00w\x02w\x02w\x03f\x00f\x00c\x00", "a\x00w\x01r\x00a\x00w\x05f\x00", "a\x00t\x00a\x00o\x00w\x00f\x00", "c\x00a\x00c\x00", "a\x07w\x00w\x00w\x00f\x01f\x02",
		"a\x00g\x03g\x01g\x02f\x00f\x01", "f\x00w\x00r\x00", "a\x00f\x00a\x00w\x00c\x00", "a\x01a\x02w\x06w\x06w\x06w\x06w\x06w\x06w\x06f\x00",
	} {
		f.Add(calls)
	}
	f.Fuzz(func(t *testing.T, calls string) { runCalls(t, newWorld(t), calls) })
}

// TestSession_AsThePlainModel is a short form of the fuzzing, for every run.
func TestSession_AsThePlainModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Objects.SetQuota(1 << 60)
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 4))
		calls := []byte("a\x00")
		for range 25 {
			calls = append(calls, "aaawwwwwwwwgortcf"[r.IntN(17-int(seed%3))], byte(r.IntN(8)))
		}
		runCalls(t, w, string(calls))
	}
}

func runCalls(t *testing.T, w world, calls string) {
	t.Helper()
	s, p := w.openSession(t, -1), plain{size: -1}
	fences := []int64{0} // as the service gave them, by the model's number
	sizes := [][]int64{{unit}, {5}, {unit, 7}, {unit - 1}, {unit, unit}, {unit, unit, unit, 1}}
	for ; len(calls) >= 2 && len(fences) < 40; calls = calls[2:] {
		n, before := int64(calls[1]), p
		pick, size := sizes[int(n)%len(sizes)], p.offset+n%3-1
		var want string
		var err error
		real := fences[p.fence]
		switch calls[0] {
		case 'a':
			if n%4 == 0 || size < 0 {
				size = -1
			}
			want = p.acquire(size)
			var l uploadv1.SessionLease
			l, err = w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: size})
			if p.next != before.next {
				fences = append(fences, l.Fence)
			}
		case 'w', 'g', 'o':
			at, fence := p.offset, p.fence
			switch {
			case calls[0] == 'g':
				at += n - 2 // a gap, or an overlap
			case calls[0] == 'o' && fence > 0:
				fence-- // an old writer
			case p.tail > 0 && n%2 == 0:
				at -= p.tail
			}
			if at < 0 {
				continue
			}
			want = p.append(fence, at, pick...)
			_, err = w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{Secret: s.Secret, Fence: fences[fence], Offset: at, Contents: contentsOf(pick...)})
			if want != "" {
				p.busy = before.busy
			}
		case 'r':
			_, err = w.Service.ReleaseSession(t.Context(), uploadv1.ReleaseSessionRequest{Secret: s.Secret, Fence: real})
			if p.end == "" && real != 0 {
				p.busy, p.fence = false, 0
			}
		case 'f':
			size = max(size+1, 0)
			want = p.finish(p.fence, size)
			_, err = w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: s.Secret, Fence: real, Size: size, Digests: sums()})
		case 'c':
			if want = map[string]string{"done": "upload.session_done"}[p.end]; p.end == "" {
				p.end = "gone"
			}
			_, err = w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: s.Secret})
		case 't':
			w.Clock.Advance(uploadv1.SessionLeaseTime + time.Second)
			p.busy = false
		}
		if got := codeOf(err); got != want {
			t.Fatalf("%q of %+v: %q, want %q", calls[:2], before, got, want)
		}
	}
	got, err := w.Service.GetSession(t.Context(), uploadv1.SessionRequest{Secret: s.Secret})
	if p.end == "gone" {
		if codeOf(err) != "upload.session_gone" {
			t.Fatal(err)
		}
		return
	}
	if err != nil || got.Offset != p.offset || got.Size != p.size || (got.Result != nil) != (p.end == "done") {
		t.Fatalf("%+v, %v, want %+v", got, err, p)
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.CodeOf(err)
}

// FuzzSecret: no secret but the session's own finds anything.
func FuzzSecret(f *testing.F) {
	for _, secret := range []string{"", strings.Repeat("A", 43), strings.Repeat("A", 44), strings.Repeat("_", 42) + "=", strings.Repeat("\x00", 43), "%2e%2e/", strings.Repeat("é", 43)} {
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		w := newWorld(t)
		w.openSession(t, 0)
		_, get := w.Service.GetSession(t.Context(), uploadv1.SessionRequest{Secret: secret})
		_, acquire := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: secret, Size: -1})
		_, append := w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{Secret: secret, Fence: 1, Contents: contentsOf(1)})
		_, finish := w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: secret, Fence: 1, Digests: sums()})
		_, cancel := w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: secret})
		for n, err := range []error{get, acquire, append, finish, cancel} {
			if codeOf(err) != "upload.session_gone" {
				t.Fatalf("%q, call %d: %v", secret, n, err)
			}
		}
		if _, err := w.Service.ReleaseSession(t.Context(), uploadv1.ReleaseSessionRequest{Secret: secret, Fence: 1}); err != nil {
			t.Fatal(fmt.Errorf("%q: %w", secret, err))
		}
	})
}
