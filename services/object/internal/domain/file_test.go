package domain_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

const drive = objectv1.DriveBucket

// guest is somebody without an account.
var guest = authv1.Principal{
	AccountID: objectv1.GuestAccount, Limits: authv1.Limits{ObjectBytes: 1 << 20},
}

// fileWrite is a write into a drive.
type fileWrite struct {
	by     authv1.Principal // nobody: alice
	path   string
	body   string
	o      objectv1.FileOptions
	cond   objectv1.Conditions
	region string
	hold   bool
}

// tryWrite writes a file.
func (e *env) tryWrite(w fileWrite) (objectv1.Object, error) {
	if w.by.AccountID == "" {
		w.by = alice
	}
	ticket, err := e.BeginPut(e.t.Context(), objectv1.BeginPutRequest{
		Principal: w.by, Bucket: drive, Key: w.path, Size: int64(len(w.body)), Conditions: w.cond, Hold: w.hold, File: &w.o, Region: w.region,
	})
	if err != nil {
		return objectv1.Object{}, err
	}
	r := commitOf(w.by, drive, w.path, w.body, ticket)
	r.Conditions, r.File = w.cond, &w.o
	return e.CommitPut(e.t.Context(), r)
}

func (e *env) write(w fileWrite) objectv1.Object {
	e.t.Helper()
	o, err := e.tryWrite(w)
	if err != nil {
		e.t.Fatalf("writing %q: %v", w.path, err)
	}
	return o
}

// file writes a file of alice's, with the folders that it needs.
func (e *env) file(path, body string) objectv1.Object {
	e.t.Helper()
	return e.write(fileWrite{path: path, body: body, o: objectv1.FileOptions{Parents: true}})
}

func (e *env) statFile(id string) (objectv1.Object, error) {
	return e.StatFile(e.t.Context(), objectv1.StatFileRequest{NodeID: id})
}

// files lists all of an account's files, in pages.
func (e *env) files(p authv1.Principal, limit int) []string {
	e.t.Helper()
	var all []string
	r := objectv1.ListFilesRequest{Principal: p, Limit: limit}
	for {
		page, err := e.ListFiles(e.t.Context(), r)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, o := range page.Files {
			all = append(all, o.Key)
		}
		if r.After = page.Next; r.After == "" {
			return all
		}
		if len(page.Files) != limit {
			e.t.Fatalf("a page of %d files, want %d", len(page.Files), limit)
		}
	}
}

func TestFile_WriteReadReplaceDelete(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	made := time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	o := e.write(fileWrite{path: "a/b.txt", body: "one", o: objectv1.FileOptions{Parents: true, ModTime: &made}})
	f := o.File
	if f == nil || o.Key != "a/b.txt" || f.Path != "a/b.txt" || f.Name != "b.txt" || f.AccountID != "alice" || f.Region != "local" ||
		!f.ModTime.Equal(made) || o.Bucket != drive || o.Versioned {
		t.Fatalf("written: %+v, %+v", o, f)
	}
	got, err := e.stat(drive, "a/b.txt", "")
	if err != nil || got.File.NodeID != f.NodeID || got.VersionID != o.VersionID || got.Manifest.Size != 3 || !got.File.ModTime.Equal(made) {
		t.Fatalf("read: %+v, %v", got, err)
	}
	if got, err = e.statFile(f.NodeID); err != nil || got.Key != "a/b.txt" || got.Manifest.Size != 3 {
		t.Fatalf("by id: %+v, %v", got, err)
	}
	again := e.file("a/b.txt", "three")
	if again.File.NodeID != f.NodeID || again.VersionID == o.VersionID || again.File.ModTime.Equal(made) || again.Size != 5 {
		t.Fatalf("replaced: %+v", again.File)
	}
	if u := e.usage(); u.Used != 5 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	e.delete(drive, "a/b.txt", "")
	if _, err := e.stat(drive, "a/b.txt", ""); !errors.Is(err, objectv1.ErrNotFound) {
		t.Fatal(err)
	}
	_, err = e.statFile(f.NodeID)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	e.delete(drive, "a/b.txt", "")
	e.delete(drive, "a", "")
	if u := e.usage(); u.Used != 0 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	if o := e.file("a/b.txt", "x"); o.File.NodeID == f.NodeID {
		t.Fatal("another file has the id of one that was removed")
	}
}

func TestFile_ConflictsAndFoldersInTheWay(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	rename := objectv1.FileOptions{Conflict: objectv1.ConflictRename}
	var ids []string
	for _, want := range []string{"a.txt", "a (2).txt", "a (3).txt"} {
		o := e.write(fileWrite{path: "a.txt", body: want, o: rename})
		if o.Key != want || slices.Contains(ids, o.File.NodeID) {
			t.Fatalf("written as %q, %s", o.Key, o.File.NodeID)
		}
		ids = append(ids, o.File.NodeID)
	}
	e.file("d/x", "1")
	for path, want := range map[string]error{
		"d": objectv1.ErrNodeExists, "a.txt/y": objectv1.ErrNotAFolder, "no/y": objectv1.ErrNodeNotFound, "d/no/y": objectv1.ErrNodeNotFound,
	} {
		_, err := e.tryWrite(fileWrite{path: path, body: "1"})
		wantErr(t, err, want)
	}
	if o := e.write(fileWrite{path: "d", body: "1", o: rename}); o.Key != "d (2)" {
		t.Fatalf("beside the folder: %q", o.Key)
	}
	_, err := e.tryWrite(fileWrite{path: "a.txt", body: "1", cond: objectv1.Conditions{IfNoneMatchAny: true}})
	wantErr(t, err, objectv1.ErrPrecondition)
	_, err = e.tryWrite(fileWrite{path: "new", body: "1", cond: objectv1.Conditions{IfMatch: []string{"*"}}})
	wantErr(t, err, objectv1.ErrPrecondition)
	if u := e.usage(); u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func TestFile_HostilePaths(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true})
	for _, path := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "./a", "a\x00b", "\xff", "a/\xc0\xaf", strings.Repeat("x", 256),
		strings.Repeat("x/", 100) + "x", strings.Repeat("long/", 205), "a/" + strings.Repeat("ü", 128),
	} {
		_, err := e.tryWrite(fileWrite{path: path, body: "1", o: objectv1.FileOptions{Parents: true}})
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = e.stat(drive, path, "")
		wantErr(t, err, objectv1.ErrInvalidKey)
		_, err = e.tryDelete(drive, path, "")
		wantErr(t, err, objectv1.ErrInvalidKey)
	}
	for _, path := range []string{"...", "a b", "ü/ñ", "\u202etxt.exe", "a\nb", "%2e%2e", "con", "-rf", strings.Repeat("x", 255)} {
		if o := e.file(path, "1"); o.Key != path {
			t.Errorf("%q became %q", path, o.Key)
		}
	}
}

func FuzzSplitPath(f *testing.F) {
	for _, path := range []string{"a", "a/b.txt", "/", "a//b", "a/./b", "..", "a\x00", "\xff/a", "ü/ñ", strings.Repeat("x/", 120) + "x", strings.Repeat("y", 256)} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		names, err := domain.SplitPath(path)
		if err != nil {
			if !errors.Is(err, objectv1.ErrInvalidKey) {
				t.Fatal(err)
			}
			return
		}
		if strings.Join(names, "/") != path || objectv1.CheckKey(path) != nil || len(names) > 100 {
			t.Fatalf("%q has the names %q", path, names)
		}
		for _, name := range names {
			if domain.CheckNodeName(name) != nil {
				t.Fatalf("%q has the name %q", path, name)
			}
		}
	})
}

func TestFile_BadOptions(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true})
	far := time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, o := range []objectv1.FileOptions{
		{Conflict: "merge"}, {KeyHash: make([]byte, 65)}, {ModTime: &far}, {ExpiresAt: &far}, {ExpiresAt: new(time.Time)},
	} {
		_, err := e.tryWrite(fileWrite{path: "a", body: "1", o: o})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	_, err := e.tryWrite(fileWrite{path: "a", body: "1", region: "moon"})
	wantErr(t, err, objectv1.ErrUnknownRegion)
	if !strings.Contains(err.Error(), "local, far") {
		t.Errorf("the answer names no region: %v", err)
	}
	_, err = e.tryWrite(fileWrite{by: guest, path: "a/b", body: "1"})
	wantErr(t, err, objectv1.ErrInvalidKey)
}

func TestFile_Regions(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true})
	abroad := alice
	abroad.Region = "far"
	for i, c := range []struct {
		by     authv1.Principal
		region string
		want   string
	}{{alice, "", "local"}, {alice, "far", "far"}, {abroad, "", "far"}, {abroad, "local", "local"}} {
		path := fmt.Sprint("f", i)
		o := e.write(fileWrite{by: c.by, path: path, body: "1", region: c.region})
		if o.File.Region != c.want || o.Manifest.Region != c.want {
			t.Errorf("%d: in %s, %s", i, o.File.Region, o.Manifest.Region)
		}
		if again := e.write(fileWrite{path: path, body: "2", region: "local"}); again.File.Region != c.want || again.Manifest.Region != c.want {
			t.Errorf("%d: replaced in %s, %s", i, again.File.Region, again.Manifest.Region)
		}
	}
	gone := alice
	gone.Region = "atlantis"
	if o := e.write(fileWrite{by: gone, path: "g", body: "1"}); o.File.Region != "local" {
		t.Errorf("in %s", o.File.Region)
	}
}

func TestFile_ListIsNewestFirstInPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	var want []string
	for i := range 25 {
		path := fmt.Sprintf("d%d/f%d", i%3, i)
		e.file(path, "x")
		e.advance(time.Millisecond)
		want = append(want, path)
	}
	e.file("d0/f0", "again") // a file that is replaced stays where it is
	e.delete(drive, "d1/f4", "")
	want = slices.DeleteFunc(want, func(p string) bool { return p == "d1/f4" })
	slices.Reverse(want)
	for _, limit := range []int{1, 5, 24, 1000} {
		if got := e.files(alice, limit); !slices.Equal(got, want) {
			t.Fatalf("pages of %d: %q", limit, got)
		}
	}
	for _, r := range []objectv1.ListFilesRequest{{}, {Limit: 1001}, {Limit: 1, After: "x"}} {
		r.Principal = alice
		if _, err := e.ListFiles(t.Context(), r); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
