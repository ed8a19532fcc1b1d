package edge

import "net/netip"

// Own has an edge that was not started take these addresses for the machine's, and
// gives those that it would have taken.
func (s *Service) Own(own func() []netip.Addr) (before func() []netip.Addr) {
	before, s.own = s.own, own
	return before
}
