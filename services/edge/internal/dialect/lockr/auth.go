package lockr

import (
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Authenticate implements dialect.Dialect. A credential that does not hold is
// refused also where none is needed (lockr.md, Statuses).
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if class == dialect.AuthNone {
		return core.Caller{}, nil
	}
	caller, there, err := h.core.FromRequest(r, dialect.CallOf(r).Source)
	switch {
	case err != nil:
		return core.Caller{}, err //nolint:wrapcheck // it says what was being done
	case there:
		return caller, nil
	case class == dialect.AuthGuest:
		return h.core.Guest(), nil
	}
	return core.Caller{}, authv1.ErrBadToken.Msgf("this route takes an account: a bearer token, or a name and password by Basic")
}

// callerOf is who Authenticate found.
func callerOf(r *http.Request) core.Caller { return dialect.CallOf(r).Caller }

// uploader is the caller of a request that begins an upload, if the address may
// begin one more.
func (h *Handler) uploader(r *http.Request) (core.Caller, error) {
	by := callerOf(r)
	return by, h.core.Admission.Upload(by, dialect.CallOf(r).Source) //nolint:wrapcheck // it says what was being done
}

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "lockr"}
}

// secure reports whether the client came over TLS.
func secure(r *http.Request) bool { return strings.HasPrefix(dialect.CallOf(r).BaseURL, "https:") }
