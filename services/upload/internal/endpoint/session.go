package endpoint

import (
	"context"
	"encoding/base64"
	"encoding/json"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/upload/internal/compose"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// Bounds of what a session's document keeps for others, bytes.
const (
	maxMidstate = 4 << 10
	maxMetadata = 64 << 10 // as JSON; object has its own rules
)

// CreateSession implements uploadv1.Service.
func (u *Upload) CreateSession(ctx context.Context, r uploadv1.CreateSessionRequest) (uploadv1.CreatedSession, error) {
	if err := checkCreate(r); err != nil {
		return uploadv1.CreatedSession{}, err
	}
	x, secret, err := u.s.Create(ctx, r)
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	return uploadv1.CreatedSession{Session: wireSession(x), Secret: secret}, nil
}

// GetSession implements uploadv1.Service.
func (u *Upload) GetSession(ctx context.Context, r uploadv1.SessionRequest) (uploadv1.Session, error) {
	if err := checkSecret(r.Secret); err != nil {
		return uploadv1.Session{}, err
	}
	x, err := u.s.Get(ctx, r.Secret)
	if err != nil {
		return uploadv1.Session{}, err
	}
	return wireSession(x), nil
}

// AcquireSession implements uploadv1.Service.
func (u *Upload) AcquireSession(ctx context.Context, r uploadv1.AcquireSessionRequest) (uploadv1.SessionLease, error) {
	if err := checkSecret(r.Secret); err != nil {
		return uploadv1.SessionLease{}, err
	}
	if r.Size < -1 {
		return uploadv1.SessionLease{}, fault.ErrInvalid.Msgf("size is -1 or more")
	}
	x, err := u.s.Acquire(ctx, r)
	if err != nil {
		return uploadv1.SessionLease{}, err
	}
	return wireLease(x), nil
}

// AppendSession implements uploadv1.Service.
func (u *Upload) AppendSession(ctx context.Context, r uploadv1.AppendSessionRequest) (uploadv1.SessionLease, error) {
	if err := checkSecret(r.Secret); err != nil {
		return uploadv1.SessionLease{}, err
	}
	if err := checkAppend(r); err != nil {
		return uploadv1.SessionLease{}, err
	}
	x, err := u.s.Append(ctx, r)
	if err != nil {
		return uploadv1.SessionLease{}, err
	}
	return wireLease(x), nil
}

// ReleaseSession implements uploadv1.Service.
func (u *Upload) ReleaseSession(ctx context.Context, r uploadv1.ReleaseSessionRequest) (uploadv1.Empty, error) {
	if checkSecret(r.Secret) != nil {
		return uploadv1.Empty{}, nil // nobody has it
	}
	return uploadv1.Empty{}, u.s.Release(ctx, r)
}

// FinishSession implements uploadv1.Service.
func (u *Upload) FinishSession(ctx context.Context, r uploadv1.FinishSessionRequest) (objectv1.Object, error) {
	if err := checkSecret(r.Secret); err != nil {
		return objectv1.Object{}, err
	}
	if r.Size < 0 {
		return objectv1.Object{}, fault.ErrInvalid.Msgf("size is not negative")
	}
	if err := compose.Check(r.Digests); err != nil {
		return objectv1.Object{}, fault.ErrInvalid.Msgf("digests: %v", err)
	}
	return u.s.Finish(ctx, r)
}

// CancelSession implements uploadv1.Service.
func (u *Upload) CancelSession(ctx context.Context, r uploadv1.SessionRequest) (uploadv1.Empty, error) {
	if err := checkSecret(r.Secret); err != nil {
		return uploadv1.Empty{}, err
	}
	return uploadv1.Empty{}, u.s.Cancel(ctx, r.Secret)
}

// checkSecret says of what cannot be a secret what is said of an unknown one.
func checkSecret(secret string) error {
	var key [32]byte
	if len(secret) != base64.RawURLEncoding.EncodedLen(len(key)) {
		return uploadv1.ErrSessionGone
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(key[:], []byte(secret)); err != nil || n != len(key) {
		return uploadv1.ErrSessionGone
	}
	return nil
}

func checkCreate(r uploadv1.CreateSessionRequest) error {
	extra := 0
	for name, value := range r.Extra {
		extra += len(name) + len(value)
	}
	meta, err := json.Marshal(r.Metadata)
	switch {
	case r.Principal.AccountID == "":
		return fault.ErrInvalid.Msgf("principal.accountId is missing")
	case r.Size < -1:
		return fault.ErrInvalid.Msgf("size is -1 or more")
	case extra > uploadv1.MaxSessionExtra:
		return fault.ErrInvalid.Msgf("extra has at most %d bytes", uploadv1.MaxSessionExtra)
	case err != nil || len(meta) > maxMetadata:
		return fault.ErrInvalid.Msgf("metadata has at most %d bytes", maxMetadata)
	}
	return nil
}

func checkAppend(r uploadv1.AppendSessionRequest) error {
	switch {
	case len(r.Contents) < 1 || len(r.Contents) > uploadv1.MaxAppend:
		return fault.ErrInvalid.Msgf("1 to %d contents are appended at once", uploadv1.MaxAppend)
	case r.Offset < 0:
		return fault.ErrInvalid.Msgf("offset is not negative")
	case len(r.Midstate) > maxMidstate:
		return fault.ErrInvalid.Msgf("midstate has at most %d bytes", maxMidstate)
	}
	for n, c := range r.Contents {
		size := c.Manifest.Size
		switch {
		case c.ContentID == "" || len(c.ContentID) > maxID:
			return fault.ErrInvalid.Msgf("contentId has 1 to %d bytes", maxID)
		case size < 1 || size > uploadv1.SessionUnit, size < uploadv1.SessionUnit && n < len(r.Contents)-1:
			return fault.ErrInvalid.Msgf("each content but the last has %d bytes", uploadv1.SessionUnit)
		}
	}
	return nil
}

func wireSession(x domain.Session) uploadv1.Session {
	out := uploadv1.Session{
		ID: x.ID, AccountID: x.Ticket.AccountID, NodeID: x.Ticket.NodeID, Bucket: x.Bucket, Key: x.Key, Region: x.Ticket.Region,
		KeyDomain: x.Ticket.KeyDomain, Type: x.Meta.ContentType, Size: x.Size, MaxSize: x.Ticket.MaxSize, Offset: x.Offset, Midstate: x.Midstate,
		CreatedAt: x.Began, ExpiresAt: x.Expires, Extra: x.Extra, Result: x.Answer,
	}
	if x.File != nil {
		out.KeyHash = x.File.KeyHash
		if x.File.ExpiresAt != nil {
			out.FileExpiry = *x.File.ExpiresAt
		}
	}
	return out
}

func wireLease(x domain.Session) uploadv1.SessionLease {
	return uploadv1.SessionLease{Session: wireSession(x), Fence: x.Fence, LeaseTill: x.LeaseTill, Tail: x.Tail}
}
