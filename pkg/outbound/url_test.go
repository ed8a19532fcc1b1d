package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
)

// names is a resolver with fixed answers.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	as, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	out := make([]netip.Addr, len(as))
	for i, a := range as {
		out[i] = netip.MustParseAddr(a)
	}
	return out, nil
}

func checker() *outbound.Client {
	return outbound.New(outbound.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("fd99::/64")},
		Resolver: names{
			"example.com": {"93.184.216.34"}, "xn--bcher-kva.example": {"93.184.216.34"}, "a_b.example": {"93.184.216.34"},
			"mixed.example": {"127.0.0.1", "93.184.216.34"}, "inside.example": {"10.0.0.1", "::1"}, "mapped.example": {"::ffff:127.0.0.1"},
			"nat64.example": {"64:ff9b::7f00:1"}, "allowed.example": {"10.9.1.2"}, "localhost": {"127.0.0.1", "::1"},
			"metadata.google.internal": {"169.254.169.254"}, "nothing.example": {},
		},
	})
}

func TestCheckURL_Takes(t *testing.T) {
	t.Parallel()
	c := checker()
	for _, u := range []string{
		"http://example.com", "https://example.com/a?b=c#d", "HTTPS://EXAMPLE.COM/", "http://example.com:80/", "http://example.com:443/",
		"http://93.184.216.34/", "https://[2606:4700::1111]/", "https://[2606:4700::1111]:443/", "https://bücher.example/", "http://a_b.example/",
		"http://mixed.example/", "http://allowed.example:9000/", "http://10.9.0.1:1/", "http://[fd99::1]:8080/", "http://ex\u00adample.com/",
	} {
		if err := c.CheckURL(t.Context(), u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestCheckURL_Refuses(t *testing.T) {
	t.Parallel()
	c := checker()
	for _, u := range []string{
		"", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com", "javascript:alert(1)", "http:example.com",
		"http://", "http:///path", "http://:80/", "http://example.com:", "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/",
		"http://example.com:http/", "http://example.com:8080/", "http://example.com:22/",
		"http://user@example.com/", "http://user:pw@example.com/", "http://@example.com/", "http://example.com\\@127.0.0.1/", "http://example.com@127.0.0.1/",
		"http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://2130706433/", "http://017700000001/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0X7F.1/",
		"http://0177.0.0.1/", "http://127.0.0.01/", "http://00.0.0.0/", "http://0/", "http://256.256.256.256/", "http://1.2.3.4.5/", "http://127.0.0.1./", "http://example.com./",
		"http://１２７.０.０.１/", "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://%31%32%37.0.0.1/", "http://0x/", "http://a.0x7f/",
		"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:8.8.8.8]/", "http://[::ffff:808:808]/", "http://[64:ff9b::8.8.8.8]/", "http://[2002:808:808::1]/",
		"http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[2606:4700::1111%25lo]/", "http://[fd00:ec2::254]/", "http://[fd99::1%25eth0]/", "http://[::1", "http://::1/", "http://[127.0.0.1]/", "http://[]/", "http://[v1.x]/",
		"http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://10.8.255.255/",
		"http://inside.example/", "http://mapped.example/", "http://nat64.example/", "http://localhost/", "http://LOCALHOST:80/", "http://metadata.google.internal/", "http://nothing.example/",
		"http://-a.example/", "http://a-.example/", "http://a..example/", "http://.example/", "http://exa mple.com/", "http://exam\tple.com/", "http://example.com\n/", "http://example.com\x00/",
		"http://" + strings.Repeat("a", 64) + ".example/", "http://" + strings.Repeat("a.", 130) + "example/", "http://example.com/" + strings.Repeat("a", outbound.MaxURL),
		"http://*.example/", "http://a,b.example/", "http://a%00b.example/", "http://\xff.example/",
	} {
		if err := c.CheckURL(t.Context(), u); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%q: %v", u, err)
		} else if msg := fault.From(err).Message; strings.Contains(msg, "127.0.0.1") || strings.Contains(msg, "10.0.0.1") {
			t.Errorf("%q: the message tells an address: %s", u, msg)
		}
	}
}

func TestCheckURL_UnknownName(t *testing.T) {
	t.Parallel()
	if err := checker().CheckURL(t.Context(), "http://gone.example/"); !errors.Is(err, outbound.ErrUnreachable) {
		t.Fatal(err)
	}
}

// waiting is a resolver that answers when the caller gives up.
type waiting struct{}

func (waiting) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("lookup: %w", ctx.Err())
}

func TestCheckURL_SlowResolver(t *testing.T) {
	t.Parallel()
	c := outbound.New(outbound.Config{Resolver: waiting{}, Timeout: 20 * time.Millisecond})
	if err := c.CheckURL(t.Context(), "http://slow.example/"); !errors.Is(err, outbound.ErrTimeout) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.CheckURL(ctx, "http://slow.example/"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// FuzzCheckURL looks for a URL that is taken although no name resolves to
// anything public: only literals of public or allowed addresses may pass.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"http://127.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://0x7f.1/", "http://user@host/", "http://8.8.8.8/", "https://[2606:4700::1111]:443/x",
		"http://１２７.０.０.１/", "http://a.b:99/", "http:%", "http://[fe80::1%25lo0]/", "http://10.9.0.1:70/",
	} {
		f.Add(s)
	}
	c := outbound.New(outbound.Config{Resolver: loopback{}})
	f.Fuzz(func(t *testing.T, s string) {
		if c.CheckURL(t.Context(), s) != nil {
			return
		}
		u, err := url.Parse(s)
		if err != nil {
			t.Fatalf("took %q, which does not parse", s)
		}
		a, err := netip.ParseAddr(u.Hostname())
		if err == nil && !outbound.IsPublic(a) || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("took %q", s)
		}
		if p := u.Port(); p != "" && strings.TrimLeft(p, "0") != "80" && strings.TrimLeft(p, "0") != "443" {
			t.Fatalf("took %q with port %s", s, p)
		}
	})
}

// loopback resolves every name to this machine.
type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}, nil
}
