package domain_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// plainTree is a drive as anybody imagines it: what is at each path, true a folder.
type plainTree map[string]bool

// goesInto says what keeps something from coming to a path.
func (p plainTree) goesInto(path string) error {
	names := strings.Split(path, "/")
	for i := 1; i < len(names); i++ {
		folder, ok := p[strings.Join(names[:i], "/")]
		switch {
		case !ok:
			return objectv1.ErrNodeNotFound
		case !folder:
			return objectv1.ErrNotAFolder
		}
	}
	return nil
}

// parents makes the folders above a path.
func (p plainTree) parents(path string) error {
	names := strings.Split(path, "/")
	for i := 1; i < len(names); i++ {
		above := strings.Join(names[:i], "/")
		if folder, ok := p[above]; ok && !folder {
			return objectv1.ErrNotAFolder
		}
		p[above] = true
	}
	return nil
}

func (p plainTree) put(path string) error {
	if err := p.parents(path); err != nil {
		return err
	}
	if p[path] {
		return objectv1.ErrNodeExists
	}
	p[path] = false
	return nil
}

func (p plainTree) folder(path string) error {
	if err := p.goesInto(path); err != nil {
		return err
	}
	if _, ok := p[path]; ok {
		return objectv1.ErrNodeExists
	}
	p[path] = true
	return nil
}

func (p plainTree) remove(path string) error {
	if _, ok := p[path]; !ok {
		return objectv1.ErrNodeNotFound
	}
	for at := range p {
		if at == path || strings.HasPrefix(at, path+"/") {
			delete(p, at)
		}
	}
	return nil
}

func (p plainTree) move(from, to string, replace bool) error {
	_, there := p[to]
	switch folder, ok := p[from]; {
	case !ok:
		return objectv1.ErrNodeNotFound
	case from == to:
		return nil
	case p.goesInto(to) != nil:
		return p.goesInto(to)
	case folder && strings.HasPrefix(to, from+"/"):
		return objectv1.ErrNodeCycle
	case there && !replace:
		return objectv1.ErrNodeExists
	case there && strings.HasPrefix(from, to+"/"):
		return objectv1.ErrNodeCycle
	case there:
		if err := p.remove(to); err != nil {
			return err
		}
	}
	for at, folder := range p {
		if rest, ok := strings.CutPrefix(at, from); ok && (rest == "" || rest[0] == '/') {
			delete(p, at)
			p[to+rest] = folder
		}
	}
	return nil
}

// paths is what a walk gives.
func (p plainTree) paths() []string {
	var out []string
	for path, folder := range p {
		if folder {
			path += "/"
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// Random operations, many of which die, leave what the same ones leave in a tree in
// memory: those who are told nothing repeat until they are told something.
func TestFolders_Model(t *testing.T) {
	t.Parallel()
	oneByOne(t)
	e, ids := newNodesEnv(t)
	steps := rounds(120, 1000, 3000)
	rnd := rand.New(rand.NewPCG(21, 22))
	want := plainTree{}
	names := []string{"a", "b", "c.d", "ü"}
	path := func() string {
		parts := make([]string, 1+rnd.IntN(3))
		for i := range parts {
			parts[i] = names[rnd.IntN(len(names))]
		}
		return strings.Join(parts, "/")
	}
	for n := range steps {
		op := modelOp(rnd, want, path)
		ctx := t.Context()
		if rnd.IntN(2) == 0 {
			ctx, _ = withCrash(ctx, rnd, 12)
		}
		err, again := op.run(ctx, e), false
		for errors.Is(err, errCrash) || fault.KindOf(err) == fault.Unavailable {
			if rnd.IntN(3) == 0 {
				e.advance(3 * time.Minute)
				if err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			err, again = op.run(t.Context(), e), true
		}
		model := op.model()
		if !errors.Is(err, model) && (model != nil || !again || !errors.Is(err, op.done)) {
			t.Fatalf("step %d, %s: %v, in the model %v; again: %t", n, op.name, err, model, again)
		}
		if got := e.tree(""); !slices.Equal(got, want.paths()) {
			t.Fatalf("step %d, %s, %v: there are %q, in the model %q", n, op.name, err, got, want.paths())
		}
	}
	e.settle()
	e.wantTree(want.paths()...)
	e.checkReached(ids)
}

// modelled is an operation, on the drive and in the model.
type modelled struct {
	name  string
	run   func(ctx context.Context, e *env) error
	model func() error
	done  error // what a repeat says whose first attempt was done
}

func modelOp(rnd *rand.Rand, p plainTree, path func() string) modelled {
	at, to := path(), path()
	switch rnd.IntN(7) {
	case 0, 1:
		return modelled{"put " + at, func(ctx context.Context, e *env) error {
			_, err := e.tryFile(ctx, at, at)
			return err
		}, func() error { return p.put(at) }, errCrash}
	case 2, 3:
		return modelled{"make " + at, func(ctx context.Context, e *env) error {
			_, err := e.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: alice, Path: at})
			return err
		}, func() error { return p.folder(at) }, objectv1.ErrNodeExists}
	case 4:
		return modelled{"remove " + at, func(ctx context.Context, e *env) error { return e.removePath(ctx, at) },
			func() error { return p.remove(at) }, objectv1.ErrNodeNotFound}
	}
	replace := rnd.IntN(2) == 0
	return modelled{fmt.Sprintf("move %s to %s, replace: %t", at, to, replace), func(ctx context.Context, e *env) error {
		_, err := e.move(ctx, at, to, replace)
		return err
	}, func() error { return p.move(at, to, replace) }, objectv1.ErrNodeNotFound}
}
