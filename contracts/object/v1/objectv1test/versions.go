package objectv1test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (w world) versioning(t *testing.T, bucket string, to objectv1.Versioning) {
	t.Helper()
	b, err := w.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: w.who, Bucket: bucket, Versioning: to})
	if err != nil || b.Versioning != to || b.Name != bucket {
		t.Fatalf("versioning %+v, %v", b, err)
	}
}

func (w world) lockBucket(t *testing.T, name string, d *objectv1.DefaultRetention) {
	t.Helper()
	_, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: name, ObjectLock: true, DefaultRetention: d})
	if err != nil {
		t.Fatal(err)
	}
}

// listed gives all versions of a bucket, page by page.
func (w world) listed(t *testing.T, bucket string, page int) []objectv1.ListedVersion {
	t.Helper()
	var all []objectv1.ListedVersion
	r := objectv1.ListVersionsRequest{Principal: w.who, Bucket: bucket, MaxKeys: page}
	for {
		p, err := w.ListVersions(t.Context(), r)
		if err != nil || len(p.Versions) > page || p.Truncated && len(p.Versions) == 0 {
			t.Fatalf("page %+v, %v", p, err)
		}
		all = append(all, p.Versions...)
		if !p.Truncated {
			return all
		}
		r.KeyMarker, r.VersionIDMarker = p.NextKeyMarker, p.NextVersionIDMarker
	}
}

// wantListed wants just these versions; the first of each key is its latest one.
func (w world) wantListed(t *testing.T, bucket string, want ...objectv1.ObjectRef) {
	t.Helper()
	for _, page := range []int{1, 2, 1000} {
		got := w.listed(t, bucket, page)
		if len(got) != len(want) {
			t.Fatalf("versions %+v, want %+v", got, want)
		}
		for i, v := range got {
			latest := i == 0 || got[i-1].Key != v.Key
			if v.Key != want[i].Key || v.VersionID != want[i].VersionID || v.Latest != latest || v.LastModified.IsZero() || v.DeleteMarker != (v.ETag == "") {
				t.Fatalf("version %d %+v, want %+v", i, v, want[i])
			}
		}
	}
}

func versioningStates(t *testing.T, w world) {
	w.bucket(t, "files", false)
	w.wantListed(t, "files")
	old := w.put(t, "files", "k", "0").VersionID
	null := w.put(t, "files", "k", "1").VersionID
	_, err := w.stat(t, "files", "k", old)
	wantErr(t, err, objectv1.ErrNotFound)
	w.versioning(t, "files", objectv1.Enabled)
	kept := w.put(t, "files", "k", "22").VersionID
	if o, err := w.stat(t, "files", "k", "null"); err != nil || o.VersionID != null || !o.Versioned {
		t.Fatalf("null version %+v, %v", o, err)
	}
	other := w.put(t, "files", "other", "1").VersionID
	w.wantListed(t, "files", objectv1.ObjectRef{Key: "k", VersionID: kept}, objectv1.ObjectRef{Key: "k", VersionID: null}, objectv1.ObjectRef{Key: "other", VersionID: other})
	w.versioning(t, "files", objectv1.Suspended)
	second := w.put(t, "files", "k", "333").VersionID
	_, err = w.stat(t, "files", "k", null)
	wantErr(t, err, objectv1.ErrNotFound)
	d := w.delete(t, "files", "k", "")
	if !d.DeleteMarker || d.VersionID == "" {
		t.Fatalf("delete %+v", d)
	}
	_, err = w.stat(t, "files", "k", second)
	wantErr(t, err, objectv1.ErrNotFound)
	w.wantListed(t, "files", objectv1.ObjectRef{Key: "k", VersionID: d.VersionID}, objectv1.ObjectRef{Key: "k", VersionID: kept}, objectv1.ObjectRef{Key: "other", VersionID: other})
	w.delete(t, "files", "k", "null")
	if o, err := w.stat(t, "files", "k", ""); err != nil || o.VersionID != kept {
		t.Fatalf("the marker is gone: %+v, %v", o, err)
	}
	w.delete(t, "files", "k", kept)
	w.delete(t, "files", "other", other)
	w.wantListed(t, "files")
	if u := w.used(t); u != (objectv1.Usage{}) {
		t.Fatalf("usage %+v", u)
	}
	_, err = w.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: w.who, Bucket: "files", Versioning: objectv1.Unversioned})
	wantErr(t, err, fault.ErrInvalid)
	w.lockBucket(t, "locked", nil)
	_, err = w.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: w.who, Bucket: "locked", Versioning: objectv1.Suspended})
	wantErr(t, err, objectv1.ErrLockNeedsVersioning)
}

func listVersionsRefused(t *testing.T, w world) {
	w.bucket(t, "files", true)
	id := w.put(t, "files", "a", "1").VersionID
	w.put(t, "files", "b", "1")
	for name, r := range map[string]objectv1.ListVersionsRequest{
		"no limit": {}, "over limit": {MaxKeys: 1001}, "version alone": {MaxKeys: 1, VersionIDMarker: id},
		"no version id": {MaxKeys: 1, KeyMarker: "a", VersionIDMarker: "x"},
		"NUL":           {MaxKeys: 1, Prefix: "\x00"},
	} {
		r.Principal, r.Bucket = w.who, "files"
		if _, err := w.ListVersions(t.Context(), r); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func tags(t *testing.T, w world) {
	w.bucket(t, "files", true)
	first := w.put(t, "files", "k", "1").VersionID
	second := w.put(t, "files", "k", "2").VersionID
	set := func(version string, tags map[string]string) (objectv1.Tags, error) {
		return w.SetTags(t.Context(), objectv1.SetTagsRequest{Principal: w.who, Bucket: "files", Key: "k", VersionID: version, Tags: tags})
	}
	get := func(version string) objectv1.Tags {
		t.Helper()
		got, err := w.GetTags(t.Context(), objectv1.VersionRequest{Principal: w.who, Bucket: "files", Key: "k", VersionID: version})
		if err != nil || got.Tags == nil {
			t.Fatalf("tags %+v, %v", got, err)
		}
		return got
	}
	if got := get(""); len(got.Tags) != 0 || got.VersionID != second {
		t.Fatalf("tags %+v", got)
	}
	if got, err := set(first, map[string]string{"year": "2026", "ü": ""}); err != nil || got.VersionID != first || len(got.Tags) != 2 {
		t.Fatalf("tags %+v, %v", got, err)
	}
	if got := get(first); got.Tags["year"] != "2026" || len(get("").Tags) != 0 {
		t.Fatalf("tags %+v", got)
	}
	if o, err := w.stat(t, "files", "k", first); err != nil || len(o.Metadata.Tags) != 2 || o.Metadata.ContentType != "text/plain" {
		t.Fatalf("stat %+v, %v", o, err)
	}
	if got, err := set(first, nil); err != nil || len(got.Tags) != 0 || len(get(first).Tags) != 0 {
		t.Fatalf("cleared tags %+v, %v", got, err)
	}
	many := map[string]string{}
	for i := range 11 {
		many[fmt.Sprint(i)] = ""
	}
	for _, bad := range []map[string]string{many, {"": "x"}, {"k": "a\x00"}} {
		_, err := set("", bad)
		wantErr(t, err, fault.ErrInvalid)
	}
	w.delete(t, "files", "k", "")
	_, err := set("", nil)
	wantErr(t, err, objectv1.ErrDeleteMarker)
}

func locks(t *testing.T, w world) {
	w.lockBucket(t, "locked", &objectv1.DefaultRetention{Mode: objectv1.Governance, Days: 1})
	w.bucket(t, "plain", true)
	o := w.put(t, "locked", "k", "1")
	if !o.ObjectLock || o.Retention == nil || o.Retention.Mode != objectv1.Governance || o.LegalHold {
		t.Fatalf("default %+v", o)
	}
	ref := objectv1.VersionRequest{Principal: w.who, Bucket: "locked", Key: "k"}
	retain := func(bucket, mode string, until time.Time) error {
		got, err := w.SetRetention(t.Context(), objectv1.SetRetentionRequest{
			Principal: w.who, Bucket: bucket, Key: "k", Retention: objectv1.Retention{Mode: mode, Until: until},
		})
		if err == nil && (got.Mode != mode || !got.Until.Equal(until)) {
			t.Errorf("retention %+v", got)
		}
		return err
	}
	until := time.Now().Add(48 * time.Hour).Truncate(time.Millisecond)
	if err := retain("locked", objectv1.Compliance, until); err != nil {
		t.Fatal(err)
	}
	if got, err := w.GetRetention(t.Context(), ref); err != nil || got.Mode != objectv1.Compliance || !got.Until.Equal(until) {
		t.Fatalf("retention %+v, %v", got, err)
	}
	for _, err := range []error{
		retain("locked", objectv1.Compliance, until.Add(-time.Hour)), retain("locked", objectv1.Governance, until.Add(time.Hour)),
	} {
		wantErr(t, err, objectv1.ErrObjectLocked)
	}
	wantErr(t, retain("locked", objectv1.Compliance, time.Now().Add(-time.Hour)), fault.ErrInvalid)
	w.put(t, "plain", "k", "1")
	wantErr(t, retain("plain", objectv1.Governance, until), objectv1.ErrLockNotEnabled)
	hold := func(bucket, key string, on bool) error {
		got, err := w.SetLegalHold(t.Context(), objectv1.SetLegalHoldRequest{Principal: w.who, Bucket: bucket, Key: key, On: on})
		if err == nil && got.On != on {
			t.Errorf("hold %+v", got)
		}
		return err
	}
	wantErr(t, hold("plain", "k", true), objectv1.ErrLockNotEnabled)
	if err := hold("locked", "k", true); err != nil {
		t.Fatal(err)
	}
	if got, err := w.GetLegalHold(t.Context(), ref); err != nil || !got.On || got.VersionID != o.VersionID {
		t.Fatalf("hold %+v, %v", got, err)
	}
	_, err := w.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: w.who, Bucket: "locked", Key: "k", VersionID: o.VersionID})
	wantErr(t, err, objectv1.ErrObjectLocked)
	w.delete(t, "locked", "k", "")
	_, err = w.GetRetention(t.Context(), ref)
	wantErr(t, err, objectv1.ErrDeleteMarker)
	_, err = w.DeleteBucket(t.Context(), w.bucketRequest("locked"))
	wantErr(t, err, objectv1.ErrBucketNotEmpty)
	w.lockBucket(t, "bare", nil)
	w.put(t, "bare", "k", "1")
	ref.Bucket = "bare"
	_, err = w.GetRetention(t.Context(), ref)
	wantErr(t, err, objectv1.ErrNoRetention)
}

func locksWithTheWrite(t *testing.T, w world) {
	w.lockBucket(t, "locked", nil)
	w.bucket(t, "plain", true)
	retention := &objectv1.Retention{Mode: objectv1.Governance, Until: time.Now().Add(time.Hour).Truncate(time.Millisecond)}
	begin := objectv1.BeginPutRequest{Principal: w.who, Bucket: "locked", Key: "k", Size: 1, Retention: retention, LegalHold: true}
	ticket, err := w.BeginPut(t.Context(), begin)
	if err != nil {
		t.Fatal(err)
	}
	c := w.commit("locked", "k", "1", ticket)
	c.Retention, c.LegalHold = retention, true
	if _, err := w.CommitPut(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	o, err := w.stat(t, "locked", "k", "")
	if err != nil || !o.LegalHold || o.Retention == nil || !o.Retention.Until.Equal(c.Retention.Until) {
		t.Fatalf("stat %+v, %v", o, err)
	}
	begin.Bucket = "plain"
	_, err = w.BeginPut(t.Context(), begin)
	wantErr(t, err, objectv1.ErrLockNotEnabled)
	begin.Bucket, begin.Principal = "locked", w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeWrite}}).who
	_, err = w.BeginPut(t.Context(), begin)
	wantErr(t, err, objectv1.ErrAccessDenied)
}

func deleteObjects(t *testing.T, w world) {
	w.bucket(t, "files", true)
	id := w.put(t, "files", "a", "1").VersionID
	w.put(t, "files", "b", "1")
	do := func(refs ...objectv1.ObjectRef) (objectv1.DeleteObjectsResponse, error) {
		return w.DeleteObjects(t.Context(), objectv1.DeleteObjectsRequest{Principal: w.who, Bucket: "files", Objects: refs})
	}
	r, err := do(objectv1.ObjectRef{Key: "b"}, objectv1.ObjectRef{Key: ""}, objectv1.ObjectRef{Key: "a", VersionID: id}, objectv1.ObjectRef{Key: "none"})
	if err != nil || len(r.Results) != 4 {
		t.Fatalf("batch %+v, %v", r, err)
	}
	if b := r.Results[0]; b.Fault != nil || !b.DeleteMarker || b.VersionID == "" {
		t.Fatalf("marked %+v", b)
	}
	if f := r.Results[1].Fault; f == nil || !errors.Is(f.Err(), objectv1.ErrInvalidKey) || f.Kind != fault.Invalid || f.Message == "" {
		t.Fatalf("empty key %+v", f)
	}
	if r.Results[2].Fault != nil || r.Results[2].DeleteMarker || r.Results[3].Fault != nil || r.Results[3].DeleteMarker {
		t.Fatalf("batch %+v", r)
	}
	if got := w.listed(t, "files", 10); len(got) != 2 || !got[0].DeleteMarker || got[0].Key != "b" {
		t.Fatalf("left %+v", got)
	}
	_, err = do()
	wantErr(t, err, fault.ErrInvalid)
	_, err = do(make([]objectv1.ObjectRef, objectv1.MaxDeleteObjects+1)...)
	wantErr(t, err, fault.ErrInvalid)
}

func policies(t *testing.T, w world) {
	w.bucket(t, "files", false)
	w.put(t, "files", "open/a", "1")
	w.put(t, "files", "secret/a", "1")
	none, err := w.GetPolicy(t.Context(), w.bucketRequest("files"))
	if err != nil || none.Statements == nil || len(none.Statements) != 0 {
		t.Fatalf("policy %+v, %v", none, err)
	}
	set := func(w world, st ...objectv1.Statement) error {
		_, err := w.SetPolicy(t.Context(), objectv1.SetPolicyRequest{Principal: w.who, Bucket: "files", Policy: objectv1.Policy{Statements: st}})
		return err
	}
	st := objectv1.Statement{Effect: objectv1.Deny, Actions: []objectv1.Action{objectv1.ActionAny}, Prefixes: []string{"secret/"}}
	if err := set(w, st); err != nil {
		t.Fatal(err)
	}
	got, err := w.GetPolicy(t.Context(), w.bucketRequest("files"))
	if err != nil || len(got.Statements) != 1 || got.Statements[0].Effect != objectv1.Deny || got.Statements[0].Prefixes[0] != "secret/" {
		t.Fatalf("policy %+v, %v", got, err)
	}
	reader := w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}})
	if _, err := reader.stat(t, "files", "open/a", ""); err != nil {
		t.Fatal(err)
	}
	_, err = reader.stat(t, "files", "secret/a", "")
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = reader.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: reader.who, Bucket: "files", MaxKeys: 1})
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = reader.ListVersions(t.Context(), objectv1.ListVersionsRequest{Principal: reader.who, Bucket: "files", Prefix: "open/", MaxKeys: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.stat(t, "files", "secret/a", ""); err != nil {
		t.Fatalf("the account itself: %v", err)
	}
	wantErr(t, set(w, objectv1.Statement{Effect: "deny", Actions: st.Actions}), fault.ErrInvalid)
	wantErr(t, set(w, objectv1.Statement{Effect: objectv1.Deny, Actions: []objectv1.Action{"fly"}}), fault.ErrInvalid)
	wantErr(t, set(reader), objectv1.ErrAccessDenied)
	if err := set(w); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.stat(t, "files", "secret/a", ""); err != nil {
		t.Fatal(err)
	}
}

func authorize(t *testing.T, w world) {
	b := w.bucket(t, "files", false)
	ask := func(w world, bucket string, a objectv1.Action, key string) (objectv1.AuthorizeResponse, error) {
		return w.Authorize(t.Context(), objectv1.AuthorizeRequest{Principal: w.who, Bucket: bucket, Action: a, Key: key})
	}
	reader := w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}, Buckets: []string{"files", "gone"}})
	if got, err := ask(reader, "files", objectv1.ActionGetObject, "k"); err != nil || got.BucketID != b.ID || got.Region != b.Region || got.ObjectLock {
		t.Fatalf("authorised %+v, %v", got, err)
	}
	_, err := ask(reader, "files", objectv1.ActionPutObject, "k")
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = ask(reader, "gone", objectv1.ActionGetObject, "k")
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = ask(reader, "other", objectv1.ActionGetObject, "k")
	wantErr(t, err, objectv1.ErrAccessDenied)
	_, err = ask(w, "files", objectv1.ActionGetObject, "")
	wantErr(t, err, objectv1.ErrInvalidKey)
	_, err = ask(w, "files", "fly", "k")
	wantErr(t, err, fault.ErrInvalid)
}

func fullListing(t *testing.T, w world) {
	w.lockBucket(t, "locked", &objectv1.DefaultRetention{Mode: objectv1.Governance, Days: 1})
	o := w.put(t, "locked", "k", "1")
	r := objectv1.ListObjectsRequest{Principal: w.who, Bucket: "locked", MaxKeys: 10, Full: true}
	got, err := w.ListObjects(t.Context(), r)
	if err != nil || len(got.Objects) != 1 || got.Objects[0].Details == nil || got.Objects[0].VersionID != o.VersionID {
		t.Fatalf("listing %+v, %v", got, err)
	}
	d := got.Objects[0].Details
	if string(d.Digests[blob.SHA256]) != string(o.Digests[blob.SHA256]) || d.Retention == nil || !d.Retention.Until.Equal(o.Retention.Until) {
		t.Fatalf("details %+v", d)
	}
	r.Full = false
	if got, err = w.ListObjects(t.Context(), r); err != nil || got.Objects[0].Details != nil {
		t.Fatalf("listing %+v, %v", got, err)
	}
}
