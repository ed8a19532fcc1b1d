package plik

import (
	"errors"
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

var errNoToken = fault.New(fault.NotFound, "plik.token_not_found", "token not found")

// wireToken is a token (plik-wire.md 4.5).
type wireToken struct {
	Token     string    `json:"token"`
	Comment   string    `json:"comment,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// ListTokens answers GET /me/token. The tokens show themselves each time.
func (h *Handler) ListTokens(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	l, err := h.core.ListPlikTokens(r.Context(), callerOf(r), page)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	results := make([]wireToken, len(l.Tokens))
	for i, t := range l.Tokens {
		results[i] = wireToken{Token: t.Secret, Comment: t.Name, CreatedAt: t.CreatedAt.UTC()}
	}
	return answerPrivate(w, wirePage{place: placeOf(l.Place), Results: results, Total: l.Place.Total})
}

// CreateToken answers POST /me/token. The token is the server's, whatever the body
// says of one.
func (h *Handler) CreateToken(w http.ResponseWriter, r *http.Request) error {
	raw, err := bodyOf(r)
	if err != nil {
		return err
	}
	var body struct {
		Comment string `json:"comment"`
	}
	if !empty(raw) {
		if err := decode(raw, &body); err != nil {
			return unusable(err)
		}
	}
	t, err := h.core.CreatePlikToken(r.Context(), callerOf(r), body.Comment)
	if err != nil {
		return prefixed("unable to create token : ", err)
	}
	return answerPrivate(w, wireToken{Token: t.Token, Comment: t.Name, CreatedAt: t.CreatedAt.UTC()})
}

// RevokeToken answers DELETE /me/token/{token}. Uploads made with it stay.
func (h *Handler) RevokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.RevokePlikToken(r.Context(), callerOf(r), r.PathValue("token")); err != nil {
		return tokenError(err)
	}
	return answerText(w, "ok")
}

// tokenError words what went wrong where a token was named.
func tokenError(err error) error {
	if errors.Is(err, authv1.ErrTokenNotFound) {
		return errNoToken
	}
	return err
}

// prefixed puts Plik's words in front of what refused a request; what is wrong
// with the system stays as it is.
func prefixed(words string, err error) error {
	f := fault.From(err)
	switch f.Kind {
	case fault.Invalid, fault.Conflict, fault.TooLarge:
		return f.Msgf("%s%s", words, f.Message)
	}
	return err
}
