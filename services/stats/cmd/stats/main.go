// Command stats runs the stats service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/stats"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(stats.Unit(version), os.Args[1:])) }
