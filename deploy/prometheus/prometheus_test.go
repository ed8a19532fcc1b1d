// Package prometheus_test checks what the unit tests do not: that each alert has its
// tests, and its section in the runbook.
package prometheus_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	alert = regexp.MustCompile(`(?m)^      - alert: (\w+)$`)
	hump  = regexp.MustCompile(`([a-z])([A-Z])`)
)

// alerts gives the text of each alert by its name.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	all := read(t, "alerts.yml")
	found := alert.FindAllStringSubmatchIndex(all, -1)
	out := map[string]string{}
	for i, m := range found {
		end := len(all)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		out[all[m[2]:m[3]]] = all[m[0]:end]
	}
	if len(out) < 30 {
		t.Fatalf("only %d alerts were found", len(out))
	}
	return out
}

func anchor(name string) string { return strings.ToLower(hump.ReplaceAllString(name, "$1-$2")) }

func TestAlerts_SayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, text := range alerts(t) {
		for _, want := range []string{"summary: \"", "description: \"", "/deploy/RUNBOOK.md#" + anchor(name) + "\n", "labels: {severity: "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q", name, want)
			}
		}
		if !strings.Contains(text, "severity: page}") && !strings.Contains(text, "severity: ticket}") {
			t.Errorf("%s neither wakes somebody nor waits for the morning", name)
		}
	}
}

// TestAlerts_AreTested wants to see each of them fire, and hold still.
func TestAlerts_AreTested(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("tests/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, f := range files {
		tests.WriteString(read(t, f))
	}
	for name := range alerts(t) {
		still := regexp.MustCompile(`\{eval_time: \w+, alertname: ` + name + `\}`)
		fires := regexp.MustCompile(`alertname: ` + name + `\n +exp_alerts:\n +- exp_labels:`)
		if !still.MatchString(tests.String()) || !fires.MatchString(tests.String()) {
			t.Errorf("%s: no test sees it fire, or none sees it hold still", name)
		}
	}
}

func TestAlerts_AreInTheRunbook(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(string(b), -1) {
		title := strings.ToLower(regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(m[1], ""))
		anchors[strings.ReplaceAll(strings.TrimSpace(title), " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
		anchors[m[1]] = true
	}
	for name := range alerts(t) {
		if !anchors[anchor(name)] {
			t.Errorf("RUNBOOK.md has no section #%s", anchor(name))
		}
	}
}
