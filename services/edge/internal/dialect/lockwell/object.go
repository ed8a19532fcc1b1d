package lockwell

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	maxKey       = 1024
	maxVersionID = 128
	maxListed    = 1000
)

// PutObject answers PUT /buckets/{bucket}/objects/{key...}.
func (h *Handler) PutObject(w http.ResponseWriter, r *http.Request) error {
	key, err := objectKey(r)
	if err != nil {
		return err
	}
	in := transfer.Put{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, Size: r.ContentLength, Body: r.Body,
		Origin: origin(r),
	}
	if in.Metadata, err = metadata(r.Header); err != nil {
		return err
	}
	if in.Want, err = digests(r.Header); err != nil {
		return err
	}
	if in.Conditions, err = putConditions(r.Header); err != nil {
		return err
	}
	if err := notYet(r.Header, len(in.Want) > 0); err != nil {
		return err
	}
	o, err := h.core.PutObject(r.Context(), in)
	if err != nil {
		return err
	}
	describe(w.Header(), o)
	w.Header().Set("ETag", o.ETag)
	w.Header().Del("Content-Disposition") // of the object, not of this answer
	w.Header().Del("Content-Encoding")
	w.Header().Del("Cache-Control")
	return dialect.WriteJSON(w, http.StatusCreated, objectToWire(o))
}

// GetObject answers GET and HEAD /buckets/{bucket}/objects/{key...}.
func (h *Handler) GetObject(w http.ResponseWriter, r *http.Request) error {
	key, err := objectKey(r)
	if err != nil {
		return err
	}
	version, err := versionID(r)
	if err != nil {
		return err
	}
	o, err := h.core.StatObject(r.Context(), objectv1.StatObjectRequest{Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, VersionID: version})
	if err != nil {
		return err
	}
	describe(w.Header(), o)
	// What somebody uploaded never acts as a page of ours.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox")
	return h.core.SendObject(w, r, o)
}

// DeleteObject answers DELETE /buckets/{bucket}/objects/{key...}.
func (h *Handler) DeleteObject(w http.ResponseWriter, r *http.Request) error {
	key, err := objectKey(r)
	if err != nil {
		return err
	}
	version, err := versionID(r)
	if err != nil {
		return err
	}
	d, err := h.core.DeleteObject(r.Context(), objectv1.DeleteObjectRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, VersionID: version, Origin: origin(r),
	})
	if err != nil {
		return err
	}
	if d.DeleteMarker && version == "" {
		return dialect.WriteJSON(w, http.StatusOK, wireDeleted{DeleteMarker: true, VersionID: d.VersionID})
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ListObjects answers GET /buckets/{bucket}/objects.
func (h *Handler) ListObjects(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	req := objectv1.ListObjectsRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"),
		StartAfter: q.Get("startAfter"), Token: q.Get("continuationToken"), MaxKeys: maxListed,
	}
	if q.Has("maxKeys") {
		n, err := strconv.Atoi(q.Get("maxKeys"))
		if err != nil || n < 1 || n > maxListed {
			return fault.ErrInvalid.Msgf("maxKeys is a number from 1 to %d", maxListed)
		}
		req.MaxKeys = n
	}
	for name, v := range map[string]string{"prefix": req.Prefix, "delimiter": req.Delimiter, "startAfter": req.StartAfter, "continuationToken": req.Token} {
		if len(v) > 4*maxKey || strings.Contains(v, "\x00") || name != "continuationToken" && len(v) > maxKey {
			return fault.ErrInvalid.Msgf("%s is too long or has a NUL in it", name)
		}
	}
	l, err := h.core.ListObjects(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, listingToWire(l))
}

// objectKey gives the key exactly as it was sent, once unescaped.
func objectKey(r *http.Request) (string, error) {
	key := r.PathValue("key")
	if key == "" || len(key) > maxKey || !utf8.ValidString(key) || strings.Contains(key, "\x00") {
		return "", objectv1.ErrInvalidKey
	}
	return key, nil
}

func versionID(r *http.Request) (string, error) {
	q, err := dialect.Query(r)
	if err != nil {
		return "", err
	}
	v := q.Get("versionId")
	if q.Has("versionId") && v == "" || len(v) > maxVersionID || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fault.ErrInvalid.Msgf("versionId is malformed")
	}
	return v, nil
}

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "lockwell"}
}
