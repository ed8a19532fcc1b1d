package domain_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Creators of one path: one of them makes the file, whatever else they ask for.
func TestFileRace_Creators(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for round := range 8 {
		path := fmt.Sprintf("d%d/new", round)
		var won, ids sync.Map
		var wins atomic.Int64
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				o, err := e.tryWrite(fileWrite{
					path: path, body: fmt.Sprint("by ", w), cond: objectv1.Conditions{IfNoneMatchAny: true}, hold: w%2 == 0,
					o: objectv1.FileOptions{Parents: true, KeyHash: []byte{byte(w / 3)}}, // of two kinds
				})
				switch {
				case err == nil:
					wins.Add(1)
					won.Store("etag", o.ETag)
					ids.Store(o.File.NodeID, o.File.KeyHash[0] == byte(w/3))
				case !errors.Is(err, objectv1.ErrPrecondition):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		o := e.wantFile(path, 4)
		etag, _ := won.Load("etag")
		own, _ := ids.Load(o.File.NodeID)
		if wins.Load() != 1 || o.ETag != etag || own != true {
			t.Fatalf("%d made it; it is %s of %v, with the key of its writer: %v", wins.Load(), o.ETag, etag, own)
		}
	}
	e.settle()
	e.checkDrive("alice")
}

// Names that are taken give way to the next ones, and each write has its own file.
func TestFileRace_Renames(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	var keys []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 5 {
				conflict := objectv1.ConflictRename
				if w == 0 {
					conflict = objectv1.ConflictReplace
				}
				o, err := e.tryWrite(fileWrite{path: "f.txt", body: "four", o: objectv1.FileOptions{Conflict: conflict}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if w > 0 {
					keys = append(keys, o.Key)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(keys)
	if n := len(slices.Compact(slices.Clone(keys))); n != len(keys) {
		t.Errorf("%d writes made %d files: %q", len(keys), n, keys)
	}
	e.settle()
	e.checkDrive("alice")
	for _, key := range keys {
		e.wantFile(key, 4)
	}
}

// Writes, removals and moves of the same paths: a write that was acknowledged
// after everybody else was done is there, and nothing is left of the others.
func TestFileRace_WritesAgainstRemovals(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	paths := []string{"a", "d/b", "d/c"}
	for round := range 3 {
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 5 {
					path := paths[(w+i)%len(paths)]
					var err error
					switch (w + i + round) % 4 {
					case 0:
						_, err = e.tryDelete(drive, path, "")
					case 1:
						_, err = e.RemoveNode(t.Context(), objectv1.RemoveNodeRequest{Principal: alice, Path: "d"})
					default:
						_, err = e.tryWrite(fileWrite{path: path, body: "four", o: objectv1.FileOptions{Parents: true}})
					}
					if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Unavailable {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, path := range paths {
			e.file(path, "last")
			e.wantFile(path, 4)
		}
		if round%3 == 2 {
			e.settle()
			e.checkDrive("alice")
		}
	}
}

// A write and a removal side by side: the write is there, or was there before the
// removal; and what is written behind both is there.
func TestFileRace_AcknowledgedWritesStand(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{hasty: true})
	e.file("f", "four")
	for range 25 {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := e.tryDelete(drive, "f", ""); err != nil {
				t.Error(err)
			}
		})
		var o objectv1.Object
		wg.Go(func() {
			var err error
			if o, err = e.tryWrite(fileWrite{path: "f", body: "four"}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		// Either the removal came after the write, or the write is there.
		got, err := e.stat(drive, "f", "")
		if err == nil && got.VersionID != o.VersionID || err != nil && !errors.Is(err, objectv1.ErrNotFound) {
			t.Fatalf("%+v, %v", got, err)
		}
		e.file("f", "again")
		e.wantFile("f", 5)
	}
	e.settle()
	e.checkDrive("alice")
}

func TestFileRace_Registrations(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for range 6 {
		id := e.guestFile("f", "four", 1000*3600e9).File.NodeID
		var got [3]error
		var wg sync.WaitGroup
		for i, p := range []authv1.Principal{alice, owner2, alice} {
			wg.Go(func() { _, got[i] = e.tryRegister(t.Context(), p, id) })
		}
		wg.Wait()
		o, err := e.statFile(id)
		if err != nil {
			t.Fatal(err)
		}
		alices := o.File.AccountID == "alice"
		for i, err := range got {
			if (err == nil) != (alices == (i != 1)) || err != nil && !errors.Is(err, objectv1.ErrFileTaken) {
				t.Errorf("the file is %s's, but the answers are %v", o.File.AccountID, got)
				break
			}
		}
	}
	e.settle()
	for _, account := range []string{"alice", "bob", objectv1.GuestAccount} {
		e.checkDrive(account)
	}
}

// Two uploads that together exceed the quota: exactly one of them commits.
func TestFileRace_Quota(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for round := range 6 {
		small := owner(fmt.Sprint("small", round))
		small.Limits.StorageBytes = 10
		var tickets [2]objectv1.Ticket
		for i := range tickets {
			var err error
			tickets[i], err = e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: small, Bucket: drive, Key: "f", Size: 6})
			if err != nil {
				t.Fatal(err)
			}
		}
		var got [2]error
		var wg sync.WaitGroup
		for i, ticket := range tickets {
			wg.Go(func() {
				_, got[i] = e.CommitPut(t.Context(), commitOf(small, drive, fmt.Sprint("f", i), "sixsix", ticket))
			})
		}
		wg.Wait()
		if (got[0] == nil) == (got[1] == nil) || !errors.Is(errors.Join(got[:]...), objectv1.ErrQuotaExceeded) {
			t.Fatal(got)
		}
		e.settle()
		e.checkDrive(small.AccountID)
		if files := e.files(small, 10); len(files) != 1 {
			t.Fatalf("files %q", files)
		}
	}
}
