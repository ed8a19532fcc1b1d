package endpoint

import (
	"context"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// RotateToken implements authv1.Service.
func (e *Endpoint) RotateToken(context.Context, authv1.RotateTokenRequest) (authv1.CreatedToken, error) {
	return authv1.CreatedToken{}, fault.ErrUnavailable
}
