// Package cluster lays a whole installation out on one machine, as it would be
// spread over several: three nats-servers that form a cluster, copies of every
// service, each a process of its own, and a load balancer in front of the edges.
// scripts/cluster.sh runs it, and test/harness as the topology "cluster".
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Servers is how many nats-servers there are; streams have as many replicas.
const Servers = 3

// Balancer is the name of the load balancer's process.
const Balancer = "balancer"

// Services are those that run in copies, in the order of their start.
func Services() []string {
	return []string{"auth", "object", "upload", "linkchecker", "stats", "webhook", "edge"}
}

// Config says where a cluster lives. It is kept in its directory, so that later
// commands find the same ports.
type Config struct {
	Dir    string   `json:"-"`      // everything that is kept: data/, nats/, run/, log/
	Bin    string   `json:"-"`      // where the binaries are
	Copies int      `json:"copies"` // of every service
	Env    []string `json:"-"`      // settings of the services beyond those of the layout

	HTTP    string   `json:"http"`    // the load balancer
	Status  string   `json:"status"`  // what it knows of the edges
	Clients []string `json:"clients"` // nats-servers, for clients
	Routes  []string `json:"routes"`  // among themselves
	Monitor []string `json:"monitor"` // their monitoring
	Edges   []string `json:"edges"`   // the copies of edge
	Metrics []string `json:"metrics"` // of all copies of all services, in the order of their start
}

// Process is one process of a cluster.
type Process struct {
	Name    string // "auth-2", "nats-1", "balancer"
	Service string // "auth", "nats", "balancer"
	Addr    string // where it listens for HTTP: a nats-server's monitoring, an edge, the balancer; "" for nowhere
	Metrics string // where a service answers /metrics and /readyz; "" for others
	Path    string
	Args    []string
	Env     []string // on top of the environment
}

// Cluster is a layout with its processes.
type Cluster struct {
	Config
	Processes []Process // in the order of their start
	// PIDs tells which process runs under a name, 0 for none; nil looks at what Up
	// noted down.
	PIDs func(name string) int
}

// Options of a layout. All but Dir and Bin hold for the first start only.
type Options struct {
	Dir    string // of the cluster
	Bin    string // of the binaries
	HTTP   string // of the balancer; "" takes one more port
	Base   int    // first of the other ports; 0 takes free ones
	Copies int    // of every service
}

// Open reads the layout of a directory, or makes one. env are settings of the
// services; those of the layout itself win.
func Open(o Options, env []string) (*Cluster, error) {
	dir, err1 := filepath.Abs(o.Dir)
	bin, err2 := filepath.Abs(o.Bin)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("cluster directory: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "data"), filepath.Join(dir, "run"), filepath.Join(dir, "log")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("cluster directory: %w", err)
		}
	}
	c := &Cluster{}
	path := filepath.Join(dir, "cluster.json")
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(b, &c.Config); err != nil {
			return nil, fmt.Errorf("%s is damaged (remove it when nothing runs): %w", path, err)
		}
		if len(c.Metrics) != c.Copies*len(Services()) {
			return nil, fmt.Errorf("%s is of another version; remove it when nothing runs", path)
		}
		c.Dir, c.Bin, c.Env = dir, bin, env
	case errors.Is(err, fs.ErrNotExist):
		if c.Config, err = assign(o.HTTP, o.Base, o.Copies); err != nil {
			return nil, err
		}
		c.Dir, c.Bin, c.Env = dir, bin, env
		if b, err = json.MarshalIndent(c.Config, "", "  "); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
			return nil, fmt.Errorf("keeping the layout: %w", err)
		}
	default:
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	c.processes()
	return c, nil
}

// Exists reports whether dir holds a layout.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cluster.json"))
	return err == nil
}

// assign gives everything its port.
func assign(http string, base, copies int) (Config, error) {
	if copies < 1 {
		return Config{}, errors.New("there is at least one copy of every service")
	}
	next := freePorts(http)
	if base > 0 {
		at := base
		next = func() (string, error) { at++; return "127.0.0.1:" + strconv.Itoa(at-1), nil }
	}
	c := Config{Copies: copies, HTTP: http}
	fill := func(to *[]string, n int) error {
		for range n {
			addr, err := next()
			if err != nil {
				return err
			}
			*to = append(*to, addr)
		}
		return nil
	}
	var one []string
	if err := errors.Join(fill(&c.Clients, Servers), fill(&c.Routes, Servers), fill(&c.Monitor, Servers), fill(&c.Edges, copies), fill(&one, 2),
		fill(&c.Metrics, copies*len(Services()))); err != nil {
		return Config{}, err
	}
	c.Status = one[0]
	if c.HTTP == "" {
		c.HTTP = one[1]
	}
	return c, nil
}

// freePorts gives addresses below those that the system hands to connections, so that
// nobody has taken one when a process listens some seconds from now; none twice, and
// not the one that is chosen already.
func freePorts(chosen string) func() (string, error) {
	given := map[string]bool{chosen: true}
	return func() (string, error) {
		for range 100 {
			addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
			if given[addr] {
				continue
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				continue
			}
			given[addr] = true
			return addr, l.Close()
		}
		return "", errors.New("no port is free")
	}
}

// DataDir is the data directory of the services.
func (c *Cluster) DataDir() string { return filepath.Join(c.Dir, "data") }

// URL is where clients come.
func (c *Cluster) URL() string { return "http://" + c.HTTP }

// NATSURL lists the nats-servers.
func (c *Cluster) NATSURL() string { return "nats://" + strings.Join(c.Clients, ",nats://") }

// Find gives the process of that name; nil when there is none.
func (c *Cluster) Find(name string) *Process {
	for i := range c.Processes {
		if c.Processes[i].Name == name {
			return &c.Processes[i]
		}
	}
	return nil
}

// named is Find for a name that somebody has typed.
func (c *Cluster) named(name string) (*Process, error) {
	if p := c.Find(name); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("there is no process %q; there are %s", name, strings.Join(c.Names(), ", "))
}

// Layers are the processes in the order of their start; those of one layer may
// start, and stop, together.
func (c *Cluster) Layers() [][]Process {
	layers := make([][]Process, 4)
	for _, p := range c.Processes {
		at := 1
		switch p.Service {
		case "nats":
			at = 0
		case "edge":
			at = 2
		case Balancer:
			at = 3
		}
		layers[at] = append(layers[at], p)
	}
	return layers
}

// Packages are what the binaries of a cluster are built from, by go build in the
// workspace.
func Packages() []string {
	out := []string{"github.com/nats-io/nats-server/v2", "./test/cluster/cmd/balancer"}
	for _, s := range Services() {
		out = append(out, "./services/"+s+"/cmd/"+s)
	}
	return out
}

// Names lists the processes in the order of their start.
func (c *Cluster) Names() []string {
	names := make([]string, len(c.Processes))
	for i, p := range c.Processes {
		names[i] = p.Name
	}
	return names
}

// StopDelay is how long an edge that is told to stop goes on with /readyz red:
// the balancer asks ten times a second.
const StopDelay = "1s"

// processes lists what runs: nats-servers, copies of the services, the balancer.
func (c *Cluster) processes() {
	for i := range Servers {
		c.Processes = append(c.Processes, Process{
			Name: fmt.Sprintf("nats-%d", i+1), Service: "nats", Addr: c.Monitor[i],
			Path: filepath.Join(c.Bin, "nats-server"), Args: []string{"-c", c.natsConf(i)},
		})
	}
	edges := make([]string, 0, c.Copies)
	for at, service := range Services() {
		for i := range c.Copies {
			p := Process{Name: fmt.Sprintf("%s-%d", service, i+1), Service: service, Path: filepath.Join(c.Bin, service), Metrics: c.Metrics[at*c.Copies+i]}
			p.Env = append(c.Settings(), "SLUICE_MONITOR_ADDR="+p.Metrics)
			if service == "edge" {
				p.Addr = c.Edges[i]
				p.Env = append(p.Env, "SLUICE_HTTP_ADDR="+p.Addr, "SLUICE_HTTP_TRUSTED_PROXIES=127.0.0.1/32", "SLUICE_STOP_DELAY="+StopDelay)
				edges = append(edges, "http://"+p.Addr)
			}
			c.Processes = append(c.Processes, p)
		}
	}
	c.Processes = append(c.Processes, Process{
		Name: Balancer, Service: Balancer, Addr: c.HTTP, Path: filepath.Join(c.Bin, "balancer"),
		Args: []string{"-listen", c.HTTP, "-status", c.Status, "-edges", strings.Join(edges, ",")},
	})
}

// Settings are those of the services, and of the command line.
func (c *Cluster) Settings() []string {
	return append(append([]string{}, c.Env...), c.layoutSettings()...)
}

func (c *Cluster) layoutSettings() []string {
	return []string{
		"SLUICE_DATA_DIR=" + c.DataDir(), "SLUICE_NATS_URL=" + c.NATSURL(), "SLUICE_NATS_REPLICAS=" + strconv.Itoa(Servers),
		"SLUICE_NATS_CREDS_FILE=" + c.creds(),
	}
}

// creds is the file of the operator's credentials.
func (c *Cluster) creds() string { return filepath.Join(c.DataDir(), "nats.json") }
