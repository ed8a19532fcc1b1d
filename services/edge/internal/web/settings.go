package web

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// SetRegion answers POST /account/region.
func (h *Handler) SetRegion(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if err := h.core.SetRegion(r.Context(), dialect.CallOf(r).Caller, form.Get("region")); err != nil {
		return h.accountAgain(w, r, "region", err)
	}
	return goTo(w, "/account?did=region")
}

// ChangePassword answers POST /account/password.
func (h *Handler) ChangePassword(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if err = needed(form, "current", "new"); err == nil {
		c := dialect.CallOf(r)
		err = h.core.ChangePassword(r.Context(), c.Caller, form.Get("current"), form.Get("new"), c.Source)
	}
	if err != nil {
		return h.accountAgain(w, r, "password", err)
	}
	return goTo(w, "/account?did=password")
}

// DeleteAccount answers POST /account/delete.
func (h *Handler) DeleteAccount(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if err = needed(form, "password"); err == nil {
		c := dialect.CallOf(r)
		err = h.core.DeleteAccount(r.Context(), c.Caller, form.Get("password"), c.Source)
	}
	if err != nil {
		return h.accountAgain(w, r, "delete", err)
	}
	http.SetCookie(w, core.EndedCookie(secure(r)))
	return goTo(w, "/account?did=deleted")
}
