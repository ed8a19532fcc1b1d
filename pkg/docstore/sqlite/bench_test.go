package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// entry is a document of about 450 bytes, like a head of the object service.
type entry struct {
	Bucket string `bson:"bucket"`
	Key    string `bson:"key"`
	Size   int64  `bson:"size"`
	Pad    string `bson:"pad"`
}

func key(i int64) string { return fmt.Sprintf("folder/%08d", i) }

func newEntry(i int64) entry {
	return entry{Bucket: "b", Key: key(i), Size: i, Pad: strings.Repeat("x", 340)}
}

// rate runs f n times on w goroutines and gives operations per second.
func rate(b *testing.B, w, n int, f func(i int64) error) float64 {
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range w {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// plain is what the same work costs in SQL without this package: one statement
// per transaction, a table with the same columns and unique index.
type plain struct{ db *sql.DB }

func newPlain(b *testing.B, sync string) plain {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "plain.db")+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous("+sync+")&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(8)
	if _, err := db.Exec(`CREATE TABLE t (id BLOB PRIMARY KEY, rev INTEGER, doc BLOB, k BLOB); CREATE UNIQUE INDEX i ON t (k)`); err != nil {
		b.Fatal(err)
	}
	return plain{db}
}

func (p plain) insert(i int64) error {
	e := newEntry(i)
	doc, err := bson.Marshal(e)
	if err != nil {
		return err
	}
	_, err = p.db.Exec(`INSERT INTO t VALUES (?, 1, ?, ?)`, []byte(fmt.Sprintf("%032d", i)), doc, []byte(e.Bucket+"\x00"+e.Key))
	return err
}

func (p plain) get(i int64) error {
	var doc []byte
	if err := p.db.QueryRow(`SELECT doc FROM t WHERE id = ?`, []byte(fmt.Sprintf("%032d", i))).Scan(&doc); err != nil {
		return err
	}
	var e entry
	return bson.Unmarshal(doc, &e)
}

// first reads the first document from a key on.
func (p plain) first(i int64) error {
	var doc []byte
	if err := p.db.QueryRow(`SELECT doc FROM t WHERE k >= ? ORDER BY k LIMIT 1`, []byte("b\x00"+key(i))).Scan(&doc); err != nil {
		return err
	}
	var e entry
	return bson.Unmarshal(doc, &e)
}

// BenchmarkStore prints operations per second and their ratio to plain SQL in
// the same run. Run with -benchtime 1x.
func BenchmarkStore(b *testing.B) {
	for _, level := range []sqlite.Sync{sqlite.SyncFull, sqlite.SyncNormal} {
		for _, w := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", level, w), func(b *testing.B) {
				for b.Loop() {
					benchLevel(b, level, w)
				}
			})
		}
	}
}

func benchLevel(b *testing.B, level sqlite.Sync, w int) {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "docs.db"), sqlite.Options{Sync: level})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c, err := docstore.Open[entry](ctx, db, docstore.Spec{Name: "entries", Indexes: []docstore.Index{
		{Name: "key", Fields: []string{"bucket", "key"}, Unique: true},
	}})
	if err != nil {
		b.Fatal(err)
	}
	n := 4000 * min(w, 5)
	p := newPlain(b, string(level))
	id := func(i int64) string { return fmt.Sprintf("%032d", i) }
	report := func(what string, ours, theirs float64) {
		b.ReportMetric(ours, what+"/s")
		if theirs > 0 {
			b.ReportMetric(ours/theirs, what+"-vs-sql")
		}
	}
	plainN := n
	if level == sqlite.SyncFull {
		plainN = 4000 // it does not group, so more callers do not help it
	}
	report("insert", rate(b, w, n, func(i int64) error {
		_, err := c.Insert(ctx, id(i), newEntry(i))
		return err
	}), rate(b, w, plainN, p.insert))
	report("get", rate(b, w, 2*n, func(i int64) error {
		_, err := c.Get(ctx, id(i%int64(n)+1))
		return err
	}), rate(b, w, 2*plainN, func(i int64) error { return p.get(i%int64(plainN) + 1) }))
	report("cas", rate(b, w, n/2, func(i int64) error {
		_, err := c.Update(ctx, id(i), func(v *entry) ([]docstore.Message, error) { v.Size++; return nil, nil })
		return err
	}), 0)
	report("modify", rate(b, w, n/2, func(i int64) error {
		_, err := c.Increment(ctx, id(i), "size", 1)
		return err
	}), 0)
	report("scan1000", rate(b, w, 100, func(i int64) error {
		_, err := c.Scan(ctx, docstore.Query{Index: "key", Equal: []any{"b"}, From: key(i * 17), Limit: 1000})
		return err
	}), 0)
	report("scan1", rate(b, w, 2*n, func(i int64) error {
		_, err := c.Scan(ctx, docstore.Query{Index: "key", Equal: []any{"b"}, From: key(i % int64(n)), Limit: 1})
		return err
	}), rate(b, w, 2*plainN, func(i int64) error { return p.first(i % int64(plainN)) }))
}
