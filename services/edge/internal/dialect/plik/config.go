package plik

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strconv"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// wireConfig is what clients know of the settings (plik-wire.md 5).
type wireConfig struct {
	MaxFileSize         int64    `json:"maxFileSize"`
	MaxUserSize         int64    `json:"maxUserSize"`
	MaxFilePerUpload    int      `json:"maxFilePerUpload"`
	DefaultTTL          int64    `json:"defaultTTL"` // seconds, as MaxTTL
	MaxTTL              int64    `json:"maxTTL"`
	DownloadDomain      string   `json:"downloadDomain"`
	DownloadDomainAlias []string `json:"downloadDomainAlias"`
	AbuseContact        string   `json:"abuseContact"`

	FeatureAuthentication core.PlikFlag `json:"feature_authentication"`
	FeatureOneShot        core.PlikFlag `json:"feature_one_shot"`
	FeatureRemovable      core.PlikFlag `json:"feature_removable"`
	FeatureStream         core.PlikFlag `json:"feature_stream"`
	FeaturePassword       core.PlikFlag `json:"feature_password"`
	FeatureComments       core.PlikFlag `json:"feature_comments"`
	FeatureSetTTL         core.PlikFlag `json:"feature_set_ttl"`
	FeatureExtendTTL      core.PlikFlag `json:"feature_extend_ttl"`
	FeatureClients        core.PlikFlag `json:"feature_clients"`
	FeatureGithub         core.PlikFlag `json:"feature_github"`
	FeatureText           core.PlikFlag `json:"feature_text"`

	// The names of clients before flags.
	Authentication       bool   `json:"authentication"`
	NoAnonymousUploads   bool   `json:"noAnonymousUploads"`
	OneShot              bool   `json:"oneShot"`
	Removable            bool   `json:"removable"`
	Stream               bool   `json:"stream"`
	ProtectedByPassword  bool   `json:"protectedByPassword"`
	GoogleAuthentication bool   `json:"googleAuthentication"`
	OVHAuthentication    bool   `json:"ovhAuthentication"`
	OVHAPIEndpoint       string `json:"ovhApiEndpoint"`
	OIDCAuthentication   bool   `json:"oidcAuthentication"`
}

// GetConfig answers GET /config.
func (h *Handler) GetConfig(w http.ResponseWriter, _ *http.Request) error {
	s := h.core.Plik
	people := !s.FeatureAuthentication.Off()
	out := wireConfig{
		MaxFileSize: int64(s.MaxFileSize), MaxUserSize: s.MaxUserSize, MaxFilePerUpload: s.MaxFilePerUpload,
		DefaultTTL: int64(s.DefaultTTL / time.Second), MaxTTL: int64(s.MaxTTL / time.Second), DownloadDomain: s.DownloadDomain, AbuseContact: s.AbuseContact,
		FeatureAuthentication: s.FeatureAuthentication, FeatureOneShot: s.FeatureOneShot, FeatureRemovable: s.FeatureRemovable, FeatureStream: s.FeatureStream,
		FeaturePassword: s.FeaturePassword, FeatureComments: s.FeatureComments, FeatureSetTTL: s.FeatureSetTTL, FeatureExtendTTL: s.FeatureExtendTTL,
		FeatureClients: s.FeatureClients, FeatureGithub: s.FeatureGithub, FeatureText: s.FeatureText,
		Authentication: people, NoAnonymousUploads: s.FeatureAuthentication.Forced(), OneShot: !s.FeatureOneShot.Off(), Removable: !s.FeatureRemovable.Off(),
		Stream: !s.FeatureStream.Off(), ProtectedByPassword: !s.FeaturePassword.Off(), OVHAPIEndpoint: s.OVHAPIEndpoint,
		GoogleAuthentication: s.Offers(authv1.ProviderGoogle), OVHAuthentication: s.Offers(authv1.ProviderOVH), OIDCAuthentication: s.Offers(authv1.ProviderOIDC),
	}
	if len(s.DownloadDomainAlias) > 0 {
		out.DownloadDomainAlias = s.DownloadDomainAlias
	}
	return answerJSON(w, out)
}

// GetHealth answers GET /health.
func (h *Handler) GetHealth(w http.ResponseWriter, _ *http.Request) error {
	return answerText(w, "ok\n")
}

// EnterRoot answers GET of plik.path itself.
func (h *Handler) EnterRoot(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Location", h.core.Plik.Path+"/")
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

const (
	qrDefault = 250  // pixels of a side
	qrMax     = 1000 // as clients ask for
)

// errQRCode is of a code that cannot be drawn as it is asked for.
var errQRCode = fault.New(fault.Invalid, "plik.qrcode", "the text does not fit into a QRCode")

// GetQRCode answers GET /qrcode.
func (h *Handler) GetQRCode(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("size"))
	switch {
	case err != nil:
		size = qrDefault
	case size <= 0:
		return errQRCode.Msgf("QRCode size must be positive")
	case size > qrMax:
		return errQRCode.Msgf("QRCode size must be lower than 1000")
	}
	code, err := qr.Encode(q.Get("url"), qr.H, qr.Auto)
	if err != nil {
		return errQRCode.Because(err)
	}
	if code, err = barcode.Scale(code, size, size); err != nil {
		return fmt.Errorf("scaling a QR code to %d pixels: %w", size, err) // Plik answers 500, too
	}
	var b bytes.Buffer
	if err := png.Encode(&b, code); err != nil {
		return fmt.Errorf("drawing a QR code: %w", err)
	}
	write(w, http.StatusOK, "image/png", b.Bytes())
	return nil
}
