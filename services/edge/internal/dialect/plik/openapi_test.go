package plik_test

import (
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/plik"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// TestOpenAPI_Routes holds the document to the routes, also below plik.path.
func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	edgetest.OpenAPI(t, openapi.Plik()).HoldRoutes(t, plik.New(&core.Core{}).Routes(), "")
	if got, want := len(plik.New(&core.Core{Plik: core.PlikSettings{Path: "/p"}}).Routes()), len(plik.New(&core.Core{}).Routes())+1; got != want {
		t.Errorf("%d routes below a path, want %d: its own root more", got, want)
	}
}
