package domain_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// planter puts the same keys into a drive and into a bucket, as documents.
type planter struct {
	*env
	p       authv1.Principal
	flat    string // id of the bucket
	folders map[string]string
	taken   map[string]bool
	n       int
}

func (e *env) planter(account string) *planter {
	e.t.Helper()
	p := owner(account)
	b, err := e.CreateBucket(e.t.Context(), objectv1.CreateBucketRequest{Principal: p, Name: "flat"})
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.StatNode(e.t.Context(), objectv1.NodeRequest{Principal: p}); err != nil { // makes the drive
		e.t.Fatal(err)
	}
	return &planter{env: e, p: p, flat: b.ID, folders: map[string]string{"": domain.Root}, taken: map[string]bool{}}
}

// folderID gives the folder of a path, "" for the root, and makes it if need be.
func (p *planter) folderID(path string) string {
	p.t.Helper()
	if id, ok := p.folders[path]; ok {
		return id
	}
	id := p.insert(path, true)
	p.folders[path] = id
	return id
}

func (p *planter) insert(path string, folder bool) string {
	p.t.Helper()
	i := strings.LastIndexByte(path, '/')
	n := domain.Node{
		Account: p.p.AccountID, Parent: p.folderID(path[:max(i, 0)]), Name: path[i+1:], Sort: path[i+1:], Folder: folder,
	}
	if folder {
		n.Sort += "/"
	}
	p.n++
	n.ID = fmt.Sprintf("%s-n%d", p.p.AccountID, p.n)
	if err := p.st.Nodes.Insert(p.t.Context(), n); err != nil {
		p.t.Fatalf("planting %q: %v", path, err)
	}
	p.taken[path] = true
	return n.ID
}

// plant puts a key into both, if the drive can have it beside the others; an
// invisible one shows nothing there.
func (p *planter) plant(key string, visible bool) {
	p.t.Helper()
	if _, folder := p.folders[key]; folder || p.taken[key] || objectv1.CheckKey(key) != nil {
		return
	}
	names := strings.Split(key, "/")
	for i, name := range names {
		above := strings.Join(names[:i], "/")
		if _, folder := p.folders[above]; domain.CheckNodeName(name) != nil || i > 0 && p.taken[above] && !folder {
			return
		}
	}
	id := p.insert(key, false)
	if !visible {
		return
	}
	for _, h := range []domain.Head{headOf("drive-"+p.p.AccountID, id), headOf(p.flat, key)} {
		h.ContentType = "text/" + key[:1]
		if err := p.st.Heads.Put(p.t.Context(), h, 0); err != nil {
			p.t.Fatal(err)
		}
	}
}

// same lists both to the end and compares the pages.
func (p *planter) same(r objectv1.ListObjectsRequest) {
	p.t.Helper()
	r.Principal = p.p
	flat, drive := r, r
	flat.Bucket, drive.Bucket = "flat", objectv1.DriveBucket
	for n := 0; ; n++ {
		want, werr := p.ListObjects(p.t.Context(), flat)
		got, gerr := p.ListObjects(p.t.Context(), drive)
		if (werr == nil) != (gerr == nil) || werr != nil && fault.KindOf(werr) != fault.KindOf(gerr) {
			p.t.Fatalf("%+v: %v, flat %v", r, gerr, werr)
		}
		if werr != nil {
			return
		}
		flat.Token, drive.Token = want.NextToken, got.NextToken
		want.NextToken, got.NextToken = "", ""
		if d := cmp.Diff(want, got); d != "" || (flat.Token == "") != (drive.Token == "") {
			p.t.Fatalf("page %d of %q, delimiter %q, after %q, at most %d: %s; ends %t, flat %t",
				n, r.Prefix, r.Delimiter, r.StartAfter, r.MaxKeys, d, drive.Token == "", flat.Token == "")
		}
		if flat.Token == "" {
			return
		}
	}
}

func TestDriveList_IsThatOfAFlatBucket(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	e := newEnv(t, envOptions{idle: true})
	p := e.planter("alice")
	rnd := rand.New(rand.NewPCG(11, 12))
	names := []string{"a", "a.b", "a-b", "a0", "b", "ü", "a b", "!", "~", "a\x01", "üü", "\U0010ffff"}
	key := func() string {
		parts := make([]string, 1+rnd.IntN(4))
		for i := range parts {
			parts[i] = names[rnd.IntN(len(names))]
		}
		return strings.Join(parts, "/")
	}
	for range 90 {
		p.plant(key(), rnd.IntN(8) > 0)
	}
	for range 20 { // empty folders show nothing
		p.plant(key()+"/x", false)
	}
	p.same(objectv1.ListObjectsRequest{MaxKeys: 1000})
	delimiters := []string{"", "/", "/", "a", "b/", "-", "ü", "/a"}
	for range rounds(40, 600, 2000) {
		r := objectv1.ListObjectsRequest{MaxKeys: []int{1, 2, 3, 7, 40, 1000}[rnd.IntN(6)], Delimiter: delimiters[rnd.IntN(len(delimiters))]}
		if k := key(); rnd.IntN(3) > 0 {
			r.Prefix = k[:rnd.IntN(len(k)+1)]
			r.Prefix = strings.ToValidUTF8(r.Prefix, "")
		}
		if rnd.IntN(3) == 0 {
			r.StartAfter = key()
		}
		p.same(r)
	}
}

func FuzzDriveList(f *testing.F) {
	f.Add("a/b\na/c\na.b\na0\nb", "a", "/", "", 1)
	f.Add("x/y/z\nx/y0\nx-y\nx", "x", "y", "x/y", 2)
	f.Add("a//b\n/a\na/\n..\na/../b", "", "/", "", 3)
	f.Add("ü/ü\nü\xff\nu\u0308/x", "ü", "ü", "", 2)
	f.Add("a/b/c\na/b\na", "a/b/", "/", "a/b/b", 1)
	var p *planter
	var n int
	f.Fuzz(func(t *testing.T, keys, prefix, delimiter, after string, limit int) {
		if len(keys) > 300 {
			return
		}
		e := newEnv(t, envOptions{idle: true})
		n++
		p = e.planter(fmt.Sprint("acc", n))
		for _, key := range strings.Split(keys, "\n") {
			p.plant(key, true)
		}
		p.same(objectv1.ListObjectsRequest{Prefix: prefix, Delimiter: delimiter, StartAfter: after, MaxKeys: 1 + max(limit, -limit, 0)%9})
	})
}

// countingNodes counts reads.
type countingNodes struct {
	domain.Nodes
	read *int
}

func (c countingNodes) Children(ctx context.Context, account, parent, from string, limit int) ([]domain.Node, error) {
	page, err := c.Nodes.Children(ctx, account, parent, from, limit)
	*c.read += len(page) + 1
	return page, err
}

// A page costs what is in it, wherever it begins and however much it jumps over.
func TestDriveList_CostsAPage(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	read := 0
	e := newEnv(t, envOptions{idle: true, wrap: func(st domain.Store) domain.Store {
		st.Nodes = countingNodes{st.Nodes, &read}
		return st
	}})
	p := e.planter("alice")
	for d := range 20 {
		for i := range 20 {
			p.plant(fmt.Sprintf("dir%02d/sub/f%03d", d, 2*i), true)
		}
	}
	list := func(r objectv1.ListObjectsRequest, most int) objectv1.ListObjectsResponse {
		t.Helper()
		r.Principal, r.Bucket = p.p, objectv1.DriveBucket
		read = 0
		out, err := e.ListObjects(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if read > most {
			t.Errorf("%+v read %d nodes, at most %d were expected", r, read, most)
		}
		return out
	}
	out := list(objectv1.ListObjectsRequest{Delimiter: "/", MaxKeys: 100}, 20*(20+17+4))
	if len(out.CommonPrefixes) != 20 {
		t.Fatalf("%d prefixes", len(out.CommonPrefixes))
	}
	out = list(objectv1.ListObjectsRequest{StartAfter: "dir13/sub/f025", MaxKeys: 10}, 80)
	if len(out.Objects) != 10 || out.Objects[0].Key != "dir13/sub/f026" {
		t.Fatalf("%+v", out)
	}
	list(objectv1.ListObjectsRequest{Prefix: "dir10/", MaxKeys: 10}, 80)
	list(objectv1.ListObjectsRequest{Prefix: "dir10/", Delimiter: "/", MaxKeys: 10}, 80)
	list(objectv1.ListObjectsRequest{Prefix: "zzz", MaxKeys: 10}, 80)
}

// Folders without a file show nothing; a page that only meets such ones ends
// early, and the next one goes on behind it.
func TestDriveList_EmptyFoldersEndAPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true, listSteps: 100})
	p := e.planter("alice")
	for i := range 250 {
		p.folderID(fmt.Sprintf("d%03d", i))
	}
	p.plant("z", true)
	var pages int
	var keys []string
	r := objectv1.ListObjectsRequest{Principal: p.p, Bucket: objectv1.DriveBucket, MaxKeys: 10}
	for {
		out, err := e.ListObjects(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, o := range out.Objects {
			keys = append(keys, o.Key)
		}
		if r.Token = out.NextToken; r.Token == "" {
			break
		}
	}
	if pages != 3 || !slices.Equal(keys, []string{"z"}) {
		t.Fatalf("%d pages, keys %q", pages, keys)
	}
}
