package sluice

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/auth"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/linkchecker"
	"github.com/sluicehq/sluice/services/object"
	"github.com/sluicehq/sluice/services/stats"
	"github.com/sluicehq/sluice/services/upload"
	"github.com/sluicehq/sluice/services/webhook"
)

// Bus is the name of the nats-server among the modules.
const Bus = "nats"

// module is one service as the binary can run it.
type module struct {
	name string
	make func(c Config, p *platform.Platform) (lifecycle.Service, error)
}

// modules lists the services in the order of their start; they stop in reverse.
func modules() []module {
	return []module{
		{"auth", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return auth.New(c.Auth, p) }},
		{"object", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return object.New(c.Object, p) }},
		{"upload", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return upload.New(c.Upload, p) }},
		{"linkchecker", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return linkchecker.New(c.Links, p) }},
		{"stats", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return stats.New(c.Stats, p) }},
		{"webhook", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return webhook.New(c.Webhook, p) }},
		{"edge", func(c Config, p *platform.Platform) (lifecycle.Service, error) { return edge.New(c.Edge, p) }},
	}
}

// Names lists what Run can run, in the order of a start.
func Names() []string {
	names := []string{Bus}
	for _, m := range modules() {
		names = append(names, m.name)
	}
	return names
}

// pick returns the named modules in the order of their start, and whether the
// nats-server is among them.
func pick(names []string) (ms []module, withBus bool, err error) {
	for _, n := range names {
		if !slices.Contains(Names(), n) {
			return nil, false, fmt.Errorf("there is no service %q; there are %s", n, strings.Join(Names(), ", "))
		}
	}
	for _, m := range modules() {
		if slices.Contains(names, m.name) {
			ms = append(ms, m)
		}
	}
	return ms, slices.Contains(names, Bus), nil
}
