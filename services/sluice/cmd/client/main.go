// Command client, as sluice-client, is the command line for link containers. It
// speaks to a server over HTTP and needs nothing else of Sluice; `make clients`
// builds it for Linux and Windows.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/sluicehq/sluice/services/sluice/internal/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := client.Main(ctx, client.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Getenv, version(), os.Args[1:])
	stop()
	os.Exit(code)
}

// version is that of the build.
func version() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := bi.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range bi.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "dev-" + s.Value[:12]
		}
	}
	return "dev"
}
