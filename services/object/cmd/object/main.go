// Command object runs the object service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/object"
)

func main() {
	os.Exit(platform.Main(platform.Unit[object.Config]{
		Name: object.Name, Default: object.Default(), Streams: streams.All, Consumers: streams.Consumers(),
		New: func(c object.Config, p *platform.Platform) (lifecycle.Service, error) { return object.New(c, p) },
	}, os.Args[1:]))
}
