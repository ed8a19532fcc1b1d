package edge

import (
	"time"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/locknex"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockr"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockwell"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/plik"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/system"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/webdav"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/yetishare"
	"github.com/sluicehq/sluice/services/edge/internal/web"
)

// dialects lists everything on the listener. A dialect goes with its line here
// and its folder.
func dialects(c *core.Core, sys *system.Handler, now func() time.Time) []dialect.Dialect {
	return []dialect.Dialect{
		lockr.New(c),
		locknex.New(c),
		plik.New(c),
		yetishare.New(c),
		lockwell.New(c, openapi.Lockwell(), now),
		webdav.New(c, now),
		web.New(c),
		sys,
	}
}

// Routes prints the tables of all dialects: as Markdown, or in columns and only
// lines that contain filter.
func Routes(markdown bool, filter string) (string, error) {
	ds := dialects(&core.Core{}, &system.Handler{Admin: true}, time.Now)
	if markdown {
		return dialect.Markdown(ds) //nolint:wrapcheck // it names the route
	}
	return dialect.Text(ds, filter) //nolint:wrapcheck // as above
}
