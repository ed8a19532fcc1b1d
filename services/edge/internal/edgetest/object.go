package edgetest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Object is a fake of object and upload in memory. It knows scopes, conditions
// and one version per key; Fail makes a method of that name return the error.
type Object struct {
	objectv1.Service

	mu      sync.Mutex
	buckets map[string]*bucket // by account and name
	seq     int
	Fail    map[string]error
	Quota   int64         // bytes that may be reserved by one ticket; 0: no bound
	Lease   time.Duration // of tickets
	Calls   []string      // methods called, in order
	MaxSize int64
	held    map[string]int64 // reservations by version id
}

type bucket struct {
	objectv1.Bucket
	objects map[string]objectv1.Object
	configs []objectv1.NotificationConfig
}

// NewObject makes an empty fake.
func NewObject() *Object {
	return &Object{buckets: map[string]*bucket{}, Fail: map[string]error{}, Lease: 2 * time.Minute, MaxSize: 1 << 40, held: map[string]int64{}}
}

// SetFail makes a method fail, or work again with nil.
func (o *Object) SetFail(method string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Fail[method] = err
}

// Called counts the calls of a method.
func (o *Object) Called(method string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, c := range o.Calls {
		if c == method {
			n++
		}
	}
	return n
}

// Held counts the reservations that are open.
func (o *Object) Held() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.held)
}

// Keys lists what is visible in a bucket.
func (o *Object) Keys(account, name string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	if b := o.buckets[account+"/"+name]; b != nil {
		for k := range b.objects {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

// enter notes a call and gives the bucket, with o.mu held.
func (o *Object) enter(method string, p authv1.Principal, scope authv1.Scope, name string) (*bucket, error) {
	o.Calls = append(o.Calls, method)
	if err := o.Fail[method]; err != nil {
		return nil, err
	}
	if p.KeyID != "" && !slices.Contains(p.Grant.Scopes, scope) {
		return nil, objectv1.ErrAccessDenied
	}
	b := o.buckets[p.AccountID+"/"+name]
	if b == nil && name != "" {
		return nil, objectv1.ErrBucketNotFound
	}
	return b, nil
}

// CreateBucket implements objectv1.Service.
func (o *Object) CreateBucket(_ context.Context, r objectv1.CreateBucketRequest) (objectv1.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.enter("CreateBucket", r.Principal, authv1.ScopeAdmin, ""); err != nil {
		return objectv1.Bucket{}, err
	}
	if len(r.Name) < 3 || len(r.Name) > 63 || strings.ToLower(r.Name) != r.Name {
		return objectv1.Bucket{}, objectv1.ErrInvalidBucketName
	}
	id := r.Principal.AccountID + "/" + r.Name
	if o.buckets[id] != nil {
		return objectv1.Bucket{}, objectv1.ErrBucketExists
	}
	v := objectv1.Unversioned
	if r.Versioning {
		v = objectv1.Enabled
	}
	b := &bucket{Bucket: objectv1.Bucket{ID: id, Name: r.Name, CreatedAt: time.Now(), Versioning: v, ObjectLock: r.ObjectLock, DefaultRetention: r.DefaultRetention, Region: "local"}, objects: map[string]objectv1.Object{}}
	o.buckets[id] = b
	return b.Bucket, nil
}

// GetBucket implements objectv1.Service.
func (o *Object) GetBucket(_ context.Context, r objectv1.BucketRequest) (objectv1.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("GetBucket", r.Principal, authv1.ScopeRead, r.Bucket)
	if err != nil {
		return objectv1.Bucket{}, err
	}
	return b.Bucket, nil
}

// ListBuckets implements objectv1.Service.
func (o *Object) ListBuckets(_ context.Context, r objectv1.ListBucketsRequest) (objectv1.ListBucketsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.enter("ListBuckets", r.Principal, authv1.ScopeRead, ""); err != nil {
		return objectv1.ListBucketsResponse{}, err
	}
	var out objectv1.ListBucketsResponse
	for id, b := range o.buckets {
		if strings.HasPrefix(id, r.Principal.AccountID+"/") {
			out.Buckets = append(out.Buckets, b.Bucket)
		}
	}
	return out, nil
}

// DeleteBucket implements objectv1.Service.
func (o *Object) DeleteBucket(_ context.Context, r objectv1.BucketRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("DeleteBucket", r.Principal, authv1.ScopeAdmin, r.Bucket)
	if err != nil {
		return objectv1.Empty{}, err
	}
	if len(b.objects) > 0 {
		return objectv1.Empty{}, objectv1.ErrBucketNotEmpty
	}
	delete(o.buckets, b.ID)
	return objectv1.Empty{}, nil
}

// GetNotifications implements objectv1.Service.
func (o *Object) GetNotifications(_ context.Context, r objectv1.BucketRequest) (objectv1.Notifications, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("GetNotifications", r.Principal, authv1.ScopeAdmin, r.Bucket)
	if err != nil {
		return objectv1.Notifications{}, err
	}
	return objectv1.Notifications{Configs: b.configs}, nil
}

// SetNotifications implements objectv1.Service.
func (o *Object) SetNotifications(_ context.Context, r objectv1.SetNotificationsRequest) (objectv1.Notifications, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("SetNotifications", r.Principal, authv1.ScopeAdmin, r.Bucket)
	if err != nil {
		return objectv1.Notifications{}, err
	}
	b.configs = slices.Clone(r.Configs)
	for i := range b.configs {
		if b.configs[i].ID == "" {
			b.configs[i].ID = fmt.Sprintf("cfg-%d", i)
		}
	}
	return objectv1.Notifications{Configs: b.configs}, nil
}

// conditions holds the current version against what a PUT asks for.
func (b *bucket) conditions(key string, c objectv1.Conditions) error {
	cur, ok := b.objects[key]
	if c.IfNoneMatchAny && ok {
		return objectv1.ErrPrecondition
	}
	if len(c.IfMatch) > 0 && (!ok || !slices.Contains(c.IfMatch, cur.ETag) && !slices.Contains(c.IfMatch, "*")) {
		return objectv1.ErrPrecondition
	}
	return nil
}

// BeginPut implements objectv1.Service.
func (o *Object) BeginPut(_ context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("BeginPut", r.Principal, authv1.ScopeWrite, r.Bucket)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	if r.Size > o.MaxSize {
		return objectv1.Ticket{}, objectv1.ErrTooLarge
	}
	if o.Quota > 0 && r.Size > o.Quota {
		return objectv1.Ticket{}, objectv1.ErrQuotaExceeded
	}
	if err := b.conditions(r.Key, r.Conditions); err != nil {
		return objectv1.Ticket{}, err
	}
	o.seq++
	t := objectv1.Ticket{VersionID: fmt.Sprintf("v%06d", o.seq), BucketID: b.ID, AccountID: r.Principal.AccountID, KeyDomain: r.Principal.AccountID, Region: "", MaxSize: o.MaxSize, LeaseTill: time.Now().Add(o.Lease)}
	if r.Hold {
		t.Reserved = max(r.Size, 0)
		o.held[t.VersionID] = t.Reserved
	}
	return t, nil
}

// CommitPut implements objectv1.Service.
func (o *Object) CommitPut(_ context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("CommitPut", r.Principal, authv1.ScopeWrite, r.Bucket)
	if err != nil {
		return objectv1.Object{}, err
	}
	if cur, ok := b.objects[r.Key]; ok && cur.VersionID == r.Ticket.VersionID {
		return cur, nil
	}
	if err := b.conditions(r.Key, r.Conditions); err != nil {
		return objectv1.Object{}, err
	}
	obj := objectv1.Object{
		BucketID: b.ID, Bucket: r.Bucket, Key: r.Key, VersionID: r.Ticket.VersionID, Versioned: b.Versioning == objectv1.Enabled,
		ETag: `"` + hex.EncodeToString(r.Digests[blob.SHA256][:16]) + `-1"`, Size: r.Manifest.Size, Metadata: r.Metadata, Digests: r.Digests,
		Compressed: r.Compressed, StorageClass: "STANDARD", CreatedAt: time.Now(), Manifest: r.Manifest,
	}
	b.objects[r.Key] = obj
	delete(o.held, r.Ticket.VersionID)
	return obj, nil
}

// AbortPut implements objectv1.Service.
func (o *Object) AbortPut(_ context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Calls = append(o.Calls, "AbortPut")
	delete(o.held, r.VersionID)
	for _, b := range o.buckets {
		for _, obj := range b.objects {
			if obj.VersionID == r.VersionID {
				return objectv1.AbortPutResponse{Committed: true}, nil
			}
		}
	}
	return objectv1.AbortPutResponse{}, nil
}

// StatObject implements objectv1.Service.
func (o *Object) StatObject(_ context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("StatObject", r.Principal, authv1.ScopeRead, r.Bucket)
	if err != nil {
		return objectv1.Object{}, err
	}
	obj, ok := b.objects[r.Key]
	if !ok || r.VersionID != "" && r.VersionID != obj.VersionID {
		return objectv1.Object{}, objectv1.ErrNotFound
	}
	return obj, nil
}

// DeleteObject implements objectv1.Service.
func (o *Object) DeleteObject(_ context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("DeleteObject", r.Principal, authv1.ScopeDelete, r.Bucket)
	if err != nil {
		return objectv1.DeleteObjectResponse{}, err
	}
	delete(b.objects, r.Key)
	if b.Versioning == objectv1.Enabled && r.VersionID == "" {
		return objectv1.DeleteObjectResponse{DeleteMarker: true, VersionID: "marker"}, nil
	}
	return objectv1.DeleteObjectResponse{}, nil
}

// ListObjects implements objectv1.Service; the token is the last key.
func (o *Object) ListObjects(_ context.Context, r objectv1.ListObjectsRequest) (objectv1.ListObjectsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("ListObjects", r.Principal, authv1.ScopeRead, r.Bucket)
	if err != nil {
		return objectv1.ListObjectsResponse{}, err
	}
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, r.Prefix) && k > max(r.StartAfter, r.Token) {
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
		obj := b.objects[k]
		out.Objects = append(out.Objects, objectv1.ListedObject{Key: k, Size: obj.Size, ETag: obj.ETag, LastModified: obj.CreatedAt, VersionID: obj.VersionID, StorageClass: "STANDARD", ContentType: obj.Metadata.ContentType})
	}
	return out, nil
}

// GetUsage implements objectv1.Service.
func (o *Object) GetUsage(context.Context, objectv1.GetUsageRequest) (objectv1.Usage, error) {
	return objectv1.Usage{Used: 42}, nil
}

// Upload is the fake's face as upload.
type Upload struct {
	uploadv1.Service
	O *Object
}

// Begin implements uploadv1.Service.
func (u Upload) Begin(ctx context.Context, r uploadv1.BeginRequest) (uploadv1.Ingest, error) {
	t, err := u.O.BeginPut(ctx, r.Put)
	return uploadv1.Ingest{Ticket: t, LeaseTill: t.LeaseTill}, err
}

// Renew implements uploadv1.Service.
func (u Upload) Renew(_ context.Context, r uploadv1.RenewRequest) (uploadv1.Ingest, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Calls = append(o.Calls, "Renew")
	if err := o.Fail["Renew"]; err != nil {
		return uploadv1.Ingest{}, err
	}
	if _, ok := o.held[r.VersionID]; !ok {
		return uploadv1.Ingest{}, uploadv1.ErrGone
	}
	if o.Quota > 0 && r.Bytes > o.Quota {
		return uploadv1.Ingest{}, objectv1.ErrQuotaExceeded
	}
	o.held[r.VersionID] = r.Bytes
	till := time.Now().Add(o.Lease)
	return uploadv1.Ingest{Ticket: objectv1.Ticket{VersionID: r.VersionID, Reserved: r.Bytes, LeaseTill: till}, LeaseTill: till}, nil
}

// End implements uploadv1.Service.
func (u Upload) End(ctx context.Context, r uploadv1.EndRequest) (uploadv1.EndResponse, error) {
	if !r.Committed {
		_, err := u.O.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: r.AccountID, VersionID: r.VersionID})
		return uploadv1.EndResponse{}, err
	}
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	delete(u.O.held, r.VersionID)
	u.O.Calls = append(u.O.Calls, "End")
	return uploadv1.EndResponse{}, nil
}
