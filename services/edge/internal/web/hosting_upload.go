package web

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxMediaType bounds a file's type, bytes.
const maxMediaType = 255

// begunJSON is what the uploader goes on with.
type begunJSON struct {
	UploadURL string `json:"uploadUrl"` // a path
	ExpiresAt string `json:"expiresAt"`
}

// BeginUpload answers POST /account/uploads, to a script.
func (h *Handler) BeginUpload(w http.ResponseWriter, r *http.Request) error {
	s, err := h.beginUpload(r)
	if err != nil {
		if !shown(err) {
			return err
		}
		status, text := h.failedIn(w, r, err) // somebody reads it on the page
		return problemAsJSON(w, status, text, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusCreated, begunJSON{ //nolint:wrapcheck // it says what was being done
		UploadURL: "/api/v1/upload/session/" + s.Secret, ExpiresAt: s.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z"),
	})
}

func (h *Handler) beginUpload(r *http.Request) (uploadv1.CreatedSession, error) {
	form, err := readForm(r)
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	in, err := newUpload(form)
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	in.Origin = origin(r)
	c := dialect.CallOf(r)
	if err := h.core.Admission.Upload(c.Caller, c.Source); err != nil {
		return uploadv1.CreatedSession{}, err //nolint:wrapcheck // it says what is wrong
	}
	hash := form.Get("hash")
	if phrase := form.Get("key"); hash == "" && phrase != "" {
		if hash, err = core.PhraseHash(phrase); err != nil {
			return uploadv1.CreatedSession{}, err //nolint:wrapcheck // as above
		}
	}
	c.Bucket, c.Key = objectv1.DriveBucket, in.Key
	return h.core.CreateSession(r.Context(), c.Caller, hash, in) //nolint:wrapcheck // it says what was being done
}

// newUpload reads what the uploader says of a file, and into which folder it goes.
func newUpload(form url.Values) (uploadv1.CreateSessionRequest, error) {
	var in uploadv1.CreateSessionRequest
	size, err := strconv.ParseInt(form.Get("size"), 10, 64)
	name, ok := core.CleanFileName(form.Get("name"))
	switch {
	case err != nil || size < 0:
		return in, fault.ErrInvalid.Msgf("size is a number of bytes")
	case form.Get("name") == "" || !ok:
		return in, fault.ErrInvalid.Msgf("name is needed")
	}
	folder := form.Get("folder")
	if folder != "" && !nodeForm.MatchString(folder) {
		return in, errNoFolder
	}
	in = uploadv1.CreateSessionRequest{Size: size, Key: name, Region: form.Get("region"), File: &objectv1.FileOptions{FolderID: &folder}}
	if _, _, err := mime.ParseMediaType(form.Get("type")); err == nil && len(form.Get("type")) <= maxMediaType {
		in.Metadata.ContentType = form.Get("type")
	}
	return in, nil
}

// CreateKeyPair answers POST /account/keypair: the keys are on the page that
// follows, and on no other.
func (h *Handler) CreateKeyPair(w http.ResponseWriter, r *http.Request) error {
	pair, err := h.core.RotateKeyPair(r.Context(), dialect.CallOf(r).Caller)
	if err != nil {
		return h.accountAgain(w, r, "keypair", err)
	}
	return h.account(w, r, http.StatusCreated, accountView{KeyPair: pair})
}
