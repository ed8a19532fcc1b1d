package lockr

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Download answers GET and HEAD /api/v1/download/{id}.
func (h *Handler) Download(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	link, err := linkOf(q)
	if err != nil {
		return err
	}
	by, source := callerOf(r), dialect.CallOf(r).Source
	id := named(r, r.PathValue("id"))
	o, err := h.core.File(r.Context(), id)
	if err != nil {
		return err
	}
	keyHash := q.Get("keyHash")
	if keyHash != "" {
		if err := h.core.Admission.Key(source); err != nil {
			return err
		}
	}
	if err := h.core.MayRead(by, *o.File, keyHash, link); err != nil {
		if errors.Is(err, core.ErrWrongKey) {
			h.core.Admission.WrongKey(source)
		}
		return err
	}
	if q.Get("signed") == "1" && core.Owns(by, *o.File) {
		return h.handOn(w, r, o.File.NodeID, id, q)
	}
	return h.core.SendFile(w, r, o, q.Get("inline") == "1")
}

// handOn sends an owner to a signed link, which works without the credential.
func (h *Handler) handOn(w http.ResponseWriter, r *http.Request, nodeID, id string, q url.Values) error {
	link, _ := h.core.SignLink(nodeID)
	to := signedURL(downloadURL(r, url.PathEscape(id)), link)
	if q.Get("inline") == "1" {
		to += "&inline=1"
	}
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
	return nil
}

// linkOf reads a signed link; nil where the query has none.
func linkOf(q url.Values) (*core.Link, error) {
	if !q.Has("signature") && !q.Has("expires") {
		return nil, nil
	}
	ends, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil {
		return nil, core.ErrBadLink
	}
	return &core.Link{Expires: ends, Signature: q.Get("signature")}, nil
}
