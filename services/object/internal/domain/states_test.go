package domain_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// states runs random operations one after the other and holds every answer
// against an in-memory model. Operations may break off at any of their writes:
// then the service must look as if they had happened, or as if not, for good.
type states struct {
	e    *env
	rnd  *rand.Rand
	t    *testing.T
	log  []string
	gone []gone // ids that were removed: they never come back

	buckets map[string]*bucketModel
}

type gone struct{ bucket, key, id string }

type bucketModel struct {
	versioning objectv1.Versioning
	lock       bool
	keys       map[string][]versionModel // newest first
}

type versionModel struct {
	id        string // "?" of a marker whose deletion broke off
	null      bool
	marker    bool
	size      int64
	tags      map[string]string
	retention *objectv1.Retention
	hold      bool
}

func (b *bucketModel) clone() *bucketModel {
	c := *b
	c.keys = make(map[string][]versionModel, len(b.keys))
	for k, list := range b.keys {
		c.keys[k] = slices.Clone(list)
	}
	return &c
}

// write puts a version on top, instead of the null version if it is one itself.
func (b *bucketModel) write(key string, v versionModel) {
	v.null = b.versioning != objectv1.Enabled
	if v.null {
		b.drop(key, func(o versionModel) bool { return o.null })
	}
	b.keys[key] = append([]versionModel{v}, b.keys[key]...)
}

func (b *bucketModel) drop(key string, which func(v versionModel) bool) {
	b.keys[key] = slices.DeleteFunc(slices.Clone(b.keys[key]), which)
}

// find gives the version that id means, nil for none.
func (b *bucketModel) find(key, id string) *versionModel {
	list := b.keys[key]
	for i := range list {
		if id == "" || id == list[i].id || id == "null" && list[i].null {
			return &list[i]
		}
	}
	return nil
}

// brief is what a version listing shows.
func (b *bucketModel) brief() []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		for i, v := range b.keys[key] {
			entry := key + " " + v.id
			if i == 0 {
				entry += "*"
			}
			if v.marker {
				entry += "-"
			}
			out = append(out, entry)
		}
	}
	return out
}

func (v *versionModel) locked(at time.Time) bool {
	return v.hold || v.retention != nil && v.retention.Until.After(at)
}

func newStates(t *testing.T, seed uint64, crashes bool) *states {
	rnd := rand.New(rand.NewPCG(seed, 7))
	o := envOptions{hasty: true, idle: rnd.IntN(3) == 0}
	if crashes {
		o.wrap = crashing
	}
	s := &states{e: newEnv(t, o), rnd: rnd, t: t, buckets: map[string]*bucketModel{
		"files":  {versioning: objectv1.Unversioned, keys: map[string][]versionModel{}},
		"locked": {versioning: objectv1.Enabled, lock: true, keys: map[string][]versionModel{}},
	}}
	s.e.bucket("files", false)
	s.e.lockBucket("locked", nil)
	return s
}

func (s *states) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(strings.Join(s.log, "\n")+"\n"+format, args...)
}

// run does an operation that changes the model to after, unless it breaks off or
// want refuses it. What it did is read back from the listing.
func (s *states) run(bucket, what string, want error, after *bucketModel, do func(ctx context.Context) error) {
	s.t.Helper()
	ctx := s.t.Context()
	crash := s.rnd.IntN(3) == 0
	if crash {
		ctx, _ = withCrash(ctx, s.rnd, 8)
	}
	err := do(ctx)
	s.log = append(s.log, fmt.Sprintf("%s: %s: %v", bucket, what, err))
	before := s.buckets[bucket]
	broken := err != nil && !errors.Is(err, want)
	switch {
	case broken && !crash:
		s.fatalf("%v, want %v", err, want)
	case !broken && err == nil && want != nil:
		s.fatalf("%s succeeded, want %v", what, want)
	case err == nil:
		s.buckets[bucket] = after
	case broken && s.matches(bucket, after):
		s.buckets[bucket] = after
	}
	if !s.matches(bucket, s.buckets[bucket]) {
		s.fatalf("%s shows %q\nbefore: %q\nafter:  %q", bucket, s.seen(bucket), before.brief(), after.brief())
	}
	s.bury(bucket, before)
}

// bury remembers what the model no longer has.
func (s *states) bury(bucket string, before *bucketModel) {
	for key, list := range before.keys {
		for _, v := range list {
			if s.buckets[bucket].find(key, v.id) == nil {
				s.gone = append(s.gone, gone{bucket, key, v.id})
			}
		}
	}
}

func (s *states) seen(bucket string) []string {
	return brief(s.e.versions(bucket, "", []int{1, 2, 1000}[s.rnd.IntN(3)]))
}

// matches holds the model against the service's listing, and learns the ids of
// markers from it.
func (s *states) matches(bucket string, m *bucketModel) bool {
	got, want := s.seen(bucket), m.brief()
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if key, shape, ok := strings.Cut(want[i], "?"); ok && strings.HasPrefix(got[i], key) && strings.HasSuffix(got[i], shape) {
			m.find(strings.TrimSpace(key), "?").id = strings.TrimRight(strings.TrimPrefix(got[i], key), "*-")
			continue
		}
		if got[i] != want[i] {
			return false
		}
	}
	return s.matchesDetails(bucket, m)
}

// matchesDetails compares what is attached to the versions.
func (s *states) matchesDetails(bucket string, m *bucketModel) bool {
	for key, list := range m.keys {
		for _, v := range list {
			o, err := s.e.stat(bucket, key, v.id)
			if v.marker {
				if !errors.Is(err, objectv1.ErrDeleteMarker) {
					return false
				}
				continue
			}
			same := v.retention == o.Retention || v.retention != nil && o.Retention != nil &&
				v.retention.Mode == o.Retention.Mode && v.retention.Until.Equal(o.Retention.Until)
			if err != nil || !same || !maps.Equal(v.tags, o.Metadata.Tags) || o.LegalHold != v.hold || o.Size != v.size {
				return false
			}
		}
	}
	return true
}

func (s *states) step() {
	s.t.Helper()
	bucket := []string{"files", "files", "locked"}[s.rnd.IntN(3)]
	key := string(rune('a' + s.rnd.IntN(3)))
	switch s.rnd.IntN(12) {
	case 0, 1, 2, 3:
		s.put(bucket, key)
	case 4:
		s.delete(bucket, key)
	case 5, 6:
		s.deleteVersion(bucket, key, s.anyID(bucket, key))
	case 7:
		s.setTags(bucket, key, s.anyID(bucket, key))
	case 8:
		s.setRetention(bucket, key, s.anyID(bucket, key))
	case 9:
		s.setHold(bucket, key, s.anyID(bucket, key))
	case 10:
		s.switchVersioning(bucket)
	case 11:
		s.e.advance(time.Duration(s.rnd.IntN(30)) * time.Minute)
		if err := s.e.Sweep(s.t.Context()); err != nil {
			s.fatalf("sweep: %v", err)
		}
	}
	s.readOne()
}

// anyID gives a version id of the key, its alias, or the id of one that is gone.
func (s *states) anyID(bucket, key string) string {
	ids := []string{"null", ""}
	for _, v := range s.buckets[bucket].keys[key] {
		ids = append(ids, v.id, v.id)
	}
	for _, g := range s.gone {
		if g.bucket == bucket && g.key == key && s.rnd.IntN(20) == 0 {
			ids = append(ids, g.id)
		}
	}
	return ids[s.rnd.IntN(len(ids))]
}

func (s *states) put(bucket, key string) {
	s.t.Helper()
	after := s.buckets[bucket].clone()
	body := strings.Repeat("x", 1+s.rnd.IntN(9))
	ticket, err := s.e.begin(bucket, key, int64(len(body)))
	if err != nil {
		s.fatalf("begin: %v", err)
	}
	v := versionModel{id: ticket.VersionID, size: int64(len(body))}
	c := commitOf(alice, bucket, key, body, ticket)
	if after.lock && s.rnd.IntN(4) == 0 {
		c.Retention = &objectv1.Retention{Mode: objectv1.Governance, Until: s.e.now().Add(time.Hour).UTC().Truncate(time.Millisecond)}
		v.retention = c.Retention
	}
	after.write(key, v)
	s.run(bucket, "put "+key+" "+v.id, nil, after, func(ctx context.Context) error {
		_, err := s.e.CommitPut(ctx, c)
		return err
	})
}

func (s *states) delete(bucket, key string) {
	s.t.Helper()
	after := s.buckets[bucket].clone()
	cur := after.find(key, "")
	switch {
	case cur == nil || cur.marker:
	case after.versioning == objectv1.Unversioned:
		after.keys[key] = nil
	default:
		after.write(key, versionModel{id: "?", marker: true})
	}
	s.run(bucket, "delete "+key, nil, after, func(ctx context.Context) error {
		_, err := s.e.DeleteObject(ctx, objectv1.DeleteObjectRequest{Principal: alice, Bucket: bucket, Key: key})
		return err
	})
}

func (s *states) deleteVersion(bucket, key, id string) {
	s.t.Helper()
	if id == "" {
		id = "null"
	}
	after := s.buckets[bucket].clone()
	var want error
	if v := after.find(key, id); v != nil && v.locked(s.e.now()) {
		want = objectv1.ErrObjectLocked
	} else if v != nil {
		victim := v.id
		after.drop(key, func(o versionModel) bool { return o.id == victim })
	}
	s.run(bucket, "delete "+key+" "+id, want, after, func(ctx context.Context) error {
		r, err := s.e.DeleteObjects(ctx, objectv1.DeleteObjectsRequest{
			Principal: alice, Bucket: bucket, Objects: []objectv1.ObjectRef{{Key: key, VersionID: id}},
		})
		if err == nil && r.Results[0].Fault != nil {
			err = r.Results[0].Fault.Err()
		}
		return err
	})
}

// target gives the version that is to be changed, and what refuses that.
func (s *states) target(m *bucketModel, key, id string) (*versionModel, error) {
	switch v := m.find(key, id); {
	case v == nil:
		return nil, objectv1.ErrNotFound
	case v.marker:
		return nil, objectv1.ErrDeleteMarker
	default:
		return v, nil
	}
}

func (s *states) setTags(bucket, key, id string) {
	s.t.Helper()
	after := s.buckets[bucket].clone()
	v, want := s.target(after, key, id)
	tags := map[string]string{"n": fmt.Sprint(s.rnd.IntN(1000))}
	if v != nil {
		v.tags = tags
	}
	s.run(bucket, "tag "+key+" "+id, want, after, func(ctx context.Context) error {
		_, err := s.e.SetTags(ctx, objectv1.SetTagsRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: id, Tags: tags})
		return err
	})
}

func (s *states) setRetention(bucket, key, id string) {
	s.t.Helper()
	after := s.buckets[bucket].clone()
	v, want := s.target(after, key, id)
	next := objectv1.Retention{
		Mode:  []string{objectv1.Governance, objectv1.Compliance}[s.rnd.IntN(2)],
		Until: s.e.now().Add(time.Duration(1+s.rnd.IntN(200)) * time.Minute).UTC().Truncate(time.Millisecond),
	}
	switch {
	case !after.lock:
		want = objectv1.ErrLockNotEnabled
	case v == nil:
	case v.retention != nil && v.retention.Until.After(s.e.now()) &&
		(next.Until.Before(v.retention.Until) || v.retention.Mode == objectv1.Compliance && next.Mode == objectv1.Governance):
		want = objectv1.ErrObjectLocked
	default:
		v.retention = &next
	}
	s.run(bucket, fmt.Sprint("retain ", key, " ", id, next), want, after, func(ctx context.Context) error {
		_, err := s.e.SetRetention(ctx, objectv1.SetRetentionRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: id, Retention: next})
		return err
	})
}

func (s *states) setHold(bucket, key, id string) {
	s.t.Helper()
	after := s.buckets[bucket].clone()
	v, want := s.target(after, key, id)
	on := s.rnd.IntN(3) == 0
	switch {
	case !after.lock:
		want = objectv1.ErrLockNotEnabled
	case v != nil:
		v.hold = on
	}
	s.run(bucket, fmt.Sprint("hold ", key, " ", id, " ", on), want, after, func(ctx context.Context) error {
		_, err := s.e.SetLegalHold(ctx, objectv1.SetLegalHoldRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: id, On: on})
		return err
	})
}

func (s *states) switchVersioning(bucket string) {
	s.t.Helper()
	to := []objectv1.Versioning{objectv1.Enabled, objectv1.Suspended}[s.rnd.IntN(2)]
	m := s.buckets[bucket]
	_, err := s.e.SetVersioning(s.t.Context(), objectv1.SetVersioningRequest{Principal: alice, Bucket: bucket, Versioning: to})
	s.log = append(s.log, fmt.Sprintf("%s: %s: %v", bucket, to, err))
	switch {
	case m.lock && to == objectv1.Suspended:
		if !errors.Is(err, objectv1.ErrLockNeedsVersioning) {
			s.fatalf("suspending a bucket with object lock: %v", err)
		}
	case err != nil:
		s.fatalf("%v", err)
	default:
		m.versioning = to
	}
}

// readOne reads something by chance, mostly what is gone.
func (s *states) readOne() {
	s.t.Helper()
	if len(s.gone) > 0 {
		g := s.gone[s.rnd.IntN(len(s.gone))]
		if _, err := s.e.stat(g.bucket, g.key, g.id); !errors.Is(err, objectv1.ErrNotFound) {
			s.fatalf("version %+v is gone, stat says %v", g, err)
		}
	}
	for bucket, m := range s.buckets {
		var want []string
		for _, key := range slices.Sorted(maps.Keys(m.keys)) {
			if v := m.find(key, ""); v != nil && !v.marker {
				want = append(want, key)
			}
		}
		if got := s.e.keys(bucket); !slices.Equal(got, want) {
			s.fatalf("%s lists %q, want %q", bucket, got, want)
		}
	}
}

// settled holds usage and contents against the model when all is repaired.
func (s *states) settled() {
	s.t.Helper()
	for range 4 {
		s.e.advance(20 * time.Minute)
		if err := s.e.Sweep(s.t.Context()); err != nil {
			s.fatalf("sweep: %v", err)
		}
	}
	var bytes int64
	contents := 0
	for bucket, m := range s.buckets {
		if !s.matches(bucket, m) {
			s.fatalf("%s shows %q, want %q", bucket, s.seen(bucket), m.brief())
		}
		for _, list := range m.keys {
			for _, v := range list {
				if bytes += v.size; !v.marker {
					contents++
				}
			}
		}
	}
	u, err := s.e.st.Accounts.Get(s.t.Context(), "alice")
	if err != nil || u.Used != bytes || u.Total != bytes {
		s.fatalf("usage %+v, %v, want %d bytes", u, err, bytes)
	}
	page, err := s.e.st.Contents.Between(s.t.Context(), "", "", 10_000)
	if err != nil || len(page) != contents {
		s.fatalf("%d contents, %v, want %d", len(page), err, contents)
	}
}

func TestStates_EveryAnswerAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	for _, crashes := range []bool{false, true} {
		for seed := range rounds(2, 2, 20) {
			t.Run(fmt.Sprintf("crashes %v, seed %d", crashes, seed), func(t *testing.T) {
				s := newStates(t, uint64(seed), crashes)
				for range rounds(50, 50, 150) {
					s.step()
				}
				s.settled()
				s.e.stop()
			})
		}
	}
}
