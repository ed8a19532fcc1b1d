package platform

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/mongo"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// Docs opens the document database of a service: a file under the data
// directory, or a database of the MongoDB installation. The platform's Close
// closes it.
func (p *Platform) Docs(ctx context.Context, service string) (docstore.DB, error) {
	db, err := p.openDocs(ctx, service)
	if err != nil {
		return nil, fmt.Errorf("opening the documents of %s: %w", service, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, db.Close)
	return db, nil
}

func (p *Platform) openDocs(ctx context.Context, service string) (docstore.DB, error) {
	if m := p.Settings.MongoDB; m.URI != "" {
		return mongo.Open(ctx, m.URI.Reveal(), m.Database+"_"+service, mongo.Options{Tel: p.Tel})
	}
	sync := sqlite.SyncFull
	if p.Settings.Durability == Process {
		sync = sqlite.SyncNormal
	}
	return sqlite.Open(ctx, filepath.Join(p.Settings.DocsDir(), service+".db"), sqlite.Options{Sync: sync, Tel: p.Tel})
}

// Relay makes the relay that publishes what waits in the documents of db; the
// caller runs it.
func (p *Platform) Relay(db docstore.DB) *bus.Relay {
	return bus.NewRelay(p.JS, db, bus.RelayConfig{Name: p.Service, Tel: p.Tel})
}
