package lockwell

import (
	"net/http"
	"net/url"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// ListBuckets answers GET /buckets.
func (h *Handler) ListBuckets(w http.ResponseWriter, r *http.Request) error {
	buckets, err := h.core.ListBuckets(r.Context(), principal(r))
	if err != nil {
		return err
	}
	out := wireBuckets{Buckets: make([]wireBucket, len(buckets))}
	for i, b := range buckets {
		out.Buckets[i] = bucketToWire(b)
	}
	return dialect.WriteJSON(w, http.StatusOK, out)
}

// CreateBucket answers POST /buckets.
func (h *Handler) CreateBucket(w http.ResponseWriter, r *http.Request) error {
	var body wireNewBucket
	if err := readBody(r, &body); err != nil {
		return err
	}
	dialect.CallOf(r).Bucket = body.Name
	if err := needs(dialect.CallOf(r).Caller, authv1.ScopeAdmin); err != nil {
		return err
	}
	req := objectv1.CreateBucketRequest{
		Principal: principal(r), Name: body.Name, Versioning: body.Versioning || body.ObjectLock, ObjectLock: body.ObjectLock, Region: body.Region,
	}
	if d := body.DefaultRetention; d != nil {
		if !body.ObjectLock {
			return fault.ErrInvalid.Msgf("defaultRetention needs objectLock")
		}
		req.DefaultRetention = &objectv1.DefaultRetention{Mode: d.Mode, Days: d.Days}
	}
	b, err := h.core.CreateBucket(r.Context(), req)
	if err != nil {
		return err
	}
	w.Header().Set("Location", dialect.CallOf(r).BaseURL+"/api/v1/buckets/"+url.PathEscape(b.Name))
	return dialect.WriteJSON(w, http.StatusCreated, bucketToWire(b))
}

// GetBucket answers GET /buckets/{bucket}.
func (h *Handler) GetBucket(w http.ResponseWriter, r *http.Request) error {
	b, err := h.core.GetBucket(r.Context(), principal(r), r.PathValue("bucket"))
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, bucketToWire(b))
}

// DeleteBucket answers DELETE /buckets/{bucket}.
func (h *Handler) DeleteBucket(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.DeleteBucket(r.Context(), principal(r), r.PathValue("bucket")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func principal(r *http.Request) authv1.Principal { return dialect.CallOf(r).Caller.Principal }
