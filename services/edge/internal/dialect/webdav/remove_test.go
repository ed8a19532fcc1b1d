package webdav_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// slowRemoval gives up after a while, as object does with a folder of thousands,
// but for every second call.
type slowRemoval struct {
	objectv1.Service
	took  time.Duration
	calls atomic.Int64
}

func (s *slowRemoval) RemoveNode(ctx context.Context, r objectv1.RemoveNodeRequest) (objectv1.Empty, error) {
	if s.calls.Add(1)%2 == 0 {
		return s.Service.RemoveNode(ctx, r) //nolint:wrapcheck // a double
	}
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
	}
	return objectv1.Empty{}, fault.ErrUnavailable
}

// TestRemove_GoesOn repeats a removal that has done some of its work, and no
// other.
func TestRemove_GoesOn(t *testing.T) {
	t.Parallel()
	for took, status := range map[time.Duration]int{time.Second + 10*time.Millisecond: 204, 0: 503} {
		slow := &slowRemoval{took: took}
		w := world{edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
			slow.Service = d.Object
			d.Object = slow
		})}
		w.tree(t)
		w.want(t, status, "DELETE", "d", "")
	}
}
