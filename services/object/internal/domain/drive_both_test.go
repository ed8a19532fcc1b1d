package domain_test

import (
	"context"
	"fmt"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
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
