package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// filePage is the page of a file for its owner.
type filePage struct {
	frame
	File            fileView
	Notice, Problem string
	SignedURL       string
	SignedFor       time.Duration
	SignedUntil     time.Time
}

// ShowFile answers GET /account/files/{id}.
func (h *Handler) ShowFile(w http.ResponseWriter, r *http.Request) error {
	return h.file(w, r, http.StatusOK, filePage{Notice: notice(r)})
}

func (h *Handler) file(w http.ResponseWriter, r *http.Request, status int, v filePage) error {
	c := dialect.CallOf(r)
	o, err := h.core.File(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	if !core.Owns(c.Caller, *o.File) {
		return core.ErrNoFile
	}
	v.frame, v.File = h.frameOf(r, o.File.Name), viewOf(o, c.BaseURL)
	l, ends := h.core.SignLink(o.File.NodeID)
	v.SignedURL = fmt.Sprintf("%s/api/v1/download/%s?expires=%d&signature=%s", c.BaseURL, v.File.ID, l.Expires, l.Signature)
	v.SignedFor, v.SignedUntil = h.core.LinkLife, ends
	return h.render(w, status, "file", v)
}

// fileAgain shows a file's page with what is wrong with one of its forms.
func (h *Handler) fileAgain(w http.ResponseWriter, r *http.Request, err error) error {
	if !shown(err) || errors.Is(err, core.ErrNoFile) {
		return err
	}
	status, text := failed(w, r, err)
	return h.file(w, r, status, filePage{Problem: text})
}

// SetFileKey answers POST /account/files/{id}/key; an empty phrase clears it.
func (h *Handler) SetFileKey(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	hash, did := "", "unkeyed"
	if phrase := form.Get("key"); phrase != "" {
		if hash, err = core.PhraseHash(phrase); err != nil {
			return h.fileAgain(w, r, err)
		}
		did = "key"
	}
	o, err := h.core.SetFileKey(r.Context(), dialect.CallOf(r).Caller, r.PathValue("id"), hash)
	if err != nil {
		return h.fileAgain(w, r, err)
	}
	return goTo(w, "/account/files/"+core.FileIDOf(*o.File).String()+"?did="+did)
}

// DeleteFile answers POST /account/files/{id}/delete.
func (h *Handler) DeleteFile(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.DeleteFile(r.Context(), dialect.CallOf(r).Caller, r.PathValue("id"), origin(r)); err != nil {
		return h.fileAgain(w, r, err)
	}
	return goTo(w, "/account?did=file")
}

// RegisterFile answers POST /account/register.
func (h *Handler) RegisterFile(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	o, err := h.core.RegisterFile(r.Context(), dialect.CallOf(r).Caller, form.Get("id"), origin(r))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return goTo(w, "/account/files/"+core.FileIDOf(*o.File).String()+"?did=registered")
}

// origin is where a change came from, for its event.
func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "pages"}
}
