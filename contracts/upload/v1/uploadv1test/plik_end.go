package uploadv1test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// plikRemove is plik-wire.md 12.
func plikRemove(t *testing.T, w PlikWorld) {
	for _, removable := range []bool{false, true} {
		made := w.create(t, uploadv1.CreatePlikRequest{Removable: removable}, "a", "b", "c")
		u := made.Upload
		w.put(t, u, made.Files[0], 5)
		w.put(t, u, made.Files[1], 5)
		by := with(u)
		if err := w.remove(t, guest(), u.ID); removable && err != nil {
			t.Errorf("anybody: %v", err)
		} else if !removable {
			wantText(t, "a stranger", err, uploadv1.ErrPlikForbidden, "you are not allowed to remove this upload")
			if err := w.remove(t, by, u.ID); err != nil {
				t.Errorf("its admin: %v", err)
			}
		}
		text := "upload " + u.ID + " not found"
		wantText(t, "again", w.remove(t, by, u.ID), uploadv1.ErrPlikNotFound, text)
		_, err := w.get(t, by, u.ID)
		wantText(t, "get", err, uploadv1.ErrPlikNotFound, text)
		_, err = w.try(t, u, made.Files[2])
		wantText(t, "begin", err, uploadv1.ErrPlikNotFound, text)
		wantText(t, "remove a file", w.removeFile(t, by, made.Files[0]), uploadv1.ErrPlikNotFound, text)
		w.swept(t, "the data goes at once", func() bool { return len(w.Objects.Pliks()) == 0 })
	}
}

// plikRemoveUnderWay: whoever brings a file of an upload that is removed, or takes
// one out, is told, and what comes late goes too.
func plikRemoveUnderWay(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true}, "a", "b", "c", "d")
	u := made.Upload
	w.put(t, u, made.Files[1], 5)
	in, late, last := w.begin(t, u, made.Files[0]), w.begin(t, u, made.Files[2]), w.begin(t, u, made.Files[3])
	w.Objects.StorePlik(last.Object)
	out, err := w.claim(t, made.Files[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.remove(t, with(u), u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.finish(t, last, 5)
	wantCode(t, "finishing at once", err, uploadv1.ErrPlikLost)
	w.swept(t, "both hear of it", func() bool {
		return errors.Is(w.keep(t, in), uploadv1.ErrPlikLost) && errors.Is(w.keep(t, out), uploadv1.ErrPlikLost)
	})
	w.Objects.StorePlik(in.Object)
	_, err = w.finish(t, in, 5)
	wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
	w.swept(t, "what came late goes", func() bool { return len(w.Objects.Pliks()) == 0 })
	w.Objects.StorePlik(late.Object)
	w.Clock.Advance(21 * time.Minute)
	w.swept(t, "what was never finished goes", func() bool { return len(w.Objects.Pliks()) == 0 })
	w.Clock.Advance(time.Hour)
	w.Sweep()
	_, err = w.finish(t, late, 5)
	wantCode(t, "finishing what nobody knows", err, uploadv1.ErrPlikLost)
}

func plikRemoveFile(t *testing.T, w PlikWorld) {
	for _, removable := range []bool{false, true} {
		made := w.create(t, uploadv1.CreatePlikRequest{Removable: removable}, "a", "b", "c")
		u := made.Upload
		w.put(t, u, made.Files[0], 5)
		w.put(t, u, made.Files[1], 7)
		under := w.begin(t, u, made.Files[2])
		by := guest()
		if !removable {
			wantText(t, "a stranger", w.removeFile(t, by, made.Files[0]), uploadv1.ErrPlikForbidden, "you are not allowed to remove files from this upload")
			by = with(u)
		}
		before := len(w.Objects.Pliks())
		for range 2 { // again is fine
			if err := w.removeFile(t, by, made.Files[0]); err != nil {
				t.Fatal(err)
			}
			got, err := w.get(t, by, u.ID)
			if err != nil || got.Size != 7 || got.Entries != 3 || len(w.Objects.Pliks()) != before-1 || w.status(t, made.Files[0]) != uploadv1.PlikDeleted {
				t.Fatalf("%+v, %v, objects %v", got, err, w.Objects.Pliks())
			}
		}
		if err := w.removeFile(t, by, made.Files[2]); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "whoever brings it", w.keep(t, under), uploadv1.ErrPlikLost)
		w.Objects.StorePlik(under.Object)
		_, err := w.finish(t, under, 5)
		wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
		if len(w.Objects.Pliks()) != before-1 {
			t.Errorf("objects %v", w.Objects.Pliks())
		}
		wantCode(t, "another upload's file", w.removeFile(t, by, uploadv1.PlikFile{UploadID: u.ID, ID: "0123456789abcdef"}), uploadv1.ErrPlikFileNotFound)
	}
}

// plikRemoveAway: object is away for a while. What was promised holds all the same.
func plikRemoveAway(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true}, "a", "b", "c", "d")
	u := made.Upload
	for _, f := range made.Files[:3] {
		w.put(t, u, f, 5)
	}
	out, err := w.claim(t, made.Files[1])
	if err != nil {
		t.Fatal(err)
	}
	in := w.begin(t, u, made.Files[3])
	w.Objects.StorePlik(in.Object)
	gone := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	w.put(t, gone.Upload, gone.Files[0], 5)
	w.Objects.Down(fault.ErrUnavailable)
	if err := w.removeFile(t, with(u), made.Files[0]); err != nil {
		t.Fatal(err)
	}
	w.end(t, out)
	w.end(t, in)
	if err := w.remove(t, with(gone.Upload), gone.Upload.ID); err != nil {
		t.Fatal(err)
	}
	w.Sweep()
	for _, f := range []uploadv1.PlikFile{made.Files[0], made.Files[1], made.Files[3]} {
		if got := w.status(t, f); got != uploadv1.PlikRemoved {
			t.Errorf("%s is %s while its data is there", f.Name, got)
		}
	}
	_, err = w.claim(t, made.Files[0])
	wantText(t, "a removed one", err, uploadv1.ErrPlikNotAvailable, notAvailable(made.Files[0], uploadv1.PlikRemoved))
	w.Objects.Down(nil)
	w.Clock.Advance(time.Minute)
	w.swept(t, "all of it goes", func() bool { return len(w.Objects.Pliks()) == 1 })
	w.swept(t, "entries say so", func() bool { return w.status(t, made.Files[0]) == uploadv1.PlikDeleted })
	if w.status(t, made.Files[2]) != uploadv1.PlikUploaded {
		t.Error("another file went, too")
	}
}

// plikRemoveAgainstClaim races a reader against removals and the end: whoever is
// first, one has the file at most, and nothing is left.
func plikRemoveAgainstClaim(t *testing.T, w PlikWorld) {
	for round := range 10 {
		made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true, Removable: true, TTL: 60}, "a")
		f := w.put(t, made.Upload, made.Files[0], 5)
		var wg sync.WaitGroup
		claims := make([]uploadv1.PlikLeased, 4)
		for i := range claims {
			wg.Go(func() {
				var err error
				if claims[i], err = w.claim(t, f); err != nil && fault.KindOf(err) != fault.NotFound {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			var err error
			switch round % 3 {
			case 0:
				err = w.remove(t, guest(), f.UploadID)
			case 1:
				err = w.removeFile(t, guest(), f)
			default:
				w.Clock.Advance(61 * time.Second)
				w.Sweep()
			}
			if err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		won := 0
		for _, c := range claims {
			if c.Fence != "" {
				won++
				w.end(t, c)
			}
		}
		if won > 1 {
			t.Errorf("%d have it", won)
		}
		w.swept(t, "nothing is left", func() bool { return len(w.Objects.Pliks()) == 0 })
	}
}

// plikRemoveAgainstBegin races uploaders against the removal of their upload.
func plikRemoveAgainstBegin(t *testing.T, w PlikWorld) {
	for range 5 {
		made := w.create(t, uploadv1.CreatePlikRequest{}, "a", "b")
		u := made.Upload
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				f := uploadv1.PlikFile{Name: fmt.Sprint(i)}
				if i < 2 {
					f = made.Files[i]
				}
				l, err := w.try(t, u, f)
				if err != nil {
					if fault.KindOf(err) != fault.NotFound && !errors.Is(err, uploadv1.ErrPlikStatus) {
						t.Error(err)
					}
					return
				}
				w.Objects.StorePlik(l.Object)
				if _, err := w.finish(t, l, 5); err != nil && !errors.Is(err, uploadv1.ErrPlikLost) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if err := w.remove(t, with(u), u.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		w.swept(t, "nothing is left", func() bool { return len(w.Objects.Pliks()) == 0 })
	}
	w.Clock.Advance(time.Hour)
	w.Sweep()
}

func plikRemoveMany(t *testing.T, w PlikWorld) {
	for i := range 6 {
		c := token("alice", fmt.Sprint("tok_", i%2))
		made := w.create(t, uploadv1.CreatePlikRequest{Caller: c}, "a")
		w.put(t, made.Upload, made.Files[0], 5)
	}
	other := w.create(t, uploadv1.CreatePlikRequest{Caller: session("bob")}, "a")
	w.put(t, other.Upload, other.Files[0], 5)
	remove := func(account, token string, want int64) {
		t.Helper()
		var n int64
		for more := true; more; {
			r, err := w.Service.RemovePliks(t.Context(), uploadv1.RemovePliksRequest{AccountID: account, TokenID: token})
			if err != nil {
				t.Fatal(err)
			}
			n, more = n+r.Removed, r.More
		}
		if n != want {
			t.Errorf("removed %d of %s, want %d", n, account, want)
		}
	}
	remove("acc_alice", "tok_9", 0)
	remove("acc_alice", "tok_1", 3)
	w.swept(t, "a token's go", func() bool { return len(w.Objects.Pliks()) == 4 })
	remove("acc_alice", "", 3)
	remove("acc_alice", "", 0)
	w.swept(t, "all go", func() bool { return len(w.Objects.Pliks()) == 1 })
	for _, account := range []string{"", "guests"} {
		_, err := w.Service.RemovePliks(t.Context(), uploadv1.RemovePliksRequest{AccountID: account})
		wantCode(t, "nobody's", err, fault.ErrInvalid)
	}
}

// plikRemoveClosed: what an account had when it was closed is gone by itself.
func plikRemoveClosed(t *testing.T, w PlikWorld) {
	caller := uploadv1.PlikCaller{Principal: authv1.Principal{AccountID: "closed", Username: "closed"}}
	made := w.create(t, uploadv1.CreatePlikRequest{Caller: caller}, "a", "b")
	w.put(t, made.Upload, made.Files[0], 5)
	w.put(t, made.Upload, made.Files[1], 5)
	if err := w.removeFile(t, caller, made.Files[0]); err != nil || w.status(t, made.Files[0]) != uploadv1.PlikDeleted {
		t.Errorf("%v, %s", err, w.status(t, made.Files[0]))
	}
	if err := w.remove(t, caller, made.Upload.ID); err != nil {
		t.Error(err)
	}
	w.Sweep()
}
