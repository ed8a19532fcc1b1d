package domain_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// copyOf is a copy under an id of the service's own time.
func (e *env) copyOf(srcBucket, src, bucket, key string) objectv1.CopyObjectRequest {
	id := ulid.MustNew(ulid.Timestamp(time.Now().Add(time.Duration(e.ahead.Load()))), rand.Reader)
	return objectv1.CopyObjectRequest{
		Principal: alice, Bucket: bucket, Key: key, SourceBucket: srcBucket, SourceKey: src, VersionID: id.String(),
	}
}

// putWith writes an object with metadata.
func (e *env) putWith(bucket, key, body string, m objectv1.Metadata) objectv1.Object {
	e.t.Helper()
	ticket, err := e.begin(bucket, key, int64(len(body)))
	if err != nil {
		e.t.Fatal(err)
	}
	r := commitOf(alice, bucket, key, body, ticket)
	r.Metadata = m
	o, err := e.CommitPut(e.t.Context(), r)
	if err != nil {
		e.t.Fatal(err)
	}
	return o
}

func TestCopy_SharesTheContent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	e.bucket("kept", true)
	src := e.putWith("files", "src", "source", objectv1.Metadata{
		ContentType: "text/x", User: map[string]string{"a": "b"}, Tags: map[string]string{"t": "1"},
	})
	o, err := e.CopyObject(t.Context(), e.copyOf("files", "src", "kept", "dst"))
	if err != nil || o.ETag != src.ETag || o.Size != 6 || o.Metadata.ContentType != "text/x" || o.Metadata.User["a"] != "b" ||
		o.Metadata.Tags["t"] != "1" || o.Manifest.Size != 6 || len(o.Digests) != 2 || !o.Versioned {
		t.Fatalf("%+v, %v", o, err)
	}
	r := e.copyOf("files", "src", "kept", "dst")
	r.Metadata = &objectv1.Metadata{ContentType: "text/y", Tags: map[string]string{"t": "2"}}
	o, err = e.CopyObject(t.Context(), r)
	if err != nil || o.Metadata.ContentType != "text/y" || len(o.Metadata.User) != 0 || o.Metadata.Tags["t"] != "1" {
		t.Fatalf("%+v, %v", o, err)
	}
	e.wantUsage(18, 0)
	if n := e.contents(); n != 1 {
		t.Fatalf("%d contents", n)
	}
	if ev := e.created("dst"); len(ev) != 2 || ev[0].Operation != objectv1.OperationCopy || ev[1].Operation != objectv1.OperationCopy {
		t.Fatalf("events %+v", ev)
	}
	// The source goes, the copies stay; the last of them takes the content along.
	e.delete("files", "src", "")
	e.settle()
	if got, err := e.stat("kept", "dst", ""); err != nil || got.VersionID != o.VersionID {
		t.Fatalf("%+v, %v", got, err)
	}
	versions, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{Principal: alice, Bucket: "kept", MaxKeys: 10})
	if err != nil || len(versions.Versions) != 2 {
		t.Fatalf("%+v, %v", versions, err)
	}
	for _, v := range versions.Versions {
		e.delete("kept", "dst", v.VersionID)
	}
	e.settle()
	e.wantUsage(0, 0)
	if n := e.contents(); n != 0 {
		t.Fatalf("%d contents", n)
	}
}

func TestCopy_VersionOfTheSource(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("kept", true)
	old := e.put("kept", "k", "old")
	e.put("kept", "k", "newer")
	marker := e.delete("kept", "k", "")
	r := e.copyOf("kept", "k", "kept", "k")
	_, err := e.CopyObject(t.Context(), r)
	wantErr(t, err, objectv1.ErrNotFound)
	r.SourceVersionID = marker.VersionID
	_, err = e.CopyObject(t.Context(), r)
	wantErr(t, err, objectv1.ErrNotFound)
	r.SourceVersionID = "null"
	_, err = e.CopyObject(t.Context(), r)
	wantErr(t, err, objectv1.ErrNotFound)
	r.SourceVersionID = old.VersionID // an old version becomes the current one
	if _, err = e.CopyObject(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if o, err := e.stat("kept", "k", ""); err != nil || o.Size != 3 || o.VersionID != r.VersionID {
		t.Fatalf("%+v, %v", o, err)
	}
	e.settle()
	e.wantUsage(11, 0)
}

// The version that is overwritten shares the content with the one that follows it.
func TestCopy_OntoItself(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	e.put("files", "k", "body")
	for range 3 {
		r := e.copyOf("files", "k", "files", "k")
		r.Metadata = &objectv1.Metadata{ContentType: "text/new"}
		if _, err := e.CopyObject(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		e.settle()
		e.wantUsage(4, 0)
		if o, err := e.stat("files", "k", ""); err != nil || o.VersionID != r.VersionID || o.Metadata.ContentType != "text/new" {
			t.Fatalf("%+v, %v", o, err)
		}
		if n := e.contents(); n != 1 {
			t.Fatalf("%d contents", n)
		}
	}
}

func TestCopy_SourceConditions(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	src := e.put("files", "src", "source")
	at := src.CreatedAt.Truncate(time.Second)
	before, after := at.Add(-time.Hour), at.Add(time.Hour)
	none, yes := []string{`"x"`}, []string{`"x"`, src.ETag}
	for name, c := range map[string]struct {
		cond objectv1.SourceConditions
		ok   bool
	}{
		"match":                           {objectv1.SourceConditions{IfMatch: yes}, true},
		"match any":                       {objectv1.SourceConditions{IfMatch: []string{"*"}}, true},
		"no match":                        {objectv1.SourceConditions{IfMatch: none}, false},
		"none match":                      {objectv1.SourceConditions{IfNoneMatch: none}, true},
		"none match, but it does":         {objectv1.SourceConditions{IfNoneMatch: yes}, false},
		"none match any":                  {objectv1.SourceConditions{IfNoneMatch: []string{"*"}}, false},
		"unmodified since its second":     {objectv1.SourceConditions{IfUnmodifiedSince: &at}, true},
		"unmodified since before":         {objectv1.SourceConditions{IfUnmodifiedSince: &before}, false},
		"modified since before":           {objectv1.SourceConditions{IfModifiedSince: &before}, true},
		"modified since its second":       {objectv1.SourceConditions{IfModifiedSince: &at}, false},
		"modified since after":            {objectv1.SourceConditions{IfModifiedSince: &after}, false},
		"match outweighs unmodified":      {objectv1.SourceConditions{IfMatch: yes, IfUnmodifiedSince: &before}, true},
		"none match outweighs modified":   {objectv1.SourceConditions{IfNoneMatch: none, IfModifiedSince: &after}, true},
		"none match stays false":          {objectv1.SourceConditions{IfNoneMatch: yes, IfModifiedSince: &before}, false},
		"match and none match":            {objectv1.SourceConditions{IfMatch: yes, IfNoneMatch: yes}, false},
		"match and not modified":          {objectv1.SourceConditions{IfMatch: yes, IfModifiedSince: &after}, false},
		"unmodified and none match":       {objectv1.SourceConditions{IfUnmodifiedSince: &after, IfNoneMatch: none}, true},
		"unmodified fails before matches": {objectv1.SourceConditions{IfUnmodifiedSince: &before, IfNoneMatch: none}, false},
	} {
		r := e.copyOf("files", "src", "files", "dst")
		r.SourceConditions = c.cond
		_, err := e.CopyObject(t.Context(), r)
		if c.ok && err != nil || !c.ok && !errors.Is(err, objectv1.ErrPrecondition) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCopy_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	if _, err := e.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: alice, Name: "far-away", Region: "far"}); err != nil {
		t.Fatal(err)
	}
	e.put("files", "src", "source")
	e.put("files", "dst", "there")
	small, tiny := alice, alice
	small.Limits.StorageBytes = 12
	tiny.Limits.ObjectBytes = 5
	for name, c := range map[string]struct {
		change func(r *objectv1.CopyObjectRequest)
		want   error
	}{
		"no source":         {func(r *objectv1.CopyObjectRequest) { r.SourceKey = "none" }, objectv1.ErrNotFound},
		"no source version": {func(r *objectv1.CopyObjectRequest) { r.SourceVersionID = "none" }, objectv1.ErrNotFound},
		"no source bucket":  {func(r *objectv1.CopyObjectRequest) { r.SourceBucket = "none" }, objectv1.ErrBucketNotFound},
		"no bucket":         {func(r *objectv1.CopyObjectRequest) { r.Bucket = "none" }, objectv1.ErrBucketNotFound},
		"bad key":           {func(r *objectv1.CopyObjectRequest) { r.Key = "" }, objectv1.ErrInvalidKey},
		"bad source key":    {func(r *objectv1.CopyObjectRequest) { r.SourceKey = "a\x00" }, objectv1.ErrInvalidKey},
		"other region":      {func(r *objectv1.CopyObjectRequest) { r.Bucket = "far-away" }, objectv1.ErrOtherRegion},
		"condition and region": {func(r *objectv1.CopyObjectRequest) {
			r.Bucket = "far-away"
			r.SourceConditions.IfMatch = []string{`"x"`}
		}, objectv1.ErrPrecondition},
		"there already":            {func(r *objectv1.CopyObjectRequest) { r.Conditions.IfNoneMatchAny = true }, objectv1.ErrPrecondition},
		"another there":            {func(r *objectv1.CopyObjectRequest) { r.Conditions.IfMatch = []string{`"x"`} }, objectv1.ErrPrecondition},
		"quota":                    {func(r *objectv1.CopyObjectRequest) { r.Principal = small }, objectv1.ErrQuotaExceeded},
		"size":                     {func(r *objectv1.CopyObjectRequest) { r.Principal = tiny }, objectv1.ErrTooLarge},
		"no version id":            {func(r *objectv1.CopyObjectRequest) { r.VersionID = "" }, fault.ErrInvalid},
		"version id of the future": {func(r *objectv1.CopyObjectRequest) { r.VersionID = "7ZZZZZZZZZ" + r.VersionID[10:] }, fault.ErrInvalid},
		"version id of the past":   {func(r *objectv1.CopyObjectRequest) { r.VersionID = "0000000000" + r.VersionID[10:] }, objectv1.ErrUploadGone},
		"metadata": {func(r *objectv1.CopyObjectRequest) {
			r.Metadata = &objectv1.Metadata{ContentType: "a\r\nb"}
		}, fault.ErrInvalid},
	} {
		r := e.copyOf("files", "src", "files", "dst")
		c.change(&r)
		if _, err := e.CopyObject(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e.settle()
	e.wantUsage(11, 0)
	if n := e.contents(); n != 2 {
		t.Fatalf("%d contents", n)
	}
	for i := range 2 {
		page, err := e.st.Contents.Between(t.Context(), "", "", 10)
		if err != nil || len(page[i].Holds) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
	}
}

func TestCopy_Authorised(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("source-b", false)
	e.bucket("target-b", false)
	e.put("source-b", "a/src", "source")
	key := func(g authv1.Grant) authv1.Principal {
		p := alice
		p.KeyID, p.Grant = "LWAKAAAAAAAAAAAAAAAA", g
		return p
	}
	both := []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite}
	for name, c := range map[string]struct {
		p  authv1.Principal
		ok bool
	}{
		"both":             {key(authv1.Grant{Scopes: both}), true},
		"read only":        {key(authv1.Grant{Scopes: both[:1]}), false},
		"write only":       {key(authv1.Grant{Scopes: both[1:]}), false},
		"not the source":   {key(authv1.Grant{Scopes: both, Buckets: []string{"target-b"}}), false},
		"not the target":   {key(authv1.Grant{Scopes: both, Buckets: []string{"source-b"}}), false},
		"prefix of source": {key(authv1.Grant{Scopes: both, Prefixes: []string{"a/"}}), false},
		"prefix of both":   {key(authv1.Grant{Scopes: both, Prefixes: []string{"a/", "b/"}}), true},
	} {
		r := e.copyOf("source-b", "a/src", "target-b", "b/dst")
		r.Principal = c.p
		_, err := e.CopyObject(t.Context(), r)
		if c.ok && err != nil || !c.ok && !errors.Is(err, objectv1.ErrAccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bob := owner("bob")
	r := e.copyOf("source-b", "a/src", "target-b", "b/dst")
	r.Principal = bob
	_, err := e.CopyObject(t.Context(), r)
	wantErr(t, err, objectv1.ErrBucketNotFound)
}
