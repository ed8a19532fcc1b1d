package lockwell

import (
	"net/http"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The states of a legal hold on the wire.
const (
	holdOn  = "ON"
	holdOff = "OFF"
)

// maxRetention bounds how far ahead a version may be protected.
const maxRetention = 100 * 365 * 24 * time.Hour

// GetObjectRetention answers GET /buckets/{bucket}/object-retention/{key...}.
func (h *Handler) GetObjectRetention(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	t, err := h.core.GetRetention(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, retentionToWire(t))
}

// SetObjectRetention answers PUT /buckets/{bucket}/object-retention/{key...}.
func (h *Handler) SetObjectRetention(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	var body wireNewRetention
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.RetainUntil == nil {
		return fault.ErrInvalid.Msgf("mode and retainUntil are both needed")
	}
	want, err := h.retention(body.Mode, *body.RetainUntil)
	if err != nil {
		return err
	}
	t, err := h.core.SetRetention(r.Context(), objectv1.SetRetentionRequest{Principal: req.Principal, Bucket: req.Bucket, Key: req.Key, VersionID: req.VersionID, Retention: want})
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, retentionToWire(t))
}

// retention checks what somebody asks for; the past of the version is object's
// to look at.
func (h *Handler) retention(mode string, until time.Time) (objectv1.Retention, error) {
	now := h.now()
	switch {
	case mode != objectv1.Governance && mode != objectv1.Compliance:
		return objectv1.Retention{}, fault.ErrInvalid.Msgf("the mode of a retention is %s or %s", objectv1.Governance, objectv1.Compliance)
	case !until.After(now):
		return objectv1.Retention{}, fault.ErrInvalid.Msgf("a retention must end in the future")
	case until.After(now.Add(maxRetention)):
		return objectv1.Retention{}, fault.ErrInvalid.Msgf("a retention may last 100 years at most")
	}
	return objectv1.Retention{Mode: mode, Until: until.UTC().Truncate(time.Millisecond)}, nil
}

// GetObjectLegalHold answers GET /buckets/{bucket}/object-legal-hold/{key...}.
func (h *Handler) GetObjectLegalHold(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	l, err := h.core.GetLegalHold(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, wireLegalHold{Status: holdStatus(l.On)})
}

// SetObjectLegalHold answers PUT /buckets/{bucket}/object-legal-hold/{key...}.
func (h *Handler) SetObjectLegalHold(w http.ResponseWriter, r *http.Request) error {
	req, err := versionRequest(r)
	if err != nil {
		return err
	}
	var body wireLegalHold
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.Status != holdOn && body.Status != holdOff {
		return fault.ErrInvalid.Msgf("status is needed: %s or %s", holdOn, holdOff)
	}
	l, err := h.core.SetLegalHold(r.Context(), objectv1.SetLegalHoldRequest{Principal: req.Principal, Bucket: req.Bucket, Key: req.Key, VersionID: req.VersionID, On: body.Status == holdOn})
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, wireLegalHold{Status: holdStatus(l.On)})
}

func holdStatus(on bool) string {
	if on {
		return holdOn
	}
	return holdOff
}

// locks reads the headers that protect what a PUT or an upload will make.
func (h *Handler) locks(head http.Header) (*objectv1.Retention, bool, error) {
	mode, hasMode, err := single(head, headerRetentionMode)
	if err != nil {
		return nil, false, err
	}
	until, hasUntil, err := single(head, headerRetainUntil)
	if err != nil {
		return nil, false, err
	}
	hold, hasHold, err := single(head, headerLegalHold)
	if err != nil {
		return nil, false, err
	}
	if hasHold && hold != holdOn && hold != holdOff {
		return nil, false, fault.ErrInvalid.Msgf("%s is %s or %s", headerLegalHold, holdOn, holdOff)
	}
	if !hasMode && !hasUntil {
		return nil, hold == holdOn, nil
	}
	if !hasMode || !hasUntil {
		return nil, false, fault.ErrInvalid.Msgf("%s and %s belong together", headerRetentionMode, headerRetainUntil)
	}
	t, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return nil, false, fault.ErrInvalid.Msgf("%s is a time by RFC 3339", headerRetainUntil)
	}
	ret, err := h.retention(mode, t)
	if err != nil {
		return nil, false, err
	}
	return &ret, hold == holdOn, nil
}
