package domain

import (
	"context"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// batchWidth is how many keys of a batch are worked on at once.
const batchWidth = 8

// DeleteObjects does what DeleteObject does for each object. What the access
// key's scopes and the bucket decide, they decide for all.
func (s *Service) DeleteObjects(ctx context.Context, r objectv1.DeleteObjectsRequest) (objectv1.DeleteObjectsResponse, error) {
	none := objectv1.DeleteObjectsResponse{}
	b, err := s.batchBucket(ctx, r)
	if err != nil {
		return none, err
	}
	if len(r.Objects) == 0 || len(r.Objects) > objectv1.MaxDeleteObjects {
		return none, fault.ErrInvalid.Msgf("a batch names 1 to %d objects", objectv1.MaxDeleteObjects)
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	byKey := make(map[string][]int, len(r.Objects))
	for i, o := range r.Objects {
		byKey[o.Key] = append(byKey[o.Key], i)
	}
	out := objectv1.DeleteObjectsResponse{Results: make([]objectv1.DeleteResult, len(r.Objects))}
	turns := make(chan struct{}, batchWidth)
	var wg sync.WaitGroup
	for _, places := range byKey {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			for _, i := range places {
				out.Results[i] = s.deleteOne(ctx, b, r, r.Objects[i])
			}
		})
	}
	wg.Wait()
	return out, nil
}

// batchBucket finds the bucket for those whose access key may delete something in it.
func (s *Service) batchBucket(ctx context.Context, r objectv1.DeleteObjectsRequest) (Bucket, error) {
	p := r.Principal
	p.Grant.Prefixes = nil // each object is held against them
	if err := granted(p, r.Bucket, objectv1.ActionDeleteObject, ""); err != nil {
		return Bucket{}, err
	}
	b, _, err := s.bucketFor(ctx, p, r.Bucket)
	return b, err
}

// deleteOne deletes one object of a batch.
func (s *Service) deleteOne(ctx context.Context, b Bucket, r objectv1.DeleteObjectsRequest, o objectv1.ObjectRef) objectv1.DeleteResult {
	err := objectv1.CheckKey(o.Key)
	if err == nil {
		err = b.mayDo(r.Principal, deletion(o.VersionID), o.Key)
	}
	var done objectv1.DeleteObjectResponse
	switch {
	case err != nil:
	case b.isDrive() && o.VersionID != "":
		err = objectv1.ErrNotInDrive
	case b.isDrive():
		err = s.removePath(ctx, b, o.Key, actorOf(r.Principal, r.Origin))
	default:
		done, err = s.remove(ctx, b, o.Key, o.VersionID, actorOf(r.Principal, r.Origin))
	}
	if err == nil {
		return objectv1.DeleteResult{DeleteObjectResponse: done}
	}
	f := fault.From(err)
	if f.Kind == fault.Internal {
		s.d.Log.WarnContext(ctx, "an object of a batch was not deleted", "bucket_id", b.ID, "err", err)
	}
	return objectv1.DeleteResult{Fault: &objectv1.Fault{Kind: f.Kind, Code: f.Code, Message: f.Message}}
}
