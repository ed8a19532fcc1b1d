package locknex

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/badge"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// How long others may keep a badge, seconds (locknex.md, Badges).
const (
	keepBadge  = "public, max-age=60, stale-while-revalidate=300"
	keepAbsent = "public, max-age=10" // of no container: there may be one soon
	keepOld    = "public, max-age=5"  // while nobody says whether it still holds
)

// badgeRoutes are those of badges. They count against no rate, since a forum's
// proxy asks for all of its readers, and leave no audit record.
func (h *Handler) badgeRoutes() []dialect.Route {
	return []dialect.Route{
		dialect.R("GetBadge", "GET /s/{file}", h.GetBadge, dialect.AuthNone, dialect.NoBody, "a container's badge: {id}.svg, {id}.webp or {id}.png").Quiet(),
	}
}

// GetBadge answers with a picture whatever is asked for: forums and their proxies
// show and keep errors badly. Only who cannot be told anything gets 503, so that
// nobody keeps that.
func (h *Handler) GetBadge(w http.ResponseWriter, r *http.Request) error {
	id, ending, _ := strings.Cut(r.PathValue("file"), ".")
	form, ok := badge.FormOf(ending)
	if !ok {
		return dialect.ErrNoRoute
	}
	look := badge.Plain(form)
	if r.URL.RawQuery != "" {
		look = badge.LookOf(form, r.URL.Query())
	}
	b, err := h.core.Badges.Show(r.Context(), dialect.CallOf(r).Source, id, look)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	head, status := w.Header(), http.StatusOK
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	head.Set("X-Content-Type-Options", "nosniff")
	switch {
	case b.Kind == badge.Unavailable:
		status = http.StatusServiceUnavailable
		head.Set("Cache-Control", "no-store")
		head.Set("Retry-After", "5")
	case b.Old:
		head.Set("Cache-Control", keepOld)
	case b.Kind == badge.NotFound:
		head.Set("Cache-Control", keepAbsent)
	default:
		head.Set("Cache-Control", keepBadge)
	}
	if status == http.StatusOK {
		head.Set("Etag", b.ETag)
		if seen(r.Header["If-None-Match"], b.ETag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if form == badge.SVG { // opened by itself it is a document
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	}
	head.Set("Content-Type", b.ContentType)
	head.Set("Content-Length", strconv.Itoa(len(b.Body)))
	w.WriteHeader(status)
	_, err = w.Write(b.Body)
	return err //nolint:wrapcheck // the client has gone
}

// seen reports whether an If-None-Match names etag.
func seen(values []string, etag string) bool {
	tags, _ := transfer.Tags(values)
	for _, t := range tags {
		if t == "*" || strings.TrimPrefix(t, "W/") == etag {
			return true
		}
	}
	return false
}
