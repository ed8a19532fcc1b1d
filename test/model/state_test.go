package model_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The versioning states of a bucket (lockwell.md, Buckets).
const (
	unversioned = "Unversioned"
	enabled     = "Enabled"
	suspended   = "Suspended"
)

// bucket is all that the model knows of one.
type bucket struct {
	name    string
	state   string
	lock    bool
	days    int                   // of the default retention, GOVERNANCE; 0: none
	keys    map[string][]*version // newest first
	gone    map[string][]string   // ids of versions that there were
	uploads []*upload
	bound   []*bound // idempotency keys, in the order of their first use
}

func newBucket(name string, lock bool, days int) *bucket {
	b := &bucket{name: name, state: unversioned, lock: lock, days: days, keys: map[string][]*version{}, gone: map[string][]string{}}
	if lock {
		b.state = enabled
	}
	return b
}

// version is a version of a key, or a delete marker.
type version struct {
	id     string
	null   bool
	marker bool
	body   []byte
	etag   string
	typ    string
	meta   map[string]string
	tags   map[string]string
	mode   string // of the retention; "": none
	until  time.Time
	hold   bool
}

// upload is an open multipart upload, or a completed one.
type upload struct {
	id, key string
	like    version // what the object will be beside its bytes
	parts   map[int]part
	done    []int // the parts that were completed; nil: open
	answer  string
}

type part struct {
	body []byte
	etag string
}

// bound is an idempotency key and what it is bound to.
type bound struct {
	key, name string
	body      []byte
	typ       string
	version   string // as first answered
}

// current gives what a key shows; nil: nothing.
func (b *bucket) current(key string) *version {
	if vs := b.keys[key]; len(vs) > 0 && !vs[0].marker {
		return vs[0]
	}
	return nil
}

// add makes v current. Where no versions are kept it takes the null version's place.
func (b *bucket) add(key string, v *version) {
	if v.null = b.state != enabled; v.null {
		for _, old := range b.keys[key] {
			if old.null {
				b.drop(key, old)
				break
			}
		}
	}
	if b.days > 0 && v.mode == "" && !v.marker {
		v.mode, v.until = "GOVERNANCE", time.Now().UTC().AddDate(0, 0, b.days)
	}
	b.keys[key] = slices.Insert(b.keys[key], 0, v)
}

// drop takes a version away for good.
func (b *bucket) drop(key string, v *version) {
	b.keys[key] = slices.DeleteFunc(b.keys[key], func(o *version) bool { return o == v })
	b.gone[key] = append(b.gone[key], v.id)
}

// find gives the version that an id, or the alias null, or "" names.
func (b *bucket) find(key, id string) *version {
	for i, v := range b.keys[key] {
		if id == "" && i == 0 || id == v.id || id == "null" && v.null {
			return v
		}
	}
	return nil
}

func (v *version) locked() bool { return v.hold || v.retained() }

func (v *version) retained() bool { return v.mode != "" && v.until.After(time.Now()) }

// empty reports whether the bucket may be deleted.
func (b *bucket) empty() bool {
	for _, vs := range b.keys {
		if len(vs) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(b.uploads, func(u *upload) bool { return u.done == nil })
}

// size of the bucket: objects that show, bytes of all versions.
func (b *bucket) size() (objects, bytes int64) {
	for key, vs := range b.keys {
		if b.current(key) != nil {
			objects++
		}
		for _, v := range vs {
			bytes += int64(len(v.body))
		}
	}
	return objects, bytes
}

// sorted gives the keys with the prefix that show an object, or have any version.
func (b *bucket) sorted(prefix string, all bool) []string {
	var keys []string
	for key, vs := range b.keys {
		if strings.HasPrefix(key, prefix) && (all && len(vs) > 0 || b.current(key) != nil) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// etag of a content that was written in one piece, or of a part.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:])[:32] + `-1"`
}

// composite is the etag of an object of several parts.
func composite(parts [][]byte) string {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256(p)
		h.Write(sum[:])
	}
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(h.Sum(nil))[:32], len(parts))
}
