package upload

import (
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// Config is upload's own settings. They stand beside the common ones.
type Config struct {
	Upload Settings `koanf:"upload"`
}

// Settings tune the service.
type Settings struct {
	Lease         time.Duration `koanf:"lease" doc:"how long an upload in flight lives without a sign of life from its edge"`
	SweepInterval time.Duration `koanf:"sweep_interval" doc:"how often abandoned uploads are looked for"`

	MinPartSize     settings.Bytes `koanf:"min_part_size" doc:"least size of each part of a multipart upload but the last"`
	MultipartExpiry time.Duration  `koanf:"multipart_expiry" doc:"how long a multipart upload may take until it is given up, at most 29 days"`
	SessionExpiry   time.Duration  `koanf:"session_expiry" doc:"how long a resumable session lives, and its answer, at most 29 days"`
	FetchRetry      time.Duration  `koanf:"fetch_retry" doc:"from the first attempt to fetch a remote URL to the second; each further wait is four times as long, an hour at most"`
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	return Config{Upload: Settings{
		Lease: 2 * time.Minute, SweepInterval: 30 * time.Second, MinPartSize: 5 << 20, MultipartExpiry: 7 * 24 * time.Hour,
		SessionExpiry: 7 * 24 * time.Hour, FetchRetry: 30 * time.Second,
	}}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Upload.Lease < time.Second:
		return errors.New("upload.lease: at least 1s")
	case c.Upload.SweepInterval < 10*time.Millisecond:
		return errors.New("upload.sweep_interval: at least 10ms")
	case c.Upload.MinPartSize < 1:
		return errors.New("upload.min_part_size: at least 1B")
	case c.Upload.MultipartExpiry < time.Second, c.Upload.MultipartExpiry > domain.MaxExpiry:
		return fmt.Errorf("upload.multipart_expiry: from 1s to %s", domain.MaxExpiry)
	case c.Upload.SessionExpiry < time.Second, c.Upload.SessionExpiry > domain.MaxExpiry:
		return fmt.Errorf("upload.session_expiry: from 1s to %s", domain.MaxExpiry)
	case c.Upload.FetchRetry < 10*time.Millisecond, c.Upload.FetchRetry > time.Hour:
		return errors.New("upload.fetch_retry: from 10ms to 1h")
	}
	return nil
}
