package plik

import (
	"net/http"
	"net/netip"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The refusals of where a request comes from (plik-wire.md 13.7).
var (
	errAddress         = fault.New(fault.Invalid, "plik.invalid_address", "invalid IP address")
	errUntrusted       = fault.New(fault.Forbidden, "plik.untrusted_source", "untrusted source IP address")
	errUntrustedToJoin = errUntrusted.Msgf("unable to create user from untrusted source IP address")
)

// locate finds the client's address: what the edge knows of the connection, or
// what the header of plik.source_ip_header says. From here on it stands in the
// Call's Source. /health is not asked.
func (h *Handler) locate(r *http.Request) error {
	call, name := dialect.CallOf(r), h.core.Plik.SourceIPHeader
	if name == "" || call.Route.Name == "GetHealth" {
		return nil
	}
	values := r.Header.Values(name)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	a, err := netip.ParseAddr(values[0])
	if err != nil || len(values) > 1 || a.Zone() != "" {
		return errAddress
	}
	call.Source = a.Unmap().String()
	return nil
}

// mayUpload refuses anonymous uploads from addresses that plik.upload_whitelist
// does not have. by is who Authenticate found.
func (h *Handler) mayUpload(r *http.Request, by core.Caller) error {
	if by.Guest() && !h.trusted(r) {
		return errUntrusted
	}
	return nil
}

// trusted reports whether the client's address is on plik.upload_whitelist, or
// there is none.
func (h *Handler) trusted(r *http.Request) bool {
	list := h.core.Plik.UploadWhitelist
	if len(list) == 0 {
		return true
	}
	from, err := netip.ParseAddr(dialect.CallOf(r).Source)
	if err != nil {
		return false
	}
	for _, text := range list {
		if n, err := core.ParseNetwork(text); err == nil && n.Contains(from.Unmap()) {
			return true
		}
	}
	return false
}
