// Package documents opens the document database of a service as its settings
// say. It stands apart from the platform so that processes without documents,
// the edges, carry no database engine.
package documents

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/mongo"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/platform"
)

// Open opens the documents of a service: a file under the data directory, or a
// database of the MongoDB installation. The platform's Close closes them.
func Open(ctx context.Context, p *platform.Platform, service string) (docstore.DB, error) {
	db, err := open(ctx, p, service)
	if err != nil {
		return nil, fmt.Errorf("opening the documents of %s: %w", service, err)
	}
	p.OnClose(db.Close)
	return db, nil
}

func open(ctx context.Context, p *platform.Platform, service string) (docstore.DB, error) {
	if m := p.Settings.MongoDB; m.URI != "" {
		return mongo.Open(ctx, m.URI.Reveal(), m.Database+"_"+service, mongo.Options{Tel: p.Tel})
	}
	sync := sqlite.SyncFull
	if p.Settings.Durability == platform.Process {
		sync = sqlite.SyncNormal
	}
	return sqlite.Open(ctx, filepath.Join(p.Settings.DocsDir(), service+".db"), sqlite.Options{Sync: sync, Tel: p.Tel})
}
