// Package endpoint is the object service as its contract has it: it hands
// requests to the domain. The requests are the domain's vocabulary already, so
// there is nothing to translate but what reaches beyond the domain.
package endpoint

import (
	"context"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// Collector removes blobs that no content refers to; *blob.Store is one.
type Collector interface {
	Collect(ctx context.Context, c blob.Contents, o blob.CollectOptions) (blob.Report, error)
}

// Object implements objectv1.Service and objectv1.DriveService.
type Object struct {
	*domain.Service
	blobs Collector
}

var (
	_ objectv1.Service      = (*Object)(nil)
	_ objectv1.DriveService = (*Object)(nil)
)

// New makes the endpoint; without blobs nothing is ever collected.
func New(s *domain.Service, blobs Collector) *Object { return &Object{Service: s, blobs: blobs} }

// DeleteBucket implements objectv1.Service.
func (o *Object) DeleteBucket(ctx context.Context, r objectv1.BucketRequest) (objectv1.Empty, error) {
	return objectv1.Empty{}, o.Service.DeleteBucket(ctx, r)
}

// CollectGarbage implements objectv1.Service.
func (o *Object) CollectGarbage(ctx context.Context, _ objectv1.CollectGarbageRequest) (objectv1.CollectGarbageResponse, error) {
	if o.blobs == nil {
		return objectv1.CollectGarbageResponse{}, fault.ErrUnavailable
	}
	r, err := o.blobs.Collect(ctx, o.EachContent, blob.CollectOptions{})
	if errors.Is(err, blob.ErrBusy) {
		return objectv1.CollectGarbageResponse{}, objectv1.ErrCollectorBusy.Because(err)
	}
	if err != nil {
		return objectv1.CollectGarbageResponse{}, fmt.Errorf("collecting blobs: %w", err)
	}
	return objectv1.CollectGarbageResponse{
		Contents: r.Contents, Segments: r.Segments, Condemned: r.Condemned, Purged: r.Purged, FreedBytes: r.FreedBytes,
	}, nil
}
