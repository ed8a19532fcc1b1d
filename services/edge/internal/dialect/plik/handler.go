package plik

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Handler speaks Plik. It is safe for concurrent use.
type Handler struct {
	core   *core.Core
	client *http.Client // speaks to providers
	openID *openID

	clients *clientsFolder
}

// New makes the dialect.
func New(c *core.Core) *Handler {
	return &Handler{core: c, client: newProviderClient(), openID: &openID{}, clients: &clientsFolder{dir: c.Plik.ClientsDir}}
}

// Name implements dialect.Dialect.
func (h *Handler) Name() string { return "plik" }

// Owns implements dialect.Dialect: the root, and with it everything that nobody
// else knows (README of the dialects, unknown paths).
func (h *Handler) Owns() []string {
	if p := h.core.Plik.Path; p != "" {
		return []string{"", p}
	}
	return []string{""}
}

// takes refuses what only seems to be a route's: HEAD where Plik has none, which
// ServeMux gives to a GET, and a segment that holds a slash (plik-wire.md 1, 2).
func takes(r *http.Request) error {
	rt := dialect.CallOf(r).Route
	if r.Method == http.MethodHead && !slices.Contains(downloads(), rt.Name) && !slices.Contains(statics(), rt.Name) {
		return dialect.ErrMethodNotAllowed
	}
	for _, name := range []string{"uploadID", "fileID", "filename", "userID", "token"} {
		if strings.Contains(r.PathValue(name), "/") {
			return dialect.ErrNoRoute
		}
	}
	return nil
}

// downloads are the routes that have HEAD and send browsers to the page when
// they fail.
func downloads() []string { return []string{"GetFile", "GetStream", "GetArchive"} }

// statics are the routes of files that lie beside the API.
func statics() []string { return []string{"GetClient", "GetChangelog"} }
