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
	want, err := objectv1.Retention{Mode: body.Mode, Until: *body.RetainUntil}.Check(h.now())
	if err != nil {
		return err
	}
	t, err := h.core.SetRetention(r.Context(), objectv1.SetRetentionRequest{Principal: req.Principal, Bucket: req.Bucket, Key: req.Key, VersionID: req.VersionID, Retention: want})
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, retentionToWire(t))
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
	ret, err := objectv1.Retention{Mode: mode, Until: t}.Check(h.now())
	if err != nil {
		return nil, false, err
	}
	return &ret, hold == holdOn, nil
}
