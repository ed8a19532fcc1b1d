package stats

import (
	"errors"
	"time"
)

// Config is stats' own settings. They stand beside the common ones.
type Config struct {
	Stats Settings `koanf:"stats"`
}

// Settings of the counting.
type Settings struct {
	Fold  time.Duration `koanf:"fold" doc:"how long a day's visitors are remembered, so that a click that comes twice counts once; what comes later is dropped"`
	Days  int           `koanf:"days" doc:"how long clicks are known by the day; older ones by the month"`
	Sweep time.Duration `koanf:"sweep" doc:"how often days that are over are folded"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{Stats: Settings{Fold: 72 * time.Hour, Days: 396, Sweep: time.Minute}}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	switch s := c.Stats; {
	case s.Fold < 26*time.Hour || s.Fold > 30*24*time.Hour:
		return errors.New("stats.fold: it is from 26h to 720h")
	case s.Days < 62 || s.Days > 4000:
		return errors.New("stats.days: it is from 62 to 4000")
	case s.Sweep < 10*time.Millisecond:
		return errors.New("stats.sweep: at least 10ms")
	}
	return nil
}
