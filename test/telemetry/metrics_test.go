package telemetry_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/sluicehq/sluice/contracts/metrics"
	"github.com/sluicehq/sluice/test/harness"
)

// maxSeries bounds one metric of a whole system, its buckets not counted; the widest
// are those of requests by route and of calls by method.
const maxSeries = 1500

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := harness.Start(t, harness.Options{Topology: topology(), Monitored: true, Env: []string{"GOMEMLIMIT=4GiB"}})
	mixedLoad(t, w)
	var s scrape
	eventually(t, time.Minute, func() string { // gauges are sampled every few seconds
		s = look(t, w)
		return strings.Join(s.absent(), ", ")
	})
	t.Run("Catalog", func(t *testing.T) { inCatalog(t, s) })
	t.Run("Dashboards", func(t *testing.T) { dashboards(t, w) })
	t.Run("Exemplars", func(t *testing.T) { exemplars(t, w) })
	t.Run("Hostile", func(t *testing.T) { bounded(t, w) })
}

// inCatalog holds each series to what the catalog says of it.
func inCatalog(t *testing.T, s scrape) {
	t.Helper()
	kinds := map[metrics.Kind]dto.MetricType{
		metrics.Counter: dto.MetricType_COUNTER, metrics.UpDownCounter: dto.MetricType_GAUGE,
		metrics.Gauge: dto.MetricType_GAUGE, metrics.Histogram: dto.MetricType_HISTOGRAM,
	}
	for name, all := range s.series {
		m, ok := find(name)
		if !ok {
			t.Errorf("%s is not in contracts/metrics (%d series, help %q)", name, len(all), s.help[name])
			continue
		}
		if s.types[name] != kinds[m.Kind] || s.help[name] != m.Help {
			t.Errorf("%s is a %v, %q; the catalog says %s, %q", name, s.types[name], s.help[name], m.Kind, m.Help)
		}
		wrong := map[string]bool{} // once for each metric is enough
		for _, one := range all {
			for _, problem := range problems(m, one) {
				if !wrong[problem] {
					t.Errorf("%s: %s (%v)", name, problem, one)
				}
				wrong[problem] = true
			}
		}
	}
}

func problems(m metrics.Metric, one series) []string {
	var out []string
	for l, v := range one.labels {
		if !slices.Contains(m.Labels(), l) {
			out = append(out, "label "+l+" is not in the catalog")
		} else if values := closed(m, l); values != nil && !slices.Contains(values, v) {
			out = append(out, "label "+l+" is "+v+", which the catalog does not list")
		}
	}
	for _, a := range m.Attributes {
		if _, ok := one.labels[metrics.Label(a.Key)]; !ok && a.When == "" {
			out = append(out, "no label "+metrics.Label(a.Key))
		}
	}
	if of := one.labels["service_name"]; m.Plain == "" && len(m.Services) > 0 && !slices.Contains(m.Services, of) {
		out = append(out, "service "+of+" is not among those that report it")
	}
	return out
}

// promcheck gives the paths of the tool, built, and of what it is to check.
func promcheck(t *testing.T) []string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin", "tools", "promcheck")
	build := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(root, "scripts/tools/prometheus"), "build", "-o", bin, "./promcheck") // a module outside go.work
	build.Env = append(build.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building promcheck: %v\n%s", err, out)
	}
	return []string{bin, filepath.Join(root, "deploy/grafana/dashboards"), filepath.Join(root, "deploy/prometheus")}
}

// report is what promcheck says.
type report struct {
	Expressions     int
	Names, Problems []string
}

// ask holds dashboards and rules to a shape of a scrape.
func ask(t *testing.T, promcheck []string, shape map[string]map[string][]string) (r report) {
	t.Helper()
	in, err := json.Marshal(shape)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), promcheck[0], promcheck[1:]...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("promcheck: %v", err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// dashboards finds every metric, label and value that a dashboard, rule or alert
// names and the system does not have.
func dashboards(t *testing.T, w *harness.World) {
	t.Helper()
	tool := promcheck(t)
	var shape map[string]map[string][]string
	var r report
	eventually(t, time.Minute, func() string { // what the load brought is counted later than it was answered
		shape = look(t, w).shape()
		r = ask(t, tool, shape)
		return strings.Join(r.Problems, "\n")
	})
	if r.Expressions < 200 || len(r.Names) < 100 {
		t.Errorf("only %d expressions about %d series were checked", r.Expressions, len(r.Names))
	}
	t.Logf("%d expressions name %d series", r.Expressions, len(r.Names))

	// A system that reports less is told from one that reports all.
	delete(shape, "sluice_outbox_age_seconds")
	delete(shape["sluice_bus_lag"], "messaging_consumer_group_name")
	shape["sluice_edge_badge_requests_total"]["sluice_outcome"] = []string{"hit", "miss"}
	r = ask(t, tool, shape)
	for _, want := range []string{"nobody reports sluice_outbox_age_seconds", "sluice_bus_lag has no label messaging_consumer_group_name", `label sluice_outcome of sluice_edge_badge_requests_total is never "old"`} {
		if !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("not found: %s", want)
		}
	}
}

// exemplars wants a trace behind buckets of the histograms that dashboards open.
func exemplars(t *testing.T, w *harness.World) {
	t.Helper()
	all := ""
	for _, body := range w.Scrape(t, "application/openmetrics-text;version=1.0.0") {
		all += body
	}
	for _, name := range []string{"http_server_request_duration_seconds", "rpc_server_call_duration_seconds", "messaging_process_duration_seconds", "sluice_webhook_attempt_duration_seconds"} {
		if !regexp.MustCompile(`(?m)^` + name + `_bucket\{.*# \{.*trace_id="[0-9a-f]{32}"`).MatchString(all) {
			t.Errorf("no bucket of %s has the trace of an observation", name)
		}
	}
}

// bounded wants that what strangers ask for makes no series.
func bounded(t *testing.T, w *harness.World) {
	t.Helper()
	hostileLoad(t, w, "zqa")
	before := look(t, w)
	hostileLoad(t, w, "zqb")
	after := look(t, w)
	for name, all := range after.series {
		if len(all) > maxSeries {
			t.Errorf("%s has %d series", name, len(all))
		}
		if more := len(all) - len(before.series[name]); more > 5 { // a status that did not come up before
			t.Errorf("%s: %d series were made by asking the same with other names", name, more)
		}
		for _, one := range all {
			for l, v := range one.labels {
				if strings.Contains(strings.ToLower(v), "zqa") || strings.Contains(strings.ToLower(v), "zqb") {
					t.Errorf("%s: label %s is %q, which a stranger chose", name, l, v)
				}
			}
		}
	}
	t.Logf("series of the widest metrics: %s", strings.Join(after.sizes()[:8], ", "))
}
