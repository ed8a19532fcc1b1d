// Command gen writes the documents that are made from the contracts into the
// folder that it is given.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/contracts/catalog"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(dir string) error {
	async, err := catalog.AsyncAPI()
	if err != nil {
		return fmt.Errorf("rendering: %w", err)
	}
	for name, text := range map[string][]byte{"ERRORS.md": catalog.ErrorsDoc(), "EVENTS.md": catalog.EventsDoc(), "asyncapi.yaml": async} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil { //nolint:gosec // documents are for everybody
			return fmt.Errorf("writing: %w", err)
		}
	}
	return nil
}
