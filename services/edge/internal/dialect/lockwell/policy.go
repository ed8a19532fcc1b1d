package lockwell

import (
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// GetBucketPolicy answers GET /buckets/{bucket}/policy.
func (h *Handler) GetBucketPolicy(w http.ResponseWriter, r *http.Request) error {
	p, err := h.core.GetPolicy(r.Context(), principal(r), r.PathValue("bucket"))
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, policyToWire(p))
}

// SetBucketPolicy answers PUT /buckets/{bucket}/policy. What statements may say
// is object's to decide.
func (h *Handler) SetBucketPolicy(w http.ResponseWriter, r *http.Request) error {
	var body wirePolicy
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.Statements == nil {
		return fault.ErrInvalid.Msgf("statements is needed; an empty list removes the policy")
	}
	if len(body.Statements) > objectv1.MaxStatements {
		return fault.ErrInvalid.Msgf("a policy may have %d statements at most", objectv1.MaxStatements)
	}
	policy := objectv1.Policy{Statements: make([]objectv1.Statement, len(body.Statements))}
	for i, s := range body.Statements {
		policy.Statements[i] = objectv1.Statement{Effect: s.Effect, Actions: s.Actions, Prefixes: s.Prefixes, AccessKeyIDs: s.AccessKeyIDs}
	}
	p, err := h.core.SetPolicy(r.Context(), principal(r), r.PathValue("bucket"), policy)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, policyToWire(p))
}

// DeleteBucketPolicy answers DELETE /buckets/{bucket}/policy.
func (h *Handler) DeleteBucketPolicy(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.core.SetPolicy(r.Context(), principal(r), r.PathValue("bucket"), objectv1.Policy{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
