package domain_test

import (
	"context"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// clearing tells ctx's hook of nodes that are about to be no longer marked.
type clearing struct{ domain.Nodes }

type clearingKey struct{}

func (c clearing) Replace(ctx context.Context, n domain.Node, rev int64) error {
	if hook, ok := ctx.Value(clearingKey{}).(func(id string) error); ok && n.RecountAt.IsZero() {
		if err := hook(n.ID); err != nil {
			return err
		}
	}
	return c.Nodes.Replace(ctx, n, rev)
}

// A worker that was slow finds a folder as it had weighed it, but it was another
// one in between, and so it was counted by a worker that died: that has to be
// counted once more.
func TestTallies_FolderIsWhatItWas(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{idle: true, hasty: true, wrap: func(st domain.Store) domain.Store {
		st = crashing(st)
		st.Nodes = clearing{st.Nodes}
		return st
	}})
	e.file("f", "12345")
	e.folder("a")
	e.tallied()
	file, folder := e.idOf("f"), e.folder("a/b").NodeID
	die := func() { // when the folders of the file are in line
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_ = e.Recount(context.WithValue(ctx, clearingKey{}, func(id string) error {
			if id == file {
				cancel()
			}
			return ctx.Err()
		}))
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
	err := e.Recount(context.WithValue(t.Context(), clearingKey{}, func(id string) error {
		if id == folder {
			once()
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantTally(e.idOf("a"), 0, 1, 0, 0)
	e.checkTallies("alice")
}
