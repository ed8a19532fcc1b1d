package lockwell

import (
	"net/http"
	"net/url"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
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
	if in.Retention, in.LegalHold, err = h.locks(r.Header); err != nil {
		return err
	}
	if in.Idempotency, err = idempotency(r.Header, in); err != nil {
		return err
	}
	stored, err := h.core.PutObject(r.Context(), in)
	if err != nil {
		return err
	}
	if stored.Replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	return answerObject(w, http.StatusCreated, stored.Object)
}

// answerObject answers what made an object.
func answerObject(w http.ResponseWriter, status int, o objectv1.Object) error {
	describe(w.Header(), o)
	w.Header().Set("ETag", o.ETag)
	w.Header().Del("Content-Disposition") // of the object, not of this answer
	w.Header().Del("Content-Encoding")
	w.Header().Del("Cache-Control")
	return dialect.WriteJSON(w, status, objectToWire(o))
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
		StartAfter: q.Get("startAfter"), Token: q.Get("continuationToken"), Full: q.Get("fields") == "full",
	}
	if req.MaxKeys, err = pageSize(q, "maxKeys", maxListed); err != nil {
		return err
	}
	if err := checkKeyParts(q, "prefix", "delimiter", "startAfter"); err != nil {
		return err
	}
	if len(req.Token) > 4*objectv1.MaxKey || strings.Contains(req.Token, "\x00") {
		return fault.ErrInvalid.Msgf("continuationToken is malformed")
	}
	if q.Has("fields") && !req.Full {
		return fault.ErrInvalid.Msgf("fields takes only full")
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
	if err := objectv1.CheckKey(key); err != nil {
		return "", err
	}
	return key, nil
}

// checkKeyParts looks at query parameters that are, or stand beside, keys.
func checkKeyParts(q url.Values, names ...string) error {
	for _, name := range names {
		if v := q.Get(name); len(v) > objectv1.MaxKey || strings.Contains(v, "\x00") {
			return fault.ErrInvalid.Msgf("%s is too long or has a NUL in it", name)
		}
	}
	return nil
}

// pageSize reads how many entries a page may have; most where nothing is said.
func pageSize(q url.Values, name string, most int) (int, error) {
	if !q.Has(name) {
		return most, nil
	}
	n, ok := number(q.Get(name), 1, most)
	if !ok {
		return 0, fault.ErrInvalid.Msgf("%s is a number from 1 to %d", name, most)
	}
	return n, nil
}

func versionID(r *http.Request) (string, error) {
	q, err := dialect.Query(r)
	if err != nil {
		return "", err
	}
	v := q.Get("versionId")
	if q.Has("versionId") && v == "" || !validVersion(v) {
		return "", fault.ErrInvalid.Msgf("versionId is malformed")
	}
	return v, nil
}

// validVersion reports whether v may be a version id; "" names none.
func validVersion(v string) bool {
	return len(v) <= maxVersionID && !strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' })
}

// readBody decodes a JSON body that may say nothing that we do not know.
func readBody(r *http.Request, into any) error {
	return dialect.ReadStrictJSON(r, into, dialect.MaxJSON)
}

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "lockwell"}
}
