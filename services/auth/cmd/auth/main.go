// Command auth runs the auth service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/auth"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(auth.Unit(version, os.Stderr), os.Args[1:])) }
