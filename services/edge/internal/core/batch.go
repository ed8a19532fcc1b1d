package core

import (
	"context"
	"encoding/json"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxBatchBytes bounds the names in one call, as they are encoded: keys may take
// six times their length, and a message has 1 MiB at most.
const maxBatchBytes = 512 << 10

// piece says how many of refs go into one call.
func piece(refs []objectv1.ObjectRef) int {
	size := 0
	for i, ref := range refs[:min(len(refs), objectv1.MaxDeleteObjects)] {
		b, err := json.Marshal(ref)
		if size += len(b); err != nil || size > maxBatchBytes {
			return max(i, 1)
		}
	}
	return min(len(refs), objectv1.MaxDeleteObjects)
}

// DeleteObjects deletes any number of objects, in calls of what one takes, and
// answers in the order of the request. Only a failure of the first call fails
// the whole: later, what was deleted has to be told, and the failure stands in
// the results that it concerns.
func (c *Core) DeleteObjects(ctx context.Context, r objectv1.DeleteObjectsRequest) ([]objectv1.DeleteResult, error) {
	all := r.Objects
	results := make([]objectv1.DeleteResult, 0, len(all))
	for len(results) < len(all) {
		r.Objects = all[len(results):]
		r.Objects = r.Objects[:piece(r.Objects)]
		answer, err := c.Objects.DeleteObjects(ctx, r)
		if err == nil && len(answer.Results) != len(r.Objects) {
			err = fault.ErrInternal.Because(fmt.Errorf("%d results for %d objects", len(answer.Results), len(r.Objects)))
		}
		if err == nil {
			results = append(results, answer.Results...)
			continue
		}
		if len(results) == 0 {
			return nil, fmt.Errorf("deleting %d objects: %w", len(all), err)
		}
		f := fault.From(err)
		for len(results) < len(all) {
			results = append(results, objectv1.DeleteResult{Fault: &objectv1.Fault{Kind: f.Kind, Code: f.Code, Message: f.Message}})
		}
	}
	return results, nil
}
