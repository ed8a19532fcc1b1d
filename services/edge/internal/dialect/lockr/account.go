package lockr

import (
	"net/http"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxField bounds what people type, in bytes, before anything is made of it.
const maxField = 1024

// Login answers POST /api/v1/login.
func (h *Handler) Login(w http.ResponseWriter, r *http.Request) error {
	var body wireLogin
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := typed(field{"identifier", body.Identifier}, field{"password", body.Password}); err != nil {
		return err
	}
	s, err := h.core.Login(r.Context(), authv1.LoginRequest{Identifier: body.Identifier, Password: body.Password, Source: dialect.CallOf(r).Source})
	if err != nil {
		return err
	}
	return h.session(w, r, http.StatusOK, s)
}

// CreateAccount answers POST /api/v1/account.
func (h *Handler) CreateAccount(w http.ResponseWriter, r *http.Request) error {
	var body wireSignUp
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := typed(field{"username", body.Username}, field{"email", body.Email}, field{"password", body.Password}); err != nil {
		return err
	}
	s, err := h.core.CreateAccount(r.Context(), authv1.CreateAccountRequest{
		Username: body.Username, Email: body.Email, Password: body.Password, Source: dialect.CallOf(r).Source,
	})
	if err != nil {
		return err
	}
	return h.session(w, r, http.StatusCreated, s)
}

func (h *Handler) session(w http.ResponseWriter, r *http.Request, status int, s core.Session) error {
	dialect.CallOf(r).AccountID = s.Account.ID
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, status, sessionToWire(s))
}

type field struct{ name, value string }

// typed refuses fields that are missing or absurdly long.
func typed(fields ...field) error {
	for _, f := range fields {
		if f.value == "" || len(f.value) > maxField {
			return fault.ErrInvalid.Msgf("%s is needed, %d bytes at most", f.name, maxField)
		}
	}
	return nil
}
