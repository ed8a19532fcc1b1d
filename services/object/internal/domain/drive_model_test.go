package domain_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// thicket is a drive that several processes change at once without anything ever
// being removed: so all that was there at first is there in the end.
type thicket struct {
	t      *testing.T
	copies []*env
	files  []string
	all    []string // folders, then files
}

// newThicket makes a drive with folders in each other and files in them.
func newThicket(t *testing.T, copies, folders, files int) *thicket {
	w := &thicket{t: t}
	path := filepath.Join(t.TempDir(), "object.db")
	for range copies {
		w.copies = append(w.copies, newEnv(t, envOptions{path: path, idle: true, hasty: true, wrap: crashing}))
	}
	e := w.copies[0]
	at := ""
	for i := range folders {
		at += fmt.Sprintf("%d", i)
		w.all = append(w.all, e.folder(at).NodeID)
		if at += "/"; i%3 == 2 {
			at = ""
		}
	}
	for i := range files {
		id := e.touch(fmt.Sprintf("f%d", i)).File.NodeID
		w.files, w.all = append(w.files, id), append(w.all, id)
	}
	return w
}

// step does something to any node, which often dies.
func (w *thicket) step(e *env, rnd *rand.Rand) error {
	ctx := w.t.Context()
	if rnd.IntN(3) == 0 {
		ctx, _ = withCrash(ctx, rnd, 5)
	}
	id := w.all[rnd.IntN(len(w.all))]
	name := string(rune('a' + rnd.IntN(4)))
	parent := w.all[rnd.IntN(len(w.all)-len(w.files))]
	if rnd.IntN(5) == 0 {
		parent = ""
	}
	r := objectv1.ChangeNodeRequest{NodeID: id, Name: &name, ParentID: &parent, Rename: rnd.IntN(2) == 0}
	switch rnd.IntN(10) {
	case 0, 1:
		return e.trashID(ctx, id)
	case 2, 3, 4:
		return e.restoreID(ctx, id)
	case 5:
		r.ParentID = nil
	case 6:
		return w.movePath(ctx, e, id, name)
	}
	_, err := e.changeNode(ctx, r)
	return err
}

// movePath moves a node by its path into the root.
func (w *thicket) movePath(ctx context.Context, e *env, id, name string) error {
	n, err := e.find(id)
	if err != nil {
		return err
	}
	_, err = e.move(ctx, n.Path, name, false)
	return err
}

// check wants every node in one place: reached from the root or the trash, without
// a circle, under a name of its own, with its number and its bytes.
func (w *thicket) check(ids map[string]int64) {
	w.t.Helper()
	e := w.copies[0]
	places := map[string]string{}
	for _, id := range w.all {
		n, _, err := e.st.Nodes.Get(w.t.Context(), id)
		if err != nil || n.State != "" || n.Number != ids[id] {
			w.t.Fatalf("node %s is lost: %+v, %v", id, n, err)
		}
		place := n.Parent + "/" + n.Name
		if other, taken := places[place]; taken {
			w.t.Errorf("%s and %s are both at %s", id, other, place)
		}
		places[place] = id
		for up, depth := n, 0; up.Parent != domain.Root && up.Parent != domain.Trash; depth++ {
			if up, _, err = e.st.Nodes.Get(w.t.Context(), up.Parent); err != nil || depth > len(w.all) {
				w.t.Fatalf("node %s hangs in the air, or in a circle: %+v, %v", id, up, err)
			}
		}
	}
}

// Processes rename, move, throw away and restore the same files and folders, and
// die in between: there is never a circle, nothing is lost, no name comes twice.
func TestDriveNodes_ModelOfProcesses(t *testing.T) {
	t.Parallel()
	rounds, steps := 4, 12
	if full() {
		rounds, steps = 60, 60
	}
	w := newThicket(t, 3, 6, 4)
	ids := map[string]int64{}
	for _, id := range w.all {
		n, err := w.copies[0].find(id)
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = n.Number
	}
	done := 0
	var mu sync.Mutex
	for round := range rounds {
		var wg sync.WaitGroup
		for p, e := range w.copies {
			for g := range 2 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(round), uint64(10*p+g)))
					for range steps {
						err := w.step(e, rnd)
						switch fault.KindOf(err) {
						case "":
							mu.Lock()
							done++
							mu.Unlock()
						case fault.NotFound, fault.Conflict, fault.Unavailable:
						default:
							if !errors.Is(err, errCrash) {
								t.Errorf("round %d: %v", round, err)
							}
						}
					}
				})
			}
		}
		wg.Wait()
		w.check(ids)
		for _, e := range w.copies {
			e.advance(2 * time.Minute)
		}
		if err := w.copies[round%3].Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.check(ids)
		if t.Failed() {
			return
		}
	}
	e := w.copies[0]
	e.settle()
	w.check(ids)
	e.checkDrive("alice")
	if done < rounds*steps {
		t.Errorf("of %d steps only %d were done", rounds*steps*6, done)
	}
}
