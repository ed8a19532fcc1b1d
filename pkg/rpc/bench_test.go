package rpc_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// BenchmarkCall measures calls against plain NATS requests of the same bytes,
// alternating in one run, and reports both and their ratio: calls/s, p99 in
// microseconds, and x-plain, how many plain requests a call costs. Run it with
// -benchtime 20000x or more.
func BenchmarkCall(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(map[int]string{1: "callers=1", 16: "callers=16"}[callers], func(b *testing.B) { benchmark(b, callers) })
	}
}

func benchmark(b *testing.B, callers int) {
	srv := natstest.Start(b)
	s, err := rpc.NewServer(natstest.Conn(b, srv), rpc.ServerConfig{Name: "demo"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stop(s, 5*time.Second) })
	if err := rpc.Handle(s, echo, echoes); err != nil {
		b.Fatal(err)
	}
	plainServer := natstest.Conn(b, srv)
	if _, err := plainServer.QueueSubscribe("plain", "q", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		b.Fatal(err)
	}
	if err := plainServer.Flush(); err != nil {
		b.Fatal(err)
	}
	nc := natstest.Conn(b, srv)
	c := rpc.NewClient(nc, rpc.ClientConfig{})
	body := text{strings.Repeat("x", 120)}
	call := func() error {
		_, err := rpc.Call(b.Context(), c, echo, body)
		return err
	}
	raw := []byte(`{"text":"` + body.Text + `"}`)
	plain := func() error {
		_, err := nc.RequestWithContext(b.Context(), "plain", raw)
		return err
	}
	const rounds = 4
	var calls, plains []time.Duration
	var callTime, plainTime time.Duration
	for range rounds {
		n := max(b.N/rounds, 1)
		d, took := measure(b, callers, n, call)
		calls, callTime = append(calls, d...), callTime+took
		d, took = measure(b, callers, n, plain)
		plains, plainTime = append(plains, d...), plainTime+took
	}
	b.ReportMetric(float64(len(calls))/callTime.Seconds(), "calls/s")
	b.ReportMetric(float64(len(plains))/plainTime.Seconds(), "plain/s")
	b.ReportMetric(p99(calls), "call-p99-us")
	b.ReportMetric(p99(plains), "plain-p99-us")
	b.ReportMetric(callTime.Seconds()/plainTime.Seconds(), "x-plain")
}

// measure does n times do, shared by the callers, and gives each one's time and all of it.
func measure(b *testing.B, callers, n int, do func() error) ([]time.Duration, time.Duration) {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				t := time.Now()
				if err := do(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(t)
			}
		})
	}
	wg.Wait()
	return took, time.Since(began)
}

func p99(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)*99/100].Microseconds())
}
