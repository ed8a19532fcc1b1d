package core

import (
	"context"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// CreateSession opens a resumable session for a new file of the caller's, under
// r.Key or the next free name; r's Principal, Bucket and File are set here, but for
// the folder that r.File may name.
func (c *Core) CreateSession(ctx context.Context, by Caller, keyHash string, r uploadv1.CreateSessionRequest) (uploadv1.CreatedSession, error) {
	options, err := c.FileOptions(by, keyHash)
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	if r.File != nil {
		options.FolderID = r.File.FolderID
	}
	r.File = options
	r.Principal, r.Bucket = by.Principal, objectv1.DriveBucket
	s, err := c.Uploads.CreateSession(ctx, r)
	if err != nil {
		return uploadv1.CreatedSession{}, fmt.Errorf("opening an upload session: %w", err)
	}
	return s, nil
}

// SessionState tells how far a session is: transfer.Sessions.State.
func (c *Core) SessionState(ctx context.Context, secret string, size int64) (uploadv1.Session, error) {
	s, err := c.Sessions.State(ctx, secret, size)
	return s, sessionFault(s, err)
}

// WriteSession takes a piece of a session's file: transfer.Sessions.Write.
func (c *Core) WriteSession(ctx context.Context, p transfer.Piece) (uploadv1.Session, error) {
	s, err := c.Sessions.Write(ctx, p)
	return s, sessionFault(s, err)
}

// CancelSession gives a session up.
func (c *Core) CancelSession(ctx context.Context, secret string) error {
	return c.Sessions.Cancel(ctx, secret) //nolint:wrapcheck // it says what was being done
}

// sessionFault makes sure that what is finished says which file it is.
func sessionFault(s uploadv1.Session, err error) error {
	if err != nil || s.Result == nil {
		return err
	}
	return withFile(*s.Result)
}
