package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of Serve.
type Options struct {
	Listen string        // HOST:PORT for clients
	Status string        // HOST:PORT for States
	Drain  time.Duration // how long requests under way may take after the end of ctx
}

// Serve balances on its own listeners until ctx ends, then lets what is under
// way finish within Drain.
func Serve(ctx context.Context, o Options, cfg Config) error {
	b, err := New(cfg)
	if err != nil {
		return err
	}
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	parts.Go(func() { b.Run(background) })
	failed := make(chan error, 2)
	var servers []*http.Server
	for addr, h := range map[string]http.Handler{o.Listen: b, o.Status: b.Status()} {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			for _, s := range servers {
				_ = s.Close() // the other listener, already open
			}
			return fmt.Errorf("listening on %s: %w", addr, err)
		}
		s := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 20, ErrorLog: b.proxy.ErrorLog}
		servers = append(servers, s)
		parts.Go(func() {
			if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain)
	defer cancel()
	errs := []error{err}
	for _, s := range servers {
		if err := s.Shutdown(drain); err != nil {
			errs = append(errs, fmt.Errorf("requests were cut: %w", err), s.Close())
		}
	}
	return errors.Join(errs...)
}
