package domain

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	// shardsPerFolder is into how many documents the entries of a folder's children
	// go: a write of one of many children rewrites that part of all entries.
	shardsPerFolder = 64
	// goneKept is how long it is remembered that a child went, so that a worker which
	// had read it before does not bring it back. None goes on for longer than workLife.
	goneKept = 10 * time.Minute
)

// Sum is what a folder holds: files and folders in it, bytes and downloads of all
// files below it.
type Sum struct {
	Files     int64 `bson:"f,omitempty"`
	Folders   int64 `bson:"d,omitempty"`
	Bytes     int64 `bson:"b,omitempty"`
	Downloads int64 `bson:"n,omitempty"`
}

// IsZero reports whether there is nothing; documents leave the field out then.
func (s Sum) IsZero() bool { return s == Sum{} }

func (s Sum) plus(o Sum) Sum {
	return Sum{Files: s.Files + o.Files, Folders: s.Folders + o.Folders, Bytes: s.Bytes + o.Bytes, Downloads: s.Downloads + o.Downloads}
}

// deep reports whether the folders above have the same part of s as of o.
func (s Sum) deep(o Sum) bool { return s.Bytes == o.Bytes && s.Downloads == o.Downloads }

func (s Sum) view() objectv1.Tally {
	return objectv1.Tally{Files: s.Files, Folders: s.Folders, Bytes: s.Bytes, Downloads: s.Downloads}
}

// Entry is what a child adds to its folder's sums, as its node said at Rev.
type Entry struct {
	Rev       int64     `bson:"r"`
	Folder    bool      `bson:"d,omitempty"`
	Bytes     int64     `bson:"b,omitempty"`
	Downloads int64     `bson:"n,omitempty"`
	Gone      time.Time `bson:"g,omitempty"` // since when it adds nothing
}

// sum is what the entry adds.
func (e Entry) sum() Sum {
	switch {
	case !e.Gone.IsZero():
		return Sum{}
	case e.Folder:
		return Sum{Folders: 1, Bytes: e.Bytes, Downloads: e.Downloads}
	}
	return Sum{Files: 1, Bytes: e.Bytes, Downloads: e.Downloads}
}

// Shard is a part of the entries of a folder's children, by their ids. It stays as
// long as the folder: its revision only rises.
type Shard struct {
	ID      string           `bson:"-"`
	Entries map[string]Entry `bson:"e,omitempty"`
	LookAt  time.Time        `bson:"lookAt,omitempty"` // when the first of those that are gone can be forgotten
}

// sum is what all entries add.
func (s Shard) sum() Sum {
	var sum Sum
	for _, e := range s.Entries {
		sum = sum.plus(e.sum())
	}
	return sum
}

// set brings entries in that are newer than those which are there, and reports
// whether there was one.
func (s *Shard) set(entries map[string]Entry, now time.Time) (changed bool) {
	next := maps.Clone(s.Entries)
	if next == nil {
		next = make(map[string]Entry, len(entries))
	}
	for id, e := range entries {
		if old, ok := next[id]; !ok || old.Rev < e.Rev {
			next[id], changed = e, true
		}
	}
	if changed {
		s.Entries = next
		s.forget(now)
	}
	return changed
}

// forget takes out what went long ago, and reports whether there was something.
func (s *Shard) forget(now time.Time) bool {
	before := len(s.Entries)
	maps.DeleteFunc(s.Entries, func(_ string, e Entry) bool {
		return !e.Gone.IsZero() && now.Sub(e.Gone) >= goneKept
	})
	s.LookAt = time.Time{}
	for _, e := range s.Entries {
		if at := e.Gone.Add(goneKept); !e.Gone.IsZero() && (s.LookAt.IsZero() || at.Before(s.LookAt)) {
			s.LookAt = at
		}
	}
	return len(s.Entries) < before
}

// Grave is a node that is gone and that a worker may still write something for.
type Grave struct {
	ID     string    `bson:"-"` // of the node
	Base   string    `bson:"base"`
	LookAt time.Time `bson:"lookAt"`
}

// baseOf begins the ids of a folder's shards. No account's id has a '/'.
func baseOf(account, folder string) string { return account + "/" + folder + "/" }

// shardOf is the number of the shard in which a child's entry is.
func shardOf(child string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(child))
	return int(h.Sum32() % shardsPerFolder)
}

// shardID names a shard of a folder.
func shardID(base string, k int) string { return fmt.Sprintf("%s%02d", base, k) }

// shardSum is the sum of a shard at a revision of it.
type shardSum struct {
	rev int64
	sum Sum
}

// packShards is the form in which a folder's node has the sums of its shards. It
// is read by workers alone: all other readers of a folder pass over some bytes.
func packShards(all map[int]shardSum) []byte {
	var out []byte
	for _, k := range slices.Sorted(maps.Keys(all)) {
		s := all[k]
		out = binary.AppendUvarint(out, uint64(k)) //nolint:gosec // below shardsPerFolder
		for _, v := range []int64{s.rev, s.sum.Files, s.sum.Folders, s.sum.Bytes, s.sum.Downloads} {
			out = binary.AppendVarint(out, v)
		}
	}
	return out
}

// unpackShards is the reverse of packShards; what cannot be read counts as nothing.
func unpackShards(raw []byte) map[int]shardSum {
	all := make(map[int]shardSum)
	for len(raw) > 0 {
		k, n := binary.Uvarint(raw)
		if n <= 0 || k >= shardsPerFolder {
			return nil
		}
		raw = raw[n:]
		var v [5]int64
		for i := range v {
			if v[i], n = binary.Varint(raw); n <= 0 {
				return nil
			}
			raw = raw[n:]
		}
		all[int(k)] = shardSum{rev: v[0], sum: Sum{Files: v[1], Folders: v[2], Bytes: v[3], Downloads: v[4]}}
	}
	return all
}

// take brings newer sums of shards into a folder's, and reports whether that has to
// be written. The next revision of a shard with the same sum need not be: nobody who
// is late can have one in between. So folders of which each is in the other, and a
// folder whose files follow it, raise their revisions no more as soon as what is in
// them adds what it added before.
func (n *Node) take(newer map[int]shardSum) (changed bool) {
	all := unpackShards(n.Shards)
	if all == nil {
		all = make(map[int]shardSum)
	}
	for k, s := range newer {
		had := all[k]
		if s.rev <= had.rev {
			continue
		}
		all[k] = s
		changed = changed || s != shardSum{had.rev + 1, had.sum}
	}
	if !changed {
		return false
	}
	n.Shards, n.Tally = packShards(all), Sum{}
	for _, s := range all {
		n.Tally = n.Tally.plus(s.sum)
	}
	return true
}
