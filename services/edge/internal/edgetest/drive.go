package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// The fake keeps a drive as a bucket whose keys are paths, and folders beside
// it. A guest's file has its node id as its key.

// driveOf makes an account's drive on first use, with o.mu held.
func (o *Object) driveOf(account string) *bucket {
	id := account + "/" + objectv1.DriveBucket
	if o.buckets[id] == nil {
		o.buckets[id] = &bucket{
			Bucket:   objectv1.Bucket{ID: id, Name: objectv1.DriveBucket, CreatedAt: time.Now(), Versioning: objectv1.Unversioned, Region: o.Regions[0]},
			versions: map[string][]version{}, folders: map[string]*folder{}, trash: map[string]*trashed{}, o: o,
		}
	}
	return o.buckets[id]
}

// enterDrive is enter for the methods of the drive.
func (o *Object) enterDrive(method string, p authv1.Principal, action objectv1.Action, path string) (*bucket, error) {
	b, err := o.enter(method, p, action, objectv1.DriveBucket, path)
	if err != nil {
		return nil, err
	}
	return b, checkPath(path)
}

// checkPath takes names joined by "/", and "" for the root.
func checkPath(path string) error {
	if path == "" {
		return nil
	}
	if len(path) > objectv1.MaxKey || !utf8.ValidString(path) || strings.Contains(path, "\x00") {
		return objectv1.ErrInvalidKey
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || len(name) > 255 {
			return objectv1.ErrInvalidKey
		}
	}
	return nil
}

func dirOf(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

func baseOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// folder says whether path is one; the root is.
func (b *bucket) folder(path string) bool {
	_, ok := b.folders[path]
	return ok || path == ""
}

// parents makes sure that the folder is there that path is in, or makes it.
func (b *bucket) parents(path string, create bool) error {
	dir := dirOf(path)
	if b.folder(dir) {
		return nil
	}
	if _, file := b.current(dir); file {
		return objectv1.ErrNotAFolder
	}
	if !create {
		return objectv1.ErrNodeNotFound
	}
	if err := b.parents(dir, true); err != nil {
		return err
	}
	b.makeFolder(dir)
	return nil
}

// options of a write, with those of one without any.
func options(f *objectv1.FileOptions) objectv1.FileOptions {
	if f == nil {
		return objectv1.FileOptions{Conflict: objectv1.ConflictReplace, Parents: true}
	}
	return *f
}

// beginFile is what BeginPut does more in a drive.
func (o *Object) beginFile(b *bucket, r objectv1.BeginPutRequest, t *objectv1.Ticket) error {
	if err := checkPath(r.Key); err != nil || r.Key == "" {
		return objectv1.ErrInvalidKey
	}
	opts := options(r.File)
	t.Region = cmp.Or(r.Region, r.Principal.Region, o.Regions[0])
	if !slices.Contains(o.Regions, t.Region) {
		return objectv1.ErrUnknownRegion.Msgf("there is no region of this name; the regions are %s", strings.Join(o.Regions, ", "))
	}
	t.NodeID = fmt.Sprintf("node%012d", o.seq)
	if r.Principal.AccountID == objectv1.GuestAccount {
		return nil
	}
	path, err := b.within(r.Key, opts)
	if err != nil {
		return err
	}
	if b.folder(path) {
		return objectv1.ErrNodeExists
	}
	if !opts.Parents {
		if err := b.parents(path, false); err != nil {
			return err
		}
	}
	if cur, ok := b.current(path); ok && opts.Conflict != objectv1.ConflictRename {
		t.NodeID, t.Region = cur.File.NodeID, cur.File.Region
	}
	return nil
}

// place decides at the commit where a file goes, and what it is beside its content.
func (b *bucket) place(p authv1.Principal, path, nodeID, region string, opts objectv1.FileOptions) (string, *objectv1.File, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	f := &objectv1.File{NodeID: nodeID, AccountID: p.AccountID, Region: region, KeyHash: opts.KeyHash, CreatedAt: now, ModTime: now, ExpiresAt: opts.ExpiresAt}
	path, err := b.within(path, opts)
	if err != nil {
		return "", nil, err
	}
	key := path
	if p.AccountID == objectv1.GuestAccount {
		key = nodeID
	} else {
		if err := b.parents(path, opts.Parents); err != nil {
			return "", nil, err
		}
		cur, there := b.current(path)
		switch {
		case there && opts.Conflict == objectv1.ConflictRename:
			path = b.free(path)
			key = path
		case b.folder(path):
			return "", nil, objectv1.ErrNodeExists
		case there:
			kept := *cur.File
			f = &kept
			f.ModTime = now
		}
	}
	if opts.ModTime != nil {
		f.ModTime = opts.ModTime.UTC()
	}
	if f.Number == 0 {
		f.Number, f.Short = b.o.number(objectv1.KindFile), b.o.short()
	}
	f.Path, f.Name = path, baseOf(path)
	return key, f, nil
}

// free gives the next free name: "a (2).txt".
func (b *bucket) free(path string) string {
	dot := strings.LastIndexByte(baseOf(path), '.')
	stem, ext := path, ""
	if dot > 0 {
		at := len(path) - len(baseOf(path)) + dot
		stem, ext = path[:at], path[at:]
	}
	for n := 2; ; n++ {
		p := fmt.Sprintf("%s (%d)%s", stem, n, ext)
		if _, taken := b.current(p); !taken && !b.folder(p) {
			return p
		}
	}
}

// byID finds a file of any drive that has not expired, with o.mu held.
func (o *Object) byID(nodeID string) (*bucket, objectv1.Object, error) {
	for _, b := range o.buckets {
		if b.folders == nil {
			continue
		}
		for key := range b.versions {
			cur, ok := b.current(key)
			if !ok || cur.File == nil || cur.File.NodeID != nodeID {
				continue
			}
			if e := cur.File.ExpiresAt; e != nil && !time.Now().Before(*e) {
				return nil, objectv1.Object{}, objectv1.ErrNodeNotFound
			}
			return b, cur, nil
		}
	}
	return nil, objectv1.Object{}, objectv1.ErrNodeNotFound
}

// keyOf is where a file stands in its bucket.
func keyOf(o objectv1.Object) string {
	if o.File.AccountID == objectv1.GuestAccount {
		return o.File.NodeID
	}
	return o.File.Path
}

// change replaces what is known of a file; what was handed out stays as it was.
func (b *bucket) change(o objectv1.Object, set func(*objectv1.File)) objectv1.Object {
	f := *o.File
	set(&f)
	o.File = &f
	b.versions[keyOf(o)] = []version{{Object: o}}
	return o
}

// node gives what is at path, with o.mu held.
func (b *bucket) node(path string) (objectv1.Node, error) {
	if cur, ok := b.current(path); ok {
		return fileNode(cur), nil
	}
	if !b.folder(path) {
		return objectv1.Node{}, objectv1.ErrNodeNotFound
	}
	if path == "" {
		return objectv1.Node{Folder: true, CreatedAt: b.CreatedAt, ModTime: b.CreatedAt}, nil
	}
	f := b.folders[path]
	return objectv1.Node{NodeID: f.id, Path: path, Name: baseOf(path), Folder: true, CreatedAt: f.at, ModTime: f.at}, nil
}

func fileNode(o objectv1.Object) objectv1.Node {
	return objectv1.Node{NodeID: o.File.NodeID, Path: o.File.Path, Name: o.File.Name, CreatedAt: o.File.CreatedAt, ModTime: o.File.ModTime, Object: &o}
}

// StatNode implements objectv1.Service.
func (o *Object) StatNode(_ context.Context, r objectv1.NodeRequest) (objectv1.Node, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("StatNode", r.Principal, objectv1.ActionGetObject, r.Path)
	if err != nil {
		return objectv1.Node{}, err
	}
	return b.node(r.Path)
}

// ListFolder implements objectv1.Service.
func (o *Object) ListFolder(_ context.Context, r objectv1.ListFolderRequest) (objectv1.ListFolderResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("ListFolder", r.Principal, objectv1.ActionListObjects, r.Path)
	if err != nil {
		return objectv1.ListFolderResponse{}, err
	}
	if n, err := b.node(r.Path); err != nil || !n.Folder {
		return objectv1.ListFolderResponse{}, cmp.Or(err, error(objectv1.ErrNotAFolder))
	}
	var out objectv1.ListFolderResponse
	for _, path := range b.children(r.Path) {
		n, _ := b.node(path)
		if n.Object != nil {
			n.Object.Manifest.Segments = nil
		}
		out.Nodes = append(out.Nodes, n)
	}
	sortName := func(n objectv1.Node) string {
		if n.Folder {
			return n.Name + "/"
		}
		return n.Name
	}
	slices.SortFunc(out.Nodes, func(a, b objectv1.Node) int { return strings.Compare(sortName(a), sortName(b)) })
	at, _ := strconv.Atoi(r.After)
	out.Nodes = out.Nodes[min(at, len(out.Nodes)):]
	if r.Limit > 0 && len(out.Nodes) > r.Limit {
		out.Nodes, out.Next = out.Nodes[:r.Limit], strconv.Itoa(at+r.Limit)
	}
	return out, nil
}

// children lists the paths right below a folder.
func (b *bucket) children(dir string) []string {
	var out []string
	for path := range b.versions {
		if dirOf(path) == dir {
			out = append(out, path)
		}
	}
	for path := range b.folders {
		if dirOf(path) == dir {
			out = append(out, path)
		}
	}
	return out
}

// MakeFolder implements objectv1.Service.
func (o *Object) MakeFolder(_ context.Context, r objectv1.MakeFolderRequest) (objectv1.Node, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("MakeFolder", r.Principal, objectv1.ActionPutObject, r.Path)
	if err != nil {
		return objectv1.Node{}, err
	}
	if _, err := b.node(r.Path); err == nil {
		return objectv1.Node{}, objectv1.ErrNodeExists
	}
	if err := b.parents(r.Path, r.Parents); err != nil {
		return objectv1.Node{}, err
	}
	b.makeFolder(r.Path)
	return b.node(r.Path)
}

// MoveNode implements objectv1.Service.
func (o *Object) MoveNode(_ context.Context, r objectv1.MoveNodeRequest) (objectv1.Node, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enterDrive("MoveNode", r.Principal, objectv1.ActionPutObject, r.From)
	if err != nil {
		return objectv1.Node{}, err
	}
	from, err := b.node(r.From)
	switch {
	case err != nil:
		return objectv1.Node{}, err
	case checkPath(r.To) != nil || r.To == "" || r.From == "":
		return objectv1.Node{}, objectv1.ErrInvalidKey
	case r.From == r.To:
		return from, nil
	case from.Folder && strings.HasPrefix(r.To+"/", r.From+"/"):
		return objectv1.Node{}, objectv1.ErrNodeCycle
	}
	if err := b.parents(r.To, false); err != nil {
		return objectv1.Node{}, err
	}
	if _, err := b.node(r.To); err == nil {
		if !r.Replace {
			return objectv1.Node{}, objectv1.ErrNodeExists
		}
		b.removeAll(r.To)
	}
	b.rename(r.From, r.To)
	return b.node(r.To)
}

// rename moves a path and everything below it.
func (b *bucket) rename(from, to string) {
	moved := func(path string) (string, bool) {
		rest, ok := strings.CutPrefix(path+"/", from+"/")
		return strings.TrimSuffix(to+"/"+rest, "/"), ok
	}
	for path, at := range b.folders {
		if p, ok := moved(path); ok {
			delete(b.folders, path)
			b.folders[p] = at
		}
	}
	for path := range b.versions {
		if p, ok := moved(path); ok {
			cur, _ := b.current(path)
			delete(b.versions, path)
			cur.Key = p
			b.change(cur, func(f *objectv1.File) { f.Path, f.Name = p, baseOf(p) })
		}
	}
}

// removeAll removes a path and everything below it.
func (b *bucket) removeAll(path string) {
	for p := range b.versions {
		if strings.HasPrefix(p+"/", path+"/") {
			delete(b.versions, p)
		}
	}
	for p := range b.folders {
		if strings.HasPrefix(p+"/", path+"/") {
			delete(b.folders, p)
		}
	}
}
