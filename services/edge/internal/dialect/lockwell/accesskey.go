package lockwell

import (
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// ListAccessKeys answers GET /account/access-keys.
func (h *Handler) ListAccessKeys(w http.ResponseWriter, r *http.Request) error {
	keys, err := h.core.ListAccessKeys(r.Context(), dialect.CallOf(r).Caller)
	if err != nil {
		return err
	}
	out := wireAccessKeys{AccessKeys: make([]wireAccessKey, len(keys))}
	for i, k := range keys {
		out.AccessKeys[i] = accessKeyToWire(k)
	}
	return dialect.WriteJSON(w, http.StatusOK, out)
}

// CreateAccessKey answers POST /account/access-keys.
func (h *Handler) CreateAccessKey(w http.ResponseWriter, r *http.Request) error {
	var body wireNewAccessKey
	if err := readBody(r, &body); err != nil {
		return err
	}
	if len(body.Scopes) == 0 {
		return fault.ErrInvalid.Msgf("scopes is needed: one or more of read, write, delete, admin")
	}
	for _, s := range body.Scopes {
		switch s {
		case authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin:
		default:
			return fault.ErrInvalid.Msgf("there is no scope %.32q; the scopes are read, write, delete, admin", s)
		}
	}
	if body.ExpiresAt != nil && !body.ExpiresAt.After(h.now()) {
		return fault.ErrInvalid.Msgf("expiresAt has passed already")
	}
	k, err := h.core.CreateAccessKey(r.Context(), dialect.CallOf(r).Caller, authv1.Grant{Scopes: body.Scopes, Buckets: body.Buckets, Prefixes: body.Prefixes}, body.ExpiresAt)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", dialect.CallOf(r).BaseURL+"/api/v1/account/access-keys/"+k.ID)
	out := accessKeyToWire(k.AccessKey)
	out.SecretKey = k.Secret
	return dialect.WriteJSON(w, http.StatusCreated, out)
}

// RevokeAccessKey answers DELETE /account/access-keys/{id}.
func (h *Handler) RevokeAccessKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !keyID.MatchString(id) {
		return authv1.ErrKeyNotFound
	}
	if err := h.core.RevokeAccessKey(r.Context(), dialect.CallOf(r).Caller, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
