package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// Config is the edge's part of the settings.
type Config struct {
	HTTPAddr  string `koanf:"http_addr" doc:"where the public listener is"`
	AdminAddr string `koanf:"admin_addr" doc:"where /metrics and /-/routes are too; they stand on the public listener only while that is loopback"`
	PublicURL string `koanf:"public_url" doc:"scheme and host that clients use, for absolute URLs; empty takes them from each request"`

	HTTP      HTTP      `koanf:"http"`
	Security  Security  `koanf:"security"`
	Lockr     Lockr     `koanf:"lockr"`
	Locknex   Locknex   `koanf:"locknex"`
	Fetch     Fetch     `koanf:"fetch"`
	Yetishare Yetishare `koanf:"yetishare"`

	Plik core.PlikSettings `koanf:"plik"`
}

// Lockr is what guests may do, and how much of it one address may.
type Lockr struct {
	GuestObjectBytes  settings.Bytes `koanf:"guest_object_bytes" doc:"the largest file of a guest; 0 sets no bound"`
	GuestStorageBytes settings.Bytes `koanf:"guest_storage_bytes" doc:"what all guests' files may come to together; 0 sets no bound"`
	GuestTTL          time.Duration  `koanf:"guest_ttl" doc:"how long a guest's file lives"`
	SignedTTL         time.Duration  `koanf:"signed_ttl" doc:"how long a signed link to a file holds"`
	GuestRate         int            `koanf:"guest_rate" doc:"uploads that guests of one address may begin, and wrong keys that an address may try, in a minute; 0 sets no bound"`
	UploadRate        int            `koanf:"upload_rate" doc:"uploads that accounts may begin from one address in a minute; 0 sets no bound"`
}

// Locknex is how often the API of link containers may be asked.
type Locknex struct {
	Rate       int `koanf:"rate" doc:"requests of an account to the API of link containers in a minute; 0 sets no bound"`
	PublicRate int `koanf:"public_rate" doc:"requests of an address to the public part of that API in a minute, and credentials that do not hold; 0 sets no bound"`
}

// Yetishare is how the file hosting API answers, and how often it may be asked.
type Yetishare struct {
	StrictStatus bool `koanf:"strict_status" doc:"errors of the file hosting API that its document answers with 200 get the status of what they say; many clients then show no sentence"`
	Rate         int  `koanf:"rate" doc:"requests of an account to the file hosting API in a minute; 0 sets no bound"`
	PublicRate   int  `koanf:"public_rate" doc:"log-ins of an address to that API in a minute, and credentials that do not hold; 0 sets no bound"`
}

// Fetch is how remote URLs are fetched into drives.
type Fetch struct {
	Concurrency int `koanf:"concurrency" doc:"remote URLs that this edge fetches at once, half of them of one account at most; 0 leaves them to other edges"`
	Limit       int `koanf:"limit" doc:"remote URLs of one account that may wait or be fetched at a time"`
}

// Security is the edge's part of what credentials may do.
type Security struct {
	MaxPresignTTL time.Duration `koanf:"max_presign_ttl" doc:"the longest life of a signed URL; longer wishes are cut to it"`
}

// HTTP tunes the listeners.
type HTTP struct {
	AllowPlain     bool           `koanf:"allow_plain" doc:"listen beyond loopback without TLS and without a trusted proxy: secrets then travel in the clear"`
	TLSCert        string         `koanf:"tls_cert" doc:"certificate chain file (PEM); with tls_key the public listener speaks TLS"`
	TLSKey         string         `koanf:"tls_key" doc:"private key file (PEM) of tls_cert"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies" doc:"networks (CIDR) whose X-Forwarded-* headers count"`

	HeaderTimeout  time.Duration  `koanf:"header_timeout" doc:"how long a client may take for its request headers"`
	IdleTimeout    time.Duration  `koanf:"idle_timeout" doc:"how long a connection may stay open between requests"`
	StallTimeout   time.Duration  `koanf:"stall_timeout" doc:"within it a transfer must move 8 KiB in or take 64 KiB out, else it is cut; there is no limit on the whole"`
	MaxHeaderBytes settings.Bytes `koanf:"max_header_bytes" doc:"most bytes of a request's headers"`
}

// maxFetches bounds Fetch.Concurrency.
const maxFetches = 256

// paceBytes is what must arrive within HTTP.StallTimeout.
const paceBytes = 8 << 10

// Default returns the settings of a laptop.
func Default() Config {
	return Config{
		HTTPAddr:  "127.0.0.1:8080",
		HTTP:      HTTP{HeaderTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute, StallTimeout: 30 * time.Second, MaxHeaderBytes: 256 << 10},
		Security:  Security{MaxPresignTTL: 7 * 24 * time.Hour},
		Lockr:     Lockr{GuestObjectBytes: 5e9, GuestTTL: 30 * 24 * time.Hour, SignedTTL: 15 * time.Minute, GuestRate: 120, UploadRate: 1200},
		Locknex:   Locknex{Rate: 600, PublicRate: 1200},
		Yetishare: Yetishare{Rate: 1200, PublicRate: 300},
		Fetch:     Fetch{Concurrency: 4, Limit: 50},
		Plik:      core.DefaultPlik(),
	}
}

// Validate refuses settings that cannot work, and those that would let secrets
// travel in the clear without anybody having said so.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.HTTPAddr); err != nil {
		return fmt.Errorf("http_addr %q: it is HOST:PORT", c.HTTPAddr)
	}
	if c.AdminAddr != "" {
		if _, _, err := net.SplitHostPort(c.AdminAddr); err != nil {
			return fmt.Errorf("admin_addr %q: it is HOST:PORT", c.AdminAddr)
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return fmt.Errorf("public_url %q: it is http:// or https:// and a host, without a path", c.PublicURL)
		}
	}
	if (c.HTTP.TLSCert == "") != (c.HTTP.TLSKey == "") {
		return errors.New("http.tls_cert and http.tls_key belong together")
	}
	if c.HTTP.HeaderTimeout <= 0 || c.HTTP.IdleTimeout <= 0 || c.HTTP.StallTimeout <= 0 || c.HTTP.MaxHeaderBytes < 4<<10 {
		return errors.New("the time-outs and max_header_bytes of http must be more than nothing (headers: 4 KiB)")
	}
	if c.Security.MaxPresignTTL < time.Second {
		return errors.New("security.max_presign_ttl: at least 1s")
	}
	if l := c.Lockr; l.GuestObjectBytes < 0 || l.GuestStorageBytes < 0 || l.GuestTTL < time.Second || l.SignedTTL < time.Second || l.GuestRate < 0 || l.UploadRate < 0 {
		return errors.New("lockr: sizes and rates are 0 or more, guest_ttl and signed_ttl are 1s or more")
	}
	if l := c.Locknex; l.Rate < 0 || l.PublicRate < 0 {
		return errors.New("locknex: rates are 0 or more")
	}
	if y := c.Yetishare; y.Rate < 0 || y.PublicRate < 0 {
		return errors.New("yetishare: rates are 0 or more")
	}
	if f := c.Fetch; f.Concurrency < 0 || f.Concurrency > maxFetches || f.Limit < 1 || f.Limit > uploadv1.MaxFetchLimit {
		return fmt.Errorf("fetch: concurrency is from 0 to %d, limit from 1 to %d", maxFetches, uploadv1.MaxFetchLimit)
	}
	if err := c.Plik.Validate(); err != nil {
		return err //nolint:wrapcheck // it names the setting
	}
	if !loopback(c.HTTPAddr) && c.HTTP.TLSCert == "" && len(c.HTTP.TrustedProxies) == 0 && !c.HTTP.AllowPlain {
		return fmt.Errorf("http_addr %s is not loopback, and secrets would travel in the clear: set http.tls_cert and http.tls_key, or http.trusted_proxies, or http.allow_plain", c.HTTPAddr)
	}
	return nil
}

// loopback reports whether only this host reaches addr.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
