package lockwell

import (
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// GetBucketVersioning answers GET /buckets/{bucket}/versioning.
func (h *Handler) GetBucketVersioning(w http.ResponseWriter, r *http.Request) error {
	b, err := h.core.GetBucket(r.Context(), principal(r), r.PathValue("bucket"))
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, wireVersioning{Status: b.Versioning})
}

// SetBucketVersioning answers PUT /buckets/{bucket}/versioning.
func (h *Handler) SetBucketVersioning(w http.ResponseWriter, r *http.Request) error {
	var body wireVersioning
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.Status != objectv1.Enabled && body.Status != objectv1.Suspended {
		return fault.ErrInvalid.Msgf("status is needed: %s or %s", objectv1.Enabled, objectv1.Suspended)
	}
	b, err := h.core.SetVersioning(r.Context(), principal(r), r.PathValue("bucket"), body.Status)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, wireVersioning{Status: b.Versioning})
}

// ListObjectVersions answers GET /buckets/{bucket}/versions.
func (h *Handler) ListObjectVersions(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	req := objectv1.ListVersionsRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Prefix: q.Get("prefix"),
		KeyMarker: q.Get("keyMarker"), VersionIDMarker: q.Get("versionIdMarker"),
	}
	if req.MaxKeys, err = pageSize(q, "maxKeys", maxListed); err != nil {
		return err
	}
	if err := checkKeyParts(q, "prefix", "keyMarker"); err != nil {
		return err
	}
	if !validVersion(req.VersionIDMarker) || req.VersionIDMarker != "" && req.KeyMarker == "" {
		return fault.ErrInvalid.Msgf("versionIdMarker is malformed, or stands without keyMarker")
	}
	l, err := h.core.ListVersions(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, versionsToWire(l))
}

// versionRequest names the version that a request is about.
func versionRequest(r *http.Request) (objectv1.VersionRequest, error) {
	key, err := objectKey(r)
	if err != nil {
		return objectv1.VersionRequest{}, err
	}
	version, err := versionID(r)
	if err != nil {
		return objectv1.VersionRequest{}, err
	}
	return objectv1.VersionRequest{Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, VersionID: version}, nil
}

// GetObjectTags answers GET /buckets/{bucket}/object-tags/{key...}.
func (h *Handler) GetObjectTags(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	t, err := h.core.GetTags(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, tagsToWire(t))
}

// SetObjectTags answers PUT /buckets/{bucket}/object-tags/{key...}.
func (h *Handler) SetObjectTags(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	var body wireTags
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.Tags == nil {
		return fault.ErrInvalid.Msgf("tags is needed; an empty object clears them")
	}
	if err := objectv1.CheckTags(body.Tags); err != nil {
		return err
	}
	t, err := h.core.SetTags(r.Context(), objectv1.SetTagsRequest{Principal: req.Principal, Bucket: req.Bucket, Key: req.Key, VersionID: req.VersionID, Tags: body.Tags})
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, tagsToWire(t))
}

// DeleteObjectTags answers DELETE /buckets/{bucket}/object-tags/{key...}.
func (h *Handler) DeleteObjectTags(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	if _, err := h.core.SetTags(r.Context(), objectv1.SetTagsRequest{Principal: req.Principal, Bucket: req.Bucket, Key: req.Key, VersionID: req.VersionID}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
