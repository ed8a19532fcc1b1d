package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// lock takes the file's write lock as another process would; the result lets go.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := raw.Exec("COMMIT"); err != nil {
			t.Error(err)
		}
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWriter_Cancelled cancels one write that has begun and one that still
// waits: the first says that its outcome is unknown and its events are told of
// when it is committed after all; the second never happens.
func TestWriter_Cancelled(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "docs.db")
	db, c := openRecords(t, path)
	defer db.Close()
	told := make(chan string, 1)
	db.OnCommit(func(_, id string, _ []docstore.Message) { told <- id })

	unlock := lock(t, path)
	insert := func(id string) error {
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := c.Insert(short, id, record{}, docstore.Message{ID: id, Subject: "s"})
		return err
	}
	// Until the writer took one up, each is taken back in time.
	begun, err := "", error(nil)
	for i := 0; !errors.Is(err, docstore.ErrUnknown); i++ {
		begun = fmt.Sprint("begun-", i)
		if err = insert(begun); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a write that could not be made gave %v", err)
		}
	}
	// The writer is held up in it, so that the next one stays in the queue.
	if err := insert("waiting"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, docstore.ErrUnknown) {
		t.Fatalf("a write that waited gave %v", err)
	}
	unlock()
	if id := <-told; id != begun {
		t.Fatalf("told of %s", id)
	}
	if _, err := c.Get(ctx, begun); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(ctx, "waiting"); !errors.Is(err, docstore.ErrNotFound) {
		t.Fatalf("a write that was taken back happened: %v", err)
	}
}

// TestWriter_ReadsGoOn reads while another process holds the write lock.
func TestWriter_ReadsGoOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "docs.db")
	db, c := openRecords(t, path)
	defer db.Close()
	if _, err := c.Insert(ctx, "a", record{Group: "g"}); err != nil {
		t.Fatal(err)
	}
	defer lock(t, path)()
	if _, err := c.Get(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Count(ctx, docstore.Query{Index: "group"}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
}

// TestTable_OtherDeclares adds an index by one handle while another, that does
// not know it, writes on: the index misses nothing.
func TestTable_OtherDeclares(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "docs.db")
	old := openAt(t, path)
	defer old.Close()
	before, err := docstore.Open[record](ctx, old, docstore.Spec{Name: "records"})
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				stopped <- n
				return
			default:
			}
			if _, err := before.Insert(ctx, fmt.Sprint(n), record{Group: "g", N: int64(n)}); err != nil {
				t.Error(err)
			}
		}
	}()
	db, c := openRecords(t, path)
	defer db.Close()
	for range 50 {
		if _, err := c.Upsert(ctx, "mine", func(v *record, _ bool) ([]docstore.Message, error) { v.Group = "g"; return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	n := <-stopped
	got, err := c.Count(ctx, docstore.Query{Index: "group", Equal: []any{"g"}})
	if err != nil || got != int64(n+1) {
		t.Fatalf("the index has %d of %d (%v)", got, n+1, err)
	}
}

// TestTable_Plans asks SQLite how it runs the statements of scans: each must
// search an index and sort nothing.
func TestTable_Plans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs.db")
	db, _ := openRecords(t, path)
	defer db.Close()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for query, args := range map[string][]any{
		`SELECT doc FROM c_records WHERE k1 >= ? AND k1 < ? ORDER BY k1, id LIMIT 5`:                      {"a", "b"},
		`SELECT doc FROM c_records WHERE (k1, id) > (?, ?) AND k1 < ? ORDER BY k1, id LIMIT 5`:            {"a", "x", "b"},
		`SELECT doc FROM c_records WHERE k1 >= ? AND (k1, id) < (?, ?) ORDER BY k1 DESC, id DESC LIMIT 5`: {"a", "b", "x"},
		`SELECT doc FROM c_records WHERE tomb = 0 AND id > ? ORDER BY id LIMIT 5`:                         {"a"},
		`SELECT doc FROM c_records WHERE pend IS NOT NULL ORDER BY pend LIMIT 5`:                          nil,
		`SELECT count(*) FROM c_records WHERE k1 >= ? AND k1 < ?`:                                         {"a", "b"},
	} {
		rows, err := raw.Query("EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		for rows.Next() {
			var a, b, c int
			var detail string
			if err := rows.Scan(&a, &b, &c, &detail); err != nil {
				t.Fatal(err)
			}
			steps++
			if steps > 1 || !usesIndex(detail) {
				t.Errorf("%s\n  step %d: %s", query, steps, detail)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Error(err)
		}
	}
}

func usesIndex(detail string) bool {
	for _, p := range []string{"SEARCH c_records USING INDEX", "SEARCH c_records USING COVERING INDEX", "SCAN c_records USING INDEX p_records"} {
		if len(detail) >= len(p) && detail[:len(p)] == p {
			return true
		}
	}
	return false
}

func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	_, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"), sqlite.Options{Sync: "sometimes"})
	if !errors.Is(err, docstore.ErrInvalid) {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(context.Background(), t.TempDir(), sqlite.Options{}); err == nil {
		t.Fatal("a folder was opened as a file")
	}
}
