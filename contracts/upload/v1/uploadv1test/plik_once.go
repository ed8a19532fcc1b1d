package uploadv1test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func notAvailable(f uploadv1.PlikFile, s uploadv1.PlikStatus) string {
	return fmt.Sprintf("file %s (%s) is not available : %s", f.Name, f.ID, s)
}

// plikOneShot: of 50 readers at once one wins.
func plikOneShot(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true}, "a", "b")
	f := w.put(t, made.Upload, made.Files[0], 5)
	w.put(t, made.Upload, made.Files[1], 7)
	var winner uploadv1.PlikLeased
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			l, err := w.claim(t, f)
			if err == nil {
				won.Add(1)
				winner = l
				return
			}
			wantText(t, "a loser", err, uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikRemoved))
		})
	}
	if wg.Wait(); won.Load() != 1 {
		t.Fatalf("%d won", won.Load())
	}
	if winner.Object.Key != f.UploadID+"/"+f.ID || !winner.Object.Owner.System || winner.Fence == "" || winner.File.Size != 5 {
		t.Errorf("the winner has %+v", winner)
	}
	if got, err := w.get(t, guest(), f.UploadID); err != nil || got.Size != 7 || len(w.Objects.Pliks()) != 2 {
		t.Errorf("%+v, %v, objects %v", got, err, w.Objects.Pliks())
	}
	for range 3 {
		w.Clock.Advance(10 * time.Second)
		if err := w.keep(t, winner); err != nil {
			t.Fatalf("while it sends: %v", err)
		}
		w.Sweep()
	}
	if w.status(t, f) != uploadv1.PlikRemoved {
		t.Error("it was deleted while it was sent")
	}
	for range 2 {
		w.end(t, winner)
		if w.status(t, f) != uploadv1.PlikDeleted || len(w.Objects.Pliks()) != 1 {
			t.Fatalf("%s, objects %v", w.status(t, f), w.Objects.Pliks())
		}
	}
	wantCode(t, "keeping", w.keep(t, winner), uploadv1.ErrPlikLost)
	_, err := w.claim(t, f)
	wantText(t, "afterwards", err, uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikDeleted))
	if l, err := w.claim(t, made.Files[1]); err != nil || l.File.Size != 7 {
		t.Errorf("the other file: %v", err)
	}
}

// plikOneShotLapses: the edge of the one reader is killed.
func plikOneShotLapses(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true}, "a")
	f := w.put(t, made.Upload, made.Files[0], 5)
	l, err := w.claim(t, f)
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(25 * time.Second)
	w.swept(t, "what was taken out is deleted", func() bool { return w.status(t, f) == uploadv1.PlikDeleted && len(w.Objects.Pliks()) == 0 })
	wantCode(t, "keeping", w.keep(t, l), uploadv1.ErrPlikLost)
}

func plikOneShotRefused(t *testing.T, w PlikWorld) {
	plain := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	f := w.put(t, plain.Upload, plain.Files[0], 5)
	_, err := w.claim(t, f)
	wantCode(t, "what all may read", err, fault.ErrInvalid)
	if w.status(t, f) != uploadv1.PlikUploaded {
		t.Error("it was taken out")
	}
	made := w.create(t, uploadv1.CreatePlikRequest{OneShot: true, Credential: "cDpw"}, "a")
	f = made.Files[0]
	c := guest()
	claim := func() error {
		_, err := w.Service.ClaimPlik(t.Context(), uploadv1.PlikFileRequest{Caller: c, UploadID: f.UploadID, FileID: f.ID})
		return err
	}
	wantCode(t, "no password", claim(), uploadv1.ErrPlikCredentials)
	c.Authorization = "Basic cDpw"
	wantText(t, "missing", claim(), uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikMissing))
	l := w.begin(t, made.Upload, f)
	wantText(t, "uploading", claim(), uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikUploading))
	if _, err := w.finish(t, l, 5); err != nil {
		t.Fatalf("a reader that came too early used it up: %v", err)
	}
	if err := claim(); err != nil {
		t.Error(err)
	}
}

func plikStream(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{Stream: true, OneShot: true, Files: []uploadv1.PlikAnnounced{{Name: "a", Size: 99, Type: "x/y"}}})
	f := made.Files[0]
	_, err := w.claim(t, f)
	wantText(t, "before it comes", err, uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikMissing))
	l := w.begin(t, made.Upload, f)
	_, err = w.try(t, made.Upload, f)
	wantText(t, "a second uploader", err, uploadv1.ErrPlikStatus, "invalid file status uploading, expected missing")
	for range 10 { // nobody comes for a long time
		w.Clock.Advance(10 * time.Second)
		if err := w.keep(t, l); err != nil {
			t.Fatal(err)
		}
		w.Sweep()
	}
	r, err := w.claim(t, f)
	if err != nil || r.Relay != "edge.v1.relay.x" || r.Fence == l.Fence || r.File.Size != 99 || r.File.Status != uploadv1.PlikUploading {
		t.Fatalf("the reader has %+v, %v", r, err)
	}
	_, err = w.claim(t, f)
	wantText(t, "a second reader", err, uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikUploading))
	for range 5 {
		w.Clock.Advance(10 * time.Second)
		if err := errors.Join(w.keep(t, l), w.keep(t, r)); err != nil {
			t.Fatal(err)
		}
		w.Sweep()
	}
	for range 2 {
		done, err := w.finish(t, l, 12)
		if err != nil || done.Status != uploadv1.PlikDeleted || done.Size != 12 || done.MD5 == "" || done.Type != "text/plain" {
			t.Fatalf("finished %+v, %v", done, err)
		}
		w.end(t, r)
	}
	_, err = w.claim(t, f)
	wantText(t, "afterwards", err, uploadv1.ErrPlikNotAvailable, notAvailable(f, uploadv1.PlikDeleted))
	if got, err := w.get(t, guest(), f.UploadID); err != nil || got.Size != 0 || len(w.Objects.Pliks()) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// An empty body is through without a reader.
	if done := w.put(t, made.Upload, uploadv1.PlikFile{Name: "empty"}, 0); done.Status != uploadv1.PlikDeleted {
		t.Errorf("an empty stream is %+v", done)
	}
	// The reader may say that it has everything before the uploader does.
	quick := w.begin(t, made.Upload, uploadv1.PlikFile{Name: "quick"})
	if r, err = w.claim(t, quick.File); err != nil {
		t.Fatal(err)
	}
	w.end(t, r)
	if done, err := w.finish(t, quick, 3); err != nil || done.Size != 3 || done.Status != uploadv1.PlikDeleted {
		t.Errorf("finished %+v, %v", done, err)
	}
}

func plikStreamBreaks(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{Stream: true, Removable: true}, "a", "b", "c")
	u := made.Upload
	// The uploader breaks off, before and while somebody reads.
	for _, f := range made.Files[:2] {
		l := w.begin(t, u, f)
		var reader uploadv1.PlikLeased
		if f == made.Files[1] {
			var err error
			if reader, err = w.claim(t, f); err != nil {
				t.Fatal(err)
			}
		}
		w.end(t, l)
		if got := w.status(t, f); got != uploadv1.PlikDeleted {
			t.Errorf("%s is %s", f.Name, got)
		}
		if reader.Fence != "" {
			wantCode(t, "the reader", w.keep(t, reader), uploadv1.ErrPlikLost)
		}
		_, err := w.finish(t, l, 1)
		wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
	}
	// It is removed while it waits, and while it runs.
	for _, run := range []bool{false, true} {
		l := w.begin(t, u, uploadv1.PlikFile{Name: "removed"})
		var reader uploadv1.PlikLeased
		var err error
		if run {
			if reader, err = w.claim(t, l.File); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.removeFile(t, guest(), l.File); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "the uploader", w.keep(t, l), uploadv1.ErrPlikLost)
		_, err = w.finish(t, l, 1)
		wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
		if run {
			wantCode(t, "the reader", w.keep(t, reader), uploadv1.ErrPlikLost)
		}
	}
}

// plikStreamLapses: the edge of either side is killed.
func plikStreamLapses(t *testing.T, w PlikWorld) {
	u := w.create(t, uploadv1.CreatePlikRequest{Stream: true}).Upload
	for _, dead := range []string{"uploader", "reader"} {
		l := w.begin(t, u, uploadv1.PlikFile{Name: dead})
		r, err := w.claim(t, l.File)
		if err != nil {
			t.Fatal(err)
		}
		alive, other := r, l
		if dead == "reader" {
			alive, other = l, r
		}
		for range 5 {
			w.Clock.Advance(5 * time.Second)
			_ = w.keep(t, alive) // from some time on it is lost
		}
		w.swept(t, "a stream without its "+dead, func() bool { return w.status(t, l.File) == uploadv1.PlikDeleted })
		wantCode(t, "the other side", w.keep(t, alive), uploadv1.ErrPlikLost)
		wantCode(t, "the dead one", w.keep(t, other), uploadv1.ErrPlikLost)
		_, err = w.finish(t, l, 1)
		wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
	}
}
