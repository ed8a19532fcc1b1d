package domain

import (
	"context"
	"encoding/json"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// maxContentsPage is how many manifests an answer holds at most.
const maxContentsPage = 1000

// ListContents gives a page of all manifests. A page ends early when its
// manifests are large: an answer has to fit into a message of the bus.
func (s *Service) ListContents(ctx context.Context, r objectv1.ListContentsRequest) (objectv1.ListContentsResponse, error) {
	out := objectv1.ListContentsResponse{Manifests: []blob.Manifest{}}
	limit := maxContentsPage
	if r.Limit > 0 {
		limit = min(r.Limit, maxContentsPage)
	}
	page, err := s.st.Contents.Between(ctx, r.After, "", limit)
	if err != nil {
		return out, fmt.Errorf("listing contents: %w", err)
	}
	size := 0
	for i, c := range page {
		raw, err := json.Marshal(c.Manifest)
		if err != nil {
			return out, fmt.Errorf("measuring a manifest: %w", err)
		}
		size += len(raw) + 1
		if i > 0 && size > maxListBytes {
			out.Next = page[i-1].ID
			return out, nil
		}
		out.Manifests = append(out.Manifests, c.Manifest)
	}
	if len(page) > 0 {
		// The store may have cut the page short: only an empty one is the end.
		out.Next = page[len(page)-1].ID
	}
	return out, nil
}

// EachContent gives every manifest to yield, for the collector of blobs.
func (s *Service) EachContent(ctx context.Context, yield func(blob.Manifest) error) error {
	for after := ""; ; {
		page, err := s.st.Contents.Between(ctx, after, "", maxContentsPage)
		if err != nil {
			return fmt.Errorf("reading contents: %w", err)
		}
		for _, c := range page {
			if err := yield(c.Manifest); err != nil {
				return err
			}
			after = c.ID
		}
		if len(page) == 0 {
			return ctx.Err()
		}
	}
}
