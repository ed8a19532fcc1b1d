package objectv1test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// guests are those without an account.
func (w world) guests() world {
	w.who.AccountID, w.who.Username = objectv1.GuestAccount, ""
	return w
}

func (w world) tryFile(t *testing.T, path, body string, o objectv1.FileOptions, cond objectv1.Conditions) (objectv1.Object, error) {
	t.Helper()
	ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{
		Principal: w.who, Bucket: objectv1.DriveBucket, Key: path, Size: int64(len(body)), Conditions: cond, File: &o,
	})
	if err != nil {
		return objectv1.Object{}, err
	}
	r := w.commit(objectv1.DriveBucket, path, body, ticket)
	r.Conditions, r.File = cond, &o
	got, err := w.CommitPut(t.Context(), r)
	if err == nil && o.Conflict == objectv1.ConflictRename && got.File.NodeID != ticket.NodeID {
		t.Errorf("the ticket promised file %s, it became %s", ticket.NodeID, got.File.NodeID)
	}
	return got, err
}

func (w world) file(t *testing.T, path, body string, o objectv1.FileOptions) objectv1.Object {
	t.Helper()
	got, err := w.tryFile(t, path, body, o, objectv1.Conditions{})
	if err != nil {
		t.Fatalf("writing %q: %v", path, err)
	}
	return got
}

func (w world) statFile(t *testing.T, id string) (objectv1.Object, error) {
	t.Helper()
	return w.StatFile(t.Context(), objectv1.StatFileRequest{NodeID: id})
}

func files(t *testing.T, w world) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 7e6, time.UTC)
	o := w.file(t, "docs/a.txt", "body", objectv1.FileOptions{Parents: true, ModTime: &at, KeyHash: []byte("key")})
	f := o.File
	if f == nil || f.Path != "docs/a.txt" || f.Name != "a.txt" || o.Key != f.Path || o.Bucket != objectv1.DriveBucket || f.AccountID != w.who.AccountID ||
		f.Region == "" || string(f.KeyHash) != "key" || !f.ModTime.Equal(at) || f.ExpiresAt != nil || len(f.NodeID) < 16 || strings.ToLower(f.NodeID) != f.NodeID {
		t.Fatalf("file %+v", f)
	}
	for what, stat := range map[string]func() (objectv1.Object, error){
		"path": func() (objectv1.Object, error) { return w.stat(t, objectv1.DriveBucket, "docs/a.txt", "") },
		"id":   func() (objectv1.Object, error) { return w.statFile(t, f.NodeID) },
	} {
		got, err := stat()
		if err != nil || got.VersionID != o.VersionID || got.File == nil || got.File.NodeID != f.NodeID || got.Metadata.ContentType != "text/plain" || got.Manifest.Size != 4 {
			t.Errorf("by its %s: %+v, %v", what, got, err)
		}
	}
	again := w.file(t, "docs/a.txt", "another", objectv1.FileOptions{KeyHash: []byte("other")})
	if again.File.NodeID != f.NodeID || string(again.File.KeyHash) != "key" || again.VersionID == o.VersionID || w.used(t).Used != 7 {
		t.Errorf("replaced: %+v", again.File)
	}
	beside := w.file(t, "docs/a.txt", "body", objectv1.FileOptions{Conflict: objectv1.ConflictRename})
	if beside.Key != "docs/a (2).txt" || beside.File.NodeID == f.NodeID {
		t.Errorf("beside it: %+v", beside.File)
	}
	w.delete(t, objectv1.DriveBucket, "docs/a.txt", "")
	w.delete(t, objectv1.DriveBucket, "docs/a.txt", "")
	_, err := w.stat(t, objectv1.DriveBucket, "docs/a.txt", "")
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = w.statFile(t, f.NodeID)
	wantErr(t, err, objectv1.ErrNodeNotFound)
}

func filesRefused(t *testing.T, w world) {
	w.file(t, "f", "body", objectv1.FileOptions{})
	w.file(t, "d/f", "body", objectv1.FileOptions{Parents: true})
	for path, want := range map[string]error{
		"": objectv1.ErrInvalidKey, "/f": objectv1.ErrInvalidKey, "a//b": objectv1.ErrInvalidKey, "a/../b": objectv1.ErrInvalidKey, "a/": objectv1.ErrInvalidKey,
		strings.Repeat("x", 256): objectv1.ErrInvalidKey, "no/f": objectv1.ErrNodeNotFound, "f/g": objectv1.ErrNotAFolder, "d": objectv1.ErrNodeExists,
	} {
		_, err := w.tryFile(t, path, "body", objectv1.FileOptions{}, objectv1.Conditions{})
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
	_, err := w.tryFile(t, "f", "body", objectv1.FileOptions{}, objectv1.Conditions{IfNoneMatchAny: true})
	wantErr(t, err, objectv1.ErrPrecondition)
	_, err = w.tryFile(t, "big", strings.Repeat("x", 501), objectv1.FileOptions{}, objectv1.Conditions{})
	wantErr(t, err, objectv1.ErrTooLarge)
	_, err = w.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: w.who, Bucket: objectv1.DriveBucket, Key: "f", Size: 1, Region: "the moon"})
	wantErr(t, err, objectv1.ErrUnknownRegion)
}

func filesRace(t *testing.T, w world) {
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := w.tryFile(t, "d/new", "body", objectv1.FileOptions{Parents: true}, objectv1.Conditions{IfNoneMatchAny: true})
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, objectv1.ErrPrecondition) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d of them made the file", made.Load())
	}
}

func fileList(t *testing.T, w world) {
	var want []string
	for _, path := range []string{"b", "d/a", "c", "d/e/f"} {
		w.file(t, path, "x", objectv1.FileOptions{Parents: true})
		want = append([]string{path}, want...)
	}
	var got []string
	r := objectv1.ListFilesRequest{Principal: w.who, Limit: 3}
	for {
		page, err := w.ListFiles(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Files {
			got = append(got, o.Key)
		}
		if r.After = page.Next; r.After == "" {
			break
		}
	}
	slices.Sort(got) // files of one millisecond are in any order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func fileChanges(t *testing.T, w world) {
	o := w.file(t, "f", "body", objectv1.FileOptions{})
	key, none, at := []byte("key"), []byte{}, time.Date(1999, 1, 2, 3, 4, 5, 0, time.UTC)
	got, err := w.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: w.who, NodeID: o.File.NodeID, KeyHash: &key, ModTime: &at})
	if err != nil || string(got.File.KeyHash) != "key" || !got.File.ModTime.Equal(at) {
		t.Fatalf("%+v, %v", got.File, err)
	}
	got, err = w.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: w.who, Path: "f", KeyHash: &none})
	if err != nil || len(got.File.KeyHash) != 0 || !got.File.ModTime.Equal(at) {
		t.Fatalf("%+v, %v", got.File, err)
	}
	stranger := w
	stranger.who.AccountID += "x"
	_, err = w.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: stranger.who, NodeID: o.File.NodeID, KeyHash: &key})
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for range 2 {
		if _, err := w.CountDownloads(t.Context(), objectv1.CountDownloadsRequest{Downloads: map[string]int64{o.File.NodeID: 2}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = w.statFile(t, o.File.NodeID); err != nil || got.File.Downloads != 4 {
		t.Fatalf("%+v, %v", got.File, err)
	}
}

func registration(t *testing.T, w world) {
	expires := time.Now().Add(time.Hour)
	g := w.guests()
	o := g.file(t, "f", "body", objectv1.FileOptions{ExpiresAt: &expires, KeyHash: []byte("key")})
	twin := g.file(t, "f", "body", objectv1.FileOptions{ExpiresAt: &expires})
	if o.File.AccountID != objectv1.GuestAccount || o.File.NodeID == twin.File.NodeID || o.File.ExpiresAt == nil {
		t.Fatalf("%+v, %+v", o.File, twin.File)
	}
	w.file(t, "f", "mine", objectv1.FileOptions{})
	register := func(w world) (objectv1.Object, error) {
		return w.RegisterFile(t.Context(), objectv1.RegisterFileRequest{Principal: w.who, NodeID: o.File.NodeID})
	}
	got, err := register(w)
	if err != nil || got.File.NodeID != o.File.NodeID || got.Key != "f (2)" || got.File.ExpiresAt != nil || got.File.AccountID != w.who.AccountID ||
		string(got.File.KeyHash) != "key" || got.ETag != o.ETag {
		t.Fatalf("%+v, %v", got.File, err)
	}
	if again, err := register(w); err != nil || again.VersionID != got.VersionID || w.used(t).Used != 8 {
		t.Fatalf("%+v, %v", again, err)
	}
	stranger := w
	stranger.who.AccountID += "x"
	_, err = register(stranger)
	wantErr(t, err, objectv1.ErrFileTaken)
	small := w
	small.who.Limits.StorageBytes = 9
	_, err = small.RegisterFile(t.Context(), objectv1.RegisterFileRequest{Principal: small.who, NodeID: twin.File.NodeID})
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	_, err = w.RegisterFile(t.Context(), objectv1.RegisterFileRequest{Principal: w.who, NodeID: "aaaaaaaaaaaaaaaaaaaaaaaaaa"})
	wantErr(t, err, objectv1.ErrNodeNotFound)
}

func stagedFile(t *testing.T, w world) {
	o := &objectv1.FileOptions{Conflict: objectv1.ConflictRename}
	w.file(t, "big", "body", objectv1.FileOptions{})
	ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{
		Principal: w.who, Bucket: objectv1.DriveBucket, Key: "big", Size: -1, Hold: true, Staged: true, LeaseSeconds: 3600, File: o,
	})
	if err != nil || ticket.NodeID == "" {
		t.Fatalf("%+v, %v", ticket, err)
	}
	if renewed, err := w.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: ticket.AccountID, VersionID: ticket.VersionID}); err != nil || renewed.NodeID != ticket.NodeID {
		t.Fatalf("%+v, %v", renewed, err)
	}
	a, b := w.part(ticket, 10), w.part(ticket, 20)
	for _, r := range []objectv1.StageContentRequest{a, b} {
		if _, err := w.StageContent(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.statFile(t, ticket.NodeID); !errors.Is(err, objectv1.ErrNodeNotFound) {
		t.Errorf("it is there before it is committed: %v", err)
	}
	r := w.complete(objectv1.DriveBucket, "big", ticket, a.ContentID, b.ContentID)
	r.File = o
	for range 2 {
		got, err := w.CommitPut(t.Context(), r)
		if err != nil || got.Size != 30 || got.Key != "big (2)" || got.File.NodeID != ticket.NodeID {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}
