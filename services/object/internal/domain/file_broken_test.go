package domain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// checkDrive holds what a drive shows against its nodes and what is counted: each
// object has its file, each file its object, and nothing is left of anything else.
func (e *env) checkDrive(account string) {
	e.t.Helper()
	ctx := e.t.Context()
	heads, err := e.st.Heads.Visible(ctx, "drive-"+account, domain.Range{}, 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	var bytes int64
	for _, h := range heads {
		bytes += h.Size
		n, _, err := e.st.Nodes.Get(ctx, h.Key)
		if err != nil || n.Account != account || n.State != "" || n.Claim != nil || n.Folder {
			e.t.Errorf("an object of %s has the node %+v, %v", account, n, err)
		}
	}
	files, err := e.st.Nodes.Files(ctx, account, "", 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	trash, err := e.st.Nodes.Children(ctx, account, domain.Trash, "", 1000)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, n := range trash {
		if !n.Folder {
			files = append(files, n)
		}
	}
	if len(files) != len(heads) {
		e.t.Errorf("%s has %d files and %d objects", account, len(files), len(heads))
	}
	u, err := e.st.Accounts.Get(ctx, account)
	if errors.Is(err, domain.ErrNoDocument) && len(heads) == 0 {
		return
	}
	if c := u.Buckets["drive-"+account]; err != nil || c.Bytes != bytes || c.Objects != int64(len(heads)) || len(u.Reserved) != 0 {
		e.t.Errorf("%s stores %d bytes in %d files; counted are %+v (%+v), %v", account, bytes, len(heads), c, u.Reserved, err)
	}
}

// wantFile reads the file at a path of alice's.
func (e *env) wantFile(path string, size int64) objectv1.Object {
	e.t.Helper()
	o, err := e.stat(drive, path, "")
	if err != nil || o.Size != size {
		e.t.Errorf("at %q are %d bytes, %v; want %d", path, o.Size, err, size)
		return o
	}
	byID, err := e.statFile(o.File.NodeID)
	if err != nil || byID.VersionID != o.VersionID || byID.Key != path {
		e.t.Errorf("by its id %q is %q, %v", path, byID.Key, err)
	}
	return o
}

// fileTicket begins a write of alice's, of each kind.
func (e *env) fileTicket(path, kind string, o objectv1.FileOptions) (objectv1.Ticket, error) {
	r := objectv1.BeginPutRequest{Principal: alice, Bucket: drive, Key: path, Size: 4, File: &o}
	switch kind {
	case "held":
		r.Hold = true
	case "staged":
		r.Hold, r.Staged, r.Size, r.LeaseSeconds = true, true, -1, 8*24*3600
	case "once":
		r.Idempotency = &objectv1.Idempotency{Key: "once", Fingerprint: []byte("print")}
	}
	return e.BeginPut(e.t.Context(), r)
}

// fileCommit is the commit of four bytes.
func (e *env) fileCommit(path, kind string, ticket objectv1.Ticket, o objectv1.FileOptions) objectv1.CommitPutRequest {
	r := commitOf(alice, drive, path, "four", ticket)
	if kind == "staged" {
		r = completion(ticket, drive, path, e.part(ticket, "four"))
	}
	r.File = &o
	return r
}

// brokenDrive is brokenOff for files: what is to hold once everything has come to
// its end is looked at behind all of them.
func brokenDrive(t *testing.T, try func(e *env, key string, crash func() context.Context) (died bool, later func())) {
	t.Helper()
	oneByOne(t)
	var e *env
	var all []func()
	brokenOff(t, envOptions{}, func(with *env, key string, crash func() context.Context) bool {
		e, with.t = with, t
		died, later := try(e, key, crash)
		all = append(all, later)
		return died
	})
	e.settle()
	for _, account := range []string{"alice", "bob", objectv1.GuestAccount} {
		e.checkDrive(account)
	}
	for _, later := range all {
		later()
	}
}

func TestBrokenOff_File(t *testing.T) {
	t.Parallel()
	rename := objectv1.FileOptions{Conflict: objectv1.ConflictRename, Parents: true}
	for _, c := range []struct {
		kind string
		o    objectv1.FileOptions
	}{
		{"plain", objectv1.FileOptions{Parents: true}}, {"held", objectv1.FileOptions{Parents: true}},
		{"staged", objectv1.FileOptions{Parents: true}}, {"once", objectv1.FileOptions{Parents: true}}, {"plain", rename}, {"staged", rename},
	} {
		t.Run(fmt.Sprint(c.kind, c.o.Conflict), func(t *testing.T) {
			t.Parallel()
			brokenDrive(t, func(e *env, key string, crash func() context.Context) (bool, func()) {
				path := key + "/f"
				ticket, err := e.fileTicket(path, c.kind, c.o)
				if err != nil {
					t.Fatal(err)
				}
				r := e.fileCommit(path, c.kind, ticket, c.o)
				_, err = e.CommitPut(crash(), r)
				died := errors.Is(err, errCrash)
				if !died && err != nil {
					t.Error(err)
				}
				got, err := e.CommitPut(t.Context(), r) // the repeat
				if fault.KindOf(err) == fault.Unavailable {
					// What the first attempt left was of no use: the write begins anew.
					e.advance(time.Minute)
					if ticket, err = e.fileTicket(path, c.kind, c.o); err != nil {
						t.Fatal(err)
					}
					r = e.fileCommit(path, c.kind, ticket, c.o)
					got, err = e.CommitPut(t.Context(), r)
				}
				if err != nil || got.Key != path || c.o.Conflict != "" && got.File.NodeID != ticket.NodeID {
					t.Errorf("repeat: %+v, %v", got.File, err)
				}
				e.wantFile(path, 4)
				return died, func() { e.wantFile(path, 4) }
			})
		})
	}
}

// The same, but nobody comes back: there is the whole file or nothing.
func TestBrokenOff_FileLeft(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} {
		brokenDrive(t, func(e *env, key string, crash func() context.Context) (bool, func()) {
			o := objectv1.FileOptions{KeyHash: []byte("key")}
			if before {
				e.file(key, "before")
			}
			ticket, err := e.fileTicket(key, "plain", o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.CommitPut(crash(), e.fileCommit(key, "plain", ticket, o))
			return errors.Is(err, errCrash), func() {
				got, serr := e.stat(drive, key, "")
				switch {
				case err == nil && (serr != nil || got.Size != 4):
					t.Errorf("acknowledged, but read %d, %v", got.Size, serr)
				case before && serr != nil:
					t.Errorf("the file before is gone: %v", serr)
				case !before && serr != nil && !errors.Is(serr, objectv1.ErrNotFound):
					t.Error(serr)
				case !before && serr == nil && string(got.File.KeyHash) != "key":
					t.Error("the file came without its key")
				}
				if o := e.file(key, "after"); !before && serr != nil && len(o.File.KeyHash) != 0 {
					t.Error("the next file has the key of one that never was")
				}
			}
		})
	}
}

func TestBrokenOff_FileRemoved(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		brokenDrive(t, func(e *env, key string, crash func() context.Context) (bool, func()) {
			o := e.file(key, "four")
			_, err := e.DeleteObject(crash(), objectv1.DeleteObjectRequest{Principal: alice, Bucket: drive, Key: key})
			died := errors.Is(err, errCrash)
			if !died && err != nil {
				t.Error(err)
			}
			if again {
				e.delete(drive, key, "")
			}
			gone := func() {
				if _, serr := e.statFile(o.File.NodeID); (again || err == nil) && !errors.Is(serr, objectv1.ErrNodeNotFound) {
					t.Errorf("it is still there: %v", serr)
				}
			}
			gone()
			return died, func() {
				gone()
				e.file(key, "next")
				e.wantFile(key, 4)
			}
		})
	}
}

// guestFile writes a file of nobody's.
func (e *env) guestFile(name, body string, expires time.Duration) objectv1.Object {
	e.t.Helper()
	till := time.Now().Add(time.Duration(e.ahead.Load())).Add(expires)
	return e.write(fileWrite{by: guest, path: name, body: body, o: objectv1.FileOptions{ExpiresAt: &till}})
}

func (e *env) tryRegister(ctx context.Context, p authv1.Principal, id string) (objectv1.Object, error) {
	return e.RegisterFile(ctx, objectv1.RegisterFileRequest{Principal: p, NodeID: id})
}

// owner2 is another account.
var owner2 = owner("bob")

func TestBrokenOff_Register(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"alice", "bob", "nobody", "delete"} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			brokenDrive(t, func(e *env, _ string, crash func() context.Context) (bool, func()) {
				id := e.guestFile("f", "four", 1000*time.Hour).File.NodeID
				_, err := e.tryRegister(crash(), alice, id)
				died := errors.Is(err, errCrash)
				if !died && err != nil {
					t.Error(err)
				}
				if o, err := e.statFile(id); err != nil || o.Size != 4 {
					t.Errorf("the file cannot be read meanwhile: %+v, %v", o, err)
				}
				owner := ""
				if err == nil {
					owner = "alice"
				}
				switch next {
				case "alice":
					owner = next
					if o, err := e.tryRegister(t.Context(), alice, id); err != nil || o.File.AccountID != owner || o.File.ExpiresAt != nil {
						t.Errorf("again: %+v, %v", o.File, err)
					}
				case "bob":
					_, err := e.tryRegister(t.Context(), owner2, id)
					if err == nil {
						owner = next
					} else if !errors.Is(err, objectv1.ErrFileTaken) {
						t.Error(err)
					}
				case "delete":
					_, err := e.RemoveNode(t.Context(), objectv1.RemoveNodeRequest{Principal: alice, NodeID: id})
					if err == nil {
						owner = "nobody"
					} else if !errors.Is(err, objectv1.ErrNodeNotFound) {
						t.Error(err)
					}
				}
				return died, func() { e.checkOwner(id, owner) }
			})
		})
	}
}

// checkOwner checks whose a file of a guest's is in the end; "" is anybody's.
func (e *env) checkOwner(id, owner string) {
	e.t.Helper()
	o, err := e.statFile(id)
	switch {
	case owner == "nobody":
		wantErr(e.t, err, objectv1.ErrNodeNotFound)
	case err != nil || o.Size != 4:
		e.t.Errorf("afterwards: %+v, %v", o, err)
	case owner != "" && o.File.AccountID != owner:
		e.t.Errorf("it belongs to %s, want %s", o.File.AccountID, owner)
	case (o.File.AccountID == objectv1.GuestAccount) != (o.File.ExpiresAt != nil):
		e.t.Errorf("%s's file expires at %v", o.File.AccountID, o.File.ExpiresAt)
	}
}

func TestBrokenOff_Expiry(t *testing.T) {
	t.Parallel()
	brokenDrive(t, func(e *env, key string, crash func() context.Context) (bool, func()) {
		id := e.guestFile(key, "four", time.Minute).File.NodeID
		e.advance(2 * time.Minute)
		gone := func() {
			_, err := e.statFile(id)
			wantErr(t, err, objectv1.ErrNodeNotFound)
		}
		gone()
		ctx := crash()
		_ = e.Sweep(ctx)
		return ctx.Value(crashKey{}).(*crasher).dead.Load(), gone
	})
}
