package model_test

import (
	"fmt"
	"math/rand/v2"
)

// op is one operation. What its numbers choose is found out when it is done, by
// what the model holds then; so a sequence stays meaningful when some of it is
// left out.
type op struct {
	Do     string `json:"do"`
	Bucket int    `json:"b"`
	Key    int    `json:"k"`
	Which  int    `json:"w,omitempty"` // version, upload, idempotency key
	How    int    `json:"h,omitempty"` // conditions, headers
	Size   int    `json:"s,omitempty"`
}

// weighted says how often each operation is drawn.
var weighted = []struct {
	do     string
	weight int
}{
	{"put", 22}, {"get", 12}, {"head", 4}, {"delete", 10}, {"deleteVersion", 9}, {"batchDelete", 3}, {"copy", 8},
	{"putTags", 3}, {"getTags", 2}, {"deleteTags", 1}, {"putRetention", 4}, {"getRetention", 2}, {"putHold", 4}, {"getHold", 2},
	{"create", 4}, {"part", 8}, {"complete", 5}, {"abort", 1}, {"parts", 2}, {"uploads", 1},
	{"list", 5}, {"versions", 5}, {"versioning", 3}, {"idempotent", 6}, {"deleteBucket", 1}, {"usage", 1},
}

// keys that every bucket may have.
var keys = []string{"a", "dir/x", "dir/y z+%", "dir/sub/ü", "dir//.."}

// sizes of contents: nothing, little, more than what goes without a reservation.
var sizes = []int{0, 1, 1000, 5000, 70_000, 300_000}

// draw makes a sequence.
func draw(rng *rand.Rand, n int) []op {
	total := 0
	for _, w := range weighted {
		total += w.weight
	}
	ops := make([]op, n)
	for i := range ops {
		at := rng.IntN(total)
		for _, w := range weighted {
			if at -= w.weight; at < 0 {
				ops[i].Do = w.do
				break
			}
		}
		// Few keys are busy, so that they have many versions.
		key := min(rng.IntN(len(keys)), rng.IntN(len(keys)))
		ops[i].Bucket, ops[i].Key = rng.IntN(buckets), key
		ops[i].Which, ops[i].How, ops[i].Size = rng.IntN(1000), rng.IntN(1000), min(rng.IntN(len(sizes)), rng.IntN(len(sizes)+1))
	}
	return ops
}

func (o op) String() string {
	return fmt.Sprintf("%s(bucket %d, key %d, which %d, how %d, size %d)", o.Do, o.Bucket, o.Key, o.Which, o.How, o.Size)
}
