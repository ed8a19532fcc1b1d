package plik

import (
	"net/http"
	"strconv"
)

// GetMe answers GET /me. For an administrator who acts as somebody it is that
// user, with the administrator's rights (plik-wire.md 13.6).
func (h *Handler) GetMe(w http.ResponseWriter, r *http.Request) error {
	a, err := h.core.PlikSelf(r.Context(), callerOf(r))
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	return answerPrivate(w, userToWire(a))
}

// DeleteMe answers DELETE /me.
func (h *Handler) DeleteMe(w http.ResponseWriter, r *http.Request) error {
	by := callerOf(r)
	if err := h.core.DeletePlikUser(r.Context(), by, by.Principal.AccountID); err != nil {
		return userError(err)
	}
	if by.Actor == nil {
		h.clear(w, r)
	}
	return answerText(w, "ok")
}

// RemoveMyUploads answers DELETE /me/uploads.
func (h *Handler) RemoveMyUploads(w http.ResponseWriter, r *http.Request) error {
	n, err := h.core.RemoveMyPliks(r.Context(), callerOf(r), r.URL.Query().Get("token"))
	if err != nil {
		return tokenError(err)
	}
	return answerText(w, strconv.FormatInt(n, 10)+" uploads removed")
}

// answerPrivate answers with what nobody may keep for others.
func answerPrivate(w http.ResponseWriter, v any) error {
	private(w)
	return answerJSON(w, v)
}
