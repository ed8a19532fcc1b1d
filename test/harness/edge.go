package harness

import (
	"path/filepath"
	"testing"
	"time"
)

// Edge starts one more edge, as on another host: it shares the nats-server and
// the master key with the World and nothing else, and has more settings on top of
// the World's. What it gives is a World of that one process, "edge", for the edge's
// part only: URL, Kill, StartProc, WaitReady. The test's end stops it.
func (w *World) Edge(t testing.TB, settings ...string) *World {
	t.Helper()
	o := w.opts
	o.Env = append(append([]string{}, w.opts.Env...),
		"SLUICE_KEY_FILE="+filepath.Join(w.DataDir, "master.key"), "SLUICE_NATS_CREDS_FILE="+filepath.Join(w.DataDir, "nats.json"))
	o.Env = append(o.Env, settings...)
	e := &World{
		URL: "http://" + freeAddr(t), NATSURL: w.NATSURL, DataDir: filepath.Join(t.TempDir(), "data"),
		opts: o, bin: w.bin, logs: w.logs, procs: map[string]*Proc{}, order: []string{"edge"},
	}
	t.Cleanup(e.StopAll)
	if err := e.StartProc(t.Context(), "edge"); err != nil {
		t.Fatal(err)
	}
	if err := e.WaitReady(t.Context(), 3*time.Minute); err != nil {
		t.Fatalf("%v\n%s", err, w.logs.tail(60))
	}
	return e
}
