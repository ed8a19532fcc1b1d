// Command edge runs the edge as a process of its own. "edge routes" prints what
// it serves: [--markdown] [FILTER].
package main

import (
	"fmt"
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/edge"
)

// version is set by the linker.
var version = "dev"

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "routes" {
		os.Exit(routes(args[1:]))
	}
	os.Exit(platform.Main(edge.Unit(version), args))
}

func routes(args []string) int {
	filter, markdown := "", false
	for _, a := range args {
		if a == "--markdown" {
			markdown = true
		} else {
			filter = a
		}
	}
	text, err := edge.Routes(markdown, filter)
	if err != nil {
		fmt.Fprintln(os.Stderr, "edge:", err)
		return 1
	}
	fmt.Print(text)
	return 0
}
