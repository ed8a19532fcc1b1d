package outbound

import (
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxURL is the length of the longest URL that is taken, in bytes.
const MaxURL = 4096

// CheckURL tells, when an address is configured, whether Do would go there: its
// form, its port, and what its host resolves to now. nil promises nothing for
// later, since DNS changes; Do decides again. Codes: outbound.refused,
// outbound.unreachable (the name does not resolve), outbound.timeout.
func (c *Client) CheckURL(ctx context.Context, rawURL string) error {
	if len(rawURL) > MaxURL {
		return ErrRefused.Msgf("a URL may have %d bytes at most", MaxURL)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return ErrRefused.Msgf("the URL is malformed").Because(err)
	}
	t, err := targetOf(u)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	_, err = c.resolve(ctx, t.host, t.port)
	return c.classify(ctx, err)
}

// Host gives the host and the port that a URL points at, as Do would dial them:
// the host in ASCII and lower case, or an IP address without brackets. It looks
// nothing up. Code: outbound.refused, whose message says what is wrong.
func Host(u *url.URL) (host string, port uint16, err error) {
	t, err := targetOf(u)
	return t.host, t.port, err
}

// target is what a URL points at, in the one form that is judged and dialled.
type target struct {
	host string // ASCII, lower case, or an IP address without brackets
	port uint16
}

// targetOf judges the form of a URL.
func targetOf(u *url.URL) (target, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return target{}, ErrRefused.Msgf("the URL must start with http:// or https://")
	}
	if u.User != nil {
		return target{}, ErrRefused.Msgf("the URL must not hold a user name or password")
	}
	if u.Opaque != "" || u.Host == "" || strings.HasSuffix(u.Host, ":") {
		return target{}, ErrRefused.Msgf("the URL has no host, or an empty port")
	}
	port, err := portOf(u)
	if err != nil {
		return target{}, err
	}
	host, err := hostOf(u)
	return target{host: host, port: port}, err
}

func portOf(u *url.URL) (uint16, error) {
	switch p := u.Port(); {
	case p != "":
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return 0, ErrRefused.Msgf("the URL's port is not a number from 1 to 65535")
		}
		return uint16(n), nil
	case u.Scheme == "https":
		return 443, nil
	}
	return 80, nil
}

// hostOf gives the host in canonical form. Spellings of an IP address that only
// some programs understand (decimal, octal, hex, short) are refused, since what
// they mean depends on who reads them.
func hostOf(u *url.URL) (string, error) {
	h := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(h)
		if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
			return "", ErrRefused.Msgf("the URL's IPv6 address is malformed, has a zone, or hides an IPv4 address")
		}
		return a.String(), nil
	}
	if strings.HasSuffix(h, ".") {
		return "", ErrRefused.Msgf("the URL's host ends with a dot; leave it out")
	}
	if !utf8.ValidString(h) {
		return "", ErrRefused.Msgf("the URL's host is not UTF-8")
	}
	ascii, err := idna.Lookup.ToASCII(h)
	if err != nil { // names with underscores are no host names, but exist
		ascii = strings.ToLower(h)
	}
	if a, err := netip.ParseAddr(ascii); err == nil && a.Is4() {
		return a.String(), nil
	}
	if !validHost(ascii) {
		return "", ErrRefused.Msgf("the URL's host is neither a host name nor a plain IP address")
	}
	return ascii, nil
}

func illegalInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// validHost reports whether h is a DNS name that no program takes for a number.
func validHost(h string) bool {
	if h == "" || len(h) > 253 {
		return false
	}
	labels := strings.Split(h, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(l, illegalInHost) {
			return false
		}
	}
	last := labels[len(labels)-1]
	_, err := strconv.ParseUint(strings.TrimPrefix(last, "0x"), 16, 64)
	numeric := strings.HasPrefix(last, "0x") && (err == nil || last == "0x") || strings.Trim(last, "0123456789") == ""
	return !numeric
}
