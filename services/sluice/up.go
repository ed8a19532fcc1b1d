package sluice

import (
	"context"
	"errors"
	"io"

	"github.com/sluicehq/sluice/pkg/platform"
)

// errForeignBus says that up and a foreign nats-server do not go together.
var errForeignBus = errors.New("'sluice up' brings its own nats-server, but nats.url names another one: unset it, or start the services with 'sluice run'")

// Up runs all services and the nats-server in this process until ctx ends. It
// tells on out which account the first start made, and, once all are ready,
// where they listen and how to begin. program is the path of the binary.
func Up(ctx context.Context, cfg Config, program string, out io.Writer) error {
	if cfg.Common.NATS.URL != "" {
		return errForeignBus
	}
	p, err := newProcess(ctx, cfg, whole, out)
	if err != nil {
		return err
	}
	if cfg.Common.Durability == platform.Process {
		p.tel.Log.Warn("durability is process: acknowledged writes survive the end of this process, but a power cut may take the last ones")
	}
	p.addBus(true)
	for _, m := range modules() {
		p.add(m)
	}
	return p.runWith(ctx, func() { _, _ = io.WriteString(out, p.welcome(program)) })
}
