package bench_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// BenchmarkBadge asks for one container's badge as fast as wrk can, and Go's file
// server for a file of the same bytes: SVG, WebP, and the 304 of each.
func BenchmarkBadge(b *testing.B) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.Skip("wrk is not installed; scripts/bench.sh does it where it may")
	}
	w, c := world(b, "process")
	var key struct {
		Key string `json:"apiKey"`
	}
	c.Do(b, http.MethodPost, "/api/v1/account/api-key/regenerate", nil, http.Header{"Authorization": {"Bearer " + c.Account}}).Want(b, http.StatusOK).JSON(b, &key)
	var made struct {
		ID string `json:"container_id"`
	}
	c.Do(b, http.MethodPost, "/api/v1/container/create", map[string]any{"title": "bench", "links": []string{"https://127.0.0.1/a", "https://127.0.0.1/b"}},
		http.Header{"X-Api-Key": {key.Key}}).Want(b, http.StatusOK).JSON(b, &made)
	dir := b.TempDir()
	files := fileServer(b, dir)
	for _, form := range []string{"svg", "webp"} {
		path := "/s/" + made.ID + "." + form
		badge := c.Do(b, http.MethodGet, path, nil, http.Header{}).Want(b, http.StatusOK)
		name := "badge." + form
		if err := os.WriteFile(filepath.Join(dir, name), badge.Body, 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(form, func(b *testing.B) { compare(b, wrk, w.URL+path, "", files+"/"+name, "") })
		b.Run(form+"-304", func(b *testing.B) {
			compare(b, wrk, w.URL+path, "If-None-Match: "+badge.Header.Get("Etag"), files+"/"+name, "If-Modified-Since: "+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		})
	}
}

// fileServer is the baseline.
func fileServer(b *testing.B, dir string) string {
	b.Helper()
	ln, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }() // ends by Close
	b.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// compare loads both and reports requests per second and the 99th percentile.
func compare(b *testing.B, wrk, ours, ourHeader, theirs, theirHeader string) {
	b.Helper()
	load(b, wrk, ours, ourHeader, "1s") // warm
	base, baseP99 := load(b, wrk, theirs, theirHeader, "5s")
	rate, p99 := load(b, wrk, ours, ourHeader, "5s")
	b.ReportMetric(rate, "req/s")
	b.ReportMetric(p99, "p99-ms")
	b.ReportMetric(base, "file-req/s")
	b.ReportMetric(baseP99, "file-p99-ms")
	b.ReportMetric(rate/base, "ratio")
	b.ReportMetric(0, "ns/op")
}

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP99    = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)`)
	wrkErrors = regexp.MustCompile(`(?m)^\s*(Non-2xx or 3xx responses|Socket errors):.*$`)
)

// load runs wrk with 64 connections.
func load(b *testing.B, wrk, url, header, long string) (perSecond, p99ms float64) {
	b.Helper()
	args := []string{"-t2", "-c64", "-d" + long, "--latency"}
	if header != "" {
		args = append(args, "-H", header)
	}
	out, err := exec.CommandContext(b.Context(), wrk, append(args, url)...).CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	if e := wrkErrors.Find(out); e != nil {
		b.Fatalf("%s", e)
	}
	rate, p99 := wrkRate.FindSubmatch(out), wrkP99.FindSubmatch(out)
	if rate == nil || p99 == nil {
		b.Fatalf("wrk says %s", out)
	}
	perSecond, _ = strconv.ParseFloat(string(rate[1]), 64) // digits by the pattern
	p99ms, _ = strconv.ParseFloat(string(p99[1]), 64)      // as above
	return perSecond, p99ms * map[string]float64{"us": .001, "ms": 1, "s": 1000}[string(p99[2])]
}
