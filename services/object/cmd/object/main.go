// Command object runs the object service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/object"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(object.Unit(version), os.Args[1:])) }
