package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/sluice/internal/build"
)

// process is what Up and Run have in common: the telemetry of the process and
// the group of its services.
type process struct {
	cfg   Config
	tel   *telemetry.Telemetry
	group *lifecycle.Group
	bus   *busServer // nil when the nats-server is elsewhere
	units []*unit
	lock  []*lock
	out   io.Writer // for people
}

// newProcess locks the data directory and sets the process up.
func newProcess(ctx context.Context, cfg Config, how use, out io.Writer) (*process, error) {
	if err := cfg.Common.MakeDataDir(); err != nil {
		return nil, err
	}
	l, err := takeLock(cfg.Common.DataDir, "sluice.lock", how)
	if err != nil {
		return nil, err
	}
	tel, err := platform.NewTelemetry(ctx, cfg.Common, "sluice", build.Version())
	if err != nil {
		l.release()
		return nil, err
	}
	tel.TakeErrors()
	if n := setMemoryLimit(); n > 0 {
		tel.Log.Debug("set the memory limit", "bytes", n)
	}
	p := &process{
		cfg: cfg, tel: tel, lock: []*lock{l}, out: out,
		group: lifecycle.NewGroup(lifecycle.Options{Log: tel.Log, StopTimeout: cfg.Common.StopTimeout, RedFor: cfg.Common.StopDelay}),
	}
	if addr := cfg.Common.MonitorAddr; addr != "" {
		p.group.Add("monitor", platform.NewMonitor(addr, tel, p.group, p.check))
	}
	return p, nil
}

// check says whether what the services need of NATS is there. It is asked once all
// of them have started.
func (p *process) check() error {
	for _, u := range p.units {
		if err := u.p.Check(); err != nil {
			return err
		}
	}
	return nil
}

// addBus adds the nats-server.
func (p *process) addBus(socket bool) {
	p.bus = newBusServer(p.cfg.Common, p.tel, socket)
	p.group.Add(Bus, p.bus)
}

// add adds a service, which connects to the nats-server when it starts.
func (p *process) add(m module) {
	u := &unit{process: p, module: m}
	p.units = append(p.units, u)
	p.group.Add(m.name, u)
}

// run runs the group until ctx ends, then releases everything.
func (p *process) run(ctx context.Context) error {
	err := p.group.Run(ctx)
	platform.Flush(context.WithoutCancel(ctx), p.tel)
	p.release()
	return err
}

func (p *process) release() {
	for _, l := range p.lock {
		l.release()
	}
}

// publicURL is where the edge of this process listens.
func (p *process) publicURL() string {
	for _, u := range p.units {
		if l, ok := u.svc.(listening); ok && len(l.Addrs()) > 0 {
			return baseURL(p.cfg.scheme(), l.Addrs()[0])
		}
	}
	return ""
}

// Run runs single services that share one nats-server and, on one host, one
// data directory, until ctx ends. It tells on out which account the first start
// made, and when all are ready.
func Run(ctx context.Context, cfg Config, names []string, out io.Writer) error {
	ms, withBus, err := pick(names)
	if err != nil {
		return err
	}
	p, err := newProcess(ctx, cfg, shared, out)
	if err != nil {
		return err
	}
	if withBus {
		l, err := takeLock(cfg.Common.DataDir, "nats.lock", whole)
		if err != nil {
			p.release()
			return err
		}
		p.lock = append(p.lock, l)
		p.addBus(true)
	}
	for _, m := range ms {
		p.add(m)
	}
	return p.runWith(ctx, func() { _, _ = fmt.Fprintf(out, "ready: %s\n", strings.Join(names, ", ")) })
}

// runWith calls ready when the group is.
func (p *process) runWith(ctx context.Context, ready func()) error {
	done := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-p.group.Ready():
			ready()
		case <-done:
		}
	}()
	err := p.run(ctx)
	close(done)
	<-told
	return err
}

// unit is one service with a platform of its own: what separate processes have,
// inside one.
type unit struct {
	process *process
	module  module

	p      *platform.Platform
	tel    *telemetry.Telemetry
	svc    lifecycle.Service
	ctx    context.Context // of svc's Run
	cancel context.CancelFunc
	ran    chan struct{} // closed when svc's Run has returned
}

// Start implements lifecycle.Service.
func (u *unit) Start(ctx context.Context) (err error) {
	if u.tel, err = u.process.tel.For(ctx, u.module.name); err != nil {
		return err
	}
	c := u.process.cfg.Common
	o := platform.Options{
		Service: u.module.name, Version: build.Version(), Tel: u.tel, Stopping: u.process.group.Stopping(),
		Declared: streams.Declared(c.NATS.Replicas),
	}
	if u.process.bus != nil {
		o.Dial = u.process.bus.dialer(u.module.name)
	}
	if u.p, err = platform.Open(ctx, c, o); err != nil {
		platform.Flush(context.WithoutCancel(ctx), u.tel)
		return err
	}
	if u.svc, err = u.module.make(u.process.cfg, u.p); err == nil {
		err = u.svc.Start(ctx)
	}
	if err != nil {
		return errors.Join(err, u.close(context.WithoutCancel(ctx)))
	}
	if f, ok := u.svc.(firstStarter); ok {
		if name, password, made := f.FirstStart(); made {
			_, _ = io.WriteString(u.process.out, account(name, password))
		}
	}
	u.ctx, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	u.ran = make(chan struct{})
	u.tel.Log.InfoContext(ctx, "ready", slog.String(telemetry.KeyVersion, build.Version()))
	return nil
}

// Run implements lifecycle.Service.
func (u *unit) Run(context.Context) error {
	defer close(u.ran)
	return u.svc.Run(u.ctx) //nolint:contextcheck // the context that Start made is the one that Stop ends
}

// Stop implements lifecycle.Service. The platform is closed when nothing of the
// service runs any more.
func (u *unit) Stop(ctx context.Context) error {
	err := u.svc.Stop(ctx)
	u.cancel()
	select {
	case <-u.ran:
	case <-ctx.Done():
	}
	return errors.Join(err, u.close(ctx))
}

func (u *unit) close(ctx context.Context) error {
	err := u.p.Close(ctx)
	platform.Flush(ctx, u.tel)
	return err
}
