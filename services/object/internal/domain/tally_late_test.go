package domain_test

import (
	"context"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// hookedNodes calls the hook of a ctx in front of each node that it replaces.
type hookedNodes struct{ domain.Nodes }

type nodeHook struct{}

func (h hookedNodes) Replace(ctx context.Context, n domain.Node, rev int64) error {
	if hook, ok := ctx.Value(nodeHook{}).(func(n domain.Node) error); ok {
		if err := hook(n); err != nil {
			return err
		}
	}
	return h.Nodes.Replace(ctx, n, rev)
}

func newHookedEnv(t *testing.T) *env {
	t.Helper()
	return newEnv(t, envOptions{idle: true, hasty: true, wrap: func(st domain.Store) domain.Store {
		st.Nodes = hookedNodes{st.Nodes}
		return st
	}})
}

// recountWith lets a worker work that calls a hook in front of its writes of nodes.
func (e *env) recountWith(ctx context.Context, hook func(n domain.Node) error) error {
	return e.Recount(context.WithValue(ctx, nodeHook{}, hook))
}

// A worker that was slow finds a folder as it had weighed it, but it was another
// one in between, and so it was counted by a worker that died: that has to be
// counted once more.
func TestTallies_FolderIsWhatItWas(t *testing.T) {
	t.Parallel()
	e := newHookedEnv(t)
	e.file("f", "12345")
	e.folder("a")
	e.tallied()
	file, folder := e.idOf("f"), e.folder("a/b").NodeID
	die := func() { // when the folders of the file are in line
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_ = e.recountWith(ctx, func(n domain.Node) error {
			if n.ID == file && n.RecountAt.IsZero() {
				cancel()
			}
			return ctx.Err()
		})
	}
	move := func(from, to string) {
		if _, err := e.move(t.Context(), from, to, false); err != nil {
			t.Error(err)
		}
	}
	once := sync.OnceFunc(func() {
		move("f", "a/b/f")
		die()
		move("a/b/f", "f")
		die()
	})
	err := e.recountWith(t.Context(), func(n domain.Node) error {
		if n.ID == folder && n.RecountAt.IsZero() {
			once()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally(e.idOf("a"), 0, 1, 0, 0)
	e.checkTallies("alice")
}

// A worker brings a sum into a folder that is over by then, and the folder has the
// one of before, which is also the newest: it has that of the newest revision.
func TestTallies_SumIsWhatItWas(t *testing.T) {
	t.Parallel()
	e := newHookedEnv(t)
	e.file("f", "12345")
	folder := e.folder("a").NodeID
	e.tallied()
	if _, err := e.move(t.Context(), "f", "a/f", false); err != nil {
		t.Fatal(err)
	}
	met := false
	once := sync.OnceFunc(func() {
		met = true
		if _, err := e.move(t.Context(), "a/f", "f", false); err != nil {
			t.Error(err)
		}
		if err := e.Recount(t.Context()); err != nil {
			t.Error(err)
		}
	})
	err := e.recountWith(t.Context(), func(n domain.Node) error {
		if n.ID == folder {
			once()
		}
		return nil
	})
	if err != nil || !met {
		t.Fatalf("%t, %v", met, err)
	}
	e.wantTally(folder, 0, 0, 0, 0)
	e.checkTallies("alice")
}
