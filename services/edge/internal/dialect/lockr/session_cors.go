package lockr

import (
	"net/http"
	"strings"
)

// Headers that pages of other origins may read, and those that they may send. A
// session's URL is a capability, and no cookie counts there, so any page may
// use it that knows it; for creating one they need a token, or are guests.
var (
	exposedHeaders = strings.Join([]string{
		"Location", "Range", "Retry-After", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version",
		"Upload-Defer-Length", "Upload-Expires", "Upload-Length", "Upload-Metadata", "Upload-Offset", "X-Http-Status-Code-Override", "X-Request-Id",
	}, ", ")
	allowedHeaders = strings.Join([]string{
		"Authorization", "Content-Range", "Content-Type", "Tus-Resumable", "Upload-Checksum", "Upload-Defer-Length", "Upload-Length",
		"Upload-Metadata", "Upload-Offset", "X-Guploader-No-308", "X-Http-Method-Override", "X-Request-Id", "X-Requested-With", "X-Upload-Region",
	}, ", ")
)

// openToPages lets pages of other origins read the answer.
func openToPages(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// preflight answers OPTIONS: to browsers, and to tus clients that want to know
// what there is.
func (h *Handler) preflight(w http.ResponseWriter, methods string) error {
	head := w.Header()
	openToPages(head)
	head.Set("Access-Control-Allow-Methods", methods)
	head.Set("Access-Control-Allow-Headers", allowedHeaders)
	head.Set("Access-Control-Max-Age", "86400")
	head.Set("Allow", methods)
	head.Set("Tus-Version", tusVersions)
	head.Set("Tus-Extension", tusExtensions)
	head.Set("Tus-Checksum-Algorithm", tusAlgorithms)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
