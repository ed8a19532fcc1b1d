package e2e_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestLocknex_StopWithOpenStreams: pages that watch a container do not hold up a
// server that stops. The system is a real process, and stops by Ctrl-C.
func TestLocknex_StopWithOpenStreams(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all stops whole systems")
	}
	w := harness.Start(t, harness.Options{})
	id := account(t, w).Locknex(t).Create(t, "watched", []string{"https://host.invalid/1"}).ID
	streams := make([]*bufio.Scanner, 5)
	for i := range streams {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/container/"+id+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		streams[i] = bufio.NewScanner(resp.Body)
		for !strings.HasPrefix(streams[i].Text(), "data: ") {
			if !streams[i].Scan() {
				t.Fatalf("the stream ended at once: %v", streams[i].Err())
			}
		}
	}
	began := time.Now()
	if err := w.Stop("up", 20*time.Second); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, s := range streams { // each has ended by itself
		for s.Scan() { //nolint:revive // to its end
		}
		if err := s.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a stream ended with %v", err)
		}
	}
}
