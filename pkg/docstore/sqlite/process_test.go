package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// The child process is this test binary again, told by the environment what to do.
const (
	childRole = "SLUICE_DOCSTORE_CHILD"
	childPath = "SLUICE_DOCSTORE_CHILD_PATH"
)

func TestMain(m *testing.M) {
	role := os.Getenv(childRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := child(role, os.Getenv(childPath)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// record is what processes write: Sum tells whether a document is whole.
type record struct {
	Group string `bson:"group"`
	N     int64  `bson:"n"`
	Body  []byte `bson:"body"`
	Sum   uint32 `bson:"sum"`
}

func recordSpec() docstore.Spec {
	return docstore.Spec{Name: "records", Indexes: []docstore.Index{
		{Name: "group", Fields: []string{"group", "n"}}, {Name: "sum", Fields: []string{"sum"}},
	}}
}

func (r *record) fill(n int64) {
	r.N = n
	r.Body = []byte(strings.Repeat(fmt.Sprint(n, "."), 50+int(n%500)))
	r.Sum = crc32.ChecksumIEEE(r.Body)
}

func child(role, path string) error {
	ctx := context.Background()
	opts := sqlite.Options{Sync: sqlite.SyncFull}
	if role == "race" {
		opts.Sync = sqlite.SyncNormal // it shows nothing about crashes, and fsyncs take long on a busy machine
	}
	db, err := sqlite.Open(ctx, path, opts)
	if err != nil {
		return err
	}
	c, err := docstore.Open[record](ctx, db, recordSpec())
	if err != nil {
		return err
	}
	if role == "race" {
		if err := raceOn(ctx, c); err != nil {
			return err
		}
		return db.Close()
	}
	return writeForever(ctx, c)
}

// raceOn does one process's share of a race between several.
func raceOn(ctx context.Context, c *docstore.Collection[record]) error {
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			for i := range 25 {
				if _, err := c.Update(ctx, "cas", func(v *record) ([]docstore.Message, error) { v.fill(v.N + 1); return nil, nil }); err != nil {
					errs <- fmt.Errorf("update: %w", err)
					return
				}
				if _, err := c.Modify(ctx, "guarded", docstore.Mod{Inc: map[string]int64{"n": 1}}); err != nil {
					errs <- fmt.Errorf("modify: %w", err)
					return
				}
				r := record{Group: "won"}
				r.fill(int64(i))
				if _, err := c.Insert(ctx, fmt.Sprint("race-", i), r); err == nil {
					if _, err := c.Increment(ctx, "wins", "n", 1); err != nil {
						errs <- fmt.Errorf("increment: %w", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// writeForever writes with events from several goroutines and reports each
// acknowledged write as a line "id rev".
func writeForever(ctx context.Context, c *docstore.Collection[record]) error {
	errs := make(chan error)
	var out sync.Mutex
	for g := range 6 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", g, i%20)
				d, err := c.Upsert(ctx, id, func(v *record, _ bool) ([]docstore.Message, error) {
					v.Group = fmt.Sprint("g", g)
					v.fill(v.N + 1)
					return []docstore.Message{{ID: fmt.Sprintf("%s-%d", id, v.N), Subject: "evt"}}, nil
				})
				if err != nil {
					errs <- err
					return
				}
				out.Lock()
				_, err = fmt.Printf("%s %d\n", d.ID, d.Rev)
				out.Unlock()
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

func startChild(t *testing.T, role, path string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func openRecords(t *testing.T, path string) (docstore.DB, *docstore.Collection[record]) {
	t.Helper()
	db := openAt(t, path)
	c, err := docstore.Open[record](context.Background(), db, recordSpec())
	if err != nil {
		t.Fatal(err)
	}
	return db, c
}

// TestSQLite_TwoProcesses races this process and another on one file.
func TestSQLite_TwoProcesses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "docs.db")
	db, c := openRecords(t, path)
	defer db.Close()
	for _, id := range []string{"cas", "guarded", "wins"} {
		if _, err := c.Insert(ctx, id, record{}); err != nil {
			t.Fatal(err)
		}
	}
	cmd, _ := startChild(t, "race", path)
	if err := raceOn(ctx, c); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int64{"cas": 400, "guarded": 400, "wins": 25} {
		d, err := c.Get(ctx, id)
		if err != nil || d.Value.N != want {
			t.Errorf("%s: got %d (%v), want %d", id, d.Value.N, err, want)
		}
	}
}

// TestSQLite_Killed kills a process in the middle of its writes, again and again
// on one file: every acknowledged write is there, documents are whole, and each
// has exactly the events of its writes.
func TestSQLite_Killed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs.db")
	acked := map[string]int64{}
	for round := range 4 {
		cmd, out := startChild(t, "crash", path)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 150+37*round {
				// The rest of the pipe is read after the kill: it was acknowledged too.
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			var id string
			var rev int64
			if _, err := fmt.Sscanf(lines.Text(), "%s %d", &id, &rev); err == nil {
				acked[id] = max(acked[id], rev)
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		checkRecords(t, path, acked)
	}
}

func checkRecords(t *testing.T, path string, acked map[string]int64) {
	t.Helper()
	ctx := context.Background()
	db, c := openRecords(t, path)
	defer db.Close()
	for id, rev := range acked {
		d, err := c.Get(ctx, id)
		if err != nil {
			t.Fatalf("%s was acknowledged at revision %d: %v", id, rev, err)
		}
		if d.Rev < rev || d.Value.N != d.Rev || crc32.ChecksumIEEE(d.Value.Body) != d.Value.Sum {
			t.Errorf("%s: revision %d value %d, acknowledged %d", id, d.Rev, d.Value.N, rev)
		}
		for i, m := range d.Pending {
			if m.ID != fmt.Sprintf("%s-%d", id, i+1) {
				t.Errorf("%s: event %d is %s", id, i, m.ID)
			}
		}
		if len(d.Pending) != int(d.Rev) {
			t.Errorf("%s: %d events for %d writes", id, len(d.Pending), d.Rev)
		}
	}
	all, err := c.Count(ctx, docstore.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []string{"group", "sum"} {
		if n, err := c.Count(ctx, docstore.Query{Index: index}); err != nil || n != all {
			t.Errorf("index %s has %d of %d documents (%v)", index, n, all, err)
		}
	}
	pending, err := db.PendingOutbox(ctx, 1000)
	if err != nil || int64(len(pending)) != all {
		t.Errorf("%d documents with events of %d (%v)", len(pending), all, err)
	}
	checkFile(t, path)
}

// checkFile asks SQLite whether the file is sound.
func checkFile(t *testing.T, path string) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var verdict string
	if err := raw.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s (%v)", verdict, err)
	}
}
