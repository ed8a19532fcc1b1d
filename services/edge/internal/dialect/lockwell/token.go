package lockwell

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const routeMintToken = "MintToken"

// keyID is the form of an access key id. Only that goes into the audit trail:
// anything else in its place might be a secret.
var keyID = regexp.MustCompile(`^LWAK[A-Z2-7]{16}$`)

// MintToken answers POST /auth/token: an access key by Basic or in JSON for a token.
func (h *Handler) MintToken(w http.ResponseWriter, r *http.Request) error {
	var body wireCredentials
	if id, secret, ok := r.BasicAuth(); ok {
		body = wireCredentials{AccessKeyID: id, SecretKey: secret}
	} else if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Basic") {
		return authv1.ErrBadCredentials.Msgf("the Basic credentials cannot be read")
	} else if err := readBody(r, &body); err != nil {
		return err
	}
	c := dialect.CallOf(r)
	if keyID.MatchString(body.AccessKeyID) {
		c.KeyID = body.AccessKeyID
	}
	if body.AccessKeyID == "" || body.SecretKey == "" {
		return authv1.ErrBadCredentials.Msgf("accessKeyId and secretKey are both needed")
	}
	t, err := h.core.MintAccessToken(r.Context(), authv1.MintAccessTokenRequest{KeyID: body.AccessKeyID, Secret: body.SecretKey, Source: c.Source})
	if err != nil {
		return err
	}
	c.AccountID = t.AccountID
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusOK, wireToken{
		AccessToken: t.Token, TokenType: "Bearer",
		ExpiresIn: max(0, int64((t.ExpiresAt.Sub(h.now())+time.Second-1)/time.Second)), ExpiresAt: instant(t.ExpiresAt),
	})
}
