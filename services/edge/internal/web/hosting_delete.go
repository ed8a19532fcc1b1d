package web

import (
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// errWrongHash is of a delete URL whose hash is not the file's.
var errWrongHash = fault.New(fault.Forbidden, "edge.wrong_hash", "the hash in this address is not the file's")

// deletePage asks whether a file may be deleted, and says that it was.
type deletePage struct {
	frame
	inWords
	File   nodeView
	Action string
	Done   bool
}

// toDelete finds the file of a delete URL, whose hash must be right.
func (h *Handler) toDelete(r *http.Request) (objectv1.DriveNode, error) {
	n, err := h.sharedFile(r)
	if err == nil && !h.core.IsDeleteHash(n.NodeID, hashOf(r)) {
		err = errWrongHash
	}
	return n, err
}

// AskToDelete answers GET /{short}~d. It deletes nothing: links are followed by
// programs, too.
func (h *Handler) AskToDelete(w http.ResponseWriter, r *http.Request) error {
	n, err := h.toDelete(r)
	if err != nil {
		return err
	}
	v := deletePage{frame: h.hostingFrame(r, n.Name), File: nodeViewOf(dialect.CallOf(r).BaseURL, n)}
	v.Action = v.File.Page + "~d?" + hashOf(r)
	return h.render(w, http.StatusOK, "shareddelete", v)
}

// DeleteShared answers POST and DELETE /{short}~d. Whoever has the hash acts for
// the file's owner, who may take it out of the trash again.
func (h *Handler) DeleteShared(w http.ResponseWriter, r *http.Request) error {
	n, err := h.toDelete(r)
	if err != nil {
		return err
	}
	owner := authv1.Principal{AccountID: n.AccountID}
	if _, err := h.core.TrashNode(r.Context(), objectv1.DriveNodeRequest{Principal: owner, NodeID: n.NodeID, Origin: origin(r)}); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v := deletePage{frame: h.hostingFrame(r, n.Name), File: nodeViewOf(dialect.CallOf(r).BaseURL, n), Done: true}
	return h.render(w, http.StatusOK, "shareddelete", v)
}
