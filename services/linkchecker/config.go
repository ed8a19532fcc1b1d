package linkchecker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/linkchecker/internal/hosts"
)

// Config is linkchecker's own settings. They stand beside the common ones, of
// which outbound_allow says which private networks checks may reach.
type Config struct {
	Links Settings `koanf:"linkchecker"`
}

// Settings tune the service.
type Settings struct {
	Steps       []string       `koanf:"steps" doc:"how long after a check of a link the next one is due, while nothing changes; a change begins anew"`
	Requeue     time.Duration  `koanf:"requeue" doc:"a check that waits in the queue for so long without a result is queued again"`
	Stale       time.Duration  `koanf:"stale" doc:"a link that is put into a container is checked at once when its last check is older"`
	Sweep       time.Duration  `koanf:"sweep" doc:"how often interrupted work and overdue checks are looked for"`
	Checks      bool           `koanf:"checks" doc:"this copy checks links; false leaves it to the other ones"`
	InFlight    int            `koanf:"in_flight" doc:"how many requests this copy makes at once, over all hosts"`
	Concurrency int            `koanf:"concurrency" doc:"checks of one host at once, over all copies, where the host's rule says nothing"`
	Rate        float64        `koanf:"rate" doc:"requests to one host in a second, over all copies, where the host's rule says nothing"`
	Timeout     time.Duration  `koanf:"timeout" doc:"how long one request may take, redirects and the answer's body included"`
	HostsFile   string         `koanf:"hosts_file" doc:"a file of rules for hosts, whose entries take the place of the built-in ones of the same name"`
	HostsBase   []string       `koanf:"hosts_base" doc:"DOMAIN=URL: where requests to a domain go instead, for mirrors and tests"`
	HashMemory  settings.Bytes `koanf:"hash_memory" doc:"memory of one argon2id hash of a container's password; two are computed at once"`
	HashPasses  int            `koanf:"hash_passes" doc:"passes of one argon2id hash over its memory"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{Links: Settings{
		Steps: []string{"15m", "1h", "6h", "24h"}, Requeue: 30 * time.Minute, Stale: time.Hour, Sweep: 5 * time.Second,
		Checks: true, InFlight: 128, Concurrency: 4, Rate: 10, Timeout: 10 * time.Second,
		HashMemory: 19 << 20, HashPasses: 2,
	}}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	s := c.Links
	if _, err := s.steps(); err != nil {
		return err
	}
	if _, err := s.bases(); err != nil {
		return err
	}
	switch {
	case s.InFlight < 1 || s.InFlight > 10_000:
		return errors.New("linkchecker.in_flight is from 1 to 10000")
	case s.Concurrency < 1 || s.Concurrency > 1000:
		return errors.New("linkchecker.concurrency is from 1 to 1000")
	case !(s.Rate >= .01 && s.Rate <= 10_000):
		return errors.New("linkchecker.rate is from 0.01 to 10000")
	case s.Timeout < 100*time.Millisecond || s.Timeout > time.Minute:
		return errors.New("linkchecker.timeout is from 100ms to 1m")
	case s.Requeue < time.Second:
		return errors.New("linkchecker.requeue: at least 1s")
	case s.Stale < time.Second:
		return errors.New("linkchecker.stale: at least 1s")
	case s.Sweep < 10*time.Millisecond || s.Sweep > time.Minute:
		return errors.New("linkchecker.sweep: it is from 10ms to 1m")
	case s.HashMemory < 8<<10 || s.HashMemory > 1<<30 || s.HashPasses < 1 || s.HashPasses > 100:
		return errors.New("linkchecker.hash_memory is from 8KiB to 1GiB, linkchecker.hash_passes from 1 to 100")
	}
	return nil
}

func (s Settings) steps() ([]time.Duration, error) {
	out := make([]time.Duration, len(s.Steps))
	for i, t := range s.Steps {
		d, err := time.ParseDuration(t)
		if err != nil || d < time.Second {
			return nil, fmt.Errorf("linkchecker.steps: %q is no duration of at least 1s", t)
		}
		out[i] = d
	}
	if len(out) == 0 {
		return nil, errors.New("linkchecker.steps: at least one")
	}
	return out, nil
}

// bases reads HostsBase.
func (s Settings) bases() (map[string]string, error) {
	out := make(map[string]string, len(s.HostsBase))
	for _, t := range s.HostsBase {
		domain, base, ok := strings.Cut(t, "=")
		if !ok || domain == "" || base == "" {
			return nil, fmt.Errorf("linkchecker.hosts_base: %q is not DOMAIN=URL", t)
		}
		out[domain] = base
	}
	return out, nil
}

// book loads the rules for hosts.
func (s Settings) book() (*hosts.Book, error) {
	bases, err := s.bases()
	if err != nil {
		return nil, err
	}
	return hosts.Load(hosts.Options{File: s.HostsFile, Limit: hosts.Limit{Concurrency: s.Concurrency, Rate: s.Rate}, Bases: bases})
}
