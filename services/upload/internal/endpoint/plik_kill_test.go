package endpoint_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// plikClient is an edge with its client. After a kill it goes away, or repeats
// the call that was cut off.
type plikClient struct {
	w      plikWorld
	then   string // "goes away", "repeats"
	killed bool
	left   bool
}

var nobody = uploadv1.PlikCaller{Principal: authv1.Principal{AccountID: objectv1.GuestAccount}}

// call makes one call; false says that the client is gone. What a repeat may be
// told, because the call that was cut off had done it, is in fine.
func (c *plikClient) call(t *testing.T, what string, f func() error, fine ...error) bool {
	t.Helper()
	if c.left {
		return false
	}
	err := f()
	for _, ok := range fine {
		if c.killed && errors.Is(err, ok) {
			return true
		}
	}
	if err == nil {
		return true
	}
	if c.killed || !errors.Is(err, killtest.ErrKilled) {
		t.Errorf("%s: %v", what, err)
		c.left = true
		return false
	}
	c.killed = true
	c.w.killer.Mend()
	if c.then == "goes away" {
		c.left = true
		return false
	}
	return c.call(t, what, f, fine...)
}

func (c *plikClient) create(t *testing.T, r uploadv1.CreatePlikRequest) (made uploadv1.PlikWithFiles, ok bool) {
	t.Helper()
	r.Caller, r.TTL = nobody, 7200
	ok = c.call(t, "create", func() (err error) {
		made, err = c.w.Service.CreatePlik(t.Context(), r)
		return err
	})
	return made, ok
}

// put brings a file; of one whose beginning got no answer there is no lease, and
// so it is left.
func (c *plikClient) put(t *testing.T, u uploadv1.PlikUpload, f uploadv1.PlikFile, finish bool) bool {
	t.Helper()
	by := nobody
	by.UploadToken = u.Token
	var l uploadv1.PlikLeased
	ok := c.call(t, "begin", func() (err error) {
		l, err = c.w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: by, UploadID: u.ID, FileID: f.ID, Name: f.Name, MaxEntries: 9, Relay: "r"})
		return err
	}, uploadv1.ErrPlikStatus)
	if !ok || l.Fence == "" {
		return ok
	}
	ok = c.call(t, "keep", func() error {
		_, err := c.w.Service.KeepPlik(t.Context(), uploadv1.KeepPlikRequest{UploadID: u.ID, FileID: l.File.ID, Fence: l.Fence})
		return err
	})
	if !u.Stream {
		c.w.Objects.StorePlik(l.Object)
	}
	if !finish {
		return ok && c.call(t, "end", func() error {
			_, err := c.w.Service.EndPlik(t.Context(), uploadv1.EndPlikRequest{UploadID: u.ID, FileID: l.File.ID, Fence: l.Fence})
			return err
		})
	}
	return ok && c.call(t, "finish", func() error {
		done, err := c.w.Service.FinishPlik(t.Context(), uploadv1.FinishPlikRequest{UploadID: u.ID, FileID: l.File.ID, Fence: l.Fence, Size: 5, UserSize: 1000})
		if err == nil && done.Size != 5 {
			t.Errorf("finished %+v", done)
		}
		return err
	})
}

func (c *plikClient) removeFile(t *testing.T, u uploadv1.PlikUpload, f uploadv1.PlikFile) bool {
	t.Helper()
	return c.call(t, "remove a file", func() error {
		_, err := c.w.Service.RemovePlikFile(t.Context(), uploadv1.PlikFileRequest{Caller: nobody, UploadID: u.ID, FileID: f.ID})
		return err
	})
}

func (c *plikClient) takeOut(t *testing.T, u uploadv1.PlikUpload, f uploadv1.PlikFile) bool {
	t.Helper()
	var l uploadv1.PlikLeased
	ok := c.call(t, "claim", func() (err error) {
		l, err = c.w.Service.ClaimPlik(t.Context(), uploadv1.PlikFileRequest{Caller: nobody, UploadID: u.ID, FileID: f.ID})
		return err
	}, uploadv1.ErrPlikNotAvailable)
	if !ok || l.Fence == "" {
		return ok
	}
	return c.call(t, "end", func() error {
		_, err := c.w.Service.EndPlik(t.Context(), uploadv1.EndPlikRequest{UploadID: u.ID, FileID: f.ID, Fence: l.Fence})
		return err
	})
}

// plikStories are what clients do; each touches every write that its part of the
// service has.
func plikStories() map[string]func(t *testing.T, c *plikClient) {
	names := func(n ...string) (out []uploadv1.PlikAnnounced) {
		for _, name := range n {
			out = append(out, uploadv1.PlikAnnounced{Name: name})
		}
		return out
	}
	return map[string]func(t *testing.T, c *plikClient){
		"files": func(t *testing.T, c *plikClient) {
			made, ok := c.create(t, uploadv1.CreatePlikRequest{Removable: true, ExtendTTL: true, Files: names("a", "b", "c")})
			_ = ok && c.put(t, made.Upload, made.Files[0], true) && c.put(t, made.Upload, uploadv1.PlikFile{Name: "new"}, true) &&
				c.put(t, made.Upload, made.Files[1], false) && c.removeFile(t, made.Upload, made.Files[0]) && c.removeFile(t, made.Upload, made.Files[2])
		},
		"batches": func(t *testing.T, c *plikClient) {
			made, ok := c.create(t, uploadv1.CreatePlikRequest{Files: names("a"), More: true})
			by := nobody
			by.UploadToken = made.Upload.Token
			for n := 1; n < 4 && ok; n++ {
				ok = c.call(t, "announce", func() error {
					got, err := c.w.Service.AnnouncePlik(t.Context(), uploadv1.AnnouncePlikRequest{Caller: by, UploadID: made.Upload.ID, From: n, Files: names(fmt.Sprint(n)), More: n < 3})
					if err == nil && (len(got.Files) != 1 || got.Files[0].Index != n || got.Upload.Entries != n+1) {
						t.Errorf("batch %d: %+v", n, got)
					}
					return err
				})
			}
		},
		"once": func(t *testing.T, c *plikClient) {
			made, ok := c.create(t, uploadv1.CreatePlikRequest{OneShot: true, Files: names("a")})
			_ = ok && c.put(t, made.Upload, made.Files[0], true) && c.takeOut(t, made.Upload, made.Files[0])
		},
		"stream": func(t *testing.T, c *plikClient) {
			made, ok := c.create(t, uploadv1.CreatePlikRequest{Stream: true, Files: names("a", "b")})
			_ = ok && c.put(t, made.Upload, made.Files[0], true) && c.put(t, made.Upload, made.Files[1], false)
		},
		"removal": func(t *testing.T, c *plikClient) {
			made, ok := c.create(t, uploadv1.CreatePlikRequest{Removable: true, Files: names("a", "b", "c")})
			_ = ok && c.put(t, made.Upload, made.Files[0], true) && c.put(t, made.Upload, made.Files[1], false) &&
				c.call(t, "remove", func() error {
					_, err := c.w.Service.RemovePlik(t.Context(), uploadv1.PlikRequest{Caller: nobody, UploadID: made.Upload.ID})
					return err
				}, uploadv1.ErrPlikNotFound)
		},
	}
}

// sweepOn lets time pass and sweeps.
func (w plikWorld) sweepOn(t *testing.T, d time.Duration) {
	t.Helper()
	w.Clock.Advance(d)
	if _, err := w.domain.Sweep(t.Context()); err != nil && !errors.Is(err, killtest.ErrKilled) {
		t.Error(err)
	}
}

// wantConsistent wants that everything says the same: no entry is under way, the
// sizes are those of the files that are uploaded, and just their bytes are there.
func (w plikWorld) wantConsistent(t *testing.T) {
	t.Helper()
	page, _, err := w.store.ScanPliks(t.Context(), domain.PlikFilter{}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	bytes := map[string]bool{}
	for _, u := range page {
		files, err := w.store.PlikFiles(t.Context(), u.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[string]int64{}
		for _, f := range files {
			switch f.Status {
			case uploadv1.PlikUploaded:
				sizes[f.ID] = f.Size
				bytes[u.Account+":"+domain.PlikKey(u.ID, f.ID)] = true
			case uploadv1.PlikMissing, uploadv1.PlikDeleted:
			default:
				t.Errorf("file %s is still %s", f.Name, f.Status)
			}
		}
		if fmt.Sprint(sizes) != fmt.Sprint(u.Sizes) || len(files) > u.Entries {
			t.Errorf("%d entries, sizes %v; the files have %v", u.Entries, u.Sizes, sizes)
		}
	}
	for _, key := range w.Objects.Pliks() {
		if !bytes[key] {
			t.Errorf("the bytes of %s are still there", key)
		}
		delete(bytes, key)
	}
	if len(bytes) > 0 {
		t.Errorf("the bytes of %v are gone", bytes)
	}
}

// documents counts all that is left.
func (w plikWorld) documents(t *testing.T) int {
	t.Helper()
	var n int
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for _, id := range w.store.uploads {
		files, err := w.store.PlikFiles(t.Context(), id, 0, 1000)
		if n += len(files); err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.Plik(t.Context(), id); err == nil {
			n++
		} else if !errors.Is(err, domain.ErrNoRecord) {
			t.Fatal(err)
		}
	}
	return n
}

// TestPlik_KilledAnywhere breaks the service off before and after each write and
// each call of what clients do, and of the sweep that follows. A minute later
// nothing is under way any more and everything is consistent; what a client
// repeats is answered as it should be; and in the end nothing is left.
func TestPlik_KilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, story := range plikStories() {
		for _, then := range []string{"goes away", "repeats"} {
			t.Run(name+"/"+then, func(t *testing.T) {
				t.Parallel()
				w := newPlikWorld(t)
				for n := range plikKilledAt(t, w, story, then, 0, false) {
					for _, after := range []bool{false, true} {
						t.Run(fmt.Sprintf("%d/after=%v", n+1, after), func(t *testing.T) { plikKilledAt(t, w, story, then, n+1, after) })
					}
				}
			})
		}
	}
}

// plikKilledAt plays one story with a kill and returns how many steps it took.
func plikKilledAt(t *testing.T, w plikWorld, story func(*testing.T, *plikClient), then string, n int, after bool) int {
	t.Helper()
	w.killer.Arm(n, after)
	c := &plikClient{w: w, then: then}
	story(t, c)
	if !c.killed {
		w.sweepOn(t, 0) // a kill may as well come while it cleans up
	}
	taken := w.killer.Count()
	w.killer.Mend()
	w.sweepOn(t, 25*time.Second)
	if leases, err := w.store.CountLeases(t.Context()); err != nil || leases != 0 {
		t.Errorf("%d leases, %v", leases, err)
	}
	w.sweepOn(t, 30*time.Second)
	w.wantConsistent(t)
	w.sweepOn(t, 21*time.Minute)
	w.wantConsistent(t)
	for range 6 {
		w.sweepOn(t, time.Hour)
	}
	if left := w.documents(t); left != 0 || len(w.Objects.Pliks()) != 0 {
		t.Errorf("%d documents stayed, objects %v", left, w.Objects.Pliks())
	}
	return taken
}

// TestPlik_KilledWhileSweeping breaks the sweep off at its steps, with something
// of everything to do: what it left the next one does. Without SLUICE_TEST_FULL it
// takes one step of four.
func TestPlik_KilledWhileSweeping(t *testing.T) {
	t.Parallel()
	w, stride, sides := newPlikWorld(t), 4, []bool{false}
	if os.Getenv("SLUICE_TEST_FULL") != "" {
		stride, sides = 1, []bool{false, true}
	}
	for n := 1; ; n += stride {
		steps := 0
		for _, after := range sides {
			w.litter(t)
			w.killer.Arm(n, after)
			w.sweepOn(t, 3*time.Hour)
			steps = w.killer.Count()
			w.killer.Mend()
			for range 6 {
				w.sweepOn(t, time.Hour)
			}
			if left := w.documents(t); left != 0 || len(w.Objects.Pliks()) != 0 {
				t.Fatalf("killed at %d (after %v): %d documents stayed, objects %v", n, after, left, w.Objects.Pliks())
			}
		}
		if steps < n {
			break
		}
	}
}

// litter makes uploads in all states that a sweep meets.
func (w plikWorld) litter(t *testing.T) {
	t.Helper()
	c := &plikClient{w: w}
	two := []uploadv1.PlikAnnounced{{Name: "a"}, {Name: "b"}}
	c.create(t, uploadv1.CreatePlikRequest{Files: two, More: true})
	expires, _ := c.create(t, uploadv1.CreatePlikRequest{Files: two})
	c.put(t, expires.Upload, expires.Files[0], true)
	once, _ := c.create(t, uploadv1.CreatePlikRequest{OneShot: true, Files: two})
	c.put(t, once.Upload, once.Files[0], true)
	if _, err := w.Service.ClaimPlik(t.Context(), uploadv1.PlikFileRequest{Caller: nobody, UploadID: once.Upload.ID, FileID: once.Files[0].ID}); err != nil {
		t.Fatal(err)
	}
	removed, _ := c.create(t, uploadv1.CreatePlikRequest{Removable: true, Files: two})
	c.put(t, removed.Upload, removed.Files[0], true)
	by := nobody
	by.UploadToken = removed.Upload.Token
	l, err := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: by, UploadID: removed.Upload.ID, FileID: removed.Files[1].ID, Name: "b", MaxEntries: 9})
	if err != nil {
		t.Fatal(err)
	}
	w.Objects.StorePlik(l.Object)
	if _, err := w.Service.RemovePlik(t.Context(), uploadv1.PlikRequest{Caller: nobody, UploadID: removed.Upload.ID}); err != nil {
		t.Fatal(err)
	}
}

// TestPlik_BegunWhileItsUploadGoes: the upload is taken away, or that begins,
// between Begin's look at it and its write; and Begin is killed before it looks
// again.
func TestPlik_BegunWhileItsUploadGoes(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		killed, swept := n&1 == 1, n&2 == 2
		w := newPlikWorld(t)
		c := &plikClient{w: w}
		made, _ := c.create(t, uploadv1.CreatePlikRequest{Removable: true})
		by := nobody
		by.UploadToken = made.Upload.Token
		w.store.inserting = func() {
			if _, err := w.Service.RemovePlik(t.Context(), uploadv1.PlikRequest{Caller: nobody, UploadID: made.Upload.ID}); err != nil {
				t.Error(err)
			}
			if swept {
				w.sweepOn(t, 0)
			}
			if killed {
				w.killer.Arm(1, true)
			}
		}
		_, err := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: by, UploadID: made.Upload.ID, Name: "a", MaxEntries: 9})
		if !killed && fault.CodeOf(err) != uploadv1.ErrPlikNotFound.Code || killed && !errors.Is(err, killtest.ErrKilled) {
			t.Fatal(err)
		}
		w.killer.Mend()
		if killed {
			if n := w.documents(t); n == 0 {
				t.Fatal("nothing was written")
			}
			w.sweepOn(t, time.Minute)
			w.sweepOn(t, time.Hour)
		}
		w.sweepOn(t, 0)
		if n := w.documents(t); n != 0 {
			t.Errorf("%d documents stayed", n)
		}
	}
}
