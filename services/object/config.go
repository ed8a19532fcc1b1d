package object

import (
	"errors"
	"time"
)

// Config is object's own settings. They stand beside the common ones.
type Config struct {
	Object Settings `koanf:"object"`
	GC     GC       `koanf:"gc"`
}

// Settings tune the service itself.
type Settings struct {
	SweepInterval time.Duration `koanf:"sweep_interval" doc:"how often the object service looks for what a crash left half done"`
	MaxBacklog    int           `koanf:"max_backlog" doc:"events that may wait to be published; above it writes answer 503"`
	TrashKeep     time.Duration `koanf:"trash_keep" doc:"how long the trash of an account's drive keeps what is put into it"`
	Workers       int           `koanf:"workers" doc:"background workers that settle quota and clean removed versions away"`
}

// GC tunes the collector of blobs.
type GC struct {
	Interval time.Duration `koanf:"interval" doc:"how often stored bytes that nothing refers to are looked for; 0 means only 'sluice gc --now'"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{
		Object: Settings{SweepInterval: 30 * time.Second, MaxBacklog: 100_000, TrashKeep: 30 * 24 * time.Hour, Workers: 4},
		GC:     GC{Interval: 6 * time.Hour},
	}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Object.SweepInterval < time.Second:
		return errors.New("object.sweep_interval: at least 1s")
	case c.Object.MaxBacklog < 1:
		return errors.New("object.max_backlog: at least 1")
	case c.Object.TrashKeep < time.Minute:
		return errors.New("object.trash_keep: at least 1m")
	case c.Object.Workers < 1 || c.Object.Workers > 64:
		return errors.New("object.workers: it is from 1 to 64")
	case c.GC.Interval < 0 || c.GC.Interval > 0 && c.GC.Interval < time.Minute:
		return errors.New("gc.interval: 0, or at least 1m")
	}
	return nil
}
