package outbound

import (
	"net"
	"net/netip"
	"slices"
)

// refused4 are the IPv4 ranges that are not public unicast (IANA's registry of
// special addresses), and Azure's platform address, which is public by form only.
var refused4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
)

// public6 is the only range of IPv6 that holds public unicast addresses;
// refused6 are the parts of it that do not, or that carry an IPv4 address to
// somewhere else (Teredo in 2001::/23, 6to4). NAT64 (64:ff9b::/96 and ::/48),
// mapped, local and multicast addresses lie outside.
var (
	public6  = netip.MustParsePrefix("2000::/3")
	refused6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(s ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(s))
	for i := range s {
		out[i] = netip.MustParsePrefix(s[i])
	}
	return out
}

// IsPublic reports whether addr is a public unicast address. An IPv4 address
// inside an IPv6 one is judged as what it is.
func IsPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Is4() {
		return !anyContains(refused4, addr)
	}
	return addr.Zone() == "" && public6.Contains(addr) && !anyContains(refused6, addr)
}

func anyContains(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// permits decides about one address and port: any port inside Allow, else a
// public address that is not Own, on one of Ports.
func (c *Client) permits(ap netip.AddrPort) bool {
	a := ap.Addr().Unmap()
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	if anyContains(c.cfg.Allow, a) {
		return true
	}
	for _, p := range c.cfg.Ports {
		if p == ap.Port() {
			return IsPublic(a) && (c.cfg.Own == nil || !slices.Contains(c.cfg.Own(), a))
		}
	}
	return false
}

// Interfaces gives the addresses of this machine's network interfaces, for Config.Own.
// Where they cannot be read there are none.
func Interfaces() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}
