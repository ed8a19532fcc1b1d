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
	s, err := h.core.Login(r.Context(), authv1.LoginRequest{
		Identifier: body.Identifier, Password: body.Password, Source: dialect.CallOf(r).Source, Kind: authv1.TokenAPI, Name: body.Name,
	})
	if err != nil {
		return err
	}
	return h.session(w, r, http.StatusOK, s)
}

// Logout answers POST /api/v1/logout.
func (h *Handler) Logout(w http.ResponseWriter, r *http.Request) error {
	by := callerOf(r)
	if err := h.core.Logout(r.Context(), by); err != nil {
		return err
	}
	return gone(w, r)
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
	return answer(w, status, wireSession{Token: s.Token, TokenType: "Bearer", Account: h.accountToWire(s.Account, s.Used)})
}

// GetAccount answers GET /api/v1/account.
func (h *Handler) GetAccount(w http.ResponseWriter, r *http.Request) error {
	a, u, err := h.core.Account(r.Context(), callerOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, h.accountToWire(a, u.Used))
}

// UpdateAccount answers PATCH /api/v1/account.
func (h *Handler) UpdateAccount(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		DefaultRegion *string `json:"defaultRegion"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if body.DefaultRegion == nil {
		return fault.ErrInvalid.Msgf("defaultRegion is needed; nothing else can be changed here")
	}
	if err := h.core.SetRegion(r.Context(), callerOf(r), *body.DefaultRegion); err != nil {
		return err
	}
	return h.GetAccount(w, r)
}

// ChangePassword answers POST /api/v1/account/password.
func (h *Handler) ChangePassword(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := typed(field{"current", body.Current}, field{"new", body.New}); err != nil {
		return err
	}
	if err := h.core.ChangePassword(r.Context(), callerOf(r), body.Current, body.New, dialect.CallOf(r).Source); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// DeleteAccount answers POST /api/v1/account/delete.
func (h *Handler) DeleteAccount(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Password string `json:"password"`
	}
	if err := dialect.ReadJSON(r, &body); err != nil {
		return err
	}
	if err := typed(field{"password", body.Password}); err != nil {
		return err
	}
	if err := h.core.DeleteAccount(r.Context(), callerOf(r), body.Password, dialect.CallOf(r).Source); err != nil {
		return err
	}
	return gone(w, r)
}

// gone answers what ended the credential of the request.
func gone(w http.ResponseWriter, r *http.Request) error {
	if callerOf(r).Cookie {
		http.SetCookie(w, core.EndedCookie(secure(r)))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer is WriteJSON of what is the caller's alone.
func answer(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, status, v)
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
