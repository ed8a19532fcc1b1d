package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// freeFor gives the path itself, or where it is taken, and rename is wished for,
// the next free one. own is a path that does not count.
func (b *bucket) freeFor(path, own string, rename bool) (string, error) {
	_, file := b.current(path)
	if path == own || !file && !b.folder(path) {
		return path, nil
	}
	if !rename {
		return "", objectv1.ErrNodeExists
	}
	return b.free(path), nil
}

func checkNodeName(name string) error {
	if name == "" || strings.Contains(name, "/") || checkPath(name) != nil {
		return objectv1.ErrNodeName
	}
	return nil
}

// MakeSubfolder implements objectv1.DriveService.
func (o *Object) MakeSubfolder(_ context.Context, r objectv1.MakeSubfolderRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("MakeSubfolder", r.Principal, objectv1.ActionPutObject, "")
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	if err := checkNodeName(r.Name); err != nil {
		return objectv1.DriveNode{}, err
	}
	dir, ok := b.pathOf(r.ParentID)
	if !ok {
		return objectv1.DriveNode{}, objectv1.ErrParentNotFound
	}
	path, err := b.freeFor(join(dir, r.Name), "", r.Rename)
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	b.makeFolder(path).sharing = r.Sharing
	return b.driveNode(path)
}

// ChangeNode implements objectv1.DriveService.
func (o *Object) ChangeNode(_ context.Context, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("ChangeNode", r.Principal, objectv1.ActionPutObject, "")
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	from, ok := b.locate(r.NodeID)
	if !ok {
		return objectv1.DriveNode{}, objectv1.ErrNodeNotFound
	}
	to, err := b.target(from, r)
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	if to != from {
		b.rename(from, to)
	}
	b.describe(to, r)
	return b.driveNode(to)
}

// target decides where a change moves a node.
func (b *bucket) target(from string, r objectv1.ChangeNodeRequest) (string, error) {
	dir, name := dirOf(from), baseOf(from)
	if r.Name != nil {
		if name = *r.Name; checkNodeName(name) != nil {
			return "", objectv1.ErrNodeName
		}
	}
	if r.ParentID != nil {
		var ok bool
		if dir, ok = b.pathOf(*r.ParentID); !ok {
			return "", objectv1.ErrParentNotFound
		}
	}
	if strings.HasPrefix(dir+"/", from+"/") {
		return "", objectv1.ErrNodeCycle
	}
	return b.freeFor(join(dir, name), from, r.Rename)
}

// describe sets what a change says beside name and place.
func (b *bucket) describe(path string, r objectv1.ChangeNodeRequest) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if f := b.folders[path]; f != nil {
		if now.After(f.updated) {
			f.updated = now
		} else {
			f.updated = f.updated.Add(time.Millisecond) // a change always shows
		}
		if r.Visibility != nil {
			f.sharing.Visibility = *r.Visibility
		}
		if r.PasswordHash != nil {
			f.sharing.PasswordHash = slices.Clone(*r.PasswordHash)
		}
		return
	}
	cur, _ := b.current(path)
	if r.ContentType != nil {
		cur.Metadata.ContentType = *r.ContentType
		b.change(cur, func(*objectv1.File) {})
	}
	more := notes{updated: now}
	if old := b.o.notes[cur.File.NodeID]; old != nil {
		more = *old
		more.updated = now
	}
	if r.Keywords != nil {
		more.keywords = *r.Keywords
	}
	if r.Description != nil {
		more.description = *r.Description
	}
	b.o.notes[cur.File.NodeID] = &more
}

// CopyFile implements objectv1.DriveService.
func (o *Object) CopyFile(_ context.Context, r objectv1.CopyFileRequest) (objectv1.DriveNode, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("CopyFile", r.Principal, objectv1.ActionPutObject, "")
	if err != nil {
		return objectv1.DriveNode{}, err
	}
	for _, path := range b.paths() {
		if cur, ok := b.current(path); ok && cur.VersionID == r.VersionID {
			return b.driveNode(path)
		}
	}
	from, ok := b.locate(r.NodeID)
	src, file := b.current(from)
	switch {
	case !ok:
		return objectv1.DriveNode{}, objectv1.ErrNodeNotFound
	case !file:
		return objectv1.DriveNode{}, objectv1.ErrNotAFolder.Msgf("only files are copied")
	}
	if limit := r.Principal.Limits.StorageBytes; limit > 0 && b.bytes()+src.Size > limit {
		return objectv1.DriveNode{}, objectv1.ErrQuotaExceeded
	}
	o.seq++
	obj := src
	obj.VersionID, obj.CreatedAt = r.VersionID, time.Now()
	nodeID, region := fmt.Sprintf("node%012d", o.seq), cmp.Or(r.Principal.Region, o.Regions[0])
	opts := objectv1.FileOptions{Conflict: objectv1.ConflictRename, FolderID: &r.FolderID}
	if obj.Key, obj.File, err = b.place(r.Principal, src.File.Name, nodeID, region, opts); err != nil {
		return objectv1.DriveNode{}, err
	}
	if old := o.notes[src.File.NodeID]; old != nil {
		o.notes[nodeID] = &notes{keywords: old.keywords, description: old.description, updated: obj.File.CreatedAt}
	}
	b.add(version{Object: obj})
	return b.driveNode(obj.Key)
}
