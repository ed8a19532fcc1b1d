package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxCrumbs bounds how many folders above one are looked up.
const maxCrumbs = 32

// drivePage is the file manager: a folder of the account's.
type drivePage struct {
	frame
	inWords
	uploadView
	Folder          nodeView
	Crumbs          []nodeView // from the root's child down to the folder's parent
	Deep            bool       // there are more above them
	Nodes           []nodeView
	Next            string
	Paged           bool
	Notice, Problem string
	Form            string // whose the problem is: "new", or else the list
	Typed           string // the name of a folder that was not made
	Partly          string // how far it came before the problem
}

// Root reports whether the folder is the drive itself.
func (v drivePage) Root() bool { return v.Folder.NodeID == "" }

// drivePath is the manager's page of a folder.
func drivePath(number int64) string {
	if number == 0 {
		return "/account/files"
	}
	return "/account/files?folder=" + strconv.FormatInt(number, 10)
}

// Drive is that for templates.
func (nodeView) Drive(number int64) string { return drivePath(number) }

// ownFolder finds a folder of the caller's by the number that an address or a form
// says; "" and "0" are the root.
func (h *Handler) ownFolder(r *http.Request, text string) (objectv1.DriveNode, error) {
	by := dialect.CallOf(r).Caller
	ask := objectv1.FindNodeRequest{Principal: by.Principal, Folder: true}
	if text != "" && text != "0" {
		if ask.Number = numberOf(text); ask.Number == 0 {
			return objectv1.DriveNode{}, errNoFolder
		}
	}
	n, err := h.core.FindNode(r.Context(), ask)
	if err != nil {
		return objectv1.DriveNode{}, folderGone(err)
	}
	return n, nil
}

// driveNotice is the sentence behind the ?did= of an address.
func driveNotice(r *http.Request) string {
	return map[string]string{
		"made":     "The folder is made.",
		"saved":    "The changes are saved.",
		"moved":    "It is moved.",
		"copied":   "It is copied.",
		"trashed":  "It is in the trash, and can be restored from there.",
		"restored": "It is restored.",
		"purged":   "It is gone for good.",
	}[r.URL.Query().Get("did")]
}

// ShowDrive answers GET /account/files.
func (h *Handler) ShowDrive(w http.ResponseWriter, r *http.Request) error {
	n, err := h.ownFolder(r, r.URL.Query().Get("folder"))
	if err != nil {
		return err
	}
	about(r, n)
	return h.drive(w, r, http.StatusOK, n, drivePage{})
}

// drive fills v up with everything that the page shows.
func (h *Handler) drive(w http.ResponseWriter, r *http.Request, status int, n objectv1.DriveNode, v drivePage) error {
	c := dialect.CallOf(r)
	after := ""
	if r.Method != http.MethodPost {
		after = r.URL.Query().Get("after")
	}
	l, err := h.listNodes(r, c.Caller, n.NodeID, false, after)
	if err != nil {
		return folderGone(err)
	}
	v.frame, v.uploadView = h.hostingFrame(r, n.Name, "upload.js", "manager.js"), h.uploadView(r)
	if v.Title == "" {
		v.Title = v.T("Files")
	}
	if v.Notice == "" {
		v.Notice = v.T(driveNotice(r))
	}
	here := drivePath(n.Number)
	v.Begin, v.Refresh, v.FolderID = "/account/uploads", here, n.NodeID
	v.Folder = nodeViewOf(c.BaseURL, n)
	for _, child := range l.Nodes {
		v.Nodes = append(v.Nodes, nodeViewOf(c.BaseURL, child))
	}
	if v.Paged = after != ""; v.Paged {
		v.Refresh = withQuery(here, "after", after)
	}
	if l.Next != "" {
		v.Next = withQuery(here, "after", l.Next)
	}
	if r.Method == http.MethodPost {
		v.Canonical = here
	}
	if v.Crumbs, v.Deep, err = h.crumbs(r, n); err != nil {
		return err
	}
	return h.render(w, status, "drive", v)
}

// withQuery adds to an address that may have a query.
func withQuery(address, name, value string) string {
	separator := "?"
	if strings.Contains(address, separator) {
		separator = "&"
	}
	return address + separator + url.Values{name: {value}}.Encode()
}

// crumbs are the folders above one, the highest first; deep says that some are left
// out.
func (h *Handler) crumbs(r *http.Request, n objectv1.DriveNode) (out []nodeView, deep bool, err error) {
	by := dialect.CallOf(r).Caller
	for up := n.ParentID; up != ""; {
		if len(out) == maxCrumbs {
			return out, true, nil
		}
		p, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Principal: by.Principal, NodeID: up})
		if err != nil {
			return nil, false, folderGone(err)
		}
		out = append([]nodeView{nodeViewOf("", p)}, out...)
		up = p.ParentID
	}
	return out, false, nil
}

// driveAgain shows a folder with what is wrong with what was asked for it. A folder
// that is gone itself has no page.
func (h *Handler) driveAgain(w http.ResponseWriter, r *http.Request, folder string, v drivePage, err error) error {
	if !shown(err) {
		return err
	}
	n, gone := h.ownFolder(r, folder)
	if gone != nil {
		return err
	}
	var status int
	status, v.Problem = h.failedIn(w, r, err)
	v.Problem += v.Partly
	return h.drive(w, r, status, n, v)
}

// MakeFolder answers POST /account/folders.
func (h *Handler) MakeFolder(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	into, err := h.ownFolder(r, form.Get("folder"))
	if err != nil {
		return err
	}
	name, err := typedName(form.Get("name"))
	if err == nil {
		_, err = h.core.MakeSubfolder(r.Context(), objectv1.MakeSubfolderRequest{Principal: dialect.CallOf(r).Caller.Principal, ParentID: into.NodeID, Name: name})
	}
	if err != nil {
		return h.driveAgain(w, r, form.Get("folder"), drivePage{Form: "new", Typed: form.Get("name")}, err)
	}
	return goTo(w, withQuery(drivePath(into.Number), "did", "made"))
}

// trashPage is what lies in the trash.
type trashPage struct {
	frame
	inWords
	Nodes           []nodeView
	Next            string
	Paged           bool
	Notice, Problem string
}

// ShowTrash answers GET /account/trash.
func (h *Handler) ShowTrash(w http.ResponseWriter, r *http.Request) error {
	return h.trash(w, r, http.StatusOK, trashPage{})
}

func (h *Handler) trash(w http.ResponseWriter, r *http.Request, status int, v trashPage) error {
	c := dialect.CallOf(r)
	after := ""
	if r.Method != http.MethodPost {
		after = r.URL.Query().Get("after")
	}
	l, err := h.core.ListTrash(r.Context(), objectv1.ListTrashRequest{Principal: c.Caller.Principal, After: after, Limit: pageOfNodes})
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v.frame = h.hostingFrame(r, "", "manager.js")
	v.Title = v.T("Trash")
	if v.Notice == "" {
		v.Notice = v.T(driveNotice(r))
	}
	for _, n := range l.Nodes {
		if n.Trashed != nil {
			v.Nodes = append(v.Nodes, nodeViewOf(c.BaseURL, n))
		}
	}
	if v.Paged = after != ""; l.Next != "" {
		v.Next = withQuery("/account/trash", "after", l.Next)
	}
	if r.Method == http.MethodPost {
		v.Canonical = "/account/trash"
	}
	return h.render(w, status, "trash", v)
}

// placesPage is where a folder is chosen that something comes into.
type placesPage struct {
	frame
	inWords
	Do     string // move or copy
	Nodes  []string
	From   string // the folder that the page before was of
	Folder nodeView
	Crumbs []nodeView
	Places []placeView
	Next   string
}

// placeView is a folder that may be chosen.
type placeView struct {
	nodeView
	Link string // to look into it; empty: it is what is to be moved
}

// Root reports whether the folder is the drive itself.
func (v placesPage) Root() bool { return v.Folder.NodeID == "" }

// Place is the page's address for another folder.
func (v placesPage) Place(number int64) string {
	q := url.Values{"do": {v.Do}, "ids": {joined(v.Nodes)}, "from": {v.From}}
	if number != 0 {
		q.Set("to", strconv.FormatInt(number, 10))
	}
	return "/account/place?" + q.Encode()
}

// ShowPlaces answers GET /account/place.
func (h *Handler) ShowPlaces(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := placesPage{Do: q.Get("do"), From: q.Get("from")}
	var err error
	if v.Nodes, err = parted(q.Get("ids")); err != nil {
		return err
	}
	if v.Do != doMove && v.Do != doCopy {
		return errWhatToDo
	}
	n, err := h.ownFolder(r, q.Get("to"))
	if err != nil {
		return err
	}
	by := dialect.CallOf(r).Caller
	l, err := h.core.ListChildren(r.Context(), objectv1.ListChildrenRequest{Principal: by.Principal, FolderID: n.NodeID, Kind: objectv1.KindFolder, After: q.Get("after"), Limit: pageOfNodes})
	if err != nil {
		return folderGone(err)
	}
	v.frame, v.Folder = h.hostingFrame(r, ""), nodeViewOf("", n)
	v.Title = v.T("Move to")
	if v.Do == doCopy {
		v.Title = v.T("Copy to")
	}
	if v.Crumbs, _, err = h.crumbs(r, n); err != nil {
		return err
	}
	v.fill(l)
	return h.render(w, http.StatusOK, "places", v)
}

func (v *placesPage) fill(l objectv1.ListChildrenResponse) {
	moved := map[string]bool{}
	for _, id := range v.Nodes {
		moved[id] = v.Do == doMove
	}
	for _, n := range l.Nodes {
		p := placeView{nodeView: nodeViewOf("", n)}
		if !moved[n.NodeID] {
			p.Link = v.Place(n.Number)
		}
		v.Places = append(v.Places, p)
	}
	if l.Next != "" {
		v.Next = withQuery(v.Place(v.Folder.Number), "after", l.Next)
	}
}

// ownNode finds a node of the caller's by its id.
func (h *Handler) ownNode(r *http.Request, id string) (objectv1.DriveNode, error) {
	if !nodeForm.MatchString(id) {
		return objectv1.DriveNode{}, core.ErrNoFile
	}
	n, err := h.core.FindNode(r.Context(), objectv1.FindNodeRequest{Principal: dialect.CallOf(r).Caller.Principal, NodeID: id})
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return n, core.ErrNoFile.Because(err)
	}
	if err == nil {
		about(r, n)
	}
	return n, err //nolint:wrapcheck // it says what was being done
}
