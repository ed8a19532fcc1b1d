package domain

import (
	"context"
	"maps"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// GetTags reads the tags of a version.
func (s *Service) GetTags(ctx context.Context, r objectv1.VersionRequest) (objectv1.Tags, error) {
	if err := objectv1.CheckKey(r.Key); err != nil {
		return objectv1.Tags{}, err
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionGetObject, r.Key)
	if err != nil {
		return objectv1.Tags{}, err
	}
	key, _, err := s.keyIn(ctx, b, r.Key, r.VersionID)
	if err != nil {
		return objectv1.Tags{}, err
	}
	v, err := s.found(ctx, b, key, r.VersionID)
	if err != nil {
		return objectv1.Tags{}, err
	}
	return v.tags(), nil
}

// SetTags replaces the tags of a version. Retention does not protect them.
func (s *Service) SetTags(ctx context.Context, r objectv1.SetTagsRequest) (objectv1.Tags, error) {
	if err := objectv1.CheckKey(r.Key); err != nil {
		return objectv1.Tags{}, err
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPutObjectTags, r.Key)
	if err != nil {
		return objectv1.Tags{}, err
	}
	if err := objectv1.CheckTags(r.Tags); err != nil {
		return objectv1.Tags{}, err
	}
	key, _, err := s.keyIn(ctx, b, r.Key, r.VersionID)
	if err != nil {
		return objectv1.Tags{}, err
	}
	v, err := s.change(ctx, b, key, r.VersionID, func(v *Version) error {
		v.Metadata.Tags = r.Tags
		return nil
	})
	if err != nil {
		return objectv1.Tags{}, err
	}
	return v.tags(), nil
}

// tags is what v is tagged with; never nil.
func (v Version) tags() objectv1.Tags {
	out := objectv1.Tags{VersionID: v.ID, Tags: make(map[string]string, len(v.Metadata.Tags))}
	maps.Copy(out.Tags, v.Metadata.Tags)
	return out
}
