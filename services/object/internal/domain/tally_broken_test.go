package domain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// The worker dies at each of its writes behind each kind of change: the next one
// brings everything in line.
func TestTallies_BrokenOff(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	e := newEnv(t, envOptions{idle: true, hasty: true, wrap: crashing})
	step := rounds(29, 5, 1)
	for i, op := range tallyOps() {
		for k := i % step; ; k += step {
			n, after := 1+k/2, k%2 == 1
			at := fmt.Sprintf("op%d-%d", i, k)
			e.base(at)
			e.share(e.idOf(at+"/y"), objectv1.VisibilityPublic, "")
			e.tallied()
			if err := op.do(e, at); err != nil {
				t.Fatalf("%s: %v", op.name, err)
			}
			e.advance(3 * time.Minute)
			if err := e.Sweep(t.Context()); err != nil { // settles, which marks
				t.Fatal(err)
			}
			ctx, c := crashAt(t.Context(), n, after)
			if err := e.Recount(ctx); err != nil && !errors.Is(err, errCrash) {
				t.Fatalf("%s: %v", op.name, err)
			}
			e.tallied()
			e.checkTallies("alice")
			if err := e.removePath(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if t.Failed() {
				t.Fatalf("%s; the worker died at write %d, after it: %t", op.name, n, after)
			}
			if !c.dead.Load() {
				break
			}
		}
	}
	e.settle()
	e.tallied()
	e.checkGraves()
	e.checkTallies("alice")
}

// A worker is overtaken in front of each of its writes by another change, which
// another worker counts whole: what it goes on to write does no harm.
func TestTallies_Overtaken(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	e := newEnv(t, envOptions{idle: true, hasty: true, wrap: crashing})
	ops, pairs, writes := tallyOps(), rounds(29, 7, 3), rounds(11, 3, 2)
	settled := func() {
		e.advance(3 * time.Minute)
		if err := e.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for i := 0; i < len(ops)*len(ops); i += pairs {
		first, second := ops[i/len(ops)], ops[i%len(ops)]
		for n := 1 + i%writes; ; n += writes {
			at := fmt.Sprintf("o%d-%d", i, n)
			e.base(at)
			e.share(e.idOf(at+"/y"), objectv1.VisibilityPublic, "")
			e.tallied()
			if err := first.do(e, at); err != nil {
				t.Fatalf("%s: %v", first.name, err)
			}
			settled()
			met := false
			ctx := meanwhile(t.Context(), n, func() {
				met = true
				_ = second.do(e, at) // what it changes may be elsewhere by now
				settled()
				if err := e.Recount(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if err := e.Recount(ctx); err != nil {
				t.Fatal(err)
			}
			e.checkTallies("alice")
			if err := errors.Join(e.Recount(t.Context()), e.removePath(t.Context(), at)); err != nil {
				t.Fatal(err)
			}
			e.emptyTrash()
			if t.Failed() {
				t.Fatalf("%s; at write %d of the worker: %s", first.name, n, second.name)
			}
			if !met || lastMeeting(ctx, writes) {
				break
			}
		}
	}
	e.tallied()
	e.checkGraves()
	e.checkTallies("alice")
}

// tallyOp is a change in a folder of folderOp, whose y is public.
type tallyOp struct {
	name string
	do   func(e *env, at string) error
}

func tallyOps() []tallyOp {
	shared := func(path string, v objectv1.Visibility, password string) func(e *env, at string) error {
		return func(e *env, at string) error {
			n, err := e.node(at + "/" + path)
			hash := []byte(password)
			if err == nil {
				_, err = e.changeNode(e.t.Context(), objectv1.ChangeNodeRequest{NodeID: n.NodeID, Visibility: &v, PasswordHash: &hash})
			}
			return err
		}
	}
	byID := func(path string, do func(id string, e *env) error) func(e *env, at string) error {
		return func(e *env, at string) error {
			n, err := e.node(at + "/" + path)
			if err != nil {
				return err
			}
			return do(n.NodeID, e)
		}
	}
	rename := func(from, to string) func(e *env, at string) error {
		return func(e *env, at string) error {
			_, err := e.move(e.t.Context(), at+"/"+from, at+"/"+to, false)
			return err
		}
	}
	return []tallyOp{
		{"a file is made", func(e *env, at string) error { return second(e.tryFile(e.t.Context(), at+"/d/new", "body")) }},
		{"a file is overwritten", func(e *env, at string) error { return second(e.tryFile(e.t.Context(), at+"/x/s/3", "longer body")) }},
		{"a file is downloaded", byID("x/1", func(id string, e *env) error { return e.countDownloads(id, 7) })},
		{"a file moves", rename("x/s/3", "d/3")},
		{"a file comes where everybody finds it", rename("f", "y/found")},
		{"a file that everybody finds is renamed", rename("y/4", "y/another name")},
		{"a file goes from where everybody finds it", rename("y/4", "d/4")},
		{"a folder moves", rename("x", "d/x")},
		{"a folder that everybody finds moves", rename("y", "d/y y")},
		{"a folder is thrown away", byID("x", func(id string, e *env) error { return e.trashID(e.t.Context(), id) })},
		{"a folder comes back", byID("x", func(id string, e *env) error {
			err := e.trashID(e.t.Context(), id)
			e.tallied()
			return errors.Join(err, e.restoreID(e.t.Context(), id))
		})},
		{"a file is removed", func(e *env, at string) error { return e.removePath(e.t.Context(), at+"/x/1") }},
		{"a folder is removed", func(e *env, at string) error { return e.removePath(e.t.Context(), at+"/x") }},
		{"a folder is shown to everybody", shared("x", objectv1.VisibilityPublic, "")},
		{"a folder asks for a password", shared("y", objectv1.VisibilityPublic, "password")},
		{"a folder is hidden", shared("y", objectv1.VisibilityPrivate, "")},
	}
}

// Processes make, overwrite, download, move, throw away, restore, share and remove
// files and folders, and die in that, and so do workers: when all is quiet every
// folder is said to hold what a walk finds in it, and nothing is left of what is gone.
func TestTallies_Model(t *testing.T) {
	t.Parallel()
	times, steps := rounds(3, 12, 40), rounds(8, 40, 40)
	path := filepath.Join(t.TempDir(), "object.db")
	var copies []*env
	for range 3 {
		copies = append(copies, newEnv(t, envOptions{path: path, idle: true, hasty: true, wrap: crashing}))
	}
	e := copies[0]
	e.base("m")
	for round := range times {
		var wg sync.WaitGroup
		for p, by := range copies {
			for g := range 2 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(round), uint64(10*p+g)))
					for range steps {
						tallyStep(by, rnd)
					}
				})
			}
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(round), uint64(10*p+9)))
				for range steps {
					ctx := t.Context()
					if rnd.IntN(2) == 0 {
						ctx, _ = withCrash(ctx, rnd, 30)
					}
					if err := by.Recount(ctx); err != nil && !errors.Is(err, errCrash) {
						t.Errorf("round %d: %v", round, err)
					}
				}
			})
		}
		wg.Wait()
		for _, by := range copies {
			by.advance(3 * time.Minute)
		}
		copies[round%3].settleTallies()
		for _, by := range copies { // clocks go together
			by.ahead.Store(max(e.ahead.Load(), copies[round%3].ahead.Load()))
		}
		e.checkTallies("alice")
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	for _, path := range e.tree("") { // nothing stays of what is removed
		if err := e.removePath(t.Context(), strings.TrimSuffix(path, "/")); err != nil && !errors.Is(err, objectv1.ErrNodeNotFound) {
			t.Fatal(err)
		}
	}
	e.emptyTrash()
	e.settle()
	e.settleTallies()
	e.checkGraves()
	e.checkTallies("alice")
	e.wantTally("", 0, 0, 0, 0)
	shards, err := e.st.Tallies.Shards(t.Context(), "", 1000)
	if err != nil || len(e.allNodes()) > 0 {
		t.Fatalf("%d nodes, %v", len(e.allNodes()), err)
	}
	for _, id := range shards {
		if s, _, err := e.st.Tallies.UpdateShard(t.Context(), id, func(*domain.Shard) bool { return false }); err != nil || len(s.Entries) > 0 {
			t.Errorf("shard %s: %+v, %v", id, s, err)
		}
	}
	if words, err := e.st.Words.Scan(t.Context(), "", domain.Word{}, 10); err != nil || len(words) > 0 {
		t.Errorf("words %+v, %v", words, err)
	}
}

// emptyTrash removes for good what lies in the trash.
func (e *env) emptyTrash() {
	e.t.Helper()
	page, err := e.ListTrash(e.t.Context(), objectv1.ListTrashRequest{Principal: alice, Limit: 1000})
	if err != nil {
		e.t.Fatal(err)
	}
	for _, n := range page.Nodes {
		if err := e.purgeID(e.t.Context(), n.NodeID); err != nil {
			e.t.Fatal(err)
		}
	}
}

// settleTallies sweeps and counts until all is quiet.
func (e *env) settleTallies() {
	e.t.Helper()
	for range 2 {
		e.tallied()
	}
}

// tallyStep changes something, and often dies in that.
func tallyStep(e *env, rnd *rand.Rand) {
	ctx := e.t.Context()
	if rnd.IntN(3) == 0 {
		ctx, _ = withCrash(ctx, rnd, 12)
	}
	names := []string{"m", "m/x", "m/x/s", "m/y", "m/d", "m/y/x", "m/d/y"}
	folder := names[rnd.IntN(len(names))]
	name := folder + "/" + string(rune('1'+rnd.IntN(5)))
	at := folder
	if rnd.IntN(2) == 0 {
		at = name
	}
	n, err := e.node(at)
	switch op := rnd.IntN(12); {
	case op < 4:
		_, _ = e.tryFile(ctx, name, "body of some length"[:rnd.IntN(19)])
	case err != nil || at == "m" && op < 9:
		_, _ = e.tryFolder(folder, true)
	case op == 4:
		_ = e.removePath(ctx, at)
	case op == 5:
		_ = e.trashID(ctx, n.NodeID)
	case op == 6:
		page, err := e.ListTrash(ctx, objectv1.ListTrashRequest{Principal: alice, Limit: 5})
		if err == nil && len(page.Nodes) > 0 {
			_ = e.restoreID(ctx, page.Nodes[rnd.IntN(len(page.Nodes))].NodeID)
		}
	case op < 9:
		_, _ = e.move(ctx, at, names[rnd.IntN(len(names))]+"/x", rnd.IntN(4) == 0)
	case n.Folder:
		v, hash := objectv1.Visibility(rnd.IntN(3)), []byte("hash")[:4*rnd.IntN(2)]
		_, _ = e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: n.NodeID, Visibility: &v, PasswordHash: &hash})
	default:
		_, _ = e.CountDownloads(ctx, objectv1.CountDownloadsRequest{Downloads: map[string]int64{n.NodeID: 1}})
	}
}
