// Package core holds the use cases of the edge, free of any dialect: who a
// caller is, and what joins several services. It knows the contracts, no paths
// and no wire formats.
package core

import (
	"context"
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/edge/internal/badge"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// TokenParser checks the signature of an access token; *keys.Token is one.
type TokenParser interface {
	Parse(token string, into any) error
}

// KeyStates tells whether a key and its account still hold; *keystate.Cache is one.
type KeyStates interface {
	Lookup(ctx context.Context, keyID string) (authv1.KeyStateResponse, error)
}

// URLPolicy decides about addresses that users give us; *outbound.Client is one.
type URLPolicy interface {
	CheckURL(ctx context.Context, rawURL string) error
}

// Core joins the services. It is safe for concurrent use.
type Core struct {
	Auth     authv1.Service
	Objects  objectv1.Service
	Uploads  uploadv1.Service
	Pliks    uploadv1.PlikService
	Links    linksv1.Service // link containers
	Stats    statsv1.Service // clicks on them
	Webhooks webhookv1.Service
	Drive    objectv1.DriveService // the drive by ids
	Fetches  uploadv1.FetchService // of remote URLs
	Clicks   Clicks                // is told of views; nil: nobody is
	Badges   *badge.Badges
	Transfer *transfer.Engine
	Relay    *transfer.Relay
	Sessions *transfer.Sessions
	Tokens   TokenParser
	Signer   *keys.Token // of signed URLs
	Keys     KeyStates
	URLs     URLPolicy
	Now      func() time.Time

	MaxPresign time.Duration // the longest life of a signed URL

	FileKeys    *keys.Signer // of the keys of files
	FileLinks   *keys.Signer // of signed links to files
	LinkLife    time.Duration
	Guests      Guests
	Regions     []string // that content may live in; the first is the default
	CrossOrigin *http.CrossOriginProtection
	Downloads   *Downloads
	Admission   *Admission
	Rates       *Rates          // of the link containers' API
	Pages       *keys.Sealer    // of what the pages of containers keep in cookies
	Stopping    <-chan struct{} // closed when the process begins to stop: what would go on for ever ends; nil never is
	Plik        PlikSettings
	Version     string       // of the build
	PlikXSRF    *keys.Signer // of what a page proves a session's changes by
	PlikLogins  *keys.Token  // of logins that wait for a provider's answer

	Hosting         HostingSettings
	HostingRates    *Rates       // of the file hosting API
	HostingLinks    *keys.Signer // of what stands in short URLs
	FolderPasswords *keys.Signer
}
