package lifecycle

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// exitForced is the code of a process that a second signal ended, as shells
// report an interrupt.
const exitForced = 130

// Main runs a process's body: run's context ends at the first SIGINT or
// SIGTERM, and a second one ends the process at once through exit (os.Exit).
// It returns the exit code: 0, or 1 after writing run's error to stderr.
func Main(name string, stderr io.Writer, exit func(int), run func(ctx context.Context) error) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return runUntil(name, signals, stderr, exit, run)
}

func runUntil(name string, signals <-chan os.Signal, stderr io.Writer, exit func(int), run func(ctx context.Context) error) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- run(ctx) }()
	for {
		select {
		case err := <-result:
			if err != nil {
				_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
				return 1
			}
			return 0
		case <-signals:
			if ctx.Err() != nil {
				_, _ = fmt.Fprintf(stderr, "%s: second signal, leaving at once\n", name)
				exit(exitForced)
				return exitForced
			}
			_, _ = fmt.Fprintf(stderr, "%s: stopping; a second signal leaves at once\n", name)
			cancel()
		}
	}
}
