package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// What is done with what is selected.
const (
	doMove    = "move"
	doCopy    = "copy"
	doTrash   = "trash"
	doRestore = "restore"
	doPurge   = "purge"
)

const (
	// fieldNode stands before a node's id in the name of its check box.
	fieldNode = "node."
	// maxSelected bounds how many nodes one form changes.
	maxSelected = 2 * pageOfNodes
	maxNodeName = 255 // bytes
	// maxNodeForm bounds a form with texts that describe a node, bytes: in a form some
	// characters are three.
	maxNodeForm = 40 << 10
)

// nodeForm is the form of node ids, so that nothing else is looked up.
var nodeForm = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// The refusals of what is asked for files and folders.
var (
	errNothing  = fault.ErrInvalid.Msgf("nothing is selected")
	errTooMany  = fault.ErrInvalid.Msgf("too much is selected at once")
	errWhatToDo = fault.ErrInvalid.Msgf("the form does not say what to do")
	errBadName  = fault.ErrInvalid.Msgf("a name has 1 to 255 bytes, no slash and no control characters")
)

// typedName is a name as somebody typed it, without the spaces around it.
func typedName(text string) (string, error) {
	name := strings.TrimSpace(text)
	if name == "" || name == "." || name == ".." || len(name) > maxNodeName || strings.Contains(name, "/") || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", errBadName
	}
	return name, nil
}

// parted reads a list of node ids.
func parted(text string) ([]string, error) {
	var ids []string
	for id := range strings.SplitSeq(text, ",") {
		if id == "" {
			continue
		}
		if !nodeForm.MatchString(id) {
			return nil, core.ErrNoFile
		}
		ids = append(ids, id)
	}
	return checkSelected(ids)
}

func joined(ids []string) string { return strings.Join(ids, ",") }

// selected are the ids whose boxes are checked, in no order of their own.
func selected(form url.Values) ([]string, error) {
	var ids []string
	for name := range form {
		id, ok := strings.CutPrefix(name, fieldNode)
		if !ok {
			continue
		}
		if !nodeForm.MatchString(id) {
			return nil, core.ErrNoFile
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return checkSelected(ids)
}

func checkSelected(ids []string) ([]string, error) {
	switch {
	case len(ids) == 0:
		return nil, errNothing
	case len(ids) > maxSelected:
		return nil, errTooMany
	}
	return ids, nil
}

// ChangeSelected answers POST /account/selected: what is checked is changed
// one by one; the first that cannot be ends it.
func (h *Handler) ChangeSelected(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	do, folder := form.Get("do"), form.Get("folder")
	ids, err := selected(form)
	if err == nil && (do == doMove || do == doCopy) && !form.Has("to") {
		q := url.Values{"do": {do}, "ids": {joined(ids)}, "from": {folder}, "to": {folder}}
		return goTo(w, "/account/place?"+q.Encode())
	}
	var change func(id string) error
	if err == nil {
		change, err = h.changeOf(r, do, form.Get("to"))
	}
	partly := ""
	for i, id := range ids {
		if err != nil {
			break
		}
		if err = change(id); err != nil && i > 0 {
			partly = " " + h.wordsFor(r).T("%d of %d are done.", i, len(ids))
		}
	}
	inTrash := do == doRestore || do == doPurge
	switch {
	case err != nil && inTrash:
		return h.trashAgain(w, r, partly, err)
	case err != nil:
		return h.driveAgain(w, r, folder, drivePage{Partly: partly}, err)
	case inTrash:
		return goTo(w, withQuery("/account/trash", "did", done(do)))
	}
	return goTo(w, withQuery(drivePath(numberOf(folder)), "did", done(do)))
}

// done is what a form did, as driveNotice knows it.
func done(do string) string {
	return map[string]string{doMove: "moved", doCopy: "copied", doTrash: "trashed", doRestore: "restored", doPurge: "purged"}[do]
}

// changeOf gives what is done with each node.
func (h *Handler) changeOf(r *http.Request, do, to string) (func(id string) error, error) {
	ctx, p, from := r.Context(), dialect.CallOf(r).Caller.Principal, origin(r)
	name := func(id string) objectv1.DriveNodeRequest {
		return objectv1.DriveNodeRequest{Principal: p, NodeID: id, Origin: from}
	}
	switch do {
	case doTrash:
		return func(id string) error { _, err := h.core.TrashNode(ctx, name(id)); return err }, nil
	case doRestore:
		return func(id string) error { _, err := h.core.RestoreNode(ctx, name(id)); return err }, nil
	case doPurge:
		return func(id string) error { return h.core.PurgeNode(ctx, name(id)) }, nil
	case doMove, doCopy:
		target, err := h.ownFolder(r, to)
		if err != nil {
			return nil, err
		}
		if do == doCopy {
			return func(id string) error {
				_, err := h.core.CopyFile(ctx, objectv1.CopyFileRequest{Principal: p, NodeID: id, FolderID: target.NodeID, Origin: from})
				return err
			}, nil
		}
		return func(id string) error {
			_, err := h.core.ChangeNode(ctx, objectv1.ChangeNodeRequest{Principal: p, NodeID: id, ParentID: &target.NodeID, Rename: true, Origin: from})
			return err
		}, nil
	}
	return nil, errWhatToDo
}

// trashAgain shows the trash with what is wrong.
func (h *Handler) trashAgain(w http.ResponseWriter, r *http.Request, partly string, err error) error {
	if !shown(err) {
		return err
	}
	var v trashPage
	var status int
	status, v.Problem = h.failedIn(w, r, err)
	v.Problem += partly
	return h.trash(w, r, status, v)
}

// nodePage is a file or folder for its owner.
type nodePage struct {
	frame
	inWords
	Node                  nodeView
	Form                  string // whose the problem is
	Notice, Problem       string
	Typed                 string
	Keywords, Description string
	BBCode, HTML          string
	Lockr                 string // the file's page with phrase and signed link
}

// ShowNode answers GET /account/nodes/{id}.
func (h *Handler) ShowNode(w http.ResponseWriter, r *http.Request) error {
	n, err := h.ownNode(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	return h.node(w, r, http.StatusOK, n, nodePage{})
}

func (h *Handler) node(w http.ResponseWriter, r *http.Request, status int, n objectv1.DriveNode, v nodePage) error {
	v.frame = h.hostingFrame(r, n.Name)
	if v.Notice == "" {
		v.Notice = v.T(driveNotice(r))
	}
	v.Node = nodeViewOf(dialect.CallOf(r).BaseURL, n)
	if v.Form != formName {
		v.Typed, v.Keywords, v.Description = n.Name, n.Keywords, n.Description
	}
	if r.Method == http.MethodPost {
		v.Canonical = "/account/nodes/" + n.NodeID
	}
	if !n.Folder {
		v.BBCode, v.HTML = shareCodes(v.Node)
	}
	if n.Object != nil && n.Object.File != nil {
		v.Lockr = "/account/files/" + core.FileIDOf(*n.Object.File).String()
	}
	return h.render(w, status, "node", v)
}

// The forms of a node's page.
const (
	formName    = "name"
	formSharing = "sharing"
)

func (h *Handler) nodeAgain(w http.ResponseWriter, r *http.Request, n objectv1.DriveNode, v nodePage, err error) error {
	if !shown(err) {
		return err
	}
	var status int
	status, v.Problem = h.failedIn(w, r, err)
	return h.node(w, r, status, n, v)
}

// SaveNode answers POST /account/nodes/{id}. A text that the form does not have
// stays; with "from" it came from the list, which follows again.
func (h *Handler) SaveNode(w http.ResponseWriter, r *http.Request) error {
	form, err := readFormOf(r, maxNodeForm, map[string]int{"keywords": objectv1.MaxNodeText, "description": objectv1.MaxNodeText})
	if err != nil {
		return err
	}
	n, err := h.ownNode(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	change := objectv1.ChangeNodeRequest{Principal: dialect.CallOf(r).Caller.Principal, NodeID: n.NodeID, Origin: origin(r)}
	if typed := form.Get("name"); typed != n.Name { // other dialects take names that are refused here
		var name string
		name, err = typedName(typed)
		change.Name = &name
	}
	if !n.Folder {
		change.Keywords, change.Description = given(form, "keywords"), given(form, "description")
	}
	if err == nil {
		_, err = h.core.ChangeNode(r.Context(), change)
	}
	fromList := form.Has("from")
	switch {
	case err != nil && fromList:
		return h.driveAgain(w, r, fmt.Sprint(n.ParentNumber), drivePage{}, err)
	case err != nil:
		return h.nodeAgain(w, r, n, nodePage{Form: formName, Typed: form.Get("name"), Keywords: form.Get("keywords"), Description: form.Get("description")}, err)
	case fromList:
		return goTo(w, withQuery(drivePath(n.ParentNumber), "did", "saved")+"#n-"+n.NodeID)
	}
	return goTo(w, "/account/nodes/"+n.NodeID+"?did=saved")
}

// given is a field that is there.
func given(form url.Values, name string) *string {
	if !form.Has(name) {
		return nil
	}
	text := strings.ReplaceAll(form.Get(name), "\r\n", "\n")
	return &text
}

// ShareFolder answers POST /account/nodes/{id}/sharing. An empty password leaves
// the one that there is.
func (h *Handler) ShareFolder(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	n, err := h.ownNode(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	change := objectv1.ChangeNodeRequest{Principal: dialect.CallOf(r).Caller.Principal, NodeID: n.NodeID, Origin: origin(r)}
	if err = h.sharing(form, &change); err == nil {
		_, err = h.core.ChangeNode(r.Context(), change)
	}
	if err != nil {
		return h.nodeAgain(w, r, n, nodePage{Form: formSharing}, err)
	}
	return goTo(w, "/account/nodes/"+n.NodeID+"?did=saved#sharing")
}

// sharing reads the form of a folder's sharing.
func (h *Handler) sharing(form url.Values, into *objectv1.ChangeNodeRequest) error {
	visibility, ok := map[string]objectv1.Visibility{"private": objectv1.VisibilityPrivate, "unlisted": objectv1.VisibilityUnlisted, "public": objectv1.VisibilityPublic}[form.Get("visibility")]
	if !ok {
		return fault.ErrInvalid.Msgf("a folder is private, unlisted or public")
	}
	into.Visibility = &visibility
	password, none := form.Get("password"), form.Has("no_password")
	if password != "" && none {
		return fault.ErrInvalid.Msgf("a new password and none at all do not fit together")
	}
	if password == "" && !none {
		return nil
	}
	md5 := ""
	if password != "" {
		md5 = folderMD5(password)
	}
	hash, err := h.core.FolderPassword(md5)
	into.PasswordHash = &hash
	return err //nolint:wrapcheck // it says what is wrong
}
