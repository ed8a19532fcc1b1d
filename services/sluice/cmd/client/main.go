// Command client, as sluice-client, is the command line for link containers. It
// speaks to a server over HTTP and needs nothing else of Sluice; `make clients`
// builds it for Linux and Windows.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/sluicehq/sluice/services/sluice/internal/build"
	"github.com/sluicehq/sluice/services/sluice/internal/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := client.Main(ctx, client.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Getenv, build.Version(), os.Args[1:])
	stop()
	os.Exit(code)
}
