package objectv1

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// DriveService is the drive for those who name files and folders by ids, and
// their trash. What it shows is the drive of Service: one tree, one quota.
// Codes that every method may return: object.access_denied, object.account_closed.
type DriveService interface {
	// FindNode finds a node; of a file with its manifest. Codes:
	// object.node_not_found, also for another account's, one that is gone, has
	// expired, or lies in the trash, or in a folder that does.
	FindNode(ctx context.Context, r FindNodeRequest) (DriveNode, error)
	// ListChildren pages through a folder at a cost proportional to the page.
	// Codes: object.node_not_found, object.not_a_folder, invalid_request.
	ListChildren(ctx context.Context, r ListChildrenRequest) (ListChildrenResponse, error)
	// MakeSubfolder makes a folder. Codes: object.invalid_node_name,
	// object.node_exists, object.parent_not_found, object.not_a_folder.
	MakeSubfolder(ctx context.Context, r MakeSubfolderRequest) (DriveNode, error)
	// ChangeNode renames, moves and describes a node, at a cost that does not
	// depend on what is in it. Codes: object.node_not_found,
	// object.parent_not_found (the folder to come into), object.node_exists,
	// object.node_cycle, object.not_a_folder, object.invalid_node_name,
	// invalid_request.
	ChangeNode(ctx context.Context, r ChangeNodeRequest) (DriveNode, error)
	// CopyFile makes a file of another one's content; no byte moves. Codes:
	// object.node_not_found, object.parent_not_found, object.not_a_folder,
	// object.quota_exceeded.
	CopyFile(ctx context.Context, r CopyFileRequest) (DriveNode, error)

	// TrashNode puts a node into the trash, with all that is in it. It still counts
	// as stored. Idempotent. Codes: object.node_not_found.
	TrashNode(ctx context.Context, r DriveNodeRequest) (DriveNode, error)
	// RestoreNode takes a node out of the trash: to where it was, or into the root
	// when that is gone, under the next free name. Codes: object.node_not_found.
	RestoreNode(ctx context.Context, r DriveNodeRequest) (DriveNode, error)
	// ListTrash pages through the trash. Codes: invalid_request.
	ListTrash(ctx context.Context, r ListTrashRequest) (ListChildrenResponse, error)
	// PurgeNode removes what lies in the trash for good, as Service.RemoveNode does.
	// Codes: object.node_not_found, unavailable when much is left.
	PurgeNode(ctx context.Context, r DriveNodeRequest) (Empty, error)

	// SearchNodes pages through what everybody may find. Codes: invalid_request.
	SearchNodes(ctx context.Context, r SearchNodesRequest) (ListChildrenResponse, error)
}

// ErrParentNotFound is of a folder into which something should come.
var ErrParentNotFound = fault.New(fault.NotFound, "object.parent_not_found", "there is no such folder to put it into")

// The calls of DriveService.
var (
	FindNode      = rpc.Method[FindNodeRequest, DriveNode]{Subject: "object.v1.find_node", Idempotent: true}
	ListChildren  = rpc.Method[ListChildrenRequest, ListChildrenResponse]{Subject: "object.v1.list_children", Idempotent: true}
	MakeSubfolder = rpc.Method[MakeSubfolderRequest, DriveNode]{Subject: "object.v1.make_subfolder"}
	ChangeNode    = rpc.Method[ChangeNodeRequest, DriveNode]{Subject: "object.v1.change_node", Timeout: time.Minute}
	CopyFile      = rpc.Method[CopyFileRequest, DriveNode]{Subject: "object.v1.copy_file", Idempotent: true}
	TrashNode     = rpc.Method[DriveNodeRequest, DriveNode]{Subject: "object.v1.trash_node", Idempotent: true}
	RestoreNode   = rpc.Method[DriveNodeRequest, DriveNode]{Subject: "object.v1.restore_node"}
	ListTrash     = rpc.Method[ListTrashRequest, ListChildrenResponse]{Subject: "object.v1.list_trash", Idempotent: true}
	PurgeNode     = rpc.Method[DriveNodeRequest, Empty]{Subject: "object.v1.purge_node", Idempotent: true, Timeout: time.Minute}
	SearchNodes   = rpc.Method[SearchNodesRequest, ListChildrenResponse]{Subject: "object.v1.search_nodes", Idempotent: true}
)

// NewDriveClient gives the DriveService that calls object over c. Its methods add
// the faults of pkg/rpc to those of the contract.
func NewDriveClient(c *rpc.Client) DriveService { return driveClient{c} }

type driveClient struct{ rpc *rpc.Client }

func (c driveClient) FindNode(ctx context.Context, r FindNodeRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, FindNode, r)
}

func (c driveClient) ListChildren(ctx context.Context, r ListChildrenRequest) (ListChildrenResponse, error) {
	return rpc.Call(ctx, c.rpc, ListChildren, r)
}

func (c driveClient) MakeSubfolder(ctx context.Context, r MakeSubfolderRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, MakeSubfolder, r)
}

func (c driveClient) ChangeNode(ctx context.Context, r ChangeNodeRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, ChangeNode, r)
}

func (c driveClient) CopyFile(ctx context.Context, r CopyFileRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, CopyFile, r)
}

func (c driveClient) TrashNode(ctx context.Context, r DriveNodeRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, TrashNode, r)
}

func (c driveClient) RestoreNode(ctx context.Context, r DriveNodeRequest) (DriveNode, error) {
	return rpc.Call(ctx, c.rpc, RestoreNode, r)
}

func (c driveClient) ListTrash(ctx context.Context, r ListTrashRequest) (ListChildrenResponse, error) {
	return rpc.Call(ctx, c.rpc, ListTrash, r)
}

func (c driveClient) PurgeNode(ctx context.Context, r DriveNodeRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, PurgeNode, r)
}

func (c driveClient) SearchNodes(ctx context.Context, r SearchNodesRequest) (ListChildrenResponse, error) {
	return rpc.Call(ctx, c.rpc, SearchNodes, r)
}

// RegisterDrive serves svc on s.
func RegisterDrive(s *rpc.Server, svc DriveService) error {
	return errors.Join(
		rpc.Handle(s, FindNode, svc.FindNode),
		rpc.Handle(s, ListChildren, svc.ListChildren),
		rpc.Handle(s, MakeSubfolder, svc.MakeSubfolder),
		rpc.Handle(s, ChangeNode, svc.ChangeNode),
		rpc.Handle(s, CopyFile, svc.CopyFile),
		rpc.Handle(s, TrashNode, svc.TrashNode),
		rpc.Handle(s, RestoreNode, svc.RestoreNode),
		rpc.Handle(s, ListTrash, svc.ListTrash),
		rpc.Handle(s, PurgeNode, svc.PurgeNode),
		rpc.Handle(s, SearchNodes, svc.SearchNodes),
	)
}
