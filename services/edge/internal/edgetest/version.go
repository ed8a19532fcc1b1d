package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// find gives a version of a key, or the current one.
func (b *bucket) find(key, id string) (*version, error) {
	vs := b.versions[key]
	for i := range vs {
		if id == vs[i].VersionID || id == "" && i == 0 {
			if vs[i].marker {
				return nil, objectv1.ErrDeleteMarker
			}
			return &vs[i], nil
		}
	}
	return nil, objectv1.ErrNotFound
}

// at is enter and find.
func (o *Object) at(method string, action objectv1.Action, r objectv1.VersionRequest) (*version, error) {
	b, err := o.enter(method, r.Principal, action, r.Bucket, r.Key)
	if err != nil {
		return nil, err
	}
	return b.find(r.Key, r.VersionID)
}

// StatObject implements objectv1.Service.
func (o *Object) StatObject(_ context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.at("StatObject", objectv1.ActionGetObject, r)
	if err != nil {
		return objectv1.Object{}, err
	}
	return v.Object, nil
}

// SetVersioning implements objectv1.Service.
func (o *Object) SetVersioning(_ context.Context, r objectv1.SetVersioningRequest) (objectv1.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("SetVersioning", r.Principal, objectv1.ActionPutVersioning, r.Bucket, "")
	if err != nil {
		return objectv1.Bucket{}, err
	}
	if b.ObjectLock && r.Versioning != objectv1.Enabled {
		return objectv1.Bucket{}, objectv1.ErrLockNeedsVersioning
	}
	b.Versioning = r.Versioning
	return b.Bucket, nil
}

// GetPolicy implements objectv1.Service.
func (o *Object) GetPolicy(_ context.Context, r objectv1.BucketRequest) (objectv1.Policy, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("GetPolicy", r.Principal, objectv1.ActionPolicy, r.Bucket, "")
	if err != nil {
		return objectv1.Policy{}, err
	}
	return b.policy, nil
}

// SetPolicy implements objectv1.Service; an effect is all that it looks at.
func (o *Object) SetPolicy(_ context.Context, r objectv1.SetPolicyRequest) (objectv1.Policy, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("SetPolicy", r.Principal, objectv1.ActionPolicy, r.Bucket, "")
	if err != nil {
		return objectv1.Policy{}, err
	}
	for _, s := range r.Policy.Statements {
		if s.Effect != objectv1.Allow && s.Effect != objectv1.Deny || len(s.Actions) == 0 {
			return objectv1.Policy{}, fault.ErrInvalid.Msgf("a statement has an effect and actions")
		}
	}
	b.policy = r.Policy
	return b.policy, nil
}

// Authorize implements objectv1.Service.
func (o *Object) Authorize(_ context.Context, r objectv1.AuthorizeRequest) (objectv1.AuthorizeResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("Authorize", r.Principal, r.Action, r.Bucket, r.Key)
	if err != nil {
		return objectv1.AuthorizeResponse{}, err
	}
	return objectv1.AuthorizeResponse{BucketID: b.ID, Region: b.Region, ObjectLock: b.ObjectLock}, nil
}

// GetTags implements objectv1.Service.
func (o *Object) GetTags(_ context.Context, r objectv1.VersionRequest) (objectv1.Tags, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.at("GetTags", objectv1.ActionGetObject, r)
	if err != nil {
		return objectv1.Tags{}, err
	}
	return objectv1.Tags{VersionID: v.VersionID, Tags: v.Metadata.Tags}, nil
}

// SetTags implements objectv1.Service.
func (o *Object) SetTags(_ context.Context, r objectv1.SetTagsRequest) (objectv1.Tags, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.at("SetTags", objectv1.ActionPutObjectTags, objectv1.VersionRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, VersionID: r.VersionID})
	if err != nil {
		return objectv1.Tags{}, err
	}
	v.Metadata.Tags = r.Tags
	return objectv1.Tags{VersionID: v.VersionID, Tags: r.Tags}, nil
}

// lockable is at for what only buckets with object lock have.
func (o *Object) lockable(method string, action objectv1.Action, r objectv1.VersionRequest) (*version, error) {
	v, err := o.at(method, action, r)
	if err == nil && !v.ObjectLock {
		return nil, objectv1.ErrLockNotEnabled
	}
	return v, err
}

// GetRetention implements objectv1.Service.
func (o *Object) GetRetention(_ context.Context, r objectv1.VersionRequest) (objectv1.Retention, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.lockable("GetRetention", objectv1.ActionGetObject, r)
	switch {
	case err != nil:
		return objectv1.Retention{}, err
	case v.Retention == nil:
		return objectv1.Retention{}, objectv1.ErrNoRetention
	}
	return *v.Retention, nil
}

// SetRetention implements objectv1.Service.
func (o *Object) SetRetention(_ context.Context, r objectv1.SetRetentionRequest) (objectv1.Retention, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.lockable("SetRetention", objectv1.ActionPutObjectRetention, objectv1.VersionRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, VersionID: r.VersionID})
	switch {
	case err != nil:
		return objectv1.Retention{}, err
	case v.Retention != nil && (r.Retention.Until.Before(v.Retention.Until) || v.Retention.Mode == objectv1.Compliance && r.Retention.Mode != objectv1.Compliance):
		return objectv1.Retention{}, objectv1.ErrObjectLocked
	}
	v.Retention = &r.Retention
	return r.Retention, nil
}

// GetLegalHold implements objectv1.Service.
func (o *Object) GetLegalHold(_ context.Context, r objectv1.VersionRequest) (objectv1.LegalHold, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.lockable("GetLegalHold", objectv1.ActionGetObject, r)
	if err != nil {
		return objectv1.LegalHold{}, err
	}
	return objectv1.LegalHold{VersionID: v.VersionID, On: v.LegalHold}, nil
}

// SetLegalHold implements objectv1.Service.
func (o *Object) SetLegalHold(_ context.Context, r objectv1.SetLegalHoldRequest) (objectv1.LegalHold, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, err := o.lockable("SetLegalHold", objectv1.ActionPutObjectLegalHold, objectv1.VersionRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, VersionID: r.VersionID})
	if err != nil {
		return objectv1.LegalHold{}, err
	}
	v.LegalHold = r.On
	return objectv1.LegalHold{VersionID: v.VersionID, On: r.On}, nil
}

// CopyObject implements objectv1.Service.
func (o *Object) CopyObject(_ context.Context, r objectv1.CopyObjectRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	src, err := o.at("CopyObject", objectv1.ActionGetObject, objectv1.VersionRequest{Principal: r.Principal, Bucket: r.SourceBucket, Key: r.SourceKey, VersionID: r.SourceVersionID})
	if err != nil {
		return objectv1.Object{}, err
	}
	b, err := o.enter("CopyObject.destination", r.Principal, objectv1.ActionPutObject, r.Bucket, r.Key)
	if err != nil {
		return objectv1.Object{}, err
	}
	c := r.SourceConditions
	if len(c.IfMatch) > 0 && !slices.Contains(c.IfMatch, src.ETag) || slices.Contains(c.IfNoneMatch, src.ETag) ||
		c.IfModifiedSince != nil && !src.CreatedAt.After(*c.IfModifiedSince) || c.IfUnmodifiedSince != nil && src.CreatedAt.After(*c.IfUnmodifiedSince) {
		return objectv1.Object{}, objectv1.ErrPrecondition
	}
	if err := b.conditions(r.Key, r.Conditions); err != nil {
		return objectv1.Object{}, err
	}
	obj := b.object(r.Key, r.VersionID)
	if b.folders != nil {
		o.seq++
		nodeID, region := fmt.Sprintf("node%012d", o.seq), cmp.Or(r.Principal.Region, o.Regions[0])
		if _, obj.File, err = b.place(r.Principal, r.Key, nodeID, region, objectv1.FileOptions{Parents: true}); err != nil {
			return objectv1.Object{}, err
		}
	}
	obj.ETag, obj.Size, obj.Metadata, obj.Digests, obj.Compressed, obj.Manifest = src.ETag, src.Size, src.Metadata, src.Digests, src.Compressed, src.Manifest
	if r.Metadata != nil {
		obj.Metadata = *r.Metadata
		obj.Metadata.Tags = src.Metadata.Tags
	}
	b.add(version{Object: obj})
	return obj, nil
}

// DeleteObject implements objectv1.Service.
func (o *Object) DeleteObject(_ context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("DeleteObject", r.Principal, objectv1.ActionDeleteObject, r.Bucket, r.Key)
	if err != nil {
		return objectv1.DeleteObjectResponse{}, err
	}
	return o.remove(b, r.Key, r.VersionID)
}

func (o *Object) remove(b *bucket, key, id string) (objectv1.DeleteObjectResponse, error) {
	switch {
	case key == "" || len(key) > 1024 || !utf8.ValidString(key) || strings.Contains(key, "\x00"):
		return objectv1.DeleteObjectResponse{}, objectv1.ErrInvalidKey
	case id == "" && b.Versioning == objectv1.Unversioned:
		delete(b.versions, key)
		return objectv1.DeleteObjectResponse{}, nil
	case id == "":
		o.seq++
		marker := fmt.Sprintf("v%06d", o.seq)
		b.add(version{Object: b.object(key, marker), marker: true})
		return objectv1.DeleteObjectResponse{DeleteMarker: true, VersionID: marker}, nil
	}
	at := slices.IndexFunc(b.versions[key], func(v version) bool { return v.VersionID == id })
	if at < 0 {
		return objectv1.DeleteObjectResponse{}, nil
	}
	if v := b.versions[key][at]; !v.marker && (v.LegalHold || v.Retention != nil && v.Retention.Until.After(time.Now())) {
		return objectv1.DeleteObjectResponse{}, objectv1.ErrObjectLocked
	}
	if b.versions[key] = slices.Delete(b.versions[key], at, at+1); len(b.versions[key]) == 0 {
		delete(b.versions, key)
	}
	return objectv1.DeleteObjectResponse{}, nil
}

// DeleteObjects implements objectv1.Service.
func (o *Object) DeleteObjects(_ context.Context, r objectv1.DeleteObjectsRequest) (objectv1.DeleteObjectsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("DeleteObjects", r.Principal, objectv1.ActionDeleteObject, r.Bucket, "")
	if err != nil {
		return objectv1.DeleteObjectsResponse{}, err
	}
	o.Batches = append(o.Batches, len(r.Objects))
	var out objectv1.DeleteObjectsResponse
	for _, ref := range r.Objects {
		d, err := o.remove(b, ref.Key, ref.VersionID)
		res := objectv1.DeleteResult{DeleteObjectResponse: d}
		if err != nil {
			f := fault.From(err)
			res.Fault = &objectv1.Fault{Kind: f.Kind, Code: f.Code, Message: f.Message}
		}
		out.Results = append(out.Results, res)
	}
	return out, nil
}

// ListVersions implements objectv1.Service.
func (o *Object) ListVersions(_ context.Context, r objectv1.ListVersionsRequest) (objectv1.ListVersionsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("ListVersions", r.Principal, objectv1.ActionListObjects, r.Bucket, r.Prefix)
	if err != nil {
		return objectv1.ListVersionsResponse{}, err
	}
	var keys []string
	for k := range b.versions {
		if strings.HasPrefix(k, r.Prefix) && (k > r.KeyMarker || k == r.KeyMarker && r.VersionIDMarker != "") {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	var out objectv1.ListVersionsResponse
	for _, k := range keys {
		passed := k != r.KeyMarker
		for i, v := range b.versions[k] {
			if !passed {
				passed = v.VersionID == r.VersionIDMarker
				continue
			}
			if n := len(out.Versions); n == r.MaxKeys {
				out.Truncated, out.NextKeyMarker, out.NextVersionIDMarker = true, out.Versions[n-1].Key, out.Versions[n-1].VersionID
				return out, nil
			}
			out.Versions = append(out.Versions, objectv1.ListedVersion{
				Key: k, VersionID: v.VersionID, Latest: i == 0, DeleteMarker: v.marker, Size: v.Size, ETag: v.ETag, LastModified: v.CreatedAt, StorageClass: v.StorageClass,
			})
		}
	}
	return out, nil
}

// ListObjects implements objectv1.Service; the token is the last key.
func (o *Object) ListObjects(_ context.Context, r objectv1.ListObjectsRequest) (objectv1.ListObjectsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("ListObjects", r.Principal, objectv1.ActionListObjects, r.Bucket, "")
	if err != nil {
		return objectv1.ListObjectsResponse{}, err
	}
	var keys []string
	for k := range b.versions {
		if _, ok := b.current(k); ok && strings.HasPrefix(k, r.Prefix) && k > max(r.StartAfter, r.Token) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	var out objectv1.ListObjectsResponse
	for i, k := range keys {
		if i == r.MaxKeys {
			out.NextToken = keys[i-1]
			break
		}
		obj, _ := b.current(k)
		listed := objectv1.ListedObject{Key: k, Size: obj.Size, ETag: obj.ETag, LastModified: obj.CreatedAt, VersionID: obj.VersionID, StorageClass: "STANDARD", ContentType: obj.Metadata.ContentType}
		if r.Full {
			listed.Details = &objectv1.Details{Digests: obj.Digests, Composite: obj.Composite, Compressed: obj.Compressed, Retention: obj.Retention, LegalHold: obj.LegalHold}
		}
		out.Objects = append(out.Objects, listed)
	}
	return out, nil
}
