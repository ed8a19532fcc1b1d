package domain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// What tells versions apart is not in the drive, whoever asks.
func TestDrive_HasNoVersionsLocksPoliciesNotifications(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.file("f", "body")
	ctx := t.Context()
	version := objectv1.VersionRequest{Principal: alice, Bucket: drive, Key: "f", VersionID: o.VersionID}
	current := version
	current.VersionID = ""
	bucket := objectv1.BucketRequest{Principal: alice, Bucket: drive}
	retention := objectv1.Retention{Mode: objectv1.Governance, Until: time.Now().Add(time.Hour)}
	for what, err := range map[string]error{
		"ListVersions":            second(e.ListVersions(ctx, objectv1.ListVersionsRequest{Principal: alice, Bucket: drive, MaxKeys: 1})),
		"StatObject":              second(e.StatObject(ctx, version)),
		"DeleteObject":            second(e.tryDelete(drive, "f", o.VersionID)),
		"DeleteObject null":       second(e.tryDelete(drive, "f", "null")),
		"GetTags":                 second(e.GetTags(ctx, version)),
		"SetTags":                 second(e.SetTags(ctx, objectv1.SetTagsRequest{Principal: alice, Bucket: drive, Key: "f", VersionID: o.VersionID})),
		"GetRetention":            second(e.GetRetention(ctx, current)),
		"SetRetention":            second(e.SetRetention(ctx, objectv1.SetRetentionRequest{Principal: alice, Bucket: drive, Key: "f", Retention: retention})),
		"GetLegalHold":            second(e.GetLegalHold(ctx, current)),
		"SetLegalHold":            second(e.SetLegalHold(ctx, objectv1.SetLegalHoldRequest{Principal: alice, Bucket: drive, Key: "f", On: true})),
		"BeginPut with a hold":    second(e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: alice, Bucket: drive, Key: "f", Size: 1, LegalHold: true})),
		"BeginPut with retention": second(e.BeginPut(ctx, objectv1.BeginPutRequest{Principal: alice, Bucket: drive, Key: "f", Size: 1, Retention: &retention})),
		"SetVersioning":           second(e.SetVersioning(ctx, objectv1.SetVersioningRequest{Principal: alice, Bucket: drive, Versioning: objectv1.Enabled})),
		"GetPolicy":               second(e.GetPolicy(ctx, bucket)),
		"SetPolicy":               second(e.SetPolicy(ctx, objectv1.SetPolicyRequest{Principal: alice, Bucket: drive})),
		"GetNotifications":        second(e.GetNotifications(ctx, bucket)),
		"SetNotifications":        second(e.SetNotifications(ctx, objectv1.SetNotificationsRequest{Principal: alice, Bucket: drive})),
		"DeleteBucket":            e.DeleteBucket(ctx, bucket),
		"CopyObject":              second(e.CopyObject(ctx, objectv1.CopyObjectRequest{Principal: alice, Bucket: drive, Key: "g", SourceBucket: drive, SourceKey: "f", SourceVersionID: o.VersionID, VersionID: objectv1.NewVersionID()})),
	} {
		if !errors.Is(err, objectv1.ErrNotInDrive) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := e.CreateBucket(ctx, objectv1.CreateBucketRequest{Principal: alice, Name: drive})
	wantErr(t, err, objectv1.ErrBucketExists)
	for action, want := range map[objectv1.Action]error{
		objectv1.ActionGetObject: nil, objectv1.ActionPutObject: nil, objectv1.ActionDeleteObject: nil, objectv1.ActionListObjects: nil,
		objectv1.ActionPutObjectTags: nil, objectv1.ActionGetBucket: nil, objectv1.ActionPolicy: objectv1.ErrNotInDrive,
		objectv1.ActionDeleteVersion: objectv1.ErrNotInDrive, objectv1.ActionPutVersioning: objectv1.ErrNotInDrive,
	} {
		_, err := e.Authorize(ctx, objectv1.AuthorizeRequest{Principal: alice, Bucket: drive, Key: "f", Action: action})
		if !errors.Is(err, want) {
			t.Errorf("Authorize %s: %v", action, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDrive_IsABucket(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	list := func() []string {
		t.Helper()
		all, err := e.ListBuckets(t.Context(), objectv1.ListBucketsRequest{Principal: alice})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range all.Buckets {
			names = append(names, b.Name)
		}
		return names
	}
	e.bucket("files", false)
	if got := list(); !slices.Equal(got, []string{"files"}) {
		t.Fatalf("before it is used there are %q", got)
	}
	e.file("a/b", "12345")
	e.file("c", "1")
	if got := list(); !slices.Equal(got, []string{"drive", "files"}) {
		t.Fatalf("there are %q", got)
	}
	b, err := e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: drive})
	if err != nil || b.ObjectCount != 2 || b.Bytes != 6 || b.Versioning != objectv1.Unversioned || b.ObjectLock {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := e.SetTags(t.Context(), objectv1.SetTagsRequest{Principal: alice, Bucket: drive, Key: "a/b", Tags: map[string]string{"k": "v"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := e.GetTags(t.Context(), objectv1.VersionRequest{Principal: alice, Bucket: drive, Key: "a/b"})
	if err != nil || tags.Tags["k"] != "v" {
		t.Fatalf("%+v, %v", tags, err)
	}
	_, err = e.GetTags(t.Context(), objectv1.VersionRequest{Principal: alice, Bucket: drive, Key: "a"})
	wantErr(t, err, objectv1.ErrNotFound)
	page, err := e.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: alice, Bucket: drive, MaxKeys: 10, Full: true})
	if err != nil || len(page.Objects) != 2 || page.Objects[0].Key != "a/b" || len(page.Objects[0].Details.Digests) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
}

func TestDrive_Batch(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	o := e.file("a/b", "1")
	e.file("a/c", "1")
	e.folder("empty")
	r := objectv1.DeleteObjectsRequest{Principal: alice, Bucket: drive, Objects: []objectv1.ObjectRef{
		{Key: "a/b", VersionID: o.VersionID}, {Key: "a/b"}, {Key: "none"}, {Key: "a"}, {Key: "empty"}, {Key: "a//b"}, {Key: ""},
	}}
	out, err := e.DeleteObjects(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{objectv1.ErrNotInDrive.Code, "", "", "", "", objectv1.ErrInvalidKey.Code, objectv1.ErrInvalidKey.Code}
	for i, res := range out.Results {
		code := ""
		if res.Fault != nil {
			code = res.Fault.Code
		}
		if code != want[i] {
			t.Errorf("%+v: %q, want %q", r.Objects[i], code, want[i])
		}
	}
	e.wantTree("a/", "a/c", "empty/")
}

func TestDrive_Copies(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	far, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: alice, Name: "far", Region: "far"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	src := e.write(fileWrite{path: "src", body: "source", o: objectv1.FileOptions{ModTime: &at, KeyHash: []byte("secret")}})
	e.write(fileWrite{path: "farsrc", body: "source", region: "far"})
	e.put("files", "src", "source")
	copies := func(from, key, to, dst string) objectv1.Object {
		t.Helper()
		r := e.copyOf(from, key, to, dst)
		o, err := e.CopyObject(t.Context(), r)
		if err != nil {
			t.Fatalf("%s/%s to %s/%s: %v", from, key, to, dst, err)
		}
		again, err := e.CopyObject(t.Context(), r)
		if err != nil || again.VersionID != o.VersionID || again.Key != o.Key || to == drive && again.File.NodeID != o.File.NodeID {
			t.Fatalf("the repeat: %+v, %v", again, err)
		}
		if got, err := e.stat(to, dst, ""); err != nil || got.VersionID != o.VersionID || got.ETag != src.ETag || o.Key != dst {
			t.Fatalf("%s/%s to %s/%s: %+v, %v", from, key, to, dst, got, err)
		}
		return o
	}
	refuses := func(from, key, to, dst string, want error) {
		t.Helper()
		_, err := e.CopyObject(t.Context(), e.copyOf(from, key, to, dst))
		wantErr(t, err, want)
	}
	o := copies(drive, "src", drive, "new/folder/dst")
	if !o.File.ModTime.Equal(at) || o.File.NodeID == src.File.NodeID || len(o.File.KeyHash) > 0 || o.File.Region != "local" {
		t.Fatalf("%+v", o.File)
	}
	again := copies(drive, "src", drive, "new/folder/dst")
	if again.File.NodeID != o.File.NodeID {
		t.Fatalf("replacing made another file: %+v", again.File)
	}
	copies(drive, "src", "files", "a//odd/../key")
	copies("files", "src", drive, "src")
	if f, err := e.stat(drive, "src", ""); err != nil || f.File.NodeID != src.File.NodeID || string(f.File.KeyHash) != "secret" {
		t.Fatalf("%+v, %v", f.File, err)
	}
	if f := copies(drive, "farsrc", drive, "far copy").File; f.Region != "far" {
		t.Fatalf("%+v", f)
	}
	copies(drive, "farsrc", far.Name, "k")
	copies(far.Name, "k", drive, "from far")
	refuses(drive, "farsrc", "files", "k", objectv1.ErrOtherRegion)
	refuses(drive, "farsrc", drive, "src", objectv1.ErrOtherRegion)
	refuses("far", "k", drive, "src", objectv1.ErrOtherRegion)
	refuses(drive, "src", "far", "k", objectv1.ErrOtherRegion)
	refuses(drive, "none", drive, "k", objectv1.ErrNotFound)
	refuses(drive, "none", "files", "k", objectv1.ErrNotFound)
	refuses(drive, "new", drive, "k", objectv1.ErrNotFound)
	refuses("files", "none", drive, "k", objectv1.ErrNotFound)
	refuses(drive, "src", drive, "new", objectv1.ErrNodeExists)
	refuses(drive, "src", drive, "src/x", objectv1.ErrNotAFolder)
	refuses(drive, "src", drive, "a//b", objectv1.ErrInvalidKey)
	refuses(drive, "a//b", drive, "b", objectv1.ErrInvalidKey)
	never := e.copyOf(drive, "src", drive, "new/folder/dst")
	never.Conditions.IfNoneMatchAny = true
	if _, err := e.CopyObject(t.Context(), never); fault.KindOf(err) != fault.Precondition {
		t.Fatalf("over a file: %v", err)
	}
	small := e.copyOf(drive, "src", drive, "not/made/k")
	small.Principal.Limits.StorageBytes = 1
	_, err = e.CopyObject(t.Context(), small)
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	e.settle()
	e.checkDrive("alice")
	for _, path := range []string{"src", "farsrc", "far copy", "from far", "new"} {
		if err := e.removePath(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	e.wantTree("not/", "not/made/")
	e.settle()
	e.checkDrive("alice")
}

func TestClose_RemovesTheDrive(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for _, path := range []string{"a/b/c", "a/d", "e"} {
		e.file(path, "body")
	}
	e.folder("x/y/z")
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: drive, Key: "late", Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	id := e.file("f", "body").File.NodeID
	if err := e.close(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		_, err = e.tryWrite(fileWrite{path: "new", body: "1"})
		wantErr(t, err, objectv1.ErrAccountClosed)
		_, err = e.tryFolder("folder", true)
		wantErr(t, err, objectv1.ErrAccountClosed)
		_, err = e.move(t.Context(), "a", "b", false)
		wantErr(t, err, objectv1.ErrAccountClosed)
		if _, err = e.CommitPut(t.Context(), commitOf(alice, drive, "late", "late", ticket)); err == nil {
			t.Fatal("a commit behind the closing")
		}
		if n == 0 {
			e.settle()
			e.nothingOf("alice")
		}
	}
	_, err = e.statFile(id)
	wantErr(t, err, objectv1.ErrNodeNotFound)
	if page, err := e.st.Nodes.Children(t.Context(), "alice", domain.Root, "", 10); err != nil || len(page) > 0 {
		t.Fatalf("nodes %+v, %v", page, err)
	}
	if n := e.contents(); n != 0 {
		t.Fatalf("%d contents are left", n)
	}
	e.advance(25 * time.Hour)
	e.settle()
}
