package locknex

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of bodies and pages.
const (
	maxContainer = 4 << 20 // bytes: 1000 links of 2048 bytes, however they are escaped
	maxPage      = 100     // containers
)

// CreateContainer answers POST /container/create.
func (h *Handler) CreateContainer(w http.ResponseWriter, r *http.Request) error {
	var body wish
	if err := dialect.ReadLongJSON(r, &body, maxContainer); err != nil {
		return err
	}
	n, err := body.create()
	if err != nil {
		return err
	}
	if n.Once, err = onceOf(r); err != nil {
		return err
	}
	c, err := h.core.CreateContainer(r.Context(), callerOf(r), n)
	if err != nil {
		return err
	}
	dialect.CallOf(r).Key = c.ID
	return answer(w, createdToWire(baseOf(r), c))
}

// ListContainers answers GET /container/list.
func (h *Handler) ListContainers(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	ask, err := listOf(q)
	if err != nil {
		return err
	}
	l, err := h.core.ListContainers(r.Context(), callerOf(r), ask)
	if err != nil {
		return err
	}
	out := wireList{Success: true, Containers: make([]wireOwn, len(l.Containers)), Total: l.Place.Total, After: l.Place.After, Before: l.Place.Before}
	for i, c := range l.Containers {
		out.Containers[i] = ownToWire(baseOf(r), c)
	}
	return answer(w, out)
}

// listOf reads what of the list is asked for.
func listOf(q url.Values) (linksv1.ListRequest, error) {
	ask := linksv1.ListRequest{Group: q.Get("group"), Status: linksv1.Status(q.Get("status")), Page: paging.Request{After: q.Get("after"), Before: q.Get("before")}}
	if ask.Status != "" && !slices.Contains([]linksv1.Status{linksv1.Online, linksv1.Partial, linksv1.Offline, linksv1.Unknown}, ask.Status) {
		return ask, dialect.ErrBadQuery.Msgf("status is online, partial, offline or unknown")
	}
	switch q.Get("order") {
	case "", "desc":
	case "asc":
		ask.Page.Ascending = true
	default:
		return ask, dialect.ErrBadQuery.Msgf("order is asc or desc, by the time of creation")
	}
	limit, err := number(q, "limit", paging.DefaultLimit, 1, maxPage)
	if err != nil {
		return ask, err
	}
	offset, err := number(q, "offset", 0, 0, 1<<31-1)
	ask.Page.Limit, ask.Page.Offset = limit, int64(offset)
	return ask, err
}

// number reads a parameter within bounds.
func number(q url.Values, name string, otherwise, low, high int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, dialect.ErrBadQuery.Msgf("%s is a number from %d to %d", name, low, high)
	}
	return n, nil
}

// GetContainer answers GET /container/{id}.
func (h *Handler) GetContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := h.core.OwnContainer(r.Context(), callerOf(r), h.idOf(r))
	if err != nil {
		return err
	}
	return h.whole(w, r, c)
}

// UpdateContainer answers PUT /container/{id}.
func (h *Handler) UpdateContainer(w http.ResponseWriter, r *http.Request) error {
	id := h.idOf(r)
	if !linksv1.ValidID(id) {
		return linksv1.ErrNotFound
	}
	var body wish
	if err := dialect.ReadLongJSON(r, &body, maxContainer); err != nil {
		return err
	}
	n, err := body.change(id)
	if err != nil {
		return err
	}
	c, err := h.core.UpdateContainer(r.Context(), callerOf(r), n)
	if err != nil {
		return err
	}
	return h.whole(w, r, c)
}

// whole answers with a container of the caller's and its links.
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, c linksv1.Container) error {
	links, err := h.core.ContainerLinks(r.Context(), callerOf(r), c.ID, "")
	if err != nil {
		return err
	}
	return answer(w, wholeToWire(baseOf(r), c, links))
}

// DeleteContainer answers DELETE /container/{id}.
func (h *Handler) DeleteContainer(w http.ResponseWriter, r *http.Request) error {
	id := h.idOf(r)
	if err := h.core.DeleteContainer(r.Context(), callerOf(r), id); err != nil {
		return err
	}
	return answer(w, wireDeleted{Success: true, ContainerID: id})
}

// idOf reads the id in the path, and has the audit trail say it.
func (h *Handler) idOf(r *http.Request) string {
	id := r.PathValue("id")
	dialect.CallOf(r).Key = id
	return id
}
