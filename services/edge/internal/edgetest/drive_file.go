package edgetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// RemoveNode implements objectv1.Service.
func (o *Object) RemoveNode(_ context.Context, r objectv1.RemoveNodeRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("RemoveNode", r.Principal, objectv1.ActionDeleteObject, r.Path)
	if err != nil {
		return objectv1.Empty{}, err
	}
	if r.Path == "" {
		at, cur, err := o.byID(r.NodeID)
		if err != nil || at != b {
			return objectv1.Empty{}, objectv1.ErrNodeNotFound
		}
		delete(b.versions, keyOf(cur))
		return objectv1.Empty{}, nil
	}
	if _, err := b.node(r.Path); err != nil {
		return objectv1.Empty{}, err
	}
	b.removeAll(r.Path)
	return objectv1.Empty{}, nil
}

// StatFile implements objectv1.Service.
func (o *Object) StatFile(_ context.Context, r objectv1.StatFileRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("StatFile"); err != nil {
		return objectv1.Object{}, err
	}
	_, cur, err := o.byID(r.NodeID)
	return cur, err
}

// ListFiles implements objectv1.Service.
func (o *Object) ListFiles(_ context.Context, r objectv1.ListFilesRequest) (objectv1.ListFilesResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("ListFiles", r.Principal, objectv1.ActionListObjects, "")
	if err != nil {
		return objectv1.ListFilesResponse{}, err
	}
	var out objectv1.ListFilesResponse
	for key := range b.versions {
		if cur, ok := b.current(key); ok {
			cur.Manifest.Segments = nil
			out.Files = append(out.Files, cur)
		}
	}
	slices.SortFunc(out.Files, func(x, y objectv1.Object) int { return strings.Compare(y.VersionID, x.VersionID) })
	at := 0
	if r.After != "" {
		if at, err = strconv.Atoi(r.After); err != nil {
			return objectv1.ListFilesResponse{}, fault.ErrInvalid.Msgf("the cursor is none of ours")
		}
	}
	out.Files = out.Files[min(at, len(out.Files)):]
	if r.Limit > 0 && len(out.Files) > r.Limit {
		out.Files, out.Next = out.Files[:r.Limit], strconv.Itoa(at+r.Limit)
	}
	return out, nil
}

// UpdateFile implements objectv1.Service.
func (o *Object) UpdateFile(_ context.Context, r objectv1.UpdateFileRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("UpdateFile", r.Principal, objectv1.ActionPutObject, r.Path)
	if err != nil {
		return objectv1.Object{}, err
	}
	cur, ok := b.current(r.Path)
	if r.NodeID != "" {
		var at *bucket
		at, cur, err = o.byID(r.NodeID)
		ok = err == nil && at == b
	}
	if !ok {
		return objectv1.Object{}, objectv1.ErrNodeNotFound
	}
	return b.change(cur, func(f *objectv1.File) {
		if r.KeyHash != nil {
			f.KeyHash = slices.Clone(*r.KeyHash)
		}
		if r.ModTime != nil {
			f.ModTime = *r.ModTime
		}
	}), nil
}

// RegisterFile implements objectv1.Service.
func (o *Object) RegisterFile(_ context.Context, r objectv1.RegisterFileRequest) (objectv1.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("RegisterFile", r.Principal, objectv1.ActionPutObject, "")
	if err != nil {
		return objectv1.Object{}, err
	}
	at, cur, err := o.byID(r.NodeID)
	switch {
	case err != nil:
		return objectv1.Object{}, err
	case at == b:
		return cur, nil
	case cur.File.AccountID != objectv1.GuestAccount:
		return objectv1.Object{}, objectv1.ErrFileTaken
	}
	if limit := r.Principal.Limits.StorageBytes; limit > 0 && b.bytes()+cur.Size > limit {
		return objectv1.Object{}, objectv1.ErrQuotaExceeded
	}
	delete(at.versions, keyOf(cur))
	name := cur.File.Name
	if _, taken := b.current(name); taken || b.folder(name) {
		name = b.free(name)
	}
	cur.Key, cur.BucketID = name, b.ID
	return b.change(cur, func(f *objectv1.File) {
		f.AccountID, f.Path, f.Name, f.ExpiresAt = r.Principal.AccountID, name, name, nil
	}), nil
}

// CountDownloads implements objectv1.Service.
func (o *Object) CountDownloads(_ context.Context, r objectv1.CountDownloadsRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("CountDownloads"); err != nil {
		return objectv1.Empty{}, err
	}
	for id, n := range r.Downloads {
		if b, cur, err := o.byID(id); err == nil {
			b.change(cur, func(f *objectv1.File) { f.Downloads += n })
		}
	}
	return objectv1.Empty{}, nil
}

// CloseAccount implements objectv1.Service; what it removes is gone at once.
func (o *Object) CloseAccount(_ context.Context, r objectv1.CloseAccountRequest) (objectv1.Empty, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.note("CloseAccount"); err != nil {
		return objectv1.Empty{}, err
	}
	var own []string
	for id, b := range o.buckets {
		if !strings.HasPrefix(id, r.AccountID+"/") {
			continue
		}
		own = append(own, id)
		for _, vs := range b.versions {
			for _, v := range vs {
				if v.LegalHold || v.Retention != nil && v.Retention.Until.After(time.Now()) {
					return objectv1.Empty{}, objectv1.ErrObjectLocked
				}
			}
		}
	}
	for _, id := range own {
		delete(o.buckets, id)
	}
	return objectv1.Empty{}, nil
}

// bytes is what the visible objects of a bucket come to.
func (b *bucket) bytes() int64 {
	var n int64
	for key := range b.versions {
		if cur, ok := b.current(key); ok {
			n += cur.Size
		}
	}
	return n
}

// ExpireFiles makes every file that expires do so, as time would.
func (o *Object) ExpireFiles() {
	o.mu.Lock()
	defer o.mu.Unlock()
	past := time.Now().Add(-time.Second)
	for _, b := range o.buckets {
		for key := range b.versions {
			if cur, ok := b.current(key); ok && cur.File != nil && cur.File.ExpiresAt != nil {
				b.change(cur, func(f *objectv1.File) { f.ExpiresAt = &past })
			}
		}
	}
}
