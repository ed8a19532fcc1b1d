package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/platform"
)

// nats says whether the nats-server answers, and with JetStream.
func (d *doctor) nats(ctx context.Context, l *list) {
	switch err := d.natsErr; {
	case errors.Is(err, platform.ErrNoCredentials):
		l.fail("", "start it, or run this with the settings of the services (--config, --data-dir, --nats-url)", "%v", err)
		return
	case errors.Is(err, nats.ErrAuthorization):
		l.fail("", "use the credentials that the server was started with: nats.creds_file", "%v", err)
		return
	case err != nil:
		l.fail("", "look at the nats-server's log; 'sluice up' and 'sluice run nats' bring one along", "%v", err)
		return
	}
	before := time.Now()
	if err := d.nc.FlushWithContext(ctx); err != nil {
		l.fail("", "look at the nats-server's log", "the connection to %s broke: %v", d.nc.ConnectedUrlRedacted(), err)
		return
	}
	rtt := time.Since(before)
	if _, err := d.js.AccountInfo(ctx); errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		l.fail("", "enable JetStream for this account in the nats-server's configuration (deploy/nats)", "the nats-server has no JetStream for these credentials")
		return
	}
	c := d.Config.Common
	cluster := d.nc.ConnectedClusterName()
	if c.NATS.Replicas > 1 && cluster == "" {
		l.fail("nats.replicas", "connect to a cluster, or set nats.replicas to 1", "%d copies of every stream are wanted, but the nats-server stands alone", c.NATS.Replicas)
	}
	if cluster != "" && c.NATS.Replicas == 1 {
		l.warn("nats.replicas", "set nats.replicas to 3, then 'sluice bus declare'", "the nats-server is one of cluster %s, but every stream has one copy: a lost server takes its streams along", cluster)
	}
	where := "alone"
	if cluster != "" {
		where = "in cluster " + cluster
	}
	l.done("", "nats-server %s (%s) answers in %s", d.nc.ConnectedServerVersion(), where, rtt)
}
