// Command gen writes the document of the metrics to the file that it is given.
package main

import (
	"fmt"
	"os"

	"github.com/sluicehq/sluice/contracts/metrics"
)

func main() {
	if err := os.WriteFile(os.Args[1], metrics.Markdown(), 0o644); err != nil { //nolint:gosec // a document is for everybody
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}
