package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/test/harness"
)

// operator: the CLI against a running system.
func operator(t *testing.T, w *harness.World) {
	name := "cli-" + strings.ToLower(strings.ReplaceAll(filepath.Base(filepath.Dir(w.DataDir)), "_", ""))
	if _, err := w.CLI(t.Context(), "pass phrase of the operator\n", "account", "create", name, "--email", name+"@example.test", "--password-stdin"); err != nil {
		t.Fatal(err)
	}
	out, err := w.CLI(t.Context(), "", "account", "list")
	if err != nil || !strings.Contains(out, name) || !strings.Contains(out, "admin") {
		t.Errorf("account list: %v\n%s", err, out)
	}
	out, err = w.CLI(t.Context(), "", "key", "create", "--account", name, "--scopes", "read,write", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var key struct {
		AccessKeyID, SecretKey string
		Scopes                 []string
	}
	if err := json.Unmarshal([]byte(out), &key); err != nil || key.SecretKey == "" || len(key.Scopes) != 2 {
		t.Fatalf("key create --json: %v: %s", err, out)
	}
	c := &harness.Client{HTTP: http.DefaultClient, URL: w.URL, KeyID: key.AccessKeyID, Secret: key.SecretKey}
	c.Mint(t)
	c.Do(t, http.MethodGet, "/api/v1/buckets", nil, nil).Want(t, http.StatusOK)
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": name, "password": "pass phrase of the operator"}, http.Header{}).Want(t, http.StatusOK)
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": "admin", "password": harness.AdminPassword}, http.Header{}).Want(t, http.StatusOK)
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": name, "password": "wrong"}, http.Header{}).Want(t, http.StatusUnauthorized)
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": "nobody-here", "password": "wrong"}, http.Header{}).Want(t, http.StatusUnauthorized)
	if _, err := w.CLI(t.Context(), "", "account", "disable", name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a disabled account's token is refused", func() bool {
		return c.Do(t, http.MethodGet, "/api/v1/buckets", nil, nil).Status == http.StatusUnauthorized
	})
	for _, args := range [][]string{
		{"config", "check"}, {"config", "print"}, {"bus", "dead", "list"}, {"bus", "streams"}, {"bus", "consumers"}, {"version"}, {"webhook", "list"}, {"ready"},
		{"master-key", "show"}, {"doctor", "--only", "nats,clocks,key,streams,buckets,object-stores,documents,services,edge"},
	} {
		if out, err := w.CLI(t.Context(), "", args...); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if out, err := w.CLI(t.Context(), "", "key", "create", "--account", "no-such-account", "--scopes", "read"); err == nil {
		t.Errorf("a key for nobody: %s", out)
	}
}

// busIsVisible: the port asks for credentials, and with them an operator's NATS
// tools see streams and objects.
func busIsVisible(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "seen")
	c.Put(t, "seen", "k", randomBytes(t, 3<<20), nil)
	if nc, err := nats.Connect(w.NATSURL); err == nil {
		nc.Close()
		t.Error("the NATS port lets anybody in")
	}
	js := w.JetStream(t)
	found := map[string]bool{}
	for name := range js.StreamNames(t.Context()).Name() {
		found[name] = true
	}
	for _, want := range []string{"EVENTS", "DEAD", "TIMERS", "AUDIT"} {
		if !found[want] {
			t.Errorf("stream %s is missing: %v", want, found)
		}
	}
	objects := 0
	for name := range js.ObjectStoreNames(t.Context()).Name() {
		store, err := js.ObjectStore(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := store.List(t.Context())
		if err != nil {
			continue // an empty store
		}
		for _, info := range list {
			var n int64
			obj, err := store.Get(t.Context(), info.Name)
			if err == nil {
				n, err = io.Copy(io.Discard, obj)
			}
			if err != nil || uint64(n) != info.Size {
				// What other scenarios have deleted goes in the background.
				if _, gone := store.GetInfo(t.Context(), info.Name); !errors.Is(gone, jetstream.ErrObjectNotFound) {
					t.Errorf("%s/%s: %d of %d bytes, %v", name, info.Name, n, info.Size, err)
				}
				continue
			}
			objects++
		}
	}
	if objects == 0 {
		t.Error("no NATS client can see the stored segments")
	}
}

// traceInLogs: one trace spans edge → object → bus → webhook, by the log's spans.
func traceInLogs(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "traced")
	r := harness.NewReceiver(t, nil)
	c.Do(t, http.MethodPut, "/api/v1/buckets/traced/notifications", map[string]any{"configs": []map[string]any{{"url": r.URL, "events": []string{"object-created"}}}}, nil).Want(t, http.StatusOK)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	c.Put(t, "traced", "k", "x", http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}})
	r.Wait(t, time.Minute, "the delivery", func(h []harness.Hook) bool { return len(h) >= 1 })
	eventually(t, "spans of edge, object and webhook in one trace", func() bool {
		services := map[string]bool{}
		sc := bufio.NewScanner(strings.NewReader(w.Logs()))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			if !strings.Contains(sc.Text(), trace) {
				continue
			}
			var line struct {
				Service string `json:"service"`
				TraceID string `json:"trace_id"`
			}
			if json.Unmarshal(sc.Bytes(), &line) == nil && line.TraceID == trace {
				services[line.Service] = true
			}
		}
		return services["edge"] && services["object"] && services["webhook"]
	})
}

// ops: what operators scrape and read beside the dialects.
func ops(t *testing.T, w *harness.World) {
	c := &harness.Client{HTTP: http.DefaultClient, URL: w.URL}
	get := func(path string) harness.Response {
		return c.Do(t, http.MethodGet, path, nil, http.Header{}).Want(t, http.StatusOK)
	}
	get("/healthz")
	get("/readyz")
	c.URL = w.AdminURL()
	if b := string(get("/metrics").Body); !strings.Contains(b, "# TYPE") || !strings.Contains(b, "go_") {
		t.Errorf("/metrics: %.300s", b)
	}
	if b := string(get("/-/routes").Body); !strings.Contains(b, "/api/v1/buckets/{bucket}/objects/{key...}") {
		t.Errorf("/-/routes: %.300s", b)
	}
	c.URL = w.URL
	if b := string(get("/api/v1/healthz").Body); !strings.Contains(b, `"ok"`) {
		t.Errorf("/api/v1/healthz: %s", b)
	}
	var doc struct {
		OpenAPI string
	}
	r := get("/api/v1/openapi.json")
	r.JSON(t, &doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || r.Header.Get("Etag") == "" {
		t.Errorf("openapi %q, ETag %q", doc.OpenAPI, r.Header.Get("Etag"))
	}
}

// restart: Ctrl-C ends the system in order, and the next start finds everything.
func restart(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "kept")
	data := randomBytes(t, 9<<20)
	c.Put(t, "kept", "k", data, nil)
	order := w.Order()
	for i := len(order) - 1; i >= 0; i-- {
		if err := w.Stop(order[i], 30*time.Second); err != nil {
			t.Fatalf("stopping %s: %v", order[i], err)
		}
	}
	for _, name := range order {
		if err := w.StartProc(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	c.HTTP.CloseIdleConnections()
	if r := c.Get(t, "kept", "k", nil).Want(t, http.StatusOK); string(r.Body) != string(data) {
		t.Error("the object changed over a restart")
	}
	c.Mint(t)
	c.Put(t, "kept", "k2", "x", nil)
}
