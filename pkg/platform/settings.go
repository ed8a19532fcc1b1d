package platform

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/pkg/settings"
)

// Durability says what an acknowledgement survives.
type Durability string

// The durabilities.
const (
	Power   Durability = "power"   // a power cut: everything is synced before it is acknowledged
	Process Durability = "process" // the end of a process, kill -9 included; a power cut may take the last writes
)

// Validate refuses other values.
func (d Durability) Validate() error {
	if d != Power && d != Process {
		return fmt.Errorf("durability %q: it is power or process", string(d))
	}
	return nil
}

// Settings are what all services of an installation have in common. A service's
// own settings stand beside them in the same file.
type Settings struct {
	DataDir    string     `koanf:"data_dir" doc:"folder of everything that is kept; all processes on a host share it"`
	KeyFile    string     `koanf:"key_file" doc:"master key file, made on first start; default <data_dir>/master.key"`
	Durability Durability `koanf:"durability" doc:"what an acknowledged write survives: power (a power cut) or process (kill -9 only, faster)"`

	NATS    NATS    `koanf:"nats"`
	MongoDB MongoDB `koanf:"mongodb"`
	Blob    Blob    `koanf:"blob"`
	Log     Log     `koanf:"log"`

	Regions       []string       `koanf:"regions" doc:"names of the regions that content may live in; the first is the default"`
	OutboundAllow []netip.Prefix `koanf:"outbound_allow" doc:"networks (CIDR) that webhooks and link checks may reach although they are not public, on any port"`
	MonitorAddr   string         `koanf:"monitor_addr" doc:"where the process answers /metrics, /healthz and /readyz, HOST:PORT; empty: nowhere but where the edge does"`
	StopTimeout   time.Duration  `koanf:"stop_timeout" doc:"how long each service may take to finish what is under way when the process stops"`
	StopDelay     time.Duration  `koanf:"stop_delay" doc:"how long a process that is told to stop goes on first, with /readyz red, so that load balancers send nothing more; 0 where there is none"`
}

// NATS says which nats-server everything goes through.
type NATS struct {
	URL       string `koanf:"url" doc:"servers of a NATS installation, comma list; empty means the one of this data directory"`
	Addr      string `koanf:"addr" doc:"where the nats-server of 'sluice up' and 'sluice run nats' listens; 'off' keeps it inside the process"`
	CredsFile string `koanf:"creds_file" doc:"credentials for the nats-server: the operator's file, with those of the services beside it (nats-SERVICE.json), or the file of the one service that runs; default <data_dir>/nats.json"`
	Replicas  int    `koanf:"replicas" doc:"copies of every stream; more than 1 needs a NATS cluster"`
}

// MongoDB replaces the embedded document store when it has a URI.
type MongoDB struct {
	URI      settings.Secret `koanf:"uri" doc:"connection string of a replica set; empty keeps documents in files under data_dir"`
	Database string          `koanf:"database" doc:"prefix of the services' databases"`
}

// Blob tunes where bytes are kept.
type Blob struct {
	Shards      int            `koanf:"shards" doc:"object stores per region, 1 to 256; may grow, never shrink"`
	MaxBytes    settings.Bytes `koanf:"max_bytes" doc:"most bytes that the object stores of a region hold together; 0 means no bound but the disk"`
	Placement   []string       `koanf:"placement" doc:"where new object stores of a region are made, each REGION=tag:NAME;cluster:NAME for servers of a NATS cluster; a region without one lives anywhere"`
	CacheBytes  settings.Bytes `koanf:"cache_bytes" doc:"memory for content that was read lately; 0 means none"`
	InFlight    settings.Bytes `koanf:"in_flight" doc:"most bytes on their way to the object stores at once, all uploads of a process together"`
	Connections int            `koanf:"connections" doc:"NATS connections for bytes"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `koanf:"level" doc:"debug, info, warn or error; debug has a line per span, so that a trace can be followed"`
	Format string `koanf:"format" doc:"text or json"`
}

// Default returns the settings of a laptop.
func Default() Settings {
	return Settings{
		DataDir: "./data", Durability: Power,
		NATS:    NATS{Addr: "127.0.0.1:4222", Replicas: 1},
		MongoDB: MongoDB{Database: "sluice"},
		Blob:    Blob{Shards: 8, CacheBytes: 64 << 20, InFlight: 64 << 20, Connections: 4},
		Log:     Log{Level: "info", Format: "text"}, Regions: []string{"us-central1"}, StopTimeout: 30 * time.Second,
	}
}

// maxStopDelay bounds StopDelay: who stops a process waits for it.
const maxStopDelay = 5 * time.Minute

// Validate refuses settings that cannot work.
func (s Settings) Validate() error {
	if err := s.Durability.Validate(); err != nil {
		return err
	}
	if s.DataDir == "" {
		return errors.New("data_dir is empty")
	}
	if len(s.Regions) == 0 {
		return errors.New("regions: there must be at least one")
	}
	if _, err := s.placements(); err != nil {
		return err
	}
	if s.Blob.Shards < 1 || s.Blob.Shards > 256 {
		return fmt.Errorf("blob.shards %d: it is from 1 to 256", s.Blob.Shards)
	}
	if s.Blob.Connections < 1 || s.Blob.Connections > 64 {
		return fmt.Errorf("blob.connections %d: it is from 1 to 64", s.Blob.Connections)
	}
	if s.MonitorAddr != "" {
		if _, _, err := net.SplitHostPort(s.MonitorAddr); err != nil {
			return fmt.Errorf("monitor_addr %q: it is HOST:PORT", s.MonitorAddr)
		}
	}
	if s.StopDelay < 0 || s.StopDelay > maxStopDelay {
		return fmt.Errorf("stop_delay %s: it is from 0 to %s", s.StopDelay, maxStopDelay)
	}
	if s.NATS.Replicas < 1 || s.NATS.Replicas > 5 {
		return fmt.Errorf("nats.replicas %d: it is from 1 to 5", s.NATS.Replicas)
	}
	if s.NATS.Addr != Off {
		if _, _, err := net.SplitHostPort(s.NATS.Addr); err != nil {
			return fmt.Errorf("nats.addr %q: it is HOST:PORT or off", s.NATS.Addr)
		}
	}
	return nil
}

// Off as NATS.Addr keeps the nats-server inside the process.
const Off = "off"

// KeyPath is where the master key file is.
func (s Settings) KeyPath() string { return s.orIn(s.KeyFile, "master.key") }

// CredsPath is where the credentials for the nats-server are.
func (s Settings) CredsPath() string { return s.orIn(s.NATS.CredsFile, "nats.json") }

// DocsDir is where the embedded document stores are, a file per service.
func (s Settings) DocsDir() string { return filepath.Join(s.DataDir, "docs") }

// NATSDir is where the nats-server of this data directory keeps its streams.
func (s Settings) NATSDir() string { return filepath.Join(s.DataDir, "nats") }

// SocketPath is where 'sluice up' listens for the CLI when NATS.Addr is Off.
func (s Settings) SocketPath() string { return filepath.Join(s.DataDir, "sluice.sock") }

func (s Settings) orIn(path, name string) string {
	if path != "" {
		return path
	}
	return filepath.Join(s.DataDir, name)
}

// MakeDataDir makes the data directory, readable by its owner only.
func (s Settings) MakeDataDir() error {
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return nil
}
