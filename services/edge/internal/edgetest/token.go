package edgetest

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// CreateToken implements authv1.Service.
func (*Auth) CreateToken(context.Context, authv1.CreateTokenRequest) (authv1.CreatedToken, error) {
	return authv1.CreatedToken{}, fault.ErrUnavailable
}

// ListTokens implements authv1.Service.
func (*Auth) ListTokens(context.Context, authv1.ListTokensRequest) (authv1.ListTokensResponse, error) {
	return authv1.ListTokensResponse{}, fault.ErrUnavailable
}

// RevokeToken implements authv1.Service.
func (*Auth) RevokeToken(context.Context, authv1.RevokeTokenRequest) (authv1.Empty, error) {
	return authv1.Empty{}, fault.ErrUnavailable
}

// ChangePassword implements authv1.Service.
func (*Auth) ChangePassword(context.Context, authv1.ChangePasswordRequest) (authv1.Account, error) {
	return authv1.Account{}, fault.ErrUnavailable
}

// DeleteAccount implements authv1.Service.
func (*Auth) DeleteAccount(context.Context, authv1.DeleteAccountRequest) (authv1.Empty, error) {
	return authv1.Empty{}, fault.ErrUnavailable
}

// SetAccount implements authv1.Service.
func (*Auth) SetAccount(context.Context, authv1.SetAccountRequest) (authv1.Account, error) {
	return authv1.Account{}, fault.ErrUnavailable
}
