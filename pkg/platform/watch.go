package platform

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// link is one of our connections, and what it is for: rpc, events or bytes.
type link struct {
	use string
	nc  *nats.Conn
}

// useOf is what a connection of that name is for: "bytes-3" is one for bytes.
func useOf(name string) string {
	use, _, _ := strings.Cut(name, "-")
	return use
}

// Check says whether what the service needs of NATS is there; it does not block.
func (p *Platform) Check() error {
	for _, l := range p.links() {
		if !l.nc.IsConnected() {
			return fault.ErrUnavailable
		}
	}
	return nil
}

func (p *Platform) links() []link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]link(nil), p.conns...)
}

// left gives the reconnects of connections for calls that are no more: a counter
// never goes back.
func (p *Platform) left() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.again
}

func reconnects(nc *nats.Conn) int64 { return int64(min(nc.Stats().Reconnects, 1<<62)) }

// watch measures the connections and the disk whenever metrics are read.
func (p *Platform) watch() error {
	in := p.Tel.Instruments("github.com/sluicehq/sluice/pkg/platform")
	labels := map[string]telemetry.Labels{}
	for _, use := range []string{"rpc", "events", "bytes"} {
		labels[use] = telemetry.NewLabels(attribute.String("sluice.connection", use))
	}
	connected := in.Gauge("sluice.nats.connected", "{connection}", "connections to the nats-server that stand")
	again := in.Total("sluice.nats.reconnects", "{reconnect}", "connections that were lost and found again")
	free := in.Gauge("sluice.data.free", "By", "bytes free where the data directory is")
	size := in.Gauge("sluice.data.size", "By", "bytes in all where the data directory is")
	p.watching = in.Watch(func(_ context.Context, o metric.Observer) error {
		up, lost := map[string]int64{}, map[string]int64{useCalls: p.left()}
		for _, l := range p.links() {
			up[l.use] += 0
			if l.nc.IsConnected() {
				up[l.use]++
			}
			lost[l.use] += reconnects(l.nc)
		}
		for use, n := range up {
			o.ObserveInt64(connected, n, labels[use].Observe...)
			o.ObserveInt64(again, lost[use], labels[use].Observe...)
		}
		if f, s, ok := diskOf(p.Settings.DataDir); ok {
			o.ObserveInt64(free, f)
			o.ObserveInt64(size, s)
		}
		return nil
	}, connected, again, free, size)
	return in.Err()
}
