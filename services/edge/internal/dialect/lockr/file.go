package lockr

import (
	"net/http"
	"strconv"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	defaultPage = 100
	maxPage     = 1000
	maxCursor   = 4 << 10 // bytes
)

// ListFiles answers GET /api/v1/files.
func (h *Handler) ListFiles(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	limit := defaultPage
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > maxPage {
			return fault.ErrInvalid.Msgf("limit is a number from 1 to %d", maxPage)
		}
	}
	if len(q.Get("cursor")) > maxCursor {
		return fault.ErrInvalid.Msgf("cursor is none of ours")
	}
	by := callerOf(r)
	l, err := h.core.ListFiles(r.Context(), by, q.Get("cursor"), limit)
	if err != nil {
		return err
	}
	u, err := h.core.Usage(r.Context(), by.Principal)
	if err != nil {
		return err
	}
	out := wireFiles{Files: make([]wireFile, len(l.Files)), NextCursor: l.Next, Usage: wireUsage{Used: u.Used, Quota: by.Principal.Limits.StorageBytes}}
	for i, o := range l.Files {
		file := fileToWire(r, o)
		link, ends := h.core.SignLink(o.File.NodeID)
		file.Path, file.SignedURL, file.SignedURLExpiresAt = o.File.Path, signedURL(file.DownloadURL, link), momentOf(&ends)
		out.Files[i] = file
	}
	return answer(w, http.StatusOK, out)
}

// RegisterFile answers POST /api/v1/files/register.
func (h *Handler) RegisterFile(w http.ResponseWriter, r *http.Request) error {
	var body wireRegister
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := typed(field{"id", body.ID}); err != nil {
		return err
	}
	named(r, body.ID)
	o, err := h.core.RegisterFile(r.Context(), callerOf(r), body.ID, origin(r))
	if err != nil {
		return err
	}
	return answerFile(w, r, http.StatusOK, o)
}

// SetFileKey answers POST /api/v1/files/{id}/key.
func (h *Handler) SetFileKey(w http.ResponseWriter, r *http.Request) error {
	var body keyWish
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if !body.Key.set && body.KeyHash == nil {
		return fault.ErrInvalid.Msgf("key is needed; an empty one, or null, clears it")
	}
	keyHash, err := body.hash()
	if err != nil {
		return err
	}
	id := named(r, r.PathValue("id"))
	o, err := h.core.SetFileKey(r.Context(), callerOf(r), id, keyHash)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, wireHasKey{ID: core.FileIDOf(*o.File).String(), HasKey: len(o.File.KeyHash) > 0})
}

// DeleteFile answers DELETE /api/v1/files/{id}.
func (h *Handler) DeleteFile(w http.ResponseWriter, r *http.Request) error {
	id := named(r, r.PathValue("id"))
	if err := h.core.DeleteFile(r.Context(), callerOf(r), id, origin(r)); err != nil {
		return err
	}
	return answer(w, http.StatusOK, wireDeleted{ID: id, Deleted: true})
}

// named tells the audit trail which file a request is about.
func named(r *http.Request, id string) string {
	c := dialect.CallOf(r)
	c.Bucket, c.Key = objectv1.DriveBucket, id
	return id
}
