package uploadv1test

import (
	"context"
	"fmt"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Objects is as much of the object service as upload needs, in memory.
type Objects struct {
	objectv1.Service // what upload does not call is nil

	now func() time.Time

	mu     sync.Mutex
	n      int
	held   map[string]objectv1.Ticket
	done   map[string]string // version id: "committed" or "aborted"
	aborts int
	down   error
	quota  int64
	staged map[string]map[string]blob.Manifest // by version and content
	ahead  map[string]ahead                    // by version
	took   map[string][]string                 // by version: the parts that were committed
	objs   map[string]objectv1.Object          // committed, by version
	plik   map[string]bool                     // objects of temporary uploads
	breaks []fracture
}

// ahead is what is reserved before it is staged.
type ahead struct {
	bytes int64
	till  time.Time
}

// fracture is a call that fails.
type fracture struct {
	method string
	after  bool
	err    error
}

// HoldLease is how long a ticket of Objects lives without a renewal.
const HoldLease = 4 * time.Minute

// NewObjects makes an object service with a quota of 1 GiB.
func NewObjects(now func() time.Time) *Objects {
	return &Objects{
		now: now, held: map[string]objectv1.Ticket{}, done: map[string]string{}, quota: 1 << 30,
		staged: map[string]map[string]blob.Manifest{}, ahead: map[string]ahead{}, took: map[string][]string{}, objs: map[string]objectv1.Object{},
	}
}

// Down lets every call fail with err until it is nil again.
func (o *Objects) Down(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = err
}

// Commit does what an edge does at the end of a transfer.
func (o *Objects) Commit(version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.held, version)
	o.done[version] = "committed"
}

// SetQuota says how many bytes may be staged in all.
func (o *Objects) SetQuota(bytes int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.quota = bytes
}

// Lose ends a ticket as object's own sweep does.
func (o *Objects) Lose(version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.held, version)
	o.done[version] = "aborted"
}

// Fate is "held", "committed", "aborted" or "".
func (o *Objects) Fate(version string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.held[version]; ok {
		return "held"
	}
	return o.done[version]
}

// Held is how many tickets are out.
func (o *Objects) Held() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.held)
}

// Aborts is how often AbortPut was called with success.
func (o *Objects) Aborts() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.aborts
}

// BeginPut implements objectv1.Service.
func (o *Objects) BeginPut(_ context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.down != nil:
		return objectv1.Ticket{}, o.down
	case !allowed(r.Principal, objectv1.ActionPutObject):
		return objectv1.Ticket{}, objectv1.ErrAccessDenied
	case r.Bucket == "missing":
		return objectv1.Ticket{}, objectv1.ErrBucketNotFound
	case r.Idempotency != nil:
		return objectv1.Ticket{Replayed: &objectv1.Object{Key: r.Key, VersionID: "first"}}, nil
	case r.Size > o.quota:
		return objectv1.Ticket{}, objectv1.ErrQuotaExceeded
	}
	o.n++
	t := objectv1.Ticket{
		VersionID: fmt.Sprintf("v%06d", o.n), BucketID: "b-" + r.Bucket, AccountID: r.Principal.AccountID, KeyDomain: "acc", Region: "local",
		MaxSize: 1 << 40, Held: r.Hold,
	}
	if r.Region != "" {
		t.Region = r.Region
	}
	if r.Bucket == objectv1.DriveBucket {
		t.NodeID = fmt.Sprintf("node%06d", o.n)
	}
	if r.Hold {
		t.Reserved, t.LeaseTill = max(r.Size, objectv1.ReservationStep), o.now().Add(HoldLease)
		if t.Staged = r.Staged; r.Staged {
			t.Reserved, t.LeaseTill = 0, o.now().Add(max(HoldLease, time.Duration(r.LeaseSeconds)*time.Second))
			o.staged[t.VersionID] = map[string]blob.Manifest{}
		}
		o.held[t.VersionID] = t
	}
	return t, nil
}

// RenewPut implements objectv1.Service.
func (o *Objects) RenewPut(_ context.Context, r objectv1.RenewPutRequest) (objectv1.Ticket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "RenewPut", func() (objectv1.Ticket, error) { return o.renew(r) })
}

func (o *Objects) renew(r objectv1.RenewPutRequest) (objectv1.Ticket, error) {
	t, ok := o.held[r.VersionID]
	switch {
	case !ok || t.AccountID != r.AccountID:
		return objectv1.Ticket{}, objectv1.ErrUploadGone
	case r.Bytes > o.quota:
		return objectv1.Ticket{}, objectv1.ErrQuotaExceeded
	}
	t.Reserved = max(t.Reserved, r.Bytes)
	if till := o.now().Add(max(HoldLease, time.Duration(r.LeaseSeconds)*time.Second)); till.After(t.LeaseTill) {
		t.LeaseTill = till
	}
	o.held[r.VersionID] = t
	return t, nil
}

// AbortPut implements objectv1.Service.
func (o *Objects) AbortPut(_ context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "AbortPut", func() (objectv1.AbortPutResponse, error) {
		o.aborts++
		delete(o.staged, r.VersionID)
		if o.done[r.VersionID] == "committed" {
			return objectv1.AbortPutResponse{Committed: true}, nil
		}
		delete(o.held, r.VersionID)
		o.done[r.VersionID] = "aborted"
		return objectv1.AbortPutResponse{}, nil
	})
}
