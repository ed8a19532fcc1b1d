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
)

const (
	creatingUser = "unable to create user : "
	changingUser = "unable to update user : "
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
	dialect.CallOf(r).Key = u.Provider + ":" + u.Login
	a, err := h.core.CreatePlikUser(r.Context(), callerOf(r), authv1.CreateUserRequest{
		Identity: authv1.Identity{Provider: authv1.Provider(u.Provider), Login: u.Login}, Password: u.Password,
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
// limits. Another password ends all sessions but this one.
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
