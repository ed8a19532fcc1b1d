package lockr

import (
	"net/http"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// ListTokens answers GET /api/v1/account/tokens.
func (h *Handler) ListTokens(w http.ResponseWriter, r *http.Request) error {
	l, err := h.core.ListTokens(r.Context(), callerOf(r))
	if err != nil {
		return err
	}
	out := wireTokens{Tokens: make([]wireToken, len(l.Tokens))}
	for i, t := range l.Tokens {
		out.Tokens[i] = tokenToWire(t, l.Current)
	}
	return answer(w, http.StatusOK, out)
}

// CreateToken answers POST /api/v1/account/tokens.
func (h *Handler) CreateToken(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	t, err := h.core.CreateToken(r.Context(), callerOf(r), body.Name)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, wireCreatedToken{wireToken: tokenToWire(t.AccountToken, ""), Token: t.Token, TokenType: "Bearer"})
}

// RevokeToken answers DELETE /api/v1/account/tokens/{id}.
func (h *Handler) RevokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.RevokeToken(r.Context(), callerOf(r), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
