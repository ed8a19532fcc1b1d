package harness

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Route is a line of GET /-/routes.
type Route struct{ Method, Path, Dialect, Handler, Auth, Body string }

// Name of the route, as the audit trail has it.
func (r Route) Name() string { return r.Handler[strings.LastIndexByte(r.Handler, ':')+1:] }

// Routes reads the running system's own table.
func (w *World) Routes(t testing.TB) []Route {
	t.Helper()
	c := &Client{HTTP: newHTTP(t), URL: w.AdminURL()}
	var out []Route
	for line := range strings.Lines(string(c.Call(t, "GET", "/-/routes", nil).Want(t, 200).Body)) {
		if f := strings.Fields(line); len(f) >= 6 {
			out = append(out, Route{Method: f[0], Path: f[1], Dialect: f[2], Handler: f[3], Auth: f[4], Body: f[5]})
		}
	}
	return out
}

// AuditRecord is a line of `sluice audit query --json`.
type AuditRecord struct {
	RequestID, AccountID, KeyID, Dialect, Action, Bucket, Key, Result, Code, Source string
	Status                                                                          int
}

// Audit asks the CLI for the records that the flags choose, and gives its
// output too.
func (w *World) Audit(t testing.TB, flags ...string) ([]AuditRecord, string) {
	t.Helper()
	out, err := w.CLI(t.Context(), "", append([]string{"audit", "query", "--json", "--limit", "1000000"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	var recs []AuditRecord
	for line := range strings.Lines(out) {
		var r AuditRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		recs = append(recs, r)
	}
	return recs, out
}

// JetStream connects as the operator does, with what the data directory holds.
func (w *World) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	path := filepath.Join(w.DataDir, "nats.json")
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", path, st.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var creds struct{ User, Password string }
	if err := json.Unmarshal(b, &creds); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(w.NATSURL, nats.UserInfo(creds.User, creds.Password), nats.Timeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Stored says how much the object stores have taken in so far, messages and
// their bytes: what moves no bytes leaves both alone.
func (w *World) Stored(t testing.TB) (messages, bytes uint64) {
	t.Helper()
	for info := range w.JetStream(t).ListStreams(t.Context()).Info() {
		if strings.HasPrefix(info.Config.Name, "OBJ_") {
			messages += info.State.LastSeq
			bytes += info.State.Bytes
		}
	}
	return messages, bytes
}

// Refuses starts another system with these settings on top, in a directory of
// its own, and gives what it said when it ended; nil when it did not.
func (w *World) Refuses(t testing.TB, settings ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.bin, "up")
	cmd.Env = append(append(w.Env(), "SLUICE_DATA_DIR="+t.TempDir(), "SLUICE_NATS_ADDR=off"), settings...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return string(out), nil
	}
	return string(out), err
}
