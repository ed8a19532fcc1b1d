package web

import (
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// apiPage is the page of an account's API key (locknex.md, Containers).
type apiPage struct {
	frame
	Base    string
	Key     string     // only on the answer that made it
	MadeAt  *time.Time // of the key that there is; nil: none, or not known
	Example string
}

// adjust says what the answer depends on.
func (apiPage) adjust(head http.Header) { head.Set("Vary", "Accept-Language, Cookie") }

// ShowAPIKey answers GET /apip.
func (h *Handler) ShowAPIKey(w http.ResponseWriter, r *http.Request) error {
	tokens, err := h.core.ListTokens(r.Context(), dialect.CallOf(r).Caller)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v := apiPage{}
	for _, t := range tokens.Tokens {
		if t.Kind == authv1.TokenAPIKey {
			v.MadeAt = &t.CreatedAt
		}
	}
	return h.showAPIKey(w, r, http.StatusOK, v)
}

func (h *Handler) showAPIKey(w http.ResponseWriter, r *http.Request, status int, v apiPage) error {
	canonical := v.Canonical
	v.frame = h.containerFrame(r, "", "container.js")
	v.Title, v.Canonical, v.Base = v.T("API key"), canonical, dialect.CallOf(r).BaseURL
	key := v.Key
	if key == "" {
		key = v.T("YOUR_API_KEY")
	}
	v.Example = `curl -X POST "` + v.Base + `/api/v1/container/create" -H "Content-Type: application/json" -H "X-API-Key: ` + key +
		`" -d '{"title":"Linux ISOs","links":["https://ddownload.com/file/abc"]}'`
	return h.render(w, status, "apip", v)
}

// RegenerateAPIKey answers POST /apip: the key is on the page that follows, and on
// no other; the one before dies at once.
func (h *Handler) RegenerateAPIKey(w http.ResponseWriter, r *http.Request) error {
	t, err := h.core.RotateAPIKey(r.Context(), dialect.CallOf(r).Caller)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v := apiPage{Key: t.Token, MadeAt: &t.CreatedAt}
	v.Canonical = "/apip"
	return h.showAPIKey(w, r, http.StatusCreated, v)
}
