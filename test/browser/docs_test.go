// Package browser_test looks at pages of the running system in a real browser.
// It needs Chromium, so `make test-all` runs it: SLUICE_TEST_FULL.
package browser_test

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/test/harness"
)

// visit is what a page did while it was open.
type visit struct {
	mu       sync.Mutex
	requests []string
	bodies   []string // of requests, as far as the browser tells
	problems []string // exceptions, errors in the console, violations of the policy
}

func (v *visit) listen(ev any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		v.requests = append(v.requests, ev.Request.URL)
		for _, e := range ev.Request.PostDataEntries {
			v.bodies = append(v.bodies, string(e.Bytes))
		}
	case *runtime.EventExceptionThrown:
		v.problems = append(v.problems, ev.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Source == log.EntrySourceSecurity {
			v.problems = append(v.problems, ev.Entry.Text+" "+ev.Entry.URL)
		}
	}
}

// TestDocs_InBrowser opens the reference page: it shows every operation of the
// document, unfolds one, tries one out, asks no other host for anything and breaks no rule of
// its own policy.
func TestDocs_InBrowser(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all looks at pages in a browser")
	}
	w := harness.Start(t, harness.Options{})
	ctx, v := open(t)
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(1280, 1600),
		chromedp.Navigate(w.URL+"/api/v1/docs"),
		chromedp.WaitVisible(chromedp.CSS(`.opblock-summary-operation-id`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll(".opblock-summary-operation-id")].map(e => e.textContent.replace(/\u200b/g, ""))`))
	if err != nil {
		t.Fatal(err)
	}
	err = chromedp.Do(ctx,
		chromedp.Click(chromedp.CSS(`#operations-objects-putObject .opblock-summary-control`)),
		chromedp.WaitVisible(chromedp.CSS(`#operations-objects-putObject .responses-table`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(`#operations-objects-putObject`)))
	if err != nil {
		t.Fatal(err)
	}
	const health = `#operations-system-healthz `
	err = chromedp.Do(ctx,
		chromedp.Click(chromedp.CSS(health+`.opblock-summary-control`)),
		chromedp.Click(chromedp.CSS(health+`.try-out__btn`)),
		chromedp.Click(chromedp.CSS(health+`.execute`)),
		chromedp.WaitVisible(chromedp.CSS(health+`.live-responses-table`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	tried, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(health+`.live-responses-table .response`)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(tried, "200") || !strings.Contains(tried, `"status": "ok"`) {
		t.Errorf("trying an operation out gave %q", tried)
	}
	keep(ctx, t)
	slices.Sort(shown)
	if want := operations(t); !slices.Equal(shown, want) {
		t.Errorf("the page shows %d operations, the document has %d:\n%q\n%q", len(shown), len(want), shown, want)
	}
	for _, part := range []string{"Parameters", "Responses", "application/problem+json", "unauthorized", "Idempotency-Key", "quota_exceeded"} {
		if !strings.Contains(opened, part) {
			t.Errorf("an open operation does not show %q:\n%.2000s", part, opened)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	home, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.requests {
		if u, err := url.Parse(r); err != nil || u.Host != home.Host && u.Scheme != "data" && u.Scheme != "blob" {
			t.Errorf("the page asked %s", r)
		}
	}
	if len(v.requests) < 5 {
		t.Errorf("too few requests were seen: %q", v.requests)
	}
	for _, p := range v.problems {
		t.Errorf("in the console: %s", p)
	}
}

// keep writes a picture of the page for somebody who wants to see it.
func keep(ctx context.Context, t *testing.T) {
	t.Helper()
	path := os.Getenv("SLUICE_TEST_SCREENSHOT")
	if path == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, shot, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open starts a browser of its own for the test, which stops it.
func open(t *testing.T, more ...chromedp.ExecAllocatorOption) (context.Context, *visit) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil && strings.Contains(os.Getenv("REQUIRE"), "browser") {
		t.Fatal("there is no Chromium; scripts/test-all.sh installs it where it can")
	}
	if err != nil {
		t.Skip("there is no Chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	options = append(options, more...)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	v := &visit{}
	if err := chromedp.Listen(ctx, v.listen); err != nil {
		t.Fatal(err)
	}
	return ctx, v
}

// operations lists the document's operation ids.
func operations(t *testing.T) []string {
	t.Helper()
	var d struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(openapi.Lockwell(), &d); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, ops := range d.Paths {
		for _, op := range ops {
			ids = append(ids, op.OperationID)
		}
	}
	slices.Sort(ids)
	return ids
}
