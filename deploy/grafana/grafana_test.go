package grafana_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/deploy/grafana"
)

// page is what is read back of a dashboard's JSON.
type page struct {
	UID, Title, Description string
	Panels                  []picture
	Templating              struct{ List []struct{ Name string } }
}

type picture struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Panels                   []picture
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Exemplar                  bool
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Links      []struct{ Title, URL string }
			Thresholds struct {
				Steps []struct{ Value *float64 }
			}
		}
	}
}

func pages(t *testing.T) map[string]page {
	t.Helper()
	out := map[string]page{}
	for _, d := range grafana.All() {
		b, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		if _, ok := out[p.UID]; ok {
			t.Errorf("two dashboards with uid %s", p.UID)
		}
		out[p.UID] = p
	}
	return out
}

// TestFiles_AreFresh finds what `make gen` would change, and files of dashboards
// that are no more.
func TestFiles_AreFresh(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{"PANELS.md": grafana.Markdown()}
	for _, d := range grafana.All() {
		b, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Join("dashboards", d.UID+".json")] = b
	}
	for path, b := range want {
		if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, b) {
			t.Errorf("%s is stale (%v): make gen", path, err)
		}
	}
	if readme, err := os.ReadFile("../../README.md"); err != nil || !bytes.Contains(readme, grafana.Summary()) {
		t.Errorf("the panels in README.md are stale (%v): make gen", err)
	}
	files, err := filepath.Glob("dashboards/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if want[f] == nil {
			t.Errorf("%s is of no dashboard", f)
		}
	}
}

func TestPanels_AreWhole(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for uid, p := range all {
		if p.Description == "" {
			t.Errorf("%s has no description", uid)
		}
		var flat []picture
		ids, titles := map[int]bool{}, map[string]bool{}
		for _, x := range p.Panels {
			flat = append(append(flat, x), x.Panels...)
		}
		for _, x := range flat {
			if x.ID == 0 || ids[x.ID] {
				t.Errorf("%s: id %d of %q is not its own", uid, x.ID, x.Title)
			}
			ids[x.ID] = true
			if x.Type == "row" {
				continue
			}
			if titles[x.Title] {
				t.Errorf("%s: two panels %q", uid, x.Title)
			}
			titles[x.Title] = true
			whole(t, uid, x, all)
		}
		apart(t, uid, flat)
		if !slices.ContainsFunc(flat, func(x picture) bool { return len(x.FieldConfig.Defaults.Thresholds.Steps) > 1 }) {
			t.Errorf("%s: no panel has limits", uid)
		}
	}
}

var sentence = regexp.MustCompile(`^[A-Za-z0-9].*\.$`)

// whole checks what a panel needs to be read by somebody who was asleep.
func whole(t *testing.T, uid string, x picture, all map[string]page) {
	t.Helper()
	if x.Title == "" || !sentence.MatchString(x.Description) || x.FieldConfig.Defaults.Unit == "" || len(x.Targets) == 0 {
		t.Errorf("%s: %q: title, description (a sentence), unit and query are needed", uid, x.Title)
	}
	for _, q := range x.Targets {
		if q.LegendFormat == "" && x.Type != "table" {
			t.Errorf("%s: %q: query %s has no legend", uid, x.Title, q.RefID)
		}
		if q.Exemplar && !strings.Contains(q.Expr, "_bucket") {
			t.Errorf("%s: %q: exemplars are of histograms", uid, x.Title)
		}
		for _, v := range regexp.MustCompile(`\$([a-z]\w*)`).FindAllStringSubmatch(q.Expr, -1) {
			if !slices.ContainsFunc(all[uid].Templating.List, func(e struct{ Name string }) bool { return e.Name == v[1] }) {
				t.Errorf("%s: %q asks for $%s, which nobody can choose", uid, x.Title, v[1])
			}
		}
	}
	for _, l := range x.FieldConfig.Defaults.Links {
		target := strings.TrimPrefix(strings.SplitN(l.URL, "?", 2)[0], "/d/")
		p, ok := all[target]
		if !ok {
			t.Errorf("%s: %q leads to %s, which is none", uid, x.Title, l.URL)
		}
		for _, v := range regexp.MustCompile(`&var-(\w+)=`).FindAllStringSubmatch(l.URL, -1) {
			if !slices.ContainsFunc(p.Templating.List, func(e struct{ Name string }) bool { return e.Name == v[1] }) {
				t.Errorf("%s: %q sets %s, which %s has not", uid, x.Title, v[1], target)
			}
		}
	}
}

// apart checks that panels stay on the grid and off each other. Those of a folded
// row take their places when it opens.
func apart(t *testing.T, uid string, flat []picture) {
	t.Helper()
	for i, a := range flat {
		g := a.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: %q is at %+v", uid, a.Title, g)
		}
		for _, b := range flat[:i] {
			h := b.GridPos
			if g.X < h.X+h.W && h.X < g.X+g.W && g.Y < h.Y+h.H && h.Y < g.Y+g.H {
				t.Errorf("%s: %q lies on %q", uid, a.Title, b.Title)
			}
		}
	}
}

// TestDashboards_LeadToEachOther finds those that no panel of another leads to.
func TestDashboards_LeadToEachOther(t *testing.T) {
	t.Parallel()
	b, err := grafana.Overview().JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range grafana.All() {
		if d.UID != "sluice-overview" && d.UID != "sluice-links" && !bytes.Contains(b, []byte("/d/"+d.UID)) {
			t.Errorf("nothing on the overview leads to %s", d.Title)
		}
	}
}
