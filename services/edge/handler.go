package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/system"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// Deps is what the listener's handlers stand on.
type Deps struct {
	Auth   authv1.Service
	Object objectv1.Service
	Upload uploadv1.Service
	Plik   uploadv1.PlikService
	Blobs  transfer.Blobs
	Relay  *transfer.Relay // of streams
	Tokens core.TokenParser
	Signer *keys.Token // of signed URLs
	Keys   core.KeyStates
	URLs   core.URLPolicy

	Links    linksv1.Service
	Stats    statsv1.Service
	Webhooks webhookv1.Service
	Drive    objectv1.DriveService
	Fetches  uploadv1.FetchService
	Clicks   core.Clicks   // nil: views are told to nobody
	Badges   *badge.Badges // nil: some that nothing is pushed to
	Pages    *keys.Sealer
	Stopping <-chan struct{} // nil: never closed

	FileKeys        *keys.Signer // of the keys of files
	FileLinks       *keys.Signer // of signed links to files
	PlikXSRF        *keys.Signer // of Plik's sessions
	Logins          *keys.Token  // of logins that wait for a provider
	Regions         []string     // the first is the default
	HostingLinks    *keys.Signer // of short URLs
	FolderPasswords *keys.Signer
	Downloads       *core.Downloads

	Version string // of the build

	Audit dialect.Auditor
	Ready func(context.Context) error // what /readyz asks
	Tel   *telemetry.Telemetry
	Now   func() time.Time
}

// Handlers builds what the public listener serves and what the admin listener
// does.
func Handlers(cfg Config, d Deps) (public, admin http.Handler, err error) {
	stack, err := dialect.NewStack(dialect.Config{
		Tel: d.Tel, Audit: d.Audit, Pace: dialect.Pace{Window: cfg.HTTP.StallTimeout, Bytes: paceBytes},
		PublicURL: strings.TrimRight(cfg.PublicURL, "/"), TrustedProxies: cfg.HTTP.TrustedProxies, HSTS: cfg.HTTP.TLSCert != "",
	})
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what was being done
	}
	publicURL := strings.TrimRight(cfg.PublicURL, "/")
	cross := http.NewCrossOriginProtection()
	if publicURL != "" {
		if err := cross.AddTrustedOrigin(publicURL); err != nil {
			return nil, nil, fmt.Errorf("public_url: %w", err)
		}
	}
	if d.Badges == nil {
		if d.Badges, err = badge.New(d.Links, d.Now, d.Tel); err != nil {
			return nil, nil, err //nolint:wrapcheck // it says what was being done
		}
	}
	c := &core.Core{
		Auth: d.Auth, Objects: d.Object, Uploads: d.Upload, Pliks: d.Plik, Plik: cfg.Plik, Version: d.Version, Tokens: d.Tokens, Signer: d.Signer, Keys: d.Keys, URLs: d.URLs, Now: d.Now,
		MaxPresign: cfg.Security.MaxPresignTTL,
		FileKeys:   d.FileKeys, FileLinks: d.FileLinks, PlikXSRF: d.PlikXSRF, PlikLogins: d.Logins, LinkLife: cfg.Lockr.SignedTTL, Regions: d.Regions, CrossOrigin: cross, Downloads: d.Downloads,
		Admission: core.NewAdmission(cfg.Lockr.GuestRate, cfg.Lockr.UploadRate, d.Now),
		Guests:    core.Guests{ObjectBytes: int64(cfg.Lockr.GuestObjectBytes), StorageBytes: int64(cfg.Lockr.GuestStorageBytes), TTL: cfg.Lockr.GuestTTL},
		Links:     d.Links, Stats: d.Stats, Webhooks: d.Webhooks, Clicks: d.Clicks, Badges: d.Badges, Pages: d.Pages, Stopping: d.Stopping,
		Rates: core.NewRates(cfg.Locknex.Rate, cfg.Locknex.PublicRate, d.Now),
		Drive: d.Drive, Fetches: d.Fetches, HostingLinks: d.HostingLinks, FolderPasswords: d.FolderPasswords,
		HostingRates: core.NewRates(cfg.Yetishare.Rate, cfg.Yetishare.PublicRate, d.Now),
		Hosting:      core.HostingSettings{StrictStatus: cfg.Yetishare.StrictStatus, FetchLimit: cfg.Fetch.Limit},
		Relay:        d.Relay,
		Transfer:     &transfer.Engine{Blobs: d.Blobs, Objects: d.Object, Uploads: d.Upload, Log: d.Tel.Log, Now: d.Now},
		Sessions:     &transfer.Sessions{Blobs: d.Blobs, Uploads: d.Upload, Log: d.Tel.Log, Now: d.Now},
	}
	sys := func(admin bool) *system.Handler {
		return &system.Handler{
			Ready: d.Ready, Admin: admin, Scrape: d.Tel.Handler(),
			Dialect: func() []dialect.Dialect { return dialects(&core.Core{}, &system.Handler{Admin: true}, d.Now) },
		}
	}
	own, other := sys(loopback(cfg.HTTPAddr)), sys(true)
	other.Alone = true
	return stack.Handler(dialects(c, own, d.Now), own), stack.Handler([]dialect.Dialect{other}, other), nil
}
