package domain_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func TestTallies_Follow(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	a, b := e.folder("a").NodeID, e.folder("a/b").NodeID
	f := e.file("a/f", "123")
	g := e.file("a/b/g", "12345")
	e.file("r", "1")
	e.tallied()
	e.wantTally(a, 1, 1, 8, 0)
	e.wantTally(b, 1, 0, 5, 0)
	e.wantTally("", 1, 1, 9, 0)
	e.file("a/f", "1234567") // over it
	if err := errors.Join(e.countDownloads(f.File.NodeID, 3), e.countDownloads(g.File.NodeID, 4), e.countDownloads(g.File.NodeID, 0)); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally(a, 1, 1, 12, 7)
	e.wantTally("", 1, 1, 13, 7)
	if _, err := e.move(t.Context(), "a/b", "c", false); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally(a, 1, 0, 7, 3)
	e.wantTally("", 1, 2, 13, 7)
	if err := errors.Join(e.trashID(t.Context(), b), e.trashID(t.Context(), f.File.NodeID), e.countDownloads(f.File.NodeID, 2)); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally(a, 0, 0, 0, 0)
	e.wantTally(b, 1, 0, 5, 4) // in the trash, too
	e.wantTally("", 1, 1, 1, 0)
	if err := errors.Join(e.restoreID(t.Context(), b), e.restoreID(t.Context(), f.File.NodeID)); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally("", 1, 2, 13, 9)
	e.wantTally(a, 1, 0, 7, 5)
	if err := errors.Join(e.removePath(t.Context(), "a/f"), e.removePath(t.Context(), "c")); err != nil {
		t.Fatal(err)
	}
	e.wantTally(a, 0, 0, 0, 0) // removal itself takes things out
	e.tallied()
	e.wantTally("", 1, 1, 1, 0)
	e.checkTallies("alice")
	e.checkGraves()
	e.checkTallies("alice")
}

// A folder comes into one that it was above: each changes the other's sums until
// the first one is out of the second one's.
func TestTallies_FoldersChangePlaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.file("p/x/f", "123")
	e.file("p/g", "1")
	e.tallied()
	for _, m := range [][2]string{{"p/x", "x"}, {"p", "x/p"}, {"x/p", "p"}, {"x", "p/x"}, {"p/x", "x"}, {"p", "x/p"}} {
		if _, err := e.move(t.Context(), m[0], m[1], false); err != nil {
			t.Fatal(err)
		}
	}
	e.tallied()
	e.wantTally(e.idOf("x"), 1, 1, 4, 0)
	e.wantTally(e.idOf("x/p"), 1, 0, 1, 0)
	e.checkTallies("alice")
}

// Guests' files count nowhere, until somebody registers them; files that expire
// count no more.
func TestTallies_GuestsAndExpiry(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	guests := e.guestFile("guest", "12345", time.Hour)
	till := e.now().Add(time.Hour)
	e.write(fileWrite{path: "a/soon", body: "123", o: objectv1.FileOptions{Parents: true, ExpiresAt: &till}})
	if err := e.countDownloads(guests.File.NodeID, 2); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally("", 0, 1, 3, 0)
	if _, err := e.tryRegister(t.Context(), alice, guests.File.NodeID); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally("", 1, 1, 8, 2)
	e.checkTallies("alice")
	e.advance(time.Hour)
	if err := e.Recount(t.Context()); err != nil { // before the sweep
		t.Fatal(err)
	}
	e.wantTally("", 1, 1, 5, 2)
	e.settle()
	e.tallied()
	e.checkTallies("alice")
	root, _, err := e.st.Tallies.Root(t.Context(), objectv1.GuestAccount)
	if err != nil || !root.Tally.IsZero() {
		t.Errorf("guests have %+v, %v", root, err)
	}
}

// Nodes that are older than sums are counted, also when the process that marks
// them dies.
func TestTallies_OlderThanSums(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "object.db")
	e := newEnv(t, envOptions{path: path, wrap: crashing})
	p := e.planter("alice")
	for i := range 250 {
		p.plant(fmt.Sprintf("d%d/s/f%03d", i%3, i), i%10 > 0)
	}
	if err := e.Recount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.tally(""); got != (objectv1.Tally{}) {
		t.Fatalf("nobody marked anything, but there are %+v", got)
	}
	for _, crash := range []int{30, 201, 0} {
		e2 := newEnv(t, envOptions{path: path, wrap: crashing})
		ctx, cancel := context.WithCancel(t.Context())
		died := func() bool { return false }
		if crash > 0 {
			var c *crasher
			ctx, c = crashAt(ctx, crash, crash%2 == 0)
			died = c.dead.Load
		}
		var wg sync.WaitGroup
		wg.Go(func() { e2.RunTallies(ctx) })
		waitFor(t, func() bool { return died() || e.tally("") == objectv1.Tally{Folders: 3, Bytes: 225} })
		cancel()
		wg.Wait()
	}
	e.tallied()
	e.checkTallies("alice")
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it never comes")
		}
	}
}

// An account that is closed leaves neither sums nor words.
func TestTallies_ClosedAccount(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.file("a/b/f", "123")
	e.file("r", "1")
	e.share(e.idOf("a/b"), objectv1.VisibilityPublic, "")
	e.tallied()
	e.wantFound("f", "f")
	if err := e.close(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	e.settle()
	if err := e.Recount(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.checkGraves()
	e.checkTallies("alice")
	shards, err := e.st.Tallies.Shards(t.Context(), "", 10)
	_, rev, rerr := e.st.Tallies.Root(t.Context(), "alice")
	if err != nil || rerr != nil || len(shards) > 0 || rev != 0 {
		t.Errorf("left are shards %q, %v; the root at %d, %v", shards, err, rev, rerr)
	}
}

// workerWrites counts what the worker writes.
type workerWrites struct{ n atomic.Int64 }

type workerKey struct{}

func (w *workerWrites) count(ctx context.Context) {
	if ctx.Value(workerKey{}) != nil {
		w.n.Add(1)
	}
}

// recount lets the worker work, and gives how much it wrote.
func (w *workerWrites) recount(e *env) int64 {
	e.t.Helper()
	w.n.Store(0)
	if err := e.Recount(context.WithValue(e.t.Context(), workerKey{}, true)); err != nil {
		e.t.Fatal(err)
	}
	return w.n.Load()
}

type writtenNodes struct {
	domain.Nodes
	w *workerWrites
}

func (c writtenNodes) Replace(ctx context.Context, n domain.Node, rev int64) error {
	c.w.count(ctx)
	return c.Nodes.Replace(ctx, n, rev)
}

func (c writtenNodes) Mark(ctx context.Context, id string, at time.Time) error {
	c.w.count(ctx)
	return c.Nodes.Mark(ctx, id, at)
}

type writtenTallies struct {
	domain.Tallies
	w *workerWrites
}

func (c writtenTallies) UpdateShard(ctx context.Context, id string, change func(s *domain.Shard) bool) (domain.Shard, int64, error) {
	c.w.count(ctx)
	return c.Tallies.UpdateShard(ctx, id, change)
}

func (c writtenTallies) SetRoot(ctx context.Context, n domain.Node, rev int64) error {
	c.w.count(ctx)
	return c.Tallies.SetRoot(ctx, n, rev)
}

func (w *workerWrites) wrap(st domain.Store) domain.Store {
	st.Nodes, st.Tallies = writtenNodes{st.Nodes, w}, writtenTallies{st.Tallies, w}
	return st
}

// A burst into one folder costs the worker little more than a write per file, and
// a move what is above the two places, whatever is in the folder.
func TestTallies_Cost(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	var w workerWrites
	e := newEnv(t, envOptions{wrap: w.wrap})
	files := 150
	if full() {
		files = 1500
	}
	e.folder("a/b/c")
	e.tallied()
	_ = together(files, func(i int) error { e.file(fmt.Sprintf("a/b/c/f%d", i), "1"); return nil })
	e.usage()
	started := time.Now()
	writes := w.recount(e)
	t.Logf("%d files into one folder: %d writes of the worker, %.2f per file, %v", files, writes, float64(writes)/float64(files), time.Since(started))
	if c := e.idOf("a/b/c"); e.tally(c).Files != int64(files) || e.tally("").Bytes != int64(files) {
		t.Fatalf("%+v, %+v", e.tally(c), e.tally(""))
	}
	if most := int64(files)*14/10 + 100; writes > most {
		t.Errorf("%d writes for %d files, want at most %d", writes, files, most)
	}
	for i := range 20 {
		e.folder(fmt.Sprintf("a/b/c/d%d/e/f/g", i))
	}
	e.folder("other")
	e.tallied()
	if _, err := e.move(t.Context(), "a/b", "other/b", false); err != nil {
		t.Fatal(err)
	}
	// The folder's mark, two shards and folders, and the root above both.
	if writes := w.recount(e); writes > 16 {
		t.Errorf("a move of %d files: %d writes", files, writes)
	} else {
		t.Logf("a move of %d files: %d writes", files, writes)
	}
	if err := e.countDownloads(e.idOf("other/b/c/f1"), 1); err != nil {
		t.Fatal(err)
	}
	t.Logf("a download four folders deep: %d writes", w.recount(e))
	e.checkTallies("alice")
}

// together does something many times, 16 at once.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	turns := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// A tally follows within two seconds, also what another process changed.
func TestTallies_Latency(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "object.db")
	e, other := newEnv(t, envOptions{path: path}), newEnv(t, envOptions{path: path})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { e.RunTallies(ctx) })
	deep := "1/2/3/4/5/6/7/8/9"
	e.folder(deep)
	// A busy machine may be late now and then, but not every time.
	var took [2][]time.Duration
	for i := range 6 {
		[]*env{e, other}[i%2].file(fmt.Sprintf("%s/f%d", deep, i), "12")
		started := time.Now()
		waitFor(t, func() bool { return e.tally("").Bytes == int64(2*i+2) })
		took[i%2] = append(took[i%2], time.Since(started))
	}
	t.Logf("own changes %v, another's %v", took[0], took[1])
	if most := 2 * time.Second; full() && max(slices.Min(took[0]), slices.Min(took[1])) > most {
		t.Errorf("it takes %v until the root has followed, want at most %v", took, most)
	}
}
