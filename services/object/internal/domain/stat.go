package domain

import (
	"context"
	"errors"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// StatObject gives metadata and manifest of a version, the current one without
// a version id.
func (s *Service) StatObject(ctx context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	if err := CheckKey(r.Key); err != nil {
		return objectv1.Object{}, err
	}
	if err := allowKey(r.Principal, r.Bucket, r.Key, authv1.ScopeRead); err != nil {
		return objectv1.Object{}, err
	}
	b, _, err := s.bucketFor(ctx, r.Principal.AccountID, r.Bucket)
	if err != nil {
		return objectv1.Object{}, err
	}
	for range casAttempts {
		o, err := s.stat(ctx, b, r.Key, r.VersionID)
		if !errors.Is(err, errAgain) {
			return o, err
		}
	}
	return objectv1.Object{}, errBusy
}

// stat reads head, version and content, one after the other; errAgain when a
// writer came between.
func (s *Service) stat(ctx context.Context, b Bucket, key, id string) (objectv1.Object, error) {
	none := objectv1.Object{}
	h, _, err := s.st.Heads.Get(ctx, b.ID, key)
	if err != nil {
		return none, fmt.Errorf("reading the head: %w", err)
	}
	current := id == "" || id == h.Current
	switch {
	case current && h.Current == "":
		return none, objectv1.ErrNotFound
	case current && h.Marker:
		return none, objectv1.ErrDeleteMarker
	case !current && !b.KeepsVersions():
		return none, objectv1.ErrNotFound
	case current:
		id = h.Current
	}
	v, err := s.st.Versions.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return none, again(current)
	}
	if err != nil {
		return none, fmt.Errorf("reading the version: %w", err)
	}
	if v.Bucket != b.ID || v.Key != key {
		return none, objectv1.ErrNotFound
	}
	switch v.State {
	case VersionRemoving, VersionRemoved:
		// What a crash left half removed is finished before anybody is told of it.
		if current && v.State == VersionRemoving && b.KeepsVersions() {
			if err := s.unhead(ctx, v); err != nil {
				return none, err
			}
		}
		return none, again(current)
	case VersionCommitted:
	default:
		if !current {
			return none, objectv1.ErrNotFound
		}
	}
	if v.Marker {
		return none, objectv1.ErrDeleteMarker
	}
	c, err := s.st.Contents.Get(ctx, v.Content)
	if errors.Is(err, ErrNoDocument) {
		return none, errAgain
	}
	if err != nil {
		return none, fmt.Errorf("reading the content: %w", err)
	}
	return v.view(b, c.Manifest), nil
}

// again is the answer for a version that is gone: when the head named it, the
// head has moved on by now.
func again(current bool) error {
	if current {
		return errAgain
	}
	return objectv1.ErrNotFound
}

// GetUsage gives what an account stores.
func (s *Service) GetUsage(ctx context.Context, r objectv1.GetUsageRequest) (objectv1.Usage, error) {
	u, err := s.usage(ctx, r.AccountID)
	return objectv1.Usage{Used: u.Used, Reserved: u.Total - u.Used}, err
}

// usage reads an account's usage after the background has caught up with what
// this process has answered so far, as far as it does so quickly.
func (s *Service) usage(ctx context.Context, account string) (Usage, error) {
	s.jobs.wait(ctx, account)
	u, err := s.st.Accounts.Get(ctx, account)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return u, fmt.Errorf("reading the account's usage: %w", err)
	}
	return u, nil
}
