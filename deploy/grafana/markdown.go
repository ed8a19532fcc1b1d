package grafana

import (
	"fmt"
	"strings"
)

// Markdown lists what stands on the dashboards.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString("# Panels\n\nWritten by `make gen` from the Go files beside it.\n")
	for _, d := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| row | panel | unit | what it tells |\n|---|---|---|---|\n", d.Title, d.Description)
		for _, r := range d.Rows {
			for _, p := range r.Panels {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Title, p.Title, p.Unit, p.Description)
			}
		}
	}
	return []byte(b.String())
}

// Summary is a table of the dashboards with the names of their panels, for a document
// that lies in the root of the repository.
func Summary() []byte {
	var b strings.Builder
	b.WriteString("| dashboard | panels |\n|---|---|\n")
	for _, d := range All() {
		rows := make([]string, len(d.Rows))
		for i, r := range d.Rows {
			names := make([]string, len(r.Panels))
			for j, p := range r.Panels {
				names[j] = strings.ToLower(p.Title[:1]) + p.Title[1:]
			}
			rows[i] = strings.Join(names, ", ")
		}
		fmt.Fprintf(&b, "| [%s](deploy/grafana/dashboards/%s.json) | %s |\n", d.Title, d.UID, strings.Join(rows, "; "))
	}
	return []byte(b.String())
}
