package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// query is one expression of a dashboard.
type query struct {
	where, expr string
	shows       []string // labels that its legend, title or links show
	values      string   // the label whose values a variable offers
}

// rule is one of a rule file.
type rule struct {
	where, record, expr string
	shows               []string
}

type sources struct {
	queries []query
	rules   []rule
}

func read(dirs []string) (sources, error) {
	var src sources
	for _, dir := range dirs {
		for pattern, add := range map[string]func(string, []byte) error{"*.json": src.dashboard, "*.yml": src.ruleFile} {
			paths, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return src, err
			}
			for _, path := range paths {
				b, err := os.ReadFile(path)
				if err != nil {
					return src, err
				}
				if err := add(filepath.Base(path), b); err != nil {
					return src, fmt.Errorf("%s: %w", path, err)
				}
			}
		}
	}
	return src, nil
}

type panel struct {
	Title   string
	Targets []struct{ Expr, LegendFormat string }
	Panels  []panel // of a folded row

	FieldConfig struct {
		Defaults struct{ Links []struct{ URL string } }
	}
}

var (
	legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	linkLabel   = regexp.MustCompile(`\$\{__field\.labels\.(\w+)\}`)
	textLabel   = regexp.MustCompile(`\$labels\.(\w+)`)
	offered     = regexp.MustCompile(`^label_values\((.+),\s*(\w+)\)$`)
)

func (s *sources) dashboard(name string, b []byte) error {
	var d struct {
		Panels     []panel
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Annotations struct {
			List []struct{ Name, Expr, TitleFormat string }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := offered.FindStringSubmatch(v.Definition)
		if m == nil {
			return fmt.Errorf("variable %s: %q is no label_values(metric, label)", v.Name, v.Definition)
		}
		s.queries = append(s.queries, query{where: name + ": variable " + v.Name, expr: m[1], values: m[2]})
	}
	for _, a := range d.Annotations.List {
		s.queries = append(s.queries, query{where: name + ": annotation " + a.Name, expr: a.Expr, shows: found(legendLabel, a.TitleFormat)})
	}
	s.panels(name, d.Panels)
	return nil
}

func (s *sources) panels(name string, ps []panel) {
	for _, p := range ps {
		var linked []string
		for _, l := range p.FieldConfig.Defaults.Links {
			linked = append(linked, found(linkLabel, l.URL)...)
		}
		for _, t := range p.Targets {
			s.queries = append(s.queries, query{where: name + ": " + p.Title, expr: t.Expr, shows: append(found(legendLabel, t.LegendFormat), linked...)})
		}
		s.panels(name, p.Panels)
	}
}

func (s *sources) ruleFile(name string, b []byte) error {
	var f struct {
		Groups []struct {
			Rules []struct {
				Record, Alert, Expr string
				Annotations         map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return err
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			out := rule{where: name + ": " + r.Record + r.Alert, record: r.Record, expr: r.Expr}
			for _, text := range r.Annotations {
				out.shows = append(out.shows, found(textLabel, text)...)
			}
			// What is recorded comes before what may ask for it.
			if r.Record != "" {
				s.rules = append([]rule{out}, s.rules...)
			} else {
				s.rules = append(s.rules, out)
			}
		}
	}
	return nil
}

func found(re *regexp.Regexp, text string) []string {
	var out []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// plain puts lengths of time where Grafana's variables for them stand; its other
// variables are the text of matchers.
func plain(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__interval", "5m", "$__range", "1h").Replace(expr)
}
