package domain

import (
	"context"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// StatObject gives metadata and manifest of a version, the current one without
// a version id.
func (s *Service) StatObject(ctx context.Context, r objectv1.StatObjectRequest) (objectv1.Object, error) {
	if err := objectv1.CheckKey(r.Key); err != nil {
		return objectv1.Object{}, err
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionGetObject, r.Key)
	if err != nil {
		return objectv1.Object{}, err
	}
	if b.isDrive() {
		if r.VersionID != "" {
			return objectv1.Object{}, objectv1.ErrNotInDrive
		}
		return s.statPath(ctx, b, r.Key)
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
	v, err := s.find(ctx, b, key, id)
	if err != nil {
		return objectv1.Object{}, err
	}
	c, err := s.st.Contents.Get(ctx, v.Content)
	if errors.Is(err, ErrNoDocument) {
		return objectv1.Object{}, errAgain
	}
	if err != nil {
		return objectv1.Object{}, fmt.Errorf("reading the content: %w", err)
	}
	return v.view(b, c.Manifest), nil
}

// find gives the version that a reader means by id: the current one by "", the
// null version by its alias. A delete marker is objectv1.ErrDeleteMarker, and
// errAgain asks to start over: a writer came between.
func (s *Service) find(ctx context.Context, b Bucket, key, id string) (Version, error) {
	h, _, err := s.st.Heads.Get(ctx, b.ID, key)
	if err != nil {
		return Version{}, fmt.Errorf("reading the head: %w", err)
	}
	if id == nullAlias {
		if id = h.Null; id == "" {
			return Version{}, objectv1.ErrNotFound
		}
	}
	current := id == "" || id == h.Current
	switch {
	case current && h.Current == "":
		return Version{}, objectv1.ErrNotFound
	case current && h.Marker:
		return Version{}, objectv1.ErrDeleteMarker
	case current:
		id = h.Current
	case !b.HasVersions(), h.discards(id):
		return Version{}, objectv1.ErrNotFound
	}
	v, err := s.st.Versions.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return v, again(current)
	}
	if err != nil {
		return v, fmt.Errorf("reading the version: %w", err)
	}
	if v.Bucket != b.ID || v.Key != key {
		return v, objectv1.ErrNotFound
	}
	return v, s.readable(ctx, b, v, current)
}

// finishCurrent makes the head forget a current version that is being removed, as
// far as its removal was decided in its own document.
func (s *Service) finishCurrent(ctx context.Context, b Bucket, v Version) error {
	if v.State == VersionRemoving && b.HasVersions() {
		return s.unhead(ctx, v)
	}
	return nil
}

// readable reports whether a version that was found may be shown.
func (s *Service) readable(ctx context.Context, b Bucket, v Version, current bool) error {
	switch v.State {
	case VersionRemoving, VersionRemoved:
		// What a crash left half removed is finished before anybody is told of it.
		if current {
			if err := s.finishCurrent(ctx, b, v); err != nil {
				return err
			}
		}
		return again(current)
	case VersionCommitted:
	default:
		if !current {
			return objectv1.ErrNotFound
		}
	}
	if v.Marker {
		return objectv1.ErrDeleteMarker
	}
	return nil
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
