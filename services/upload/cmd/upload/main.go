// Command upload runs the upload service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/upload"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(upload.Unit(version), os.Args[1:])) }
