package bus_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/pkg/bus"
)

// percentile sorts and picks.
func percentile(d []time.Duration, p float64) time.Duration {
	slices.Sort(d)
	return d[min(len(d)-1, int(p*float64(len(d))))]
}

// BenchmarkPublish compares Bus.Publish with a bare JetStream publish of the same
// bytes on the same stream.
func BenchmarkPublish(b *testing.B) {
	w := newWorld(b, quick("bench"))
	bb := newBus(b, w.js)
	envelope := func() bus.Envelope {
		e, err := bus.NewEnvelope(context.Background(), happened, "", "bucket/key", 1, time.Now(), fact{N: 1, Name: "x"})
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	b.Run("raw", func(b *testing.B) {
		for b.Loop() {
			e := envelope()
			m := &nats.Msg{Subject: e.Type, Data: e.Data, Header: nats.Header{nats.MsgIdHdr: {e.ID}}}
			if _, err := w.js.PublishMsg(context.Background(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bus", func(b *testing.B) {
		for b.Loop() {
			if err := bb.Publish(context.Background(), envelope()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRelay measures from the commit to the event's arrival at a plain
// subscriber: alone (latency) and from many writers (throughput).
func BenchmarkRelay(b *testing.B) {
	w := newWorld(b, quick("bench"))
	db := newMemory()
	r := runRelay(b, w.js, db, bus.RelayConfig{Name: "bench"})
	var waiting sync.Map
	sub, err := w.nc.Subscribe(happened.Type, func(m *nats.Msg) {
		if c, ok := waiting.LoadAndDelete(m.Header.Get("ce-id")); ok {
			close(c.(chan struct{}))
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sub.Unsubscribe() })
	var n atomic.Int64
	commit := func() time.Duration {
		m := event(b, "x", 1)
		c := make(chan struct{})
		waiting.Store(m.ID, c)
		began := time.Now()
		db.commit(fmt.Sprint(n.Add(1)), true, m)
		<-c
		return time.Since(began)
	}
	b.Run("one", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			took = append(took, commit())
		}
		b.ReportMetric(float64(percentile(took, .5).Microseconds()), "p50-us")
		b.ReportMetric(float64(percentile(took, .99).Microseconds()), "p99-us")
	})
	b.Run("many", func(b *testing.B) {
		b.SetParallelism(32)
		began := time.Now()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				commit()
			}
		})
		b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
	})
	eventually(b, 10*time.Second, "nothing waits", func() bool { return r.Backlog() == 0 })
}

// BenchmarkHandle consumes what was published before, with the router and our
// middleware, against bare fetches.
func BenchmarkHandle(b *testing.B) {
	fill := func(b *testing.B, js *bus.Bus) {
		for range b.N {
			e, err := bus.NewEnvelope(context.Background(), happened, "", "k", 1, time.Now(), fact{N: 1})
			if err != nil {
				b.Fatal(err)
			}
			if err := js.Publish(context.Background(), e); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("raw", func(b *testing.B) {
		w := newWorld(b, quick("raw"))
		fill(b, newBus(b, w.js))
		cons, err := w.js.Consumer(context.Background(), "EVENTS", "raw")
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		for got := 0; got < b.N; {
			batch, err := cons.Fetch(min(16, b.N-got))
			if err != nil {
				b.Fatal(err)
			}
			for m := range batch.Messages() {
				if err := m.Ack(); err != nil {
					b.Fatal(err)
				}
				got++
			}
		}
	})
	b.Run("bus", func(b *testing.B) {
		c := quick("bus")
		c.Concurrency = 16
		w := newWorld(b, c)
		bb := newBus(b, w.js)
		fill(b, bb)
		var got atomic.Int64
		done := make(chan struct{})
		if err := bus.Subscribe(bb, c, happened, func(context.Context, bus.Envelope, fact) error {
			if got.Add(1) == int64(b.N) {
				close(done)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		start(b, bb)
		<-done
	})
}
