package platform

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/settings"
)

// Unit is one service as a process runs it. C is its own settings, which stand
// beside the common ones in the file.
type Unit[C any] struct {
	Name    string
	Version string
	Default C
	New     func(c C, p *Platform) (lifecycle.Service, error)
	// Declared gives what has to be on the nats-server before the service runs, for
	// that many replicas.
	Declared func(replicas int) bus.Declaration
}

// unitSettings is what the file of a lone service holds.
type unitSettings[C any] struct {
	Common Settings `koanf:",squash"`
	Own    C        `koanf:",squash"`
}

// Main runs one service as the whole process, with settings from flags, the
// environment and --config FILE. It returns the exit code.
func Main[C any](u Unit[C], args []string) int {
	return lifecycle.Main(u.Name, os.Stderr, os.Exit, func(ctx context.Context) error { //nolint:forbidigo // the main function of every cmd/<service>
		fs := pflag.NewFlagSet(u.Name, pflag.ContinueOnError)
		file := fs.String("config", "", "settings file (YAML)")
		def := unitSettings[C]{Common: Default(), Own: u.Default}
		if err := settings.Bind(fs, def); err != nil {
			return err
		}
		if err := fs.Parse(args); errors.Is(err, pflag.ErrHelp) {
			return nil
		} else if err != nil {
			return err
		}
		s, err := settings.Load(def, settings.Source{File: *file, Env: settings.Environ(), Flags: fs})
		if err != nil {
			return err
		}
		return u.run(ctx, s)
	})
}

func (u Unit[C]) run(ctx context.Context, s unitSettings[C]) (err error) {
	o := Options{Service: u.Name, Version: u.Version}
	if u.Declared != nil {
		o.Declared = u.Declared(s.Common.NATS.Replicas)
	}
	tel, err := NewTelemetry(ctx, s.Common, u.Name, u.Version)
	if err != nil {
		return err
	}
	tel.TakeErrors()
	o.Tel = tel
	group := lifecycle.NewGroup(lifecycle.Options{Log: tel.Log, StopTimeout: s.Common.StopTimeout, RedFor: s.Common.StopDelay})
	o.Stopping = group.Stopping()
	p, err := Open(ctx, s.Common, o)
	if err != nil {
		return err
	}
	defer func() {
		end := context.WithoutCancel(ctx)
		err = errors.Join(err, p.Close(end))
		Flush(end, tel)
	}()
	if addr := s.Common.MonitorAddr; addr != "" {
		group.Add("monitor", NewMonitor(addr, tel, group, p.Check))
	}
	svc, err := u.New(s.Own, p)
	if err != nil {
		return fmt.Errorf("setting up %s: %w", u.Name, err)
	}
	group.Add(u.Name, svc)
	return group.Run(ctx)
}
