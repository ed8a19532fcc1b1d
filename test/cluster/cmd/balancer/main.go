// Command balancer puts one address in front of several edges.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/test/cluster/balance"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where clients come")
	status := flag.String("status", "127.0.0.1:8079", "where the state of the edges can be read")
	edges := flag.String("edges", "", "base URLs of the edges, comma list")
	wait := flag.Duration("drain", 30*time.Second, "how long requests under way may take when it stops")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := balance.Serve(ctx, balance.Options{Listen: *listen, Status: *status, Drain: *wait}, balance.Config{Edges: strings.Split(*edges, ","), Log: log})
	if err != nil {
		log.Error("the balancer ended", "err", err)
		os.Exit(1)
	}
}
