package edgetest

import (
	"context"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// CreateSession implements uploadv1.Service.
func (Upload) CreateSession(context.Context, uploadv1.CreateSessionRequest) (uploadv1.CreatedSession, error) {
	return uploadv1.CreatedSession{}, fault.ErrUnavailable
}

// GetSession implements uploadv1.Service.
func (Upload) GetSession(context.Context, uploadv1.SessionRequest) (uploadv1.Session, error) {
	return uploadv1.Session{}, fault.ErrUnavailable
}

// AcquireSession implements uploadv1.Service.
func (Upload) AcquireSession(context.Context, uploadv1.AcquireSessionRequest) (uploadv1.SessionLease, error) {
	return uploadv1.SessionLease{}, fault.ErrUnavailable
}

// AppendSession implements uploadv1.Service.
func (Upload) AppendSession(context.Context, uploadv1.AppendSessionRequest) (uploadv1.SessionLease, error) {
	return uploadv1.SessionLease{}, fault.ErrUnavailable
}

// ReleaseSession implements uploadv1.Service.
func (Upload) ReleaseSession(context.Context, uploadv1.ReleaseSessionRequest) (uploadv1.Empty, error) {
	return uploadv1.Empty{}, fault.ErrUnavailable
}

// FinishSession implements uploadv1.Service.
func (Upload) FinishSession(context.Context, uploadv1.FinishSessionRequest) (objectv1.Object, error) {
	return objectv1.Object{}, fault.ErrUnavailable
}

// CancelSession implements uploadv1.Service.
func (Upload) CancelSession(context.Context, uploadv1.SessionRequest) (uploadv1.Empty, error) {
	return uploadv1.Empty{}, fault.ErrUnavailable
}
