package lockwell

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const defaultPresign = 15 * time.Minute

// SignURL answers POST /sign-url.
func (h *Handler) SignURL(w http.ResponseWriter, r *http.Request) error {
	var body wireSign
	if err := readBody(r, &body); err != nil {
		return err
	}
	c := dialect.CallOf(r)
	c.Bucket, c.Key = body.Bucket, body.Key
	switch {
	case body.Method != http.MethodGet && body.Method != http.MethodPut:
		return fault.ErrInvalid.Msgf("method is needed: GET or PUT")
	case body.Bucket == "" || len(body.Bucket) > objectv1.MaxKey:
		return fault.ErrInvalid.Msgf("bucket is needed")
	case objectv1.CheckKey(body.Key) != nil:
		return objectv1.ErrInvalidKey
	case body.TTLSeconds != nil && *body.TTLSeconds <= 0:
		return fault.ErrInvalid.Msgf("ttlSeconds must be greater than 0")
	}
	ttl := defaultPresign
	if body.TTLSeconds != nil {
		ttl = time.Duration(min(*body.TTLSeconds, int64(math.MaxInt64/time.Second))) * time.Second
	}
	token, ends, err := h.core.SignURL(r.Context(), c.Caller, core.Access{Method: body.Method, Bucket: body.Bucket, Key: body.Key}, ttl)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusOK, wireSigned{
		URL:    c.BaseURL + api + "/signed/" + url.PathEscape(body.Bucket) + "/" + escapeKey(body.Key) + "?token=" + url.QueryEscape(token),
		Method: body.Method, ExpiresAt: instant(ends),
	})
}

// escapeKey writes a key so that no client cleans it into another one: where a
// segment is empty or made of dots, the slashes are escaped too.
func escapeKey(key string) string {
	segments := strings.Split(key, "/")
	if slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." }) {
		if len(segments) == 1 {
			return strings.ReplaceAll(key, ".", "%2E")
		}
		return url.PathEscape(key)
	}
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// GetSigned answers GET and HEAD /signed/{bucket}/{key...}.
func (h *Handler) GetSigned(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("versionId") {
		return objectv1.ErrAccessDenied.Msgf("a signed URL gives the current version only")
	}
	// The address is a secret: no page may pass it on, no shared cache may answer it.
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "private, no-cache")
	return h.GetObject(w, r)
}

// PutSigned answers PUT /signed/{bucket}/{key...}.
func (h *Handler) PutSigned(w http.ResponseWriter, r *http.Request) error { return h.PutObject(w, r) }

// fromURL finds out whose signed URL a request came by, and holds it against
// the request. A denial is audited as the access key's.
func (h *Handler) fromURL(r *http.Request) (core.Caller, error) {
	q, err := dialect.Query(r)
	if err != nil {
		return core.Caller{}, err
	}
	caller, access, err := h.core.FromSignedURL(r.Context(), q.Get("token"))
	if err != nil {
		return core.Caller{}, err
	}
	c := dialect.CallOf(r)
	c.AccountID, c.KeyID = caller.Principal.AccountID, caller.Principal.KeyID
	return caller, access.Covers(r.Method, r.PathValue("bucket"), r.PathValue("key"))
}
