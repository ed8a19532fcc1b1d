// Command ruletest runs the unit tests of recording rules and alerts: it reads the
// files that promtool's "test rules" reads, and evaluates the rules by Prometheus' own
// engine. promtool itself brings a data base and the clients of half the clouds along,
// which take minutes to compile.
//
//	ruletest FILE…
//
// A rule file has to be valid as Prometheus sees it. Of the test files it knows what
// ours use; anything else in them is an error.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// file is a file of unit tests.
type file struct {
	RuleFiles []string       `yaml:"rule_files"`
	Interval  model.Duration `yaml:"evaluation_interval"`
	Tests     []struct {
		Name     string
		Interval model.Duration                    // between the samples of the input
		Input    []struct{ Series, Values string } `yaml:"input_series"`
		Alerts   []alertTest                       `yaml:"alert_rule_test"`
	}
}

// alertTest says which alerts of a name fire at a time.
type alertTest struct {
	At   model.Duration `yaml:"eval_time"`
	Name string         `yaml:"alertname"`
	Want []struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	} `yaml:"exp_alerts"`
}

func main() {
	tests, failed := 0, len(os.Args) < 2
	for _, path := range os.Args[1:] {
		n, err := run(path)
		tests += n
		if err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s:\n%v\n", path, err)
		}
	}
	fmt.Printf("ruletest: %d tests in %d files\n", tests, len(os.Args)-1)
	if failed {
		os.Exit(1)
	}
}

// run makes the tests of a file, and says how many there are.
func run(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return 0, err
	}
	if f.Interval <= 0 {
		return 0, errors.New("evaluation_interval is needed")
	}
	p := parser.NewParser(parser.Options{})
	var rules []rulefmt.Rule
	for _, r := range f.RuleFiles {
		groups, errs := rulefmt.ParseFile(filepath.Join(filepath.Dir(path), r), false, model.UTF8Validation, p, slog.Default())
		if len(errs) > 0 {
			return 0, errors.Join(errs...)
		}
		for _, g := range groups.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	var failed []error
	for _, t := range f.Tests {
		w := newWorld(p, rules)
		for _, in := range t.Input {
			if err := w.load(in.Series+" "+in.Values, time.Duration(t.Interval)); err != nil {
				return 0, fmt.Errorf("%s: %w", t.Name, err)
			}
		}
		if err := w.check(time.Duration(f.Interval), t.Alerts); err != nil {
			failed = append(failed, fmt.Errorf("%s:\n%w", t.Name, err))
		}
	}
	return len(f.Tests), errors.Join(failed...)
}

// check evaluates the rules step by step, and asks on the way what the tests want to
// know: at the last step that is not behind their time.
func (w *world) check(step time.Duration, alerts []alertTest) error {
	var last model.Duration
	for _, a := range alerts {
		if !slices.ContainsFunc(w.rules, func(r rulefmt.Rule) bool { return r.Alert == a.Name }) {
			return fmt.Errorf("there is no alert %s", a.Name)
		}
		last = max(last, a.At)
	}
	var failed []error
	for at := time.Duration(0); at <= time.Duration(last); at += step {
		if err := w.evaluate(context.Background(), at); err != nil {
			return err
		}
		for _, a := range alerts {
			if at <= time.Duration(a.At) && time.Duration(a.At) < at+step {
				failed = append(failed, w.compare(a))
			}
		}
	}
	return errors.Join(failed...)
}

// compare holds the alerts of a name that fire now to those that a test wants.
func (w *world) compare(t alertTest) error {
	var want, have []string
	for _, x := range t.Want {
		want = append(want, describe(named(labels.FromMap(x.Labels), labels.AlertName, t.Name, nil), labels.FromMap(x.Annotations)))
	}
	for i, r := range w.rules {
		for _, a := range w.alerts[i] {
			if r.Alert == t.Name && a.firing {
				have = append(have, describe(a.labels, a.annotations))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if slices.Equal(want, have) {
		return nil
	}
	return fmt.Errorf(" %s at %s\n want:\n%s\n have:\n%s", t.Name, t.At, strings.Join(want, "\n"), strings.Join(have, "\n"))
}

func describe(ls, annotations labels.Labels) string {
	return fmt.Sprintf("  %s\n    %s", ls, annotations)
}
