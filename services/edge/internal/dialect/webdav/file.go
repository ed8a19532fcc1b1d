package webdav

import (
	"errors"
	"net/http"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	allowed    = "COPY, DELETE, GET, HEAD, LOCK, MKCOL, MOVE, OPTIONS, PROPFIND, PROPPATCH, PUT, UNLOCK"
	compliance = "1, 2"
)

// Options answers OPTIONS; it says the same of everything, to everybody.
func (h *Handler) Options(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Dav", compliance)
	w.Header().Set("Ms-Author-Via", "DAV")
	w.Header().Set("Allow", allowed)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// GetFile answers GET and HEAD with a file's bytes.
func (h *Handler) GetFile(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if at.fixed() {
		return errFolderThere
	}
	n, err := h.core.StatNode(r.Context(), principal(r), at.path)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	if n.Folder || n.Object == nil {
		return errFolderThere
	}
	head := w.Header()
	if sums := checksums(*n.Object); sums != "" {
		head.Set(headerChecksum, sums)
	}
	// What somebody stored never acts as a page of ours.
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "sandbox")
	head.Set("Cache-Control", "private, no-cache")
	return h.core.SendNode(w, r, n, typeOf(n)) //nolint:wrapcheck // it says what was being done
}

// PutFile answers PUT: 201 for a new file, 204 for a new content.
func (h *Handler) PutFile(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if at.fixed() {
		return errFolderThere
	}
	in, err := readPut(r, at)
	if err != nil {
		return err
	}
	if err := h.mayChange(r, at, change{at: at, member: true}); err != nil {
		return err
	}
	before, err := h.core.StatNode(r.Context(), in.Principal, at.path)
	there := err == nil
	if err := puttable(before, err); err != nil {
		return err
	}
	stored, err := h.core.PutObject(r.Context(), in)
	if err != nil {
		return newcomer(err)
	}
	head := w.Header()
	head.Set("ETag", stored.ETag)
	head.Set("Oc-Etag", stored.ETag)
	if stored.File != nil {
		head.Set("Oc-Fileid", stored.File.NodeID)
	}
	if in.File.ModTime != nil {
		head.Set(headerModTime, "accepted")
	}
	return made(w, !there)
}

// readPut reads the headers of a PUT.
func readPut(r *http.Request, at target) (transfer.Put, error) {
	in := transfer.Put{
		Principal: principal(r), Bucket: objectv1.DriveBucket, Key: at.path, Size: r.ContentLength, Body: r.Body, Origin: origin(r),
		Metadata: objectv1.Metadata{ContentType: contentType(r.Header)},
		Keep:     []blob.Algorithm{blob.SHA1, blob.MD5},
		File:     &objectv1.FileOptions{Conflict: objectv1.ConflictReplace},
	}
	if r.Header.Get("Content-Range") != "" {
		return in, errBadHeader.Msgf("a PUT stores whole files: Content-Range is not taken") // RFC 9110, 14.5
	}
	var err error
	if in.File.ModTime, err = modTime(r.Header); err != nil {
		return in, err
	}
	if in.Want, err = wanted(r.Header); err != nil {
		return in, err
	}
	in.Conditions, err = putConditions(r.Header)
	return in, err
}

// puttable looks at what stands where a file is to be.
func puttable(n objectv1.Node, err error) error {
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound):
		return nil
	case err != nil:
		return newcomer(err)
	case n.Folder:
		return errFolderThere
	}
	return nil
}

// newcomer translates what object says of a name that is to be made: what is not
// found then is the folder around it (RFC 4918, 9.3.1 and 9.7.1).
func newcomer(err error) error {
	switch {
	case errors.Is(err, objectv1.ErrNodeNotFound), errors.Is(err, objectv1.ErrNotAFolder):
		return errNoParent.Because(err)
	case errors.Is(err, objectv1.ErrNodeExists):
		return errThere.Because(err)
	}
	return err
}

// made answers 201, or 204 where something was there before.
func made(w http.ResponseWriter, fresh bool) error {
	if fresh {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusCreated)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// MakeFolder answers MKCOL.
func (h *Handler) MakeFolder(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if r.ContentLength != 0 {
		return errNoBody
	}
	if at.fixed() {
		return errThere
	}
	if err := h.mayChange(r, at, change{at: at, member: true}); err != nil {
		return err
	}
	// rclone asks for the folder of each file that it writes: most are there, and
	// finding out costs less than trying.
	_, err = h.core.StatNode(r.Context(), principal(r), at.path)
	if err == nil {
		return errThere
	}
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		err = h.core.MakeFolder(r.Context(), principal(r), at.path)
	}
	if err != nil {
		return newcomer(err)
	}
	return made(w, true)
}

// Remove answers DELETE. A folder goes with everything in it, for as long as the
// client waits; when that breaks off, the rest is there and a repeat goes on.
func (h *Handler) Remove(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if at.fixed() {
		return errFixed
	}
	if depth, err := depthOf(r.Header, depthInfinity); err != nil || depth != depthInfinity && depth != 0 {
		return errBadHeader.Msgf("a DELETE is of all that is in a folder: Depth infinity")
	}
	if err := h.mayChange(r, at, change{at: at, tree: true, member: true}); err != nil {
		return err
	}
	if err := h.removeAll(r, at.path); err != nil {
		return err
	}
	h.locks.forget(dialect.CallOf(r).AccountID, at.path)
	return made(w, false)
}

// worked is after what time a removal that broke off has done some of it.
const worked = time.Second

// removeAll goes on where a removal takes longer than one call.
func (h *Handler) removeAll(r *http.Request, path string) error {
	for again := false; ; again = true {
		began := time.Now()
		err := h.core.RemoveNode(r.Context(), objectv1.RemoveNodeRequest{Principal: principal(r), Path: path, Origin: origin(r)})
		if again && errors.Is(err, objectv1.ErrNodeNotFound) {
			return nil
		}
		if kind := fault.KindOf(err); kind != fault.Unavailable && kind != fault.Timeout || time.Since(began) < worked || r.Context().Err() != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
	}
}
