package lockwell

import (
	"net/http"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of a bucket's notification configs.
const (
	maxConfigs   = 100
	maxConfigURL = 2048
	maxFilter    = 1024
)

// GetBucketNotifications answers GET /buckets/{bucket}/notifications.
func (h *Handler) GetBucketNotifications(w http.ResponseWriter, r *http.Request) error {
	configs, err := h.core.GetNotifications(r.Context(), principal(r), r.PathValue("bucket"))
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, configsToWire(configs))
}

// SetBucketNotifications answers PUT /buckets/{bucket}/notifications.
func (h *Handler) SetBucketNotifications(w http.ResponseWriter, r *http.Request) error {
	var body wireNotifications
	if err := readBody(r, &body); err != nil {
		return err
	}
	if body.Configs == nil {
		return fault.ErrInvalid.Msgf("configs is needed; an empty list clears the configuration")
	}
	if len(body.Configs) > maxConfigs {
		return fault.ErrInvalid.Msgf("a bucket may have %d configs at most", maxConfigs)
	}
	configs := make([]objectv1.NotificationConfig, len(body.Configs))
	seen := map[string]bool{}
	for i, c := range body.Configs {
		if err := checkConfig(c); err != nil {
			return err
		}
		if c.ID != "" && seen[c.ID] {
			return fault.ErrInvalid.Msgf("two configs have the id %.64q", c.ID)
		}
		seen[c.ID] = true
		configs[i] = objectv1.NotificationConfig{ID: c.ID, Target: "webhook", URL: c.URL, Events: c.Events, Prefix: c.Prefix, Suffix: c.Suffix}
	}
	stored, err := h.core.SetNotifications(r.Context(), principal(r), r.PathValue("bucket"), configs)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, configsToWire(stored))
}

// ClearBucketNotifications answers DELETE /buckets/{bucket}/notifications.
func (h *Handler) ClearBucketNotifications(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.core.SetNotifications(r.Context(), principal(r), r.PathValue("bucket"), []objectv1.NotificationConfig{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// checkConfig looks at the form of one config.
func checkConfig(c wireConfig) error {
	switch {
	case c.Target == "sns", c.Target == "sqs", c.Target == "lambda", strings.HasPrefix(strings.ToLower(c.URL), "arn:"):
		return objectv1.ErrTargetNotImplemented
	case c.Target != "" && c.Target != "webhook":
		return fault.ErrInvalid.Msgf("there is no target %.32q; the only one is webhook", c.Target)
	case c.URL == "" || len(c.URL) > maxConfigURL:
		return fault.ErrInvalid.Msgf("url is needed, an http or https address of %d bytes at most", maxConfigURL)
	case len(c.Events) == 0:
		return fault.ErrInvalid.Msgf("events is needed: %s, %s or both", objectv1.EventObjectCreated, objectv1.EventObjectRemoved)
	case len(c.ID) > 64:
		return fault.ErrInvalid.Msgf("the id of a config may have 64 bytes at most")
	case len(c.Prefix) > maxFilter || len(c.Suffix) > maxFilter:
		return fault.ErrInvalid.Msgf("prefix and suffix may have %d bytes at most", maxFilter)
	}
	if scheme, _, ok := strings.Cut(c.URL, ":"); !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return fault.ErrInvalid.Msgf("url must be an http or https address")
	}
	for _, e := range c.Events {
		if e != objectv1.EventObjectCreated && e != objectv1.EventObjectRemoved {
			return fault.ErrInvalid.Msgf("there is no event %.32q; the events are %s and %s", e, objectv1.EventObjectCreated, objectv1.EventObjectRemoved)
		}
	}
	return nil
}
