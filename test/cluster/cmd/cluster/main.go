// Command cluster starts, shows and stops an installation of several copies on
// this machine: cluster [flags] up|down|status|restart NAME…
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sluicehq/sluice/test/cluster"
)

func main() {
	var o cluster.Options
	flag.StringVar(&o.Dir, "dir", "./data/cluster", "where all of it is kept")
	flag.StringVar(&o.Bin, "bin", "./bin/cluster", "where the binaries are")
	flag.StringVar(&o.HTTP, "http", "127.0.0.1:8080", "where clients come; of the first start only")
	flag.IntVar(&o.Base, "ports", 4300, "first of the other ports; 0 takes free ones; of the first start only")
	flag.IntVar(&o.Copies, "copies", 2, "copies of every service; of the first start only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cluster.Command(ctx, o, flag.Args(), os.Environ(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}
