package uploadv1test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

const unit = uploadv1.SessionUnit

func (w World) session(t testing.TB, size int64) uploadv1.CreatedSession {
	t.Helper()
	s, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: owner(), Bucket: "photos", Key: "k", Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w World) acquire(t testing.TB, secret string, size int64) uploadv1.SessionLease {
	t.Helper()
	l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: secret, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// contentsOf are fresh contents of these sizes.
func contentsOf(sizes ...int64) []uploadv1.SessionContent {
	out := make([]uploadv1.SessionContent, len(sizes))
	for n, size := range sizes {
		out[n] = uploadv1.SessionContent{ContentID: objectv1.NewContentID(), Manifest: blob.Manifest{
			Size: size, Region: "local", Domain: "acc", Segments: []blob.SegmentRef{{ID: blob.SegmentID(fmt.Sprint("segment ", n)), Len: size, Domain: "acc"}},
		}}
	}
	return out
}

func idsOf(contents ...uploadv1.SessionContent) []string {
	out := make([]string, len(contents))
	for n, c := range contents {
		out[n] = c.ContentID
	}
	slices.Sort(out)
	return out
}

// writer is a client with its turn.
type writer struct {
	World
	secret string
	fence  int64
}

func (w writer) try(t testing.TB, offset int64, contents ...uploadv1.SessionContent) (uploadv1.SessionLease, error) {
	t.Helper()
	return w.Service.AppendSession(t.Context(), uploadv1.AppendSessionRequest{
		Secret: w.secret, Fence: w.fence, Offset: offset, Contents: contents, Midstate: fmt.Appendf(nil, "after %d and %d", offset, len(contents)),
	})
}

func (w writer) append(t testing.TB, offset int64, contents ...uploadv1.SessionContent) uploadv1.SessionLease {
	t.Helper()
	l, err := w.try(t, offset, contents...)
	if err != nil {
		t.Fatalf("appending at %d: %v", offset, err)
	}
	return l
}

func (w writer) release(t testing.TB) {
	t.Helper()
	if _, err := w.Service.ReleaseSession(t.Context(), uploadv1.ReleaseSessionRequest{Secret: w.secret, Fence: w.fence}); err != nil {
		t.Fatal(err)
	}
}

func wholeDigests() map[blob.Algorithm][]byte {
	sum := sha256.Sum256([]byte("whole"))
	return map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: nvmeSum([]byte("whole"))}
}

func (w writer) finish(t testing.TB, size int64) (objectv1.Object, error) {
	t.Helper()
	return w.Service.FinishSession(t.Context(), uploadv1.FinishSessionRequest{Secret: w.secret, Fence: w.fence, Size: size, Digests: wholeDigests()})
}

// writer opens a session and acquires it.
func (w World) writer(t testing.TB, size int64) writer {
	t.Helper()
	s := w.session(t, size)
	return writer{w, s.Secret, w.acquire(t, s.Secret, -1).Fence}
}

func (w World) at(t testing.TB, secret string) uploadv1.Session {
	t.Helper()
	s, err := w.Service.GetSession(t.Context(), uploadv1.SessionRequest{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sessionCreate(t *testing.T, w World) {
	until := w.Clock.Now().Add(30 * 24 * time.Hour)
	r := uploadv1.CreateSessionRequest{
		Principal: owner(), Bucket: objectv1.DriveBucket, Key: "a/ä.txt", Size: 100, Region: "eu-west1", Metadata: objectv1.Metadata{ContentType: "text/plain"},
		File:  &objectv1.FileOptions{Conflict: objectv1.ConflictRename, KeyHash: []byte("hash"), ExpiresAt: &until},
		Extra: map[string]string{"tus.$metadata": "filename d29ybGQ="}, Origin: objectv1.Origin{RequestID: "r1"},
	}
	s, err := w.Service.CreateSession(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now()
	want := uploadv1.Session{
		ID: s.ID, AccountID: "acc", NodeID: "node000001", Bucket: objectv1.DriveBucket, Key: "a/ä.txt", Region: "eu-west1", KeyDomain: "acc", Type: "text/plain",
		Size: 100, MaxSize: int64(uploadv1.MaxSessionContents) * unit, CreatedAt: now, ExpiresAt: now.Add(Expiry), KeyHash: []byte("hash"), FileExpiry: until, Extra: r.Extra,
	}
	if !reflect.DeepEqual(s.Session, want) || len(s.Secret) != 43 || s.ID == "" || strings.Contains(s.Secret, s.ID) {
		t.Errorf("created %+v with %q, want %+v", s.Session, s.Secret, want)
	}
	if got := w.at(t, s.Secret); !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	if other := w.session(t, -1); other.Secret == s.Secret || other.ID == s.ID {
		t.Error("two sessions are one")
	}
	if w.Objects.Held() != 2 || len(w.Objects.Staged()) != 0 {
		t.Errorf("%d tickets, %v", w.Objects.Held(), w.Objects.Staged())
	}
	small, full := r, r
	small.Principal.Limits.ObjectBytes = 99
	full.Principal.Limits.StorageBytes = 99
	huge, missing, reader := r, r, r
	huge.Size = int64(uploadv1.MaxSessionContents)*unit + 1
	missing.Bucket = "missing"
	reader.Principal = authv1.Principal{AccountID: "acc", KeyID: "k", Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}}
	for _, c := range []struct {
		what string
		r    uploadv1.CreateSessionRequest
		want *fault.Error
	}{
		{"too large for the plan", small, objectv1.ErrTooLarge}, {"too large for a session", huge, objectv1.ErrTooLarge}, {"no room", full, objectv1.ErrQuotaExceeded},
		{"no bucket", missing, objectv1.ErrBucketNotFound}, {"a key that may only read", reader, objectv1.ErrAccessDenied},
	} {
		_, err := w.Service.CreateSession(t.Context(), c.r)
		wantCode(t, c.what, err, c.want)
	}
	if w.Objects.Held() != 2 {
		t.Errorf("%d tickets are held in the end", w.Objects.Held())
	}
}

// sessionWrites is a whole upload: units, tails that are replaced, the end.
func sessionWrites(t *testing.T, w World) {
	s, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{
		Principal: owner(), Bucket: objectv1.DriveBucket, Key: "dir/k", Size: 3*unit + 7, Metadata: objectv1.Metadata{ContentType: "video/mp4", User: map[string]string{"a": "b"}},
		File: &objectv1.FileOptions{KeyHash: []byte("h")},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := w.acquire(t, s.Secret, 3*unit+7)
	if l.Fence < 1 || !l.LeaseTill.Equal(w.Clock.Now().Add(uploadv1.SessionLeaseTime)) || l.Tail != nil || l.Offset != 0 {
		t.Errorf("%+v", l)
	}
	a := writer{w, s.Secret, l.Fence}
	first := contentsOf(unit, 1000)
	w.Clock.Advance(7 * time.Second)
	l = a.append(t, 0, first...)
	if l.Offset != unit+1000 || l.Tail == nil || l.Tail.ContentID != first[1].ContentID || !reflect.DeepEqual(l.Tail.Manifest, first[1].Manifest) ||
		string(l.Midstate) != "after 0 and 2" || l.Fence != a.fence || !l.LeaseTill.Equal(w.Clock.Now().Add(uploadv1.SessionLeaseTime)) {
		t.Errorf("%+v", l)
	}
	// The tail again inside a longer one, and then inside a whole unit and more.
	second := contentsOf(2000)
	if l = a.append(t, unit, second...); l.Offset != unit+2000 || l.Tail.ContentID != second[0].ContentID {
		t.Errorf("%+v", l)
	}
	third := contentsOf(unit, unit)
	third[0].Compressed = true
	if l = a.append(t, unit, third...); l.Offset != 3*unit || l.Tail != nil {
		t.Errorf("%+v", l)
	}
	if got := w.Objects.Staged(); !slices.Equal(got, idsOf(first[0], third[0], third[1])) {
		t.Errorf("staged %v", got)
	}
	a.release(t)
	b := writer{w, s.Secret, w.acquire(t, s.Secret, -1).Fence}
	fourth := contentsOf(7)
	b.append(t, 3*unit, fourth...)
	if got := w.at(t, s.Secret); got.Offset != 3*unit+7 || got.Result != nil || string(got.Midstate) != fmt.Sprintf("after %d and 1", 3*unit) {
		t.Errorf("%+v", got)
	}
	obj, err := b.finish(t, 3*unit+7)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{first[0].ContentID, third[0].ContentID, third[1].ContentID, fourth[0].ContentID}
	if got := w.Objects.Took(obj.VersionID); !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	if obj.Size != 3*unit+7 || obj.Key != "dir/k" || !maps.EqualFunc(obj.Digests, wholeDigests(), bytes.Equal) || !obj.Compressed || obj.Metadata.User["a"] != "b" ||
		obj.File == nil || obj.File.NodeID != s.NodeID || string(obj.File.KeyHash) != "h" || obj.Manifest.Segments != nil {
		t.Errorf("%+v", obj)
	}
	again, err := b.finish(t, 3*unit+7)
	if err != nil || !reflect.DeepEqual(again, obj) {
		t.Errorf("once more: %+v, %v", again, err)
	}
	if got := w.at(t, s.Secret); got.Result == nil || !reflect.DeepEqual(*got.Result, obj) {
		t.Errorf("the result: %+v", got.Result)
	}
	if l := w.acquire(t, s.Secret, -1); l.Fence != 0 || l.Result == nil || !l.LeaseTill.IsZero() {
		t.Errorf("acquired when it is finished: %+v", l)
	}
	w.swept(t, "the rest", func() bool { return len(w.Objects.Staged()) == 0 && w.Objects.Held() == 0 })
	_, err = w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: 5})
	wantCode(t, "another size when it is finished", err, uploadv1.ErrSizeMismatch)
	_, err = b.try(t, 3*unit+7, contentsOf(1)...)
	wantCode(t, "more when it is finished", err, uploadv1.ErrSessionDone)
}

func sessionOneWriter(t *testing.T, w World) {
	a := w.writer(t, -1)
	busy := func(when string) {
		t.Helper()
		_, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: a.secret, Size: -1})
		wantCode(t, when, err, uploadv1.ErrSessionBusy)
		if after := fault.From(err).RetryAfter; after <= 0 || after > uploadv1.SessionLeaseTime {
			t.Errorf("%s: retry after %s", when, after)
		}
	}
	busy("at once")
	w.Clock.Advance(9 * time.Second)
	kept := contentsOf(unit)
	a.append(t, 0, kept...)
	w.Clock.Advance(9 * time.Second)
	busy("after an append")
	w.Clock.Advance(2 * time.Second)
	b := writer{w, a.secret, w.acquire(t, a.secret, -1).Fence}
	if b.fence <= a.fence {
		t.Errorf("fence %d after %d", b.fence, a.fence)
	}
	_, err := a.try(t, unit, contentsOf(unit)...)
	wantCode(t, "the old writer", err, uploadv1.ErrSessionBusy)
	_, err = a.finish(t, unit)
	wantCode(t, "the old writer's end", err, uploadv1.ErrSessionBusy)
	_, err = writer{w, a.secret, b.fence + 1}.try(t, unit, contentsOf(unit)...)
	wantCode(t, "a writer of the future", err, uploadv1.ErrSessionBusy)
	_, err = writer{w, a.secret, 0}.try(t, unit, contentsOf(unit)...)
	wantCode(t, "no writer", err, uploadv1.ErrSessionBusy)
	a.release(t) // does nothing
	busy("after the release of another")
	b.release(t)
	b.release(t)
	c := writer{w, a.secret, w.acquire(t, a.secret, -1).Fence}
	_, err = b.try(t, unit, contentsOf(unit)...)
	wantCode(t, "after its release", err, uploadv1.ErrSessionBusy)
	// A lease that is over does no harm while nobody else comes.
	w.Clock.Advance(time.Minute)
	c.append(t, unit, contentsOf(5)...)
	if got := w.Objects.Staged(); len(got) != 2 || !slices.Contains(got, kept[0].ContentID) {
		t.Errorf("staged %v", got)
	}
}

func sessionRepeats(t *testing.T, w World) {
	a := w.writer(t, -1)
	first := contentsOf(unit, 10)
	want := a.append(t, 0, first...)
	if got := a.append(t, 0, first...); !reflect.DeepEqual(got, want) {
		t.Errorf("a repeat: %+v, want %+v", got, want)
	}
	// The answer of object is lost, then the request comes again.
	second := contentsOf(20)
	w.Objects.Break("StageContent", true, fault.ErrTimeout)
	_, err := a.try(t, unit, second...)
	wantCode(t, "lost", err, fault.ErrTimeout)
	if got := w.at(t, a.secret); got.Offset != unit+10 {
		t.Errorf("%+v", got)
	}
	if l := a.append(t, unit, second...); l.Offset != unit+20 || l.Tail.ContentID != second[0].ContentID {
		t.Errorf("%+v", l)
	}
	_, err = a.try(t, 0, first...)
	wantCode(t, "a late repeat", err, uploadv1.ErrWrongOffset)
	// Lost again, but the writer goes on with something else: what was lost goes.
	w.Objects.Break("StageContent", true, fault.ErrTimeout)
	lost, third := contentsOf(30), contentsOf(40)
	_, _ = a.try(t, unit, lost...)
	a.append(t, unit, third...)
	if got := w.Objects.Staged(); !slices.Equal(got, idsOf(first[0], third[0])) {
		t.Errorf("staged %v", got)
	}
	_, err = a.try(t, unit, lost...)
	wantCode(t, "what was given up", err, uploadv1.ErrWrongOffset)
	// And when the writer vanishes, the next one finds it.
	w.Objects.Break("StageContent", true, fault.ErrTimeout)
	_, _ = a.try(t, unit, contentsOf(50)...)
	a.release(t)
	if got := w.Objects.Staged(); !slices.Equal(got, idsOf(first[0], third[0])) {
		t.Errorf("after the release %v are staged", got)
	}
}

func sessionOffsets(t *testing.T, w World) {
	a := w.writer(t, 2*unit)
	a.append(t, 0, contentsOf(unit)...)
	a.append(t, unit, contentsOf(100)...)
	for _, c := range []struct {
		what   string
		offset int64
		sizes  []int64
		want   *fault.Error
	}{
		{"a gap", unit + 101, []int64{1}, uploadv1.ErrWrongOffset},
		{"inside the tail", unit + 50, []int64{100}, uploadv1.ErrWrongOffset},
		{"a unit that is there", 0, []int64{unit}, uploadv1.ErrWrongOffset},
		{"the tail, no longer than before", unit, []int64{100}, uploadv1.ErrWrongOffset},
		{"the tail, shorter", unit, []int64{99}, uploadv1.ErrWrongOffset},
		{"more than all", unit + 100, []int64{unit}, objectv1.ErrTooLarge},
		{"more than all, with the tail", unit, []int64{unit, 1}, objectv1.ErrTooLarge},
	} {
		_, err := a.try(t, c.offset, contentsOf(c.sizes...)...)
		wantCode(t, c.what, err, c.want)
	}
	if got := w.at(t, a.secret); got.Offset != unit+100 || len(w.Objects.Staged()) != 2 {
		t.Errorf("%+v, staged %v", got, w.Objects.Staged())
	}
	// Behind a tail without it is allowed, too: then it stays.
	a.append(t, unit+100, contentsOf(200)...)
	l := a.append(t, unit+100, contentsOf(unit-100)...)
	if l.Offset != 2*unit || len(w.Objects.Staged()) != 3 {
		t.Errorf("%+v, staged %v", l, w.Objects.Staged())
	}
	_, err := a.finish(t, 2*unit+1)
	wantCode(t, "the end of another size", err, uploadv1.ErrSizeMismatch)
	obj, err := a.finish(t, 2*unit)
	if err != nil || obj.Size != 2*unit {
		t.Errorf("%+v, %v", obj, err)
	}
}

func sessionSizes(t *testing.T, w World) {
	s := w.session(t, -1)
	l := w.acquire(t, s.Secret, -1)
	a := writer{w, s.Secret, l.Fence}
	if l.Size != -1 {
		t.Errorf("%+v", l)
	}
	a.append(t, 0, contentsOf(unit, 10)...)
	_, err := a.finish(t, unit+11)
	wantCode(t, "not all is there", err, uploadv1.ErrWrongOffset)
	_, err = a.finish(t, unit+9)
	wantCode(t, "more is there", err, uploadv1.ErrSizeMismatch)
	a.release(t)
	try := func(size int64) error {
		l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: size})
		if err == nil {
			a.fence = l.Fence
			a.release(t)
		}
		return err
	}
	wantCode(t, "less than is there", try(unit), uploadv1.ErrSizeMismatch)
	wantCode(t, "too large", try(int64(uploadv1.MaxSessionContents)*unit+1), objectv1.ErrTooLarge)
	if got := w.at(t, s.Secret); got.Size != -1 {
		t.Errorf("the size is %d", got.Size)
	}
	for _, size := range []int64{2 * unit, 2 * unit, -1} {
		if err := try(size); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
	wantCode(t, "another one", try(2*unit+1), uploadv1.ErrSizeMismatch)
	if got := w.at(t, s.Secret); got.Size != 2*unit {
		t.Errorf("the size is %d", got.Size)
	}
	limited, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{
		Principal: authv1.Principal{AccountID: "acc", Limits: authv1.Limits{StorageBytes: 3 * unit, ObjectBytes: 2 * unit}}, Bucket: "photos", Key: "l", Size: -1,
	})
	if err != nil || limited.MaxSize != 2*unit {
		t.Fatalf("%+v, %v", limited, err)
	}
	_, err = w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: limited.Secret, Size: 2*unit + 1})
	wantCode(t, "too large for the plan", err, objectv1.ErrTooLarge)
	w.Objects.SetQuota(3 * unit)
	_, err = w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: limited.Secret, Size: 2 * unit})
	wantCode(t, "no room beside the other one", err, objectv1.ErrQuotaExceeded)
	if got := w.at(t, limited.Secret); got.Size != -1 || w.Objects.Ahead() != 0 {
		t.Errorf("a refusal left %+v, %d bytes reserved", got, w.Objects.Ahead())
	}
	b := writer{w, limited.Secret, w.acquire(t, limited.Secret, unit+unit/2).Fence}
	_, err = b.try(t, 0, contentsOf(unit, unit)...)
	wantCode(t, "more than was said", err, objectv1.ErrTooLarge)
}

// sessionAhead: while a session has a writer and a size, what is still to come is
// reserved; it shrinks as bytes come, and goes with the writer.
func sessionAhead(t *testing.T, w World) {
	open := func(key string, size int64) writer {
		s, err := w.Service.CreateSession(t.Context(), uploadv1.CreateSessionRequest{
			Principal: authv1.Principal{AccountID: "acc", Limits: authv1.Limits{StorageBytes: 5 * unit}}, Bucket: "photos", Key: key, Size: size,
		})
		if err != nil {
			t.Fatal(err)
		}
		return writer{World: w, secret: s.Secret}
	}
	w.Objects.SetQuota(5 * unit)
	a, b := open("one", 3*unit), open("two", 3*unit)
	want := func(when string, bytes int64) {
		t.Helper()
		if got := w.Objects.Ahead(); got != bytes {
			t.Errorf("%s: %d bytes are reserved ahead, want %d", when, got, bytes)
		}
	}
	a.fence = w.acquire(t, a.secret, -1).Fence
	want("with a writer", 3*unit)
	_, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: b.secret, Size: -1})
	wantCode(t, "no room for a second one", err, objectv1.ErrQuotaExceeded)
	a.append(t, 0, contentsOf(1000)...)
	want("behind a tail", 3*unit-1000)
	a.append(t, 0, contentsOf(unit, unit/2)...)
	want("behind a unit and a half", 3*unit/2)
	a.release(t)
	want("released", 0)
	a.release(t)
	w.Clock.Advance(uploadv1.SessionLeaseTime)
	w.acquire(t, b.secret, -1)
	want("of the second one", 3*unit)
	w.Clock.Advance(objectv1.AheadLease)
	want("the writer of the second one died", 0)
	a.fence = w.acquire(t, a.secret, -1).Fence
	want("of the first one again", 3*unit/2)
	writer{w, a.secret, a.fence - 1}.release(t)
	want("a writer of old releases", 3*unit/2)
	if _, err := w.Service.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: a.secret}); err != nil {
		t.Error(err)
	}
	want("cancelled", 0)
	b.fence = w.acquire(t, b.secret, -1).Fence
	b.append(t, 0, contentsOf(unit, unit, unit)...)
	want("all is there", 0)
	if _, err := b.finish(t, 3*unit); err != nil {
		t.Error(err)
	}
}

// sessionQuota: a session that the quota stops keeps what it has, and goes on
// when there is room.
func sessionQuota(t *testing.T, w World) {
	a := w.writer(t, -1)
	w.Objects.SetQuota(2*unit + 100)
	kept := contentsOf(unit)
	a.append(t, 0, kept...)
	_, err := a.try(t, unit, contentsOf(unit, unit)...)
	wantCode(t, "over the quota", err, objectv1.ErrQuotaExceeded)
	if got := w.Objects.Staged(); !slices.Equal(got, idsOf(kept...)) {
		t.Errorf("what was refused stays: %v", got)
	}
	if got := w.at(t, a.secret); got.Offset != unit {
		t.Errorf("%+v", got)
	}
	more := contentsOf(unit)
	a.append(t, unit, more...)
	_, err = a.try(t, 2*unit, contentsOf(200)...)
	wantCode(t, "over the quota again", err, objectv1.ErrQuotaExceeded)
	// What a tail takes is free for what takes its place.
	a.append(t, 2*unit, contentsOf(90)...)
	_, err = a.try(t, 2*unit, contentsOf(101)...)
	wantCode(t, "over the quota with the tail", err, objectv1.ErrQuotaExceeded)
	a.append(t, 2*unit, contentsOf(100)...)
	w.Objects.SetQuota(3*unit + 10)
	last := contentsOf(unit, 10)
	a.append(t, 2*unit, last...)
	obj, err := a.finish(t, 3*unit+10)
	if err != nil || len(w.Objects.Took(obj.VersionID)) != 4 {
		t.Errorf("%+v, %v", obj, err)
	}
}

// sessionPages has more contents than one page of them.
func sessionPages(t *testing.T, w World) {
	w.Objects.SetQuota(1 << 60)
	a := w.writer(t, -1)
	var want []string
	offset := int64(0)
	for n := 0; len(want) < 700; n++ {
		sizes := slices.Repeat([]int64{unit}, 1+n*7%uploadv1.MaxAppend)
		sizes = append(sizes[1:], 1+int64(n)) // a tail, which the next one replaces
		contents := contentsOf(sizes...)
		if n > 0 {
			offset -= int64(n)
			want = want[:len(want)-1]
		}
		l := a.append(t, offset, contents...)
		for _, c := range contents {
			want, offset = append(want, c.ContentID), offset+c.Manifest.Size
		}
		if l.Offset != offset || l.Tail == nil {
			t.Fatalf("%+v, want offset %d", l, offset)
		}
	}
	if got := len(w.Objects.Staged()); got != len(want) {
		t.Errorf("%d contents are staged, want %d", got, len(want))
	}
	obj, err := a.finish(t, offset)
	if err != nil || obj.Size != offset || !slices.Equal(w.Objects.Took(obj.VersionID), want) {
		t.Errorf("%v; %d contents, want %d", err, len(w.Objects.Took(obj.VersionID)), len(want))
	}
}

// sessionConcurrent lets clients run at one session, each as far as it gets: what
// is committed is the bytes in order, once.
func sessionConcurrent(t *testing.T, w World) {
	s := w.session(t, -1)
	const total = 30
	var wg sync.WaitGroup
	var finished atomic.Int64
	end := time.Now().Add(30 * time.Second) // how many tries it takes is the scheduler's
	for range 6 {
		wg.Go(func() {
			for time.Now().Before(end) {
				l, err := w.Service.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: s.Secret, Size: -1})
				switch {
				case fault.CodeOf(err) == uploadv1.ErrSessionBusy.Code:
					runtime.Gosched()
				case err != nil:
					t.Error(err)
					return
				case l.Result != nil:
					finished.Add(1)
					return
				default:
					writer{w, s.Secret, l.Fence}.turn(t, l, total)
				}
			}
		})
	}
	wg.Wait()
	got := w.at(t, s.Secret)
	if got.Result == nil || finished.Load() == 0 {
		t.Fatalf("not finished: %+v", got)
	}
	if took := w.Objects.Took(got.Result.VersionID); got.Result.Size != total*unit || len(took) != total {
		t.Errorf("%d contents, %d bytes", len(took), got.Result.Size)
	}
	w.swept(t, "what nobody took", func() bool { return len(w.Objects.Staged()) == 0 })
}

// turn writes the next of total units, or finishes. Every second unit's writer does
// not give the session back, and half of these write when their lease is over.
func (c writer) turn(t *testing.T, l uploadv1.SessionLease, total int64) {
	keeps := l.Offset%(2*unit) != 0
	if keeps && l.Fence%2 == 0 {
		c.Clock.Advance(uploadv1.SessionLeaseTime)
	}
	var err error
	if l.Offset >= total*unit {
		_, err = c.finish(t, total*unit)
	} else {
		_, err = c.try(t, l.Offset, contentsOf(unit)...)
	}
	// Who stood still while the others moved the clock finds the upload of its bytes gone.
	may := []string{uploadv1.ErrSessionBusy.Code, uploadv1.ErrSessionDone.Code, uploadv1.ErrSessionGone.Code}
	if err != nil && !slices.Contains(may, fault.CodeOf(err)) {
		t.Error(err)
	}
	if keeps {
		c.Clock.Advance(uploadv1.SessionLeaseTime)
		return
	}
	_, _ = c.Service.ReleaseSession(t.Context(), uploadv1.ReleaseSessionRequest{Secret: c.secret, Fence: l.Fence})
}
