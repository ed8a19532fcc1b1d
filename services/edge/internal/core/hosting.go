package core

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// hostedHead is how much of a file is read before the store is asked, bytes: a
// file within it needs no reservation.
const hostedHead = 32 << 10

// ErrEmptyFile is of an upload without a byte; nothing is stored.
var ErrEmptyFile = fault.New(fault.Invalid, "edge.empty_file", "the file has no bytes; nothing was stored")

// HostingSettings is how the file hosting API behaves.
type HostingSettings struct {
	// StrictStatus gives the sentences that yetishare.md documents as 200 the status
	// of what they say.
	StrictStatus bool
	FetchLimit   int // remote URLs that an account may have under way
}

// Intake is a file on its way into a folder of the caller's drive.
type Intake struct {
	Name string // as CleanFileName gives it
	Type string // media type; empty: told by the content
	// FolderID counts as it is when Body has ended: what stands behind the file may
	// still say it. "" is the root.
	FolderID *string
	// Body ends with io.EOF only when all of the request is there.
	Body   io.Reader
	Origin objectv1.Origin
}

// TakeIn stores a file from a stream with its MD5, in constant memory, under its
// name or the next free one. Codes: edge.empty_file, those of transfer.Engine.Put.
func (c *Core) TakeIn(ctx context.Context, by Caller, in Intake) (objectv1.Object, error) {
	head := make([]byte, hostedHead)
	n, err := io.ReadFull(in.Body, head)
	put := transfer.Put{
		Principal: by.Principal, Bucket: objectv1.DriveBucket, Key: in.Name, Size: -1,
		Body: io.MultiReader(bytes.NewReader(head[:n]), in.Body), Origin: in.Origin, Keep: []blob.Algorithm{blob.MD5},
		File: &objectv1.FileOptions{Conflict: objectv1.ConflictRename, FolderID: in.FolderID},
	}
	switch {
	case err == io.EOF: //nolint:errorlint // ReadFull's own; a body that broke off wraps its
		return objectv1.Object{}, ErrEmptyFile
	case err == io.ErrUnexpectedEOF: //nolint:errorlint // as above
		put.Size, put.Body = int64(n), bytes.NewReader(head[:n])
	case err != nil:
		return objectv1.Object{}, fmt.Errorf("receiving a file: %w", err)
	}
	if put.Metadata.ContentType = in.Type; in.Type == "" {
		put.Metadata.ContentType = sniff(head[:n])
	}
	stored, err := c.Transfer.Put(ctx, put)
	if err != nil {
		return objectv1.Object{}, err //nolint:wrapcheck // it says what was being done
	}
	return stored.Object, withFile(stored.Object)
}

// CleanNodeName makes of what somebody wants a file or folder to be called a name
// that it can have: as CleanFileName, but a slash is a part of the name and
// becomes "_". ok is false where nothing is left of it.
func CleanNodeName(name string) (clean string, ok bool) {
	clean, ok = CleanFileName(strings.ReplaceAll(name, "/", "_"))
	return clean, ok && (clean != fallbackName || strings.Contains(name, fallbackName))
}

// FindNode finds a node of the drive: objectv1.DriveService.
func (c *Core) FindNode(ctx context.Context, r objectv1.FindNodeRequest) (objectv1.DriveNode, error) {
	n, err := c.Drive.FindNode(ctx, r)
	return n, doing("looking a node up", err)
}

// ListChildren reads a page of what a folder holds.
func (c *Core) ListChildren(ctx context.Context, r objectv1.ListChildrenRequest) (objectv1.ListChildrenResponse, error) {
	l, err := c.Drive.ListChildren(ctx, r)
	return l, doing("listing a folder", err)
}

// MakeSubfolder makes a folder in another one.
func (c *Core) MakeSubfolder(ctx context.Context, r objectv1.MakeSubfolderRequest) (objectv1.DriveNode, error) {
	n, err := c.Drive.MakeSubfolder(ctx, r)
	return n, doing("making a folder", err)
}

// ChangeNode renames, moves and describes a node.
func (c *Core) ChangeNode(ctx context.Context, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	n, err := c.Drive.ChangeNode(ctx, r)
	return n, doing("changing a node", err)
}

// CopyFile makes a file of another one's content; no byte moves. A lost answer is
// asked for again.
func (c *Core) CopyFile(ctx context.Context, r objectv1.CopyFileRequest) (objectv1.DriveNode, error) {
	r.VersionID = objectv1.NewVersionID()
	n, err := c.Drive.CopyFile(ctx, r)
	return n, doing("copying a file", err)
}

// TrashNode puts a node into the trash.
func (c *Core) TrashNode(ctx context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	n, err := c.Drive.TrashNode(ctx, r)
	return n, doing("putting a node into the trash", err)
}

// RestoreNode takes a node out of the trash.
func (c *Core) RestoreNode(ctx context.Context, r objectv1.DriveNodeRequest) (objectv1.DriveNode, error) {
	n, err := c.Drive.RestoreNode(ctx, r)
	return n, doing("taking a node out of the trash", err)
}

// ListTrash reads a page of the trash.
func (c *Core) ListTrash(ctx context.Context, r objectv1.ListTrashRequest) (objectv1.ListChildrenResponse, error) {
	l, err := c.Drive.ListTrash(ctx, r)
	return l, doing("listing the trash", err)
}

// PurgeNode removes what lies in the trash for good.
func (c *Core) PurgeNode(ctx context.Context, r objectv1.DriveNodeRequest) error {
	_, err := c.Drive.PurgeNode(ctx, r)
	return doing("purging a node", err)
}

// SearchNodes reads a page of what everybody may find.
func (c *Core) SearchNodes(ctx context.Context, r objectv1.SearchNodesRequest) (objectv1.ListChildrenResponse, error) {
	l, err := c.Drive.SearchNodes(ctx, r)
	return l, doing("searching", err)
}

// doing says what was being done when err came.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
