package telemetry

import (
	"net/http"
	"strconv"
)

// Method is the value of http.request.method for a method that somebody sent: itself
// where it is one that we know (RFC 9110, PATCH, WebDAV's), else Other.
func Method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace,
		"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK":
		return m
	}
	return Other
}

// Status is a status that somebody sent, or 0 where it is none (RFC 9110, 15).
func Status(s int) int {
	if s < 100 || s > 599 {
		return 0
	}
	return s
}

// FailedStatus is the value of error.type for a status from a bound on; "" below.
func FailedStatus(s, from int) string {
	if s < from {
		return ""
	}
	return strconv.Itoa(s)
}
