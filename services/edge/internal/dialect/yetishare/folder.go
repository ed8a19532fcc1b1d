package yetishare

import (
	"errors"
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// The parameters of folders.
const (
	paramName     = "folder_name"
	paramIn       = "parent_id"
	paramPublic   = "is_public"
	paramPassword = "access_password"
)

// findFolder finds a folder of the caller's by its number, or is none.
func (h *Handler) findFolder(r *http.Request, by core.Caller, text string, none *fault.Error) (objectv1.DriveNode, error) {
	id, ok := number(text)
	if !ok {
		return objectv1.DriveNode{}, none
	}
	n, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Principal: by.Principal, Number: id, Folder: true})
	if errors.Is(err, objectv1.ErrNodeNotFound) || err == nil && !n.Folder {
		return objectv1.DriveNode{}, none
	}
	return n, err //nolint:wrapcheck // it says what was being done
}

// theFolder enters a request about a folder of the caller's and finds it by
// whichever of the parameters says something first.
func (h *Handler) theFolder(r *http.Request, names ...string) (*asked, objectv1.DriveNode, error) {
	q, err := h.enter(r)
	if err != nil {
		return nil, objectv1.DriveNode{}, err
	}
	text := ""
	for _, name := range names {
		if text = q.params[name]; text != "" {
			break
		}
	}
	n, err := h.findFolder(r, q.by, text, errNoFolder)
	if err == nil {
		about(r, n)
	}
	return q, n, err
}

// visibilityOf reads is_public; nil where it is not there.
func visibilityOf(p params) (*objectv1.Visibility, error) {
	switch text, there := p[paramPublic]; {
	case !there:
		return nil, nil //nolint:nilnil // it says nothing
	case text == "0":
		return new(objectv1.VisibilityPrivate), nil
	case text == "1":
		return new(objectv1.VisibilityUnlisted), nil
	case text == "2":
		return new(objectv1.VisibilityPublic), nil
	}
	return nil, bad(paramPublic, "is 0 (private), 1 (unlisted) or 2 (public in site search)")
}

// passwordOf reads access_password and says what is kept of it.
func (h *Handler) passwordOf(p params) ([]byte, error) {
	hash, err := h.core.FolderPassword(p[paramPassword])
	if err != nil {
		return nil, bad(paramPassword, "is the MD5 hash of a password: 32 hex digits")
	}
	return hash, nil
}

// CreateFolder answers /folder/create. A name that is taken gives way to the next
// free one.
func (h *Handler) CreateFolder(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r, paramName)
	if err != nil {
		return err
	}
	name, err := nameFor(paramName, q.params[paramName])
	if err != nil {
		return err
	}
	ask := objectv1.MakeSubfolderRequest{Principal: q.by.Principal, Name: *name, Rename: true}
	if q.params[paramPublic] != "" { // blank is the default
		v, err := visibilityOf(q.params)
		if err != nil {
			return err
		}
		ask.Sharing.Visibility = *v
	}
	if ask.Sharing.PasswordHash, err = h.passwordOf(q.params); err != nil {
		return err
	}
	none := errNoFolder.Msgf("Could not find folder based on parent_id.")
	parent, err := h.folderNamed(q, q.params[paramIn], none)
	if err != nil {
		return err
	}
	ask.ParentID = *parent
	n, err := h.core.MakeSubfolder(r.Context(), ask)
	if err != nil {
		return into(none, err)
	}
	about(r, n)
	return h.answer(w, envelope{Response: "Folder successfully created.", Data: ownFolderToWire(baseOf(r), n, q.params[paramPassword])})
}

// FolderInfo answers /folder/info.
func (h *Handler) FolderInfo(w http.ResponseWriter, r *http.Request) error {
	_, n, err := h.theFolder(r, paramFolder, paramParent)
	if err != nil {
		return err
	}
	return h.answer(w, envelope{Data: ownFolderToWire(baseOf(r), n, "")})
}

// EditFolder answers /folder/edit. What is not there stays as it is; an empty
// parent_id is the root, an empty access_password takes the password away.
func (h *Handler) EditFolder(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFolder(r, paramFolder)
	if err != nil {
		return err
	}
	change := objectv1.ChangeNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, Rename: true, Origin: origin(r)}
	if q.has(paramName) {
		if change.Name, err = nameFor(paramName, q.params[paramName]); err != nil {
			return err
		}
	}
	if change.Visibility, err = visibilityOf(q.params); err != nil {
		return err
	}
	if q.has(paramPassword) {
		hash, err := h.passwordOf(q.params)
		if err != nil {
			return err
		}
		change.PasswordHash = &hash
	}
	none := errNoFolder.Msgf("Could not find folder based on parent_id.")
	if q.has(paramIn) {
		if change.ParentID, err = h.folderNamed(q, q.params[paramIn], none); err != nil {
			return err
		}
	}
	if change.Name != nil || change.Visibility != nil || change.PasswordHash != nil || change.ParentID != nil {
		if n, err = h.core.ChangeNode(r.Context(), change); err != nil {
			return ofFolder(into(none, cycle(paramIn, err)))
		}
	}
	return h.answer(w, envelope{Response: "Folder successfully updated.", Data: ownFolderToWire(baseOf(r), n, q.params[paramPassword])})
}

// cycle words that a folder would come into itself: 400 (yetishare.md).
func cycle(param string, err error) error {
	if errors.Is(err, objectv1.ErrNodeCycle) {
		return fault.ErrInvalid.Msgf("The %s param names the folder itself, or one that is in it.", param).Because(err)
	}
	return err
}

// DeleteFolder answers /folder/delete.
func (h *Handler) DeleteFolder(w http.ResponseWriter, r *http.Request) error {
	q, n, err := h.theFolder(r, paramFolder)
	if err != nil {
		return err
	}
	if _, err := h.core.TrashNode(r.Context(), objectv1.DriveNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, Origin: origin(r)}); err != nil {
		return ofFolder(err)
	}
	return h.answer(w, envelope{Response: "Folder successfully set as deleted."})
}

// MoveFolder answers /folder/move.
func (h *Handler) MoveFolder(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	text, err := q.need(paramFolder)
	if err != nil {
		return err
	}
	n, err := h.findFolder(r, q.by, text, errNoFolder)
	if err != nil {
		return err
	}
	about(r, n)
	to, err := h.target(q, paramNewParent)
	if err != nil {
		return err
	}
	n, err = h.core.ChangeNode(r.Context(), objectv1.ChangeNodeRequest{Principal: q.by.Principal, NodeID: n.NodeID, ParentID: to, Rename: true, Origin: origin(r)})
	if err != nil {
		return ofFolder(into(noTarget(paramNewParent), cycle(paramNewParent, err)))
	}
	return h.answer(w, envelope{Response: "Folder successfully moved.", Data: ownFolderToWire(baseOf(r), n, "")})
}
