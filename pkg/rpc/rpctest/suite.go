package rpctest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// impl is the service itself.
type impl struct{ ended chan struct{} }

func (impl) Echo(ctx context.Context, r Message) (Message, error) {
	r.RequestID = telemetry.RequestID(ctx)
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		r.TraceID = sc.TraceID().String()
	}
	if d, ok := ctx.Deadline(); ok {
		r.Left = time.Until(d)
	}
	return r, nil
}

func (impl) Fail(_ context.Context, r FailRequest) (Message, error) { return Message{}, r.err() }

func (i impl) Wait(ctx context.Context, _ Message) (Message, error) {
	select {
	case <-ctx.Done():
		return Message{}, fmt.Errorf("waiting: %w", ctx.Err())
	case <-i.ended:
		return Message{}, nil
	}
}

func (impl) Panic(_ context.Context, r Message) (Message, error) { panic(r.Text) }

// Run checks a transport: open makes svc reachable and gives the Service that
// reaches it.
func Run(t *testing.T, open func(t testing.TB, svc Service) Service) {
	t.Parallel()
	svc := impl{make(chan struct{})}
	s := open(t, svc)
	t.Cleanup(func() { close(svc.ended) }) // before the server stops, which waits for calls
	for _, c := range []struct {
		name string
		test func(*testing.T, Service)
	}{
		{"Passes", testPasses},
		{"FaultKinds", testFaultKinds},
		{"FaultTexts", testFaultTexts},
		{"WrappedFault", testWrapped},
		{"UnknownError", testUnknown},
		{"ContextErrors", testContextErrors},
		{"Deadline", testDeadline},
		{"DefaultDeadline", testDefaultDeadline},
		{"Cancel", testCancel},
		{"Panic", testPanic},
		{"Huge", testHuge},
		{"Carries", testCarries},
		{"Concurrent", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, s)
		})
	}
}

// texts are strings that transports like to spoil.
func texts() []string {
	return []string{
		"", "plain", "grüße, 世界 🌊", "line\nline\r\nline", " spaces at the ends ", "100% %41 %zz %", "tab\tnul\x00del\x7f",
		"\"quotes\" \\ </script> &amp;", "e\u0301 \u202e rtl", "\uFFFD",
	}
}

func testPasses(t *testing.T, s Service) {
	for _, text := range texts() {
		in := Message{Text: text, Bytes: []byte{0, 255, 10, 13}, Map: map[string]int{text: 1}, Time: time.Unix(1, 5).UTC()}
		got, err := s.Echo(t.Context(), in)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got.Left, got.TraceID = 0, ""
		if d := cmp.Diff(in, got); d != "" {
			t.Errorf("%q came back changed: %s", text, d)
		}
	}
}

func testFaultKinds(t *testing.T, s Service) {
	for _, k := range fault.Kinds() {
		want := FailRequest{Kind: k, Code: "rpctest.some_code", Message: "this went wrong: " + string(k), RetryAfter: 1500 * time.Millisecond}
		_, err := s.Fail(t.Context(), want)
		checkFault(t, err, want)
		want.RetryAfter = 0
		_, err = s.Fail(t.Context(), want)
		checkFault(t, err, want)
	}
}

func testFaultTexts(t *testing.T, s Service) {
	for _, text := range texts() {
		want := FailRequest{Kind: fault.Conflict, Code: "rpctest.text", Message: text}
		_, err := s.Fail(t.Context(), want)
		checkFault(t, err, want)
	}
}

func testWrapped(t *testing.T, s Service) {
	want := FailRequest{Kind: fault.NotFound, Code: "rpctest.wrapped", Message: "there is none", Wrap: "reading /secret/place"}
	_, err := s.Fail(t.Context(), want)
	checkFault(t, err, want)
	if !errors.Is(err, fault.New(fault.NotFound, "rpctest.wrapped", "")) {
		t.Errorf("errors.Is does not know %v", err)
	}
	if strings.Contains(fault.From(err).Message, "secret") {
		t.Errorf("the wrapping reached the caller: %q", fault.From(err).Message)
	}
}

func testUnknown(t *testing.T, s Service) {
	_, err := s.Fail(t.Context(), FailRequest{Text: "sql: password=hunter2"})
	f := fault.From(err)
	if f.Kind != fault.Internal || f.Code != fault.ErrInternal.Code || f.Message != fault.ErrInternal.Message {
		t.Errorf("an unknown error became %s %s %q", f.Kind, f.Code, f.Message)
	}
}

func testContextErrors(t *testing.T, s Service) {
	_, err := s.Wait(t.Context(), Message{})
	if k := fault.KindOf(err); k != fault.Timeout {
		t.Errorf("a wrapped deadline error became %q: %v", k, err)
	}
}

func testDeadline(t *testing.T, s Service) {
	const limit = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	_, err := s.Wait(ctx, Message{})
	if k := fault.KindOf(err); k != fault.Timeout {
		t.Errorf("kind %q: %v", k, err)
	}
	if took := time.Since(began); took < limit/2 {
		t.Errorf("it took %v of %v", took, limit)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := s.Echo(ctx, Message{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Left < 50*time.Second || got.Left > time.Minute {
		t.Errorf("of a minute, the handler saw %v", got.Left)
	}
}

func testDefaultDeadline(t *testing.T, s Service) {
	got, err := s.Echo(context.WithoutCancel(t.Context()), Message{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Left <= 0 || got.Left > 10*time.Second {
		t.Errorf("without a deadline of its own, the handler saw %v", got.Left)
	}
}

func testCancel(t *testing.T, s Service) {
	// The call's own time-out may be over before a busy machine comes to the cancel.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.Wait(ctx, Message{})
		done <- err
	}()
	cancel()
	if err := <-done; fault.KindOf(err) != fault.Canceled {
		t.Errorf("kind %q: %v", fault.KindOf(err), err)
	}
}

func testPanic(t *testing.T, s Service) {
	for range 3 {
		_, err := s.Panic(t.Context(), Message{Text: "boom: a secret"})
		f := fault.From(err)
		if f == nil || f.Kind != fault.Internal || f.Message != fault.ErrInternal.Message {
			t.Fatalf("a panic became %v", err)
		}
	}
	if _, err := s.Echo(t.Context(), Message{}); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

// testHuge stays below NATS's default message limit of 1 MiB, base64 included.
func testHuge(t *testing.T, s Service) {
	in := Message{Bytes: make([]byte, 700<<10)}
	for i := range in.Bytes {
		in.Bytes[i] = byte(i * 31)
	}
	got, err := s.Echo(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Bytes) != string(in.Bytes) {
		t.Error("700 KiB came back changed")
	}
}

func testCarries(t *testing.T, s Service) {
	tid := trace.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: tid, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true})
	ctx := trace.ContextWithSpanContext(t.Context(), sc)
	for _, id := range []string{"req_01", "100% ü", "new\r\nline: x"} {
		got, err := s.Echo(telemetry.WithRequestID(ctx, id), Message{})
		if err != nil {
			t.Fatal(err)
		}
		if got.RequestID != id || got.TraceID != tid.String() {
			t.Errorf("request id %q arrived as %q, trace as %q", id, got.RequestID, got.TraceID)
		}
	}
}

func testConcurrent(t *testing.T, s Service) {
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 20 {
				text := fmt.Sprintf("%d/%d", i, j)
				got, err := s.Echo(t.Context(), Message{Text: text})
				if err != nil || got.Text != text {
					t.Errorf("sent %q, got %q, %v", text, got.Text, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func checkFault(t *testing.T, err error, want FailRequest) {
	t.Helper()
	f := fault.From(err)
	if f == nil {
		t.Fatalf("%s: no error", want.Kind)
	}
	got := FailRequest{Kind: f.Kind, Code: f.Code, Message: f.Message, RetryAfter: f.RetryAfter, Wrap: want.Wrap}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: %s", want.Kind, d)
	}
}
