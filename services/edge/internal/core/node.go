package core

import (
	"context"
	"fmt"
	"net/http"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// StatNode finds a file or folder of the drive by its path; "" is the root.
func (c *Core) StatNode(ctx context.Context, p authv1.Principal, path string) (objectv1.Node, error) {
	n, err := c.Objects.StatNode(ctx, objectv1.NodeRequest{Principal: p, Path: path})
	if err != nil {
		return objectv1.Node{}, fmt.Errorf("reading a node: %w", err)
	}
	return n, nil
}

// ListFolder reads a page of what a folder holds.
func (c *Core) ListFolder(ctx context.Context, r objectv1.ListFolderRequest) (objectv1.ListFolderResponse, error) {
	l, err := c.Objects.ListFolder(ctx, r)
	if err != nil {
		return objectv1.ListFolderResponse{}, fmt.Errorf("listing a folder: %w", err)
	}
	return l, nil
}

// MakeFolder makes a folder in one that is there.
func (c *Core) MakeFolder(ctx context.Context, p authv1.Principal, path string) error {
	if _, err := c.Objects.MakeFolder(ctx, objectv1.MakeFolderRequest{Principal: p, Path: path}); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	return nil
}

// MoveNode gives a file or folder another path.
func (c *Core) MoveNode(ctx context.Context, r objectv1.MoveNodeRequest) error {
	if _, err := c.Objects.MoveNode(ctx, r); err != nil {
		return fmt.Errorf("moving a node: %w", err)
	}
	return nil
}

// RemoveNode removes a file, or a folder with all that is in it.
func (c *Core) RemoveNode(ctx context.Context, r objectv1.RemoveNodeRequest) error {
	if _, err := c.Objects.RemoveNode(ctx, r); err != nil {
		return fmt.Errorf("removing a node: %w", err)
	}
	return nil
}

// SetModTime says when the content of the file at path was last changed.
func (c *Core) SetModTime(ctx context.Context, p authv1.Principal, path string, t time.Time) error {
	if _, err := c.Objects.UpdateFile(ctx, objectv1.UpdateFileRequest{Principal: p, Path: path, ModTime: &t}); err != nil {
		return fmt.Errorf("setting a file's time: %w", err)
	}
	return nil
}

// SendNode answers a GET or HEAD with the bytes of a file to its owner, by
// conditions and ranges; Last-Modified is the time that the file was given.
func (c *Core) SendNode(w http.ResponseWriter, r *http.Request, n objectv1.Node, typ string) error {
	return c.Transfer.Send(w, r, transfer.Source{ETag: n.Object.ETag, Modified: n.ModTime, Type: typ, Manifest: n.Object.Manifest}) //nolint:wrapcheck // it says what was being done
}
