package web

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what clients send is the MD5; a keyed hash of it is kept
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	// folderCookie keeps a folder open that has a password, for folderOpenFor.
	folderCookie  = "folder_open"
	folderOpenFor = 12 * time.Hour
	aadFolder     = "folder "
	// wrongPasswords is how many an address may try in a minute.
	wrongPasswords = 20
)

// The refusals of folders.
var (
	errNoFolder      = objectv1.ErrNodeNotFound.Msgf("there is no such folder")
	errWrongPassword = fault.New(fault.Forbidden, "edge.wrong_folder_password", "that is not the folder's password")
)

// openedFolder is what a browser keeps of a folder whose password it knows.
type openedFolder struct {
	Hash []byte `json:"h"` // of the password; another one closes the folder
	Till int64  `json:"t"` // Unix seconds
}

// folderPage is a folder for whoever has the link.
type folderPage struct {
	frame
	inWords
	Folder  nodeView
	Action  string // of the password's form
	Up      string // the folder that it is in, if others may see that; empty: none
	Nodes   []nodeView
	Next    string
	Paged   bool
	Locked  bool
	Owned   bool
	Problem string
}

// visible reports whether others than its owner may see a folder.
func visible(n objectv1.DriveNode) bool {
	return n.Folder && n.NodeID != "" && n.Sharing.Visibility != objectv1.VisibilityPrivate
}

// listed reports whether a folder's page shows others a folder in it: that must be
// shared no less than the page's own, or a search would lead to unlisted ones.
func listed(in, n objectv1.DriveNode) bool {
	return visible(n) && n.Sharing.Visibility >= in.Sharing.Visibility
}

// sharedFolder finds the folder of an address. Nobody but its owner learns that
// there is a private one.
func (h *Handler) sharedFolder(r *http.Request) (objectv1.DriveNode, error) {
	number := numberOf(r.PathValue("number"))
	if number == 0 {
		return objectv1.DriveNode{}, errNoFolder
	}
	n, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Anybody: true, Folder: true, Number: number})
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return objectv1.DriveNode{}, errNoFolder.Because(err)
	case err != nil:
		return objectv1.DriveNode{}, err //nolint:wrapcheck // it says what was being done
	case !visible(n) && !ownedBy(r, n):
		return objectv1.DriveNode{}, errNoFolder
	}
	about(r, n)
	return n, nil
}

// ShowSharedFolder answers GET /folder/{number} and /folder/{number}/{name}.
func (h *Handler) ShowSharedFolder(w http.ResponseWriter, r *http.Request) error {
	n, err := h.sharedFolder(r)
	if err != nil {
		return err
	}
	ended(w, r)
	return h.folder(w, r, http.StatusOK, n, "")
}

func (h *Handler) folder(w http.ResponseWriter, r *http.Request, status int, n objectv1.DriveNode, problem string) error {
	base := dialect.CallOf(r).BaseURL
	v := folderPage{frame: h.hostingFrame(r, n.Name), Folder: nodeViewOf(base, n), Owned: ownedBy(r, n), Problem: problem}
	v.Action = v.Folder.Page
	if v.Locked = !v.Owned && !h.opensFolder(r, n); v.Locked {
		if r.Method == http.MethodPost {
			v.Canonical = v.Folder.Page
		}
		return h.render(w, status, "folder", v)
	}
	after := r.URL.Query().Get("after")
	l, err := h.listNodes(r, core.Caller{}, n.NodeID, true, after)
	if err != nil {
		return folderGone(err)
	}
	for _, c := range l.Nodes {
		if !c.Folder || listed(n, c) || v.Owned {
			v.Nodes = append(v.Nodes, nodeViewOf(base, c))
		}
	}
	if v.Paged = after != ""; l.Next != "" {
		v.Next = v.Folder.Page + "?after=" + url.QueryEscape(l.Next)
	}
	if v.Up, err = h.upOf(r, n, v.Owned); err != nil {
		return err
	}
	return h.render(w, status, "folder", v)
}

// upOf gives the page of the folder that one is in, if the request is of their owner
// or that one is public: of an unlisted one nobody learns who was not told.
func (h *Handler) upOf(r *http.Request, n objectv1.DriveNode, owned bool) (string, error) {
	if n.ParentID == "" {
		return "", nil
	}
	up, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Anybody: true, NodeID: n.ParentID})
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return "", nil
	case err != nil:
		return "", err //nolint:wrapcheck // it says what was being done
	case owned, up.Sharing.Visibility == objectv1.VisibilityPublic:
		return folderPath(up), nil
	}
	return "", nil
}

// folderGone says of a folder that went away while it was looked at that there is
// none.
func folderGone(err error) error {
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return errNoFolder.Because(err)
	}
	return err
}

// UnlockFolder answers POST /folder/{number}: the form of a folder's password.
func (h *Handler) UnlockFolder(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	n, err := h.sharedFolder(r)
	if err != nil {
		return err
	}
	if err := h.tryFolder(r, n, form.Get("password")); err != nil {
		if !shown(err) {
			return err
		}
		status, text := h.failedIn(w, r, err)
		return h.folder(w, r, status, n, text)
	}
	if err := h.keepFolder(w, r, n); err != nil {
		return err
	}
	return goTo(w, folderPath(n))
}

// tryFolder holds what was typed against the folder's password; wrong ones of an
// address are counted.
func (h *Handler) tryFolder(r *http.Request, n objectv1.DriveNode, typed string) error {
	if err := h.folders.Key(source(r)); err != nil {
		return err //nolint:wrapcheck // it says what is wrong
	}
	if !h.core.OpensFolder(n.Sharing, folderMD5(typed)) {
		h.folders.WrongKey(source(r))
		return errWrongPassword
	}
	return nil
}

// folderMD5 is a folder's password as clients send it (field-facts.md, 1).
func folderMD5(typed string) string {
	sum := md5.Sum([]byte(typed)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// opensFolder reports whether the request may see what is in a folder: it has no
// password, or the browser knew it.
func (h *Handler) opensFolder(r *http.Request, n objectv1.DriveNode) bool {
	if len(n.Sharing.PasswordHash) == 0 {
		return true
	}
	for _, c := range r.CookiesNamed(folderCookie) {
		var o openedFolder
		if h.unseal(c.Value, &o, aadFolder+n.NodeID) && time.Unix(o.Till, 0).After(h.core.Now()) && hmac.Equal(o.Hash, n.Sharing.PasswordHash) {
			return true
		}
	}
	return false
}

// keepFolder has the browser keep a folder open.
func (h *Handler) keepFolder(w http.ResponseWriter, r *http.Request, n objectv1.DriveNode) error {
	value, err := h.seal(openedFolder{Hash: n.Sharing.PasswordHash, Till: h.core.Now().Add(folderOpenFor).Unix()}, aadFolder+n.NodeID)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is where it can be
		Name: folderCookie, Value: value, Path: "/folder/" + strconv.FormatInt(n.Number, 10), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r),
		MaxAge: int(folderOpenFor / time.Second),
	})
	return nil
}
