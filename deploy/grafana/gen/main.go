// Command gen writes the dashboards into a folder, a document that lists their panels,
// and their names into a document that has a place for them.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/deploy/grafana"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: gen FOLDER LIST.md README.md")
	}
	for _, d := range grafana.All() {
		b, err := d.JSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[0], d.UID+".json"), b, 0o644); err != nil { //nolint:gosec // Grafana runs as somebody else
			return err
		}
	}
	if err := os.WriteFile(args[1], grafana.Markdown(), 0o644); err != nil { //nolint:gosec // a document is for everybody
		return err
	}
	return fill(args[2], grafana.Summary())
}

// fill puts text between the two lines that mark its place in a document.
func fill(file string, text []byte) error {
	doc, err := os.ReadFile(file) //nolint:gosec // the generator's own argument
	if err != nil {
		return err
	}
	before, rest, begun := bytes.Cut(doc, []byte("<!-- panels -->\n"))
	_, after, ended := bytes.Cut(rest, []byte("<!-- end of panels -->\n"))
	if !begun || !ended {
		return fmt.Errorf("%s has no place for the panels", file)
	}
	return os.WriteFile(file, fmt.Appendf(nil, "%s<!-- panels -->\n%s<!-- end of panels -->\n%s", before, text, after), 0o644) //nolint:gosec // as above
}
