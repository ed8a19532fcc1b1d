// Command sluice is all of Sluice in one binary.
package main

import (
	"os"

	"github.com/sluicehq/sluice/services/sluice/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
