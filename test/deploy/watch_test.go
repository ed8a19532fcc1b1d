package deploy_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type prometheus struct {
	Global struct {
		Scrape   string `yaml:"scrape_interval"`
		Evaluate string `yaml:"evaluation_interval"`
	}
	RuleFiles []string `yaml:"rule_files"`
	Scrape    []struct {
		Job    string `yaml:"job_name"`
		Static []struct {
			Targets []string `yaml:"targets"`
		} `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

// TestPrometheus_ScrapesEveryProcess: every target is a service of compose.yaml at
// the port where it answers, and every process of Sluice is one.
func TestPrometheus_ScrapesEveryProcess(t *testing.T) {
	t.Parallel()
	p := project(t)
	var c prometheus
	d := yaml.NewDecoder(strings.NewReader(read(t, "deploy", "compose", "prometheus.yml")))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	var scraped []string
	for _, job := range c.Scrape {
		for _, st := range job.Static {
			for _, target := range st.Targets {
				host, port := split(target)
				s, ok := p.Services[host]
				if !ok {
					t.Errorf("there is no service %s", host)
					continue
				}
				want := "8888" // of the collector, below
				if _, is := ours(s); is {
					_, want = split(env(s)["SLUICE_MONITOR_ADDR"])
					if job.Job != "sluice" {
						t.Errorf("%s is in job %s", host, job.Job)
					}
				}
				if port != want {
					t.Errorf("%s answers at port %s", target, want)
				}
				if _, same := s.Networks["watch"]; !same {
					t.Errorf("Prometheus does not reach %s", host)
				}
				scraped = append(scraped, host)
			}
		}
	}
	for name, s := range p.Services {
		if service, ok := ours(s); ok && service != "" && !slices.Contains(scraped, name) {
			t.Errorf("nobody scrapes %s", name)
		}
	}
	var mounted []string
	for _, f := range p.Services["prometheus"].Configs {
		mounted = append(mounted, filepath.Base(f.Target))
	}
	for _, f := range append(c.RuleFiles, "prometheus.yml") {
		if !slices.Contains(mounted, f) {
			t.Errorf("%s is not mounted: %v", f, mounted)
		}
	}
	if !slices.Contains(p.Services["prometheus"].Command, "--enable-feature=exemplar-storage") {
		t.Error("exemplars are dropped")
	}
	promtool(t)
}

// promtool reads the configuration with Prometheus' own code, where it is installed.
func promtool(t *testing.T) {
	t.Helper()
	bin, err := exec.LookPath("promtool")
	if err != nil {
		return
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"compose/prometheus.yml": "prometheus.yml", "prometheus/rules.yml": "rules.yml", "prometheus/alerts.yml": "alerts.yml"} {
		if err := os.WriteFile(filepath.Join(dir, to), []byte(read(t, "deploy", from)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), bin, "check", "config", filepath.Join(dir, "prometheus.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

type collector struct {
	Receivers, Processors, Exporters, Extensions map[string]any
	Service                                      struct {
		Extensions []string
		Telemetry  map[string]any
		Pipelines  map[string]struct{ Receivers, Processors, Exporters []string }
	}
}

// TestCollector_IsWhereServicesSendTo: pipelines of declared parts, from the
// address that services send to, to the trace store.
func TestCollector_IsWhereServicesSendTo(t *testing.T) {
	t.Parallel()
	p := project(t)
	var c collector
	decode(t, &c, "compose", "collector.yaml")
	for name, line := range c.Service.Pipelines {
		for _, part := range []struct {
			have []string
			of   map[string]any
		}{{line.Receivers, c.Receivers}, {line.Processors, c.Processors}, {line.Exporters, c.Exporters}} {
			for _, x := range part.have {
				if _, ok := part.of[x]; !ok {
					t.Errorf("pipeline %s: %s is not declared", name, x)
				}
			}
		}
		if len(line.Processors) == 0 || line.Processors[0] != "memory_limiter" {
			t.Errorf("pipeline %s: the limit of memory does not come first", name)
		}
	}
	for _, x := range c.Service.Extensions {
		if _, ok := c.Extensions[x]; !ok {
			t.Errorf("extension %s is not declared", x)
		}
	}
	text, tempo := read(t, "deploy", "compose", "collector.yaml"), read(t, "deploy", "compose", "tempo.yaml")
	for name, s := range p.Services {
		if service, ok := ours(s); !ok || service == "" {
			continue
		}
		host, port := split(strings.TrimPrefix(env(s)["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://"))
		if _, ok := p.Services[host]; !ok || !strings.Contains(text, "0.0.0.0:"+port) {
			t.Errorf("%s sends to %s:%s", name, host, port)
		}
	}
	if !strings.Contains(text, "endpoint: tempo:4317") || !strings.Contains(tempo, "0.0.0.0:4317") {
		t.Error("the collector does not reach the trace store")
	}
	if !strings.Contains(text, "port: 8888") {
		t.Error("the collector's own metrics are nowhere")
	}
}

// TestGrafana_DataSourcesAreThere: what the data sources ask are services, at the
// ports where those answer, on a network of Grafana's.
func TestGrafana_DataSourcesAreThere(t *testing.T) {
	t.Parallel()
	p := project(t)
	var d struct {
		Sources []struct{ Name, URL string } `yaml:"datasources"`
	}
	decode(t, &d, "grafana", "provisioning", "datasources", "sluice.yml")
	ports := map[string]string{"prometheus": "9090", "tempo": "3200"}
	for _, s := range d.Sources {
		host, port := split(strings.TrimPrefix(s.URL, "http://"))
		if _, ok := p.Services[host]; !ok || ports[host] != port {
			t.Errorf("data source %s asks %s", s.Name, s.URL)
		}
	}
	if !strings.Contains(read(t, "deploy", "compose", "tempo.yaml"), "http_listen_port: 3200") {
		t.Error("Tempo listens elsewhere")
	}
	var targets []string
	for _, v := range p.Services["grafana"].Volumes {
		targets = append(targets, v.Target)
	}
	var dash struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	decode(t, &dash, "grafana", "provisioning", "dashboards", "sluice.yml")
	for _, pr := range dash.Providers {
		if !slices.Contains(targets, pr.Options.Path) {
			t.Errorf("dashboards of %s are not mounted: %v", pr.Options.Path, targets)
		}
	}
}

var proxied = regexp.MustCompile(`(?m)^\s*server (\S+) (\S+):(\d+)`)

// TestProxy_AsksTheEdges: the servers of the proxy are the edges, at their port;
// where haproxy is installed, it reads the file itself.
func TestProxy_AsksTheEdges(t *testing.T) {
	t.Parallel()
	p := project(t)
	text := read(t, "deploy", "compose", "haproxy.cfg")
	seen := map[string]bool{}
	for _, m := range proxied.FindAllStringSubmatch(text, -1) {
		s, ok := p.Services[m[2]]
		if !ok {
			t.Errorf("there is no service %s", m[2])
			continue
		}
		if _, port := split(env(s)["SLUICE_HTTP_ADDR"]); port != m[3] {
			t.Errorf("%s listens at %s", m[2], port)
		}
		seen[m[2]] = true
	}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, []string{"edge-1", "edge-2"}) {
		t.Errorf("the proxy knows %v", got)
	}
	if !strings.Contains(text, "GET uri /readyz") {
		t.Error("the proxy does not ask /readyz")
	}
	// What a client claims of itself stops here: where it comes from, and whether it is traced.
	for _, want := range []string{"set-header X-Forwarded-For %[src]", "del-header traceparent", "del-header tracestate", "del-header baggage"} {
		if !strings.Contains(text, "http-request "+want) {
			t.Errorf("no %q", want)
		}
	}
	// The proxy's network is the one whose headers the edges believe.
	for _, name := range []string{"edge-1", "edge-2"} {
		if got := env(p.Services[name])["SLUICE_HTTP_TRUSTED_PROXIES"]; got != p.Networks["front"].Ipam.Config[0].Subnet {
			t.Errorf("%s believes %s", name, got)
		}
	}
	bin, err := exec.LookPath("haproxy")
	if err != nil {
		return
	}
	pem := filepath.Join(t.TempDir(), "tls.pem")
	cfg := filepath.Join(t.TempDir(), "haproxy.cfg")
	selfSigned(t, pem)
	if err := os.WriteFile(cfg, []byte(strings.ReplaceAll(text, "/run/secrets/tls.pem", pem)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), bin, "-c", "-f", cfg).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
