package sluice

import (
	"context"
	"fmt"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/auth"
	"github.com/sluicehq/sluice/services/linkchecker"
	"github.com/sluicehq/sluice/services/object"
	"github.com/sluicehq/sluice/services/stats"
	"github.com/sluicehq/sluice/services/upload"
	"github.com/sluicehq/sluice/services/webhook"
)

// Documents are the declared collections of one service.
type Documents struct {
	Service     string // names its database too
	Collections []docstore.Spec
}

// Declared gives the documents of every service that keeps some, in the order of
// a start.
func Declared(ctx context.Context) ([]Documents, error) {
	var out []Documents
	for _, s := range []struct {
		name string
		open func(context.Context, docstore.DB) error
	}{
		{auth.Name, auth.Documents}, {object.Name, object.Documents}, {upload.Name, upload.Documents},
		{linkchecker.Name, linkchecker.Documents}, {stats.Name, stats.Documents}, {webhook.Name, webhook.Documents},
	} {
		specs, err := docstore.Declared(ctx, s.open)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		out = append(out, Documents{Service: s.name, Collections: specs})
	}
	return out, nil
}

// Services are the names under which the copies of services answer on NATS, in
// the order of a start. The edge is none of them: it serves no calls.
func Services() []string {
	return []string{auth.Name, object.Name, upload.Name, linksv1.Name, stats.Name, webhook.Name}
}
