package blob_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// clusterRegions are the regions of the test's cluster, one node each, whose
// tag is "region:" and its name.
var clusterRegions = []string{"us", "eu", "asia"}

// node is a nats-server of the cluster.
type node struct {
	*server.Server
	dir string
}

// keeps lists the streams of object stores whose files are on the node.
func (n node) keeps(t *testing.T) (stores []string) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(n.dir, "jetstream", "*", "streams", "OBJ_*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		stores = append(stores, strings.TrimPrefix(filepath.Base(d), "OBJ_"))
	}
	return stores
}

// startCluster starts three nodes inside this process, with routes on 127.0.0.1.
func startCluster(t *testing.T) map[string]node {
	t.Helper()
	addrs := natstest.Addrs(t, len(clusterRegions))
	routes := server.RoutesFromStr("nats://" + strings.Join(addrs, ",nats://"))
	nodes := map[string]node{}
	for i, region := range clusterRegions {
		dir := t.TempDir()
		port, err := strconv.Atoi(routes[i].Port())
		if err != nil {
			t.Fatal(err)
		}
		s, err := server.NewServer(&server.Options{
			ServerName: "node-" + region, JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 40, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "c1", Host: "127.0.0.1", Port: port, PoolSize: -1}, Routes: routes,
			Tags: []string{"region:" + region, "disk:test"},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		nodes[region] = node{s, dir}
	}
	deadline, tick := time.Now().Add(2*time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for ready := false; !ready; <-tick.C {
		peers := 0 // as the leader knows them
		ready = true
		for _, n := range nodes {
			peers = max(peers, len(n.JetStreamClusterPeers()))
			ready = n.ReadyForConnections(10*time.Millisecond) && n.JetStreamIsCurrent() && ready
		}
		ready = ready && peers == len(nodes)
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
	return nodes
}

func connectTo(t *testing.T, n node) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(n.ClientURL(), nats.Timeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func placedAt(region string) blob.Region {
	return blob.Region{Name: region, Placement: &jetstream.Placement{Cluster: "c1", Tags: []string{"region:" + region}}, MaxBytes: 64 << 20}
}

func TestPlacement_BytesLieOnTheNodesOfTheirRegion(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t)
	nc := connectTo(t, nodes["us"])
	cfg := blob.Config{Conns: []*nats.Conn{nc}, Ring: blob.Keys(keystest.Ring(t)), Shards: 1}
	for _, r := range clusterRegions {
		cfg.Regions = append(cfg.Regions, placedAt(r))
	}
	w := &world{nc: nc, cfg: cfg}
	w.Store = w.open(t)
	contents := map[string]blob.Content{}
	data := random(7, 3<<20)
	for _, r := range clusterRegions {
		contents[r] = put(t, w.Store, blob.WriteOptions{Domain: "d-" + r, Region: r}, data)
	}
	for _, r := range clusterRegions {
		store := "sluice-" + r + "-000"
		s, err := w.js(t).Stream(t.Context(), "OBJ_"+store)
		if err != nil {
			t.Fatal(err)
		}
		info := s.CachedInfo()
		if info.Cluster == nil || info.Cluster.Leader != "node-"+r || len(info.Cluster.Replicas) > 0 || info.State.Bytes < uint64(len(data)) {
			t.Errorf("region %s: %d bytes on %+v", r, info.State.Bytes, info.Cluster)
		}
		if got := nodes[r].keeps(t); len(got) != 1 || got[0] != store {
			t.Errorf("the node of region %s keeps %v", r, got)
		}
		elsewhere := &world{nc: connectTo(t, nodes["eu"]), cfg: cfg}
		elsewhere.cfg.Conns = []*nats.Conn{elsewhere.nc}
		wantRead(t, elsewhere.open(t), contents[r].Manifest, 0, -1, data)
	}
	if _, err := w.NewWriter(t.Context(), blob.WriteOptions{Domain: "d", Region: "mars"}); err == nil || !strings.Contains(err.Error(), `"mars"`) {
		t.Errorf("a region that there is none of: %v", err)
	}
	placementChanges(t, w, nodes, contents["us"], data)
	placementRefused(t, w)
}

// placementChanges gives region us the servers of region eu: what exists stays,
// with a warning, and new stores go where the setting says.
func placementChanges(t *testing.T, w *world, nodes map[string]node, c blob.Content, data []byte) {
	t.Helper()
	var log bytes.Buffer
	tel := telemetry.Nop()
	tel.Log = slog.New(slog.NewTextHandler(&log, nil))
	changed := *w
	changed.cfg.Tel, changed.cfg.Shards = tel, 2
	changed.cfg.Regions = []blob.Region{{Name: "us", Placement: placedAt("eu").Placement, MaxBytes: 64 << 20}}
	s := changed.open(t)
	for _, want := range []string{"sluice-us-000", "wanted=tag:region:eu", "placement=tag:region:us"} {
		if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("want one warning with %s:\n%s", want, &log)
		}
	}
	wantRead(t, s, c.Manifest, 0, -1, data)
	if us, eu := nodes["us"].keeps(t), nodes["eu"].keeps(t); fmt.Sprint(us) != "[sluice-us-000]" || fmt.Sprint(eu) != "[sluice-eu-000 sluice-us-001]" {
		t.Errorf("us keeps %v, eu keeps %v", us, eu)
	}
	// The same in another order and case is no change.
	log.Reset()
	changed.cfg.Regions[0].Placement = &jetstream.Placement{Cluster: "c1", Tags: []string{"REGION:us"}}
	changed.cfg.Shards = 1
	changed.open(t)
	if strings.Contains(log.String(), "sluice-us-000") {
		t.Errorf("a warning of nothing:\n%s", &log)
	}
}

// placementRefused asks for servers that there are none of.
func placementRefused(t *testing.T, w *world) {
	t.Helper()
	none := *w
	none.cfg.Regions = []blob.Region{{Name: "mars", Placement: &jetstream.Placement{Tags: []string{"region:mars"}}}}
	if err := blob.Declare(t.Context(), none.cfg); err == nil || !strings.Contains(err.Error(), "tag:region:mars") || !strings.Contains(err.Error(), "region mars") {
		t.Errorf("a placement that no server has: %v", err)
	}
}
