package domain_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func TestGuest_FilesHaveNoNamesInCommon(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	a, b := e.guestFile("f.txt", "one", time.Hour), e.guestFile("f.txt", "three", time.Hour)
	if a.File.NodeID == b.File.NodeID || a.Key != "f.txt" || b.Key != "f.txt" || a.File.ExpiresAt == nil {
		t.Fatalf("%+v, %+v", a.File, b.File)
	}
	for id, size := range map[string]int64{a.File.NodeID: 3, b.File.NodeID: 5} {
		if o, err := e.statFile(id); err != nil || o.Size != size || o.File.AccountID != objectv1.GuestAccount {
			t.Errorf("%+v, %v", o, err)
		}
	}
	_, err := e.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: guest, Bucket: drive, Key: "f.txt"})
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = e.ListFiles(t.Context(), objectv1.ListFilesRequest{Principal: guest, Limit: 10})
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = e.tryWrite(fileWrite{by: guest, path: "big", body: string(make([]byte, 1<<20+1))})
	wantErr(t, err, objectv1.ErrTooLarge)
}

func TestFile_Expires(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	till := time.Now().Add(time.Hour)
	id := e.guestFile("g", "four", time.Hour).File.NodeID
	own := e.write(fileWrite{path: "mine", body: "four", o: objectv1.FileOptions{ExpiresAt: &till}})
	kept := e.write(fileWrite{path: "mine", body: "five!"}) // the same file
	if kept.File.NodeID != own.File.NodeID || kept.File.ExpiresAt == nil {
		t.Fatalf("%+v", kept.File)
	}
	e.advance(59 * time.Minute)
	for _, id := range []string{id, own.File.NodeID} {
		if _, err := e.statFile(id); err != nil {
			t.Fatal(err)
		}
	}
	e.advance(2 * time.Minute)
	for _, id := range []string{id, own.File.NodeID} {
		_, err := e.statFile(id)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = e.tryRegister(t.Context(), owner2, id)
		wantErr(t, err, objectv1.ErrNodeNotFound)
		_, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, NodeID: id, KeyHash: &[]byte{1}})
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	_, err := e.stat(drive, "mine", "")
	wantErr(t, err, objectv1.ErrNotFound)
	if got := e.files(alice, 10); len(got) != 0 {
		t.Errorf("files %q", got)
	}
	next := e.write(fileWrite{path: "mine", body: "next", cond: objectv1.Conditions{IfNoneMatchAny: true}})
	if next.File.NodeID == own.File.NodeID || next.File.ExpiresAt != nil {
		t.Errorf("the next file is %+v", next.File)
	}
	e.settle()
	e.checkDrive("alice")
	e.checkDrive(objectv1.GuestAccount)
	e.wantUsage(4, 0)
}

func TestRegister(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.file("f", "mine")
	e.advance(time.Millisecond) // lists go by it
	g := e.guestFile("f", "12345", time.Hour)
	key := []byte("key")
	if _, err := e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: guest, NodeID: g.File.NodeID, KeyHash: &key}); err != nil {
		t.Fatal(err)
	}
	o, err := e.tryRegister(t.Context(), alice, g.File.NodeID)
	if err != nil || o.File.NodeID != g.File.NodeID || o.Key != "f (2)" || o.File.AccountID != "alice" || o.File.ExpiresAt != nil ||
		string(o.File.KeyHash) != "key" || o.ETag != g.ETag || !o.File.ModTime.Equal(g.File.ModTime) || !o.File.CreatedAt.Equal(g.File.CreatedAt) {
		t.Fatalf("%+v, %v", o.File, err)
	}
	if events := e.created("f (2)"); len(events) != 1 || events[0].AccountID != "alice" {
		t.Errorf("events %+v", events)
	}
	e.wantUsage(9, 0)
	e.wantFile("f (2)", 5)
	if got := e.files(alice, 10); !slices.Equal(got, []string{"f (2)", "f"}) {
		t.Errorf("files %q", got)
	}
	if again, err := e.tryRegister(t.Context(), alice, g.File.NodeID); err != nil || again.VersionID != o.VersionID {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = e.tryRegister(t.Context(), owner2, g.File.NodeID)
	wantErr(t, err, objectv1.ErrFileTaken)
	for _, id := range []string{"", "x", "../..", "aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		_, err = e.tryRegister(t.Context(), alice, id)
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
	_, err = e.tryRegister(t.Context(), guest, g.File.NodeID)
	wantErr(t, err, fault.ErrInvalid)
	e.settle()
	e.checkDrive("alice")
	e.checkDrive(objectv1.GuestAccount)
	if e.contents() != 2 {
		t.Errorf("%d contents", e.contents())
	}
}

func TestRegister_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	g := e.guestFile("f", "12345", time.Hour)
	full, small := owner("full"), owner("small")
	full.Limits.StorageBytes, small.Limits.ObjectBytes = 4, 4
	_, err := e.tryRegister(t.Context(), full, g.File.NodeID)
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	_, err = e.tryRegister(t.Context(), small, g.File.NodeID)
	wantErr(t, err, objectv1.ErrTooLarge)
	reader := alice
	reader.KeyID, reader.Grant = "LWAKAAAAAAAAAAAAAAAA", authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}
	_, err = e.tryRegister(t.Context(), reader, g.File.NodeID)
	wantErr(t, err, objectv1.ErrAccessDenied)
	if o, err := e.statFile(g.File.NodeID); err != nil || o.File.AccountID != objectv1.GuestAccount {
		t.Fatalf("%+v, %v", o.File, err)
	}
	if _, err := e.tryRegister(t.Context(), owner2, g.File.NodeID); err != nil {
		t.Fatal(err)
	}
}

// Two files that together exceed the quota are registered at once: one is, and
// the other one stays a guest's.
func TestRegister_QuotaRace(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for round := range 4 {
		small := owner(fmt.Sprint("small", round))
		small.Limits.StorageBytes = 8
		ids := []string{e.guestFile("f", "12345", 100*time.Hour).File.NodeID, e.guestFile("f", "12345", 100*time.Hour).File.NodeID}
		errs := make(chan error, 2)
		for _, id := range ids {
			go func() {
				_, err := e.tryRegister(t.Context(), small, id)
				errs <- err
			}()
		}
		one, two := <-errs, <-errs
		if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), objectv1.ErrQuotaExceeded) {
			t.Fatalf("%v, %v", one, two)
		}
		owners := map[string]int{}
		for _, id := range ids {
			o, err := e.statFile(id)
			if err != nil {
				t.Fatal(err)
			}
			owners[o.File.AccountID]++
		}
		if owners[objectv1.GuestAccount] != 1 || owners[small.AccountID] != 1 {
			t.Fatal(owners)
		}
		e.settle()
		e.checkDrive(small.AccountID)
	}
	e.checkDrive(objectv1.GuestAccount)
}
