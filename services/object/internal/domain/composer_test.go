package domain_test

import (
	"context"

	"github.com/sluicehq/sluice/pkg/blob"
)

// composer joins manifests as pkg/blob would, without a list of its own.
type composer struct{ after func() }

func (j composer) Compose(ctx context.Context, parts blob.Contents) (blob.Manifest, error) {
	var out blob.Manifest
	err := parts(ctx, func(m blob.Manifest) error {
		out.Region, out.Domain = m.Region, m.Domain
		out.Size += m.Size
		out.Stored += m.Stored
		out.Segments = append(out.Segments, m.Segments...)
		return nil
	})
	if j.after != nil {
		j.after()
	}
	return out, err
}
