// Command promcheck holds dashboards and rules to what a system reports. It parses
// every PromQL expression in them with Prometheus' own parser, and follows labels
// through it: a metric that nobody reports, a matcher or grouping by a label that a
// metric has not, a value that it never takes, a division of vectors that never
// match, a legend or text that shows a label which is gone by then.
//
//	promcheck DIR… <scrape.json
//
// The DIRs hold *.json (Grafana) and *.yml (rules). The scrape is {"metric": {"label":
// ["value", …]}}; null instead of the values means that there may be others. It
// prints {"expressions": n, "names": […], "problems": […]}.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// report is what promcheck prints.
type report struct {
	Expressions int      `json:"expressions"`
	Names       []string `json:"names"` // metrics that are asked for
	Problems    []string `json:"problems"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promcheck:", err)
		os.Exit(1)
	}
}

func run(dirs []string, in io.Reader, out io.Writer) error {
	known := map[string]map[string][]string{}
	if err := json.NewDecoder(in).Decode(&known); err != nil {
		return fmt.Errorf("reading the scrape: %w", err)
	}
	src, err := read(dirs)
	if err != nil {
		return err
	}
	c := newChecker(known)
	for _, r := range src.rules {
		c.rule(r)
	}
	for _, q := range src.queries {
		c.query(q)
	}
	r := report{Expressions: c.expressions, Problems: append([]string{}, c.problems...)}
	for name := range c.asked {
		r.Names = append(r.Names, name)
	}
	slices.Sort(r.Names)
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
