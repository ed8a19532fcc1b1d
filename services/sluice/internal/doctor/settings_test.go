package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
)

// url reads where the server listens from a credentials file.
func url(t *testing.T, b []byte) string {
	t.Helper()
	var c platform.Credentials
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.URL
}

func nets(ps ...string) (out []netip.Prefix) {
	for _, p := range ps {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestSettings_Contradictions(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		change      func(c *sluice.Config)
		level       doctor.Level
		about, text string
	}{
		"copies of one server":   {func(c *sluice.Config) { c.Common.NATS.Replicas = 3 }, doctor.Fail, "nats.replicas", "need a NATS cluster"},
		"a cluster and one copy": {func(c *sluice.Config) { c.Common.NATS.URL = "nats://a,nats://b" }, doctor.Warn, "nats.replicas", "takes its streams along"},
		"an even number": {func(c *sluice.Config) {
			c.Common.NATS.URL, c.Common.NATS.Replicas = "nats://a,nats://b", 2
		}, doctor.Warn, "nats.replicas", "survive no more lost servers"},
		"documents of one host": {func(c *sluice.Config) { c.Common.NATS.URL, c.Common.NATS.Replicas = "nats://a,nats://b", 3 }, doctor.Warn, "mongodb.uri", "files of this host"},
		"no replica set":        {func(c *sluice.Config) { c.Common.MongoDB.URI = "mongodb://a" }, doctor.Warn, "mongodb.uri", "names no replica set"},
		"power cuts":            {func(c *sluice.Config) { c.Common.Durability = platform.Process }, doctor.Warn, "durability", "power cut"},
		"a proxy and no URL":    {func(c *sluice.Config) { c.Edge.HTTP.TrustedProxies = nets("10.0.0.0/24") }, doctor.Warn, "public_url", "whatever Host header"},
		"plain for the world":   {func(c *sluice.Config) { c.Edge.PublicURL = "http://files.example.org" }, doctor.Warn, "public_url", "in the clear"},
		"TLS of nobody":         {func(c *sluice.Config) { c.Edge.PublicURL = "https://files.example.org" }, doctor.Warn, "http.trusted_proxies", "trusts no proxy"},
		"all are proxies": {func(c *sluice.Config) {
			c.Edge.PublicURL, c.Edge.HTTP.TrustedProxies = "https://a.example.org", nets("::/0")
		}, doctor.Warn, "http.trusted_proxies", "any client may claim any address"},
		"plain on purpose":    {func(c *sluice.Config) { c.Edge.HTTPAddr, c.Edge.HTTP.AllowPlain = "0.0.0.0:80", true }, doctor.Warn, "http.allow_plain", "without TLS"},
		"metrics for all":     {func(c *sluice.Config) { c.Edge.AdminAddr = "0.0.0.0:9000" }, doctor.Warn, "admin_addr", "shows metrics"},
		"a header of anybody": {func(c *sluice.Config) { c.Edge.Plik.SourceIPHeader = "X-Real-IP" }, doctor.Warn, "plik.source_ip_header", "any client may send"},
		"the whole network":   {func(c *sluice.Config) { c.Common.OutboundAllow = nets("0.0.0.0/0") }, doctor.Fail, "outbound_allow", "every machine"},
		"a cloud's secrets":   {func(c *sluice.Config) { c.Common.OutboundAllow = nets("169.254.0.0/16") }, doctor.Fail, "outbound_allow", "metadata"},
		"this host":           {func(c *sluice.Config) { c.Common.OutboundAllow = nets("127.0.0.0/8") }, doctor.Warn, "outbound_allow", "this host only"},
		"hosts of tests":      {func(c *sluice.Config) { c.Links.Links.HostsBase = []string{"a.example=http://b"} }, doctor.Warn, "linkchecker.hosts_base", "other hosts"},
		"a loud log":          {func(c *sluice.Config) { c.Common.Log.Level = "debug" }, doctor.Warn, "log.level", "every span"},
	} {
		c := sluice.Default()
		k.change(&c)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, look(t, c, nil, "settings"), k.level, k.about, k.text)
		})
	}
	clean(t, look(t, sluice.Default(), nil, "settings"))
	r := look(t, sluice.Default(), func(in *doctor.Input) { in.Unknown = []string{"SLUICE_HTP_ADDR"} }, "settings")
	want(t, r, doctor.Warn, "SLUICE_HTP_ADDR", "names no setting")
}

func TestSettings_Certificate(t *testing.T) {
	t.Parallel()
	c := sluice.Default()
	c.Edge.PublicURL = "https://files.example.org"
	c.Edge.HTTP.TLSCert, c.Edge.HTTP.TLSKey = certificate(t, "files.example.org", time.Now().Add(90*24*time.Hour))
	clean(t, look(t, c, nil, "settings"))
	for days, text := range map[int]string{80: "ends at", 91: "ended at"} {
		r := look(t, c, func(in *doctor.Input) {
			in.Now = func() time.Time { return time.Now().Add(time.Duration(days) * 24 * time.Hour) }
		}, "settings")
		level := doctor.Warn
		if days > 90 {
			level = doctor.Fail
		}
		want(t, r, level, "http.tls_cert", text)
	}
	r := look(t, c, func(in *doctor.Input) { in.Now = func() time.Time { return time.Now().Add(-48 * time.Hour) } }, "settings")
	want(t, r, doctor.Fail, "http.tls_cert", "holds only from")
	c.Edge.PublicURL = "http://other.example.org"
	r = look(t, c, nil, "settings")
	want(t, r, doctor.Fail, "http.tls_cert", "not for the host of public_url")
	want(t, r, doctor.Warn, "public_url", "speaks TLS only")
	c.Edge.HTTP.TLSKey = c.Edge.HTTP.TLSCert
	want(t, look(t, c, nil, "settings"), doctor.Fail, "http.tls_cert", "cannot be used")
	if err := os.Chmod(c.Edge.HTTP.TLSCert, 0o644); err != nil {
		t.Fatal(err)
	}
	c.Common.DataDir = t.TempDir()
	c.Auth.AdminPassword = "secret"
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(file, []byte("admin_password: secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r = look(t, c, func(in *doctor.Input) { in.File = file }, "files")
	want(t, r, doctor.Fail, c.Edge.HTTP.TLSKey, "the private key")
	want(t, r, doctor.Fail, file, "which has secrets in it")
}

// certificate writes one that holds from yesterday on, and its key.
func certificate(t *testing.T, name string, until time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(crand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	err = errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestSpace_NearTheEnd(t *testing.T) {
	t.Parallel()
	c := sluice.Default()
	for name, k := range map[string]struct {
		space doctor.Space
		level doctor.Level
		text  string
	}{
		"full":     {doctor.Space{Free: 100 << 20, Total: 1 << 40}, doctor.Fail, "writes fail soon"},
		"a little": {doctor.Space{Free: 10 << 30, Total: 1 << 40}, doctor.Warn, "10.0 GiB of 1.0 TiB are free (0 %)"},
		"files":    {doctor.Space{Free: 1 << 40, Total: 2 << 40, FreeFiles: 10, TotalFiles: 1000}, doctor.Warn, "10 of 1000 files are left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := look(t, c, func(in *doctor.Input) { in.FreeSpace = func(string) (doctor.Space, error) { return k.space, nil } }, "space")
			want(t, r, k.level, c.Common.DataDir, k.text)
		})
	}
	for _, s := range []doctor.Space{{Free: 30 << 30, Total: 10 << 40}, {Free: 3 << 30, Total: 20 << 30}} {
		clean(t, look(t, c, func(in *doctor.Input) { in.FreeSpace = func(string) (doctor.Space, error) { return s, nil } }, "space"))
	}
	r := look(t, c, func(in *doctor.Input) {
		in.FreeSpace = func(string) (doctor.Space, error) { return doctor.Space{}, os.ErrPermission }
	}, "space")
	want(t, r, doctor.Warn, c.Common.DataDir, "cannot be asked")
	for n, text := range map[uint64]string{0: "0 B", 1023: "1023 B", 1 << 10: "1.0 KiB", 1<<64 - 1: "16.0 EiB", 3 << 29: "1.5 GiB"} {
		if got := doctor.Size(n); got != text {
			t.Errorf("%d is %s", n, got)
		}
	}
}
