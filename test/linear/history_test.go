package linear_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sluicehq/sluice/test/harness"
)

// history is what all clients asked and were answered, with times of one clock.
type history struct {
	start  time.Time
	bodies sync.Map // of all writes, by ETag

	mu  sync.Mutex
	ops []porcupine.Operation
}

// now is a time on the history's clock, in nanoseconds.
func (h *history) now() int64 { return int64(time.Since(h.start)) }

// add records an operation that was asked for at call and is over now.
func (h *history) add(client int, in request, out answer, call int64) {
	op := porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: h.now()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// line is an operation in a kept file.
type line struct {
	Client   int     `json:"client"`
	Call     int64   `json:"call"`
	Return   int64   `json:"return"`
	Request  request `json:"request"`
	Answer   answer  `json:"answer"`
	Describe string  `json:"text"`
}

// judge checks the history, and keeps it with its picture when it is not
// linearizable.
func (h *history) judge(t *testing.T, within time.Duration) {
	t.Helper()
	began := time.Now()
	result, info := check(h.ops, within)
	lost := 0
	for _, op := range h.ops {
		if !op.Output.(answer).Known {
			lost++
		}
	}
	t.Logf("%d operations, %d of them unanswered: %s, judged in %v", len(h.ops), lost, result, time.Since(began).Round(time.Millisecond))
	if result == porcupine.Ok {
		return
	}
	dir := harness.KeepDir(t)
	if err := porcupine.VisualizePath(model(), info, filepath.Join(dir, "history.html")); err != nil {
		t.Error(err)
	}
	f, err := os.Create(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	for _, op := range h.ops {
		in, out := op.Input.(request), op.Output.(answer)
		if err := enc.Encode(line{op.ClientId, op.Call, op.Return, in, out, describe(in, out)}); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("the history is %s; it is kept in %s", result, dir)
}

// TestHistory_Kept checks a kept history again: SLUICE_TEST_HISTORY names its
// history.jsonl.
func TestHistory_Kept(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_HISTORY")
	if path == "" {
		t.Skip("SLUICE_TEST_HISTORY names no file")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var h history
	for dec := json.NewDecoder(f); dec.More(); {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		h.ops = append(h.ops, porcupine.Operation{ClientId: l.Client, Call: l.Call, Return: l.Return, Input: l.Request, Output: l.Answer})
	}
	h.judge(t, time.Minute)
}
