package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/audit"
)

// stream keeps batches; it can be full, or hold messages up.
type stream struct {
	mu      sync.Mutex
	batches []auditv1.Batch
	fail    error
	hold    chan struct{} // each message takes one, when set
	biggest int
}

func (s *stream) publish(_ context.Context, data []byte) error {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	var b auditv1.Batch
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	s.batches = append(s.batches, b)
	s.biggest = max(s.biggest, len(data))
	return nil
}

func (s *stream) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// ids counts the records by request id.
func (s *stream) ids() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, b := range s.batches {
		for _, r := range b.Records {
			out[r.RequestID]++
		}
	}
	return out
}

func run(t *testing.T, s *stream, window time.Duration) (*audit.Recorder, func()) {
	t.Helper()
	r, err := audit.New(s.publish, window, telemetry.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestRecorder_GroupsConcurrentRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stream{hold: make(chan struct{})}
		r, _ := run(t, s, time.Hour)
		const n = 600
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				if err := r.Record(auditv1.Record{RequestID: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // the first message is held up, and all other records wait
		close(s.hold)
		wg.Wait()
		ids := s.ids()
		if len(ids) != n {
			t.Fatalf("%d records", len(ids))
		}
		for id, c := range ids {
			if c != 1 {
				t.Errorf("%s: %d times", id, c)
			}
		}
		for _, b := range s.batches {
			if len(b.Records) > 256 {
				t.Errorf("%d records in a message", len(b.Records))
			}
		}
		if len(s.batches) > 1+(n+255)/256 {
			t.Errorf("%d messages for %d records", len(s.batches), n)
		}
	})
}

func TestRecorder_MessagesFitNATS(t *testing.T) {
	t.Parallel()
	s := &stream{}
	r, stop := run(t, s, time.Millisecond)
	for i := range 1000 {
		r.Note(auditv1.Record{RequestID: fmt.Sprint(i), Key: strings.Repeat("\x01", 1024)})
	}
	stop()
	if s.biggest > 1<<20-1024 || len(s.ids()) != 1000 {
		t.Errorf("the largest message has %d bytes, %d records", s.biggest, len(s.ids()))
	}
}

func TestRecorder_NotesWithinWindow(t *testing.T) {
	t.Parallel()
	s := &stream{}
	r, _ := run(t, s, 20*time.Millisecond)
	r.Note(auditv1.Record{RequestID: "n"})
	eventually(t, "the note is written", func() bool { return s.ids()["n"] == 1 })
}

func TestRecorder_Full(t *testing.T) {
	t.Parallel()
	s := &stream{}
	r, _ := run(t, s, 10*time.Millisecond)
	s.setFail(errors.New("maximum bytes exceeded"))
	if !r.Open() {
		t.Error("shut before anything failed")
	}
	if err := r.Record(auditv1.Record{RequestID: "a"}); err == nil {
		t.Error("a record that is not durable was acknowledged")
	}
	if r.Open() {
		t.Error("open although the stream is full")
	}
	r.Note(auditv1.Record{RequestID: "read"}) // kept until there is room
	s.setFail(nil)
	eventually(t, "it opens by itself", r.Open)
	eventually(t, "the read's record is there", func() bool { return s.ids()["read"] == 1 })
	if s.ids()["a"] != 0 {
		t.Error("a record was written although its request was told otherwise")
	}
}

func TestRecorder_StopWritesTheRest(t *testing.T) {
	t.Parallel()
	s := &stream{}
	r, stop := run(t, s, time.Hour)
	r.Note(auditv1.Record{RequestID: "last"})
	stop()
	if s.ids()["last"] != 1 {
		t.Error("the last note is lost")
	}
	if err := r.Record(auditv1.Record{}); !errors.Is(err, audit.ErrClosed) {
		t.Error(err)
	}
}
