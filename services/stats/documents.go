package stats

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/stats/internal/clicks"
)

// Documents declares the collections of the service in db, as Start does, for
// those who look at a store from outside (docstore.Declared).
func Documents(ctx context.Context, db docstore.DB) error {
	_, err := clicks.Open(ctx, db, clicks.Options{}, time.Now, nil)
	return err //nolint:wrapcheck // it says what was being done
}
