package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Enter implements authv1.Service.
func (e *Endpoint) Enter(context.Context, authv1.EnterRequest) (authv1.Session, error) {
	return authv1.Session{}, fault.ErrUnavailable
}

// CreateUser implements authv1.Service.
func (e *Endpoint) CreateUser(context.Context, authv1.CreateUserRequest) (authv1.Account, error) {
	return authv1.Account{}, fault.ErrUnavailable
}

// UpdateUser implements authv1.Service.
func (e *Endpoint) UpdateUser(context.Context, authv1.UpdateUserRequest) (authv1.Account, error) {
	return authv1.Account{}, fault.ErrUnavailable
}

// DeleteUser implements authv1.Service.
func (e *Endpoint) DeleteUser(context.Context, authv1.DeleteUserRequest) (authv1.Empty, error) {
	return authv1.Empty{}, fault.ErrUnavailable
}

// ListUsers implements authv1.Service.
func (e *Endpoint) ListUsers(context.Context, authv1.ListUsersRequest) (authv1.ListUsersResponse, error) {
	return authv1.ListUsersResponse{}, fault.ErrUnavailable
}

// PageTokens implements authv1.Service.
func (e *Endpoint) PageTokens(context.Context, authv1.PageTokensRequest) (authv1.PageTokensResponse, error) {
	return authv1.PageTokensResponse{}, fault.ErrUnavailable
}
