package plik

import (
	"errors"
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The refusals of what is said of users (plik-wire.md 14.1).
var (
	errNoUser   = fault.New(fault.NotFound, "plik.user_not_found", "user not found")
	errBadUser  = fault.New(fault.Invalid, "plik.bad_user", "unable to deserialize user")
	errMismatch = fault.New(fault.Invalid, "plik.user_mismatch", "user id mismatch")
	errUserRule = fault.New(fault.Invalid, "plik.user_rule", "the user is not valid")
)

const (
	minPassword     = 8 // bytes
	creatingUser    = "unable to create user : "
	changingUser    = "unable to update user : "
	shortLogin      = "login is too short (min 4 chars)"
	shortPassword   = "password is too short (min 8 chars)" //nolint:gosec // it is a sentence
	unknownProvider = "invalid provider"
)

// wireUser is a user (plik-wire.md 4.4).
type wireUser struct {
	ID          string    `json:"id,omitempty"`
	Provider    string    `json:"provider"`
	Login       string    `json:"login,omitempty"`
	Name        string    `json:"name,omitempty"`
	Email       string    `json:"email,omitempty"`
	Admin       bool      `json:"admin"`
	MaxFileSize int64     `json:"maxFileSize"`
	MaxUserSize int64     `json:"maxUserSize"`
	MaxTTL      int64     `json:"maxTTL"`
	CreatedAt   time.Time `json:"createdAt"`
}

func userToWire(a authv1.Account) wireUser {
	return wireUser{
		ID: core.PlikUserID(a), Provider: string(a.Identity.Provider), Login: a.Identity.Login, Name: a.Name, Email: a.Email, Admin: a.Admin,
		MaxFileSize: a.Plik.MaxFileSize, MaxUserSize: a.Plik.MaxUserSize, MaxTTL: a.Plik.MaxTTL, CreatedAt: a.CreatedAt.UTC(),
	}
}

// wireUserChange is as much of a user as requests say.
type wireUserChange struct {
	ID          string `json:"id"`
	Provider    string `json:"provider"`
	Login       string `json:"login"`
	Password    string `json:"password"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Admin       bool   `json:"admin"`
	MaxFileSize int64  `json:"maxFileSize"`
	MaxUserSize int64  `json:"maxUserSize"`
	MaxTTL      int64  `json:"maxTTL"`
}

func (u wireUserChange) limits() authv1.PlikLimits {
	return authv1.PlikLimits{MaxFileSize: u.MaxFileSize, MaxUserSize: u.MaxUserSize, MaxTTL: u.MaxTTL}
}

func userOf(r *http.Request) (wireUserChange, error) {
	var u wireUserChange
	raw, err := bodyOf(r)
	switch {
	case err != nil:
		return u, err
	case empty(raw):
		return u, errBadUser.Msgf("unable to deserialize user : missing")
	}
	if err := decode(raw, &u); err != nil {
		return u, errBadUser.Msgf("unable to deserialize user : %s", reason(err))
	}
	return u, nil
}

// CreateUser answers POST /user.
func (h *Handler) CreateUser(w http.ResponseWriter, r *http.Request) error {
	u, err := userOf(r)
	if err != nil {
		return err
	}
	provider := authv1.Provider(u.Provider)
	dialect.CallOf(r).Key = u.Provider + ":" + u.Login
	switch provider {
	case authv1.ProviderLocal, authv1.ProviderGoogle, authv1.ProviderOVH, authv1.ProviderOIDC:
	default:
		return errUserRule.Msgf(creatingUser + unknownProvider)
	}
	switch {
	case len(u.Login) < authv1.MinPlikLogin:
		return errUserRule.Msgf(creatingUser + shortLogin)
	case provider != authv1.ProviderLocal:
		u.Password = ""
	case len(u.Password) < minPassword:
		return errUserRule.Msgf(creatingUser + shortPassword)
	}
	a, err := h.core.CreatePlikUser(r.Context(), callerOf(r), authv1.CreateUserRequest{
		Identity: authv1.Identity{Provider: provider, Login: u.Login}, Password: u.Password,
		Name: u.Name, Email: u.Email, Admin: u.Admin, Plik: u.limits(),
	})
	if err != nil {
		return prefixed(creatingUser, err)
	}
	return answerPrivate(w, userToWire(a))
}

// named finds the user that the path names, for itself or for an administrator.
func (h *Handler) named(r *http.Request) (authv1.Account, error) {
	by, id := callerOf(r), r.PathValue("userID")
	dialect.CallOf(r).Key = id
	a, err := h.core.PlikUser(r.Context(), id)
	switch {
	case err == nil && a.ID == by.Principal.AccountID:
		return a, nil
	case !by.Principal.Admin:
		return a, authv1.ErrNotAdmin // who asks for others is not told whether there are any
	case err != nil:
		return a, userError(err)
	}
	return a, nil
}

// GetUser answers GET /user/{userID}.
func (h *Handler) GetUser(w http.ResponseWriter, r *http.Request) error {
	a, err := h.named(r)
	if err != nil {
		return err
	}
	return answerPrivate(w, userToWire(a))
}

// UpdateUser answers POST /user/{userID}: the body replaces name, e-mail, rights and
// limits.
func (h *Handler) UpdateUser(w http.ResponseWriter, r *http.Request) error {
	a, err := h.named(r)
	if err != nil {
		return err
	}
	u, err := userOf(r)
	if err != nil {
		return err
	}
	if u.ID != core.PlikUserID(a) {
		return errMismatch
	}
	if a.Identity.Provider != authv1.ProviderLocal {
		u.Password = ""
	}
	if u.Password != "" && len(u.Password) < minPassword {
		return errUserRule.Msgf(changingUser + shortPassword)
	}
	a, err = h.core.UpdatePlikUser(r.Context(), callerOf(r), authv1.UpdateUserRequest{
		AccountID: a.ID, Name: u.Name, Email: u.Email, Admin: u.Admin, Plik: u.limits(), Password: u.Password,
	})
	if err != nil {
		return prefixed(changingUser, userError(err))
	}
	return answerPrivate(w, userToWire(a))
}

// DeleteUser answers DELETE /user/{userID}.
func (h *Handler) DeleteUser(w http.ResponseWriter, r *http.Request) error {
	a, err := h.named(r)
	if err != nil {
		return err
	}
	if err := h.core.DeletePlikUser(r.Context(), callerOf(r), a.ID); err != nil {
		return userError(err)
	}
	return answerText(w, "ok")
}

// userError words what went wrong where a user was named.
func userError(err error) error {
	if errors.Is(err, authv1.ErrAccountNotFound) {
		return errNoUser
	}
	return err
}
