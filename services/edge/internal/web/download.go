package web

import (
	"encoding/hex"
	"errors"
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxImage is the largest image that is shown without being asked for, in bytes.
const maxImage = 25e6

// downloadPage is the page of a file for whoever has the link.
type downloadPage struct {
	frame
	File        fileView
	Kind        string // in a word
	Preview     string // as in core.Preview; empty: none
	Inline      string // where the preview's bytes are
	Locked      bool   // the phrase is needed
	Owned       bool
	CanRegister bool
	Problem     string
}

// ShowDownload answers GET /download/{id}.
func (h *Handler) ShowDownload(w http.ResponseWriter, r *http.Request) error {
	ended(w, r)
	o, err := h.core.File(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return h.render(w, http.StatusOK, "download", h.downloadOf(r, o))
}

func (h *Handler) downloadOf(r *http.Request, o objectv1.Object) downloadPage {
	c := dialect.CallOf(r)
	v := downloadPage{frame: h.frameOf(r, o.File.Name, "download.js"), File: viewOf(o, c.BaseURL), Owned: core.Owns(c.Caller, *o.File), Kind: "file"}
	v.Locked = v.File.HasKey && !v.Owned
	v.CanRegister = o.File.AccountID == objectv1.GuestAccount && loggedIn(c.Caller)
	if !v.Locked && len(o.Composite) == 0 {
		v.File.SHA256 = hex.EncodeToString(o.Digests[blob.SHA256])
	}
	if p := core.PreviewOf(v.File.Type); p.Kind != "" {
		v.Kind = p.Kind
		if p.Kind != "image" || v.File.Size <= maxImage {
			v.Preview, v.Inline = p.Kind, "/api/v1/download/"+v.File.ID+"?inline=1"
		}
	}
	return v
}

// Unlock answers POST /download/{id}: what the page's script does with the
// phrase, for browsers that run none.
func (h *Handler) Unlock(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	o, err := h.core.File(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	hash, err := h.openedBy(r, o, form.Get("key"))
	if err != nil {
		if !shown(err) {
			return err //nolint:wrapcheck // as above
		}
		v := h.downloadOf(r, o)
		var status int
		if status, v.Problem = failed(w, r, err); errors.Is(err, core.ErrWrongKey) {
			v.Problem = "That is not the phrase."
		}
		return h.render(w, status, "download", v)
	}
	return goTo(w, "/api/v1/download/"+core.FileIDOf(*o.File).String()+"?keyHash="+hash)
}

// openedBy gives the keyHash of a phrase that opens the file; wrong ones of an
// address are counted.
func (h *Handler) openedBy(r *http.Request, o objectv1.Object, phrase string) (string, error) {
	c := dialect.CallOf(r)
	if err := h.core.Admission.Key(c.Source); err != nil {
		return "", err //nolint:wrapcheck // it says what was being done
	}
	hash, err := core.PhraseHash(phrase)
	if err != nil {
		return "", err //nolint:wrapcheck // as above
	}
	if err := h.core.MayRead(c.Caller, *o.File, hash, nil); err != nil {
		if errors.Is(err, core.ErrWrongKey) {
			h.core.Admission.WrongKey(c.Source)
		}
		return "", err //nolint:wrapcheck // as above
	}
	return hash, nil
}
