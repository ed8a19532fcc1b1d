package domain_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// One renames a node while another one moves it, each in front of each write of the
// other: whoever changes the one does not undo the other.
func TestDriveNodes_RenameMeetsMove(t *testing.T) {
	t.Parallel()
	e, ids := newNodesEnv(t)
	for i, node := range []string{"f", "x"} {
		for _, moves := range []bool{true, false} {
			for n := 1; ; n++ {
				at := fmt.Sprintf("b%d-%v-%d", i, moves, n)
				e.base(at)
				id, to := e.idOf(at+"/"+node), e.idOf(at+"/d")
				change := func(ctx context.Context, r objectv1.ChangeNodeRequest) {
					r.NodeID, r.Rename = id, true
					if _, err := e.changeNode(ctx, r); err != nil {
						t.Errorf("%s, at write %d: %v", at, n, err)
					}
				}
				long, other := objectv1.ChangeNodeRequest{ParentID: &to}, objectv1.ChangeNodeRequest{Name: ptr("other")}
				if !moves {
					long, other = other, long
				}
				met := false
				change(meanwhile(t.Context(), n, func() {
					met = true
					change(t.Context(), other)
				}), long)
				if !met {
					break
				}
				if got := e.idOf(at + "/d/other"); got != id {
					t.Fatalf("%s, at write %d: %q is there", at, n, got)
				}
			}
		}
	}
	e.settle()
	e.checkReached(ids)
}

// One removes a node by its id, or purges it, while another one changes where it is in
// front of each write until that is too late: it goes, wherever it is found then.
func TestDriveNodes_RemovalMeetsChange(t *testing.T) {
	t.Parallel()
	e, ids := newNodesEnv(t)
	remove := func(ctx context.Context, id string) error {
		_, err := e.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: alice, NodeID: id})
		return err
	}
	rename := func(id string) error {
		_, err := e.changeNode(t.Context(), objectv1.ChangeNodeRequest{NodeID: id, Rename: true, Name: ptr("other")})
		return err
	}
	again := func(id string) error {
		e.advance(time.Second) // the trash is sorted by time
		if err := e.restoreID(t.Context(), id); err != nil {
			return err
		}
		return e.trashID(t.Context(), id)
	}
	for _, c := range []struct {
		name   string
		remove func(ctx context.Context, id string) error
		change func(id string) error
	}{{"removed", remove, rename}, {"purged", e.purgeID, again}} {
		for _, node := range []string{"f", "x"} {
			for n, changed := 1, true; changed; n++ {
				at := fmt.Sprintf("%s-%s-%d", c.name, node, n)
				e.touch(at + "/f")
				e.touch(at + "/x/1")
				id := e.idOf(at + "/" + node)
				if c.name == "purged" {
					if err := e.trashID(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
				changed = false
				if err := c.remove(meanwhile(t.Context(), n, func() { changed = c.change(id) == nil }), id); err != nil {
					t.Errorf("%s: %v", at, err)
				}
				if n == 1 && !changed {
					t.Errorf("%s: nobody came between", at)
				}
				if _, _, err := e.st.Nodes.Get(t.Context(), id); !errors.Is(err, domain.ErrNoDocument) {
					t.Errorf("%s: it is still there (%v)", at, err)
				}
			}
		}
	}
	e.settle()
	e.checkReached(ids)
}

// updatedVersions calls the hook of a ctx behind each version that it updates.
type updatedVersions struct{ domain.Versions }

type updatedKey struct{}

func (u updatedVersions) Update(ctx context.Context, id string, change func(v *domain.Version) error) (domain.Version, error) {
	v, err := u.Versions.Update(ctx, id, change)
	if hook, ok := ctx.Value(updatedKey{}).(func()); ok {
		hook()
	}
	return v, err
}

// Two give a file different content types: in the end its version and its head,
// which the bucket's listing goes by, say the same.
func TestDriveNodes_TwoContentTypes(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{wrap: func(st domain.Store) domain.Store {
		st.Versions = updatedVersions{st.Versions}
		return st
	}})
	id := e.touch("f").File.NodeID
	change := func(ctx context.Context, contentType string) {
		if _, err := e.changeNode(ctx, objectv1.ChangeNodeRequest{NodeID: id, ContentType: &contentType}); err != nil {
			t.Error(err)
		}
	}
	between := sync.OnceFunc(func() { change(t.Context(), "text/html") })
	change(context.WithValue(t.Context(), updatedKey{}, between), "image/png")
	o, err := e.stat(objectv1.DriveBucket, "f", "")
	h, _, herr := e.st.Heads.Get(t.Context(), "drive-alice", id)
	if err != nil || herr != nil || o.Metadata.ContentType != h.ContentType {
		t.Fatalf("the version is of %q, the head of %q; %v, %v", o.Metadata.ContentType, h.ContentType, err, herr)
	}
}
