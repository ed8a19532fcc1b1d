package lockwell

import (
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxBearer bounds a credential, in bytes; no token of ours comes near it.
const maxBearer = 8 << 10

// Authenticate implements dialect.Dialect.
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	switch class {
	case dialect.AuthNone:
		return core.Caller{}, nil
	case dialect.AuthSigned:
		return h.fromURL(r)
	}
	token, ok := bearer(r)
	if !ok {
		return core.Caller{}, authv1.ErrBadToken
	}
	isKey := strings.HasPrefix(token, authv1.TokenPrefix)
	switch {
	case isKey:
		return h.core.FromAccessToken(r.Context(), token)
	case class == dialect.AuthAccount:
		return h.core.FromAccountToken(r.Context(), token)
	}
	return core.Caller{}, authv1.ErrBadToken.Msgf("this route takes a bearer token from POST /api/v1/auth/token")
}

// bearer reads the one Authorization header of a request.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxBearer
}

// needs refuses a key without one of the scopes; object decides for all that
// concerns a bucket.
func needs(c core.Caller, scope authv1.Scope) error {
	if c.Principal.KeyID == "" {
		return nil
	}
	for _, s := range c.Principal.Grant.Scopes {
		if s == scope {
			return nil
		}
	}
	return objectv1.ErrAccessDenied
}
