package locknex

import (
	"regexp"
	"slices"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

const (
	api          = "/api/v1"
	ofContainers = api + "/container/{rest...}"                   // the family of what an account does with its containers
	ofPublic     = api + "/public/container/{rest...}"            // the family of what anybody asks
	routeToken   = "IssueToken"                                   // whose errors are OAuth's
	doc500       = "up to 500 containers: create, status, delete" // of the bulk route
)

// anID is the form of both ids of a container, so that nothing else in their
// place is ever looked up.
var anID = regexp.MustCompile(`^([0-9a-z]{11}|[1-9][0-9]{0,17})$`)

// Routes implements dialect.Dialect, in the order of the document and then of
// locknex.md.
func (h *Handler) Routes() []dialect.Route {
	return slices.Concat(h.containerRoutes(), h.accountRoutes(), h.badgeRoutes())
}

// Owns implements dialect.Dialect.
func (h *Handler) Owns() []string {
	return []string{api + "/container", api + "/public", api + "/oauth"}
}

func (h *Handler) containerRoutes() []dialect.Route {
	of := func(name, pattern string, handle dialect.Handler, a dialect.Auth, b dialect.Body, doc string) dialect.Route {
		return h.metered(name, pattern, handle, a, b, doc).In(ofContainers).Where("id", anID)
	}
	public := func(name, pattern string, handle dialect.Handler, doc string) dialect.Route {
		return h.metered(name, pattern, handle, dialect.AuthNone, dialect.NoBody, doc).In(ofPublic)
	}
	const container = api + "/container"
	return []dialect.Route{
		public("ContainerStatus", "GET "+api+"/public/container/{id}/status", h.ContainerStatus, "a container's status and when it was checked"),
		of("CreateContainer", "POST "+container+"/create", h.CreateContainer, dialect.AuthKey, dialect.JSONBody, "make a container of up to 1000 links"),
		public("ContainerStats", "GET "+api+"/public/container/{id}/stats", h.ContainerStats, "clicks on a container and where they came from"),
		of("UnlockContainer", "POST "+container+"/unlock", h.UnlockContainer, dialect.AuthNone, dialect.JSONBody, "the links of a container, by its password"),
		of("ListContainers", "GET "+container+"/list", h.ListContainers, dialect.AuthKey, dialect.NoBody, "the account's containers"),
		of("BulkContainers", "POST "+container+"/bulk", h.BulkContainers, dialect.AuthKey, dialect.JSONBody, doc500),
		of("GetContainer", "GET "+container+"/{id}", h.GetContainer, dialect.AuthKey, dialect.NoBody, "one of them, with its links"),
		of("UpdateContainer", "PUT "+container+"/{id}", h.UpdateContainer, dialect.AuthKey, dialect.JSONBody, "rename it, set its password, replace its links"),
		of("DeleteContainer", "DELETE "+container+"/{id}", h.DeleteContainer, dialect.AuthKey, dialect.NoBody, "end it, under both its ids"),
	}
}

func (h *Handler) accountRoutes() []dialect.Route {
	const hooks = api + "/account/webhooks"
	return []dialect.Route{
		h.metered(routeToken, "POST "+api+"/oauth/token", h.IssueToken, dialect.AuthNone, dialect.FormBody, "OAuth 2: client credentials for a bearer token"),
		h.metered("ListWebhooks", "GET "+hooks, h.ListWebhooks, dialect.AuthAccount, dialect.NoBody, "the account's webhooks"),
		h.metered("CreateWebhook", "POST "+hooks, h.CreateWebhook, dialect.AuthAccount, dialect.JSONBody, "be told of events; the only answer with the secret"),
		h.metered("GetWebhook", "GET "+hooks+"/{id}", h.GetWebhook, dialect.AuthAccount, dialect.NoBody, "one of them"),
		h.metered("UpdateWebhook", "PUT "+hooks+"/{id}", h.UpdateWebhook, dialect.AuthAccount, dialect.JSONBody, "change it, switch it off and on, ask for another secret"),
		h.metered("DeleteWebhook", "DELETE "+hooks+"/{id}", h.DeleteWebhook, dialect.AuthAccount, dialect.NoBody, "end it"),
		h.metered("ListDeliveries", "GET "+hooks+"/{id}/deliveries", h.ListDeliveries, dialect.AuthAccount, dialect.NoBody, "what was sent to it, newest first"),
		h.metered("ReplayWebhook", "POST "+hooks+"/{id}/replay", h.ReplayWebhook, dialect.AuthAccount, dialect.JSONBody, "send again"),
		h.metered("RegenerateAPIKey", "POST "+api+"/account/api-key/regenerate", h.RegenerateAPIKey, dialect.AuthAccount, dialect.NoBody, "another API key; the old one dies at once"),
	}
}
