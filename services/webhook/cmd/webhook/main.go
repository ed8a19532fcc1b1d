// Command webhook runs the webhook service alone.
package main

import (
	"os"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/services/webhook"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(platform.Main(webhook.Unit(version), os.Args[1:])) }
