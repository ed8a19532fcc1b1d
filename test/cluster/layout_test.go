package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicehq/sluice/test/cluster"
)

// TestOpen_KeepsTheLayout: a second command finds the ports of the first, also
// when it is told others.
func TestOpen_KeepsTheLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := cluster.Open(cluster.Options{Dir: dir, Bin: "none", HTTP: "127.0.0.1:8080", Base: 4300, Copies: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := cluster.Open(cluster.Options{Dir: dir, Bin: "other", HTTP: "127.0.0.1:1", Base: 9000, Copies: 5}, []string{"SLUICE_REGIONS=eu"})
	if err != nil {
		t.Fatal(err)
	}
	if a.URL() != "http://127.0.0.1:8080" || b.URL() != a.URL() || b.NATSURL() != a.NATSURL() || !slices.Equal(a.Names(), b.Names()) {
		t.Errorf("%s %s %v\n%s %s %v", a.URL(), a.NATSURL(), a.Names(), b.URL(), b.NATSURL(), b.Names())
	}
	if len(a.Names()) != cluster.Servers+2*len(cluster.Services())+1 {
		t.Errorf("%v", a.Names())
	}
	if st, err := os.Stat(filepath.Join(dir, "cluster.json")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// TestOpen_AddressesAreLoopback: nothing of it can be reached from elsewhere, and
// no two processes share an address.
func TestOpen_AddressesAreLoopback(t *testing.T) {
	t.Parallel()
	for _, base := range []int{0, 4300} {
		c, err := cluster.Open(cluster.Options{Dir: t.TempDir(), Base: base, Copies: 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, addr := range slices.Concat(c.Clients, c.Routes, c.Monitor, c.Edges, c.Metrics, []string{c.HTTP, c.Status}) {
			if seen[addr] || !strings.HasPrefix(addr, "127.0.0.1:") {
				t.Errorf("%s is there twice, or no address of this machine only", addr)
			}
			seen[addr] = true
		}
	}
}

// TestCluster_SettingsOfTheLayoutWin over what the environment says.
func TestCluster_SettingsOfTheLayoutWin(t *testing.T) {
	t.Parallel()
	c, err := cluster.Open(cluster.Options{Dir: t.TempDir(), Copies: 2}, []string{"SLUICE_DATA_DIR=/elsewhere", "SLUICE_LOG_LEVEL=debug"})
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]string{}
	for _, e := range c.Find("edge-2").Env {
		name, value, _ := strings.Cut(e, "=")
		last[name] = value
	}
	if last["SLUICE_DATA_DIR"] != c.DataDir() || last["SLUICE_LOG_LEVEL"] != "debug" || last["SLUICE_NATS_REPLICAS"] != "3" || last["SLUICE_HTTP_ADDR"] != c.Edges[1] {
		t.Errorf("%v", last)
	}
}

// TestCommand_SaysWhatIsWrong before anything was started.
func TestCommand_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o := cluster.Options{Dir: filepath.Join(t.TempDir(), "none"), Copies: 2}
	for args, want := range map[string]string{
		"": "use: cluster", "fly": "use: cluster", "status": "nothing was ever started", "restart": "use: cluster", "up now": "use: cluster",
	} {
		if err := cluster.Command(t.Context(), o, strings.Fields(args), nil, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("cluster %s: %v", args, err)
		}
	}
	if err := cluster.Command(t.Context(), o, []string{"down"}, nil, &out); err != nil || cluster.Exists(o.Dir) {
		t.Errorf("down of nothing: %v", err)
	}
}

// TestDown_LeavesStrangersAlone: a number in a file of ours that another process
// has meanwhile, a copy of the same program or not, is no reason to end that.
func TestDown_LeavesStrangersAlone(t *testing.T) {
	t.Parallel()
	o := cluster.Options{Dir: t.TempDir(), Copies: 1}
	if _, err := cluster.Open(o, nil); err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stranger.Wait() }()
	for name, note := range map[string]string{"auth-1": "%d\n", "object-1": "%d 12345\n", "nats-1": "%d \n"} {
		if err := os.WriteFile(filepath.Join(o.Dir, "run", name+".pid"), fmt.Appendf(nil, note, stranger.Process.Pid), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := cluster.Command(t.Context(), o, []string{"down"}, nil, &out); err != nil || out.Len() > 0 {
		t.Errorf("%v, %s", err, out.String())
	}
	select {
	case err := <-ended:
		t.Fatalf("the stranger has ended: %v", err)
	default:
	}
	_ = stranger.Process.Kill()
	<-ended
}

// TestCommand_OneAtATime: a second command that changes the cluster is refused.
func TestCommand_OneAtATime(t *testing.T) {
	t.Parallel()
	o := cluster.Options{Dir: t.TempDir(), Copies: 1}
	if _, err := cluster.Open(o, nil); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(o.Dir, "run", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, args := range []string{"up", "down", "restart auth-1"} {
		if err := cluster.Command(t.Context(), o, strings.Fields(args), nil, &out); err == nil || !strings.Contains(err.Error(), "is at work") {
			t.Errorf("cluster %s beside another: %v", args, err)
		}
	}
}
