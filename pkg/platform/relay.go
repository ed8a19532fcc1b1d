package platform

import (
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
)

// Relay makes the relay that publishes what waits in the documents of db; the
// caller runs it.
func (p *Platform) Relay(db docstore.DB) *bus.Relay {
	return bus.NewRelay(p.JS, db, bus.RelayConfig{Name: p.Service, Tel: p.Tel})
}
