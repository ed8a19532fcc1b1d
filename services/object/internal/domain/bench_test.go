package domain_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// BenchmarkCommit measures BeginPut and CommitPut of new keys, synced, with
// the background work that follows each and without relay or blobs.
func BenchmarkCommit(b *testing.B) {
	for _, sync := range []sqlite.Sync{sqlite.SyncFull, sqlite.SyncNormal} {
		for _, clients := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", sync, clients), func(b *testing.B) {
				e := newEnv(b, envOptions{sync: sync})
				e.bucket("files", false)
				var n atomic.Int64
				b.SetParallelism(max(1, clients/2)) // of GOMAXPROCS, 2 here
				if clients == 1 {
					b.SetParallelism(1)
				}
				run := func(next func() bool) {
					for next() {
						key := strconv.FormatInt(n.Add(1), 36)
						if _, err := e.tryPut("files", key, "body", objectv1.Conditions{}); err != nil {
							b.Error(err)
							return
						}
					}
				}
				b.ResetTimer()
				if clients == 1 {
					run(b.Loop)
				} else {
					b.RunParallel(func(pb *testing.PB) { run(pb.Next) })
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			})
		}
	}
}

// BenchmarkStat and the page of a listing, on a bucket of that many objects.
func BenchmarkRead(b *testing.B) {
	for _, objects := range []int{2_000, 20_000} {
		e := newEnv(b, envOptions{})
		files := e.bucket("files", false)
		for i := range objects {
			key := fmt.Sprintf("%08d", i)
			h := headOf(files.ID, key)
			if err := e.st.Heads.Put(context.Background(), h, 0); err != nil {
				b.Fatal(err)
			}
		}
		e.put("files", "some", "body")
		b.Run(fmt.Sprintf("stat/%d", objects), func(b *testing.B) {
			for b.Loop() {
				if _, err := e.stat("files", "some", ""); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("list1000/%d", objects), func(b *testing.B) {
			r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 1000, StartAfter: fmt.Sprintf("%08d", objects/2)}
			for b.Loop() {
				if p, err := e.ListObjects(b.Context(), r); err != nil || len(p.Objects) != 1000 && objects > 2000 {
					b.Fatal(len(p.Objects), err)
				}
			}
		})
	}
}
