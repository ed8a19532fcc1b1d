package harness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/cluster"
	"github.com/sluicehq/sluice/test/cluster/balance"
)

// clusterCopies is how many copies of each service the topology Cluster has.
const clusterCopies = 2

// layOut makes the layout of a cluster; nothing runs yet.
func (w *World) layOut(t testing.TB) {
	t.Helper()
	bin, err := buildCluster()
	if err != nil {
		t.Fatal(err)
	}
	o := cluster.Options{Dir: filepath.Dir(w.DataDir), Bin: bin, HTTP: strings.TrimPrefix(w.URL, "http://"), Copies: clusterCopies}
	if w.cluster, err = cluster.Open(o, w.opts.Env); err != nil {
		t.Fatal(err)
	}
	w.cluster.PIDs = func(name string) int {
		if !w.Running(name) {
			return 0
		}
		return w.PID(name)
	}
	w.NATSURL, w.order = w.cluster.NATSURL(), w.cluster.Names()
}

// buildCluster builds what a cluster consists of, once, and gives the directory.
var buildCluster = sync.OnceValues(func() (string, error) {
	if b := os.Getenv("SLUICE_TEST_CLUSTER_BIN"); b != "" {
		return b, nil
	}
	dir := filepath.Join(repository(), "bin", "cluster-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command("go", append([]string{"build", "-ldflags", "-s -w", "-o", dir + string(filepath.Separator)}, cluster.Packages()...)...)
	cmd.Dir = repository()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the cluster's binaries: %w\n%s", err, out)
	}
	return dir, nil
})

// Cluster is the layout of a World of that topology; nil in others.
func (w *World) Cluster() *cluster.Cluster { return w.cluster }

// AdminURL is where the pages for operators are, which no balancer passes on: an
// edge itself.
func (w *World) AdminURL() string {
	if w.cluster != nil {
		return "http://" + w.cluster.Edges[0]
	}
	return w.URL
}

// startCluster starts the nats-servers, has declared what the services expect of
// them, and starts the rest.
func (w *World) startCluster(ctx context.Context) error {
	if err := w.cluster.Configure(ctx, w.bin); err != nil {
		return err
	}
	for at, layer := range w.cluster.Layers() {
		for _, p := range layer {
			if err := w.StartProc(ctx, p.Name); err != nil {
				return err
			}
		}
		if at > 0 {
			continue
		}
		if err := w.cluster.AwaitServers(ctx); err != nil {
			return err
		}
		if err := w.cluster.Declare(ctx, w.bin); err != nil {
			return err
		}
	}
	return w.WaitReady(ctx, 3*time.Minute)
}

// stopCluster stops all processes, those of a layer together.
func (w *World) stopCluster() {
	for _, layer := range slices.Backward(w.cluster.Layers()) {
		var wg sync.WaitGroup
		for _, p := range layer {
			wg.Go(func() { _ = w.Stop(p.Name, 20*time.Second) })
		}
		wg.Wait()
	}
}

// Restart stops a process of a cluster as an operator does for an upgrade, starts
// it again and waits until it works. One that does not stop in order is an error.
func (w *World) Restart(ctx context.Context, name string) error {
	if p := w.cluster.Find(name); p != nil && p.Service == "nats" {
		if err := w.cluster.LameDuck(ctx, name, func(s syscall.Signal) error { return w.Signal(name, s) }); err != nil {
			return err
		}
	}
	if err := w.Stop(name, 30*time.Second); err != nil {
		return err
	}
	if err := w.StartProc(ctx, name); err != nil {
		return err
	}
	return w.Await(ctx, name)
}

// Await waits until a process of a cluster works.
func (w *World) Await(ctx context.Context, name string) error {
	p := w.cluster.Find(name)
	if p == nil {
		return fmt.Errorf("the cluster has no process %s", name)
	}
	return w.cluster.Await(ctx, []cluster.Process{*p}, []cluster.Process{*p})
}

// Signal sends a signal to a process that runs.
func (w *World) Signal(name string, sig syscall.Signal) error {
	w.mu.Lock()
	p := w.procs[name]
	w.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s does not run", name)
	}
	return p.cmd.Process.Signal(sig)
}

// BalancerStates asks the cluster's balancer what it knows of its edges.
func (w *World) BalancerStates(t testing.TB) []balance.State {
	t.Helper()
	c := &Client{HTTP: http.DefaultClient, URL: "http://" + w.cluster.Status}
	var states []balance.State
	c.Do(t, http.MethodGet, "/", nil, http.Header{}).Want(t, http.StatusOK).JSON(t, &states)
	return states
}
