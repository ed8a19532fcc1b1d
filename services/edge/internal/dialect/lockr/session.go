package lockr

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// headerOverride carries the method of clients that can send few (tus 1.0.0).
const headerOverride = "X-Http-Method-Override"

// sessionSecret is the form of a session's secret.
var sessionSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// CreateSession answers POST /api/v1/upload/session.
func (h *Handler) CreateSession(w http.ResponseWriter, r *http.Request) error {
	by, err := h.uploader(r)
	if err != nil {
		return err
	}
	var body wireNewSession
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	in := uploadv1.CreateSessionRequest{Size: -1, Origin: origin(r)}
	if body.Size != nil {
		if in.Size = *body.Size; in.Size < 0 {
			return fault.ErrInvalid.Msgf("size is a number of bytes; leave it out where it is not known")
		}
	}
	if body.Name == "" {
		return fault.ErrInvalid.Msgf("name is needed")
	}
	if in.Key, err = cleanName(body.Name); err != nil {
		return err
	}
	if in.Region, err = regionOf(r.Header); err != nil {
		return err
	}
	if in.Metadata.ContentType, err = checkType(body.Type); err != nil {
		return err
	}
	keyHash, err := body.hash()
	if err != nil {
		return err
	}
	s, err := h.createSession(r, by, keyHash, in)
	if err != nil {
		return err
	}
	wire := newSessionToWire(r, s)
	w.Header().Set("Location", wire.UploadURL)
	return answer(w, http.StatusCreated, wire)
}

func (h *Handler) createSession(r *http.Request, by core.Caller, keyHash string, in uploadv1.CreateSessionRequest) (uploadv1.CreatedSession, error) {
	dialect.CallOf(r).Bucket, dialect.CallOf(r).Key = objectv1.DriveBucket, in.Key
	return h.core.CreateSession(r.Context(), by, keyHash, in) //nolint:wrapcheck // it says what was being done
}

// PutSession answers PUT /api/v1/upload/session/{secret}.
func (h *Handler) PutSession(w http.ResponseWriter, r *http.Request) error { return h.onSession(w, r) }

// PatchSession answers PATCH /api/v1/upload/session/{secret}.
func (h *Handler) PatchSession(w http.ResponseWriter, r *http.Request) error {
	return h.onSession(w, r)
}

// HeadSession answers HEAD /api/v1/upload/session/{secret}.
func (h *Handler) HeadSession(w http.ResponseWriter, r *http.Request) error { return h.onSession(w, r) }

// PostSession answers POST /api/v1/upload/session/{secret}.
func (h *Handler) PostSession(w http.ResponseWriter, r *http.Request) error { return h.onSession(w, r) }

// DeleteSession answers DELETE /api/v1/upload/session/{secret}.
func (h *Handler) DeleteSession(w http.ResponseWriter, r *http.Request) error {
	return h.onSession(w, r)
}

// onSession finds out which protocol a request to a session's URL speaks, and
// what it wants: with Tus-Resumable it is tus, otherwise Google's. The URL is
// the capability, whoever has it.
func (h *Handler) onSession(w http.ResponseWriter, r *http.Request) error {
	openToPages(w.Header())
	secret := r.PathValue("secret")
	if !sessionSecret.MatchString(secret) {
		return uploadv1.ErrSessionGone
	}
	method, err := methodOf(r)
	if err != nil {
		return err
	}
	tus, err := tusVersion(w, r, method == http.MethodPatch && r.Header.Get(headerUploadOffset) != "")
	if err != nil {
		return err
	}
	switch {
	case method == http.MethodDelete:
		return h.cancelSession(w, r, secret)
	case method == http.MethodHead:
		return h.tusState(w, r, secret)
	case tus && method == http.MethodPatch:
		return h.tusPatch(w, r, secret)
	case tus:
		w.Header().Set("Allow", "DELETE, HEAD, OPTIONS, PATCH, POST")
		return dialect.ErrMethodNotAllowed
	}
	return h.putPiece(w, r, secret)
}

// methodOf reads X-HTTP-Method-Override. A request that looks as if it changed
// nothing cannot become one that does: it passed by what only changes pass.
func methodOf(r *http.Request) (string, error) {
	v := strings.ToUpper(r.Header.Get(headerOverride))
	switch {
	case v == "" || v == r.Method:
		return r.Method, nil
	case r.Method == http.MethodHead:
		return "", fault.ErrInvalid.Msgf("%s does not go with HEAD", headerOverride)
	}
	switch v {
	case http.MethodHead, http.MethodPatch, http.MethodPut, http.MethodPost, http.MethodDelete:
		return v, nil
	}
	return "", fault.ErrInvalid.Msgf("%s names no method of this URL", headerOverride)
}

// putPiece takes bytes, or a question, as Google's sessions do.
func (h *Handler) putPiece(w http.ResponseWriter, r *http.Request, secret string) error {
	cr, ranged, err := contentRangeOf(r.Header)
	if err != nil {
		return err
	}
	var s uploadv1.Session
	switch {
	case ranged && cr.query():
		if err := noBody(r); err != nil {
			return err
		}
		s, err = h.core.SessionState(r.Context(), secret, cr.total)
	case ranged && r.ContentLength >= 0 && r.ContentLength != cr.length():
		return errContentRange.Msgf("Content-Range tells of %d bytes, Content-Length of %d", cr.length(), r.ContentLength)
	case ranged:
		s, err = h.core.WriteSession(r.Context(), transfer.Piece{Secret: secret, Offset: cr.first, Length: cr.length(), Size: cr.total, Body: r.Body})
	default:
		s, err = h.core.WriteSession(r.Context(), transfer.Piece{Secret: secret, Length: r.ContentLength, Size: -1, Body: r.Body, Whole: true})
	}
	audited(r, s)
	if err != nil {
		return pieceFault(err)
	}
	if s.Result != nil {
		return answerFile(w, r, http.StatusCreated, *s.Result)
	}
	return answerIncomplete(w, r, s)
}

// noBody refuses a question that brings bytes: they would be lost.
func noBody(r *http.Request) error {
	var one [1]byte
	if n, err := io.ReadFull(r.Body, one[:]); n > 0 {
		return errContentRange.Msgf("bytes */TOTAL asks for the state and has no body")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

// answerIncomplete tells what is durable: 308, or 200 for clients that take 308
// for an error (X-GUploader-No-308).
func answerIncomplete(w http.ResponseWriter, r *http.Request, s uploadv1.Session) error {
	head := w.Header()
	if s.Offset > 0 {
		head.Set("Range", fmt.Sprintf("bytes=0-%d", s.Offset-1))
	}
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Length", "0")
	status := http.StatusPermanentRedirect
	if strings.EqualFold(r.Header.Get("X-Guploader-No-308"), "yes") {
		head.Set("X-Http-Status-Code-Override", strconv.Itoa(status))
		status = http.StatusOK
	}
	w.WriteHeader(status)
	return nil
}

// cancelSession gives the session up, in either protocol.
func (h *Handler) cancelSession(w http.ResponseWriter, r *http.Request, secret string) error {
	if err := h.core.CancelSession(r.Context(), secret); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// audited notes whose session it was; the request itself names nobody.
func audited(r *http.Request, s uploadv1.Session) {
	if s.ID != "" {
		c := dialect.CallOf(r)
		c.AccountID, c.Bucket, c.Key = s.AccountID, s.Bucket, s.Key
	}
}

// pieceFault corrects what is said of bodies that break off: of a session's,
// what arrived is kept.
func pieceFault(err error) error {
	for _, f := range []*fault.Error{dialect.ErrIncompleteBody, dialect.ErrSlowBody} {
		if errors.Is(err, f) {
			return f.Msgf("the body broke off; what arrived is kept: ask how far the upload is, and go on from there").Because(err)
		}
	}
	if errors.Is(err, transfer.ErrLongBody) {
		return errContentRange.Msgf("the body is longer than Content-Range says").Because(err)
	}
	if errors.Is(err, uploadv1.ErrSessionBusy) && fault.From(err).RetryAfter == 0 {
		return fault.From(err).After(uploadv1.SessionLeaseTime) // another writer came while we wrote
	}
	return err
}
