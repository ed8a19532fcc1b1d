package platform_test

import (
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// TestDeclare_WaitsForALeader: what a cluster answers while its streams have no
// leader, after a start or a loss of servers, is no reason to give up.
func TestDeclare_WaitsForALeader(t *testing.T) {
	t.Parallel()
	srv, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	nc, err := nats.Connect(srv.ClientURL(), nats.Timeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var led atomic.Bool
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	if _, err := nc.Subscribe("$JS.API.>", func(m *nats.Msg) {
		if !led.Load() {
			asked <- struct{}{}
			<-answer
			_ = m.Respond([]byte(`{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`))
		}
	}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		d := bus.Declaration{Streams: []jetstream.StreamConfig{{Name: "THINGS", Subjects: []string{"thing.>"}}}}
		done <- platform.Declare(t.Context(), nc, settings(t), d, telemetry.Nop())
	}()
	for n := range 5 {
		select {
		case <-asked:
			if n < 4 { // the last one waits: a server that is half way to JetStream must not be asked
				answer <- struct{}{}
			}
		case err := <-done:
			t.Fatalf("it gave up: %v", err)
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is asked")
		}
	}
	if err := srv.EnableJetStream(&natsserver.JetStreamConfig{StoreDir: t.TempDir(), MaxStore: 1 << 50}); err != nil {
		t.Fatal(err)
	}
	led.Store(true)
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(t.Context(), "THINGS"); err != nil {
		t.Error(err)
	}
}
