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
	"github.com/sluicehq/sluice/pkg/blob"
)

// Object is a fake of object and upload in memory. It knows scopes, policies
// that deny, conditions, versions, locks and idempotency keys, each as far as
// the edge can see it; Fail makes a method of that name return the error.
type Object struct {
	objectv1.Service

	mu      sync.Mutex
	buckets map[string]*bucket // by account and name
	seq     int
	Fail    map[string]error
	pass    map[string]int // calls that still pass, by method
	Quota   int64          // bytes that may be reserved by one ticket; 0: no bound
	Lease   time.Duration  // of tickets
	Calls   []string       // methods called, in order
	MaxSize int64
	held    map[string]int64  // reservations by version id
	bound   map[string]*bound // by bucket, key and idempotency key
	uploads map[string]*multipart
	Unit    int64 // bytes of a session's contents; 0: as the real one
	// sessions are the resumable uploads, by secret.
	sessions map[string]*session
	// numbers are the sequences of nodes, notes what files are beside objectv1.File.
	numbers map[objectv1.NodeKind]int64
	notes   map[string]*notes
	// Regions that content may live in; the first is the default.
	Regions []string
	// Batches notes how many objects each DeleteObjects named.
	Batches []int
}

type bucket struct {
	objectv1.Bucket
	versions map[string][]version // by key, the newest first
	configs  []objectv1.NotificationConfig
	policy   objectv1.Policy
	folders  map[string]*folder  // of a drive, by path
	trash    map[string]*trashed // of a drive, by node id
	o        *Object             // of a drive: whose
}

type version struct {
	objectv1.Object
	marker bool
}

// current gives the visible version of a key.
func (b *bucket) current(key string) (objectv1.Object, bool) {
	if vs := b.versions[key]; len(vs) > 0 && !vs[0].marker {
		return vs[0].Object, true
	}
	return objectv1.Object{}, false
}

// add makes v the newest version of its key.
func (b *bucket) add(v version) { b.addAt(v.Key, v) }

func (b *bucket) addAt(key string, v version) {
	if b.Versioning == objectv1.Unversioned {
		b.versions[key] = []version{v}
		return
	}
	b.versions[key] = slices.Insert(b.versions[key], 0, v)
}

// committed finds what a commit under a version id made before.
func (b *bucket) committed(key, versionID string) (objectv1.Object, bool) {
	if b.folders == nil {
		cur, ok := b.current(key)
		return cur, ok && cur.VersionID == versionID
	}
	for path := range b.versions { // it may have gone to another name
		if cur, ok := b.current(path); ok && cur.VersionID == versionID {
			return cur, true
		}
	}
	return objectv1.Object{}, false
}

// NewObject makes an empty fake.
func NewObject() *Object {
	return &Object{Regions: []string{"us-central1", "eu-west1"}, buckets: map[string]*bucket{}, Fail: map[string]error{}, pass: map[string]int{}, Lease: 2 * time.Minute, MaxSize: 1 << 40, held: map[string]int64{}, bound: map[string]*bound{}, uploads: map[string]*multipart{}, sessions: map[string]*session{}, numbers: map[objectv1.NodeKind]int64{}, notes: map[string]*notes{}}
}

// SetFail makes a method fail, or work again with nil.
func (o *Object) SetFail(method string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Fail[method] = err
}

// FailAfter lets n calls of a method pass before it fails.
func (o *Object) FailAfter(method string, n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Fail[method], o.pass[method] = err, n
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
		for k := range b.versions {
			if _, ok := b.current(k); ok {
				out = append(out, k)
			}
		}
	}
	sort.Strings(out)
	return out
}

// scopeOf says which scope an action takes.
func scopeOf(a objectv1.Action) authv1.Scope {
	switch a {
	case objectv1.ActionGetObject, objectv1.ActionListObjects, objectv1.ActionGetBucket:
		return authv1.ScopeRead
	case objectv1.ActionPutObject, objectv1.ActionPutObjectTags:
		return authv1.ScopeWrite
	case objectv1.ActionDeleteObject, objectv1.ActionDeleteVersion:
		return authv1.ScopeDelete
	}
	return authv1.ScopeAdmin
}

// enter notes a call and gives the bucket, with o.mu held.
func (o *Object) enter(method string, p authv1.Principal, action objectv1.Action, name, key string) (*bucket, error) {
	o.Calls = append(o.Calls, method)
	if o.pass[method]--; o.Fail[method] != nil && o.pass[method] < 0 {
		return nil, o.Fail[method]
	}
	b := o.buckets[p.AccountID+"/"+name]
	if name == objectv1.DriveBucket {
		b = o.driveOf(p.AccountID)
	}
	if name == objectv1.PlikBucket {
		b = o.plikBucket(p)
	}
	if b == nil && name != "" {
		return nil, objectv1.ErrBucketNotFound
	}
	if p.KeyID != "" && (!slices.Contains(p.Grant.Scopes, scopeOf(action)) || b != nil && b.denies(action, key)) {
		return nil, objectv1.ErrAccessDenied
	}
	return b, nil
}

// denies looks for a Deny that names the action itself.
func (b *bucket) denies(action objectv1.Action, key string) bool {
	return slices.ContainsFunc(b.policy.Statements, func(s objectv1.Statement) bool {
		return s.Effect == objectv1.Deny && slices.Contains(s.Actions, action) &&
			(len(s.Prefixes) == 0 || slices.ContainsFunc(s.Prefixes, func(p string) bool { return strings.HasPrefix(key, p) }))
	})
}

// CreateBucket implements objectv1.Service.
func (o *Object) CreateBucket(_ context.Context, r objectv1.CreateBucketRequest) (objectv1.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.enter("CreateBucket", r.Principal, objectv1.ActionCreateBucket, "", ""); err != nil {
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
	if r.Versioning || r.ObjectLock {
		v = objectv1.Enabled
	}
	b := &bucket{Bucket: objectv1.Bucket{ID: id, Name: r.Name, CreatedAt: time.Now(), Versioning: v, ObjectLock: r.ObjectLock, DefaultRetention: r.DefaultRetention, Region: "local"}, versions: map[string][]version{}}
	o.buckets[id] = b
	return b.Bucket, nil
}

// GetBucket implements objectv1.Service.
func (o *Object) GetBucket(_ context.Context, r objectv1.BucketRequest) (objectv1.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("GetBucket", r.Principal, objectv1.ActionGetBucket, r.Bucket, "")
	if err != nil {
		return objectv1.Bucket{}, err
	}
	return b.Bucket, nil
}

// ListBuckets implements objectv1.Service.
func (o *Object) ListBuckets(_ context.Context, r objectv1.ListBucketsRequest) (objectv1.ListBucketsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.enter("ListBuckets", r.Principal, objectv1.ActionGetBucket, "", ""); err != nil {
		return objectv1.ListBucketsResponse{}, err
	}
	var out objectv1.ListBucketsResponse
	for id, b := range o.buckets {
		if strings.HasPrefix(id, r.Principal.AccountID+"/") && b.Name != objectv1.PlikBucket {
			out.Buckets = append(out.Buckets, b.Bucket)
		}
	}
	return out, nil
}

// DeleteBucket implements objectv1.Service.
func (o *Object) DeleteBucket(_ context.Context, r objectv1.BucketRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("DeleteBucket", r.Principal, objectv1.ActionDeleteBucket, r.Bucket, "")
	if err != nil {
		return objectv1.Empty{}, err
	}
	if len(b.versions) > 0 {
		return objectv1.Empty{}, objectv1.ErrBucketNotEmpty
	}
	delete(o.buckets, b.ID)
	return objectv1.Empty{}, nil
}

// GetNotifications implements objectv1.Service.
func (o *Object) GetNotifications(_ context.Context, r objectv1.BucketRequest) (objectv1.Notifications, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("GetNotifications", r.Principal, objectv1.ActionNotifications, r.Bucket, "")
	if err != nil {
		return objectv1.Notifications{}, err
	}
	return objectv1.Notifications{Configs: b.configs}, nil
}

// SetNotifications implements objectv1.Service.
func (o *Object) SetNotifications(_ context.Context, r objectv1.SetNotificationsRequest) (objectv1.Notifications, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("SetNotifications", r.Principal, objectv1.ActionNotifications, r.Bucket, "")
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
	cur, ok := b.current(key)
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
	b, err := o.enter("BeginPut", r.Principal, objectv1.ActionPutObject, r.Bucket, r.Key)
	if err != nil {
		return objectv1.Ticket{}, err
	}
	locks := r.Retention != nil || r.LegalHold
	most := o.MaxSize
	if limit := r.Principal.Limits.ObjectBytes; limit > 0 {
		most = min(most, limit)
	}
	switch {
	case locks && r.Principal.KeyID != "" && !slices.Contains(r.Principal.Grant.Scopes, authv1.ScopeAdmin):
		return objectv1.Ticket{}, objectv1.ErrAccessDenied
	case locks && !b.ObjectLock:
		return objectv1.Ticket{}, objectv1.ErrLockNotEnabled
	case r.Size > most:
		return objectv1.Ticket{}, objectv1.ErrTooLarge
	case o.Quota > 0 && r.Size > o.Quota, r.Principal.Limits.StorageBytes > 0 && b.bytes()+r.Size > r.Principal.Limits.StorageBytes:
		return objectv1.Ticket{}, objectv1.ErrQuotaExceeded
	}
	o.seq++
	t := objectv1.Ticket{VersionID: fmt.Sprintf("v%06d", o.seq), BucketID: b.ID, AccountID: r.Principal.AccountID, KeyDomain: r.Principal.AccountID, Region: "", MaxSize: most, LeaseTill: time.Now().Add(o.Lease)}
	if r.Idempotency != nil {
		if done, err := o.bind(&t, r); done || err != nil {
			return t, err
		}
	}
	if err := b.conditions(r.Key, r.Conditions); err != nil {
		return objectv1.Ticket{}, err
	}
	if b.folders != nil {
		if err := o.beginFile(b, r, &t); err != nil {
			return objectv1.Ticket{}, err
		}
	}
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
	b, err := o.enter("CommitPut", r.Principal, objectv1.ActionPutObject, r.Bucket, r.Key)
	if err != nil {
		return objectv1.Object{}, err
	}
	if cur, ok := b.committed(r.Key, r.Ticket.VersionID); ok {
		return cur, nil
	}
	if err := b.conditions(r.Key, r.Conditions); err != nil {
		return objectv1.Object{}, err
	}
	obj := b.object(r.Key, r.Ticket.VersionID)
	key := r.Key
	if b.folders != nil {
		if key, obj.File, err = b.place(r.Principal, r.Key, r.Ticket.NodeID, r.Ticket.Region, options(r.File)); err != nil {
			return objectv1.Object{}, err
		}
		obj.Key = obj.File.Path
	}
	obj.ETag = r.ETag
	if obj.ETag == "" {
		obj.ETag = `"` + hex.EncodeToString(r.Digests[blob.SHA256][:16]) + `-1"`
	}
	obj.Size, obj.Metadata, obj.Digests, obj.Compressed, obj.Manifest = r.Manifest.Size, r.Metadata, r.Digests, r.Compressed, r.Manifest
	obj.Composite, obj.LegalHold = r.Composite, r.LegalHold
	if r.Retention != nil {
		obj.Retention = r.Retention
	}
	b.addAt(key, version{Object: obj})
	delete(o.held, r.Ticket.VersionID)
	if t := r.Ticket.Idempotency; t != nil && o.bound[t.ID] != nil {
		o.bound[t.ID].done = &obj
	}
	return obj, nil
}

// object makes what every new version of the bucket has.
func (b *bucket) object(key, versionID string) objectv1.Object {
	obj := objectv1.Object{
		BucketID: b.ID, Bucket: b.Name, Key: key, VersionID: versionID, Versioned: b.Versioning == objectv1.Enabled,
		StorageClass: "STANDARD", CreatedAt: time.Now(), ObjectLock: b.ObjectLock,
	}
	if d := b.DefaultRetention; d != nil {
		obj.Retention = &objectv1.Retention{Mode: d.Mode, Until: time.Now().AddDate(0, 0, d.Days)}
	}
	return obj
}

// AbortPut implements objectv1.Service.
func (o *Object) AbortPut(_ context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Calls = append(o.Calls, "AbortPut")
	delete(o.held, r.VersionID)
	for _, b := range o.buckets {
		for _, vs := range b.versions {
			for _, v := range vs {
				if v.VersionID == r.VersionID {
					return objectv1.AbortPutResponse{Committed: true}, nil
				}
			}
		}
	}
	if t := r.Idempotency; t != nil && o.bound[t.ID] != nil && o.bound[t.ID].versionID == t.Owner {
		delete(o.bound, t.ID)
	}
	return objectv1.AbortPutResponse{}, nil
}

// GetUsage implements objectv1.Service; it counts visible objects only.
func (o *Object) GetUsage(_ context.Context, r objectv1.GetUsageRequest) (objectv1.Usage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("GetUsage"); err != nil {
		return objectv1.Usage{}, err
	}
	var u objectv1.Usage
	for id, b := range o.buckets {
		if strings.HasPrefix(id, r.AccountID+"/") {
			u.Used += b.bytes()
		}
	}
	return u, nil
}
