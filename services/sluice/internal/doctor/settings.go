package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/platform"
)

// certSoon is how long before its end a certificate is a warning.
const certSoon = 14 * 24 * time.Hour

// settings looks for what Validate lets through and nobody is likely to mean.
func (d *doctor) settings(_ context.Context, l *list) {
	for _, name := range d.Unknown {
		l.warn(name, "correct its name after deploy/SETTINGS.md, or unset it", "the variable %s names no setting", name)
	}
	d.durability(l)
	d.publicURL(l)
	d.proxies(l)
	d.outbound(l)
	d.leftovers(l)
	l.done("", "the settings are good")
}

// durability: what an acknowledgement is worth on this kind of installation.
func (d *doctor) durability(l *list) {
	c := d.Config.Common
	servers := 0
	if c.NATS.URL != "" {
		servers = len(strings.Split(c.NATS.URL, ","))
	}
	switch {
	case c.NATS.URL == "" && c.NATS.Replicas > 1:
		l.fail("nats.replicas", "set nats.url to a cluster of that many servers, or nats.replicas to 1",
			"%d copies of every stream need a NATS cluster, and the nats-server of a data directory stands alone", c.NATS.Replicas)
	case servers > 1 && c.NATS.Replicas == 1:
		l.warn("nats.replicas", "set nats.replicas to 3, then 'sluice bus declare' as the operator",
			"nats.url names %d servers, but every stream has one copy: a lost server takes its streams along", servers)
	case servers > 1 && c.NATS.Replicas%2 == 0:
		l.warn("nats.replicas", "use 3 or 5", "%d copies survive no more lost servers than %d do", c.NATS.Replicas, c.NATS.Replicas-1)
	}
	if servers > 1 && c.MongoDB.URI == "" {
		l.warn("mongodb.uri", "set mongodb.uri to a replica set",
			"the streams are on a cluster, but documents are in files of this host: copies of a service on another host have others")
	}
	if uri := c.MongoDB.URI.Reveal(); uri != "" && !strings.HasPrefix(uri, "mongodb+srv://") && !strings.Contains(uri, "replicaSet=") && !strings.Contains(uri, "directConnection=true") {
		l.warn("mongodb.uri", "add replicaSet=NAME to it", "mongodb.uri names no replica set, so the driver does not follow a change of the primary")
	}
	if c.Durability == platform.Process {
		l.warn("durability", "set durability to power where acknowledged writes must survive a power cut",
			"durability is process: a power cut may take the last acknowledged writes")
	}
}

// publicURL: what clients are told.
func (d *doctor) publicURL(l *list) {
	e := d.Config.Edge
	if e.HTTP.TLSCert != "" {
		d.certificate(l)
	}
	if e.PublicURL == "" {
		if len(e.HTTP.TrustedProxies) > 0 {
			l.warn("public_url", "set public_url to what clients use",
				"public_url is empty behind a proxy: absolute URLs then follow whatever Host header comes in")
		}
		return
	}
	u, err := url.Parse(e.PublicURL)
	if err != nil {
		return // Validate has refused it
	}
	if u.Scheme == "http" && !local(u.Hostname()) {
		l.warn("public_url", "put TLS in front of it and set public_url to https://"+u.Host,
			"public_url is %s: passwords and keys travel in the clear", e.PublicURL)
	}
	if u.Scheme == "http" && e.HTTP.TLSCert != "" {
		l.warn("public_url", "set public_url to https://"+u.Host, "public_url is http, but the listener speaks TLS only")
	}
	if u.Scheme == "https" && e.HTTP.TLSCert == "" && len(e.HTTP.TrustedProxies) == 0 {
		l.warn("http.trusted_proxies", "set http.trusted_proxies to the network of the proxy that ends TLS, or http.tls_cert and http.tls_key",
			"public_url is https, but this listener has no certificate and trusts no proxy: every client then seems to have the proxy's address")
	}
}

// certificate: it can be read, fits its key, and holds for a while.
func (d *doctor) certificate(l *list) {
	h := d.Config.Edge.HTTP
	pair, err := tls.LoadX509KeyPair(h.TLSCert, h.TLSKey)
	if err != nil || pair.Leaf == nil {
		l.fail("http.tls_cert", "put a certificate and its own key there", "the certificate cannot be used: %v", err)
		return
	}
	left := pair.Leaf.NotAfter.Sub(d.Now())
	switch {
	case left <= 0:
		l.fail("http.tls_cert", "renew it and restart the edges", "the certificate ended at %s", stamp(pair.Leaf.NotAfter))
	case d.Now().Before(pair.Leaf.NotBefore):
		l.fail("http.tls_cert", "check this host's clock, or put another one there", "the certificate holds only from %s on", stamp(pair.Leaf.NotBefore))
	case left < certSoon:
		l.warn("http.tls_cert", "renew it and restart the edges", "the certificate ends at %s", stamp(pair.Leaf.NotAfter))
	}
	if u, err := url.Parse(d.Config.Edge.PublicURL); err == nil && u.Hostname() != "" {
		if err := pair.Leaf.VerifyHostname(u.Hostname()); err != nil {
			l.fail("http.tls_cert", "put a certificate for "+u.Hostname()+" there", "the certificate is not for the host of public_url: %v", err)
		}
	}
}

// proxies: who may say where a request came from.
func (d *doctor) proxies(l *list) {
	e := d.Config.Edge
	for _, p := range e.HTTP.TrustedProxies {
		if p.Bits() == 0 {
			l.warn("http.trusted_proxies", "name the proxies' own networks", "%s is trusted as a proxy: any client may claim any address, and limits by address hold nobody", p)
		}
	}
	if e.HTTP.AllowPlain && e.HTTP.TLSCert == "" && !local(host(e.HTTPAddr)) {
		l.warn("http.allow_plain", "set http.tls_cert and http.tls_key, or http.trusted_proxies", "%s takes connections without TLS from anywhere", e.HTTPAddr)
	}
	if e.AdminAddr != "" && !local(host(e.AdminAddr)) {
		l.warn("admin_addr", "listen on 127.0.0.1 or on a network that only operators reach", "%s shows metrics to all who reach it", e.AdminAddr)
	}
	if p := e.Plik.SourceIPHeader; p != "" && len(e.HTTP.TrustedProxies) == 0 {
		l.warn("plik.source_ip_header", "set http.trusted_proxies, or empty it", "Plik's routes take the client's address from %s, which any client may send", p)
	}
}

// outbound: what users may make the services reach.
func (d *doctor) outbound(l *list) {
	for _, p := range d.Config.Common.OutboundAllow {
		switch {
		case p.Bits() == 0:
			l.fail("outbound_allow", "name only the networks that webhooks and checks need", "%s lets users reach every machine in this network by webhooks and links", p)
		case p.Contains(netip.MustParseAddr("169.254.169.254")):
			l.fail("outbound_allow", "take it out", "%s lets users read the metadata of a cloud's machines, credentials included", p)
		case p.Contains(netip.MustParseAddr("127.0.0.1")) || p.Contains(netip.IPv6Loopback()):
			l.warn("outbound_allow", "take it out unless this is a test", "%s lets users reach what listens on this host only", p)
		}
	}
}

// leftovers: settings of tests and first starts.
func (d *doctor) leftovers(l *list) {
	if b := d.Config.Links.Links.HostsBase; len(b) > 0 {
		l.warn("linkchecker.hosts_base", "empty it unless this is a test", "checks of links go to other hosts than the links name")
	}
	if d.Config.Common.Log.Level == "debug" {
		l.warn("log.level", "set log.level to info when the search is over", "the log has a line for every span, which costs more than the calls")
	}
}

// local reports whether only this machine reaches that host.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// host is that of HOST:PORT.
func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
