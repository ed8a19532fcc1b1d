package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// readWidth is how many documents are read at once for a page.
const readWidth = 16

// together calls read for 0 to n-1, some at once, and joins their errors.
func together(n int, read func(i int) error) error {
	errs := make([]error, n)
	turns := make(chan struct{}, readWidth)
	var wg sync.WaitGroup
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			errs[i] = read(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// detailed gives the entries of a page with what only their versions know. An
// entry whose version is gone by now becomes the one that followed it, if any.
func (s *Service) detailed(ctx context.Context, b Bucket, page []objectv1.ListedObject) ([]objectv1.ListedObject, error) {
	gone := make([]bool, len(page))
	err := together(len(page), func(i int) error {
		v, err := s.st.Versions.Get(ctx, page[i].VersionID)
		if errors.Is(err, ErrNoDocument) || err == nil && (v.State == VersionRemoving || v.State == VersionRemoved) {
			v, err = s.found(ctx, b, page[i].Key, "")
			if errors.Is(err, objectv1.ErrNotFound) || errors.Is(err, objectv1.ErrDeleteMarker) {
				gone[i] = true
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("reading the version: %w", err)
		}
		page[i] = v.listed()
		return nil
	})
	if err != nil {
		return nil, err
	}
	i := -1
	return slices.DeleteFunc(page, func(objectv1.ListedObject) bool {
		i++
		return gone[i]
	}), nil
}

// listed is v as an entry of a full listing.
func (v Version) listed() objectv1.ListedObject {
	return objectv1.ListedObject{
		Key: v.Key, Size: v.Size, ETag: v.ETag, LastModified: v.CreatedAt, VersionID: v.ID, StorageClass: v.StorageClass,
		ContentType: v.Metadata.ContentType,
		Details: &objectv1.Details{
			Digests: v.Digests, Composite: v.Composite, Compressed: v.Compressed, Retention: v.Retention, LegalHold: v.LegalHold,
		},
	}
}
