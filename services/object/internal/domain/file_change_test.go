package domain_test

import (
	"errors"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func TestUpdateFile(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.file("d/f", "four")
	key, none, at := []byte("key"), []byte{}, time.Date(1999, 12, 31, 23, 59, 59, 123_456_789, time.UTC)
	got, err := e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, NodeID: o.File.NodeID, KeyHash: &key})
	if err != nil || string(got.File.KeyHash) != "key" || !got.File.ModTime.Equal(o.File.ModTime) || got.Key != "d/f" {
		t.Fatalf("%+v, %v", got.File, err)
	}
	got, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, Path: "d/f", ModTime: &at})
	if err != nil || string(got.File.KeyHash) != "key" || !got.File.ModTime.Equal(at.Truncate(time.Millisecond)) {
		t.Fatalf("%+v, %v", got.File, err)
	}
	if again := e.file("d/f", "five!"); string(again.File.KeyHash) != "key" || again.File.ModTime.Equal(got.File.ModTime) {
		t.Fatalf("a new content leaves %+v", again.File)
	}
	got, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, Path: "d/f", KeyHash: &none})
	if err != nil || len(got.File.KeyHash) != 0 {
		t.Fatalf("%+v, %v", got.File, err)
	}
	big, far := make([]byte, 65), time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, r := range map[error]objectv1.UpdateFileRequest{
		objectv1.ErrNodeNotFound: {Principal: owner2, NodeID: o.File.NodeID, KeyHash: &key},
		objectv1.ErrInvalidKey:   {Principal: alice, Path: "a//b"},
		fault.ErrInvalid:         {Principal: alice, Path: "d/f", KeyHash: &big},
	} {
		_, err := e.UpdateFile(t.Context(), r)
		wantErr(t, err, want)
	}
	_, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, Path: "d/f", ModTime: &far})
	wantErr(t, err, fault.ErrInvalid)
	for _, path := range []string{"d", "no", "d/f/x"} {
		_, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: alice, Path: path, KeyHash: &key})
		wantErr(t, err, objectv1.ErrNodeNotFound)
	}
}

func TestCountDownloads(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.file("f", "four")
	count := func(m map[string]int64) error {
		_, err := e.CountDownloads(t.Context(), objectv1.CountDownloadsRequest{Downloads: m})
		return err
	}
	gone := "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	for range 3 {
		if err := count(map[string]int64{o.File.NodeID: 2, gone: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if again := e.file("f", "again"); again.File.Downloads != 6 {
		t.Errorf("%d downloads", again.File.Downloads)
	}
	_, err := e.statFile(gone)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	for _, m := range []map[string]int64{{o.File.NodeID: -1}, {o.File.NodeID: 1 << 40}, {"": 1}, {"a.b$c": 1}} {
		wantErr(t, count(m), fault.ErrInvalid)
	}
}

// An access key's grant goes by the path.
func TestFile_Grants(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	key := alice
	key.KeyID = "LWAKAAAAAAAAAAAAAAAA"
	key.Grant = authv1.Grant{
		Scopes:  []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete},
		Buckets: []string{drive}, Prefixes: []string{"shared/"},
	}
	o := objectv1.FileOptions{Parents: true}
	mine := e.write(fileWrite{by: key, path: "shared/f", body: "1", o: o})
	private := e.file("private/f", "1")
	_, err := e.tryWrite(fileWrite{by: key, path: "private/g", body: "1", o: o})
	wantErr(t, err, objectv1.ErrAccessDenied)
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: key, Bucket: drive, Key: "shared/g", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.CommitPut(t.Context(), commitOf(key, drive, "private/f", "1", ticket))
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = e.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: key, Bucket: drive, Key: "private/f"})
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = e.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: key, Bucket: drive, Key: "private/f"})
	wantErr(t, err, objectv1.ErrAccessDenied)
	hash := []byte("x")
	_, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: key, NodeID: private.File.NodeID, KeyHash: &hash})
	wantErr(t, err, objectv1.ErrAccessDenied)
	if _, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{Principal: key, NodeID: mine.File.NodeID, KeyHash: &hash}); err != nil {
		t.Fatal(err)
	}
	_, err = e.ListFiles(t.Context(), objectv1.ListFilesRequest{Principal: key, Limit: 10})
	wantErr(t, err, objectv1.ErrAccessDenied)
	key.Grant.Buckets = []string{"other"}
	_, err = e.tryWrite(fileWrite{by: key, path: "shared/f", body: "1", o: o})
	wantErr(t, err, objectv1.ErrAccessDenied)
	if _, err := e.stat(drive, "shared/f", ""); err != nil {
		t.Fatal(err)
	}
}

func TestFile_EventsCarryThePath(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.write(fileWrite{path: "d/f", body: "four", region: "far", o: objectv1.FileOptions{Parents: true}})
	events := e.created("d/f")
	if len(events) != 1 || events[0].Bucket != drive || events[0].Region != "far" || events[0].Size != 4 {
		t.Fatalf("%+v", events)
	}
	e.delete(drive, "d/f", "")
	pending, err := e.db.PendingOutbox(t.Context(), 10)
	if err != nil || len(pending) != 1 {
		t.Fatalf("%+v, %v", pending, err)
	}
}

// A write with an idempotency key makes one file, whoever repeats it.
func TestFile_Idempotent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := objectv1.FileOptions{Conflict: objectv1.ConflictRename}
	ticket, err := e.fileTicket("f", "once", o)
	if err != nil {
		t.Fatal(err)
	}
	first, err := e.CommitPut(t.Context(), e.fileCommit("f", "once", ticket, o))
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.fileTicket("f", "once", o)
	if err != nil || again.Replayed == nil || again.Replayed.File == nil || again.Replayed.File.NodeID != first.File.NodeID ||
		again.Replayed.Key != first.Key || again.Replayed.VersionID != first.VersionID {
		t.Fatalf("%+v, %v", again, err)
	}
	e.delete(drive, "f", "")
	if again, err = e.fileTicket("f", "once", o); err != nil || again.Replayed == nil {
		t.Fatalf("%+v, %v", again, err)
	}
	if got := e.files(alice, 10); len(got) != 0 {
		t.Errorf("files %q", got)
	}
}

// A commit that is repeated answers with its file, also behind moves and removals.
func TestFile_RepeatedCommit(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for _, kind := range []string{"plain", "held", "staged"} {
		ticket, err := e.fileTicket(kind, kind, objectv1.FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r := e.fileCommit(kind, kind, ticket, objectv1.FileOptions{})
		first, err := e.CommitPut(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.MoveNode(t.Context(), objectv1.MoveNodeRequest{Principal: alice, From: kind, To: kind + "-moved"}); err != nil {
			t.Fatal(err)
		}
		other := e.file(kind, "another") // takes the name
		again, err := e.CommitPut(t.Context(), r)
		if err != nil || again.VersionID != first.VersionID || again.File.NodeID != first.File.NodeID || again.Key != kind+"-moved" {
			t.Errorf("%s: %+v, %v", kind, again, err)
		}
		e.delete(drive, kind+"-moved", "")
		again, err = e.CommitPut(t.Context(), r)
		if err != nil || again.VersionID != first.VersionID || again.File.NodeID != first.File.NodeID {
			t.Errorf("%s: %+v, %v", kind, again, err)
		}
		if o := e.wantFile(kind, 7); o.VersionID != other.VersionID {
			t.Errorf("%s: the repeat wrote again", kind)
		}
	}
	e.settle()
	e.checkDrive("alice")
}

// A long write finds at its end what is at the path then.
func TestFile_HeldWriteFollowsItsPath(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	old := e.file("f", "old")
	for _, kind := range []string{"held", "staged"} {
		ticket, err := e.fileTicket("f", kind, objectv1.FileOptions{})
		if err != nil || ticket.NodeID != old.File.NodeID {
			t.Fatalf("%+v, %v", ticket, err)
		}
		e.delete(drive, "f", "")
		next := e.file("f", "next one")
		o, err := e.CommitPut(t.Context(), e.fileCommit("f", kind, ticket, objectv1.FileOptions{}))
		if err != nil || o.File.NodeID != next.File.NodeID {
			t.Fatalf("%s: %+v, %v", kind, o.File, err)
		}
		old = e.wantFile("f", 4)
	}
	ticket, err := e.fileTicket("g", "held", objectv1.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.write(fileWrite{path: "g", body: "abroad", region: "far"})
	_, err = e.CommitPut(t.Context(), e.fileCommit("g", "held", ticket, objectv1.FileOptions{}))
	wantErr(t, err, objectv1.ErrOtherRegion)
	e.abort(ticket)
	e.checkDrive("alice")
}

// Forged and foreign tickets come to nothing.
func TestFile_ForgedTickets(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	theirs := e.write(fileWrite{by: owner2, path: "f", body: "bobs"})
	rename := objectv1.FileOptions{Conflict: objectv1.ConflictRename}
	for _, node := range []string{"", "x", "A", theirs.File.NodeID} {
		ticket, err := e.fileTicket("f", "plain", rename)
		if err != nil {
			t.Fatal(err)
		}
		ticket.NodeID = node
		_, err = e.CommitPut(t.Context(), e.fileCommit("f", "plain", ticket, rename))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", node, err)
		}
	}
	ticket, err := e.fileTicket("f", "plain", rename)
	if err != nil {
		t.Fatal(err)
	}
	r := e.fileCommit("f", "plain", ticket, rename)
	r.Principal = owner2
	_, err = e.CommitPut(t.Context(), r)
	wantErr(t, err, objectv1.ErrBucketNotFound)
	if o, err := e.statFile(theirs.File.NodeID); err != nil || o.Size != 4 {
		t.Fatal(err)
	}
	e.settle()
	e.checkDrive("alice")
}

// Names that very many files have are found by steps that grow.
func TestFile_ManyOfOneName(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	before := ""
	for i := range 60 {
		o, err := e.tryWrite(fileWrite{path: "f.txt", body: "1", o: objectv1.FileOptions{Conflict: objectv1.ConflictRename}})
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if i < 8 && i > 0 && o.Key != domain.NextName(before) {
			t.Errorf("%d is %q", i, o.Key)
		}
		before = o.Key
	}
	if n := len(e.files(alice, 1000)); n != 60 {
		t.Errorf("%d files", n)
	}
}

func TestFile_RefusedBehindABacklogOrWithoutAnybody(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{backlog: func() int64 { return 11 }})
	_, err := e.tryWrite(fileWrite{path: "f", body: "1"})
	if fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
	var nobody authv1.Principal
	_, err = e.RegisterFile(t.Context(), objectv1.RegisterFileRequest{Principal: nobody, NodeID: "aaaaaaaaaaaaaaaaaaaaaaaaaa"})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
	_, err = e.UpdateFile(t.Context(), objectv1.UpdateFileRequest{NodeID: "aaaaaaaaaaaaaaaaaaaaaaaaaa"})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
	_, err = e.ListFiles(t.Context(), objectv1.ListFilesRequest{Limit: 1})
	if err == nil || errors.Is(err, fault.ErrInternal) {
		t.Error(err)
	}
}
