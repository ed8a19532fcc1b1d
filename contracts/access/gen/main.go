// Command gen writes users.conf, for the object stores of the default settings,
// into the folder that it is given.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/pkg/platform"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documents are for everybody
		return fmt.Errorf("writing: %w", err)
	}
	def := platform.Default()
	text := access.Conf(access.Stores(def.Regions, def.Blob.Shards))
	if err := os.WriteFile(filepath.Join(dir, "users.conf"), text, 0o644); err != nil { //nolint:gosec // as above
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
