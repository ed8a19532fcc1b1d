package linkchecker

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/linkchecker/internal/check"
	"github.com/sluicehq/sluice/services/linkchecker/internal/store"
)

// Documents declares the collections of the service in db, as Start does of a
// copy that checks links, for those who look at a store from outside
// (docstore.Declared).
func Documents(ctx context.Context, db docstore.DB) error {
	var errs [5]error
	_, errs[0] = store.OpenContainers(ctx, db)
	_, errs[1] = store.OpenLinks(ctx, db)
	_, errs[2] = store.OpenURLs(ctx, db)
	_, errs[3] = store.OpenUsages(ctx, db)
	_, errs[4] = check.OpenGate(ctx, db, time.Now, time.Second)
	return errors.Join(errs[:]...)
}
