package core

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/settings"
)

// PlikFlag is a feature flag of Plik's (plik-wire.md 5).
type PlikFlag string

// The states of a feature.
const (
	PlikDisabled PlikFlag = "disabled" // refused
	PlikEnabled  PlikFlag = "enabled"  // offered, off by default
	PlikDefault  PlikFlag = "default"  // offered, on by default in clients' forms
	PlikForced   PlikFlag = "forced"   // always on
)

// Off reports whether the feature is refused.
func (f PlikFlag) Off() bool { return f == PlikDisabled }

// Forced reports whether the feature is always on.
func (f PlikFlag) Forced() bool { return f == PlikForced }

// PlikSettings are Plik's settings under Plik's names (plik-wire.md 5, plik.md).
type PlikSettings struct {
	MaxFileSize      settings.Bytes `koanf:"max_file_size" doc:"largest file of a temporary upload; 0 or -1 sets no bound"`
	MaxUserSize      int64          `koanf:"max_user_size" doc:"bytes that the temporary uploads of an account may have together; -1 sets no bound"`
	MaxFilePerUpload int            `koanf:"max_file_per_upload" doc:"files of one temporary upload, removed ones included"`
	DefaultTTL       time.Duration  `koanf:"default_ttl" doc:"how long a temporary upload lives that does not say; 0 or less: for ever"`
	MaxTTL           time.Duration  `koanf:"max_ttl" doc:"the longest life of a temporary upload; 0 or less sets no bound"`

	DownloadDomain      string        `koanf:"download_domain" doc:"scheme and host of the links of temporary uploads; downloads by any other host are then refused"`
	DownloadDomainAlias []string      `koanf:"download_domain_alias" doc:"further ones that downloads may come by"`
	Path                string        `koanf:"path" doc:"prefix of all paths of Plik's API, for example /plik; empty: the root"`
	NoWebInterface      bool          `koanf:"no_web_interface" doc:"no start page"`
	AbuseContact        string        `koanf:"abuse_contact" doc:"e-mail address that the page shows"`
	EnhancedWebSecurity bool          `koanf:"enhanced_web_security" doc:"keep build details out of /version; downloads have the security headers in any case"`
	ClientsDir          string        `koanf:"clients_dir" doc:"folder with builds of the command line that /version lists, as OS-ARCH/NAME, and texts of what its releases changed as changelog/RELEASE; empty: none"`
	SourceIPHeader      string        `koanf:"source_ip_header" doc:"header that holds the client's address, for Plik's routes; a proxy must set it"`
	UploadWhitelist     []string      `koanf:"upload_whitelist" doc:"addresses and networks (CIDR) that may make uploads without an account; empty: all"`
	SessionTimeout      time.Duration `koanf:"session_timeout" doc:"how long Plik's login cookie holds"`

	FeatureAuthentication PlikFlag `koanf:"feature_authentication" doc:"disabled, enabled, default or forced: accounts, and whether uploads need one"`
	FeatureOneShot        PlikFlag `koanf:"feature_one_shot" doc:"disabled, enabled, default or forced: files that are gone with their first download"`
	FeatureRemovable      PlikFlag `koanf:"feature_removable" doc:"disabled, enabled, default or forced: uploads that everybody who has the link may remove"`
	FeatureStream         PlikFlag `koanf:"feature_stream" doc:"disabled, enabled, default or forced: bytes that go from uploader to downloader and are never stored"`
	FeaturePassword       PlikFlag `koanf:"feature_password" doc:"disabled, enabled, default or forced: uploads behind a password"`
	FeatureComments       PlikFlag `koanf:"feature_comments" doc:"disabled, enabled, default or forced: comments"`
	FeatureSetTTL         PlikFlag `koanf:"feature_set_ttl" doc:"disabled, enabled, default or forced: a life that the uploader chooses"`
	FeatureExtendTTL      PlikFlag `koanf:"feature_extend_ttl" doc:"disabled, enabled, default or forced: a life that starts anew with each access"`
	FeatureClients        PlikFlag `koanf:"feature_clients" doc:"disabled or enabled: whether the page shows clients"`
	FeatureGithub         PlikFlag `koanf:"feature_github" doc:"disabled or enabled: whether the page links to the project"`
	FeatureText           PlikFlag `koanf:"feature_text" doc:"disabled, enabled, default or forced: whether the page offers to upload text"`

	GoogleAPIClientID  string          `koanf:"google_api_client_id" doc:"client id of a Google OAuth 2 application; with google_api_secret people log in by Google"`
	GoogleAPISecret    settings.Secret `koanf:"google_api_secret" doc:"its secret"`
	GoogleValidDomains []string        `koanf:"google_valid_domains" doc:"domains of e-mail addresses that may get an account by Google; empty: all"`
	GoogleEndpoint     string          `koanf:"google_endpoint" doc:"where Google is; other than the default only for tests"`
	OVHAPIKey          string          `koanf:"ovh_api_key" doc:"application key of OVH's API; with ovh_api_secret people log in by OVH"`
	OVHAPISecret       settings.Secret `koanf:"ovh_api_secret" doc:"its secret"`
	OVHAPIEndpoint     string          `koanf:"ovh_api_endpoint" doc:"where OVH's API is"`
	OIDCIssuer         string          `koanf:"oidc_issuer" doc:"issuer of an OpenID provider; with oidc_client_id people log in by it"`
	OIDCClientID       string          `koanf:"oidc_client_id" doc:"client id at the OpenID provider"`
	OIDCClientSecret   settings.Secret `koanf:"oidc_client_secret" doc:"its secret"`
	OIDCValidDomains   []string        `koanf:"oidc_valid_domains" doc:"domains of e-mail addresses that may get an account by the OpenID provider; empty: all"`
}

// DefaultPlik returns Plik's defaults, with accounts.
func DefaultPlik() PlikSettings {
	const month = 30 * 24 * time.Hour
	return PlikSettings{
		MaxFileSize: 10e9, MaxUserSize: -1, MaxFilePerUpload: 1000, DefaultTTL: month, MaxTTL: month, SessionTimeout: 365 * 24 * time.Hour,
		FeatureAuthentication: PlikEnabled, FeatureOneShot: PlikEnabled, FeatureRemovable: PlikEnabled, FeatureStream: PlikEnabled,
		FeaturePassword: PlikEnabled, FeatureComments: PlikEnabled, FeatureSetTTL: PlikEnabled, FeatureExtendTTL: PlikDisabled,
		FeatureClients: PlikEnabled, FeatureGithub: PlikEnabled, FeatureText: PlikEnabled,
		GoogleEndpoint: "https://accounts.google.com", OVHAPIEndpoint: "https://eu.api.ovh.com/1.0",
	}
}

// Validate refuses settings that cannot work.
func (s PlikSettings) Validate() error {
	for name, f := range map[string]PlikFlag{
		"authentication": s.FeatureAuthentication, "one_shot": s.FeatureOneShot, "removable": s.FeatureRemovable, "stream": s.FeatureStream,
		"password": s.FeaturePassword, "comments": s.FeatureComments, "set_ttl": s.FeatureSetTTL, "extend_ttl": s.FeatureExtendTTL,
		"clients": s.FeatureClients, "github": s.FeatureGithub, "text": s.FeatureText,
	} {
		switch display := name == "clients" || name == "github"; {
		case f == PlikDisabled, f == PlikEnabled, !display && (f == PlikDefault || f == PlikForced):
		default:
			return fmt.Errorf("plik.feature_%s: %q is none of disabled, enabled, default, forced (clients and github: disabled, enabled)", name, f)
		}
	}
	if s.Path != "" && (s.Path[0] != '/' || path.Clean(s.Path) != s.Path || s.Path == "/" || strings.ContainsAny(s.Path, "{}%?# ")) {
		return fmt.Errorf("plik.path %q: it is empty, or a clean path such as /plik", s.Path)
	}
	for _, d := range append([]string{s.DownloadDomain}, s.DownloadDomainAlias...) {
		if u, err := url.Parse(d); d != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "") {
			return fmt.Errorf("plik.download_domain %q: it is http:// or https:// and a host", d)
		}
	}
	for _, n := range s.UploadWhitelist {
		if _, err := ParseNetwork(n); err != nil {
			return fmt.Errorf("plik.upload_whitelist %q: it is an address or a network", n)
		}
	}
	if s.MaxFilePerUpload < 1 || s.SessionTimeout < time.Second || s.SessionTimeout > maxPlikSession {
		return errors.New("plik: max_file_per_upload is at least 1, session_timeout from 1s to 87600h")
	}
	return s.validateProviders()
}

// maxPlikSession is about what a session may live at auth.
const maxPlikSession = 10 * 365 * 24 * time.Hour

// validateProviders looks at the addresses that people are sent to and that
// vouch for them.
func (s PlikSettings) validateProviders() error {
	for name, at := range map[string]string{"google_endpoint": s.GoogleEndpoint, "ovh_api_endpoint": s.OVHAPIEndpoint, "oidc_issuer": s.OIDCIssuer} {
		u, err := url.Parse(at)
		if wrong := err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != ""; wrong && (at != "" || name != "oidc_issuer") {
			return fmt.Errorf("plik.%s %q: it is http:// or https://, a host and perhaps a path", name, at)
		}
	}
	return nil
}

// ParseNetwork reads an address, which is a network of one, or a CIDR.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("reading a network: %w", err)
	}
	return p.Masked(), nil
}
