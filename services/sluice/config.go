// Package sluice runs the services of Sluice: all of them in one process over a
// nats-server inside it, or one by one. It is the only package that imports
// several services.
package sluice

import (
	"fmt"
	"net"

	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/auth"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/linkchecker"
	"github.com/sluicehq/sluice/services/object"
	"github.com/sluicehq/sluice/services/stats"
	"github.com/sluicehq/sluice/services/upload"
	"github.com/sluicehq/sluice/services/webhook"
)

// Config is every setting of Sluice; each service reads its own part of it.
type Config struct {
	Common  platform.Settings  `koanf:",squash"`
	Edge    edge.Config        `koanf:",squash"`
	Auth    auth.Config        `koanf:",squash"`
	Object  object.Config      `koanf:",squash"`
	Upload  upload.Config      `koanf:",squash"`
	Links   linkchecker.Config `koanf:",squash"`
	Stats   stats.Config       `koanf:",squash"`
	Webhook webhook.Config     `koanf:",squash"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{
		Common: platform.Default(), Edge: edge.Default(), Auth: auth.Default(), Object: object.Default(),
		Upload: upload.Default(), Links: linkchecker.Default(), Stats: stats.Default(), Webhook: webhook.Default(),
	}
}

// Load reads the settings from file (when it is not empty), the environment and
// those flags that were set.
func Load(file string, flags *pflag.FlagSet) (Config, error) {
	return settings.Load(Default(), settings.Source{File: file, Env: settings.Environ(), Flags: flags})
}

// UnknownVariables lists the SLUICE_ variables of the process that name no
// setting; mostly they are misspelt.
func UnknownVariables() []string {
	return settings.Unknown[Config](settings.Source{Env: settings.Environ()})
}

// scheme is that of the public listener.
func (c Config) scheme() string {
	if c.Edge.HTTP.TLSCert != "" {
		return "https"
	}
	return "http"
}

// LocalURL is how a client on this machine reaches the public listener, when
// its port is fixed.
func (c Config) LocalURL() (string, error) {
	if _, port, err := net.SplitHostPort(c.Edge.HTTPAddr); err != nil || port == "0" {
		return "", fmt.Errorf("the settings do not say on which port the server listens (http_addr is %q)", c.Edge.HTTPAddr)
	}
	return baseURL(c.scheme(), c.Edge.HTTPAddr), nil
}
