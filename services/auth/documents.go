package auth

import (
	"context"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/auth/internal/store"
)

// Documents declares the collections of the service in db, as Start does, for
// those who look at a store from outside (docstore.Declared).
func Documents(ctx context.Context, db docstore.DB) error {
	_, err := store.Open(ctx, db, nil)
	return err //nolint:wrapcheck // it says what was being done
}
