package upload

import (
	"errors"
	"time"
)

// Config is upload's own settings. They stand beside the common ones.
type Config struct {
	Upload Settings `koanf:"upload"`
}

// Settings tune the service.
type Settings struct {
	Lease         time.Duration `koanf:"lease" doc:"how long an upload in flight lives without a sign of life from its edge"`
	SweepInterval time.Duration `koanf:"sweep_interval" doc:"how often abandoned uploads are looked for"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{Upload: Settings{Lease: 2 * time.Minute, SweepInterval: 30 * time.Second}}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Upload.Lease < time.Second:
		return errors.New("upload.lease: at least 1s")
	case c.Upload.SweepInterval < 10*time.Millisecond:
		return errors.New("upload.sweep_interval: at least 10ms")
	}
	return nil
}
