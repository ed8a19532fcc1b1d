package webhook

import (
	"errors"
	"time"
)

// Config is webhook's own settings. They stand beside the common ones, of which
// outbound_allow says which private networks deliveries may reach.
type Config struct {
	Webhook Settings `koanf:"webhook"`
}

// Settings of deliveries.
type Settings struct {
	Timeout     time.Duration `koanf:"timeout" doc:"how long one attempt of a webhook delivery may take"`
	Concurrency int           `koanf:"concurrency" doc:"attempts of one process that run at once"`
	PerEndpoint int           `koanf:"per_endpoint" doc:"of these, to one endpoint; one that keeps failing gets 1"`
	SwitchOff   time.Duration `koanf:"switch_off" doc:"an endpoint that only failed for so long is switched off"`
	Retention   time.Duration `koanf:"retention" doc:"how long finished deliveries stay in the log"`
	Sweep       time.Duration `koanf:"sweep" doc:"how often the store is searched for due deliveries that no timer told of"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{Webhook: Settings{
		Timeout: 20 * time.Second, Concurrency: 256, PerEndpoint: 8,
		SwitchOff: 5 * 24 * time.Hour, Retention: 30 * 24 * time.Hour, Sweep: 3 * time.Second,
	}}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	w := c.Webhook
	switch {
	case w.Timeout < time.Second || w.Timeout > time.Minute:
		return errors.New("webhook.timeout: it is from 1s to 1m")
	case w.Concurrency < 1 || w.Concurrency > 4096:
		return errors.New("webhook.concurrency: it is from 1 to 4096")
	case w.PerEndpoint < 1 || w.PerEndpoint > w.Concurrency:
		return errors.New("webhook.per_endpoint: it is from 1 to webhook.concurrency")
	case w.SwitchOff < time.Hour:
		return errors.New("webhook.switch_off: at least 1h")
	case w.Retention < time.Hour:
		return errors.New("webhook.retention: at least 1h")
	case w.Sweep < 100*time.Millisecond || w.Sweep > 5*time.Second:
		return errors.New("webhook.sweep: it is from 100ms to 5s")
	}
	return nil
}
