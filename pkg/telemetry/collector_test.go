package telemetry_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/telemetry"
)

// deaf listens and takes connections, and says nothing on them.
func deaf(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				<-ended
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		close(ended)
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// absent is an address where nobody listens.
func absent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// TestShutdown_DoesNotWaitForTheCollector is not parallel: the exporters read the
// environment of the process. It is of HTTP alone: what a client of gRPC leaves behind
// when it is not waited for ends with the process only.
func TestShutdown_DoesNotWaitForTheCollector(t *testing.T) {
	for _, c := range []struct {
		name string
		at   func(*testing.T) string
	}{{"Deaf", deaf}, {"Absent", absent}} {
		t.Run(c.name, func(t *testing.T) {
			endpoint := "http://" + c.at(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
			tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "x", LogOutput: io.Discard, Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint}})
			if err != nil {
				t.Fatal(err)
			}
			sub, err := tel.For(t.Context(), "y")
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			ctx, sp := sub.Tracer("x").Start(t.Context(), "op")
			sub.Log.InfoContext(ctx, "something happened")
			sp.End()
			if took := time.Since(began); took > 5*time.Second { // an export that is waited for takes 10
				t.Errorf("what is told waits for the collector: %v", took)
			}
			began = time.Now()
			if sub.Shutdown(t.Context()) == nil || tel.Shutdown(t.Context()) == nil {
				t.Error("what nobody took is flushed")
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("the end waits for the collector: %v", took)
			}
		})
	}
}
