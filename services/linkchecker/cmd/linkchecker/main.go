// Command linkchecker runs the linkchecker service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/linkchecker"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(linkchecker.Unit(version), os.Args[1:])) }
