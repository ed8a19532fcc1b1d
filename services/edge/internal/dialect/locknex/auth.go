package locknex

import (
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// headerKey carries an account's API key.
const headerKey = "X-Api-Key"

// maxBearer bounds a credential, in bytes; no token of ours comes near it.
const maxBearer = 8 << 10

// Authenticate implements dialect.Dialect: by API key, by account token, by a
// token of an access key, whose scopes core looks at. An address that had too
// many wrong ones waits.
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if class == dialect.AuthNone {
		return core.Caller{}, nil
	}
	source := dialect.CallOf(r).Source
	if err := h.core.Rates.MayTry(source); err != nil {
		return core.Caller{}, err //nolint:wrapcheck // it says what was being done
	}
	switch keys := r.Header.Values(headerKey); {
	case len(keys) > 1:
		return core.Caller{}, authv1.ErrBadToken.Msgf("the request has %d API keys; send one", len(keys))
	case len(keys) == 1 && keys[0] != "":
		return h.core.FromAPIKey(r.Context(), keys[0], source) //nolint:wrapcheck // as above
	}
	token, ok := bearer(r)
	switch {
	case !ok:
		return core.Caller{}, authv1.ErrBadToken.Msgf("this route takes an API key in the header X-API-Key, or a bearer token")
	case strings.HasPrefix(token, authv1.TokenPrefix):
		return h.core.FromAccessToken(r.Context(), token) //nolint:wrapcheck // as above
	}
	return h.core.FromAccountToken(r.Context(), token) //nolint:wrapcheck // as above
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

func callerOf(r *http.Request) core.Caller { return dialect.CallOf(r).Caller }

func baseOf(r *http.Request) string { return dialect.CallOf(r).BaseURL }
