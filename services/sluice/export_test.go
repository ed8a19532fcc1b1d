package sluice

import (
	"context"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// BusCredentials is how the bus of a data directory begins.
func BusCredentials(ctx context.Context, set platform.Settings, tel *telemetry.Telemetry) error {
	return newBusServer(set, tel, false).credentials(ctx)
}
