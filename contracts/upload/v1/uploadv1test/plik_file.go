package uploadv1test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func plikFiles(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a.txt")
	u, f := made.Upload, made.Files[0]
	l := w.begin(t, u, f)
	if l.File.Status != uploadv1.PlikUploading || l.Fence == "" || l.Relay != "" || l.Object.Key != u.ID+"/"+f.ID || !l.Upload.Admin {
		t.Errorf("leased %+v", l)
	}
	if got := w.status(t, f); got != uploadv1.PlikUploading {
		t.Errorf("under way: %s", got)
	}
	w.Objects.StorePlik(l.Object)
	done, err := w.finish(t, l, 11)
	want := f
	want.Status, want.Size, want.MD5, want.Type = uploadv1.PlikUploaded, 11, "d41d8cd98f00b204e9800998ecf8427e", "text/plain"
	if err != nil || done != want {
		t.Fatalf("finished %+v, %v, want %+v", done, err, want)
	}
	r, err := w.Service.GetPlikFile(t.Context(), uploadv1.PlikFileRequest{Caller: guest(), UploadID: u.ID, FileID: f.ID})
	if err != nil || r.File != want || r.Upload.Size != 11 || r.Upload.Token != "" || r.Object.Key != l.Object.Key || r.Object.Owner.AccountID != objectv1.GuestAccount || !r.Object.Owner.System {
		t.Errorf("read %+v, %v", r, err)
	}
	// A file that was not announced.
	w.put(t, u, uploadv1.PlikFile{Name: "später"}, 0)
	got, err := w.get(t, guest(), u.ID)
	if err != nil || got.Entries != 2 || got.Size != 11 {
		t.Errorf("upload %+v, %v", got, err)
	}
	page, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: u.ID})
	if err != nil || len(page.Files) != 2 || page.Files[1].Name != "später" || page.Files[1].Index != 1 || page.Files[1].Size != 0 || page.Files[1].Status != uploadv1.PlikUploaded {
		t.Errorf("files %+v, %v", page, err)
	}
	if got := w.Objects.Pliks(); len(got) != 2 {
		t.Errorf("objects %v", got)
	}
}

// plikFilesRefused is plik-wire.md 7.1 and 7.2.
func plikFilesRefused(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a", "b")
	u, f := made.Upload, made.Files[0]
	_, err := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: guest(), UploadID: u.ID, FileID: f.ID, Name: "a", MaxEntries: 9})
	wantText(t, "a stranger", err, uploadv1.ErrPlikForbidden, "you are not allowed to add file to this upload")
	_, err = w.try(t, u, uploadv1.PlikFile{ID: f.ID, Name: "A"})
	wantText(t, "another name", err, uploadv1.ErrPlikName, "invalid file name")
	_, err = w.try(t, u, uploadv1.PlikFile{})
	wantText(t, "no name", err, uploadv1.ErrPlikName, "unable to create file : missing file name")
	_, err = w.try(t, u, uploadv1.PlikFile{Name: strings.Repeat("ab", 513)})
	wantText(t, "a long name", err, uploadv1.ErrPlikName, "unable to create file : file name abababababababababab... is too long, maximum length is 1024 characters")
	status := func(want uploadv1.PlikStatus) {
		t.Helper()
		_, err := w.try(t, u, f)
		wantText(t, string(want), err, uploadv1.ErrPlikStatus, fmt.Sprintf("invalid file status %s, expected missing", want))
	}
	l := w.begin(t, u, f)
	status(uploadv1.PlikUploading)
	if _, err := w.finish(t, l, 1); err != nil {
		t.Fatal(err)
	}
	status(uploadv1.PlikUploaded)
	if err := w.removeFile(t, with(u), f); err != nil {
		t.Fatal(err)
	}
	status(uploadv1.PlikDeleted)
	for name, r := range map[string]uploadv1.FinishPlikRequest{
		"no fence": {UploadID: u.ID, FileID: made.Files[1].ID}, "no ids": {Fence: l.Fence}, "another file": {UploadID: u.ID, FileID: made.Files[1].ID, Fence: l.Fence},
	} {
		_, err := w.Service.FinishPlik(t.Context(), r)
		wantCode(t, name, err, uploadv1.ErrPlikLost)
		_, err = w.Service.KeepPlik(t.Context(), uploadv1.KeepPlikRequest{UploadID: r.UploadID, FileID: r.FileID, Fence: r.Fence})
		wantCode(t, name, err, uploadv1.ErrPlikLost)
		if _, err := w.Service.EndPlik(t.Context(), uploadv1.EndPlikRequest{UploadID: r.UploadID, FileID: r.FileID, Fence: r.Fence}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = w.Service.FinishPlik(t.Context(), uploadv1.FinishPlikRequest{UploadID: u.ID, FileID: f.ID, Fence: l.Fence, Size: -1})
	wantCode(t, "a negative size", err, fault.ErrInvalid)
	if got := w.status(t, made.Files[1]); got != uploadv1.PlikMissing {
		t.Errorf("the other file is %s", got)
	}
}

// plikParallel is what the Go client does: 30 files at once.
func plikParallel(t *testing.T, w PlikWorld) {
	const n = 30
	u := w.create(t, uploadv1.CreatePlikRequest{}).Upload
	made := w.create(t, uploadv1.CreatePlikRequest{Files: announced(0, n)})
	for _, put := range []func(i int){
		func(i int) { w.put(t, made.Upload, made.Files[i], int64(i+1)) },
		func(i int) { w.put(t, u, uploadv1.PlikFile{Name: fmt.Sprint("new", i)}, 1) },
	} {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { put(i) })
		}
		wg.Wait()
	}
	for id, want := range map[string]int64{made.Upload.ID: n * (n + 1) / 2, u.ID: n} {
		got, err := w.get(t, guest(), id)
		if err != nil || got.Entries != n || got.Size != want {
			t.Errorf("upload %+v, %v, want %d bytes", got, err, want)
		}
		page, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: id})
		if err != nil || len(page.Files) != n {
			t.Fatalf("%d files, %v", len(page.Files), err)
		}
		for i, f := range page.Files {
			if f.Status != uploadv1.PlikUploaded || f.Index != i {
				t.Errorf("file %d: %+v", i, f)
			}
		}
	}
}

func plikBeginOnce(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			_, err := w.try(t, made.Upload, made.Files[0])
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, uploadv1.ErrPlikStatus) {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); won.Load() != 1 {
		t.Errorf("%d began one file", won.Load())
	}
}

// plikBounded: entries are never more than there may be, removed ones included.
func plikBounded(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a", "b")
	if err := w.removeFile(t, with(made.Upload), made.Files[0]); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: with(made.Upload), UploadID: made.Upload.ID, Name: fmt.Sprint(i), MaxEntries: 7})
			if err == nil {
				won.Add(1)
				return
			}
			wantText(t, "one too many", err, uploadv1.ErrPlikTooMany, "maximum number file per upload reached, limit is 7")
		})
	}
	wg.Wait()
	got, err := w.get(t, guest(), made.Upload.ID)
	if err != nil || won.Load() != 5 || got.Entries != 7 {
		t.Errorf("%d began, %+v, %v", won.Load(), got, err)
	}
	_, err = w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: with(made.Upload), UploadID: made.Upload.ID, Name: "x"})
	wantCode(t, "no bound", err, fault.ErrInvalid)
}

func plikFinishTwice(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a", "b")
	l := w.begin(t, made.Upload, made.Files[0])
	w.Objects.StorePlik(l.Object)
	var first uploadv1.PlikFile
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			f, err := w.finish(t, l, 5)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || first.ID != "" && f != first {
				t.Errorf("%+v, %v", f, err)
			}
			first = f
		})
	}
	wg.Wait()
	w.end(t, l) // it has ended
	got, err := w.get(t, guest(), made.Upload.ID)
	if err != nil || got.Size != 5 || w.status(t, made.Files[0]) != uploadv1.PlikUploaded || len(w.Objects.Pliks()) != 1 {
		t.Errorf("%+v, %v, objects %v", got, err, w.Objects.Pliks())
	}
	wantCode(t, "keeping what was finished", w.keep(t, l), uploadv1.ErrPlikLost)
}

func plikEnds(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	l := w.begin(t, made.Upload, made.Files[0])
	w.Objects.StorePlik(l.Object)
	for range 2 {
		w.end(t, l)
		if got := w.status(t, made.Files[0]); got != uploadv1.PlikDeleted || len(w.Objects.Pliks()) != 0 {
			t.Fatalf("%s, objects %v", got, w.Objects.Pliks())
		}
	}
	wantCode(t, "keeping", w.keep(t, l), uploadv1.ErrPlikLost)
	w.Objects.StorePlik(l.Object)
	_, err := w.finish(t, l, 5)
	wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
	if got, _ := w.get(t, guest(), made.Upload.ID); len(w.Objects.Pliks()) != 0 || got.Size != 0 {
		t.Errorf("objects %v, %+v", w.Objects.Pliks(), got)
	}
	w.Objects.StorePlik(l.Object) // an edge that was slow, and is killed before it finishes
	w.Clock.Advance(21 * time.Minute)
	w.swept(t, "late bytes go", func() bool { return len(w.Objects.Pliks()) == 0 })
}

// plikLapses: an edge that is not heard of any more.
func plikLapses(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{}, "a", "b")
	dead, alive := w.begin(t, made.Upload, made.Files[0]), w.begin(t, made.Upload, made.Files[1])
	w.Objects.StorePlik(dead.Object)
	for range 4 {
		w.Clock.Advance(uploadv1.PlikLease / 3)
		if err := w.keep(t, alive); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(uploadv1.PlikLease / 3) // 25 s
	w.swept(t, "the dead one is deleted", func() bool { return w.status(t, made.Files[0]) == uploadv1.PlikDeleted && len(w.Objects.Pliks()) == 0 })
	wantCode(t, "keeping", w.keep(t, dead), uploadv1.ErrPlikLost)
	_, err := w.finish(t, dead, 1)
	wantCode(t, "finishing", err, uploadv1.ErrPlikLost)
	w.Objects.StorePlik(alive.Object)
	if _, err := w.finish(t, alive, 3); err != nil {
		t.Error(err)
	}
	w.Clock.Advance(time.Hour)
	w.Objects.StorePlik(dead.Object)
	w.swept(t, "late bytes go", func() bool { return len(w.Objects.Pliks()) == 1 })
	if got := w.status(t, made.Files[1]); got != uploadv1.PlikUploaded {
		t.Errorf("the other one is %s", got)
	}
}

// plikOwner: whoever brings it, bytes are the owner's.
func plikOwner(t *testing.T, w PlikWorld) {
	begin := func(owner, by uploadv1.PlikCaller, nobodys bool) (authv1.Principal, error) {
		u := w.create(t, uploadv1.CreatePlikRequest{Caller: owner}).Upload
		by.UploadToken = u.Token
		l, err := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: by, UploadID: u.ID, Name: "a", MaxEntries: 9, GuestLimits: authv1.Limits{StorageBytes: 7}})
		if p := l.Object.Owner; err == nil && (!p.System || p.Admin || p.KeyID != "" || nobodys != (p.AccountID == objectv1.GuestAccount)) {
			t.Errorf("owner %+v", p)
		}
		return l.Object.Owner, err
	}
	mine := session("bob")
	mine.Principal.Limits, mine.Principal.Region = authv1.Limits{ObjectBytes: 3}, "us"
	if p, err := begin(mine, mine, false); err != nil || p.AccountID != "acc_bob" || p.Limits.ObjectBytes != 3 || p.Region != "us" {
		t.Errorf("its owner: %+v, %v", p, err)
	}
	for _, by := range []uploadv1.PlikCaller{guest(), session("bob"), session("root")} {
		if p, err := begin(session("alice"), by, false); err != nil || p.AccountID != "acc_alice" || p.Username != "alice" || p.Region != "eu-west1" || p.Limits.StorageBytes != 1<<30 {
			t.Errorf("for alice: %+v, %v", p, err)
		}
		if p, err := begin(guest(), by, true); err != nil || p.Limits.StorageBytes != 7 {
			t.Errorf("for nobody: %+v, %v", p, err)
		}
	}
	w.Accounts.Forget("acc_alice")
	_, err := begin(session("alice"), guest(), false)
	wantCode(t, "of an account that is gone", err, uploadv1.ErrPlikNotFound)
}

func plikUserSize(t *testing.T, w PlikWorld) {
	const most = 1500
	alice := session("alice")
	made := w.create(t, uploadv1.CreatePlikRequest{Caller: alice}, "a", "b", "c")
	try := func(f uploadv1.PlikFile, size int64) error {
		l := w.begin(t, made.Upload, f)
		w.Objects.StorePlik(l.Object)
		r := uploadv1.FinishPlikRequest{UploadID: f.UploadID, FileID: f.ID, Fence: l.Fence, Size: size, UserSize: most}
		_, err := w.Service.FinishPlik(t.Context(), r)
		_, again := w.Service.FinishPlik(t.Context(), r)
		if fault.CodeOf(err) != fault.CodeOf(again) {
			t.Errorf("%v, again %v", err, again)
		}
		return err
	}
	if err := try(made.Files[0], 1000); err != nil {
		t.Fatal(err)
	}
	const text = "maximum user upload size reached. (1.5 kB)"
	wantText(t, "too much", try(made.Files[1], 501), uploadv1.ErrPlikUserSize, text)
	if got := w.status(t, made.Files[1]); got != uploadv1.PlikDeleted || len(w.Objects.Pliks()) != 1 {
		t.Errorf("%s, objects %v", got, w.Objects.Pliks())
	}
	if err := try(made.Files[2], 500); err != nil {
		t.Errorf("just enough: %v", err)
	}
	_, err := w.Service.CreatePlik(t.Context(), uploadv1.CreatePlikRequest{Caller: alice, UserSize: most, Announced: 1})
	wantText(t, "announcing too much", err, uploadv1.ErrPlikUserSize, text)
	for _, r := range []uploadv1.CreatePlikRequest{
		{Caller: alice, UserSize: most}, {Caller: alice, UserSize: -1, Announced: 1 << 40}, {Caller: session("bob"), UserSize: most, Announced: most},
	} {
		w.create(t, r)
	}
	if err := w.remove(t, alice, made.Upload.ID); err != nil {
		t.Fatal(err)
	}
	w.create(t, uploadv1.CreatePlikRequest{Caller: alice, UserSize: most, Announced: most})

	// Of several at once that do not fit together none may stay beyond the bound.
	few := w.create(t, uploadv1.CreatePlikRequest{Caller: session("bob"), Files: announced(0, 10)})
	var wg sync.WaitGroup
	for _, f := range few.Files {
		l := w.begin(t, few.Upload, f)
		wg.Go(func() {
			_, err := w.Service.FinishPlik(t.Context(), uploadv1.FinishPlikRequest{UploadID: f.UploadID, FileID: f.ID, Fence: l.Fence, Size: 400, UserSize: most})
			if err != nil && !errors.Is(err, uploadv1.ErrPlikUserSize) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := w.get(t, guest(), few.Upload.ID); err != nil || got.Size > most || got.Size%400 != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
