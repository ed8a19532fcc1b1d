package web

import (
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// CreateToken answers POST /account/tokens: the token is on the page that
// follows, and on no other.
func (h *Handler) CreateToken(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	t, err := h.core.CreateToken(r.Context(), dialect.CallOf(r).Caller, strings.TrimSpace(form.Get("name")))
	if err != nil {
		return h.accountAgain(w, r, "tokens", err)
	}
	return h.account(w, r, http.StatusCreated, accountView{NewToken: t.Token})
}

// RevokeToken answers POST /account/tokens/{id}/revoke. The token may be the
// browser's own: the page that follows is the entrance then.
func (h *Handler) RevokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.RevokeToken(r.Context(), dialect.CallOf(r).Caller, r.PathValue("id")); err != nil {
		return h.accountAgain(w, r, "tokens", err)
	}
	return goTo(w, "/account?did=revoked")
}

// browserName is what a browser's session is called in the list of tokens.
func browserName(r *http.Request) string {
	agent := r.UserAgent()
	browser, system := "Browser", ""
	// Browsers claim to be each other; the last claim in this order is the true one.
	for _, b := range []struct{ mark, name string }{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(agent, b.mark) {
			browser = b.name
			break
		}
	}
	for _, s := range []struct{ mark, name string }{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, s.mark) {
			system = " on " + s.name
			break
		}
	}
	return browser + system
}
