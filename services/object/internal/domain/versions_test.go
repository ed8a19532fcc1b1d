package domain_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func (e *env) versioning(bucket string, to objectv1.Versioning) {
	e.t.Helper()
	b, err := e.SetVersioning(e.t.Context(), objectv1.SetVersioningRequest{Principal: alice, Bucket: bucket, Versioning: to})
	if err != nil || b.Versioning != to {
		e.t.Fatalf("versioning %+v, %v", b, err)
	}
}

// versions lists all versions of a bucket under a prefix, page by page.
func (e *env) versions(bucket, prefix string, page int) []objectv1.ListedVersion {
	e.t.Helper()
	var all []objectv1.ListedVersion
	r := objectv1.ListVersionsRequest{Principal: alice, Bucket: bucket, Prefix: prefix, MaxKeys: page}
	for {
		p, err := e.ListVersions(e.t.Context(), r)
		if err != nil || len(p.Versions) > page {
			e.t.Fatalf("%d versions, %v", len(p.Versions), err)
		}
		all = append(all, p.Versions...)
		if !p.Truncated {
			if p.NextKeyMarker != "" || p.NextVersionIDMarker != "" {
				e.t.Fatalf("the last page has markers: %+v", p)
			}
			return all
		}
		if len(p.Versions) == 0 {
			e.t.Fatal("an empty page says that more follow")
		}
		r.KeyMarker, r.VersionIDMarker = p.NextKeyMarker, p.NextVersionIDMarker
	}
}

// brief is a listing in short: key, version, "*" for the latest, "-" for a marker.
func brief(list []objectv1.ListedVersion) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Key + " " + v.VersionID
		if v.Latest {
			out[i] += "*"
		}
		if v.DeleteMarker {
			out[i] += "-"
		}
	}
	return out
}

func (e *env) wantVersions(bucket string, want ...string) {
	e.t.Helper()
	for _, page := range []int{1, 2, 3, 1000} {
		if d := cmp.Diff(want, brief(e.versions(bucket, "", page)), cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); d != "" {
			e.t.Fatalf("pages of %d: %s", page, d)
		}
	}
}

func TestVersions_SuspendedReplacesTheNullVersion(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} { // what is replaced is cleaned away at once, or much later
		e := newEnv(t, envOptions{idle: idle})
		e.bucket("files", false)
		first := e.put("files", "k", "0").VersionID
		e.versioning("files", objectv1.Enabled)
		kept := e.put("files", "k", "kept").VersionID
		e.wantVersions("files", "k "+kept+"*", "k "+first)
		e.versioning("files", objectv1.Suspended)
		if o, err := e.stat("files", "k", "null"); err != nil || o.VersionID != first || !o.Versioned {
			t.Fatalf("null version %+v, %v", o, err)
		}
		second := e.put("files", "k", "second").VersionID
		e.wantVersions("files", "k "+second+"*", "k "+kept)
		_, err := e.stat("files", "k", first)
		wantErr(t, err, objectv1.ErrNotFound)
		third := e.put("files", "k", "third").VersionID
		e.wantVersions("files", "k "+third+"*", "k "+kept)
		if o, err := e.stat("files", "k", "null"); err != nil || o.VersionID != third || o.Size != 5 {
			t.Fatalf("null version %+v, %v", o, err)
		}
		e.versioning("files", objectv1.Enabled)
		fourth := e.put("files", "k", "fourth").VersionID
		e.wantVersions("files", "k "+fourth+"*", "k "+third, "k "+kept)
		e.delete("files", "k", "null")
		e.delete("files", "k", "null")
		e.wantVersions("files", "k "+fourth+"*", "k "+kept)
		e.delete("files", "k", fourth)
		e.wantVersions("files", "k "+kept+"*")
		for range 3 {
			e.advance(20 * time.Minute)
			if err := e.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		e.wantVersions("files", "k "+kept+"*")
		if u := e.usage(); u.Used != 4 || u.Reserved != 0 {
			t.Fatalf("usage %+v", u)
		}
		b, err := e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"})
		if err != nil || b.ObjectCount != 1 || b.Bytes != 4 {
			t.Fatalf("bucket %+v, %v", b, err)
		}
	}
}

func TestVersions_SuspendedDeleteIsANullMarker(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	kept := e.put("files", "k", "kept").VersionID
	e.versioning("files", objectv1.Suspended)
	null := e.put("files", "k", "null").VersionID
	d := e.delete("files", "k", "")
	if !d.DeleteMarker || d.VersionID == "" || d.VersionID == null {
		t.Fatalf("deletion %+v", d)
	}
	e.wantVersions("files", "k "+d.VersionID+"*-", "k "+kept)
	_, err := e.stat("files", "k", null)
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = e.stat("files", "k", "null")
	wantErr(t, err, objectv1.ErrDeleteMarker)
	if again := e.delete("files", "k", ""); again.DeleteMarker {
		t.Fatalf("a marker upon a marker: %+v", again)
	}
	e.delete("files", "k", "null") // undeletes
	e.wantVersions("files", "k "+kept+"*")
	if o, err := e.stat("files", "k", ""); err != nil || o.VersionID != kept {
		t.Fatalf("%+v, %v", o, err)
	}
	e.put("files", "only", "1")
	d = e.delete("files", "only", "")
	e.put("files", "only", "22")
	_, err = e.stat("files", "only", d.VersionID)
	wantErr(t, err, objectv1.ErrNotFound)
	if u := e.usage(); u.Used != 6 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

// The null version waits in the head's discards when the current version goes:
// it must not come back.
func TestVersions_DiscardedNeverComesBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true})
	e.bucket("files", false)
	e.put("files", "k", "old")
	e.versioning("files", objectv1.Suspended)
	second := e.put("files", "k", "second").VersionID
	e.delete("files", "k", second)
	_, err := e.stat("files", "k", "")
	wantErr(t, err, objectv1.ErrNotFound)
	e.wantVersions("files")
	if keys := e.keys("files"); len(keys) != 0 {
		t.Fatalf("listed %q", keys)
	}
}

func TestVersions_UnversionedKnowsTheAlias(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	old := e.put("files", "k", "1").VersionID
	now := e.put("files", "k", "22").VersionID
	if o, err := e.stat("files", "k", "null"); err != nil || o.VersionID != now || o.Versioned {
		t.Fatalf("%+v, %v", o, err)
	}
	e.delete("files", "k", old)
	e.delete("files", "k", "other")
	e.wantVersions("files", "k "+now+"*")
	e.delete("files", "k", "null")
	e.delete("files", "k", "null")
	e.delete("files", "never", "null")
	e.wantVersions("files")
	_, err := e.stat("files", "k", "null")
	wantErr(t, err, objectv1.ErrNotFound)
}

func TestSetVersioning_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	e.lockBucket("locked", nil)
	for _, c := range []struct {
		bucket string
		to     objectv1.Versioning
		want   error
	}{
		{"files", objectv1.Unversioned, fault.ErrInvalid}, {"files", "", fault.ErrInvalid}, {"files", "enabled", fault.ErrInvalid},
		{"locked", objectv1.Suspended, objectv1.ErrLockNeedsVersioning}, {"none", objectv1.Enabled, objectv1.ErrBucketNotFound},
	} {
		_, err := e.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: alice, Bucket: c.bucket, Versioning: c.to})
		wantErr(t, err, c.want)
	}
	e.versioning("locked", objectv1.Enabled)
	e.versioning("files", objectv1.Enabled)
	e.versioning("files", objectv1.Enabled)
}

// What was answered while the bucket was Enabled stays, whatever was under way
// when it became so.
func TestSetVersioning_RacesWithWriters(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	for round := range 10 {
		bucket := fmt.Sprint("files-", round)
		e.bucket(bucket, false)
		e.put(bucket, "k", "0")
		var kept []string
		var wg sync.WaitGroup
		wg.Go(func() {
			e.versioning(bucket, objectv1.Enabled)
			for range 4 {
				kept = append(kept, e.put(bucket, "k", "kept").VersionID)
			}
		})
		for range 3 {
			wg.Go(func() {
				for range 4 {
					if _, err := e.tryPut(bucket, "k", "racer", objectv1.Conditions{}); err != nil {
						t.Error(err)
					}
					if _, err := e.tryDelete(bucket, "k", ""); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		listed := strings.Join(brief(e.versions(bucket, "", 1000)), "\n")
		for _, id := range kept {
			if !strings.Contains(listed, id) {
				t.Fatalf("version %s is gone:\n%s", id, listed)
			}
		}
	}
}

func TestListVersions_PagesPrefixesMarkers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	e.wantVersions("files")
	want := map[string][]string{}
	keys := []string{"a", "a/b", "a/c", "b", "ü", "z"}
	for n := range 4 {
		for i, k := range keys {
			if n <= i {
				id := e.put("files", k, fmt.Sprint(n)).VersionID
				want[k] = append([]string{k + " " + id}, want[k]...)
			}
		}
	}
	d := e.delete("files", "b", "")
	want["b"] = append([]string{"b " + d.VersionID + "*-"}, want["b"]...)
	slices.Sort(keys)
	var all, under []string
	for _, k := range keys {
		if k != "b" {
			want[k][0] += "*"
		}
		all = append(all, want[k]...)
		if strings.HasPrefix(k, "a/") {
			under = append(under, want[k]...)
		}
	}
	e.wantVersions("files", all...)
	for _, page := range []int{1, 2, 5, 6} {
		if d := cmp.Diff(under, brief(e.versions("files", "a/", page))); d != "" {
			t.Fatal(d)
		}
	}
	after := func(key, version, prefix string) []string {
		t.Helper()
		p, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{
			Principal: alice, Bucket: "files", KeyMarker: key, VersionIDMarker: version, Prefix: prefix, MaxKeys: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		return brief(p.Versions)
	}
	for i, entry := range all {
		key, version, _ := strings.Cut(strings.TrimRight(entry, "*-"), " ")
		if d := cmp.Diff(all[i+1:], after(key, version, ""), cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); d != "" {
			t.Fatalf("behind %s: %s", entry, d)
		}
	}
	if got := after("0", "", ""); len(got) != len(all) {
		t.Fatalf("behind a key before all: %q", got)
	}
	if got := after("a", "", "a/"); len(got) != len(under) {
		t.Fatalf("a marker before the prefix: %q", got)
	}
	if got := after("b", "", "a/"); len(got) != 0 {
		t.Fatalf("a marker behind the prefix: %q", got)
	}
	if got := after("ÿ", "", ""); len(got) != 0 {
		t.Fatalf("a marker behind all: %q", got)
	}
}

func TestListVersions_MarkerThatIsGone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	for range 9 {
		e.put("files", "k", "1")
		e.delete("files", "k", "")
	}
	e.advance(time.Hour) // what is removed now is not remembered
	n := 0
	r := objectv1.ListVersionsRequest{Principal: alice, Bucket: "files", MaxKeys: 4}
	for {
		p, err := e.ListVersions(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Versions {
			e.delete("files", v.Key, v.VersionID)
			n++
		}
		e.usage()
		if !p.Truncated {
			break
		}
		r.KeyMarker, r.VersionIDMarker = p.NextKeyMarker, p.NextVersionIDMarker
	}
	if n != 18 {
		t.Fatalf("met %d of 18 versions", n)
	}
	e.wantVersions("files")
}

func TestListVersions_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	other := e.put("files", "other", "1").VersionID
	e.put("files", "k", "1")
	for name, r := range map[string]objectv1.ListVersionsRequest{
		"no limit":      {},
		"over limit":    {MaxKeys: 1001},
		"negative":      {MaxKeys: -1},
		"prefix":        {MaxKeys: 1, Prefix: strings.Repeat("x", 1025)},
		"NUL":           {MaxKeys: 1, KeyMarker: "a\x00"},
		"no UTF-8":      {MaxKeys: 1, Prefix: "\xff"},
		"version alone": {MaxKeys: 1, VersionIDMarker: other},
		"null alone":    {MaxKeys: 1, VersionIDMarker: "null"},
		"no version id": {MaxKeys: 1, KeyMarker: "k", VersionIDMarker: "x"},
	} {
		r.Principal, r.Bucket = alice, "files"
		if _, err := e.ListVersions(t.Context(), r); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A version that the head names is listed from then on, whatever its own
// document says so far.
func TestListVersions_CurrentButPending(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true})
	e.bucket("files", true)
	first := e.put("files", "k", "1").VersionID
	second := e.put("files", "k", "22").VersionID
	if v, err := e.st.Versions.Get(t.Context(), second); err != nil || v.State != domain.VersionPending {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := e.begin("files", "other", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: 1, Hold: true}); err != nil {
		t.Fatal(err)
	}
	e.wantVersions("files", "k "+second+"*", "k "+first)
	e.delete("files", "k", second)
	e.wantVersions("files", "k "+first+"*")
}

func TestListVersions_PageEndsByBytes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("size, not concurrency: make test has it without the race detector")
	}
	e := newEnv(t, envOptions{idle: true})
	b := e.bucket("files", false)
	long := strings.Repeat("k", 1000)
	for i := range 900 {
		key := fmt.Sprintf("%s%04d", long, i)
		h := headOf(b.ID, key)
		h.Current, h.Order = fmt.Sprintf("v%04d", i), 1
		if err := e.st.Heads.Put(t.Context(), h, 0); err != nil {
			t.Fatal(err)
		}
		v := domain.Version{ID: h.Current, Account: "alice", Bucket: b.ID, Key: key, Live: b.ID, State: domain.VersionCommitted, Order: 1}
		if err := e.st.Versions.Insert(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{Principal: alice, Bucket: "files", MaxKeys: 1000})
	if err != nil || !p.Truncated || len(p.Versions) < 400 || len(p.Versions) > 600 {
		t.Fatalf("%d versions, %v", len(p.Versions), err)
	}
	rest, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{
		Principal: alice, Bucket: "files", MaxKeys: 1000, KeyMarker: p.NextKeyMarker,
	})
	if err != nil || rest.Truncated || len(rest.Versions)+len(p.Versions) != 900 {
		t.Fatalf("%d and %d versions, %v", len(p.Versions), len(rest.Versions), err)
	}
}

// reads counts the documents that listings read.
type reads struct{ n atomic.Int64 }

func (r *reads) wrap(st domain.Store) domain.Store {
	st.Versions, st.Heads = readVersions{st.Versions, r}, readHeads{st.Heads, r}
	return st
}

type readVersions struct {
	domain.Versions
	r *reads
}

func (v readVersions) Between(ctx context.Context, bucket string, r domain.Range, limit int) ([]domain.Version, bool, error) {
	page, more, err := v.Versions.Between(ctx, bucket, r, limit)
	v.r.n.Add(int64(1 + len(page)))
	return page, more, err
}

func (v readVersions) Before(ctx context.Context, bucket, key string, order int64, limit int) ([]domain.Version, error) {
	page, err := v.Versions.Before(ctx, bucket, key, order, limit)
	v.r.n.Add(int64(1 + len(page)))
	return page, err
}

type readHeads struct {
	domain.Heads
	r *reads
}

func (h readHeads) Get(ctx context.Context, bucket, key string) (domain.Head, int64, error) {
	h.r.n.Add(1)
	return h.Heads.Get(ctx, bucket, key)
}

func TestListVersions_CostsThePage(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	var r reads
	e := newEnv(t, envOptions{idle: true, wrap: r.wrap})
	b := e.bucket("files", true)
	insert := func(key string, versions int) {
		t.Helper()
		h := headOf(b.ID, key)
		for i := range versions {
			v := domain.Version{
				ID: fmt.Sprintf("%s-%04d", key, i), Account: "alice", Bucket: b.ID, Key: key, Live: b.ID, State: domain.VersionCommitted, Order: int64(1 + i),
			}
			h.Current, h.Order = v.ID, v.Order
			if err := e.st.Versions.Insert(t.Context(), v); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.st.Heads.Put(t.Context(), h, 0); err != nil {
			t.Fatal(err)
		}
	}
	insert("large", 400)
	for i := range 200 {
		insert(fmt.Sprintf("one-%03d", i), 1)
		insert(fmt.Sprintf("two-%03d", i), 2)
	}
	for _, c := range []struct {
		name, key, version, prefix string
		most                       int64
	}{
		{"in one key", "large", "", "", 60}, {"of single versions", "", "", "one-1", 60},
		{"of several", "", "", "two-1", 90}, {"of one large key", "", "", "large", 80},
	} {
		r.n.Store(0)
		p, err := e.ListVersions(t.Context(), objectv1.ListVersionsRequest{
			Principal: alice, Bucket: "files", KeyMarker: c.key, VersionIDMarker: c.version, Prefix: c.prefix, MaxKeys: 20,
		})
		if err != nil || len(p.Versions) != 20 || !p.Truncated {
			t.Fatalf("%s: %d versions, %v", c.name, len(p.Versions), err)
		}
		if n := r.n.Load(); n > c.most {
			t.Errorf("%s: 20 versions cost %d reads", c.name, n)
		}
	}
}

// Uploads under way stand in the index and show nothing.
func TestListVersions_PassesOverUploads(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	var r reads
	e := newEnv(t, envOptions{idle: true, wrap: r.wrap})
	b := e.bucket("files", true)
	for i := range 300 {
		v := domain.Version{
			ID: fmt.Sprintf("u%03d", i), Account: "alice", Bucket: b.ID, Key: fmt.Sprintf("k%03d", i/2), Live: b.ID, State: domain.VersionHeld,
		}
		if err := e.st.Versions.Insert(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	id := e.put("files", "z", "1").VersionID
	r.n.Store(0)
	e.wantVersions("files", "z "+id+"*")
	if n := r.n.Load(); n > 4*800 { // four sizes of pages
		t.Errorf("a listing cost %d reads", n)
	}
}

func TestVersions_HostileIDs(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", true)
	e.put("files", "k", "1")
	for _, id := range []string{"\x00", "\xff", " ", "Null", "NULL", "../x", "$where", strings.Repeat("x", 3000), "01ARZ3NDEKTSV4RRFFQ69G5FAV", "res.x"} {
		_, err := e.stat("files", "k", id)
		wantErr(t, err, objectv1.ErrNotFound)
		wantErr(t, e.tag("files", "k", id, nil), objectv1.ErrNotFound)
		if d := e.delete("files", "k", id); d.DeleteMarker {
			t.Errorf("%q: %+v", id, d)
		}
	}
	if len(e.versions("files", "", 10)) != 1 {
		t.Fatal("something was removed")
	}
}

func TestListObjects_Full(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.lockBucket("files", &objectv1.DefaultRetention{Mode: objectv1.Governance, Days: 1})
	o := e.put("files", "a", "1")
	e.put("files", "b", "2")
	full, err := e.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 10, Full: true})
	if err != nil || len(full.Objects) != 2 {
		t.Fatalf("%+v, %v", full, err)
	}
	want := &objectv1.Details{Digests: o.Digests, Compressed: o.Compressed, Retention: o.Retention}
	if d := cmp.Diff(want, full.Objects[0].Details); d != "" || want.Retention == nil {
		t.Fatal(d)
	}
	plain, err := e.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range full.Objects {
		full.Objects[i].Details = nil
	}
	if d := cmp.Diff(plain, full); d != "" {
		t.Fatal(d)
	}
}
