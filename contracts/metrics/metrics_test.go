package metrics_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/metrics"
)

// conventions are the areas that OpenTelemetry's semantic conventions name.
var conventions = []string{"http.", "rpc.", "messaging.", "db.", "go."}

func TestAll_NamesAreOfTheConventionsOrOurs(t *testing.T) {
	t.Parallel()
	dotted := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	seen, series := map[string]bool{}, map[string]string{}
	for _, m := range metrics.All() {
		known := slices.ContainsFunc(conventions, func(p string) bool { return strings.HasPrefix(m.Name, p) })
		if m.Plain == "" && (!dotted.MatchString(m.Name) || !known && !strings.HasPrefix(m.Name, "sluice.")) {
			t.Errorf("%s: a name is dotted, and of the conventions or begins with sluice.", m.Name)
		}
		if seen[m.Name] {
			t.Errorf("%s stands there twice", m.Name)
		}
		seen[m.Name] = true
		for _, s := range m.Series() {
			if other, taken := series[s]; taken || m.Prometheus() == "" {
				t.Errorf("%s and %s are both %q in a scrape", m.Name, other, s)
			}
			series[s] = m.Name
			if found, ok := metrics.Find(s); !ok || found.Name != m.Name {
				t.Errorf("%s is found as %q", s, found.Name)
			}
		}
		if m.Help == "" {
			t.Errorf("%s says nothing", m.Name)
		}
		for _, a := range m.Attributes {
			if (len(a.Values) == 0) == (a.Bound == "") {
				t.Errorf("%s: what bounds %s is a list or a sentence", m.Name, a.Key)
			}
		}
	}
}

// TestAll_NamesInPrometheus pins the translation that dashboards rest on.
func TestAll_NamesInPrometheus(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"http.server.request.duration": "http_server_request_duration_seconds", "http.server.active_requests": "http_server_active_requests",
		"sluice.blob.written": "sluice_blob_written_bytes_total", "sluice.bus.stream.limit": "sluice_bus_stream_limit_bytes",
		"sluice.bus.dead_letters": "sluice_bus_dead_letters_total", "sluice.bus.dead_letters.waiting": "sluice_bus_dead_letters_waiting",
		"sluice.build.info": "sluice_build_info", "go.config.gogc": "go_config_gogc_percent", "process_open_fds": "process_open_fds",
	}
	for _, m := range metrics.All() {
		if name, ok := want[m.Name]; ok && m.Prometheus() != name {
			t.Errorf("%s is %s in a scrape, want %s", m.Name, m.Prometheus(), name)
		}
		delete(want, m.Name)
	}
	for name := range want {
		t.Errorf("%s is not there", name)
	}
	m, _ := metrics.Find("http_server_request_duration_seconds_bucket")
	if !slices.Contains(m.Labels(), "http_response_status_code") || !slices.Contains(m.Labels(), "service_name") {
		t.Errorf("labels %v", m.Labels())
	}
}

func TestMarkdown_IsWhatIsDeployed(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile("../../deploy/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(metrics.Markdown()) {
		t.Error("deploy/METRICS.md is not made from the catalog: make gen")
	}
}
