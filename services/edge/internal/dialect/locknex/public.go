package locknex

import (
	"net/http"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// topReferrers is how many hosts stats tells of.
const topReferrers = 10

// ContainerStatus answers GET /public/container/{id}/status.
func (h *Handler) ContainerStatus(w http.ResponseWriter, r *http.Request) error {
	c, err := h.core.Container(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return answer(w, statusToWire(c))
}

// ContainerStats answers GET /public/container/{id}/stats.
func (h *Handler) ContainerStats(w http.ResponseWriter, r *http.Request) error {
	c, err := h.core.Container(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	s, err := h.core.ContainerClicks(r.Context(), c, 0, topReferrers)
	if err != nil {
		return err
	}
	return answer(w, statsToWire(c, s))
}

// UnlockContainer answers POST /container/unlock.
func (h *Handler) UnlockContainer(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		ContainerID string `json:"container_id"`
		Password    string `json:"password"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if body.ContainerID == "" {
		return linksv1.ErrNotFound.Msgf("container_id is needed")
	}
	c := dialect.CallOf(r)
	if linksv1.ValidID(body.ContainerID) {
		c.Key = body.ContainerID
	}
	u, err := h.core.UnlockContainer(r.Context(), body.ContainerID, body.Password, core.View{
		Source: c.Source, Agent: r.UserAgent(), Referrer: r.Referer(), BaseURL: c.BaseURL,
	})
	if err != nil {
		return err
	}
	links, err := h.core.ContainerLinks(r.Context(), core.Caller{}, u.ID, u.Pass)
	if err != nil {
		return err
	}
	return answer(w, unlockedToWire(u.Container, links))
}
