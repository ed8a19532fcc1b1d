package uploadv1test

import (
	"context"
	"path"
	"slices"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Break lets the next call of a method fail with err, before it does anything or
// after it has done everything.
func (o *Objects) Break(method string, after bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.breaks = append(o.breaks, fracture{method, after, err})
}

// run does what a method does, unless it is to fail. o.mu is held.
func run[T any](o *Objects, method string, do func() (T, error)) (T, error) {
	var none T
	if o.down != nil {
		return none, o.down
	}
	at := slices.IndexFunc(o.breaks, func(f fracture) bool { return f.method == method })
	if at < 0 {
		return do()
	}
	f := o.breaks[at]
	o.breaks = slices.Delete(o.breaks, at, at+1)
	if f.after {
		_, _ = do()
	}
	return none, f.err
}

// Staged lists the contents that wait under tickets.
func (o *Objects) Staged() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, contents := range o.staged {
		for id := range contents {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Took lists the parts that a version was committed with.
func (o *Objects) Took(version string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.took[version]
}

// Expire ends the tickets whose lease is over, as object's own sweep does.
func (o *Objects) Expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, t := range o.held {
		if t.LeaseTill.Before(o.now()) {
			delete(o.held, id)
			delete(o.staged, id)
			o.done[id] = "aborted"
		}
	}
}

// Versions counts what is committed by CommitPut.
func (o *Objects) Versions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.objs)
}

// allowed looks at the scopes of a key; the account itself may do all.
func allowed(p authv1.Principal, a objectv1.Action) bool {
	need := authv1.ScopeWrite
	if a == objectv1.ActionListObjects {
		need = authv1.ScopeRead
	}
	return p.KeyID == "" || slices.Contains(p.Grant.Scopes, need)
}

// Authorize implements objectv1.Service.
func (o *Objects) Authorize(_ context.Context, r objectv1.AuthorizeRequest) (objectv1.AuthorizeResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "Authorize", func() (objectv1.AuthorizeResponse, error) {
		switch {
		case r.Bucket == "missing":
			return objectv1.AuthorizeResponse{}, objectv1.ErrBucketNotFound
		case !allowed(r.Principal, r.Action):
			return objectv1.AuthorizeResponse{}, objectv1.ErrAccessDenied
		}
		return objectv1.AuthorizeResponse{BucketID: "b-" + r.Bucket, Region: "local"}, nil
	})
}

// GetUsage implements objectv1.Service.
func (o *Objects) GetUsage(context.Context, objectv1.GetUsageRequest) (objectv1.Usage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "GetUsage", func() (objectv1.Usage, error) { return objectv1.Usage{Reserved: o.reserved("")}, nil })
}

// Ahead sums what is reserved ahead.
func (o *Objects) Ahead() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.aheadOf("")
}

// aheadOf is what is reserved ahead under a version, or under all. What is not
// under way any more, or lapsed, does not count.
func (o *Objects) aheadOf(version string) int64 {
	var sum int64
	for v, a := range o.ahead {
		if _, ok := o.held[v]; !ok || !o.now().Before(a.till) {
			delete(o.ahead, v)
		} else if version == "" || v == version {
			sum += a.bytes
		}
	}
	return sum
}

// ReserveAhead implements objectv1.Service.
func (o *Objects) ReserveAhead(_ context.Context, r objectv1.ReserveAheadRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "ReserveAhead", func() (objectv1.Empty, error) {
		t, ok := o.held[r.VersionID]
		old := o.aheadOf(r.VersionID)
		switch {
		case !ok || !t.Staged || t.AccountID != r.AccountID:
			return objectv1.Empty{}, objectv1.ErrUploadGone
		case r.Bytes > old && o.reserved("")+r.Bytes-old > o.quota:
			return objectv1.Empty{}, objectv1.ErrQuotaExceeded
		}
		o.ahead[r.VersionID] = ahead{r.Bytes, o.now().Add(objectv1.AheadLease)}
		return objectv1.Empty{}, nil
	})
}

// reserved sums what is staged under a version, or what is staged and reserved
// ahead under all.
func (o *Objects) reserved(version string) int64 {
	var sum int64
	if version == "" {
		sum = o.aheadOf("")
	}
	for v, contents := range o.staged {
		for _, m := range contents {
			if version == "" || v == version {
				sum += m.Size
			}
		}
	}
	return sum
}

// StageContent implements objectv1.Service.
func (o *Objects) StageContent(_ context.Context, r objectv1.StageContentRequest) (objectv1.StageContentResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "StageContent", func() (objectv1.StageContentResponse, error) {
		t, ok := o.held[r.VersionID]
		more, left := r.Manifest.Size, int64(-1)
		if r.Ahead != nil {
			left = min(*r.Ahead, o.aheadOf(r.VersionID))
			more -= o.aheadOf(r.VersionID) - left
		}
		switch {
		case !ok || !t.Staged || t.AccountID != r.AccountID:
			return objectv1.StageContentResponse{}, objectv1.ErrUploadGone
		case o.staged[r.VersionID][r.ContentID].Domain != "":
			return objectv1.StageContentResponse{Reserved: o.reserved(r.VersionID)}, nil // a repeat
		case o.reserved("")+more > o.quota+o.staged[r.VersionID][r.Replaces].Size:
			return objectv1.StageContentResponse{}, objectv1.ErrQuotaExceeded
		}
		if o.staged[r.VersionID][r.ContentID] = r.Manifest; left >= 0 {
			o.ahead[r.VersionID] = ahead{left, o.now().Add(objectv1.AheadLease)}
		}
		return objectv1.StageContentResponse{Reserved: o.reserved(r.VersionID)}, nil
	})
}

// UnstageContents implements objectv1.Service.
func (o *Objects) UnstageContents(_ context.Context, r objectv1.UnstageContentsRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "UnstageContents", func() (objectv1.Empty, error) {
		for _, id := range r.ContentIDs {
			delete(o.staged[r.VersionID], id)
		}
		return objectv1.Empty{}, nil
	})
}

// CommitPut implements objectv1.Service for staged tickets.
func (o *Objects) CommitPut(_ context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "CommitPut", func() (objectv1.Object, error) {
		id := r.Ticket.VersionID
		if obj, ok := o.objs[id]; ok {
			return obj, nil
		}
		if _, ok := o.held[id]; !ok {
			return objectv1.Object{}, objectv1.ErrUploadGone
		}
		if r.Conditions.IfNoneMatchAny && r.Key == "taken" {
			return objectv1.Object{}, objectv1.ErrPrecondition
		}
		obj := objectv1.Object{
			BucketID: r.Ticket.BucketID, Bucket: r.Bucket, Key: r.Key, VersionID: id, ETag: r.ETag, Digests: r.Digests, Composite: r.Composite,
			Metadata: r.Metadata, Retention: r.Retention, LegalHold: r.LegalHold, Compressed: r.Compressed, StorageClass: "STANDARD", CreatedAt: o.now(),
		}
		if r.File != nil {
			obj.File = &objectv1.File{
				NodeID: r.Ticket.NodeID, AccountID: r.Ticket.AccountID, Path: r.Key, Name: path.Base(r.Key), Region: r.Ticket.Region,
				KeyHash: r.File.KeyHash, ExpiresAt: r.File.ExpiresAt, CreatedAt: o.now(), ModTime: o.now(),
			}
		}
		for _, part := range r.Parts {
			m, ok := o.staged[id][part]
			if !ok {
				return objectv1.Object{}, objectv1.ErrUploadGone.Msgf("part %s is not staged", part)
			}
			obj.Manifest.Size += m.Size
			obj.Manifest.Segments = append(obj.Manifest.Segments, m.Segments...)
		}
		for _, part := range r.Parts {
			delete(o.staged[id], part)
		}
		obj.Size = obj.Manifest.Size
		delete(o.held, id)
		o.done[id], o.objs[id], o.took[id] = "committed", obj, r.Parts
		return obj, nil
	})
}

// StatObject implements objectv1.Service for one version.
func (o *Objects) StatObject(_ context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "StatObject", func() (objectv1.Object, error) {
		obj, ok := o.objs[r.VersionID]
		if !ok || obj.Key != r.Key || obj.Bucket != r.Bucket {
			return objectv1.Object{}, objectv1.ErrNotFound
		}
		return obj, nil
	})
}
