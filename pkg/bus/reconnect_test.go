package bus_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
)

// connectTCP connects by the network, so that the connection can outlive a server.
func connectTCP(t testing.TB, urls string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(urls, nats.Timeout(eventuallySoon), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return newJS(t, nc)
}

// publishSurely repeats until the PubAck: the same id is stored once.
func publishSurely(t testing.TB, b *bus.Bus, n int) {
	t.Helper()
	e, err := bus.NewEnvelope(t.Context(), happened, fmt.Sprintf("id-%d", n), "x", int64(n), time.Now(), fact{N: n})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, eventuallySoon, fmt.Sprintf("event %d is published", n), func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return b.Publish(ctx, e) == nil
	})
}

// collects is a bus over TCP, not running yet, that collects what happened.
func collects(t testing.TB, url, durable string) (*bus.Bus, *log) {
	t.Helper()
	js := connectTCP(t, url)
	c := restless(durable)
	if err := bus.Reconcile(t.Context(), js, testStreams(), []bus.Consumer{c}); err != nil {
		t.Fatal(err)
	}
	b, got := newBus(t, js), &log{}
	if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return b, got
}

func TestBus_SurvivesAServerRestart(t *testing.T) {
	t.Parallel()
	at := natsd.Options{StoreDir: t.TempDir(), Addr: natstest.Addrs(t, 1)[0]}
	srv := natstest.StartWith(t, at)
	b, got := collects(t, srv.URL(), "restart")
	start(t, b)
	for i := range 50 {
		publishSurely(t, b, i)
	}
	srv.Shutdown()
	natstest.StartWith(t, at)
	for i := 50; i < 100; i++ {
		publishSurely(t, b, i)
	}
	eventually(t, eventuallySoon, "all 100 are handled", func() bool { return got.distinct() == 100 })
}

// A service whose start meets a restart of the server starts all the same.
func TestBus_StartsWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	at := natsd.Options{StoreDir: t.TempDir(), Addr: natstest.Addrs(t, 1)[0]}
	srv := natstest.StartWith(t, at)
	b, got := collects(t, srv.URL(), "late")
	srv.Shutdown()
	done := make(chan error, 1)
	go func() { done <- b.Run(context.WithoutCancel(t.Context())) }()
	select {
	case <-b.Running():
		t.Error("it runs without a server")
	case err := <-done:
		t.Fatalf("it gave up: %v", err)
	case <-time.After(6 * time.Second): // longer than a call to the server takes
	}
	natstest.StartWith(t, at)
	publishSurely(t, b, 1)
	eventually(t, eventuallySoon, "it is handled", func() bool { return got.distinct() == 1 })
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A bus that waits for the server can be stopped.
func TestBus_EndsWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	b, _ := collects(t, srv.URL(), "never")
	srv.Shutdown()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(eventuallySoon):
		t.Fatal("it does not end")
	}
}

// TestBus_SurvivesACutConnection cuts the client's connection, with the server
// running on.
func TestBus_SurvivesACutConnection(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	js := newJS(t, natstest.Conn(t, srv))
	c := restless("cut")
	if err := bus.Reconcile(t.Context(), js, testStreams(), []bus.Consumer{c}); err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	dial := dialer(func(network, addr string) (net.Conn, error) {
		var err error
		conn, err = net.Dial(network, addr)
		return conn, err
	})
	nc, err := nats.Connect(srv.URL(), nats.SetCustomDialer(dial), nats.Timeout(eventuallySoon), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b := newBus(t, newJS(t, nc))
	var got log
	if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	p := newBus(t, js)
	publishSurely(t, p, 1)
	eventually(t, eventuallySoon, "the first is handled", func() bool { return got.distinct() == 1 })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	publishSurely(t, p, 2)
	eventually(t, eventuallySoon, "the second is handled", func() bool { return got.distinct() == 2 })
}

type dialer func(network, addr string) (net.Conn, error)

func (d dialer) Dial(network, addr string) (net.Conn, error) { return d(network, addr) }

// TestBus_WaitsForADeletedDurable: services may not make durables; an operator
// declares it anew, and the bus goes on.
func TestBus_WaitsForADeletedDurable(t *testing.T) {
	t.Parallel()
	c := quick("deleted")
	w := newWorld(t, c)
	b := newBus(t, w.js)
	var got log
	if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	publish(t, b, 1)
	eventually(t, eventuallySoon, "the first is handled", func() bool { return got.distinct() == 1 })
	if err := w.js.DeleteConsumer(t.Context(), "EVENTS", "deleted"); err != nil {
		t.Fatal(err)
	}
	if err := bus.Reconcile(t.Context(), w.js, nil, []bus.Consumer{c}); err != nil {
		t.Fatal(err)
	}
	publish(t, b, 2)
	eventually(t, eventuallySoon, "the second is handled", func() bool { return got.distinct() == 2 })
}

// cluster is three servers in this process.
func cluster(t *testing.T) ([]*server.Server, string) {
	t.Helper()
	const n = 3
	var urls string
	addrs := natstest.Addrs(t, n)
	routes := server.RoutesFromStr("nats://" + strings.Join(addrs, ",nats://"))
	servers := make([]*server.Server, n)
	for i := range servers {
		port, err := strconv.Atoi(routes[i].Port())
		if err != nil {
			t.Fatal(err)
		}
		o := &server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port}, Routes: routes,
			NoSigs: true, NoLog: true,
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers[i] = s
	}
	eventually(t, eventuallySoon, "the cluster has a leader", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	for _, s := range servers {
		urls += s.ClientURL() + ","
	}
	return servers, urls[:len(urls)-1]
}

func TestBus_SurvivesTheLossOfALeader(t *testing.T) {
	full(t)
	servers, urls := cluster(t)
	js := connectTCP(t, urls)
	streams := testStreams()
	for i := range streams {
		streams[i].Replicas = 3
	}
	c := quick("leader")
	c.AckWait, c.MaxDeliver = 2*time.Second, 30
	eventually(t, eventuallySoon, "the streams are there", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return bus.Reconcile(ctx, js, streams, []bus.Consumer{c}) == nil
	})
	b := newBus(t, js)
	var got log
	if err := bus.Subscribe(b, c, happened, func(_ context.Context, _ bus.Envelope, f fact) error {
		got.add(f.N)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	const n = 300
	next := 0
	send := func(until int) {
		for ; next < until; next++ {
			publishSurely(t, b, next)
		}
	}
	leaderOf := func() (string, string) {
		s, err := js.Stream(t.Context(), "EVENTS")
		if err != nil || s.CachedInfo().Cluster == nil {
			return "", ""
		}
		cons, err := s.Consumer(t.Context(), "leader")
		if err != nil || cons.CachedInfo().Cluster == nil {
			return "", ""
		}
		return s.CachedInfo().Cluster.Leader, cons.CachedInfo().Cluster.Leader
	}
	send(100)
	// First the leaders move while all servers live, then one dies.
	stream, cons := leaderOf()
	for _, s := range servers {
		if s.Name() == stream || s.Name() == cons {
			_ = s.JetStreamStepdownStream("$G", "EVENTS")
			_ = s.JetStreamStepdownConsumer("$G", "EVENTS", "leader")
		}
	}
	send(200)
	eventually(t, eventuallySoon, "the leaders are known", func() bool { stream, cons = leaderOf(); return stream != "" && cons != "" })
	for _, s := range servers {
		if s.Name() == cons {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}
	send(n)
	eventually(t, 60*time.Second, "all are handled", func() bool { return got.distinct() == n })
}
