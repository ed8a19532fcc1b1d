package model_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// shared is a bucket whose keys several clients write at once. What they are
// answered depends on who is first; what must hold for any order is looked at:
// nobody is shown what nobody wrote, and in the end all that is listed is there,
// and counted.
type shared struct {
	c    *harness.Client
	name string
	seed uint64

	mu      sync.Mutex
	written map[string]bool // etags
}

func newShared(t *testing.T, c *harness.Client, seed uint64) *shared {
	t.Helper()
	s := &shared{c: c, name: fmt.Sprintf("shared%d", runs.Add(1)), seed: seed, written: map[string]bool{}}
	c.Bucket(t, s.name, "versioning", true)
	return s
}

func (s *shared) disturb(t *testing.T, n int, stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(1000+n)))
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		key := keys[rng.IntN(2)]
		var err error
		switch rng.IntN(8) {
		case 0, 1:
			err = s.put(t, key, fmt.Sprintf("%d/%d of %s", n, i, key))
		case 2:
			err = s.expect(t, http.MethodDelete, harness.ObjectPath(s.name, key), nil, http.StatusOK, http.StatusNoContent)
		case 3:
			err = s.deleteOldest(t, key)
		case 4:
			err = s.expect(t, http.MethodPost, harness.KeyPath(s.name, "object-copy", keys[rng.IntN(2)]),
				map[string]any{"sourceBucket": s.name, "sourceKey": key}, http.StatusCreated, http.StatusNotFound)
		case 5:
			next := [...]string{enabled, suspended}[rng.IntN(2)]
			err = s.expect(t, http.MethodPut, harness.BucketPath(s.name, "/versioning"), map[string]any{"status": next}, http.StatusOK)
		default:
			err = s.get(t, key)
		}
		if err != nil && t.Context().Err() == nil {
			t.Error(err)
			return
		}
	}
}

func (s *shared) expect(t *testing.T, method, path string, body any, statuses ...int) error {
	a, err := s.c.Try(t.Context(), method, path, body, nil)
	if err != nil {
		return err
	}
	for _, status := range statuses {
		if a.Status == status {
			return nil
		}
	}
	return fmt.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
}

func (s *shared) put(t *testing.T, key, body string) error {
	s.mu.Lock()
	s.written[etag([]byte(body))] = true
	s.mu.Unlock()
	return s.expect(t, http.MethodPut, harness.ObjectPath(s.name, key), body, http.StatusCreated)
}

func (s *shared) get(t *testing.T, key string) error {
	a, err := s.c.Try(t.Context(), http.MethodGet, harness.ObjectPath(s.name, key), nil, nil)
	if err != nil || a.Status == http.StatusNotFound {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if tag := a.Header.Get("ETag"); a.Status != http.StatusOK || tag != etag(a.Body) || !s.written[tag] {
		return fmt.Errorf("%s shows %d %s, %.100s", key, a.Status, tag, a.Body)
	}
	return nil
}

// list gives all versions of a key, or of all keys.
func (s *shared) list(t *testing.T, prefix string) (v harness.Versions, err error) {
	a, err := s.c.Try(t.Context(), http.MethodGet, harness.BucketPath(s.name, "/versions?prefix="+prefix), nil, nil)
	if err != nil {
		return v, err
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &v) != nil {
		return v, fmt.Errorf("listing versions: %d %s", a.Status, a.Body)
	}
	seen, latest := map[string]bool{}, map[string]bool{}
	for _, e := range v.Versions {
		if seen[e.VersionID] || e.IsLatest == latest[e.Key] {
			return v, fmt.Errorf("versions twice, or none or several latest: %+v", v.Versions)
		}
		seen[e.VersionID], latest[e.Key] = true, true
	}
	return v, nil
}

func (s *shared) deleteOldest(t *testing.T, key string) error {
	l, err := s.list(t, key)
	if err != nil || len(l.Versions) < 5 {
		return err
	}
	for _, v := range l.Versions[2:] {
		if err := s.expect(t, http.MethodDelete, harness.ObjectPath(s.name, v.Key)+"?versionId="+v.VersionID, nil, http.StatusNoContent); err != nil {
			return err
		}
	}
	return nil
}

// settled holds the listings, the contents and the counts against each other.
func (s *shared) settled(t *testing.T) {
	l, err := s.list(t, "")
	if err != nil {
		t.Fatal(err)
	}
	var objects, bytes int64
	for _, v := range l.Versions {
		if v.IsLatest && !v.DeleteMarker {
			objects++
		}
		bytes += v.Size
		if v.DeleteMarker {
			continue
		}
		a := s.c.Do(t, http.MethodGet, harness.ObjectPath(s.name, v.Key)+"?versionId="+v.VersionID, nil, nil)
		if a.Status != http.StatusOK || etag(a.Body) != v.ETag || !s.written[v.ETag] {
			t.Errorf("%s %s is listed as %s, and is %d %.100s", v.Key, v.VersionID, v.ETag, a.Status, a.Body)
		}
	}
	if n := int64(len(s.c.ListAll(t, s.name))); n != objects {
		t.Errorf("%d objects are listed, %d versions are latest", n, objects)
	}
	var gotObjects, gotBytes int64
	for range 500 {
		if gotObjects, gotBytes = s.c.Usage(t, s.name); gotObjects == objects && gotBytes == bytes {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Errorf("counted are %d objects of %d bytes; there are %d of %d", gotObjects, gotBytes, objects, bytes)
}
