package webhook

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/webhook/internal/store"
)

// Documents declares the collections of the service in db, as Start does, for
// those who look at a store from outside (docstore.Declared).
func Documents(ctx context.Context, db docstore.DB) error {
	var errs [3]error
	_, errs[0] = store.OpenDeliveries(ctx, db)
	_, errs[1] = store.OpenEndpoints(ctx, db)
	_, errs[2] = store.OpenSubscriptions(ctx, db)
	return errors.Join(errs[:]...)
}
