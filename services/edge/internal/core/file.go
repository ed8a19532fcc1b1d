package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// FileOptions is what a new file of the caller's gets: its key, the name beside
// those that are there, and the end of a guest's. keyHash "" means no key.
// Codes: invalid_request, edge.guest_key.
func (c *Core) FileOptions(by Caller, keyHash string) (*objectv1.FileOptions, error) {
	if by.Guest() && keyHash != "" {
		return nil, ErrGuestKey
	}
	key, err := c.StoredKey(keyHash)
	if err != nil {
		return nil, err
	}
	o := &objectv1.FileOptions{Conflict: objectv1.ConflictRename, KeyHash: key}
	if by.Guest() {
		ends := c.Now().Add(c.Guests.TTL).UTC().Truncate(time.Millisecond)
		o.ExpiresAt = &ends
	}
	return o, nil
}

// PutFile stores a new file of the caller's from a stream, under in.Key or the
// next free name; in's Bucket, File and Principal are set here.
func (c *Core) PutFile(ctx context.Context, by Caller, keyHash string, in transfer.Put) (objectv1.Object, error) {
	var err error
	if in.File, err = c.FileOptions(by, keyHash); err != nil {
		return objectv1.Object{}, err
	}
	in.Principal, in.Bucket = by.Principal, objectv1.DriveBucket
	stored, err := c.Transfer.Put(ctx, in)
	if err != nil {
		return objectv1.Object{}, err //nolint:wrapcheck // it says what was being done
	}
	return stored.Object, withFile(stored.Object)
}

// ListFiles reads a page of all files of the caller's drive, newest first.
func (c *Core) ListFiles(ctx context.Context, by Caller, after string, limit int) (objectv1.ListFilesResponse, error) {
	l, err := c.Objects.ListFiles(ctx, objectv1.ListFilesRequest{Principal: by.Principal, After: after, Limit: limit})
	if err != nil {
		return objectv1.ListFilesResponse{}, fmt.Errorf("listing files: %w", err)
	}
	for _, o := range l.Files {
		if err := withFile(o); err != nil {
			return objectv1.ListFilesResponse{}, err
		}
	}
	return l, nil
}

// File gives anybody's file by its public id, with its bytes' manifest: what a
// page about it shows. Codes: object.node_not_found.
func (c *Core) File(ctx context.Context, publicID string) (objectv1.Object, error) {
	id, err := ParseFileID(publicID)
	if err != nil {
		return objectv1.Object{}, err
	}
	o, err := c.Objects.StatFile(ctx, objectv1.StatFileRequest{NodeID: id.NodeID})
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("looking a file up: %w", noFile(err))
	}
	return o, withFile(o)
}

// RegisterFile makes a guest's file the caller's.
func (c *Core) RegisterFile(ctx context.Context, by Caller, publicID string, origin objectv1.Origin) (objectv1.Object, error) {
	id, err := ParseFileID(publicID)
	if err != nil {
		return objectv1.Object{}, err
	}
	o, err := c.Objects.RegisterFile(ctx, objectv1.RegisterFileRequest{Principal: by.Principal, NodeID: id.NodeID, Origin: origin})
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("registering a file: %w", noFile(err))
	}
	return o, withFile(o)
}

// SetFileKey gives a file of the caller's a key, or with "" takes it away.
func (c *Core) SetFileKey(ctx context.Context, by Caller, publicID, keyHash string) (objectv1.Object, error) {
	id, err := ParseFileID(publicID)
	if err != nil {
		return objectv1.Object{}, err
	}
	key, err := c.StoredKey(keyHash)
	if err != nil {
		return objectv1.Object{}, err
	}
	if key == nil {
		key = []byte{} // not nil, which would leave the key alone
	}
	o, err := c.Objects.UpdateFile(ctx, objectv1.UpdateFileRequest{Principal: by.Principal, NodeID: id.NodeID, KeyHash: &key})
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("setting a file's key: %w", noFile(err))
	}
	return o, withFile(o)
}

// DeleteFile removes a file of the caller's.
func (c *Core) DeleteFile(ctx context.Context, by Caller, publicID string, origin objectv1.Origin) error {
	id, err := ParseFileID(publicID)
	if err != nil {
		return err
	}
	if _, err := c.Objects.RemoveNode(ctx, objectv1.RemoveNodeRequest{Principal: by.Principal, NodeID: id.NodeID, Origin: origin}); err != nil {
		return fmt.Errorf("deleting a file: %w", noFile(err))
	}
	return nil
}

// Usage of the caller's account, logical bytes.
func (c *Core) Usage(ctx context.Context, p authv1.Principal) (objectv1.Usage, error) {
	u, err := c.Objects.GetUsage(ctx, objectv1.GetUsageRequest{AccountID: p.AccountID})
	if err != nil {
		return objectv1.Usage{}, fmt.Errorf("reading an account's usage: %w", err)
	}
	return u, nil
}

// CheckRegion refuses a region that content cannot live in, naming those it can.
func (c *Core) CheckRegion(name string) error {
	for _, r := range c.Regions {
		if r == name {
			return nil
		}
	}
	return objectv1.ErrUnknownRegion.Msgf("there is no region of this name; the regions are %s", strings.Join(c.Regions, ", "))
}

// noFile speaks of files where object speaks of nodes.
func noFile(err error) error {
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		return ErrNoFile.Because(err)
	}
	return err
}

// withFile makes sure that an object of the drive says which file it is.
func withFile(o objectv1.Object) error {
	if o.File == nil {
		return fmt.Errorf("object %s of the drive came without its file", o.VersionID)
	}
	return nil
}
