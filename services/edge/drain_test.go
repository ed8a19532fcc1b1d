package edge_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestEdge_DrainsInOrder: told to stop, an edge is not ready any more but answers
// on, ending each connection with its answer; stopped, it takes no more and lets
// an upload under way come to its end.
func TestEdge_DrainsInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	do := func(method, path string, body io.Reader) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	if r := do(http.MethodPost, "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"drained"}`))); r.StatusCode != http.StatusCreated || r.Close {
		t.Fatalf("a bucket before: %d, connection closed %v", r.StatusCode, r.Close)
	}
	data := bytes.Repeat([]byte("x"), 3<<20)
	body, rest := io.Pipe()
	uploaded := make(chan int, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/api/v1/buckets/drained/objects/k", body)
		if err != nil {
			uploaded <- 0
			return
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			uploaded <- 0
			return
		}
		resp.Body.Close()
		uploaded <- resp.StatusCode
	}()
	if _, err := rest.Write(data[:1<<20]); err != nil {
		t.Fatal(err)
	}

	close(s.red)
	deadline := time.Now().Add(time.Minute)
	for do(http.MethodGet, "/readyz", nil).StatusCode != http.StatusServiceUnavailable {
		if time.Now().After(deadline) {
			t.Fatal("an edge that is to stop stays ready")
		}
	}
	if r := do(http.MethodGet, "/api/v1/buckets", nil); r.StatusCode != http.StatusOK || !r.Close {
		t.Errorf("a request while red: %d, connection closed %v", r.StatusCode, r.Close)
	}

	stopped := make(chan struct{})
	go func() { defer close(stopped); s.stop(t, time.Minute) }()
	refused := func() bool {
		resp, err := http.Get(s.url + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err != nil
	}
	for !refused() {
		if time.Now().After(deadline) {
			t.Fatal("an edge that stops takes connections")
		}
	}
	if _, err := rest.Write(data[1<<20:]); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if status := <-uploaded; status != http.StatusCreated {
		t.Errorf("the upload under way was answered %d", status)
	}
	<-stopped
}
