package upload

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/upload/internal/store"
)

// Documents declares the collections of the service in db, as Start does, for
// those who look at a store from outside (docstore.Declared).
func Documents(ctx context.Context, db docstore.DB) error {
	var errs [5]error
	_, errs[0] = store.Open(ctx, db)
	_, errs[1] = store.OpenMultiparts(ctx, db)
	_, errs[2] = store.OpenSessions(ctx, db)
	_, errs[3] = store.OpenPliks(ctx, db)
	_, errs[4] = store.OpenFetches(ctx, db)
	return errors.Join(errs[:]...)
}
