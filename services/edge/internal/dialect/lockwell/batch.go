package lockwell

import (
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	maxBatch     = 1000
	maxBatchJSON = 8 << 20 // bytes: so many of the longest keys, escaped
)

// BatchDeleteObjects answers POST /buckets/{bucket}/objects:batchDelete.
func (h *Handler) BatchDeleteObjects(w http.ResponseWriter, r *http.Request) error {
	var body wireBatch
	if err := dialect.ReadStrictJSON(r, &body, maxBatchJSON); err != nil {
		return err
	}
	if n := len(body.Objects); n < 1 || n > maxBatch {
		return fault.ErrInvalid.Msgf("objects is needed: 1 to %d of them", maxBatch)
	}
	refs := make([]objectv1.ObjectRef, len(body.Objects))
	for i, o := range body.Objects {
		if !validVersion(o.VersionID) {
			return fault.ErrInvalid.Msgf("the versionId of object %d is malformed", i)
		}
		// object decides about keys; of one that is too long it needs no more.
		refs[i] = objectv1.ObjectRef{Key: o.Key[:min(len(o.Key), objectv1.MaxKey+1)], VersionID: o.VersionID}
	}
	results, err := h.core.DeleteObjects(r.Context(), objectv1.DeleteObjectsRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Objects: refs, Origin: origin(r),
	})
	if err != nil {
		return err
	}
	out := wireBatchResults{Results: make([]wireBatchResult, len(results))}
	for i, d := range results {
		out.Results[i] = batchResultToWire(body.Objects[i], d)
	}
	return dialect.WriteJSON(w, http.StatusOK, out)
}
