package harness

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// monitor chooses an address for each process's own listener.
func (w *World) monitor(t testing.TB) {
	t.Helper()
	if !w.opts.Monitored {
		return
	}
	w.monitors = map[string]string{}
	for _, name := range w.order {
		w.monitors[name] = freeAddr(t)
	}
}

// monitored is the setting of that address.
func (w *World) monitored(name string) []string {
	if w.monitors[name] == "" {
		return nil
	}
	return []string{"SLUICE_MONITOR_ADDR=" + w.monitors[name]}
}

// Scrape reads /metrics of each process of a monitored World, by the name of the
// process, in the format that accept asks for.
func (w *World) Scrape(t testing.TB, accept string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, addr := range w.monitors {
		body, err := w.scrape(t, addr, accept)
		if err != nil {
			t.Fatalf("scraping %s: %v", name, err)
		}
		out[name] = body
	}
	return out
}

func (w *World) scrape(t testing.TB, addr, accept string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it answered %d: %s", resp.StatusCode, b)
	}
	return string(b), nil
}
