package endpoint

import (
	"context"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// StatNode implements objectv1.Service.
func (*Object) StatNode(context.Context, objectv1.NodeRequest) (objectv1.Node, error) {
	return objectv1.Node{}, fault.ErrUnavailable
}

// ListFolder implements objectv1.Service.
func (*Object) ListFolder(context.Context, objectv1.ListFolderRequest) (objectv1.ListFolderResponse, error) {
	return objectv1.ListFolderResponse{}, fault.ErrUnavailable
}

// MakeFolder implements objectv1.Service.
func (*Object) MakeFolder(context.Context, objectv1.MakeFolderRequest) (objectv1.Node, error) {
	return objectv1.Node{}, fault.ErrUnavailable
}

// MoveNode implements objectv1.Service.
func (*Object) MoveNode(context.Context, objectv1.MoveNodeRequest) (objectv1.Node, error) {
	return objectv1.Node{}, fault.ErrUnavailable
}

// RemoveNode implements objectv1.Service.
func (*Object) RemoveNode(context.Context, objectv1.RemoveNodeRequest) (objectv1.Empty, error) {
	return objectv1.Empty{}, fault.ErrUnavailable
}

// StatFile implements objectv1.Service.
func (*Object) StatFile(context.Context, objectv1.StatFileRequest) (objectv1.Object, error) {
	return objectv1.Object{}, fault.ErrUnavailable
}

// ListFiles implements objectv1.Service.
func (*Object) ListFiles(context.Context, objectv1.ListFilesRequest) (objectv1.ListFilesResponse, error) {
	return objectv1.ListFilesResponse{}, fault.ErrUnavailable
}

// UpdateFile implements objectv1.Service.
func (*Object) UpdateFile(context.Context, objectv1.UpdateFileRequest) (objectv1.Object, error) {
	return objectv1.Object{}, fault.ErrUnavailable
}

// RegisterFile implements objectv1.Service.
func (*Object) RegisterFile(context.Context, objectv1.RegisterFileRequest) (objectv1.Object, error) {
	return objectv1.Object{}, fault.ErrUnavailable
}

// CountDownloads implements objectv1.Service.
func (*Object) CountDownloads(context.Context, objectv1.CountDownloadsRequest) (objectv1.Empty, error) {
	return objectv1.Empty{}, fault.ErrUnavailable
}
