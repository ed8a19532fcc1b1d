package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func (e *env) batch(p authv1.Principal, bucket string, refs ...objectv1.ObjectRef) (objectv1.DeleteObjectsResponse, error) {
	return e.DeleteObjects(e.t.Context(), objectv1.DeleteObjectsRequest{Principal: p, Bucket: bucket, Objects: refs})
}

func TestDeleteObjects_InOrder(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	var refs []objectv1.ObjectRef
	for i := range objectv1.MaxDeleteObjects - 5 {
		key := fmt.Sprint("k", i)
		if i%10 == 0 {
			e.put("files", key, "1")
		}
		refs = append(refs, objectv1.ObjectRef{Key: key})
	}
	first := e.put("files", "many", "1").VersionID
	second := e.put("files", "many", "2").VersionID
	// Of one key: the marker goes on the version that the deletion before left.
	refs = append(refs, objectv1.ObjectRef{Key: "many", VersionID: second}, objectv1.ObjectRef{Key: "many"},
		objectv1.ObjectRef{Key: "many", VersionID: first}, objectv1.ObjectRef{Key: ""}, objectv1.ObjectRef{Key: "many"})
	r, err := e.batch(alice, "files", refs...)
	if err != nil || len(r.Results) != len(refs) {
		t.Fatalf("%d results, %v", len(r.Results), err)
	}
	for i, got := range r.Results[:len(refs)-5] {
		if got.Fault != nil || got.DeleteMarker != (i%10 == 0) || (got.VersionID != "") != got.DeleteMarker {
			t.Fatalf("result %d: %+v", i, got)
		}
	}
	tail := r.Results[len(refs)-5:]
	if tail[0].DeleteMarker || !tail[1].DeleteMarker || tail[2].DeleteMarker || tail[4].DeleteMarker {
		t.Fatalf("results of one key %+v", tail)
	}
	if tail[3].Fault == nil || !errors.Is(tail[3].Fault.Err(), objectv1.ErrInvalidKey) || tail[3].Fault.Message == "" {
		t.Fatalf("empty key %+v", tail[3])
	}
	if keys := e.keys("files"); len(keys) != 0 {
		t.Fatalf("left %q", keys)
	}
	if list := e.versions("files", "many", 10); len(list) != 1 || !list[0].DeleteMarker || list[0].VersionID != tail[1].VersionID {
		t.Fatalf("versions %+v", list)
	}
}

func TestDeleteObjects_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	e.put("files", "in/a", "1")
	e.put("files", "out/a", "1")
	_, err := e.batch(alice, "files")
	wantErr(t, err, fault.ErrInvalid)
	_, err = e.batch(alice, "files", make([]objectv1.ObjectRef, objectv1.MaxDeleteObjects+1)...)
	wantErr(t, err, fault.ErrInvalid)
	_, err = e.batch(alice, "none", objectv1.ObjectRef{Key: "k"})
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = e.batch(withKey(keyA, authv1.ScopeWrite), "files", objectv1.ObjectRef{Key: "k"})
	wantErr(t, err, objectv1.ErrAccessDenied)
	bound := withKey(keyA, authv1.ScopeDelete)
	bound.Grant.Prefixes = []string{"in/"}
	r, err := e.batch(bound, "files", objectv1.ObjectRef{Key: "out/a"}, objectv1.ObjectRef{Key: "in/a"}, objectv1.ObjectRef{Key: strings.Repeat("x", 1025)})
	if err != nil || r.Results[0].Fault == nil || r.Results[0].Fault.Code != objectv1.ErrAccessDenied.Code || r.Results[1].Fault != nil ||
		r.Results[2].Fault == nil || r.Results[2].Fault.Code != objectv1.ErrInvalidKey.Code {
		t.Fatalf("%+v, %v", r, err)
	}
	if keys := e.keys("files"); len(keys) != 1 || keys[0] != "out/a" {
		t.Fatalf("left %q", keys)
	}
	full := newEnv(t, envOptions{backlog: func() int64 { return 11 }})
	full.bucket("files", false)
	_, err = full.batch(alice, "files", objectv1.ObjectRef{Key: "k"})
	wantErr(t, err, fault.ErrUnavailable)
}
