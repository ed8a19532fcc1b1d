package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/platform"
)

// natsConf is the configuration file of a nats-server.
func (c *Cluster) natsConf(i int) string {
	return filepath.Join(c.Dir, "nats", fmt.Sprintf("nats-%d.conf", i+1))
}

// Configure makes the users with their credentials, by the command line sluice,
// and the configurations of the nats-servers. It may be repeated. Whatever the
// settings say of durability holds for the nats-servers too.
func (c *Cluster) Configure(ctx context.Context, sluice string) error {
	if err := c.run(ctx, sluice, "bus", "users", "--dir", c.DataDir()); err != nil {
		return fmt.Errorf("making the users of the nats-servers: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "nats"), 0o700); err != nil {
		return fmt.Errorf("directory of the nats-servers: %w", err)
	}
	sync := "always"
	if slices.Contains(c.Env, "SLUICE_DURABILITY=process") {
		sync = "2m"
	}
	for i := range Servers {
		name := fmt.Sprintf("nats-%d", i+1)
		conf := strings.NewReplacer(
			"{name}", name, "{client}", c.Clients[i], "{route}", c.Routes[i], "{monitor}", c.Monitor[i],
			"{store}", strconv.Quote(filepath.Join(c.Dir, "nats", name)), "{sync}", sync, "{routes}", c.routesOf(i),
		).Replace(confText)
		if err := os.WriteFile(c.natsConf(i), []byte(conf), 0o600); err != nil {
			return fmt.Errorf("configuring %s: %w", name, err)
		}
	}
	return nil
}

// Declare has what the services expect of the nats-servers made, by the command
// line sluice as the operator.
func (c *Cluster) Declare(ctx context.Context, sluice string) error {
	if err := c.run(ctx, sluice, "bus", "declare"); err != nil {
		return fmt.Errorf("declaring the streams: %w", err)
	}
	return nil
}

func (c *Cluster) run(ctx context.Context, sluice string, args ...string) error {
	cmd := exec.CommandContext(ctx, sluice, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), c.Settings()...), c.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", sluice, strings.Join(args, " "), err, out)
	}
	return nil
}

// confText: streams are bounded one by one, and an R3 stream is only placed where
// its whole bound fits under max_file_store, so that is no bound of its own; the
// disk is the operator's.
const confText = `server_name: {name}
listen: {client}
http: {monitor}
max_payload: 1MB
lame_duck_duration: 30s
lame_duck_grace_period: 10s
jetstream {
  store_dir: {store}
  max_file_store: 1PB
  sync_interval: {sync}
}
cluster {
  name: sluice
  listen: {route}
  routes: [{routes}]
}
include "../data/users.conf"
`

// operator gives the credentials of whoever may see everything.
func (c *Cluster) operator() (platform.Credentials, error) {
	return platform.ReadCredentials(c.creds())
}

// routesOf lists the other servers.
func (c *Cluster) routesOf(i int) string {
	var out []string
	for j, addr := range c.Routes {
		if j != i {
			out = append(out, "nats://"+addr)
		}
	}
	return strings.Join(out, ", ")
}

// ServerState is what a nats-server tells of itself.
type ServerState struct {
	Answers     bool   // its monitoring can be read
	Healthy     bool   // JetStream runs and is current
	Why         string // it is not
	Connections int    // of clients
	Meta        string // leader of JetStream's own group, "" while there is none
	Peers       int    // of that group that are current, this one included
}

// Server asks the i-th nats-server (from 0) about itself.
func (c *Cluster) Server(ctx context.Context, i int) ServerState {
	var st ServerState
	var health struct{ Status, Error string }
	if err := c.monitor(ctx, i, "/healthz", &health); err != nil {
		st.Why = err.Error()
		return st
	}
	st.Healthy, st.Why = health.Status == "ok", health.Error
	var vars struct{ Connections int }
	var js struct {
		Meta struct {
			Leader   string
			Replicas []struct{ Current, Offline bool }
		} `json:"meta_cluster"`
	}
	err := c.monitor(ctx, i, "/varz", &vars)
	if st.Answers = err == nil; err != nil {
		st.Healthy, st.Why = false, err.Error()
	}
	if err := c.monitor(ctx, i, "/jsz", &js); err != nil {
		st.Healthy, st.Why = false, err.Error()
	}
	st.Connections, st.Meta, st.Peers = vars.Connections, js.Meta.Leader, 1
	for _, r := range js.Meta.Replicas {
		if r.Current && !r.Offline {
			st.Peers++
		}
	}
	if st.Meta == "" {
		st.Healthy, st.Why = false, "no leader of JetStream is elected"
	}
	return st
}

// AwaitServers waits until every nats-server is well and JetStream has a leader.
func (c *Cluster) AwaitServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for i := 0; i < Servers; {
		st := c.Server(ctx, i)
		if st.Healthy && st.Peers >= 1 {
			i++
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nats-%d is not well within %s: %s", i+1, startWithin, st.Why)
		case <-tick.C:
		}
	}
	return nil
}

// monitor reads a page of a server's monitoring; one that is not well answers
// 503 with the reason in the same form.
func (c *Cluster) monitor(ctx context.Context, i int, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Monitor[i]+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("reading its answer (%d): %w", resp.StatusCode, err)
	}
	return nil
}
